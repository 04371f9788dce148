//! From what is wanted and what was seen to what is done: a pure function.

use std::collections::BTreeSet;

use model::config::{Config, HostInstall};
use model::plan::{Change, PLAN_SCHEMA_VERSION, Pins, Plan, PlannedStep, StepId, Way, differences};
use model::{AccountId, Finding, Severity};

use crate::steps::{self, OnChange, Want};
use crate::survey::{Sight, Sighting, Survey};

/// Plans a deployment, or lists everything that a person has to decide first.
pub fn plan(
    config: &Config,
    account: &AccountId,
    pins: &Pins,
    survey: &Survey,
    mut findings: Vec<Finding>,
) -> Result<Plan, Vec<Finding>> {
    let mut steps = Vec::new();
    let mut blocked: Vec<Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
    for (id, sighting) in survey {
        match planned(*id, sighting) {
            Planned::Step(step) => {
                findings.extend(shrinking(&step, sighting));
                findings.extend(other_bundle(&step, sighting));
                findings.extend(adopted_machine(config, &step, sighting));
                findings.extend(foreign_differences(&step, sighting));
                steps.push(*step);
            }
            Planned::Nothing => {}
            Planned::Blocked(finding) => blocked.push(finding),
        }
    }
    if !blocked.is_empty() {
        return Err(blocked);
    }
    // What is in no plan is nothing to wait for.
    let planned: BTreeSet<StepId> = steps.iter().map(|step| step.id).collect();
    for step in &mut steps {
        step.dependencies.retain(|id| planned.contains(id));
    }
    Ok(Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        deployment_id: config.deployment.id.clone(),
        account_id: account.clone(),
        region: config.aws.region.clone(),
        mode: config.mode,
        config_digest: config.digest(),
        pins: pins.clone(),
        steps,
        findings,
    })
}

enum Planned {
    Step(Box<PlannedStep>),
    Nothing,
    Blocked(Finding),
}

fn planned(id: StepId, sighting: &Sighting) -> Planned {
    let step = steps::step(id);
    let entry = |name: &str, want: Option<&Want>, change: Change, mut why: Vec<String>| {
        why.extend(want.map(|want| want.why.clone()).unwrap_or_default());
        Planned::Step(Box::new(PlannedStep {
            id,
            kind: step.kind().to_owned(),
            name: name.to_owned(),
            dependencies: id.dependencies().to_vec(),
            change,
            way: Way::Automatic,
            why,
            fields: want.map(|want| want.fields.clone()).unwrap_or_default(),
            irreversible: want
                .map_or_else(|| step.lost().map(str::to_owned), |want| want.irreversible.clone()),
        }))
    };
    match (&sighting.want, &sighting.sight) {
        (_, Sight::Blocked(finding)) => Planned::Blocked(finding.clone()),
        (None, Sight::Absent) => Planned::Nothing,
        (None, Sight::Ours(found)) => {
            let why = vec!["the configuration no longer wants it".to_owned()];
            entry(&found.id, None, Change::Delete { found: found.id.clone() }, why)
        }
        (want, Sight::Adopted(found)) => {
            let name = want.as_ref().map_or(found.id.as_str(), |want| &want.name);
            let why =
                vec!["it exists and is used as it is; it is never changed and never deleted".to_owned()];
            entry(name, want.as_ref(), Change::Adopt { found: found.id.clone() }, why)
        }
        (Some(want), Sight::Absent) if id.is_check() => {
            entry(&want.name, Some(want), Change::Check, Vec::new())
        }
        (Some(want), Sight::Absent) => {
            entry(&want.name, Some(want), Change::Create, vec!["it does not exist".to_owned()])
        }
        (Some(want), Sight::Ours(found)) => {
            let diffs = sighting.diffs(id);
            let found = found.id.clone();
            if diffs.is_empty() {
                entry(&want.name, Some(want), Change::Keep { found }, vec!["it is as wanted".to_owned()])
            } else if sighting.is_replaced(id) {
                let why = vec!["it differs in what cannot be changed in place".to_owned()];
                entry(&want.name, Some(want), Change::Replace { found, diffs }, why)
            } else {
                let why = vec!["it differs from the configuration".to_owned()];
                entry(&want.name, Some(want), Change::Update { found, diffs }, why)
            }
        }
    }
}

/// A difference that is left alone is said: silence would look like agreement.
fn shrinking(step: &PlannedStep, sighting: &Sighting) -> Option<Finding> {
    let Sight::Ours(have) = &sighting.sight else { return None };
    let diff = differences(&step.fields, &have.fields).into_iter().find(|diff| diff.field == "volume_gb")?;
    (steps::step(step.id).on_change(&diff) == OnChange::Leave).then(|| {
        Finding::new(
            "SRE-PLAN-015",
            Severity::Warning,
            step.id.as_str(),
            format!("the root volume has {} GiB and cannot shrink to {}", diff.have, diff.want),
        )
        .hint("set `instance.volume_gb` to what it has; a smaller volume needs a new instance")
    })
}

/// An instance that was started with another bundle, or with none: user data is run at the first boot only.
fn other_bundle(step: &PlannedStep, sighting: &Sighting) -> Option<Finding> {
    let Sight::Ours(have) = &sighting.sight else { return None };
    let wanted = step.fields.get("bundle").filter(|wanted| !wanted.is_null())?;
    let found = have.fields.get("bundle").filter(|found| !found.is_null());
    if step.id != StepId::Instance || found == Some(wanted) || matches!(step.change, Change::Replace { .. }) {
        return None;
    }
    let message = match found {
        Some(_) => "the instance was made with another bundle, and runs its user data only once",
        None => {
            "the instance was made without the script that installs the proxy, and runs its user data only once"
        }
    };
    Some(Finding::new("SRE-PLAN-019", Severity::Warning, step.id.as_str(), message).hint(
        "bring the new bundle onto it: `sre-agent-deploy host install` or `host upgrade` on the instance; or \
             terminate it, and the next deploy makes it anew with the bundle of today",
    ))
}

/// An adopted instance has had its first boot.
fn adopted_machine(config: &Config, step: &PlannedStep, sighting: &Sighting) -> Option<Finding> {
    let is_adopted = step.id == StepId::Instance && matches!(step.change, Change::Adopt { .. });
    // One that a person made for us was told to install itself.
    let is_told = matches!(&sighting.sight, Sight::Adopted(found) if found.outputs.contains_key("bundle"));
    (is_adopted && !is_told && config.host.install == HostInstall::UserData).then(|| {
        Finding::new(
            "SRE-PLAN-020",
            Severity::Warning,
            step.id.as_str(),
            "nothing is installed on an adopted instance: its first boot was before this deployment",
        )
        .hint("install on the instance itself: sre-agent-deploy host install --config config.yaml")
    })
}

/// An adopted resource that is not as the configuration would have it: said, not changed.
fn foreign_differences(step: &PlannedStep, sighting: &Sighting) -> Vec<Finding> {
    let (Change::Adopt { found }, Sight::Adopted(have)) = (&step.change, &sighting.sight) else {
        return Vec::new();
    };
    let differences = sighting.want.as_ref().map(|want| steps::step(step.id).differences(want, have));
    differences
        .into_iter()
        .flatten()
        .map(|diff| {
            Finding::new(
                "SRE-PLAN-011",
                Severity::Warning,
                step.id.as_str(),
                format!(
                    "adopted `{found}` has {} {} where the configuration says {}",
                    diff.field, diff.have, diff.want
                ),
            )
            .hint("change it yourself if that matters: what is adopted is never touched")
        })
        .collect()
}
