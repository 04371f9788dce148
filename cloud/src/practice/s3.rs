//! S3: buckets with their settings, and objects of which the digest is kept, and of short texts the content.

use async_trait::async_trait;
use model::AccountId;
use model::tags::Tags;
use serde_json::Value;

use crate::hook::Access::{Read, Write};
use crate::port::s3::{
    Body, BucketPolicy, BucketRef, BucketTags, LARGEST_READ, NewBucket, NewObject, ObjectDetail, ObjectKeys,
    ObjectQuery, ObjectRef, ObjectSummary, S3, too_large,
};
use crate::{CallError, ErrorKind};

use super::desk::Desk;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, Bucket, State, sha256_of};

/// The one algorithm of SSE-S3, which every bucket has had by default since January 2023.
const SSE_S3: &str = "AES256";
/// What one `DeleteObjects` may name.
const MOST_KEYS: usize = 1000;
/// A text of more bytes is not kept.
const LONGEST_TEXT: usize = 64 * 1024;

fn no_bucket() -> Refusal {
    Refusal::new("NoSuchBucket", "The specified bucket does not exist")
}

/// The rules of "General purpose bucket naming rules" in the S3 user guide, as far as they are about letters.
fn check_name(name: &str) -> Answer<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fine = (3..=63).contains(&name.len())
        && name.chars().all(plain)
        && ends(name.chars().next())
        && ends(name.chars().next_back())
        && !name.contains("..")
        && !name.starts_with("xn--")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    demand(fine, "InvalidBucketName", || "The specified bucket is not valid.".to_owned())
}

impl State {
    /// A bucket that its owner looks at; whoever else looks is denied.
    fn bucket(&self, wanted: &BucketRef) -> Answer<&Bucket> {
        let bucket = self.buckets.get(&wanted.name).ok_or_else(no_bucket)?;
        let owner = bucket.owner.as_ref().unwrap_or(&self.account);
        demand(bucket.owner.is_none() && *owner == wanted.owner, "AccessDenied", || {
            "Access Denied".to_owned()
        })?;
        Ok(bucket)
    }

    fn bucket_mut(&mut self, wanted: &BucketRef) -> Answer<&mut Bucket> {
        self.bucket(wanted)?;
        self.buckets.get_mut(&wanted.name).ok_or_else(no_bucket)
    }

    fn head_bucket(&mut self, wanted: &BucketRef) -> Answer<bool> {
        let Some(bucket) = self.buckets.get_mut(&wanted.name) else { return Ok(false) };
        if !bucket.unseen.look() {
            return Ok(false);
        }
        self.bucket(wanted).map(|_| true)
    }

    fn create_bucket(&mut self, new: NewBucket) -> Answer<()> {
        check_name(&new.name)?;
        demand_tags(&new.tags, "InvalidTag")?;
        if let Some(bucket) = self.buckets.get(&new.name) {
            demand(bucket.owner.is_none(), "BucketAlreadyExists", || {
                "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                 system. Please select a different name and try again."
                    .to_owned()
            })?;
            // Only the oldest Region takes it for done.
            return demand(self.region.as_str() == "us-east-1", "BucketAlreadyOwnedByYou", || {
                "Your previous request to create the named bucket succeeded and you already own it."
                    .to_owned()
            });
        }
        let bucket = Bucket { unseen: self.unseen(), tags: new.tags, ..Bucket::fresh() };
        self.buckets.insert(new.name, bucket);
        Ok(())
    }

    fn delete_bucket(&mut self, wanted: &BucketRef) -> Answer<()> {
        let bucket = self.bucket(wanted)?;
        demand(bucket.objects.is_empty(), "BucketNotEmpty", || {
            "The bucket you tried to delete is not empty".to_owned()
        })?;
        self.buckets.remove(&wanted.name);
        Ok(())
    }

