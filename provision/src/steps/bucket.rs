//! The bucket of the bundle: private, encrypted, for TLS only, and gone with the deployment.

use async_trait::async_trait;
use cloud::port::s3::{BucketPolicy, BucketRef, BucketTags, NewBucket, ObjectKeys, ObjectQuery};
use cloud::{CallError, ErrorKind};
use model::config::Config;
use model::plan::StepId;
use model::tags::{self, Tags};
use model::{Finding, Severity};
use serde_json::{Value, json};

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::key::IntentKey;
use crate::policy;

const STEP: StepId = StepId::Bucket;

/// What one call may delete.
const MOST_KEYS: usize = 1000;

pub(super) struct BucketStep;

/// The bucket of this deployment.
pub(super) fn reference(cx: &Context<'_>) -> BucketRef {
    BucketRef { name: names::bucket(cx.account, cx.region, cx.deployment), owner: cx.account.clone() }
}

/// Deletes all objects whose keys begin like this.
pub(super) async fn delete_objects(
    cx: &Context<'_>,
    bucket: &BucketRef,
    prefix: &str,
) -> Result<(), CallError> {
    let s3 = &cx.cloud.s3;
    let query = ObjectQuery { bucket: bucket.clone(), prefix: prefix.to_owned() };
    let keys: Vec<String> = s3.list_objects(query).await?.into_iter().map(|object| object.key).collect();
    for some in keys.chunks(MOST_KEYS) {
        s3.delete_objects(ObjectKeys { bucket: bucket.clone(), keys: some.to_vec() }).await?;
    }
    Ok(())
}

impl BucketStep {
    /// Whether there is a bucket of our name in our account, and its tags.
    async fn seen(&self, cx: &Context<'_>) -> Result<Option<Tags>, StepError> {
        let (s3, bucket) = (&cx.cloud.s3, reference(cx));
        match cx.patience.read(STEP, || s3.head_bucket(bucket.clone())).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(error),
        }
        match cx.patience.read(STEP, || s3.get_bucket_tagging(bucket.clone())).await {
            Ok(tags) => Ok(Some(tags)),
            Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn found(&self, cx: &Context<'_>, tags: Tags) -> Result<Option<Found>, StepError> {
        let (s3, bucket) = (&cx.cloud.s3, reference(cx));
        let (encryption, blocked, policy) = futures::join!(
            cx.patience.read(STEP, || s3.get_bucket_encryption(bucket.clone())),
            cx.patience.read(STEP, || s3.get_public_access_block(bucket.clone())),
            cx.patience.read(STEP, || s3.get_bucket_policy(bucket.clone())),
        );
        let gone =
            |error: &StepError| matches!(error, StepError::Call(error) if error.kind == ErrorKind::NotFound);
        let (encryption, blocked, policy) = match (encryption, blocked, policy) {
            (Ok(encryption), Ok(blocked), Ok(policy)) => (encryption, blocked, policy),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) if gone(&error) => return Ok(None),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => return Err(error),
        };
        Ok(Some(Found {
            fields: fields([
                ("encryption", json!(encryption)),
                ("public_access_blocked", json!(blocked)),
                ("policy", policy.unwrap_or(Value::Null)),
                ("tagged", json!(tags::belongs_to(&tags, cx.deployment))),
            ]),
            outputs: outputs([("id", &bucket.name), ("arn", &arn(cx, &bucket.name))]),
            id: bucket.name,
        }))
    }

    /// Whether a bucket of our name is ours. AWS makes bucket and tags in one call; an emulator that leaves the tags
    /// out leaves a bucket with none and nothing in it.
    async fn is_ours(&self, cx: &Context<'_>, tags: &Tags) -> Result<bool, StepError> {
        if !tags.is_empty() {
            return Ok(cx.owns(tags, STEP));
        }
        let query = ObjectQuery { bucket: reference(cx), prefix: String::new() };
        Ok(cx.patience.read(STEP, || cx.cloud.s3.list_objects(query.clone())).await?.is_empty())
    }
}

fn arn(cx: &Context<'_>, name: &str) -> String {
    format!("arn:{}:s3:::{name}", cx.region.partition())
}

fn denied(error: &StepError) -> bool {
    matches!(error, StepError::Call(error) if error.kind == ErrorKind::Denied && error.operation == "HeadBucket")
}

