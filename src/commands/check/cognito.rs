//! The user pool of a deployment: where it is, and a token for the checks that need one.

use checks::cognito::{self, Client, Options, Run};
use checks::endpoint::{Manner, Token};
use cloud::port::cognito::AppClientRef;
use model::plan::StepId;
use model::{Finding, Secret, Severity};
use provision::journal::State;

use super::account::ask::{Place as Account, reach};
use super::{Target, wait};
use crate::app::App;
use crate::args::{ConfigArgs, StateArgs};
use crate::failure::Failure;
use crate::session::Session;

/// What there is to know of a deployment's user pool.
pub(crate) enum Known {
    /// It was asked.
    Asked(Run),
    /// There is nothing to ask, and why.
    Nothing(Finding),
}

/// No token was named, and none can be fetched.
pub(crate) fn no_token() -> Token {
    Token::Missing {
        because: "there is no token".to_owned(),
        hint: format!("name one with --token-file FILE, or in {}", super::endpoint::TOKEN),
    }
}

/// The token of a round trip, for the endpoint.
pub(crate) fn token(known: Known) -> Token {
    match known {
        Known::Asked(Run { token: Some(token), .. }) => Token::Given(token),
        Known::Asked(Run { result, .. }) => Token::Missing {
            because: format!("{} gave no token", result.subject.name),
            hint: match result.findings.iter().find(|finding| finding.severity >= Severity::Unknown) {
                Some(cause) => format!("{}: {}", cause.code, cause.message),
                None => format!("name one with --token-file FILE, or in {}", super::endpoint::TOKEN),
            },
        },
        Known::Nothing(_) => no_token(),
    }
}

/// Asks the user pool of a deployment, as a machine would.
pub(crate) fn run(
    app: &App,
    config: &ConfigArgs,
    state: &StateArgs,
    target: &Target,
    manner: &Manner,
) -> Result<Known, Box<Failure>> {
    let subject = target.config.as_ref().map_or("cognito", |config| config.deployment.id.as_str());
    let nothing = |why: &str| {
        let message = format!("the user pool was not asked: skipped because {why}");
        Ok(Known::Nothing(Finding::new("SRE-COG-001", Severity::Skipped, subject, message)))
    };
    let running = target.running.place();
    if running.is_none() && super::is_practice(app, target) {
        let why = super::endpoint::not_practised(target);
        return nothing(why.unwrap_or("a practice account has no issuer"));
    }
    let Some(place) = target.state.as_ref().and_then(Place::of) else {
        return nothing("the state file knows none");
    };
    wait(app, state, async |session| {
        session.say("asking the user pool");
        let mut client = client(session, config, target, &place).await?;
        if let (Some(running), Ok(client)) = (running, &mut client) {
            client.token_endpoint = Some(running.token_endpoint.clone());
        }
        let reached_at = running.map(|running| running.issuer.clone());
        let options = Options { issuer: place.issuer.clone(), reached_at, client, manner: manner.clone() };
        session.look(async { Ok(Known::Asked(cognito::check(&options).await)) }).await
    })
}

/// Where the pool of a deployment is.
struct Place {
    issuer: String,
    pool: String,
    client: Option<String>,
    token_endpoint: Option<String>,
}

impl Place {
    fn of(state: &State) -> Option<Self> {
        let output = |step: StepId, name: &str| state.step(step).outputs.get(name).cloned();
        Some(Self {
            issuer: output(StepId::UserPool, "issuer")?,
            pool: output(StepId::UserPool, "id")?,
            client: output(StepId::AppClient, "id"),
            token_endpoint: output(StepId::Domain, "token_endpoint"),
        })
    }
}

/// The app client with its secret, or why there is none.
async fn client(
    session: &Session<'_>,
    args: &ConfigArgs,
    target: &Target,
    place: &Place,
) -> Result<Result<Client, (String, String)>, Box<Failure>> {
    let (Some(id), Some(config)) = (&place.client, &target.config) else {
        return Ok(Err((
            "the deployment has no app client yet".to_owned(),
            "go on with the deployment; status shows where it stands".to_owned(),
        )));
    };
    match secret(session, target, args.profile.as_deref(), place, id).await {
        Ok(Some(secret)) => Ok(Ok(Client {
            id: id.clone(),
            secret,
            scopes: config
                .cognito
                .scopes
                .iter()
                .map(|scope| format!("{}/{scope}", config.cognito.resource_server))
                .collect(),
            token_endpoint: place.token_endpoint.clone(),
            access_token_minutes: Some(config.cognito.access_token_minutes),
        })),
        Ok(None) => Ok(Err((
            "the app client is gone, or has no secret".to_owned(),
            "a deploy with this configuration makes it again".to_owned(),
        ))),
        Err(failure) if session.cancel.is_cancelled() => Err(failure),
        Err(failure) => {
            let first = failure.findings.first();
            let why = first.map_or("", |finding| finding.message.as_str());
            let hint = first.and_then(|finding| finding.hint.clone());
            Ok(Err((
                format!("the secret of the app client could not be read: {why}"),
                hint.unwrap_or_else(|| {
                    "allow cognito-idp:DescribeUserPoolClient on the user pool".to_owned()
                }),
            )))
        }
    }
}

async fn secret(
    session: &Session<'_>,
    target: &Target,
    profile: Option<&str>,
    place: &Place,
    client: &str,
) -> Result<Option<Secret<String>>, Box<Failure>> {
    let account = Account { config: target.config.as_ref(), region: None, profile };
    let cloud = reach(session, target, &account).await?;
    let wanted = AppClientRef { pool_id: place.pool.clone(), id: client.to_owned() };
    let asked = cloud.cognito.app_client_secret(wanted);
    let timely = tokio::time::timeout(session.limits.operation, asked);
    session
        .look(async {
            match timely.await {
                Ok(Ok(secret)) => Ok(secret),
                Ok(Err(error)) => {
                    Err(Failure::of_findings(vec![provision::advice::of_call("cognito.app-client", &error)]))
                }
                Err(_) => Err(Failure::new("SRE-RUN-003", "cognito.app-client", "no answer in time")),
            }
        })
        .await
}
