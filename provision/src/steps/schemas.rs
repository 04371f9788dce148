//! The OpenAPI schemas of the backends, as objects in the bucket that the gateway reads.
//!
//! They lie under the deployment's own id, so that whose they are is seen also in a bucket that is not ours.

use async_trait::async_trait;
use cloud::port::s3::{NewObject, ObjectKeys, ObjectRef};
use cloud::{CallError, ErrorKind};
use model::agent::Backend;
use model::config::Config;
use model::plan::{FieldDiff, Fields, StepId};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, bucket, outputs, unknown_op, unknown_undo,
};
use crate::bundle::sha256;
use crate::error::StepError;
use crate::guide;
use crate::key::IntentKey;

const STEP: StepId = StepId::Schemas;

pub(super) struct SchemasStep;

/// The schema of a backend; none without a name to reach it by.
pub(super) fn text(config: &Config, backend: Backend) -> Option<String> {
    config.tls.domain.as_deref().map(|domain| agent::openapi::schema(backend, domain))
}

/// Where a backend's schema lies under the place.
pub(super) fn key(place: &str, backend: Backend) -> String {
    format!("{place}/{}", backend.schema_file())
}

/// Where the schemas lie: the bucket, and how their keys begin.
pub(super) fn place(cx: &Context<'_>, config: &Config) -> Option<String> {
    let gateway = config.gateway.as_ref()?;
    Some(format!("{}/{}/{}", bucket::of_schemas(cx), gateway.s3_path_prefix, cx.deployment))
}

fn object(cx: &Context<'_>, id: &str, backend: Backend) -> Option<ObjectRef> {
    let (name, place) = id.split_once('/')?;
    Some(ObjectRef { bucket: bucket::reference(cx, name), key: key(place, backend) })
}

fn field(backend: Backend) -> String {
    backend.schema_file().to_owned()
}

#[async_trait]
impl Step for SchemasStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::S3::Object"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let place = place(cx, config)?;
        let mut fields: Fields = [("place".to_owned(), json!(place))].into();
        for backend in Backend::ALL {
            fields.insert(field(backend), json!(sha256(text(config, backend)?.as_bytes())));
        }
        Some(Want {
            name: place,
            fields,
            why: vec![
                "what the four backends can do, with their address; a changed one is uploaded anew"
                    .to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let is_known = cx.known(StepId::SchemaBucket, "id").is_some();
        match cx.config.filter(|_| is_known).and_then(|config| place(cx, config)) {
            Some(place) => Ok(self.fetch(cx, &place).await?.into_iter().collect()),
            // Without a configuration their place is unknown; in our own bucket they go with it.
            None => Ok(Vec::new()),
        }
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let Some((name, place)) = id.split_once('/') else { return Ok(None) };
        let mut fields: Fields = [("place".to_owned(), json!(id))].into();
        let mut is_there = false;
        for backend in Backend::ALL {
            let Some(object) = object(cx, id, backend) else { return Ok(None) };
            let found = match cx.patience.read(STEP, || cx.cloud.s3.head_object(object.clone())).await {
                Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => None,
                found => found?,
            };
            is_there |= found.is_some();
            fields.insert(field(backend), json!(found.and_then(|found| found.sha256)));
        }
        let outputs = outputs([("id", id), ("bucket", name), ("prefix", place)]);
        Ok(is_there.then(|| Found { id: id.to_owned(), fields, outputs }))
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "place" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("upload the schemas to {}", want.name))];
        };
        if Backend::ALL.iter().all(|one| want.fields.get(&field(*one)) == have.fields.get(&field(*one))) {
            return Vec::new();
        }
        vec![Op::new("upload", format!("upload changed schemas to {}", want.name))]
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        _key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let Some(config) = cx.config.filter(|_| matches!(op.name, CREATE | "upload")) else {
            return Err(unknown_op(STEP, op));
        };
        cx.needs(StepId::SchemaBucket, "id")?;
        let id = have.map(|have| have.id.clone()).or_else(|| place(cx, config)).unwrap_or_default();
        for backend in Backend::ALL {
            let (Some(text), Some(ObjectRef { bucket, key })) =
                (text(config, backend), object(cx, &id, backend))
            else {
                return Err(StepError::Bug("the place or the name of a schema is not known".to_owned()));
            };
            let sha256 = sha256(text.as_bytes());
            let is_there = have.is_some_and(|have| have.fields.get(&field(backend)) == Some(&json!(sha256)));
            if is_there {
                continue;
            }
            let object = NewObject { bucket, key, body: text.into_bytes().into(), sha256 };
            cx.patience.write(STEP, true, || cx.cloud.s3.put_object(object.clone())).await?;
        }
        Ok(Some(id))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete the schemas in {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let objects = Backend::ALL.iter().filter_map(|backend| object(cx, &have.id, *backend));
        let (buckets, keys): (Vec<_>, Vec<String>) = objects.map(|one| (one.bucket, one.key)).unzip();
        match (op.name, buckets.into_iter().next()) {
            ("delete", Some(bucket)) => cx.cloud.s3.delete_objects(ObjectKeys { bucket, keys }).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let (bucket, place) = id.split_once('/').unwrap_or((id, ""));
        ByHand {
            console: guide::page(
                cx.region,
                &format!("s3/buckets/{bucket}?region={}&prefix={place}/", cx.region),
            ),
            command: format!("aws s3 rm s3://{id}/ --recursive --region {}", cx.region),
        }
    }
}
