//! Looks at the account and plans. Changes nothing.

use std::collections::BTreeSet;

use cloud::port::ec2::{InstanceQuery, SubnetQuery, VpcQuery};
use model::config::{Config, Mode};
use model::plan::{Change, Pins, Plan, StepId, Way};
use model::{AccountId, Severity};

use super::{Engine, look};
use crate::error::{RunError, StepError};
use crate::events::Emitter;
use crate::guided::is_handmade;
use crate::journal::{Ownership, State};
use crate::patience::Patience;
use crate::steps::{Context, Known};
use crate::survey::{Adoptions, Survey, configured, survey};
use crate::{plan, preflight};

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

impl Engine<'_> {
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
            programs: self.programs.as_deref(),
            patience: &patience,
        };
        let chosen = self.guided_in(state);
        let guided = with_companions(&chosen);
        let survey = survey(&cx, config, state, &adoptions, &guided).await.map_err(look)?;
        let mut plan = plan::plan(config, account, &pins, &survey, findings).map_err(RunError::Refused)?;
        choose_ways(&mut plan, &chosen, state);
        let changes = |id| plan.step(id).is_some_and(|step| step.change.is_pending());
        if let Some(programs) = &self.programs
            && changes(StepId::Bundle)
            // In a rehearsal they are only digested: nothing starts them.
            && config.mode != Mode::Rehearsal
        {
            let findings = preflight::programs(config, programs);
            if !findings.is_empty() {
                return Err(RunError::Refused(findings));
            }
        }
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

    /// The steps that a person does: as chosen now, as approved in the plan that did not end, and what a person made
    /// before.
    fn guided_in(&self, state: Option<&State>) -> BTreeSet<StepId> {
        let mut guided = self.guided.clone();
        let unfinished = state.filter(|state| state.is_resumable()).and_then(|state| state.plan.as_ref());
        guided.extend(unfinished.iter().flat_map(|plan| plan.guided()).map(|step| step.id));
        let steps = state.iter().flat_map(|state| &state.steps);
        guided.extend(steps.filter(|(_, step)| is_handmade(step)).map(|(id, _)| *id));
        guided.retain(|id| id.can_be_guided());
        guided
    }

    /// With the state file lost, what the deployment's own instance stands on and started from stays pinned.
    async fn pins_of_instance(
        &self,
        config: &Config,
        patience: &Patience<'_>,
    ) -> Result<Option<Pins>, StepError> {
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

/// The Console makes a role and its instance profile at once.
fn with_companions(chosen: &BTreeSet<StepId>) -> BTreeSet<StepId> {
    let companion = chosen.contains(&StepId::Role).then_some(StepId::InstanceProfile);
    chosen.iter().copied().chain(companion).collect()
}

/// Writes into the plan what a person makes.
fn choose_ways(plan: &mut Plan, chosen: &BTreeSet<StepId>, state: Option<&State>) {
    let is_made =
        |id| plan.step(id).is_some_and(|step| matches!(step.change, Change::Create | Change::Replace { .. }));
    let is_role_by_hand = chosen.contains(&StepId::Role)
        && (is_made(StepId::Role) || state.is_some_and(|state| is_handmade(&state.step(StepId::Role))));
    let guided = if is_role_by_hand { with_companions(chosen) } else { chosen.clone() };
    for step in &mut plan.steps {
        let is_made = matches!(step.change, Change::Create | Change::Replace { .. });
        if is_made && guided.contains(&step.id) {
            step.way = Way::Guided;
            step.why
                .push("a person makes it in the Console; it is adopted, so a cleanup leaves it".to_owned());
        }
    }
}

/// The adoptions of the command line, of the configuration, and of the plan that a resume goes on with.
fn with_configured(adoptions: &Adoptions, config: &Config, state: Option<&State>) -> Adoptions {
    let mut all = Adoptions::new();
    for (id, step) in state.iter().flat_map(|state| &state.steps) {
        if let (Some(Ownership::Adopted), Some(adopted)) = (step.ownership, &step.id) {
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
    all.extend(configured(config));
    all.extend(adoptions.clone());
    all
}
