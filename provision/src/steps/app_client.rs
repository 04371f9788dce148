//! The Cognito app client with which machines fetch tokens (`client_credentials`). Its secret stays in Cognito.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::cognito::{AppClient, AppClientRef, AppClientSettings, AppClientUpdate, NewAppClient};
use model::DeploymentId;
use model::config::Config;
use model::plan::{Fields, StepId};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::AppClient;

pub(super) struct AppClientStep;

fn settings(deployment: &DeploymentId, config: &Config) -> AppClientSettings {
    let cognito = &config.cognito;
    AppClientSettings {
        name: names::app_client(deployment),
        scopes: scopes(config),
        access_token_minutes: cognito.access_token_minutes,
    }
}

/// The scopes as tokens carry them.
pub(super) fn scopes(config: &Config) -> BTreeSet<String> {
    let cognito = &config.cognito;
    cognito.scopes.iter().map(|scope| format!("{}/{scope}", cognito.resource_server)).collect()
}

fn shown(settings: &AppClientSettings, client_credentials_only: bool) -> Fields {
    fields([
        ("scopes", json!(settings.scopes)),
        ("access_token_minutes", json!(settings.access_token_minutes)),
        ("client_credentials_only", json!(client_credentials_only)),
    ])
}

fn found(client: AppClient) -> Found {
    Found {
        fields: shown(&client.settings, client.client_credentials_only),
        outputs: outputs([("id", &client.id), ("pool", &client.pool_id)]),
        id: client.id,
    }
}

#[async_trait]
impl Step for AppClientStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolClient"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let settings = settings(cx.deployment, config);
        Some(Want {
            fields: shown(&settings, true),
            name: settings.name,
            why: vec!["its secret stays in Cognito and is read from there when it is needed".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let Some(pool) = cx.known(StepId::UserPool, "id") else { return Ok(Vec::new()) };
        let name = names::app_client(cx.deployment);
        let clients = cx.patience.read(STEP, || cx.cloud.cognito.list_app_clients(pool.clone())).await;
        let clients = match clients {
            Err(StepError::Call(error)) if error.kind == cloud::ErrorKind::NotFound => Vec::new(),
            clients => clients?,
        };
        let mut ours = Vec::new();
        for client in clients.into_iter().filter(|client| client.name == name) {
            ours.extend(self.fetch(cx, &client.id).await?);
        }
        Ok(ours)
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let Some(pool_id) = cx.known(StepId::UserPool, "id") else { return Ok(None) };
        let query = AppClientRef { pool_id, id: id.to_owned() };
        let client = cx.patience.read(STEP, || cx.cloud.cognito.describe_app_client(query.clone())).await?;
        Ok(client.map(found))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::app_client(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        Ok(self.find(cx).await?.into_iter().map(|found| Handmade { found, tagged: false }).collect())
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create app client {}", want.name))],
            Some(have) if want.fields.iter().any(|(name, value)| have.fields.get(name) != Some(value)) => {
                vec![Op::new("update", format!("set scopes and token life of app client {}", have.id))]
            }
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        false
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        _key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let cognito = &cx.cloud.cognito;
        let Some(config) = cx.config else { return Err(unknown_op(STEP, op)) };
        let (pool_id, settings) = (cx.needs(StepId::UserPool, "id")?, settings(cx.deployment, config));
        match (op.name, have) {
            (CREATE, _) => {
                let client = NewAppClient { pool_id, settings };
                let id = cx.patience.write(STEP, false, || cognito.create_app_client(client.clone())).await?;
                Ok(Some(id))
            }
            ("update", Some(have)) => {
                let update = AppClientUpdate { pool_id, id: have.id.clone(), settings };
                cx.patience.write(STEP, true, || cognito.update_app_client(update.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete app client {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let pool_id = have.outputs.get("pool").cloned().unwrap_or_default();
        match op.name {
            "delete" => {
                cx.cloud.cognito.delete_app_client(AppClientRef { pool_id, id: have.id.clone() }).await
            }
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let pool = cx.known(StepId::UserPool, "id").unwrap_or_default();
        ByHand {
            console: guide::page(
                cx.region,
                &format!("cognito/v2/idp/user-pools/{pool}/applications/app-clients?region={}", cx.region),
            ),
            command: format!(
                "aws cognito-idp delete-user-pool-client --region {} --user-pool-id {pool} --client-id {id}",
                cx.region
            ),
        }
    }
}
