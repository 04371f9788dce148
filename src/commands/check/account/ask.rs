//! Asks the account a question that changes nothing: an answer, or why there is none.

use std::cell::RefCell;
use std::time::Duration;

use checks::account::facts::{Decision, NotTold, Simulated, Told};
use cloud::port::iam::{Decision as Said, Simulation};
use cloud::{CallError, Cloud, ErrorKind};
use model::Region;
use model::config::{Config, Mode};

use super::super::{Target, wait};
use crate::app::App;
use crate::args::StateArgs;
use crate::compose;
use crate::failure::{Failure, codes};
use crate::session::Session;

/// How often a question is asked whose answer got lost or was throttled.
const ATTEMPTS: u32 = 3;
/// The usual first pause.
const PAUSE: Duration = Duration::from_millis(500);

/// Questions, and what the answers said about the credentials.
pub(in super::super) struct Desk {
    /// The first pause; the next is twice as long.
    pause: Duration,
    /// Credentials that are missing or do not work: nothing else can be said then.
    refused: RefCell<Option<CallError>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { pause: PAUSE, refused: RefCell::new(None) }
    }
}

impl Desk {
    /// One that does not pause, for tests.
    #[cfg(test)]
    pub(in super::super) fn hasty() -> Self {
        Self { pause: Duration::ZERO, ..Self::default() }
    }

    /// Asks, again where that may help.
    pub(in super::super) async fn ask<T>(
        &self,
        question: impl AsyncFn() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (mut left, mut pause) = (ATTEMPTS, self.pause);
        loop {
            left = left.saturating_sub(1);
            match question().await {
                Err(error) if left > 0 && may_heal(error.kind) => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                Err(error) => {
                    if is_of_credentials(error.kind) {
                        *self.refused.borrow_mut() = Some(error.clone());
                    }
                    return Err(error);
                }
                answer => return answer,
            }
        }
    }

    /// The same in the words of the checks.
    pub(in super::super) async fn told<T>(
        &self,
        question: impl AsyncFn() -> Result<T, CallError>,
    ) -> Told<T> {
        self.ask(question).await.map_err(|error| not_told(&error))
    }

    /// What the policy simulator says, in the words of the checks.
    pub(in super::super) async fn simulated(
        &self,
        cloud: &Cloud,
        question: Simulation,
    ) -> Told<Vec<Simulated>> {
        let said = self.told(async || cloud.iam.simulate_principal_policy(question.clone()).await).await?;
        let verdict = |decision| match decision {
            Said::Allowed => Decision::Allowed,
            Said::ImplicitDeny => Decision::ImplicitDeny,
            Said::ExplicitDeny => Decision::ExplicitDeny,
        };
        Ok(said
            .into_iter()
            .map(|one| Simulated {
                decision: verdict(one.decision),
                action: one.action,
                resource: one.resource,
            })
            .collect())
    }

    /// The failure of the whole command, where the credentials do not work.
    pub(in super::super) fn verdict(&self) -> Result<(), Box<Failure>> {
        match self.refused.borrow_mut().take() {
            Some(error) => Err(Failure::of_look(error.into())),
            None => Ok(()),
        }
    }

    /// Remembers what another part of the program met.
    pub(in super::super) fn note(&self, error: &CallError) {
        if is_of_credentials(error.kind) {
            *self.refused.borrow_mut() = Some(error.clone());
        }
    }
}

fn may_heal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Throttled | ErrorKind::TimedOut | ErrorKind::Unreachable | ErrorKind::ServerFault
    )
}

fn is_of_credentials(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::CredentialsMissing | ErrorKind::CredentialsExpired | ErrorKind::CredentialsInvalid
    )
}

/// Why a question has no answer, in the words of the checks.
pub(in super::super) fn not_told(error: &CallError) -> NotTold {
    let action = match error.operation.as_str() {
        // IAM has no action of that name.
        "Converse" => "bedrock:InvokeModel".to_owned(),
        _ => error.action(),
    };
    NotTold {
        action,
        reason: error.to_string().replace('\n', " "),
        is_denied: error.kind == ErrorKind::Denied,
        is_unsupported: error.kind == ErrorKind::Unsupported,
    }
}

/// The deployment that is asked about.
pub(in super::super) fn config_of<'t>(app: &App, target: &'t Target) -> Result<&'t Config, Box<Failure>> {
    target.config.as_ref().ok_or_else(|| {
        let file = target.state_file.display().to_string();
        Failure::new(codes::NO_STATE, &file, format!("there is no deployment in the state file `{file}`")).hint(
            format!(
                "name a configuration or the right state file: {0} check account --config FILE, or --state-file FILE",
                app.program
            ),
        )
    })
}

/// Which account, as far as the operator or a configuration says.
pub(crate) struct Place<'a> {
    /// The configuration; none takes what the environment or the profile names.
    pub(crate) config: Option<&'a Config>,
    /// The Region, which wins over the configuration's.
    pub(crate) region: Option<&'a Region>,
    /// The profile, which wins over the configuration's.
    pub(crate) profile: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// That of a deployment.
    pub(in super::super) fn of(config: &'a Config, profile: Option<&'a str>) -> Self {
        Self { config: Some(config), region: None, profile }
    }
}

/// Reaches the account and does `work` there.
pub(in super::super) fn in_account<T>(
    app: &App,
    args: &StateArgs,
    target: &Target,
    place: &Place<'_>,
    work: impl AsyncFnOnce(&Session<'_>, &Cloud) -> Result<T, Box<Failure>>,
) -> Result<T, Box<Failure>> {
    wait(app, args, async |session| {
        let cloud = reach(session, target, place).await?;
        work(session, &cloud).await
    })
}

/// Reaches the account of a place.
pub(crate) async fn reach(
    session: &Session<'_>,
    target: &Target,
    place: &Place<'_>,
) -> Result<Cloud, Box<Failure>> {
    let aws = place.config.map(|config| &config.aws);
    let mode = place.config.map_or(Mode::Staging, |config| config.mode);
    let recorded = target.state.as_ref().map(|state| &state.header.account_id);
    let configured = aws.and_then(|aws| aws.account_id.as_ref());
    // A rehearsal's account has the number that it was made with.
    let number = if mode == Mode::Rehearsal { recorded.or(configured) } else { configured };
    let profile = place.profile.or(aws.and_then(|aws| aws.profile.as_deref()));
    let region = place.region.or(aws.map(|aws| &aws.region));
    let account = compose::account(session.app, mode, &target.state_file, region, number, profile, false)
        .for_gateway_of(place.config);
    compose::reach(session, &account).await
}
