//! The API key credential provider: what gives the gateway the key that the backends ask for. The key is made here, goes
//! to AgentCore, and is kept there alone.
//!
//! The name is the one that the backends have written into them. It is one for the account, so a second deployment in the
//! same account and Region adopts the first one's.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::agentcore::{CredentialProvider, NewCredentialProvider};
use model::agent::CREDENTIAL_PROVIDER;
use model::config::Config;
use model::plan::StepId;
use model::{Finding, Severity};
use serde_json::json;

use super::{ByHand, CREATE, Context, Found, Op, Step, Want, fields, outputs, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::CredentialProvider;

pub(super) struct CredentialProviderStep;

fn found(provider: CredentialProvider) -> Found {
    Found {
        fields: fields([("name", json!(provider.name))]),
        outputs: outputs([
            ("id", &provider.name),
            ("arn", &provider.arn),
            ("secret_arn", &provider.secret_arn),
        ]),
        id: provider.name,
    }
}

async fn look(cx: &Context<'_>, name: &str) -> Result<Option<CredentialProvider>, StepError> {
    cx.patience.read(STEP, || cx.cloud.agentcore.get_credential_provider(name.to_owned())).await
}

/// The name in an ARN of this account and Region; nothing for one of another place. The service's name in it is not looked
/// at: AWS's own model spells it otherwise than its ARNs do.
fn name_in<'a>(cx: &Context<'_>, arn: &'a str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':').skip(3);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let is_here = region == cx.region.as_str() && account == cx.account.as_str();
    resource.rsplit('/').next().filter(|_| is_here)
}

#[async_trait]
impl Step for CredentialProviderStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::ApiKeyCredentialProvider"
    }

    fn want(&self, _cx: &Context<'_>, config: &Config) -> Option<Want> {
        config.gateway.as_ref().map(|_| Want {
            name: CREDENTIAL_PROVIDER.to_owned(),
            // An adopted one may have any name.
            fields: fields([]),
            why: vec![
                "holds the key of the backends, 256 random bits; only AgentCore knows it afterwards"
                    .to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let provider = look(cx, CREDENTIAL_PROVIDER).await?;
        Ok(provider.filter(|one| cx.owns(&one.tags, STEP)).map(found).into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let name = if id.starts_with("arn:") { name_in(cx, id) } else { Some(id) };
        match name {
            Some(name) => Ok(look(cx, name).await?.map(found)),
            None => Ok(None),
        }
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let provider = look(cx, CREDENTIAL_PROVIDER).await?;
        Ok(provider.filter(|one| !cx.owns(&one.tags, STEP)).map(|one| {
            let message = format!("a credential provider named `{}` exists and is not ours", one.name);
            Finding::new("SRE-PLAN-001", Severity::Error, STEP.as_str(), message).evidence(one.name.clone()).hint(
                format!(
                    "the backends have this name written into them, so there is one for the account and Region: use it as it \
                     is with `--adopt {STEP}={}` or `gateway.provider_arn: {}`, or delete it",
                    one.name, one.arn
                ),
            )
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::credential_provider(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let provider = look(cx, CREDENTIAL_PROVIDER).await?;
        let handmade = provider.and_then(|one| cx.as_handmade(STEP, &one.tags.clone(), found(one)));
        Ok(handmade.into_iter().collect())
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create credential provider {}", want.name))],
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        // There is no token. What a lost call made is found by its name and tags, with its key in it.
        false
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        if op.name != CREATE {
            return Err(unknown_op(STEP, op));
        }
        let name = CREDENTIAL_PROVIDER.to_owned();
        let new = NewCredentialProvider {
            api_key: cx.patience.entropy.api_key()?,
            tags: cx.tags(STEP, key, &name),
            name,
        };
        let made =
            cx.patience.write(STEP, false, || cx.cloud.agentcore.create_credential_provider(new.clone()));
        Ok(Some(made.await?.name))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete credential provider {} and its key", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.agentcore.delete_credential_provider(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(cx.region, &format!("bedrock-agentcore/identity?region={}", cx.region)),
            command: format!(
                "aws bedrock-agentcore-control delete-api-key-credential-provider --region {} --name {id}",
                cx.region
            ),
        }
    }
}