#[async_trait]
impl Step for BucketStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::S3::Bucket"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if !cx.installs_by_user_data(config) {
            return None;
        }
        let name = reference(cx).name;
        Some(Want {
            fields: fields([
                ("encryption", json!("AES256")),
                ("public_access_blocked", json!(true)),
                ("policy", policy::bucket_policy(&arn(cx, &name))),
                ("tagged", json!(true)),
            ]),
            name,
            why: vec![
                "the instance fetches the proxy and its settings from here at its first boot".to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let tags = match self.seen(cx).await {
            Ok(Some(tags)) => tags,
            // A stranger's: the rival, where one is wanted, and nothing of ours in any case.
            Ok(None) => return Ok(Vec::new()),
            Err(error) if denied(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if !self.is_ours(cx, &tags).await? {
            return Ok(Vec::new());
        }
        Ok(self.found(cx, tags).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, _id: &str) -> Result<Option<Found>, StepError> {
        match self.seen(cx).await? {
            Some(tags) => self.found(cx, tags).await,
            None => Ok(None),
        }
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let name = reference(cx).name;
        let finding = |message: String| {
            Finding::new("SRE-PLAN-022", Severity::Error, STEP.as_str(), message).evidence(name.clone()).hint(
                "choose another `deployment.id`, or `host.install: here`; if it is yours, delete it:\n\
                 aws s3 rb s3://NAME --force"
                    .replace("NAME", &name),
            )
        };
        match self.seen(cx).await {
            Ok(Some(tags)) if !self.is_ours(cx, &tags).await? => {
                Ok(Some(finding(format!("a bucket named `{name}` exists in this account and is not ours"))))
            }
            Ok(_) => Ok(None),
            Err(error) if denied(&error) => Ok(Some(finding(format!(
                "a bucket named `{name}` exists, and it is another account's or may not be looked at"
            )))),
            Err(error) => Err(error),
        }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("create S3 bucket {}", want.name))];
        };
        let differs = |name: &str| want.fields.get(name) != have.fields.get(name);
        let mut ops = Vec::new();
        for (field, name, summary) in [
            ("tagged", "tag", "tag"),
            ("public_access_blocked", "block", "block public access to"),
            ("encryption", "encrypt", "encrypt"),
            ("policy", "put-policy", "allow TLS only on"),
        ] {
            if differs(field) {
                ops.push(Op::new(name, format!("{summary} S3 bucket {}", have.id)));
            }
        }
        ops
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let (s3, bucket) = (&cx.cloud.s3, reference(cx));
        let tags = cx.tags(STEP, key, &bucket.name);
        match op.name {
            CREATE => {
                let new = NewBucket { name: bucket.name.clone(), tags };
                cx.patience.write(STEP, true, || s3.create_bucket(new.clone())).await?;
                return Ok(Some(bucket.name));
            }
            "tag" => {
                let change = BucketTags { bucket, tags };
                cx.patience.write(STEP, true, || s3.put_bucket_tagging(change.clone())).await?;
            }
            "block" => {
                cx.patience.write(STEP, true, || s3.put_public_access_block(bucket.clone())).await?;
            }
            "encrypt" => {
                cx.patience.write(STEP, true, || s3.put_bucket_encryption(bucket.clone())).await?;
            }
            "put-policy" => {
                let document = policy::bucket_policy(&arn(cx, &bucket.name));
                let change = BucketPolicy { bucket, document };
                cx.patience.write(STEP, true, || s3.put_bucket_policy(change.clone())).await?;
            }
            _ => return Err(unknown_op(STEP, op)),
        }
        Ok(None)
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![
            // Also what somebody else put there: it would keep the bucket from being deleted.
            Op::new("empty", format!("empty S3 bucket {}", have.id)),
            Op::new("delete", format!("delete S3 bucket {}", have.id)),
        ])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, _have: &Found) -> Result<(), CallError> {
        match op.name {
            "empty" => delete_objects(cx, &reference(cx), "").await,
            "delete" => cx.cloud.s3.delete_bucket(reference(cx)).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: format!("https://{0}.console.aws.amazon.com/s3/buckets/{id}?region={0}", cx.region),
            command: format!("aws s3 rb s3://{id} --force --region {}", cx.region),
        }
    }
}
