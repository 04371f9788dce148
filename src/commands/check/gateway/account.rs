//! What the account says of a gateway: itself, its targets with their schemas, its role, the key of its backends, and the
//! agent's memory.

use std::collections::BTreeSet;
use std::time::Duration;

use checks::CheckResult;
use checks::account::facts::{NotTold, Simulated, Told};
use checks::gateway::standing::{
    self, Facts, GatewayFacts, Lookup, MemoryFacts, RoleFacts, TargetFacts, Wanted, WantedMemory, Wiring,
};
use cloud::Cloud;
use cloud::port::agentcore::{Gateway, Memory, MemoryStrategy, Target as Wired, TargetRef, TargetSettings};
use cloud::port::iam::Simulation;
use cloud::port::s3::{BucketRef, ObjectRef};
use model::agent::{API_KEY_FIELD, Backend};
use model::plan::StepId;
use model::{AccountId, Secret};
use serde_json::Value;

use super::super::Target;
use super::super::account::ask::{Desk, Place, in_account};
use super::Deployed;
use crate::app::App;
use crate::args::GatewayArgs;
use crate::failure::Failure;

/// How long the account may take for all of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was found out.
pub(crate) struct Known {
    /// What there is to say of it.
    pub(crate) result: CheckResult,
    /// The key of the backends, or why it is not at hand: completes "skipped because …".
    pub(crate) key: Result<Secret<String>, String>,
}

/// Asks the account of a deployment about its gateway.
pub(super) fn ask(
    app: &App,
    args: &GatewayArgs,
    target: &Target,
    deployed: &Deployed,
) -> Result<Known, Box<Failure>> {
    let place =
        Place { config: target.config.as_ref(), region: None, profile: args.usual.config.profile.as_deref() };
    in_account(app, &args.usual.state, target, &place, async |session, cloud| {
        session.say("asking the account about the gateway");
        let seen = session.look(look(cloud, deployed)).await?;
        let result = match wanted(target) {
            Some(wanted) => standing::judge(&seen.facts, &wanted),
            None => standing::unjudged(&deployed.id, "the state file knows no user pool and app client"),
        };
        Ok(Known { result, key: seen.key })
    })
}

/// What the deployment wants of its gateway, as far as its journal knows.
fn wanted(target: &Target) -> Option<Wanted> {
    let state = target.state.as_ref()?;
    let output = |step: StepId, name: &str| state.step(step).outputs.get(name).cloned();
    let config = target.config.as_ref();
    let gateway = config.and_then(|config| config.gateway.as_ref());
    let configured = || gateway.and_then(|gateway| gateway.provider_arn.clone());
    let scopes = config.map(|config| {
        let scopes = config.cognito.scopes.iter();
        scopes.map(|scope| format!("{}/{scope}", config.cognito.resource_server)).collect()
    });
    Some(Wanted {
        discovery_url: format!("{}/.well-known/openid-configuration", output(StepId::UserPool, "issuer")?),
        client_id: output(StepId::AppClient, "id")?,
        targets: Backend::ALL.to_vec(),
        scopes: scopes.unwrap_or_default(),
        provider_arn: output(StepId::CredentialProvider, "arn").or_else(configured),
        memory: gateway.and_then(|gateway| gateway.memory_days).map(wanted_memory),
        domain: config.and_then(|config| config.tls.domain.clone()),
        lookup: gateway.map(|gateway| gateway.routing_domain.clone().map_or(Lookup::OfSchema, Lookup::By)),
    })
}

/// A memory as deployments make it.
pub(super) fn wanted_memory(days: u32) -> WantedMemory {
    WantedMemory { days, strategies: MemoryStrategy::ALL.map(MemoryStrategy::name).to_vec() }
}

/// All that was seen.
pub(crate) struct Seen {
    /// For verdicts.
    pub(crate) facts: Facts,
    /// The key of the backends, or why it is not at hand.
    pub(crate) key: Result<Secret<String>, String>,
    /// Whose tokens the gateway takes: clients and scopes.
    pub(crate) takes: (BTreeSet<String>, BTreeSet<String>),
}

