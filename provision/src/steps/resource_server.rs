//! The Cognito resource server: the scopes that a client can be given.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::cognito::{ResourceServer, ResourceServerRef};
use model::config::Config;
use model::plan::{FieldDiff, StepId};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::ResourceServer;

pub(super) struct ResourceServerStep;

fn wanted(pool_id: String, config: &Config) -> ResourceServer {
    ResourceServer {
        pool_id,
        identifier: config.cognito.resource_server.clone(),
        scopes: config.cognito.scopes.iter().cloned().collect::<BTreeSet<_>>(),
    }
}

fn found(server: ResourceServer) -> Found {
    Found {
        fields: fields([("identifier", json!(server.identifier)), ("scopes", json!(server.scopes))]),
        outputs: outputs([("id", &server.identifier), ("pool", &server.pool_id)]),
        id: server.identifier,
    }
}

#[async_trait]
impl Step for ResourceServerStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolResourceServer"
    }

    fn want(&self, _cx: &Context<'_>, config: &Config) -> Option<Want> {
        let server = wanted(String::new(), config);
        Some(Want {
            fields: fields([("identifier", json!(server.identifier)), ("scopes", json!(server.scopes))]),
            name: server.identifier,
            why: vec!["a client can only be given scopes of an existing resource server".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        match cx.config {
            Some(config) => Ok(self.fetch(cx, &config.cognito.resource_server).await?.into_iter().collect()),
            // Without a configuration its name is unknown; it goes with the pool.
            None => Ok(Vec::new()),
        }
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let Some(pool_id) = cx.known(StepId::UserPool, "id") else { return Ok(None) };
        let query = ResourceServerRef { pool_id, identifier: id.to_owned() };
        let server =
            cx.patience.read(STEP, || cx.cloud.cognito.describe_resource_server(query.clone())).await?;
        Ok(server.map(found))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::resource_server(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        Ok(self.find(cx).await?.into_iter().map(|found| Handmade { found, tagged: false }).collect())
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "identifier" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create resource server {}", want.name))],
            Some(have) if have.fields.get("scopes") != want.fields.get("scopes") => {
                vec![Op::new("update", format!("set the scopes of resource server {}", have.id))]
            }
            Some(_) => Vec::new(),
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
        let cognito = &cx.cloud.cognito;
        let Some(config) = cx.config else { return Err(unknown_op(STEP, op)) };
        let server = wanted(cx.needs(StepId::UserPool, "id")?, config);
        match op.name {
            CREATE => {
                cx.patience.write(STEP, true, || cognito.create_resource_server(server.clone())).await?;
                Ok(Some(server.identifier))
            }
            "update" => {
                cx.patience.write(STEP, true, || cognito.update_resource_server(server.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete resource server {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let pool_id = have.outputs.get("pool").cloned().unwrap_or_default();
        match op.name {
            "delete" => {
                let server = ResourceServerRef { pool_id, identifier: have.id.clone() };
                cx.cloud.cognito.delete_resource_server(server).await
            }
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let pool = cx.known(StepId::UserPool, "id").unwrap_or_default();
        ByHand {
            console: guide::page(
                cx.region,
                &format!("cognito/v2/idp/user-pools/{pool}/branding/domain?region={}", cx.region),
            ),
            command: format!(
                "aws cognito-idp delete-resource-server --region {} --user-pool-id {pool} --identifier {id}",
                cx.region
            ),
        }
    }
}
