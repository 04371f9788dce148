//! The one place where the real things are chosen: the account, the clock, chance.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloud::fault::Latency;
use cloud::practice::{Practice, PracticeError, PracticeOptions};
use cloud::{Cloud, Hook};
use jiff::Timestamp;
use model::config::{Config, Mode};
use model::{AccountId, Region};
use provision::clock::{Clock, Entropy};

use crate::app::App;
use crate::failure::{Failure, codes};
use crate::session::Session;

/// The time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock; everything else is given it")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Chance, from the operating system.
pub(crate) fn entropy() -> Entropy {
    // The standard library seeds each of these from the operating system; for a secret 64 bits are too few.
    let secrets = |bytes: &mut [u8]| aws_lc_rs::rand::fill(bytes).is_ok();
    Entropy::new(RandomState::new().build_hasher().finish(), Box::new(secrets))
}

/// A number below this, by chance.
pub(crate) fn chance(below: u64) -> u64 {
    RandomState::new().build_hasher().finish().checked_rem(below).unwrap_or_default()
}

/// An account to reach.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// The one that AWS's standard chain of configuration names.
    Real {
        /// The Region; none takes the environment's or the profile's.
        region: Option<Region>,
        /// The profile; none takes the environment's.
        profile: Option<String>,
        /// Another control plane of AgentCore than the Region's.
        agentcore: Option<String>,
    },
    /// A practice account.
    Practice {
        /// Its file.
        file: PathBuf,
        /// Its number; none takes the usual one.
        number: Option<AccountId>,
        /// Its Region; none takes the usual one.
        region: Option<Region>,
        /// How fast it answers.
        pace: Pace,
    },
}

impl Account {
    /// The same, with the control plane that the gateway's section names.
    #[must_use]
    pub(crate) fn for_gateway_of<'c>(mut self, config: impl Into<Option<&'c Config>>) -> Self {
        if let (Self::Real { agentcore, .. }, Some(config)) = (&mut self, config.into()) {
            *agentcore = config.gateway.as_ref().and_then(|gateway| gateway.endpoint_url.clone());
        }
        self
    }

    /// How a practice account is opened.
    fn options(&self, pace: Pace) -> PracticeOptions {
        let mut options = pace.options();
        if let Self::Practice { number, region, .. } = self {
            options.account = number.clone().unwrap_or(options.account);
            options.region = region.clone().unwrap_or(options.region);
        }
        options
    }
}

/// How fast a practice account answers, and how soon it shows what was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// About as AWS.
    Usual,
    /// Slow enough to be followed, and no slower.
    Brisk,
    /// At once.
    Instant,
}

impl Pace {
    fn options(self) -> PracticeOptions {
        match self {
            Self::Usual => PracticeOptions::default(),
            Self::Brisk => PracticeOptions { lag_reads: 1, settle_reads: 1, ..PracticeOptions::default() },
            Self::Instant => PracticeOptions::instant(),
        }
    }

    fn latency(self) -> Duration {
        match self {
            Self::Usual => PRACTICE_LATENCY,
            Self::Brisk => REHEARSAL_LATENCY,
            Self::Instant => Duration::ZERO,
        }
    }
}

/// How long the practice account takes to answer: about what AWS takes, so that progress can be followed.
const PRACTICE_LATENCY: Duration = Duration::from_millis(110);
/// How long it takes in a rehearsal, which somebody waits for.
const REHEARSAL_LATENCY: Duration = Duration::from_millis(20);
/// How long a public certificate of ACM is good for: 198 days.
const ACM_LIFETIME: Duration = Duration::from_hours(198 * 24);
/// How often a practice account that another process holds is tried again.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// Puts this practice account, a file, in the place of the real one.
const PRACTICE_ACCOUNT: &str = "SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT";
/// How long a practice account takes to answer, in milliseconds.
const PRACTICE_LATENCY_MS: &str = "SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS";

/// Whether a practice account stands in the place of the real one.
pub(crate) fn is_practice(app: &App) -> bool {
    app.variable(PRACTICE_ACCOUNT).is_some()
}

/// The account for a mode: rehearsals have theirs beside the state file.
pub(crate) fn account(
    app: &App,
    mode: Mode,
    state_file: &Path,
    region: Option<&Region>,
    number: Option<&AccountId>,
    profile: Option<&str>,
    fast: bool,
) -> Account {
    let practice = app.variable(PRACTICE_ACCOUNT).map(PathBuf::from);
    match (mode, practice) {
        (Mode::Rehearsal, named) => Account::Practice {
            file: named.unwrap_or_else(|| crate::storage::practice_file(state_file)),
            number: number.cloned(),
            region: region.cloned(),
            pace: if fast { Pace::Instant } else { Pace::Brisk },
        },
        // The account keeps its own number here, so that a configuration for another one is refused as in reality.
        (_, Some(file)) => {
            app.say(&format!(
                "note: {PRACTICE_ACCOUNT} puts a practice account in the place of the real one"
            ));
            Account::Practice {
                file,
                number: None,
                region: region.cloned(),
                pace: if fast { Pace::Instant } else { Pace::Usual },
            }
        }
        (_, None) => {
            Account::Real { region: region.cloned(), profile: profile.map(str::to_owned), agentcore: None }
        }
    }
}

