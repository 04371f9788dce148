//! A run from beginning to end: who we are, what is there, what is done about it, and what is left.

use cloud::Cloud;
use cloud::port::sts::Identity;
use jiff::Timestamp;
use model::config::Config;
use model::event::{EventSink, Outcome, Run, StepLine, What};
use model::plan::{Change, Pins, Plan, StepId};
use model::{AccountId, DeploymentId, Finding, Region, Severity};
use tokio_util::sync::CancellationToken;

use crate::apply::Apply;
use crate::clock::{Clock, Entropy};
use crate::error::{RunError, StepError};
use crate::events::Emitter;
use crate::graph::End;
use crate::journal::{Header, JOURNAL_VERSION, Journal, NoteTopic, Record, State};
use crate::patience::{Limits, Patience};
use crate::recorder::Recorder;
use crate::steps::{Context, Found, Known};
use crate::survey::{Adoptions, Survey, survey};
use crate::undo::{self, Removal, Targets};
use crate::{plan, preflight};

/// Everything a run needs from outside.
pub struct Engine<'a> {
    /// The account.
    pub cloud: Cloud,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chance.
    pub entropy: &'a Entropy,
    /// Where events go.
    pub events: &'a dyn EventSink,
    /// Set to stop at the next safe point.
    pub cancel: CancellationToken,
    /// Bounds on waiting.
    pub limits: Limits,
    /// Version of the program, for the journal.
    pub tool_version: String,
}

/// A plan, and what was seen when it was made.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// What was seen.
    pub survey: Survey,
}

impl Prepared {
    /// Whether carrying it out would change or await anything.
    pub fn has_work(&self) -> bool {
        self.plan.steps.iter().any(|step| step.change.is_pending() || step.change == Change::Check)
    }
}

/// What to do about a state file, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intention {
    /// Nothing has been planned, or everything has been removed: begin.
    Begin,
    /// A run with the same configuration did not end: go on with it.
    GoOn,
    /// Plan the difference to what is there.
    Difference,
}

impl Intention {
    /// Reads it off the state. An unfinished run with another configuration is planned anew.
    pub fn of(state: Option<&State>, config_digest: &str) -> Self {
        match state {
            None => Self::Begin,
            Some(state) if state.cleaned_up || state.plan.is_none() => Self::Begin,
            Some(state) if state.cleaning_up || state.is_finished() => Self::Difference,
            Some(state) if state.plan.as_ref().is_some_and(|plan| plan.config_digest == config_digest) => {
                Self::GoOn
            }
            Some(_) => Self::Difference,
        }
    }
}