/// Looks at a gateway and everything that it takes for a call.
pub(crate) async fn look(cloud: &Cloud, deployed: &Deployed) -> Result<Seen, Box<Failure>> {
    let desk = Desk::default();
    let asked = tokio::time::timeout(PATIENCE, seen(&desk, cloud, deployed)).await;
    let seen =
        asked.map_err(|_| Failure::new("SRE-RUN-003", StepId::Gateway.as_str(), "no answer in time"))?;
    desk.verdict()?;
    Ok(seen)
}

pub(super) async fn seen(desk: &Desk, cloud: &Cloud, deployed: &Deployed) -> Seen {
    let id = deployed.id.as_str();
    let gateway = desk.told(async || cloud.agentcore.get_gateway(id.to_owned()).await).await;
    let targets = targets(desk, cloud, id).await;
    let wired: Vec<TargetSettings> =
        targets.iter().flatten().filter_map(|target| target.settings.clone()).collect();
    let secret = secret_of(desk, cloud, wired.first()).await;
    let role = match &gateway {
        Ok(Some(gateway)) => role(desk, cloud, gateway, &wired, secret.as_deref().ok()).await,
        Ok(None) => Ok(None),
        Err(why) => Err(why.clone()),
    };
    let key = match secret {
        Ok(arn) => key_of(desk, cloud, &arn).await,
        Err(why) => Err(why),
    };
    let takes = match &gateway {
        Ok(Some(gateway)) => {
            (gateway.settings.allowed_clients.clone(), gateway.settings.allowed_scopes.clone())
        }
        Ok(None) | Err(_) => Default::default(),
    };
    let targets = match targets {
        Ok(targets) => {
            let mut all = Vec::new();
            for target in targets {
                all.push(target_facts(desk, cloud, target).await);
            }
            Ok(all)
        }
        Err(why) => Err(why),
    };
    let gateway = gateway.map(|gateway| gateway.map(gateway_facts));
    let memory = match &deployed.memory {
        Some(id) => desk.told(async || cloud.agentcore.get_memory(id.clone()).await).await,
        None => Ok(None),
    };
    let memory = memory.map(|memory| memory.map(memory_facts));
    Seen { facts: Facts { id: id.to_owned(), gateway, targets, role, memory }, key, takes }
}

fn memory_facts(memory: Memory) -> MemoryFacts {
    let strategies = memory.strategies.into_iter().map(|(name, condition)| (name, condition.status));
    MemoryFacts {
        id: memory.id,
        status: memory.condition.status,
        reasons: memory.condition.reasons,
        days: memory.event_expiry_days,
        strategies: strategies.collect(),
    }
}

fn gateway_facts(gateway: Gateway) -> GatewayFacts {
    GatewayFacts {
        status: gateway.condition.status,
        reasons: gateway.condition.reasons,
        authorizer: gateway.authorizer,
        discovery_url: gateway.settings.discovery_url,
        allowed_clients: gateway.settings.allowed_clients,
        allowed_scopes: gateway.settings.allowed_scopes,
    }
}

async fn targets(desk: &Desk, cloud: &Cloud, id: &str) -> Told<Vec<Wired>> {
    let listed = desk.told(async || cloud.agentcore.list_targets(id.to_owned()).await).await?;
    let mut targets = Vec::new();
    for one in listed {
        let wanted = TargetRef { gateway_id: id.to_owned(), id: one.id };
        // One that went away since it was listed is not there.
        targets.extend(desk.told(async || cloud.agentcore.get_target(wanted.clone()).await).await?);
    }
    Ok(targets)
}

async fn target_facts(desk: &Desk, cloud: &Cloud, target: Wired) -> TargetFacts {
    let wiring = match target.settings {
        None => None,
        Some(settings) => Some(Wiring {
            schema: schema(desk, cloud, &settings).await,
            schema_uri: settings.schema_uri,
            header: settings.header,
            provider_arn: settings.provider_arn,
            routing_domain: settings.private_endpoint.and_then(|endpoint| endpoint.routing_domain),
        }),
    };
    TargetFacts {
        name: target.name,
        status: target.condition.status,
        reasons: target.condition.reasons,
        wiring,
    }
}

