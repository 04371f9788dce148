//! What a real deployment finds on the network, on loopback: issuer, Bedrock, certificate authority; and the real proxy
//! between them, configured as the deployment says.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use checks::cognito::{self, Client, Options};
use checks::endpoint::Manner;
use checks::remote::http::{self, Request, Url};
use checks::remote::tls::{self, Trust};
use cloud::port::cognito::AppClientRef;
use cloud_loopback::{Authority, Bedrock, BedrockOptions, Issuer, IssuerOptions, Pair};
use model::Secret;
use model::config::{Config, Mode};
use model::plan::StepId;
use provision::bundle::{self, Deployed, Site};
use provision::clock::Clock as _;
use provision::journal::State;
use tokio::time::Instant;

use super::folder::{Folder, write};
use super::process::{Order, Proxy};
use super::stop::{Stop, cancelled};
use crate::app::App;
use crate::args::StateArgs;
use crate::commands::check;
use crate::compose::{self, SystemClock};
use crate::failure::{Failure, codes};
use crate::running::Place;

/// The host that every machine calls itself.
pub(super) const LOCALHOST: &str = "localhost";
/// How long open answers may go on when everything is taken down, seconds.
const DRAIN_S: u32 = 1;
/// How often it is tried again with another port, where one was taken in between.
const PORTS: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// The user pool that was deployed, as its issuer has to be.
pub(super) struct Pool {
    id: String,
    issuer: String,
    client_id: String,
    client_secret: Secret<String>,
    scopes: Vec<String>,
}

impl Pool {
    /// Reads it out of the practice account.
    pub(super) fn read(
        app: &App,
        state_file: &Path,
        state: &State,
        config: &Config,
        fast: bool,
    ) -> Result<Self, Box<Failure>> {
        let output = |step: StepId, name: &str| {
            state.step(step).outputs.get(name).cloned().ok_or_else(|| {
                Failure::new(
                    codes::NO_PART,
                    step.as_str(),
                    format!("the state file does not know `{name}` of {step}"),
                )
            })
        };
        let (id, issuer) = (output(StepId::UserPool, "id")?, output(StepId::UserPool, "issuer")?);
        let client_id = output(StepId::AppClient, "id")?;
        let wanted = AppClientRef { pool_id: id.clone(), id: client_id.clone() };
        let account = account(app, state_file, state, fast);
        let secret = check::wait(app, &StateArgs::default(), async |session| {
            let cloud = compose::reach(session, &account).await?;
            let asked = cloud.cognito.app_client_secret(wanted);
            session.look(async { asked.await.map_err(|error| Failure::of_look(error.into())) }).await
        })?;
        let client_secret = secret.ok_or_else(|| {
            Failure::new(codes::NO_PART, "cognito.app-client", "the app client of the state file is gone")
                .hint("`rehearse` makes it again")
        })?;
        let cognito = &config.cognito;
        let scopes =
            cognito.scopes.iter().map(|scope| format!("{}/{scope}", cognito.resource_server)).collect();
        Ok(Self { id, issuer, client_id, client_secret, scopes })
    }
}

/// The practice account of a rehearsal.
pub(super) fn account(app: &App, state_file: &Path, state: &State, fast: bool) -> compose::Account {
    let header = &state.header;
    let (region, number) = (Some(&header.region), Some(&header.account_id));
    compose::account(app, Mode::Rehearsal, state_file, region, number, None, fast)
}

/// Has ACM issue what it was asked for; whether it was.
pub(super) fn prove_names(app: &App, state_file: &Path, state: &State) -> Result<bool, Box<Failure>> {
    if state.step(StepId::Certificate).id.is_none() {
        return Ok(false);
    }
    let account = account(app, state_file, state, true);
    check::wait(app, &StateArgs::default(), async |session| {
        compose::publish_records(session, &account).await
    })?;
    Ok(true)
}

/// What the proxy talks to.
pub(super) struct Services {
    issuer: Issuer,
    bedrock: Bedrock,
    pool: Pool,
    access_token_minutes: u32,
}

impl Services {
    /// Starts issuer and Bedrock for a deployment.
    pub(super) fn start(pool: Pool, config: &Config) -> Result<Self, Box<Failure>> {
        let minutes = config.cognito.access_token_minutes;
        let issuer = Issuer::start(IssuerOptions {
            pool: pool.id.clone(),
            name: Some(pool.issuer.clone()),
            clients: vec![cloud_loopback::Client {
                id: pool.client_id.clone(),
                secret: pool.client_secret.expose().clone(),
                scopes: pool.scopes.clone(),
            }],
            lifetime: Duration::from_secs(u64::from(minutes).saturating_mul(60)),
            ..IssuerOptions::default()
        })
        .map_err(|error| not_started("the practice issuer", &error))?;
        let bedrock = Bedrock::start(&BedrockOptions::default())
            .map_err(|error| not_started("the practice Bedrock", &error))?;
        Ok(Self { issuer, bedrock, pool, access_token_minutes: minutes })
    }

