//! Amazon S3: a private bucket and a few objects in it.
//!
//! Bucket names are one namespace for the whole world, so every call but the first names the account that must own
//! the bucket: a stranger's bucket of our name answers `Denied` and gets nothing of ours.

use std::fmt;
use std::sync::Arc;

use model::AccountId;
use model::tags::Tags;
use serde_json::Value;

use crate::hook::port;
use crate::{CallError, ErrorKind};

/// No object is read that has more bytes.
pub const LARGEST_READ: u64 = 1024 * 1024;

/// Why an object is not read that is larger than [`LARGEST_READ`].
pub fn too_large() -> CallError {
    let message = format!("the object has more than {LARGEST_READ} bytes");
    CallError::new("s3", "GetObject", ErrorKind::Invalid, message)
}

/// A bucket, and who must own it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRef {
    /// Unique in the world.
    pub name: String,
    /// The account that must own it.
    pub owner: AccountId,
}

/// A bucket to make, in the Region of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBucket {
    /// 3 to 63 lower-case letters, digits and hyphens, unique in the world.
    pub name: String,
    /// Put on at creation; an emulator may leave them out.
    pub tags: Tags,
}

/// Tags that a bucket is to have, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketTags {
    /// The bucket.
    pub bucket: BucketRef,
    /// All its tags.
    pub tags: Tags,
}

/// A policy that a bucket is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPolicy {
    /// The bucket.
    pub bucket: BucketRef,
    /// The policy document.
    pub document: Value,
}

/// What an object holds. `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Arc<[u8]>);

impl Body {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Arc<[u8]>> for Body {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// An object to put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket.
    pub bucket: BucketRef,
    /// Its name in the bucket.
    pub key: String,
    /// What it holds.
    pub body: Body,
    /// SHA-256 of the body, lower-case hex. S3 refuses a body that has another.
    pub sha256: String,
}

/// Objects whose keys begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectQuery {
    /// The bucket.
    pub bucket: BucketRef,
    /// How the keys begin; empty for all.
    pub prefix: String,
}

/// An object as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its name in the bucket.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The bucket.
    pub bucket: BucketRef,
    /// Its name in the bucket.
    pub key: String,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDetail {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the body, lower-case hex, where it was given when the object was put.
    pub sha256: Option<String>,
}

/// Objects to delete; at most 1,000, as the service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKeys {
    /// The bucket.
    pub bucket: BucketRef,
    /// Their names in the bucket.
    pub keys: Vec<String>,
}

port! {
    /// Amazon S3.
    "s3" S3 {
        /// Whether the bucket exists and is that account's; a stranger's is the kind `Denied`.
        Read "HeadBucket" head_bucket(BucketRef) -> bool;
        /// The tags of a bucket.
        Read "GetBucketTagging" get_bucket_tagging(BucketRef) -> Tags;
        /// How new objects are encrypted unless they say otherwise: `AES256` or `aws:kms`.
        Read "GetBucketEncryption" get_bucket_encryption(BucketRef) -> Option<String>;
        /// Whether all four ways to make something public are blocked.
        Read "GetPublicAccessBlock" get_public_access_block(BucketRef) -> bool;
        /// The policy document.
        Read "GetBucketPolicy" get_bucket_policy(BucketRef) -> Option<Value>;
        /// Makes a bucket. One that is ours already is no error in us-east-1, and `AlreadyExists` elsewhere.
        Write "CreateBucket" create_bucket(NewBucket) -> ();
        /// Replaces all tags.
        Write "PutBucketTagging" put_bucket_tagging(BucketTags) -> ();
        /// Has new objects encrypted with S3's own keys (SSE-S3).
        Write "PutBucketEncryption" put_bucket_encryption(BucketRef) -> ();
        /// Blocks all four ways to make something public.
        Write "PutPublicAccessBlock" put_public_access_block(BucketRef) -> ();
        /// Replaces the policy.
        Write "PutBucketPolicy" put_bucket_policy(BucketPolicy) -> ();
        /// Deletes an empty bucket.
        Write "DeleteBucket" delete_bucket(BucketRef) -> ();
        /// Objects by the beginning of their keys, in the order of their keys.
        Read "ListObjectsV2" list_objects(ObjectQuery) -> Vec<ObjectSummary>;
        /// One object, without its content.
        Read "HeadObject" head_object(ObjectRef) -> Option<ObjectDetail>;
        /// One object with its content. One that has more than [`LARGEST_READ`] bytes is the kind `Invalid`.
        Read "GetObject" get_object(ObjectRef) -> Option<Body>;
        /// Puts an object in the place of one of the same key, if there is one.
        Write "PutObject" put_object(NewObject) -> ();
        /// Deletes objects; those that do not exist count as deleted.
        Write "DeleteObjects" delete_objects(ObjectKeys) -> ();
    }
}
