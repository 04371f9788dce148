//! Takes away what a deployment made, in reverse order of dependency, and only that.

use std::collections::{BTreeMap, BTreeSet};

use cloud::ErrorKind;
use model::agent::CREDENTIAL_PROVIDER;
use model::event::{Outcome, What};
use model::plan::StepId;
use model::{Finding, Severity};

use crate::advice;
use crate::error::StepError;
use crate::events::Emitter;
use crate::graph::{self, Direction, End};
use crate::guided::{candidates, is_handmade};
use crate::held::Held;
use crate::journal::{Ownership, Record, SETTLE, State};
use crate::recorder::Recorder;
use crate::steps::{self, ByHand, Context, Found};
use crate::survey;

/// Everything that is to be removed, by step; a step may have left several.
pub type Targets = BTreeMap<StepId, Vec<Found>>;

/// What a cleanup did.
#[derive(Debug, Default)]
pub struct Removal {
    /// What is gone now.
    pub removed: Vec<(StepId, String)>,
    /// What is still there, and why.
    pub left: Vec<Left>,
    /// Whether the operator stopped it.
    pub cancelled: bool,
    /// What was used and is not ours to remove.
    pub stays: Vec<Stays>,
}

/// Something that was adopted, and so stays.
#[derive(Debug)]
pub struct Stays {
    /// The step that used it.
    pub step: StepId,
    /// What identifies it.
    pub id: String,
    /// Whether a person made it for this deployment.
    pub is_handmade: bool,
    /// How to remove it by hand.
    pub by_hand: ByHand,
}

/// What the journal says was adopted, but for what lies inside something that goes.
pub fn adopted(cx: &Context<'_>, state: &State, targets: &Targets) -> Vec<Stays> {
    let goes = |id: StepId| container(id).is_some_and(|container| targets.contains_key(&container));
    let adopted = state.steps.iter().filter(|(_, step)| step.ownership == Some(Ownership::Adopted));
    let adopted = adopted.filter(|(id, _)| !goes(**id));
    adopted
        .filter_map(|(id, step)| {
            let found = step.id.clone()?;
            let by_hand = steps::step(*id).by_hand(cx, &found);
            Some(Stays { step: *id, id: found, is_handmade: is_handmade(step), by_hand })
        })
        .collect()
}

/// Something that is still there.
#[derive(Debug)]
pub struct Left {
    /// The step that made it.
    pub step: StepId,
    /// What identifies it.
    pub id: String,
    /// Why it is still there.
    pub error: StepError,
    /// How to remove it by hand.
    pub by_hand: ByHand,
}

/// Finds everything that the deployment made: by journal where there is one, by tag and path in any case.
pub async fn find(cx: &Context<'_>, state: Option<&State>) -> Result<Targets, StepError> {
    let unasked = not_to_be_seen(cx, state).await?;
    let is_looked_for = |id: &StepId| !id.is_check() && !unasked.contains(id);
    let all: BTreeSet<StepId> = StepId::ALL.iter().copied().filter(is_looked_for).collect();
    let ends = graph::run_along(&all, Direction::Forward, steps::looked_for_through, |id| async move {
        let step = steps::step(id);
        if !steps::is_worth_a_look(id, cx.config, state) {
            return Ok(Vec::new());
        }
        let known = state.map(|state| state.step(id)).unwrap_or_default();
        let adopted = (known.ownership == Some(Ownership::Adopted)).then(|| known.id.clone()).flatten();
        let mut adopted = adopted.or_else(|| adopted_by_config(cx, state, id));
        if state.is_none() && adopted.is_none() && id.is_of_gateway() {
            adopted = handmade_by_tags(cx, id).await?;
        }
        if let Some(named) = &adopted
            // What we made inside it is found through it.
            && let Some(found) = step.fetch(cx, named).await?
        {
            cx.known.set(id, found.outputs);
            // A configuration may name it otherwise than its id does.
            adopted = Some(found.id);
        }
        let mut found = Vec::new();
        if let (Some(made), None) = (&known.id, &adopted) {
            found.extend(step.fetch(cx, made).await?);
        }
        if !in_a_strangers_pool(cx, state, id) || known.pending.is_some() {
            // Without a journal, or after a call of a killed run: something may be there that cannot be seen yet.
            let unsure = state.is_none() || (known.pending.is_some() && known.id.is_none());
            let tagged = if unsure {
                let some = cx.patience.believe_absent(id, || async {
                    let found = step.find(cx).await?;
                    Ok(if found.is_empty() { None } else { Some(found) })
                });
                some.await?.unwrap_or_default()
            } else {
                step.find(cx).await?
            };
            found.extend(tagged);
        }
        let mut seen = BTreeSet::new();
        found.retain(|one| Some(&one.id) != adopted.as_ref() && seen.insert(one.id.clone()));
        if let (Some(first), None) = (found.first(), &adopted) {
            cx.known.set(id, first.outputs.clone());
        }
        Ok::<_, StepError>(found)
    })
    .await;
    let mut targets = Targets::new();
    for (id, end) in ends {
        match end {
            End::Done(found) if found.is_empty() => {}
            End::Done(found) => {
                targets.insert(id, found);
            }
            End::Failed(error) => return Err(error),
            End::Skipped(_) => {}
        }
    }
    Ok(targets)
}

