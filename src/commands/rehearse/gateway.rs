//! The gateway of a rehearsal: what the practice account was told to make, served on loopback before its four backends.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use checks::remote::http::Url;
use cloud_loopback::{GatewayStage, GatewayStageOptions, Issuer};
use model::Secret;
use provision::journal::State;

use super::stage::{Certified, LOCALHOST, account, not_started};
use crate::app::App;
use crate::args::StateArgs;
use crate::commands::check::{self, DeployedGateway, gateway_account};
use crate::compose;
use crate::failure::{Failure, codes};
use crate::running::GatewayPlace;

/// The gateway that was deployed, as it has to be served.
pub(super) struct Wanted {
    url: Url,
    key: Secret<String>,
    clients: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

impl Wanted {
    /// Reads it out of the practice account; none where the deployment has none.
    pub(super) fn read(
        app: &App,
        state_file: &Path,
        state: &State,
        fast: bool,
    ) -> Result<Option<Self>, Box<Failure>> {
        let Some(deployed) = DeployedGateway::of(Some(state)) else { return Ok(None) };
        let account = account(app, state_file, state, fast);
        let seen = check::wait(app, &StateArgs::default(), async |session| {
            let cloud = compose::reach(session, &account).await?;
            session.look(gateway_account::look(&cloud, &deployed)).await
        })?;
        let wrong = |message: &str, why: String| {
            Failure::new(codes::NO_PART, &deployed.id, message)
                .evidence(why)
                .hint("`rehearse` makes it again")
        };
        let url = deployed.url.parse().map_err(|why| wrong("the gateway has no URL", why))?;
        let key = seen.key.map_err(|why| wrong("the gateway has no key for its backends", why))?;
        let (clients, scopes) = seen.takes;
        Ok(Some(Self { url, key, clients, scopes }))
    }

    /// The name that its certificate has to be good for.
    pub(super) fn host(&self) -> String {
        self.url.host.to_string()
    }

    /// Starts it with its backends.
    pub(super) fn start(
        self,
        certified: &Certified,
        domain: Option<&str>,
        issuer: &Issuer,
    ) -> Result<Gateway, Box<Failure>> {
        let options = GatewayStageOptions {
            domain: domain.unwrap_or(LOCALHOST).to_owned(),
            pair: certified.pair.clone(),
            roots_pem: certified.root_pem.clone(),
            api_key: self.key,
            allowed_clients: self.clients,
            allowed_scopes: self.scopes,
        };
        let stage = GatewayStage::start(options, issuer)
            .map_err(|error| not_started("the practice gateway", &error))?;
        Ok(Gateway { stage, url: self.url })
    }
}

/// The running gateway. It ends, with its backends, when this value does.
pub(super) struct Gateway {
    stage: GatewayStage,
    url: Url,
}

impl Gateway {
    /// Where it is, under its own name.
    pub(super) fn place(&self) -> GatewayPlace {
        let url = Url { port: self.stage.gateway.address().port(), ..self.url.clone() };
        let backends = self.stage.places().into_iter().map(|(backend, place)| (backend, place.port()));
        GatewayPlace { url: url.to_string(), backends: backends.collect() }
    }

    /// Where it is, for people.
    pub(super) fn words(&self) -> String {
        let ports: Vec<String> = self.stage.places().values().map(|place| place.port().to_string()).collect();
        let own = self.stage.gateway.address().port();
        format!("practice gateway at {}:{own}, its backends at {}", Ipv4Addr::LOCALHOST, ports.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use checks::endpoint::Token;
    use checks::gateway::{Options, check as asked};
    use cloud_loopback::IssuerOptions;
    use model::Severity;
    use model::agent::Backend;

    use super::super::folder::Folder;
    use super::super::stage::certify;
    use super::*;

    /// Under the name that AWS gave it, with a certificate of the rehearsal's authority, to a token of its issuer.
    #[test]
    fn a_staged_gateway_is_proved_by_tool_calls() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::of(&place.path().join("state"));
        folder.make().unwrap();
        let issuer = Issuer::start(IssuerOptions::default()).unwrap();
        let wanted = Wanted {
            url: "https://sre-0123456789.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp"
                .parse()
                .unwrap(),
            key: Secret::new("a-key".to_owned()),
            clients: [issuer.clients()[0].id.clone()].into(),
            scopes: ["sre-agent-api/read".to_owned()].into(),
        };
        let names = [wanted.host(), "api.rehearsal.internal".to_owned()];
        let certified = certify(&folder, &names).unwrap();
        let gateway = wanted.start(&certified, Some("api.rehearsal.internal"), &issuer).unwrap();
        let place = gateway.place();
        assert_eq!(place.backends.len(), Backend::ALL.len());
        let mut manner = check::manner(Some(&folder.ca())).unwrap();
        manner.address = Some(Ipv4Addr::LOCALHOST.into());
        manner.answer = Duration::from_secs(20);
        let options = Options {
            url: place.url.parse().unwrap(),
            manner,
            token: Token::Given(Secret::new(issuer.mint(&issuer.claims()))),
            issuer: Some(issuer.url()),
            targets: Backend::ALL.to_vec(),
        };
        let result = check::wait_simply(async || Ok(asked(&options).await)).unwrap();
        assert!(result.findings.iter().all(|finding| finding.severity == Severity::Ok), "{result:#?}");
        assert_eq!(result.findings.iter().filter(|finding| finding.code == "SRE-GW-007").count(), 4);
    }
}