impl Engine<'_> {
    /// Who the credentials belong to.
    pub async fn identity(&self) -> Result<Identity, StepError> {
        let emitter = Emitter::new(self.events, self.clock);
        self.patience(&emitter).read(None, || self.cloud.sts.get_caller_identity(())).await
    }

    /// Refuses credentials of another account than the configuration or the journal says.
    pub fn check_account(
        identity: &Identity,
        region: &Region,
        configured: Option<&AccountId>,
        state: Option<&State>,
    ) -> Result<(), RunError> {
        let mut findings = Vec::new();
        let mut expect = |account: &AccountId, who: &str| {
            if *account != identity.account {
                findings.push(
                    Finding::new(
                        "SRE-ACC-001",
                        Severity::Error,
                        "aws.account_id",
                        format!(
                            "the credentials belong to account {}, and {who} is for {account}",
                            identity.account
                        ),
                    )
                    .evidence(identity.arn.clone())
                    .hint("choose the right credentials with --profile or AWS_PROFILE; nothing was changed"),
                );
            }
        };
        if let Some(account) = configured {
            expect(account, "the configuration");
        }
        if let Some(state) = state {
            expect(&state.header.account_id, "the state file");
            if state.header.region != *region {
                findings.push(
                    Finding::new(
                        "SRE-ACC-002",
                        Severity::Error,
                        "aws.region",
                        format!("the Region is {region}, and the state file is for {}", state.header.region),
                    )
                    .hint("use another --state-file for another Region; nothing was changed"),
                );
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(RunError::Refused(findings)) }
    }

    /// Looks at the account and plans. Changes nothing.
    pub async fn prepare(
        &self,
        config: &Config,
        account: &AccountId,
        state: Option<&State>,
        adoptions: &Adoptions,
    ) -> Result<Prepared, RunError> {
        let emitter = Emitter::new(self.events, self.clock);
        let patience = self.patience(&emitter);
        let adoptions = with_configured(adoptions, config, state);
        let previous = state.filter(|state| !state.cleaned_up).and_then(|state| state.plan.as_ref());
        let (pins, findings) = if let Some(previous) = previous.map(|plan| plan.pins.clone()) {
            preflight::pins(&self.cloud, &patience, config, Some(&previous)).await.map_err(look)?
        } else {
            // With the state file lost, an instance of ours says better than a fresh look where it stands.
            let (standing, fresh) = futures::join!(
                self.pins_of_instance(config, &patience),
                preflight::pins(&self.cloud, &patience, config, None)
            );
            match standing.map_err(look)? {
                Some(pins) => {
                    preflight::pins(&self.cloud, &patience, config, Some(&pins)).await.map_err(look)?
                }
                None => fresh.map_err(look)?,
            }
        };
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(RunError::Refused(findings));
        }
        let known = Known::default();
        let cx = Context {
            cloud: &self.cloud,
            deployment: &config.deployment.id,
            region: &config.aws.region,
            account,
            config: Some(config),
            pins: &pins,
            known: &known,
            patience: &patience,
        };
        let survey = survey(&cx, config, state, &adoptions).await.map_err(look)?;
        let mut plan = plan::plan(config, account, &pins, &survey, findings).map_err(RunError::Refused)?;
        let starts_instance = plan
            .step(StepId::Instance)
            .is_some_and(|step| matches!(step.change, Change::Create | Change::Replace { .. }));
        if starts_instance {
            let findings = preflight::machine(&self.cloud, &patience, config, &pins).await.map_err(look)?;
            if findings.iter().any(|finding| finding.severity == Severity::Error) {
                return Err(RunError::Refused(findings));
            }
            plan.findings.extend(findings);
        }
        Ok(Prepared { plan, survey })
    }

    /// Begins a journal's header for this configuration.
    pub fn header(&self, config: &Config, account: &AccountId) -> Header {
        Header {
            version: JOURNAL_VERSION,
            deployment_id: config.deployment.id.clone(),
            lineage: self.entropy.lineage(),
            account_id: account.clone(),
            region: config.aws.region.clone(),
            mode: config.mode,
            config_digest: config.digest(),
            tool_version: self.tool_version.clone(),
        }
    }

    /// Carries out an approved plan. Answers what the journal says afterwards, however it ended.
    pub async fn apply(
        &self,
        config: &Config,
        account: &AccountId,
        prepared: &Prepared,
        journal: Journal,
        run: Run,
    ) -> (State, Result<Vec<Finding>, RunError>) {
        let emitter = Emitter::new(self.events, self.clock);
        let lineage = journal.state().header.lineage.clone();
        let before = journal.state().clone();
        let recorder = Recorder::new(journal, self.clock);
        let result = self.apply_recorded(config, account, prepared, &recorder, &emitter, &lineage, run).await;
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(RunError::Cancelled) => Outcome::Cancelled,
            Err(_) => Outcome::Failed,
        };
        emitter.emit(What::RunFinished { outcome });
        (recorder.state().unwrap_or(before), result)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the private half of `apply`, split only for its early returns"
    )]
    async fn apply_recorded(
        &self,
        config: &Config,
        account: &AccountId,
        prepared: &Prepared,
        recorder: &Recorder<'_>,
        emitter: &Emitter<'_>,
        lineage: &str,
        run: Run,
    ) -> Result<Vec<Finding>, RunError> {
        let plan = &prepared.plan;
        record_drift(recorder, plan)?;
        match run {
            Run::Resume => recorder
                .record(&Record::Note { topic: NoteTopic::Resumed, text: self.tool_version.clone() })?,
            Run::Deploy | Run::Cleanup => recorder
                .record(&Record::Planned { plan: Box::new(plan.clone()), config: config.resolved() })?,
        }
        emitter.emit(What::RunStarted {
            run,
            deployment_id: config.deployment.id.clone(),
            steps: plan
                .steps
                .iter()
                .map(|step| StepLine {
                    step: step.id,
                    verb: step.change.verb().to_owned(),
                    name: step.name.clone(),
                })
                .collect(),
        });
        let patience = self.patience(emitter);
        let known = Known::default();
        for (id, sighting) in &prepared.survey {
            if let crate::survey::Sight::Ours(found) | crate::survey::Sight::Adopted(found) = &sighting.sight
                && !plan.step(*id).is_some_and(|step| step.change.destroys())
            {
                known.set(*id, found.outputs.clone());
            }
        }
        let cx = Context {
            cloud: &self.cloud,
            deployment: &config.deployment.id,
            region: &config.aws.region,
            account,
            config: Some(config),
            pins: &plan.pins,
            known: &known,
            patience: &patience,
        };
        let apply = Apply { cx: &cx, config, recorder, events: emitter, lineage };
        let ends = apply.plan(plan, &prepared.survey).await;
        let mut failed = Vec::new();
        let mut remarks = plan.findings.clone();
        for (id, end) in ends {
            match end {
                End::Done(found) => remarks.extend(crate::steps::step(id).remarks(&cx, &found)),
                End::Failed(error) => failed.push((id, error)),
                End::Skipped(_) => {}
            }
        }
        if self.cancel.is_cancelled() && failed.iter().all(|(_, error)| matches!(error, StepError::Cancelled))
        {
            let finished = recorder.state().is_some_and(|state| state.is_finished());
            if !finished {
                recorder.record(&Record::Note {
                    topic: NoteTopic::Cancelled,
                    text: "stopped by the operator at a safe point".to_owned(),
                })?;
                return Err(RunError::Cancelled);
            }
        }
        if failed.is_empty() { Ok(remarks) } else { Err(RunError::Steps(failed)) }
    }

    /// Finds everything that a deployment made. Changes nothing.
    pub async fn find(
        &self,
        deployment: &DeploymentId,
        region: &Region,
        account: &AccountId,
        config: Option<&Config>,
        state: Option<&State>,
    ) -> Result<Targets, RunError> {
        let emitter = Emitter::new(self.events, self.clock);
        let patience = self.patience(&emitter);
        let (known, pins) = (Known::default(), pins_of(state));
        let cx = Context {
            cloud: &self.cloud,
            deployment,
            region,
            account,
            config,
            pins: &pins,
            known: &known,
            patience: &patience,
        };
        undo::find(&cx, state).await.map_err(look)
    }

    /// Removes what was found, in reverse order of dependency, going on past failures.
    pub async fn cleanup(
        &self,
        deployment: &DeploymentId,
        region: &Region,
        account: &AccountId,
        config: Option<&Config>,
        targets: &Targets,
        journal: Option<Journal>,
    ) -> Result<Removal, RunError> {
        let (recorder, state) = match journal {
            Some(journal) => {
                let state = journal.state().clone();
                (Recorder::new(journal, self.clock), Some(state))
            }
            None => (Recorder::absent(self.clock), None),
        };
        let pins = pins_of(state.as_ref());
        let (emitter, known) = (Emitter::new(self.events, self.clock), known_from(targets, state.as_ref()));
        let patience = self.patience(&emitter);
        let cx = Context {
            cloud: &self.cloud,
            deployment,
            region,
            account,
            config,
            pins: &pins,
            known: &known,
            patience: &patience,
        };
        let text = format!("{} resources", targets.values().map(Vec::len).sum::<usize>());
        recorder.record(&Record::Note { topic: NoteTopic::CleanupStarted, text })?;
        let removal = take_away(&cx, &recorder, &emitter, targets).await;
        if removal.left.is_empty() {
            let text = format!("{} resources removed", removal.removed.len());
            recorder.record(&Record::Note { topic: NoteTopic::CleanupFinished, text })?;
        }
        Ok(removal)
    }

    /// Removes what [`created_by_last_plan`] chose. The journal stays unfinished: a resume goes forward again.
    pub async fn rollback(
        &self,
        config: &Config,
        targets: &Targets,
        journal: Journal,
    ) -> Result<Removal, RunError> {
        let state = journal.state().clone();
        let pins = pins_of(Some(&state));
        let recorder = Recorder::new(journal, self.clock);
        let (emitter, known) = (Emitter::new(self.events, self.clock), known_from(targets, Some(&state)));
        let patience = self.patience(&emitter);
        let cx = Context {
            cloud: &self.cloud,
            deployment: &state.header.deployment_id,
            region: &state.header.region,
            account: &state.header.account_id,
            config: Some(config),
            pins: &pins,
            known: &known,
            patience: &patience,
        };
        let text = "rolling back what the last plan created".to_owned();
        recorder.record(&Record::Note { topic: NoteTopic::Other, text })?;
        Ok(take_away(&cx, &recorder, &emitter, targets).await)
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn patience<'e>(&'e self, emitter: &'e Emitter<'e>) -> Patience<'e> {
        Patience { limits: self.limits, cancel: self.cancel.clone(), entropy: self.entropy, events: emitter }
    }

    /// With the state file lost, what the deployment's own instance stands on and started from stays pinned.
    async fn pins_of_instance(
        &self,
        config: &Config,
        patience: &Patience<'_>,
    ) -> Result<Option<Pins>, StepError> {
        use cloud::port::ec2::{InstanceQuery, SubnetQuery, VpcQuery};
        let ec2 = &self.cloud.ec2;
        let query = match &config.instance.adopt_instance_id {
            Some(id) => InstanceQuery::Id(id.to_string()),
            None => InstanceQuery::Deployment(config.deployment.id.to_string()),
        };
        let instances = patience.read(None, || ec2.describe_instances(query.clone())).await?;
        let [instance] = instances.as_slice() else { return Ok(None) };
        let vpc = VpcQuery::Id(instance.vpc_id.clone());
        let subnet = SubnetQuery::Id(instance.subnet_id.clone());
        let (vpcs, subnets, image) = futures::join!(
            patience.read(None, || ec2.describe_vpcs(vpc.clone())),
            patience.read(None, || ec2.describe_subnets(subnet.clone())),
            patience.read(None, || ec2.describe_image(instance.image_id.clone()))
        );
        let (Some(vpc), Some(subnet)) = (vpcs?.into_iter().next(), subnets?.into_iter().next()) else {
            return Ok(None);
        };
        Ok(Some(Pins {
            vpc_id: vpc.id,
            vpc_cidrs: vpc.cidrs.iter().map(ToString::to_string).collect(),
            subnet_id: subnet.id,
            availability_zone: subnet.availability_zone,
            image_id: instance.image_id.clone(),
            // An image may have been withdrawn since; then the instance cannot be made again from it anyway.
            root_device_name: image?.map(|image| image.root_device_name).unwrap_or_default(),
        }))
    }
}