    /// Whose tokens count.
    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where they are, for people.
    pub(super) fn words(&self) -> String {
        let host = |url: String| url.replace("http://", "").split('/').next().unwrap_or_default().to_owned();
        format!("practice Cognito at {}, Bedrock at {}", host(self.issuer.place()), host(self.bedrock.url()))
    }

    /// Fetches a token, as a client of the deployment would.
    pub(super) fn token(&self) -> Result<Secret<String>, Box<Failure>> {
        let options = Options {
            issuer: self.pool.issuer.clone(),
            reached_at: Some(self.issuer.place()),
            client: Ok(Client {
                id: self.pool.client_id.clone(),
                secret: self.pool.client_secret.clone(),
                scopes: self.pool.scopes.clone(),
                token_endpoint: Some(self.issuer.token_endpoint()),
                access_token_minutes: Some(self.access_token_minutes),
            }),
            manner: check::manner(None)?,
        };
        let run = check::wait_simply(async || Ok(cognito::check(&options).await))?;
        run.token.ok_or_else(|| {
            let first = run.result.findings.iter().find(|one| one.severity >= model::Severity::Unknown);
            let why = first.map_or_else(String::new, |one| format!("{}: {}", one.code, one.message));
            Failure::new(codes::NO_PART, &self.issuer.place(), "the practice issuer gave no token")
                .evidence(why)
        })
    }

    /// Half of a token's life.
    pub(super) fn refresh_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.access_token_minutes).saturating_mul(30))
    }
}

/// A certificate and who vouches for it.
pub(super) struct Certified {
    pub(super) pair: Pair,
    pub(super) root_pem: String,
}

/// Makes the authority and the certificate of everything that is served.
pub(super) fn certify(folder: &Folder, names: &[String]) -> Result<Certified, Box<Failure>> {
    let now = SystemClock.now().into();
    let failed = |error: &dyn std::error::Error| not_started("the practice certificate authority", error);
    let authority =
        Authority::new("Practice CA of sre-agent-deploy rehearse", now).map_err(|e| failed(&e))?;
    let pair = authority.issue(names, now).map_err(|e| failed(&e))?;
    let root_pem = authority.root_pem();
    write(&folder.ca(), &root_pem)?;
    write(&folder.certificate(), &pair.chain_pem)?;
    write(&folder.key(), &pair.key_pem)?;
    Ok(Certified { pair, root_pem })
}

/// The names that the certificate has to be good for.
pub(super) fn names(config: &Config) -> Vec<String> {
    let known = [LOCALHOST.to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    config.tls.domain.iter().cloned().chain(known).collect()
}

/// What is asked of the proxy beside what the deployment says.
pub(super) struct Wishes<'a> {
    /// Its program.
    pub(super) program: &'a Path,
    /// Its port; none is any free one.
    pub(super) port: Option<u16>,
    /// How long it may take until it is ready.
    pub(super) ready_within: Duration,
}

/// Starts the proxy, and returns when it is ready.
pub(super) fn serve(
    folder: &Folder,
    services: &Services,
    config: &Config,
    wishes: &Wishes<'_>,
    stop: &Stop,
) -> Result<(Proxy, Place), Box<Failure>> {
    let mut left = PORTS;
    loop {
        left = left.saturating_sub(1);
        let port = free_port(wishes.port)?;
        match serve_on(port, folder, services, config, wishes, stop) {
            // Somebody else took it between our look and the proxy's start.
            Err(_) if wishes.port.is_none() && left > 0 && free_port(Some(port)).is_err() => {}
            served => return served,
        }
    }
}

