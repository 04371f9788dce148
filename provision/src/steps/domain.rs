//! The Cognito prefix domain: where tokens are fetched, `https://PREFIX.auth.REGION.amazoncognito.com`.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::cognito::{Domain, PoolDomain};
use model::config::Config;
use model::plan::{FieldDiff, StepId};
use model::{Finding, Severity};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::Domain;

pub(super) struct DomainStep;

impl DomainStep {
    async fn look(&self, cx: &Context<'_>, prefix: &str) -> Result<Option<Domain>, StepError> {
        cx.patience.read(STEP, || cx.cloud.cognito.describe_domain(prefix.to_owned())).await
    }
}

fn is_active(found: &Found) -> bool {
    found.fields.get("status") == Some(&json!("ACTIVE"))
}

#[async_trait]
impl Step for DomainStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolDomain"
    }

    fn want(&self, _cx: &Context<'_>, config: &Config) -> Option<Want> {
        let prefix = config.cognito.domain_prefix.to_string();
        Some(Want {
            fields: fields([("prefix", json!(prefix))]),
            name: prefix,
            why: vec!["the token endpoint; the prefix is unique in the Region over all accounts".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        // Of our own pool the prefix is known even without a configuration.
        let of_pool = cx.known(StepId::UserPool, "domain");
        let configured = cx.config.map(|config| config.cognito.domain_prefix.to_string());
        let mut prefixes: Vec<String> = of_pool.into_iter().chain(configured).collect();
        prefixes.dedup();
        let mut ours = Vec::new();
        for prefix in prefixes {
            ours.extend(self.fetch(cx, &prefix).await?);
        }
        Ok(ours)
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let Some(pool) = cx.known(StepId::UserPool, "id") else { return Ok(None) };
        let domain = self.look(cx, id).await?;
        Ok(domain.filter(|domain| domain.pool_id.as_deref() == Some(&pool)).map(|domain| {
            let url = format!("https://{}.auth.{}.amazoncognito.com", domain.prefix, cx.region);
            let token = format!("{url}/oauth2/token");
            Found {
                fields: fields([("prefix", json!(domain.prefix)), ("status", json!(domain.status))]),
                outputs: outputs([
                    ("id", &domain.prefix),
                    ("pool", &pool),
                    ("url", &url),
                    ("token_endpoint", &token),
                ]),
                id: domain.prefix,
            }
        }))
    }

    async fn rival(&self, cx: &Context<'_>, config: &Config) -> Result<Option<Finding>, StepError> {
        let prefix = config.cognito.domain_prefix.as_str();
        let pool = cx.known(StepId::UserPool, "id");
        let domain = self.look(cx, prefix).await?;
        Ok(domain.filter(|domain| domain.pool_id.is_none() || domain.pool_id != pool).map(|domain| {
            Finding::new(
                "SRE-PLAN-012",
                Severity::Error,
                STEP.as_str(),
                format!("the Cognito domain prefix `{}` is taken by another user pool", domain.prefix),
            )
            .evidence(domain.pool_id.unwrap_or_else(|| "a pool of another account".to_owned()))
            .hint("choose another `cognito.domain_prefix`; prefixes are unique in a Region over all accounts")
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::domain(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        // Only the wanted one: whatever else the pool has is seen when its prefix is given.
        let Some(config) = cx.config else { return Ok(Vec::new()) };
        let found = self.fetch(cx, config.cognito.domain_prefix.as_str()).await?;
        Ok(found.map(|found| Handmade { found, tagged: false }).into_iter().collect())
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "prefix" { OnChange::Replace } else { OnChange::Leave }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("take the Cognito domain prefix {}", want.name))],
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
        let Some(config) = cx.config.filter(|_| op.name == CREATE) else { return Err(unknown_op(STEP, op)) };
        let prefix = config.cognito.domain_prefix.to_string();
        let domain = PoolDomain { pool_id: cx.needs(StepId::UserPool, "id")?, prefix: prefix.clone() };
        cx.patience.write(STEP, true, || cx.cloud.cognito.create_domain(domain.clone())).await?;
        Ok(Some(prefix))
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        if is_active(&found) {
            return Ok(found);
        }
        let reason = "waiting for the Cognito domain to become ACTIVE (usually under a minute)";
        cx.patience
            .until(STEP, reason, cx.patience.limits.operation, || async {
                Ok(self.fetch(cx, &found.id).await?.filter(is_active))
            })
            .await
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("give the Cognito domain prefix {} back", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let pool_id = have.outputs.get("pool").cloned().unwrap_or_default();
        match op.name {
            "delete" => cx.cloud.cognito.delete_domain(PoolDomain { pool_id, prefix: have.id.clone() }).await,
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
                "aws cognito-idp delete-user-pool-domain --region {} --user-pool-id {pool} --domain {id}",
                cx.region
            ),
        }
    }
}
