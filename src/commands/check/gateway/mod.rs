//! `check gateway`: where the gateway is, who asks it, where its backends are, and what the account says of it.

pub(crate) mod account;
mod runtime;

use std::collections::BTreeMap;
use std::time::Duration;

use checks::endpoint::{Manner, Token};
use checks::gateway::{Backends, Options, Route, backends, check, route};
use checks::remote::dns::NameServers;
use checks::remote::http::Url;
use checks::remote::target::Host;
use checks::{CheckResult, Subject, SubjectKind};
use model::agent::Backend;
use model::plan::StepId;
use model::{Finding, Secret, Severity};
use provision::journal::State;

use super::{Results, Target, cognito, finish, named_token, or_unknown, target, wait};
use crate::app::{App, Ended};
use crate::args::{CertsArgs, GatewayArgs};
use crate::failure::{Failure, codes};
use crate::running::GatewayPlace;
use crate::storage;

/// How long a question to a name server may take.
const STEP: Duration = Duration::from_secs(5);

/// `check gateway`
pub(crate) fn command(app: &App, args: &GatewayArgs) -> Ended {
    let target = target(app, &args.usual.config, &args.usual.state)?;
    super::selection(&args.usual.judge)?;
    let results = match &args.url {
        Some(text) => asked_by_url(app, args, text)?,
        None => match Deployed::of(target.state.as_ref()) {
            Some(deployed) => of_deployment(app, args, &target, &deployed, None)?,
            None => return Err(nothing(app, &target)?),
        },
    };
    finish(app, &args.usual.judge, None, results)
}

/// What there is to say of a deployment with a gateway, for `verify`; nothing of one without.
pub(crate) fn results_as(app: &App, args: &GatewayArgs, target: &Target, token: Token) -> Results {
    match Deployed::of(target.state.as_ref()) {
        Some(deployed) => of_deployment(app, args, target, &deployed, Some(token)),
        None => Ok(Vec::new()),
    }
}

/// The gateway of a deployment, as its step left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployed {
    /// Its id.
    pub(crate) id: String,
    /// Where MCP is spoken to it.
    pub(crate) url: String,
    /// The id of the agent's memory, if one was made.
    pub(crate) memory: Option<String>,
}

impl Deployed {
    /// Reads it out of the journal.
    pub(crate) fn of(state: Option<&State>) -> Option<Self> {
        let output = |step: StepId, name: &str| state?.step(step).outputs.get(name).cloned();
        Some(Self {
            id: output(StepId::Gateway, "id")?,
            url: output(StepId::Gateway, "url")?,
            memory: output(StepId::Memory, "id"),
        })
    }
}

/// Why there is nothing to look at.
fn nothing(app: &App, target: &Target) -> Result<Box<Failure>, Box<Failure>> {
    if target.config.is_none() {
        storage::peek_existing(app, &target.state_file)?;
    }
    let failure = Failure::new(codes::NO_ENDPOINT, "gateway", "the state file knows no gateway");
    Ok(failure.hint(format!(
        "deploy with `gateway` in the configuration, or name one: {} check gateway --url URL --token-file FILE",
        app.program
    )))
}

/// The URL of a gateway. A token is sent in clear to this machine only.
fn url(subject: &str, text: &str) -> Result<Url, Box<Failure>> {
    let wrong = |why: String| {
        Failure::new(codes::NO_ENDPOINT, subject, why)
            .hint("such as https://ID.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp")
    };
    let url: Url = text.parse().map_err(wrong)?;
    let is_here = match &url.host {
        Host::Address(address) => address.is_loopback(),
        host @ Host::Name { .. } => host.to_string() == "localhost",
    };
    if !url.is_secure && !is_here {
        return Err(wrong(format!("`{text}` is without TLS, and a token is never sent in clear")));
    }
    Ok(url)
}

/// A gateway that the operator names: of what is behind it nothing is known.
fn asked_by_url(app: &App, args: &GatewayArgs, text: &str) -> Results {
    let url = url("--url", text)?;
    let mut manner = super::manner(args.ca_file.as_deref())?;
    manner.address = args.address;
    let token = named_token(app, args.token_file.as_deref())?.map_or_else(cognito::no_token, Token::Given);
    let options = Options { url, manner, token, issuer: None, targets: Backend::ALL.to_vec() };
    wait(app, &args.usual.state, async |session| {
        session.say("asking the gateway");
        session.look(async { Ok(vec![check(&options).await]) }).await
    })
}

