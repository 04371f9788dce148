//! The Cognito user pool: who issues the tokens that the proxy asks for.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::cognito::{NewUserPool, PoolMfa, UserPool, UserPoolSettings, UserPoolUpdate};
use model::config::{Config, Mode};
use model::plan::{Fields, StepId};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::UserPool;

/// NIST SP 800-63B asks for at least 8 characters; 12 is what AWS' own foundational controls check for.
const PASSWORD_MINIMUM_LENGTH: u32 = 12;

pub(super) struct UserPoolStep;

fn settings(config: &Config) -> UserPoolSettings {
    UserPoolSettings {
        deletion_protection: config.mode == Mode::Production,
        admin_create_user_only: true,
        password_minimum_length: PASSWORD_MINIMUM_LENGTH,
        password_all_classes: true,
    }
}

fn shown(settings: &UserPoolSettings) -> Fields {
    fields([
        ("deletion_protection", json!(settings.deletion_protection)),
        ("admin_create_user_only", json!(settings.admin_create_user_only)),
        ("password_minimum_length", json!(settings.password_minimum_length)),
        ("password_all_classes", json!(settings.password_all_classes)),
    ])
}

fn found(cx: &Context<'_>, pool: UserPool) -> Found {
    let mut fields = shown(&pool.settings);
    fields.insert("mfa".to_owned(), json!(pool.mfa));
    let issuer = format!("https://cognito-idp.{}.amazonaws.com/{}", cx.region, pool.id);
    let mut outputs = outputs([("id", &pool.id), ("arn", &pool.arn), ("issuer", &issuer)]);
    if let Some(domain) = pool.domain {
        outputs.insert("domain".to_owned(), domain);
    }
    Found { id: pool.id, fields, outputs }
}

/// The pools of our name, whoever made them.
async fn named(cx: &Context<'_>) -> Result<Vec<UserPool>, StepError> {
    let cognito = &cx.cloud.cognito;
    let name = names::user_pool(cx.deployment);
    let summaries = cx.patience.read(STEP, || cognito.list_user_pools(())).await?;
    let mut pools = Vec::new();
    for summary in summaries.into_iter().filter(|summary| summary.name == name) {
        pools.extend(cx.patience.read(STEP, || cognito.describe_user_pool(summary.id.clone())).await?);
    }
    Ok(pools)
}

#[async_trait]
impl Step for UserPoolStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPool"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let mut fields = shown(&settings(config));
        fields.insert("mfa".to_owned(), json!(config.cognito.mfa));
        let mut why = vec!["only administrators create users; nobody can sign up".to_owned()];
        if config.mode == Mode::Production {
            why.push("deletion protection is on in production; cleanup switches it off itself".to_owned());
        }
        Some(Want { name: names::user_pool(cx.deployment), fields, why, irreversible: None })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        // Names are not unique, so the tag decides; the name only keeps the number of look-ups small.
        let named = named(cx).await?.into_iter();
        Ok(named.filter(|pool| cx.owns(&pool.tags, STEP)).map(|pool| found(cx, pool)).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let pool = cx.patience.read(STEP, || cx.cloud.cognito.describe_user_pool(id.to_owned())).await?;
        Ok(pool.map(|pool| found(cx, pool)))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::user_pool(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let named = named(cx).await?.into_iter();
        let strange = named.filter(|pool| !cx.owns(&pool.tags, STEP));
        Ok(strange
            .map(|pool| Handmade { tagged: cx.is_handmade(&pool.tags, STEP), found: found(cx, pool) })
            .collect())
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("create user pool {}", want.name))];
        };
        let mut ops = Vec::new();
        if want.fields.iter().any(|(name, value)| name != "mfa" && have.fields.get(name) != Some(value)) {
            ops.push(Op::new(
                "update",
                format!("set password policy and protection of user pool {}", have.id),
            ));
        }
        // After the update: UpdateUserPool may touch the second factor, never the other way round.
        if want.fields.get("mfa") != have.fields.get("mfa") {
            ops.push(Op::new("set-mfa", format!("set the second factor of user pool {}", have.id)));
        }
        ops
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        false
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let cognito = &cx.cloud.cognito;
        let Some(config) = cx.config else { return Err(unknown_op(STEP, op)) };
        match (op.name, have) {
            (CREATE, _) => {
                let name = names::user_pool(cx.deployment);
                let pool = NewUserPool {
                    name: name.clone(),
                    tags: cx.tags(STEP, key, &name),
                    settings: settings(config),
                };
                let id = cx.patience.write(STEP, false, || cognito.create_user_pool(pool.clone())).await?;
                Ok(Some(id))
            }
            ("update", Some(have)) => {
                let update = UserPoolUpdate { pool_id: have.id.clone(), settings: settings(config) };
                cx.patience.write(STEP, true, || cognito.update_user_pool(update.clone())).await?;
                Ok(None)
            }
            ("set-mfa", Some(have)) => {
                let mfa = PoolMfa { pool_id: have.id.clone(), mfa: config.cognito.mfa };
                cx.patience.write(STEP, true, || cognito.set_user_pool_mfa(mfa.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        let mut ops = Vec::new();
        if have.fields.get("deletion_protection") == Some(&json!(true)) {
            ops.push(Op::new(
                "unprotect",
                format!("switch off deletion protection of user pool {}", have.id),
            ));
        }
        ops.push(Op::new("delete", format!("delete user pool {}", have.id)));
        Ok(ops)
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let cognito = &cx.cloud.cognito;
        match op.name {
            "unprotect" => {
                let truth =
                    |name: &str| have.fields.get(name).and_then(serde_json::Value::as_bool).unwrap_or(true);
                let length = have.fields.get("password_minimum_length").and_then(serde_json::Value::as_u64);
                let settings = UserPoolSettings {
                    deletion_protection: false,
                    admin_create_user_only: truth("admin_create_user_only"),
                    password_minimum_length: length
                        .and_then(|length| u32::try_from(length).ok())
                        .unwrap_or(PASSWORD_MINIMUM_LENGTH),
                    password_all_classes: truth("password_all_classes"),
                };
                cognito.update_user_pool(UserPoolUpdate { pool_id: have.id.clone(), settings }).await
            }
            "delete" => cognito.delete_user_pool(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(
                cx.region,
                &format!("cognito/v2/idp/user-pools/{id}/info/overview?region={}", cx.region),
            ),
            command: format!("aws cognito-idp delete-user-pool --region {} --user-pool-id {id}", cx.region),
        }
    }
}