fn serve_on(
    port: u16,
    folder: &Folder,
    services: &Services,
    config: &Config,
    wishes: &Wishes<'_>,
    stop: &Stop,
) -> Result<(Proxy, Place), Box<Failure>> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let domain = config.tls.domain.as_deref().unwrap_or(LOCALHOST);
    let site = Site {
        listen,
        drain_s: DRAIN_S,
        cert_path: "fullchain.pem".into(),
        key_path: "privkey.pem".into(),
        names: names(config),
        acme_challenges: None,
        jwks_uri: Some(&services.issuer.jwks_uri()),
        bedrock: Some(&services.bedrock.url()),
        ledger: None,
        has_metrics: false,
    };
    let deployed = Deployed {
        issuer: services.pool.issuer.clone(),
        client_id: services.pool.client_id.clone(),
        certificate_arn: None,
    };
    write(&folder.config(), &bundle::proxy_config_at(config, &deployed, &site))?;
    let variables = [
        // Bedrock's small stand-in takes any signature; the proxy signs as it always does.
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "practice".to_owned()),
        ("AWS_REGION", config.aws.region.to_string()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
    ];
    let order = Order {
        program: wishes.program,
        config: &folder.config(),
        variables: &variables,
        log: &folder.log(),
    };
    let mut proxy = Proxy::start(&order).map_err(|error| not_started("the proxy", &error))?;
    let place = Place {
        pid: std::process::id(),
        url: format!("https://{domain}:{port}"),
        address: listen.ip(),
        local_url: format!("https://{LOCALHOST}:{port}"),
        // Checks may be run from any folder.
        ca_file: std::path::absolute(folder.ca()).unwrap_or_else(|_| folder.ca()),
        issuer: services.issuer.place(),
        token_endpoint: services.issuer.token_endpoint(),
        gateway: None,
    };
    wait_until_ready(&mut proxy, &place, wishes, folder, stop)?;
    Ok((proxy, place))
}

/// Asks the proxy for its health as a load balancer would, until it is well.
fn wait_until_ready(
    proxy: &mut Proxy,
    place: &Place,
    wishes: &Wishes<'_>,
    folder: &Folder,
    stop: &Stop,
) -> Result<(), Box<Failure>> {
    let subject = wishes.program.display().to_string();
    let url: Url = place.url.parse().map_err(|why: String| {
        Failure::new(codes::NO_PART, "tls.domain", "the endpoint has no URL").evidence(why)
    })?;
    let Manner { roots, now, step, .. } = check::manner(Some(&place.ca_file))?;
    let options = http::Options {
        trust: Trust::Roots { roots, now: tls::moment(now) },
        address: Some(place.address),
        step,
        answer: step,
        ..http::Options::default()
    };
    let request = Request::get(url.at("/health/ready"));
    check::wait_simply(async || {
        let started = Instant::now();
        let mut last = String::new();
        loop {
            if let Some(status) = proxy.ended() {
                let message = format!("the proxy ended before it was ready: {status}");
                return Err(Failure::new(codes::PROXY_ENDED, &subject, message)
                    .evidence(said(proxy))
                    .hint(format!("everything that it said is in {}", folder.log().display())));
            }
            let asked = async {
                match http::fetch(&request, &options).await {
                    Ok(whole) if whole.status.as_u16() == 200 => None,
                    Ok(whole) => Some(format!("/health/ready answers {}", whole.status.as_u16())),
                    Err(error) => Some(error.to_string()),
                }
            };
            let left = wishes.ready_within.saturating_sub(started.elapsed());
            tokio::select! {
                biased;
                () = stop.token().cancelled() => return Err(cancelled()),
                answer = tokio::time::timeout(left, asked) => match answer {
                    Ok(None) => return Ok(()),
                    Ok(Some(why)) => last = why,
                    Err(_) => {}
                },
            }
            if started.elapsed() >= wishes.ready_within {
                let message = format!("the proxy is not ready after {:?}: {last}", wishes.ready_within);
                return Err(Failure::new(codes::PROXY_NOT_READY, &subject, message)
                    .evidence(said(proxy))
                    .hint("a machine under load takes its time: --ready-within 60s"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

/// The end of what the proxy said.
fn said(proxy: &Proxy) -> String {
    let words = proxy.last_words();
    if words.is_empty() { "it said nothing".to_owned() } else { format!("its last words:\n{words}") }
}

/// A port that nobody has, or the one that is wanted if nobody has it.
pub(super) fn free_port(wanted: Option<u16>) -> Result<u16, Box<Failure>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted.unwrap_or(0)));
    listener.and_then(|listener| listener.local_addr()).map(|address| address.port()).map_err(|error| {
        let port = wanted.map_or_else(|| "a free port".to_owned(), |port| format!("port {port}"));
        Failure::new(codes::PORT_TAKEN, "--port", format!("{port} of 127.0.0.1 cannot be used"))
            .evidence(error.to_string())
            .hint("leave --port out to have any free one, or see who has it: ss -ltnp")
    })
}

pub(super) fn not_started(what: &str, error: &dyn std::error::Error) -> Box<Failure> {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    Failure::new(codes::NO_PART, "rehearsal", format!("{what} cannot be started")).evidence(why)
}
