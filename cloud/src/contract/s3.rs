//! Buckets, objects, and parameters of our own.

use model::AccountId;
use serde_json::json;

use crate::port::s3::{
    Body, BucketPolicy, BucketRef, BucketTags, LARGEST_READ, NewBucket, NewObject, ObjectKeys, ObjectQuery,
    ObjectRef, ObjectSummary,
};
use crate::port::ssm::NewParameter;
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

async fn owner(cloud: &Cloud) -> AccountId {
    cloud.sts.get_caller_identity(()).await.expect("the caller is known").account
}

/// `SHA-256("one")` and `SHA-256("two two")`, from sha256sum(1).
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const TWO: &str = "3d75fa44f805a9ce034b8a4a564fc0f0710a44057e331e519c31993e61021250";

/// `SHA-256` of one blank more than [`LARGEST_READ`], from sha256sum(1).
const LARGE: &str = "9d78de4e5b12fc166bed811cd230621ea1e1e353553fe31b92a73bfbf45d68ee";

/// Makes a bucket, closes it, fills it, empties it, deletes it.
pub async fn buckets(cloud: &Cloud, fixture: &Fixture) {
    let s3 = &cloud.s3;
    let owner = owner(cloud).await;
    let name = format!("{}-{owner}-bucket", fixture.deployment);
    let bucket = BucketRef { name: name.clone(), owner: owner.clone() };
    assert!(!s3.head_bucket(bucket.clone()).await.expect("buckets can be looked for"));
    let tags = fixture.tags("bucket");
    s3.create_bucket(NewBucket { name: name.clone(), tags: tags.clone() }).await.expect("a bucket is made");
    // In us-east-1 the second one is the first one; elsewhere it exists already.
    match s3.create_bucket(NewBucket { name: name.clone(), tags: tags.clone() }).await {
        Ok(()) => {}
        again => refused(again, ErrorKind::AlreadyExists, "CreateBucket"),
    }
    fixture
        .until("the bucket is seen", async || {
            s3.head_bucket(bucket.clone()).await.expect("buckets can be looked for").then_some(())
        })
        .await;
    s3.put_bucket_tagging(BucketTags { bucket: bucket.clone(), tags: tags.clone() })
        .await
        .expect("tags are put on");
    assert_eq!(s3.get_bucket_tagging(bucket.clone()).await.expect("tags"), tags);
    s3.put_bucket_encryption(bucket.clone()).await.expect("the bucket is encrypted");
    let encryption = s3.get_bucket_encryption(bucket.clone()).await.expect("encryption");
    assert_eq!(encryption.as_deref(), Some("AES256"));
    s3.put_public_access_block(bucket.clone()).await.expect("public access is blocked");
    assert!(s3.get_public_access_block(bucket.clone()).await.expect("the block"));
    // Before there is a policy: an emulator that overlooks conditions takes the one below for a ban of everything.
    objects(cloud, &bucket).await;
    assert_eq!(s3.get_bucket_policy(bucket.clone()).await.expect("a policy"), None);
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{name}"), format!("arn:aws:s3:::{name}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }]});
    s3.put_bucket_policy(BucketPolicy { bucket: bucket.clone(), document: document.clone() })
        .await
        .expect("a policy is put");
    assert_eq!(s3.get_bucket_policy(bucket.clone()).await.expect("a policy"), Some(document));
    s3.delete_bucket(bucket.clone()).await.expect("an empty bucket is deleted");
    refused(s3.delete_bucket(bucket.clone()).await, ErrorKind::NotFound, "DeleteBucket");
    refused(s3.get_bucket_tagging(bucket.clone()).await, ErrorKind::NotFound, "GetBucketTagging");
    assert!(!s3.head_bucket(bucket.clone()).await.expect("buckets can be looked for"));
    let query = ObjectQuery { bucket: bucket.clone(), prefix: String::new() };
    refused(s3.list_objects(query).await, ErrorKind::NotFound, "ListObjectsV2");
}