    fn put_object(&mut self, new: &NewObject) -> Answer<()> {
        let found = sha256_of(new.body.bytes());
        let bucket = self.bucket_mut(&new.bucket)?;
        demand((1..=1024).contains(&new.key.len()), "KeyTooLongError", || "Your key is too long".to_owned())?;
        demand(found == new.sha256, "BadDigest", || {
            "The SHA256 you specified did not match the calculated checksum.".to_owned()
        })?;
        let size = u64::try_from(new.body.bytes().len()).unwrap_or(u64::MAX);
        let text = (new.body.bytes().len() <= LONGEST_TEXT)
            .then(|| String::from_utf8(new.body.bytes().to_vec()).ok())
            .flatten();
        bucket.objects.insert(new.key.clone(), state::Object { size, sha256: found, text });
        Ok(())
    }

    /// An object of a bucket that is ours; nothing where there is no such bucket.
    fn object(&self, wanted: &ObjectRef) -> Answer<Option<&state::Object>> {
        match self.bucket(&wanted.bucket) {
            Ok(bucket) => Ok(bucket.objects.get(&wanted.key)),
            Err(_) if !self.buckets.contains_key(&wanted.bucket.name) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Its size, and its content where that was kept.
    fn get_object(&self, wanted: &ObjectRef) -> Answer<Option<(u64, Option<String>)>> {
        Ok(self.object(wanted)?.map(|one| (one.size, one.text.clone())))
    }

    fn delete_objects(&mut self, keys: &ObjectKeys) -> Answer<()> {
        let bucket = self.bucket_mut(&keys.bucket)?;
        demand((1..=MOST_KEYS).contains(&keys.keys.len()), "MalformedXML", || {
            "The XML you provided was not well-formed or did not validate against our published schema"
                .to_owned()
        })?;
        for key in &keys.keys {
            bucket.objects.remove(key);
        }
        Ok(())
    }
}

impl Bucket {
    /// A bucket as S3 makes one today: encrypted, nothing public.
    pub(super) fn fresh() -> Self {
        Self {
            unseen: state::Unseen::default(),
            owner: None,
            encryption: Some(SSE_S3.to_owned()),
            blocked: true,
            policy: None,
            tags: Tags::new(),
            objects: <_>::default(),
        }
    }

    /// The same of another account.
    pub(super) fn of(owner: AccountId) -> Self {
        Self { owner: Some(owner), ..Self::fresh() }
    }
}

impl Desk {
    fn s3_read<T>(
        &self,
        operation: &'static str,
        bucket: &BucketRef,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let arn = self.look(|state| format!("arn:{}:s3:::{}", state.region.partition(), bucket.name));
        self.call("s3", operation, Read, &arn, act)
    }

    fn s3_write<T>(
        &self,
        operation: &'static str,
        bucket: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let arn = self.look(|state| format!("arn:{}:s3:::{bucket}", state.region.partition()));
        self.call("s3", operation, Write, &arn, act)
    }
}

#[async_trait]
impl S3 for Desk {
    async fn head_bucket(&self, bucket: BucketRef) -> Result<bool, CallError> {
        self.s3_read("HeadBucket", &bucket, |state| state.head_bucket(&bucket))
    }

    async fn get_bucket_tagging(&self, bucket: BucketRef) -> Result<Tags, CallError> {
        self.s3_read("GetBucketTagging", &bucket, |state| Ok(state.bucket(&bucket)?.tags.clone()))
    }

    async fn get_bucket_encryption(&self, bucket: BucketRef) -> Result<Option<String>, CallError> {
        self.s3_read("GetBucketEncryption", &bucket, |state| Ok(state.bucket(&bucket)?.encryption.clone()))
    }

    async fn get_public_access_block(&self, bucket: BucketRef) -> Result<bool, CallError> {
        self.s3_read("GetPublicAccessBlock", &bucket, |state| Ok(state.bucket(&bucket)?.blocked))
    }

    async fn get_bucket_policy(&self, bucket: BucketRef) -> Result<Option<Value>, CallError> {
        self.s3_read("GetBucketPolicy", &bucket, |state| Ok(state.bucket(&bucket)?.policy.clone()))
    }

    async fn create_bucket(&self, new: NewBucket) -> Result<(), CallError> {
        let name = new.name.clone();
        self.s3_write("CreateBucket", &name, |state| state.create_bucket(new))
    }

    async fn put_bucket_tagging(&self, change: BucketTags) -> Result<(), CallError> {
        self.s3_write("PutBucketTagging", &change.bucket.name, |state| {
            demand_tags(&change.tags, "InvalidTag")?;
            state.bucket_mut(&change.bucket)?.tags = change.tags.clone();
            Ok(())
        })
    }

    async fn put_bucket_encryption(&self, bucket: BucketRef) -> Result<(), CallError> {
        self.s3_write("PutBucketEncryption", &bucket.name, |state| {
            state.bucket_mut(&bucket)?.encryption = Some(SSE_S3.to_owned());
            Ok(())
        })
    }

    async fn put_public_access_block(&self, bucket: BucketRef) -> Result<(), CallError> {
        self.s3_write("PutPublicAccessBlock", &bucket.name, |state| {
            state.bucket_mut(&bucket)?.blocked = true;
            Ok(())
        })
    }

    async fn put_bucket_policy(&self, change: BucketPolicy) -> Result<(), CallError> {
        self.s3_write("PutBucketPolicy", &change.bucket.name, |state| {
            let statements = change.document.get("Statement").and_then(Value::as_array);
            let whole = |statement: &Value| {
                ["Effect", "Principal", "Action", "Resource"].iter().all(|key| statement.get(key).is_some())
            };
            demand(
                statements.is_some_and(|all| !all.is_empty() && all.iter().all(whole)),
                "MalformedPolicy",
                || "Missing required field".to_owned(),
            )?;
            state.bucket_mut(&change.bucket)?.policy = Some(change.document.clone());
            Ok(())
        })
    }

    async fn delete_bucket(&self, bucket: BucketRef) -> Result<(), CallError> {
        self.s3_write("DeleteBucket", &bucket.name, |state| state.delete_bucket(&bucket))
    }

    async fn list_objects(&self, query: ObjectQuery) -> Result<Vec<ObjectSummary>, CallError> {
        self.s3_read("ListObjectsV2", &query.bucket, |state| {
            let objects = &state.bucket(&query.bucket)?.objects;
            let matching = objects.iter().filter(|(key, _)| key.starts_with(&query.prefix));
            Ok(matching.map(|(key, one)| ObjectSummary { key: key.clone(), size: one.size }).collect())
        })
    }

    async fn head_object(&self, object: ObjectRef) -> Result<Option<ObjectDetail>, CallError> {
        self.s3_read("HeadObject", &object.bucket, |state| {
            Ok(state
                .object(&object)?
                .map(|one| ObjectDetail { size: one.size, sha256: Some(one.sha256.clone()) }))
        })
    }

    async fn get_object(&self, object: ObjectRef) -> Result<Option<Body>, CallError> {
        let found = self.s3_read("GetObject", &object.bucket, |state| state.get_object(&object))?;
        match found {
            None => Ok(None),
            Some((size, _)) if size > LARGEST_READ => Err(too_large()),
            Some((_, Some(text))) => Ok(Some(text.into_bytes().into())),
            Some((_, None)) => {
                let why = "the practice account keeps only short texts";
                Err(CallError::new("s3", "GetObject", ErrorKind::Unsupported, why))
            }
        }
    }

    async fn put_object(&self, new: NewObject) -> Result<(), CallError> {
        self.s3_write("PutObject", &new.bucket.name, |state| state.put_object(&new))
    }

    async fn delete_objects(&self, keys: ObjectKeys) -> Result<(), CallError> {
        self.s3_write("DeleteObjects", &keys.bucket.name, |state| state.delete_objects(&keys))
    }
}