/// What a removal knows from the start: its targets, and what was adopted, in which some of them lie.
fn known_from(targets: &Targets, state: Option<&State>) -> Known {
    let known = Known::default();
    for (id, step) in state.iter().flat_map(|state| &state.steps) {
        if step.id.is_some() {
            known.set(*id, step.outputs.clone());
        }
    }
    for (id, found) in targets {
        if let Some(first) = found.first() {
            known.set(*id, first.outputs.clone());
        }
    }
    known
}

/// Removes the targets and tells the views.
async fn take_away(
    cx: &Context<'_>,
    recorder: &Recorder<'_>,
    emitter: &Emitter<'_>,
    targets: &Targets,
) -> Removal {
    let line = |(id, found): (&StepId, &Vec<Found>)| StepLine {
        step: *id,
        verb: "delete".to_owned(),
        name: found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", "),
    };
    emitter.emit(What::RunStarted {
        run: Run::Cleanup,
        deployment_id: cx.deployment.clone(),
        steps: targets.iter().rev().map(line).collect(),
    });
    let removal = undo::remove_all(cx, recorder, emitter, targets).await;
    let outcome = match (removal.left.is_empty(), removal.cancelled) {
        (true, _) => Outcome::Done,
        (false, true) => Outcome::Cancelled,
        (false, false) => Outcome::Failed,
    };
    emitter.emit(What::RunFinished { outcome });
    removal
}