/// The steps that cannot be looked for. Where nothing says that there was a gateway, a Region without AgentCore, or an
/// operator without rights to it, keeps nobody from removing everything else; it is said. What a gateway lives on stays
/// where nobody knows whether there is one.
async fn not_to_be_seen(cx: &Context<'_>, state: Option<&State>) -> Result<BTreeSet<StepId>, StepError> {
    if cx.config.is_some() || state.is_some() {
        return Ok(BTreeSet::new());
    }
    let agentcore = &cx.cloud.agentcore;
    let gateways = cx.patience.read(StepId::Gateway, || agentcore.list_gateways(())).await;
    if is_unasked(cx, StepId::Gateway, gateways.map(drop))? {
        return Ok(StepId::ALL.iter().copied().filter(|id| id.is_of_gateway()).collect());
    }
    let name = || agentcore.get_credential_provider(CREDENTIAL_PROVIDER.to_owned());
    let provider = cx.patience.read(StepId::CredentialProvider, name).await;
    let memories = cx.patience.read(StepId::Memory, || agentcore.list_memories(())).await;
    let runtimes = cx.patience.read(StepId::Runtime, || agentcore.list_runtimes(())).await;
    let mut unasked = BTreeSet::new();
    for (step, looked) in [
        (StepId::CredentialProvider, provider.map(drop)),
        (StepId::Memory, memories.map(drop)),
        (StepId::Runtime, runtimes.map(drop)),
    ] {
        if is_unasked(cx, step, looked)? {
            unasked.insert(step);
        }
    }
    if unasked.contains(&StepId::Runtime) {
        unasked.insert(StepId::RuntimeRole);
    }
    Ok(unasked)
}

/// Whether a failed call says that its service cannot be asked: by this operator, or in this Region.
pub(crate) fn cannot_be_asked(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Denied | ErrorKind::Unreachable | ErrorKind::Unsupported)
}

/// Whether AgentCore cannot be asked about a step, which is said then.
fn is_unasked(cx: &Context<'_>, step: StepId, looked: Result<(), StepError>) -> Result<bool, StepError> {
    let error = match looked {
        Ok(()) => return Ok(false),
        Err(StepError::Call(error)) => error,
        Err(error) => return Err(error),
    };
    if !cannot_be_asked(error.kind) {
        return Err(error.into());
    }
    let message =
        format!("AgentCore could not be asked: {} of this deployment was not looked for", step.title());
    let finding = Finding::new("SRE-AWS-014", Severity::Warning, step.as_str(), message)
        .evidence(error.to_string())
        .hint(format!(
            "if the deployment had a gateway, allow {} and clean up again with its state file or its configuration",
            error.action()
        ));
    cx.patience.events.emit(What::Found { finding });
    Ok(true)
}

/// With the journal lost, the configuration says what was adopted: what we made in it has our name.
fn adopted_by_config(cx: &Context<'_>, state: Option<&State>, id: StepId) -> Option<String> {
    match state {
        None => survey::configured(cx.config?).remove(&id),
        Some(_) => None,
    }
}

/// With the journal lost, its tags say what a person made of a gateway: what we made in it says by itself whose it is.
async fn handmade_by_tags(cx: &Context<'_>, id: StepId) -> Result<Option<String>, StepError> {
    let found = candidates(steps::step(id).made_by_hand(cx).await?, false);
    Ok(found.into_iter().next().map(|one| one.id))
}

/// In an adopted pool, a resource server or domain is ours only if the journal says so.
fn in_a_strangers_pool(cx: &Context<'_>, state: Option<&State>, id: StepId) -> bool {
    let by_journal = |state: &State| state.step(StepId::UserPool).ownership == Some(Ownership::Adopted);
    matches!(id, StepId::ResourceServer | StepId::Domain)
        && (state.is_some_and(by_journal) || adopted_by_config(cx, state, StepId::UserPool).is_some())
}

