//! A bucket of the deployment: private, encrypted, for TLS only, and gone with the deployment. One holds the bundle of the
//! instance, another the schemas that the gateway reads.

use async_trait::async_trait;
use cloud::port::s3::{BucketPolicy, BucketRef, BucketTags, NewBucket, ObjectKeys, ObjectQuery};
use cloud::{CallError, ErrorKind};
use model::config::Config;
use model::plan::{FieldDiff, StepId};
use model::tags::{self, Tags};
use model::{Finding, Severity};
use serde_json::{Value, json};

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;
use crate::policy;

/// What one call may delete.
const MOST_KEYS: usize = 1000;

/// What a bucket is for.
#[derive(Clone, Copy)]
pub(super) enum BucketStep {
    /// What the instance is made from.
    Bundle,
    /// What the gateway reads.
    Schemas,
}

/// A bucket that has to be in this account.
pub(super) fn reference(cx: &Context<'_>, name: &str) -> BucketRef {
    BucketRef { name: name.to_owned(), owner: cx.account.clone() }
}

/// The name of the bucket of the schemas, made or not.
pub(super) fn of_schemas(cx: &Context<'_>) -> String {
    cx.known(StepId::SchemaBucket, "id")
        .unwrap_or_else(|| names::schema_bucket(cx.account, cx.region, cx.deployment))
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
    fn step(self) -> StepId {
        match self {
            Self::Bundle => StepId::Bucket,
            Self::Schemas => StepId::SchemaBucket,
        }
    }

    /// The name of the bucket that we make.
    fn name(self, cx: &Context<'_>) -> String {
        match self {
            Self::Bundle => names::bucket(cx.account, cx.region, cx.deployment),
            Self::Schemas => names::schema_bucket(cx.account, cx.region, cx.deployment),
        }
    }

    /// Why it is wanted, where it is.
    fn why(self, cx: &Context<'_>, config: &Config) -> Option<&'static str> {
        match self {
            Self::Bundle => cx
                .installs_by_user_data(config)
                .then_some("the instance fetches the proxy and its settings from here at its first boot"),
            Self::Schemas => config
                .gateway
                .is_some()
                .then_some("the gateway reads here what its backends can do; AWS's own policies know the name's beginning"),
        }
    }

    /// What to do about a stranger's.
    fn way_out(self, name: &str) -> String {
        let settings = match self {
            Self::Bundle => "choose another `deployment.id`, or `host.install: here`".to_owned(),
            Self::Schemas => format!(
                "choose another `deployment.id`; or use it as it is with `--adopt {}={name}` or `gateway.s3_bucket: {name}`",
                self.step()
            ),
        };
        format!("{settings}; if it is yours, delete it:\naws s3 rb s3://{name} --force")
    }

    /// Whether there is a bucket of that name in our account, and its tags.
    async fn seen(self, cx: &Context<'_>, name: &str) -> Result<Option<Tags>, StepError> {
        let (s3, bucket) = (&cx.cloud.s3, reference(cx, name));
        match cx.patience.read(self.step(), || s3.head_bucket(bucket.clone())).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(error),
        }
        match cx.patience.read(self.step(), || s3.get_bucket_tagging(bucket.clone())).await {
            Ok(tags) => Ok(Some(tags)),
            Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn found(self, cx: &Context<'_>, name: &str, tags: Tags) -> Result<Option<Found>, StepError> {
        let (s3, bucket, step) = (&cx.cloud.s3, reference(cx, name), self.step());
        let (encryption, blocked, policy) = futures::join!(
            cx.patience.read(step, || s3.get_bucket_encryption(bucket.clone())),
            cx.patience.read(step, || s3.get_public_access_block(bucket.clone())),
            cx.patience.read(step, || s3.get_bucket_policy(bucket.clone())),
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
    async fn is_ours(self, cx: &Context<'_>, tags: &Tags) -> Result<bool, StepError> {
        if !tags.is_empty() {
            return Ok(cx.owns(tags, self.step()));
        }
        let query = ObjectQuery { bucket: reference(cx, &self.name(cx)), prefix: String::new() };
        Ok(cx.patience.read(self.step(), || cx.cloud.s3.list_objects(query.clone())).await?.is_empty())
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
        self.step()
    }

    fn kind(&self) -> &'static str {
        "AWS::S3::Bucket"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let why = self.why(cx, config)?;
        let name = self.name(cx);
        Some(Want {
            fields: fields([
                ("encryption", json!("AES256")),
                ("public_access_blocked", json!(true)),
                ("policy", policy::bucket_policy(&arn(cx, &name))),
                ("tagged", json!(true)),
            ]),
            name,
            why: vec![why.to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let name = self.name(cx);
        let tags = match self.seen(cx, &name).await {
            Ok(Some(tags)) => tags,
            // A stranger's: the rival, where one is wanted, and nothing of ours in any case.
            Ok(None) => return Ok(Vec::new()),
            Err(error) if denied(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if !self.is_ours(cx, &tags).await? {
            return Ok(Vec::new());
        }
        Ok(self.found(cx, &name, tags).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        match self.seen(cx, id).await? {
            Some(tags) => self.found(cx, id, tags).await,
            None => Ok(None),
        }
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let name = self.name(cx);
        let finding = |message: String| {
            Finding::new("SRE-PLAN-022", Severity::Error, self.step().as_str(), message)
                .evidence(name.clone())
                .hint(self.way_out(&name))
        };
        match self.seen(cx, &name).await {
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

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        match self {
            Self::Bundle => None,
            Self::Schemas => Some(guide::bucket(cx, want)),
        }
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        if matches!(self, Self::Bundle) {
            return Ok(Vec::new());
        }
        let name = self.name(cx);
        let tags = match self.seen(cx, &name).await {
            Ok(Some(tags)) => tags,
            Ok(None) => return Ok(Vec::new()),
            Err(error) if denied(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let found = self.found(cx, &name, tags.clone()).await?;
        Ok(found.and_then(|found| cx.as_handmade(self.step(), &tags, found)).into_iter().collect())
    }

    fn differences(&self, want: &Want, have: &Found) -> Vec<FieldDiff> {
        // What is adopted is not to carry our tags.
        let is_its_own = |diff: &FieldDiff| diff.field != "tagged";
        guide::differences_of_policies(want, have).into_iter().filter(is_its_own).collect()
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
        let (s3, step, bucket) = (&cx.cloud.s3, self.step(), reference(cx, &self.name(cx)));
        let tags = cx.tags(step, key, &bucket.name);
        match op.name {
            CREATE => {
                let new = NewBucket { name: bucket.name.clone(), tags };
                cx.patience.write(step, true, || s3.create_bucket(new.clone())).await?;
                return Ok(Some(bucket.name));
            }
            "tag" => {
                let change = BucketTags { bucket, tags };
                cx.patience.write(step, true, || s3.put_bucket_tagging(change.clone())).await?;
            }
            "block" => {
                cx.patience.write(step, true, || s3.put_public_access_block(bucket.clone())).await?;
            }
            "encrypt" => {
                cx.patience.write(step, true, || s3.put_bucket_encryption(bucket.clone())).await?;
            }
            "put-policy" => {
                let document = policy::bucket_policy(&arn(cx, &bucket.name));
                let change = BucketPolicy { bucket, document };
                cx.patience.write(step, true, || s3.put_bucket_policy(change.clone())).await?;
            }
            _ => return Err(unknown_op(step, op)),
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

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let bucket = reference(cx, &have.id);
        match op.name {
            "empty" => delete_objects(cx, &bucket, "").await,
            "delete" => cx.cloud.s3.delete_bucket(bucket).await,
            _ => Err(unknown_undo(self.step(), op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(cx.region, &format!("s3/buckets/{id}?region={}", cx.region)),
            command: format!("aws s3 rb s3://{id} --force --region {}", cx.region),
        }
    }
}