/// What differs although the configuration is the one that was deployed was changed by somebody else.
fn record_drift(recorder: &Recorder<'_>, plan: &Plan) -> Result<(), RunError> {
    let Some(before) = recorder.state().filter(State::is_finished) else { return Ok(()) };
    if before.plan.as_ref().is_none_or(|deployed| deployed.config_digest != plan.config_digest) {
        return Ok(());
    }
    for planned in &plan.steps {
        if let Change::Update { found, diffs } | Change::Replace { found, diffs } = &planned.change {
            let drift = Record::Drift { step: planned.id, id: found.clone(), diffs: diffs.clone() };
            recorder.record(&drift)?;
        }
    }
    Ok(())
}

/// Of everything found, what the last approved plan created: the targets of a rollback. What was there before that
/// plan stays, changed or not.
pub fn created_by_last_plan(state: &State, targets: Targets) -> Targets {
    let created = |id: StepId| {
        state
            .plan
            .as_ref()
            .and_then(|plan| plan.step(id))
            .is_some_and(|planned| matches!(planned.change, Change::Create | Change::Replace { .. }))
    };
    targets.into_iter().filter(|(id, _)| created(*id)).collect()
}

fn look(error: StepError) -> RunError {
    match error {
        StepError::Cancelled => RunError::Cancelled,
        error => RunError::Look(error),
    }
}

fn pins_of(state: Option<&State>) -> Pins {
    state.and_then(|state| state.plan.as_ref()).map(|plan| plan.pins.clone()).unwrap_or_default()
}

/// The adoptions of the command line, of the configuration, and of the plan that a resume goes on with.
fn with_configured(adoptions: &Adoptions, config: &Config, state: Option<&State>) -> Adoptions {
    let mut all = Adoptions::new();
    for (id, step) in state.iter().flat_map(|state| &state.steps) {
        if let (Some(crate::journal::Ownership::Adopted), Some(adopted)) = (step.ownership, &step.id) {
            all.insert(*id, adopted.clone());
        }
    }
    if let Some(plan) = state.filter(|state| state.is_resumable()).and_then(|state| state.plan.as_ref()) {
        for step in &plan.steps {
            if let Change::Adopt { found } = &step.change {
                all.insert(step.id, found.clone());
            }
        }
    }
    if let Some(id) = &config.instance.adopt_instance_id {
        all.insert(StepId::Instance, id.to_string());
    }
    if let Some(id) = &config.cognito.adopt_user_pool_id {
        all.insert(StepId::UserPool, id.to_string());
    }
    all.extend(adoptions.clone());
    all
}