/// Lets a practice account answer at once.
pub(crate) const PRACTICE_FAST: &str = "SRE_AGENT_DEPLOY_PRACTICE_FAST";

/// Reaches an account.
pub(crate) async fn reach(session: &Session<'_>, account: &Account) -> Result<Cloud, Box<Failure>> {
    match account {
        Account::Real { region, profile, agentcore } => {
            let reached = reach_real(session, region.clone(), profile.clone(), agentcore.clone());
            session.look(reached).await
        }
        Account::Practice { file, pace, .. } => {
            let is_fast = session.app.variable(PRACTICE_FAST).is_some();
            let pace = if is_fast { Pace::Instant } else { *pace };
            let options = account.options(pace);
            let practice = session.look(open_practice(session, file, &options)).await?;
            session.has_door(practice.door());
            let latency = session.app.variable(PRACTICE_LATENCY_MS).and_then(|text| text.parse().ok());
            let latency = latency.map_or(pace.latency(), Duration::from_millis);
            let hook: Arc<dyn Hook> = Arc::new(Latency(latency));
            let cloud = practice.cloud();
            Ok(if latency.is_zero() { cloud } else { cloud.hooked(&hook) })
        }
    }
}

/// Plays whoever owns the names in a practice account: their DNS gets the records that ACM waits for, and ACM issues.
pub(crate) async fn publish_records(session: &Session<'_>, account: &Account) -> Result<(), Box<Failure>> {
    let Account::Practice { file, .. } = account else { return Ok(()) };
    let practice = open_practice(session, file, &account.options(Pace::Instant)).await?;
    let from = SystemClock.now();
    let until = from.checked_add(ACM_LIFETIME).unwrap_or(from);
    practice.seed(|account| account.issue_pending(from, until)).map_err(|error| {
        Failure::new(codes::PRACTICE, &file.display().to_string(), error.to_string()).hint(error.hint())
    })
}

async fn open_practice(
    session: &Session<'_>,
    file: &Path,
    options: &PracticeOptions,
) -> Result<Practice, Box<Failure>> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::of_file("make the folder of the practice account", folder, &error))?;
    }
    let started = tokio::time::Instant::now();
    loop {
        let error = match Practice::open(file, options.clone()) {
            Ok(practice) => return Ok(practice),
            Err(error) => error,
        };
        let code = match error {
            PracticeError::Locked { .. } if started.elapsed() < session.lock_timeout => {
                tokio::time::sleep(LOCK_POLL).await;
                continue;
            }
            PracticeError::Locked { .. } => codes::LOCKED,
            _ => codes::PRACTICE,
        };
        let failure = Failure::new(code, &file.display().to_string(), error.to_string()).hint(error.hint());
        return Err(match std::error::Error::source(&error) {
            Some(source) => failure.evidence(source.to_string()),
            None => failure,
        });
    }
}

#[cfg(feature = "aws")]
async fn reach_real(
    session: &Session<'_>,
    region: Option<Region>,
    profile: Option<String>,
    agentcore_endpoint: Option<String>,
) -> Result<Cloud, Box<Failure>> {
    use cloud_aws::{ConnectOptions, connect};
    let options =
        ConnectOptions { region, profile, attempt_timeout: session.limits.attempt, agentcore_endpoint };
    // The SDK looks everywhere for its configuration, and a future holds all of that.
    Box::pin(connect(options)).await.map_err(|error| {
        Failure::new(codes::NO_REGION, "aws.region", error.to_string())
            .hint("say which: --region REGION, AWS_REGION, a `region` in the profile, or `aws.region` with --config")
    })
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the other build has to look a Region up")]
async fn reach_real(
    session: &Session<'_>,
    _region: Option<Region>,
    _profile: Option<String>,
    _agentcore_endpoint: Option<String>,
) -> Result<Cloud, Box<Failure>> {
    Err(Failure::new(codes::NO_AWS, "build", "this build has no real AWS account, only the practice account").hint(
        format!(
            "build with the feature `aws`, which is on by default: cargo build --release; or practise: {} rehearse",
            session.app.program
        ),
    ))
}

/// The Region that the environment or the profile names.
#[cfg(feature = "aws")]
pub(crate) async fn default_region(app: &App, profile: Option<&str>) -> Option<Region> {
    match region_of_environment(app) {
        Some(region) => Some(region),
        None if app.variable(PRACTICE_ACCOUNT).is_some() => None,
        None => Box::pin(cloud_aws::default_region(profile)).await,
    }
}

/// The Region that the environment names; this build cannot read profiles.
#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the other build reads the profile")]
pub(crate) async fn default_region(app: &App, _profile: Option<&str>) -> Option<Region> {
    region_of_environment(app)
}

/// The Region that the environment alone names.
pub(crate) fn region_of_environment(app: &App) -> Option<Region> {
    ["SRE_AGENT_DEPLOY_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| Region::parse(app.variable(name)?).ok())
}
