//! What the instance is made from, as objects: the programs, their settings, and the digests of all.
//!
//! The digest of the digests is in the objects' names and in the instance's user data, so an object that somebody
//! exchanged is noticed. Bundles of earlier deploys stay until the cleanup: a first boot may have to be repeated.

use std::time::Duration;

use async_trait::async_trait;
use cloud::CallError;
use cloud::ErrorKind;
use cloud::port::s3::{BucketRef, NewObject, ObjectQuery, ObjectRef};
use model::config::Config;
use model::plan::StepId;
use serde_json::{Value, json};
use systemd::Layout;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, bucket, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::bundle::{Deployed, Manifest, Part, host_settings, proxy_config, settings_text};
use crate::error::StepError;
use crate::guide;
use crate::key::IntentKey;
use crate::user_data;

const STEP: StepId = StepId::Bundle;

/// Under this lie all bundles.
const PREFIX: &str = "bundle/";

/// An upload is given a second for so many bytes.
const SLOWEST: usize = 64 * 1024;

pub(super) struct BundleStep;

/// The bundle of this deployment, once everything is known that it names.
fn manifest(cx: &Context<'_>, config: &Config) -> Option<Manifest> {
    let programs = cx.programs?;
    let deployed = Deployed {
        issuer: cx.known(StepId::UserPool, "issuer")?,
        client_id: cx.known(StepId::AppClient, "id")?,
        certificate_arn: cx.known(StepId::Certificate, "arn"),
    };
    let settings = host_settings(config, &deployed).ok()?;
    let proxy = proxy_config(config, &deployed, &Layout::default());
    Some(Manifest::compose(programs, settings_text(&settings), proxy))
}

fn holder(cx: &Context<'_>) -> BucketRef {
    bucket::reference(cx, &names::bucket(cx.account, cx.region, cx.deployment))
}

fn key(digest: &str, part: &Part) -> String {
    format!("{}{}", user_data::prefix(digest), part.path)
}

impl BundleStep {
    async fn look(&self, cx: &Context<'_>) -> Result<Option<Found>, StepError> {
        let s3 = &cx.cloud.s3;
        let bucket = holder(cx);
        let query = ObjectQuery { bucket: bucket.clone(), prefix: PREFIX.to_owned() };
        let objects = match cx.patience.read(STEP, || s3.list_objects(query.clone())).await {
            Ok(objects) => objects,
            Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(first) = objects.first() else { return Ok(None) };
        let digest = match cx.config.and_then(|config| manifest(cx, config)) {
            Some(manifest) if self.is_whole(cx, &manifest).await? => Some(manifest.digest),
            // Not the one that is wanted, or nobody knows which that is.
            Some(_) => None,
            None => {
                let digest = first.key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
                digest.map(|(digest, _)| digest.to_owned())
            }
        };
        let mut outputs = outputs([("id", &format!("{}/{PREFIX}", bucket.name)), ("bucket", &bucket.name)]);
        outputs.extend(digest.clone().map(|digest| ("digest".to_owned(), digest)));
        Ok(Some(Found {
            id: format!("{}/{PREFIX}", bucket.name),
            fields: fields([("digest", json!(digest))]),
            outputs,
        }))
    }

    /// Whether every object of the bundle is there and is what its digest says.
    async fn is_whole(&self, cx: &Context<'_>, manifest: &Manifest) -> Result<bool, StepError> {
        let looks = manifest.parts.iter().map(|part| self.is_there(cx, &manifest.digest, part));
        let looked = futures::future::join_all(looks).await;
        looked.into_iter().try_fold(true, |whole, there| Ok(whole && there?))
    }

    async fn is_there(&self, cx: &Context<'_>, digest: &str, part: &Part) -> Result<bool, StepError> {
        let object = ObjectRef { bucket: holder(cx), key: key(digest, part) };
        let found = cx.patience.read(STEP, || cx.cloud.s3.head_object(object.clone())).await?;
        Ok(found.is_some_and(|found| found.sha256.as_ref() == Some(&part.sha256)))
    }
}

#[async_trait]
impl Step for BundleStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::S3::Object"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if !cx.installs_by_user_data(config) {
            return None;
        }
        let digest = match manifest(cx, config) {
            Some(manifest) => Some(Value::from(manifest.digest)),
            // It names what is not made yet.
            None if cx.programs.is_some() => Some(Value::from(format!("({})", StepId::AppClient))),
            // Without the programs at hand there is nothing to compare with: what is there stays.
            None => None,
        };
        Some(Want {
            name: format!("{}/{PREFIX}", holder(cx).name),
            fields: digest.map(|digest| ("digest".to_owned(), digest)).into_iter().collect(),
            why: vec![
                "bedrock-nova-proxy, sre-agent-deploy, their settings and SHA256SUMS; nothing secret"
                    .to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        // In a bucket that is not ours nothing is.
        if cx.known(StepId::Bucket, "id").is_none() {
            return Ok(Vec::new());
        }
        Ok(self.look(cx).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, _id: &str) -> Result<Option<Found>, StepError> {
        self.look(cx).await
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let upload = |name| vec![Op::new(name, format!("upload the bundle to {}", want.name))];
        match have {
            None => upload(CREATE),
            Some(have) => match want.fields.get("digest") {
                Some(digest) if have.fields.get("digest") != Some(digest) => upload("upload"),
                _ => Vec::new(),
            },
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        _key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let Some(manifest) = cx.config.and_then(|config| manifest(cx, config)) else {
            return Err(StepError::Bug("a bundle is to be uploaded and its parts are not known".to_owned()));
        };
        if !matches!(op.name, CREATE | "upload") {
            return Err(unknown_op(STEP, op));
        }
        let bucket = holder(cx);
        for part in &manifest.parts {
            if self.is_there(cx, &manifest.digest, part).await? {
                continue;
            }
            cx.patience.check()?;
            let object = NewObject {
                bucket: bucket.clone(),
                key: key(&manifest.digest, part),
                body: part.body.clone(),
                sha256: part.sha256.clone(),
            };
            let seconds = part.body.bytes().len().div_euclid(SLOWEST);
            let longer = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
            cx.patience.upload(STEP, longer, || cx.cloud.s3.put_object(object.clone())).await?;
        }
        Ok(Some(format!("{}/{PREFIX}", bucket.name)))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete all bundles in {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, _have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => bucket::delete_objects(cx, &holder(cx), PREFIX).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let bucket = id.split('/').next().unwrap_or_default();
        ByHand {
            console: guide::page(
                cx.region,
                &format!("s3/buckets/{bucket}?region={}&prefix={PREFIX}", cx.region),
            ),
            command: format!("aws s3 rm s3://{id} --recursive --region {}", cx.region),
        }
    }
}
