//! Whether the instance installed the proxy at its first boot: what it says of it in the parameter, and, where it says
//! nothing, what its console shows. Changes nothing.

use async_trait::async_trait;
use model::config::Config;
use model::first_boot::{Phase, Progress};
use model::plan::{Fields, StepId};
use tokio::time::Instant;

use super::check::Check;
use super::{ByHand, Context, Found, Want, names, outputs};
use crate::error::StepError;
use crate::first_boot::{self, Place};

const STEP: StepId = StepId::HostInstalled;

pub(super) struct HostInstalledStep;

impl HostInstalledStep {
    /// Whether it is to be looked for: an instance that was started without our script says nothing.
    fn is_wanted(cx: &Context<'_>, config: &Config) -> bool {
        let started = cx.known(StepId::Instance, "id").is_some();
        cx.installs_by_user_data(config) && (!started || cx.known(StepId::Instance, "bundle").is_some())
    }

    /// What the instance says, if it is this one that says it.
    async fn progress(&self, cx: &Context<'_>) -> Result<Option<Progress>, StepError> {
        let Some(instance) = cx.known(StepId::Instance, "id") else { return Ok(None) };
        let name = names::host_progress(cx.deployment);
        let value = cx.patience.read(STEP, || cx.cloud.ssm.get_parameter(name.clone())).await?;
        Ok(value.as_deref().and_then(Progress::parse).filter(|progress| progress.instance == instance))
    }

    fn found(progress: Progress) -> Found {
        Found {
            fields: Fields::new(),
            outputs: outputs([
                ("id", &progress.instance),
                ("bundle", &progress.bundle),
                ("first_boot", progress.phase.as_str()),
            ]),
            id: progress.instance,
        }
    }

    /// The end of the console, for an instance that has said nothing for too long.
    async fn console(&self, cx: &Context<'_>, instance: &str) -> Result<Option<String>, StepError> {
        cx.patience.read(STEP, || cx.cloud.ec2.get_console_output(instance.to_owned())).await
    }
}

/// What is waited for, by how far it is.
fn reason(phase: Option<Phase>) -> &'static str {
    match phase {
        None => "waiting for the instance's first boot (usually 1 to 2 minutes)",
        Some(Phase::Started) => "the instance has started and fetches the bundle",
        Some(Phase::Fetched) => "the instance has fetched the bundle and verifies it",
        Some(Phase::Verified) => "the instance has verified the bundle and installs the proxy",
        Some(Phase::Installed | Phase::Failed) => "the first boot has ended",
    }
}

#[async_trait]
impl Check for HostInstalledStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        Self::is_wanted(cx, config).then(|| Want {
            name: names::instance(cx.deployment),
            fields: Fields::new(),
            why: vec![
                "the instance fetches, verifies and installs at its first boot, and says so in a parameter"
                    .to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Option<Found>, StepError> {
        let progress = self.progress(cx).await?;
        Ok(progress.filter(|progress| progress.phase == Phase::Installed).map(Self::found))
    }

    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError> {
        let instance = cx.needs(StepId::Instance, "id")?;
        let place =
            Place { region: cx.region, account: cx.account, deployment: cx.deployment, instance: &instance };
        let (started, bound) = (Instant::now(), cx.patience.limits.first_boot);
        let mut phase = None;
        loop {
            let left = bound.saturating_sub(started.elapsed());
            let news = cx.patience.until(STEP, reason(phase), left, || async {
                Ok(self.progress(cx).await?.filter(|progress| Some(progress.phase) != phase))
            });
            match news.await {
                Ok(progress) if progress.phase == Phase::Installed => return Ok(Self::found(progress)),
                Ok(progress) if progress.phase == Phase::Failed => {
                    return Err(StepError::Blocked(Box::new(first_boot::of_progress(&place, &progress))));
                }
                Ok(progress) => phase = Some(progress.phase),
                Err(StepError::TimedOut { .. }) => {
                    let console = match self.console(cx, &instance).await {
                        Ok(console) => Ok(console.unwrap_or_default()),
                        Err(StepError::Call(error)) => Err(error.to_string()),
                        Err(error) => return Err(error),
                    };
                    let finding = first_boot::of_silence(&place, phase, bound, console);
                    return Err(StepError::Blocked(Box::new(finding)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: super::instance_page(cx.region, id),
            command: format!(
                "aws ssm get-parameter --region {} --name {}",
                cx.region,
                names::host_progress(cx.deployment)
            ),
        }
    }
}
