//! Looks at everything that a deployment consists of, before anything is decided. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use model::config::Config;
use model::plan::{FieldDiff, StepId, differences};
use model::{Finding, Severity};

use crate::error::StepError;
use crate::graph::{self, Direction, End};
use crate::guided::{candidates, differ, is_handmade, mark};
use crate::journal::{Ownership, State, StepState};
use crate::steps::{self, ADOPTED, CREATE, Context, Found, OnChange, Want};

/// What a step's resource looks like before the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// There is none.
    Absent,
    /// There is one, and this deployment made it.
    Ours(Found),
    /// There is one that was chosen to be used as it is.
    Adopted(Found),
    /// Going on needs a decision.
    Blocked(Finding),
}

/// A step: what is wanted and what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// As the configuration wants it, `None` for not at all.
    pub want: Option<Want>,
    /// As it is.
    pub sight: Sight,
}

impl Sighting {
    /// Where ours differs from what is wanted, as far as anything is done about it.
    pub fn diffs(&self, id: StepId) -> Vec<FieldDiff> {
        match (&self.want, &self.sight) {
            (Some(want), Sight::Ours(found)) => differences(&want.fields, &found.fields)
                .into_iter()
                .filter(|diff| steps::step(id).on_change(diff) != OnChange::Leave)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether ours has to make room for another.
    pub fn is_replaced(&self, id: StepId) -> bool {
        self.diffs(id).iter().any(|diff| steps::step(id).on_change(diff) == OnChange::Replace)
    }
}

/// All steps.
pub type Survey = BTreeMap<StepId, Sighting>;

/// Resources to use as they are, by step (`--adopt STEP=ID` and the `adopt_...` keys).
pub type Adoptions = BTreeMap<StepId, String>;

/// What the configuration says to use as it is.
pub(crate) fn configured(config: &Config) -> Adoptions {
    let gateway = config.gateway.as_ref();
    let adoptions = [
        (StepId::Instance, config.instance.adopt_instance_id.as_ref().map(ToString::to_string)),
        (StepId::UserPool, config.cognito.adopt_user_pool_id.as_ref().map(ToString::to_string)),
        (StepId::SchemaBucket, gateway.and_then(|gateway| gateway.s3_bucket.clone())),
        (StepId::GatewayRole, gateway.and_then(|gateway| gateway.role_name.clone())),
        (StepId::CredentialProvider, gateway.and_then(|gateway| gateway.provider_arn.clone())),
    ];
    adoptions.into_iter().filter_map(|(id, adopted)| Some((id, adopted?))).collect()
}

/// Looks at all steps, along their dependencies: a domain is looked for in the pool that was found.
pub async fn survey(
    cx: &Context<'_>,
    config: &Config,
    state: Option<&State>,
    adoptions: &Adoptions,
    guided: &BTreeSet<StepId>,
) -> Result<Survey, StepError> {
    let all: BTreeSet<StepId> = StepId::ALL.iter().copied().collect();
    let ends = graph::run_along(&all, Direction::Forward, steps::looked_for_through, |id| async move {
        let step_state = state.map(|state| state.step(id)).unwrap_or_default();
        let is_guided = guided.contains(&id);
        let adopt = adoptions.get(&id);
        let mut sight = if adopt.is_some() || steps::is_worth_a_look(id, Some(config), state) {
            look(cx, config, id, &step_state, adopt, is_guided).await?
        } else {
            Sight::Absent
        };
        if let Sight::Adopted(found) = &mut sight {
            found.outputs.insert(ADOPTED.to_owned(), "true".to_owned());
        }
        match &sight {
            Sight::Ours(found) | Sight::Adopted(found) => cx.known.set(id, found.outputs.clone()),
            Sight::Absent | Sight::Blocked(_) => cx.known.forget(id),
        }
        Ok::<_, StepError>(sight)
    })
    .await;
    let mut survey = Survey::new();
    for (id, end) in ends {
        match end {
            End::Done(sight) => {
                // Only now is everything known that a wish may refer to.
                let sighting = Sighting { want: steps::step(id).want(cx, config), sight };
                if sighting.is_replaced(id) {
                    // What comes after it has to refer to its successor, which nobody knows yet.
                    cx.known.forget(id);
                }
                survey.insert(id, sighting);
            }
            End::Failed(error) => return Err(error),
            // The step it waits for failed, and that error is returned.
            End::Skipped(_) => {}
        }
    }
    Ok(survey)
}

async fn look(
    cx: &Context<'_>,
    config: &Config,
    id: StepId,
    state: &StepState,
    adopt: Option<&String>,
    is_guided: bool,
) -> Result<Sight, StepError> {
    let step = steps::step(id);
    if let Some(chosen) = adopt {
        return Ok(match step.fetch(cx, chosen).await? {
            Some(mut found) => {
                if is_handmade(state) {
                    mark(&mut found);
                }
                Sight::Adopted(found)
            }
            // What a person made and took away again, a person makes again.
            None if is_guided => Sight::Absent,
            None => Sight::Blocked(
                Finding::new(
                    "SRE-PLAN-014",
                    Severity::Error,
                    id.as_str(),
                    format!("`{chosen}`, which is to be adopted, does not exist in this account and Region"),
                )
                .hint("check the id, the account and the Region"),
            ),
        });
    }
    if let Some(known) = &state.id
        && let Some(found) = fetch_known(cx, id, known, state).await?
    {
        return Ok(match state.ownership {
            Some(Ownership::Adopted) => Sight::Adopted(found),
            _ => Sight::Ours(found),
        });
    }
    if is_guided && is_known_by_name_only(id) && state.pending.is_none() {
        // Nothing in the account tells who made it; it was to be a person.
        return Ok(handmade(cx, config, id, true).await?.unwrap_or(Sight::Absent));
    }
    if is_guided
        && id == StepId::SchemaBucket
        && state.pending.is_none()
        // An empty bucket of our name without tags would be taken for ours.
        && let Some(sight) = handmade(cx, config, id, true).await?
    {
        return Ok(sight);
    }
    if matches!(id, StepId::ResourceServer | StepId::Domain) && pool_is_adopted(cx, state) {
        // In somebody else's pool there is no telling from the account who made a resource server or a domain.
        let found = step.find(cx).await?;
        return Ok(found.into_iter().next().map_or(Sight::Absent, Sight::Adopted));
    }
    let mut found = find(cx, id, state).await?;
    match (found.pop(), found.len()) {
        (None, _) if step.want(cx, config).is_none() => Ok(Sight::Absent),
        (None, _) => match handmade(cx, config, id, is_guided).await? {
            Some(sight) => Ok(sight),
            None => {
                Ok(step.rival(cx, config).await?.map_or(Sight::Absent, |finding| in_the_way(id, finding)))
            }
        },
        (Some(one), 0) => Ok(Sight::Ours(one)),
        (Some(one), _) => {
            found.push(one);
            Ok(several(id, &found))
        }
    }
}

/// Somebody else's under our name.
fn in_the_way(id: StepId, finding: Finding) -> Sight {
    if finding.hint.is_some() {
        return Sight::Blocked(finding);
    }
    let found = finding.evidence.clone().unwrap_or_default();
    Sight::Blocked(finding.hint(format!(
        "use it as it is with `--adopt {id}={found}`, rename or delete it, or choose another `deployment.id`"
    )))
}

/// More than one for one step.
fn several(id: StepId, found: &[Found]) -> Sight {
    let ids: Vec<&str> = found.iter().map(|found| found.id.as_str()).collect();
    Sight::Blocked(
        Finding::new(
            "SRE-PLAN-002",
            Severity::Error,
            id.as_str(),
            format!("several resources carry this deployment's tag: {}", ids.join(", ")),
        )
        .hint(format!(
            "delete those that are not meant, or take the tag {} off them; or clean up and deploy again",
            model::tags::DEPLOYMENT
        )),
    )
}

/// What carries no tags and is found by its name alone.
fn is_known_by_name_only(id: StepId) -> bool {
    use StepId::{AddressAssociation, AppClient, Domain, ResourceServer};
    matches!(id, ResourceServer | AppClient | Domain | AddressAssociation)
}

/// What a person made for this deployment: found by its tags, and where a person is to make it, by its name as well.
/// Where that is not as wanted, the person is asked; nobody changes it.
async fn handmade(
    cx: &Context<'_>,
    config: &Config,
    id: StepId,
    is_guided: bool,
) -> Result<Option<Sight>, StepError> {
    let step = steps::step(id);
    let mut found = candidates(step.made_by_hand(cx).await?, is_guided);
    if found.len() > 1 {
        return Ok(Some(if is_guided { Sight::Absent } else { several(id, &found) }));
    }
    let Some(mut one) = found.pop() else { return Ok(None) };
    let guide = step.want(cx, config).and_then(|want| Some((step.guide(cx, &want)?, want)));
    let is_as_wanted = guide.is_some_and(|(guide, want)| differ(id, &want, &guide, &one).is_empty())
        // Whoever has it made waits for it.
        && !steps::is_on_its_way(&one);
    mark(&mut one);
    Ok(Some(if is_as_wanted || !is_guided { Sight::Adopted(one) } else { Sight::Absent }))
}

/// Whether the user pool is somebody else's, as far as outputs tell.
fn pool_is_adopted(cx: &Context<'_>, state: &StepState) -> bool {
    // What the journal says we made, or were about to make, is ours wherever it is.
    state.id.is_none() && state.pending.is_none() && cx.known.get(StepId::UserPool, ADOPTED).is_some()
}

/// A resource of which the journal knows the id. One made a moment ago may not be visible everywhere yet.
async fn fetch_known(
    cx: &Context<'_>,
    id: StepId,
    known: &str,
    state: &StepState,
) -> Result<Option<Found>, StepError> {
    let step = steps::step(id);
    if state.settled || state.undo_pending.is_some() {
        return step.fetch(cx, known).await;
    }
    cx.patience.believe_absent(id, || step.fetch(cx, known)).await
}

/// Everything this deployment made. After a create whose end is unknown, once is not enough.
async fn find(cx: &Context<'_>, id: StepId, state: &StepState) -> Result<Vec<Found>, StepError> {
    let step = steps::step(id);
    if state.pending.is_some() && !step.repeats_safely(CREATE) {
        let some = cx
            .patience
            .believe_absent(id, || async {
                let found = step.find(cx).await?;
                Ok(if found.is_empty() { None } else { Some(found) })
            })
            .await?;
        return Ok(some.unwrap_or_default());
    }
    step.find(cx).await
}