/// What the schema of a target says.
async fn schema(desk: &Desk, cloud: &Cloud, settings: &TargetSettings) -> Told<Option<String>> {
    let unreadable = |reason: &str| NotTold {
        action: "s3:GetObject".to_owned(),
        reason: reason.to_owned(),
        is_denied: false,
        is_unsupported: false,
    };
    let Some((bucket, key)) =
        settings.schema_uri.strip_prefix("s3://").and_then(|place| place.split_once('/'))
    else {
        return Ok(None);
    };
    let owner = AccountId::parse(&settings.schema_owner)
        .map_err(|_| unreadable("the target does not say whose the bucket is"))?;
    let wanted = ObjectRef { bucket: BucketRef { name: bucket.to_owned(), owner }, key: key.to_owned() };
    let found = desk.told(async || cloud.s3.get_object(wanted.clone()).await).await?;
    Ok(found.map(|body| String::from_utf8_lossy(body.bytes()).into_owned()))
}

/// The ARN of the secret in which the provider of a target keeps the key.
async fn secret_of(desk: &Desk, cloud: &Cloud, target: Option<&TargetSettings>) -> Result<String, String> {
    let arn = target.map(|settings| settings.provider_arn.as_str()).ok_or("no target has a key")?;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let asked = desk.told(async || cloud.agentcore.get_credential_provider(name.to_owned()).await).await;
    match asked {
        Ok(Some(provider)) => Ok(provider.secret_arn),
        Ok(None) => Err(format!("the credential provider {name} is gone")),
        Err(why) => Err(format!("the credential provider could not be looked at: {}", why.reason)),
    }
}

/// The key that a secret of a provider holds.
async fn key_of(desk: &Desk, cloud: &Cloud, arn: &str) -> Result<Secret<String>, String> {
    let asked = desk.told(async || cloud.secrets.get_secret_value(arn.to_owned()).await).await;
    let text = match asked {
        Ok(Some(text)) => text,
        Ok(None) => return Err("the secret of the key is gone".to_owned()),
        Err(why) if why.is_denied => return Err(format!("{} is not allowed here", why.action)),
        Err(why) => return Err(format!("the key could not be read: {}", why.reason)),
    };
    let value: Option<Value> = serde_json::from_str(text.expose()).ok();
    let key = value.as_ref().and_then(|value| value.get(API_KEY_FIELD)?.as_str());
    key.map(|key| Secret::new(key.to_owned())).ok_or_else(|| format!("the secret has no `{API_KEY_FIELD}`"))
}

async fn role(
    desk: &Desk,
    cloud: &Cloud,
    gateway: &Gateway,
    wired: &[TargetSettings],
    secret_arn: Option<&str>,
) -> Told<Option<RoleFacts>> {
    let arn = gateway.settings.role_arn.as_str();
    let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let Some(role) = desk.told(async || cloud.iam.get_role(name.clone()).await).await? else {
        return Ok(None);
    };
    let simulated = simulated(desk, cloud, gateway, wired, secret_arn).await;
    Ok(Some(RoleFacts { name, trust: role.trust, simulated }))
}

/// What the policies of the role say of everything that a call of each target takes.
async fn simulated(
    desk: &Desk,
    cloud: &Cloud,
    gateway: &Gateway,
    wired: &[TargetSettings],
    secret_arn: Option<&str>,
) -> Told<Vec<Simulated>> {
    let needs: BTreeSet<(String, String)> = wired
        .iter()
        .flat_map(|one| standing::needs(&gateway.arn, &one.provider_arn, secret_arn, &one.schema_uri))
        .collect();
    let actions: BTreeSet<&String> = needs.iter().map(|(action, _)| action).collect();
    let mut all = Vec::new();
    for action in actions {
        let resources = needs.iter().filter(|(one, _)| one == action).map(|(_, on)| on.clone());
        let question = Simulation {
            principal_arn: gateway.settings.role_arn.clone(),
            actions: vec![action.clone()],
            resources: resources.collect(),
        };
        all.extend(desk.simulated(cloud, question).await?);
    }
    Ok(all)
}