/// The gateway of a deployment: what the account says, what the gateway does, and what its backends do.
fn of_deployment(
    app: &App,
    args: &GatewayArgs,
    target: &Target,
    deployed: &Deployed,
    fetched: Option<Token>,
) -> Results {
    let mut results = Vec::new();
    let key = match account::ask(app, args, target, deployed) {
        Ok(known) => {
            results.push(known.result);
            known.key
        }
        Err(failure) => {
            results.extend(or_unknown(&deployed.id, Err(failure))?);
            Err("the account could not be asked for the key".to_owned())
        }
    };
    results.extend(or_unknown(StepId::Runtime.as_str(), runtime::ask(app, args, target))?);
    let running = target.running.place();
    let served = running.and_then(|place| place.gateway.as_ref());
    if served.is_none() && super::is_practice(app, target) {
        let why = super::endpoint::not_practised(target).unwrap_or("a practice account serves no gateway");
        let message = format!("the gateway was not asked: skipped because {why}");
        let finding = Finding::new("SRE-GW-001", Severity::Skipped, &deployed.id, message);
        let subject = Subject::new(SubjectKind::Endpoint, deployed.id.clone());
        results.push(CheckResult::new(subject, Vec::new(), vec![finding]));
        return Ok(results);
    }
    let mut manner = super::manner(target.ca_file(args.ca_file.as_deref()))?;
    manner.address = args.address.or(running.map(|place| place.address));
    let token = match (fetched, named_token(app, args.token_file.as_deref())?) {
        (Some(token), _) => token,
        (None, Some(token)) => Token::Given(token),
        (None, None) => {
            cognito::token(cognito::run(app, &args.usual.config, &args.usual.state, target, &manner)?)
        }
    };
    let options = Options {
        url: url(
            StepId::Gateway.as_str(),
            served.map_or(deployed.url.as_str(), |served| served.url.as_str()),
        )?,
        manner: manner.clone(),
        token,
        issuer: issuer(target),
        targets: Backend::ALL.to_vec(),
    };
    let behind = behind(target, served, manner, key)?;
    // A rehearsal has no VPC, and nobody knows its name.
    let way = if served.is_some() { None } else { way(target) };
    results.extend(wait(app, &args.usual.state, async |session| {
        session.say("asking the gateway and its backends");
        let asked = async {
            let mut all = vec![check(&options).await];
            all.extend(backends(&behind).await);
            if let Some(way) = &way {
                all.push(route(way).await);
            }
            Ok(all)
        };
        session.look(asked).await
    })?);
    results.extend(certificates(app, args, target, &behind)?);
    Ok(results)
}

/// The issuer whose tokens the gateway has to take.
fn issuer(target: &Target) -> Option<String> {
    target.state.as_ref()?.step(StepId::UserPool).outputs.get("issuer").cloned()
}

/// By which name the targets look for the backends, and the address that would be out of their reach.
fn way(target: &Target) -> Option<Route> {
    let config = target.config.as_ref()?;
    let elastic_ip = target.state.as_ref()?.step(StepId::Address).outputs.get("public_ip").cloned();
    Some(Route {
        domain: config.tls.domain.clone()?,
        routing_domain: config.gateway.as_ref()?.routing_domain.clone(),
        elastic_ip: elastic_ip.and_then(|text| text.parse().ok()),
        name_servers: NameServers::of_system(STEP),
    })
}

/// Where the backends are: under the domain of the deployment, or where a rehearsal serves them.
fn behind(
    target: &Target,
    served: Option<&GatewayPlace>,
    manner: Manner,
    key: Result<Secret<String>, String>,
) -> Result<Backends, Box<Failure>> {
    let domain = target.config.as_ref().and_then(|config| config.tls.domain.as_deref());
    let mut urls = BTreeMap::new();
    for backend in domain.map_or(&[][..], |_| &Backend::ALL) {
        let served = served.and_then(|served| served.backends.get(backend).copied());
        let text = format!("https://{}:{}", domain.unwrap_or_default(), served.unwrap_or(backend.port()));
        let url: Url =
            text.parse().map_err(|why: String| Failure::new(codes::NO_ENDPOINT, "tls.domain", why))?;
        urls.insert(*backend, url);
    }
    Ok(Backends { urls, manner, key })
}

/// The certificates of the backends, judged as those of any server.
fn certificates(app: &App, args: &GatewayArgs, target: &Target, behind: &Backends) -> Results {
    if behind.urls.is_empty() {
        return Ok(Vec::new());
    }
    let address = behind.manner.address.map(|address| format!(",address={address}")).unwrap_or_default();
    let endpoint = behind.urls.values().map(|url| format!("{}:{}{address}", url.host, url.port)).collect();
    let ca_file = target.ca_file(args.ca_file.as_deref()).map(std::path::Path::to_path_buf);
    let certs = CertsArgs { endpoint, ca_file, usual: args.usual.clone(), ..CertsArgs::default() };
    or_unknown("certificates of the backends", super::certs(app, &certs, target))
}

#[cfg(test)]
mod tests;
