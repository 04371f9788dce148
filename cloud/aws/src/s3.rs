//! Amazon S3: a private bucket and a few objects in it.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, ChecksumAlgorithm, ChecksumMode, CreateBucketConfiguration, Delete,
    ObjectIdentifier, PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
};
use aws_smithy_types::base64;
use aws_types::service_config::ServiceConfigKey;
use cloud::port::s3::{
    Body, BucketPolicy, BucketRef, BucketTags, LARGEST_READ, NewBucket, NewObject, ObjectDetail, ObjectKeys,
    ObjectQuery, ObjectRef, ObjectSummary, S3, too_large,
};
use cloud::{CallError, ErrorKind};
use model::tags::Tags;
use serde_json::Value;

use crate::error::{absent, failed, found, unbuilt};
use crate::tags::from_pairs;

const SERVICE: &str = "s3";

/// The Region that takes no location constraint.
const FIRST_REGION: &str = "us-east-1";

/// The slowest line that an upload is given time for: 64 KiB a second.
const SLOWEST: usize = 64 * 1024;

/// The port over `aws-sdk-s3`.
pub(crate) struct AwsS3 {
    client: Client,
    region: String,
}

impl AwsS3 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        // A named endpoint is an emulator or a gateway, and knows no host names of buckets.
        let is_named = config.endpoint_url().is_some() || service_endpoint(config).is_some();
        let client = Client::from_conf(Builder::from(config).force_path_style(is_named).build());
        let region = config.region().map(Region::to_string).unwrap_or_default();
        Self { client, region }
    }
}

/// `AWS_ENDPOINT_URL_S3`, or the profile's.
fn service_endpoint(config: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    config.service_config()?.load_config(key.ok()?)
}

fn to_tags(tags: Tags, operation: &str) -> Result<Vec<Tag>, CallError> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| unbuilt(SERVICE, operation, &error))
}