async fn objects(cloud: &Cloud, bucket: &BucketRef) {
    let s3 = &cloud.s3;
    let put = |key: &str, body: &str, sha256: &str| NewObject {
        bucket: bucket.clone(),
        key: key.to_owned(),
        body: Body::from(body.as_bytes().to_vec()),
        sha256: sha256.to_owned(),
    };
    let object = |key: &str| ObjectRef { bucket: bucket.clone(), key: key.to_owned() };
    assert_eq!(s3.head_object(object("a/one")).await.expect("an object"), None);
    s3.put_object(put("a/one", "one", ONE)).await.expect("an object is put");
    s3.put_object(put("b/other", "one", ONE)).await.expect("an object is put");
    s3.put_object(put("a/two", "one", ONE)).await.expect("an object is put");
    s3.put_object(put("a/two", "two two", TWO)).await.expect("an object is put in its place");
    let head = s3.head_object(object("a/two")).await.expect("an object").expect("it is there");
    assert_eq!((head.size, head.sha256.as_deref()), (7, Some(TWO)));
    let whole = s3.get_object(object("a/two")).await.expect("an object").expect("it is there");
    assert_eq!(whole.bytes(), b"two two");
    assert_eq!(s3.get_object(object("a/none")).await.expect("an object"), None);
    let nowhere = BucketRef { name: format!("{}-nowhere", bucket.name), ..bucket.clone() };
    let nothing = ObjectRef { bucket: nowhere, key: "a/two".to_owned() };
    assert_eq!(s3.get_object(nothing).await.expect("an object"), None);
    too_large(cloud, bucket).await;
    let list = async |prefix: &str| {
        let query = ObjectQuery { bucket: bucket.clone(), prefix: prefix.to_owned() };
        s3.list_objects(query).await.expect("objects can be listed")
    };
    let summary = |key: &str, size| ObjectSummary { key: key.to_owned(), size };
    assert_eq!(list("a/").await, [summary("a/one", 3), summary("a/two", 7)]);
    assert_eq!(list("").await.len(), 3);
    assert_eq!(list("nothing").await, []);
    refused(s3.delete_bucket(bucket.clone()).await, ErrorKind::InUse, "DeleteBucket");
    let keys = ["a/one", "a/two", "b/other", "never-there"].map(str::to_owned).to_vec();
    s3.delete_objects(ObjectKeys { bucket: bucket.clone(), keys }).await.expect("objects are deleted");
    assert_eq!(list("").await, []);
}

/// What is larger than anything that is read here is refused, and not cut off.
async fn too_large(cloud: &Cloud, bucket: &BucketRef) {
    let s3 = &cloud.s3;
    let body = vec![b' '; usize::try_from(LARGEST_READ).expect("a length").saturating_add(1)];
    let key = "a/large".to_owned();
    let sha256 = LARGE.to_owned();
    let new = NewObject { bucket: bucket.clone(), key: key.clone(), body: body.into(), sha256 };
    s3.put_object(new).await.expect("an object is put");
    let object = ObjectRef { bucket: bucket.clone(), key: key.clone() };
    refused(s3.get_object(object).await, ErrorKind::Invalid, "GetObject");
    s3.delete_objects(ObjectKeys { bucket: bucket.clone(), keys: vec![key] }).await.expect("it is deleted");
}

/// Makes a parameter, reads it back, deletes it.
pub async fn own_parameters(cloud: &Cloud, fixture: &Fixture) {
    let ssm = &cloud.ssm;
    let new = NewParameter {
        name: format!("/contract/{}/host", fixture.deployment),
        value: "none".to_owned(),
        description: "contract test".to_owned(),
        tags: fixture.tags("parameter"),
    };
    assert_eq!(ssm.get_parameter(new.name.clone()).await.expect("read"), None);
    ssm.put_parameter(new.clone()).await.expect("a parameter is made");
    refused(ssm.put_parameter(new.clone()).await, ErrorKind::AlreadyExists, "PutParameter");
    let value = fixture
        .until("the parameter is seen", async || ssm.get_parameter(new.name.clone()).await.expect("read"))
        .await;
    assert_eq!(value, new.value);
    let tags = ssm.parameter_tags(new.name.clone()).await.expect("tags can be read");
    assert_eq!(tags, Some(new.tags.clone()));
    ssm.delete_parameter(new.name.clone()).await.expect("the parameter is deleted");
    refused(ssm.delete_parameter(new.name.clone()).await, ErrorKind::NotFound, "DeleteParameter");
    assert_eq!(ssm.get_parameter(new.name.clone()).await.expect("read"), None);
    assert_eq!(ssm.parameter_tags(new.name).await.expect("read"), None);
}