/// Removes the targets but those that are held, going on past failures; what still needs something that failed is left as
/// well.
pub async fn remove_all(
    cx: &Context<'_>,
    recorder: &Recorder<'_>,
    events: &Emitter<'_>,
    targets: &Targets,
    held: &Held,
) -> Removal {
    // What lies inside something that goes, goes with it.
    let inside = |id: StepId| container(id).filter(|container| targets.contains_key(container));
    let steps: BTreeSet<StepId> = targets.keys().copied().filter(|id| inside(*id).is_none()).collect();
    let contents = |container: StepId| {
        targets
            .iter()
            .filter(move |(id, _)| inside(**id) == Some(container))
            .flat_map(|(id, found)| found.iter().map(move |found| (*id, found)))
    };
    let removed = std::sync::Mutex::new(Vec::new());
    let ends = graph::run_along(&steps, Direction::Backward, steps::removed_after, |id| {
        let removed = &removed;
        async move {
            events.emit(What::StepStarted { step: id });
            let mut failed = Vec::new();
            let note = |id, found: &Found| {
                removed
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push((id, found.id.clone()));
            };
            for found in targets.get(&id).into_iter().flatten() {
                let removed = match held.get(&id) {
                    Some(why) => Err(StepError::Blocked(Box::new(why.clone()))),
                    None => remove(cx, recorder, events, id, found).await,
                };
                match removed {
                    Ok(()) => note(id, found),
                    Err(error) => failed.push((found.id.clone(), error)),
                }
            }
            if failed.is_empty() {
                for (content, found) in contents(id) {
                    let gone = Record::Undone { step: content, op: SETTLE.to_owned(), id: found.id.clone() };
                    match recorder.record(&gone) {
                        Ok(()) => note(content, found),
                        Err(error) => failed.push((found.id.clone(), error.into())),
                    }
                    let message = format!("gone with the {}", id.title());
                    events.emit(What::StepFinished { step: content, outcome: Outcome::Done, message });
                }
            }
            let (outcome, message) = match failed.first() {
                None => (Outcome::Done, "removed".to_owned()),
                Some((_, StepError::Cancelled)) => (Outcome::Cancelled, "stopped at a safe point".to_owned()),
                Some((_, error)) => (Outcome::Failed, error.to_string()),
            };
            events.emit(What::StepFinished { step: id, outcome, message });
            if failed.is_empty() { Ok(()) } else { Err(failed) }
        }
    })
    .await;
    let mut removal = Removal {
        removed: removed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        ..Removal::default()
    };
    for (id, end) in ends {
        let mut leave = |found: String, error| {
            let by_hand = steps::step(id).by_hand(cx, &found);
            removal.left.push(Left { step: id, id: found, error, by_hand });
        };
        match end {
            End::Done(()) => {}
            End::Failed(failed) => {
                for (found, error) in failed {
                    removal.cancelled |= matches!(error, StepError::Cancelled);
                    leave(found, error);
                }
            }
            End::Skipped(because) => {
                for found in targets.get(&id).into_iter().flatten() {
                    leave(found.id.clone(), StepError::NotReached { because });
                }
            }
        }
    }
    removal
}

/// What a step's resource lies inside of and disappears with.
fn container(id: StepId) -> Option<StepId> {
    match id {
        StepId::ResourceServer | StepId::AppClient => Some(StepId::UserPool),
        _ => None,
    }
}

/// Removes one resource: each call recorded before and after, then looked for until it is gone.
pub async fn remove(
    cx: &Context<'_>,
    recorder: &Recorder<'_>,
    events: &Emitter<'_>,
    id: StepId,
    found: &Found,
) -> Result<(), StepError> {
    let step = steps::step(id);
    let target = found.id.clone();
    for op in step.undo_ops(cx, found).await? {
        cx.patience.check()?;
        recorder.record(&Record::UndoIntent { step: id, op: op.label(), id: target.clone() })?;
        events.emit(What::Acting { step: id, action: op.summary.clone() });
        match cx.patience.remove(id, || step.undo(cx, &op, found)).await {
            Ok(()) => {}
            Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => {}
            Err(error) => {
                let finding = advice::of_step(id, &error);
                if !matches!(error, StepError::Journal(_)) {
                    recorder.record(&Record::UndoFailed {
                        step: id,
                        op: op.label(),
                        id: target,
                        code: finding.code,
                        message: finding.message,
                    })?;
                }
                return Err(error);
            }
        }
        recorder.record(&Record::Undone { step: id, op: op.label(), id: target.clone() })?;
    }
    let bound = cx.patience.limits.instance;
    let reason = "waiting for it to be gone";
    cx.patience
        .until(id, reason, bound, || async {
            Ok(if step.fetch(cx, &target).await?.is_none() { Some(()) } else { None })
        })
        .await?;
    recorder.record(&Record::Undone { step: id, op: SETTLE.to_owned(), id: target })?;
    Ok(())
}