/// A digest in hex as S3 writes it.
fn to_base64(hex: &str, operation: &str) -> Result<String, CallError> {
    let digits = || hex.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        digits().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes
        .filter(|bytes| bytes.len() == 32)
        .map(base64::encode)
        .ok_or_else(|| CallError::new(SERVICE, operation, ErrorKind::Invalid, "no SHA-256 in hex"))
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

#[async_trait]
impl S3 for AwsS3 {
    async fn head_bucket(&self, bucket: BucketRef) -> Result<bool, CallError> {
        let request =
            self.client.head_bucket().bucket(bucket.name).expected_bucket_owner(bucket.owner.as_str());
        let answer = request.send().await.map_err(failed(SERVICE, "HeadBucket"));
        Ok(found(answer)?.is_some())
    }

    async fn get_bucket_tagging(&self, bucket: BucketRef) -> Result<Tags, CallError> {
        let request =
            self.client.get_bucket_tagging().bucket(bucket.name).expected_bucket_owner(bucket.owner.as_str());
        match request.send().await.map_err(failed(SERVICE, "GetBucketTagging")) {
            Ok(answer) => {
                Ok(from_pairs(answer.tag_set().iter().map(|tag| (Some(tag.key()), Some(tag.value())))))
            }
            Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(Tags::new()),
            Err(error) => Err(error),
        }
    }

    async fn get_bucket_encryption(&self, bucket: BucketRef) -> Result<Option<String>, CallError> {
        let request = self
            .client
            .get_bucket_encryption()
            .bucket(bucket.name)
            .expected_bucket_owner(bucket.owner.as_str());
        match request.send().await.map_err(failed(SERVICE, "GetBucketEncryption")) {
            Ok(answer) => Ok(answer
                .server_side_encryption_configuration()
                .and_then(|configuration| configuration.rules().first())
                .and_then(|rule| rule.apply_server_side_encryption_by_default())
                .map(|default| default.sse_algorithm().as_str().to_owned())),
            Err(error) if error.code.as_deref() == Some("ServerSideEncryptionConfigurationNotFoundError") => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn get_public_access_block(&self, bucket: BucketRef) -> Result<bool, CallError> {
        let request = self
            .client
            .get_public_access_block()
            .bucket(bucket.name)
            .expected_bucket_owner(bucket.owner.as_str());
        match request.send().await.map_err(failed(SERVICE, "GetPublicAccessBlock")) {
            Ok(answer) => Ok(answer.public_access_block_configuration().is_some_and(|block| {
                [
                    block.block_public_acls(),
                    block.ignore_public_acls(),
                    block.block_public_policy(),
                    block.restrict_public_buckets(),
                ]
                .iter()
                .all(|blocked| *blocked == Some(true))
            })),
            Err(error) if error.code.as_deref() == Some("NoSuchPublicAccessBlockConfiguration") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn get_bucket_policy(&self, bucket: BucketRef) -> Result<Option<Value>, CallError> {
        const OPERATION: &str = "GetBucketPolicy";
        let request =
            self.client.get_bucket_policy().bucket(bucket.name).expected_bucket_owner(bucket.owner.as_str());
        match request.send().await.map_err(failed(SERVICE, OPERATION)) {
            Ok(answer) => {
                let text = answer.policy().ok_or_else(|| absent(SERVICE, OPERATION, "Policy"))?;
                let document = serde_json::from_str(text).map_err(|error| {
                    CallError::new(SERVICE, OPERATION, ErrorKind::Other, format!("no JSON: {error}"))
                })?;
                Ok(Some(document))
            }
            Err(error) if error.code.as_deref() == Some("NoSuchBucketPolicy") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_bucket(&self, new: NewBucket) -> Result<(), CallError> {
        const OPERATION: &str = "CreateBucket";
        let place = Some(self.region.as_str()).filter(|region| *region != FIRST_REGION);
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(place.map(BucketLocationConstraint::from))
            .set_tags(Some(to_tags(new.tags, OPERATION)?).filter(|tags| !tags.is_empty()))
            .build();
        self.client
            .create_bucket()
            .bucket(new.name)
            .create_bucket_configuration(configuration)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn put_bucket_tagging(&self, change: BucketTags) -> Result<(), CallError> {
        const OPERATION: &str = "PutBucketTagging";
        let tagging = Tagging::builder().set_tag_set(Some(to_tags(change.tags, OPERATION)?)).build();
        self.client
            .put_bucket_tagging()
            .bucket(change.bucket.name)
            .expected_bucket_owner(change.bucket.owner.as_str())
            .tagging(tagging.map_err(|error| unbuilt(SERVICE, OPERATION, &error))?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn put_bucket_encryption(&self, bucket: BucketRef) -> Result<(), CallError> {
        const OPERATION: &str = "PutBucketEncryption";
        let default =
            ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(
                default.map_err(|error| unbuilt(SERVICE, OPERATION, &error))?,
            )
            .build();
        let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build();
        self.client
            .put_bucket_encryption()
            .bucket(bucket.name)
            .expected_bucket_owner(bucket.owner.as_str())
            .server_side_encryption_configuration(
                configuration.map_err(|error| unbuilt(SERVICE, OPERATION, &error))?,
            )
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn put_public_access_block(&self, bucket: BucketRef) -> Result<(), CallError> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        self.client
            .put_public_access_block()
            .bucket(bucket.name)
            .expected_bucket_owner(bucket.owner.as_str())
            .public_access_block_configuration(block)
            .send()
            .await
            .map_err(failed(SERVICE, "PutPublicAccessBlock"))?;
        Ok(())
    }

    async fn put_bucket_policy(&self, change: BucketPolicy) -> Result<(), CallError> {
        self.client
            .put_bucket_policy()
            .bucket(change.bucket.name)
            .expected_bucket_owner(change.bucket.owner.as_str())
            .policy(change.document.to_string())
            .send()
            .await
            .map_err(failed(SERVICE, "PutBucketPolicy"))?;
        Ok(())
    }

    async fn delete_bucket(&self, bucket: BucketRef) -> Result<(), CallError> {
        self.client
            .delete_bucket()
            .bucket(bucket.name)
            .expected_bucket_owner(bucket.owner.as_str())
            .send()
            .await
            .map_err(failed(SERVICE, "DeleteBucket"))?;
        Ok(())
    }

    async fn list_objects(&self, query: ObjectQuery) -> Result<Vec<ObjectSummary>, CallError> {
        const OPERATION: &str = "ListObjectsV2";
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(query.bucket.name)
            .expected_bucket_owner(query.bucket.owner.as_str())
            .prefix(query.prefix)
            .into_paginator()
            .send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(failed(SERVICE, OPERATION))?.contents() {
                let key = object.key().ok_or_else(|| absent(SERVICE, OPERATION, "Key"))?.to_owned();
                objects.push(ObjectSummary { key, size: size(object.size()) });
            }
        }
        Ok(objects)
    }

    async fn head_object(&self, object: ObjectRef) -> Result<Option<ObjectDetail>, CallError> {
        let answer = self
            .client
            .head_object()
            .bucket(object.bucket.name)
            .expected_bucket_owner(object.bucket.owner.as_str())
            .key(object.key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(failed(SERVICE, "HeadObject"));
        Ok(found(answer)?.map(|answer| ObjectDetail {
            size: size(answer.content_length()),
            sha256: answer
                .checksum_sha256()
                .and_then(|text| base64::decode(text).ok())
                .map(|digest| model::hex::encode(&digest)),
        }))
    }

    async fn get_object(&self, object: ObjectRef) -> Result<Option<Body>, CallError> {
        const OPERATION: &str = "GetObject";
        let answer = self
            .client
            .get_object()
            .bucket(object.bucket.name)
            .expected_bucket_owner(object.bucket.owner.as_str())
            .key(object.key)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        if size(answer.content_length()) > LARGEST_READ {
            return Err(too_large());
        }
        let (mut stream, mut bytes) = (answer.body, Vec::<u8>::new());
        // An emulator may not say how long it is.
        while let Some(piece) = stream.try_next().await.map_err(|error| {
            CallError::new(
                SERVICE,
                OPERATION,
                ErrorKind::Unreachable,
                format!("the answer broke off: {error}"),
            )
        })? {
            bytes.extend_from_slice(&piece);
            if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_READ) {
                return Err(too_large());
            }
        }
        Ok(Some(bytes.into()))
    }

    async fn put_object(&self, new: NewObject) -> Result<(), CallError> {
        const OPERATION: &str = "PutObject";
        let bytes = new.body.bytes();
        let length = bytes.len();
        let request = self
            .client
            .put_object()
            .bucket(new.bucket.name)
            .expected_bucket_owner(new.bucket.owner.as_str())
            .key(new.key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(to_base64(&new.sha256, OPERATION)?)
            .body(ByteStream::from(bytes.to_vec()));
        let usual = self.client.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        let seconds = u64::try_from(length.div_euclid(SLOWEST)).unwrap_or(u64::MAX);
        let attempt = usual.unwrap_or_default().saturating_add(Duration::from_secs(seconds));
        // What is left out is as for all other calls.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
        request
            .customize()
            .config_override(Builder::default().timeout_config(timeouts))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_objects(&self, keys: ObjectKeys) -> Result<(), CallError> {
        const OPERATION: &str = "DeleteObjects";
        let objects: Result<Vec<ObjectIdentifier>, _> =
            keys.keys.into_iter().map(|key| ObjectIdentifier::builder().key(key).build()).collect();
        let objects = objects.map_err(|error| unbuilt(SERVICE, OPERATION, &error))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let answer = self
            .client
            .delete_objects()
            .bucket(keys.bucket.name)
            .expected_bucket_owner(keys.bucket.owner.as_str())
            .delete(delete.map_err(|error| unbuilt(SERVICE, OPERATION, &error))?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        // The call as a whole succeeds where single keys are refused.
        match answer.errors().first() {
            Some(error) => Err(CallError::from_service(
                SERVICE,
                OPERATION,
                error.code().unwrap_or_default(),
                format!("{}: {}", error.key().unwrap_or_default(), error.message().unwrap_or_default()),
            )),
            None => Ok(()),
        }
    }
}
