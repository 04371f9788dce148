//! A step whose resource a person makes: asks, looks, compares, and asks again until it is as wanted.
//!
//! What a person made is adopted, also where it carries the deployment's tags: it is used, and never changed or deleted.

use std::sync::Mutex;

use async_trait::async_trait;
use model::event::What;
use model::guide::{Answer, Correction, Task};
use model::plan::{Change, FieldDiff, PlannedStep, StepId, Way, differences};
use model::{Finding, Severity};

use crate::apply::Apply;
use crate::error::StepError;
use crate::guide::{Guide, Handmade};
use crate::journal::{Ownership, Record, StepState};
use crate::steps::{self, ADOPTED, Found, MADE_BY, Want};

/// Whoever makes things by hand. Steps that do not wait for each other ask at the same time.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Has it made. May take as long as it takes: the engine stops waiting when the run is stopped.
    async fn by_hand(&self, task: Task) -> Answer;
}

/// The value of [`MADE_BY`].
pub(crate) const OPERATOR: &str = "operator";

/// Of what a person may have made, what speaks for itself: by tag, or else by name; each once.
pub(crate) fn candidates(mut all: Vec<Handmade>, also_by_name: bool) -> Vec<Found> {
    let is_tagged = all.iter().any(|one| one.tagged);
    all.retain(|one| one.tagged || (also_by_name && !is_tagged));
    let mut found: Vec<Found> = all.into_iter().map(|one| one.found).collect();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found.dedup_by(|one, other| one.id == other.id);
    found
}

/// Marks what a person made for this deployment.
pub(crate) fn mark(found: &mut Found) {
    found.outputs.insert(ADOPTED.to_owned(), "true".to_owned());
    found.outputs.insert(MADE_BY.to_owned(), OPERATOR.to_owned());
}

/// Whether the journal says that a person made it.
pub(crate) fn is_handmade(state: &StepState) -> bool {
    state.ownership == Some(Ownership::Adopted)
        && state.outputs.get(MADE_BY).is_some_and(|made_by| made_by == OPERATOR)
}

/// All differences of something that a person made.
pub(crate) fn differ(id: StepId, want: &Want, guide: &Guide, found: &Found) -> Vec<FieldDiff> {
    let mut all = steps::step(id).differences(want, found);
    all.extend(differences(&guide.more, &found.fields));
    all
}

/// What was seen of something that a person was to make.
#[derive(Debug, Clone)]
enum Seen {
    Nothing,
    One(Found, Vec<FieldDiff>),
    Several(Vec<String>),
    /// What AWS says of the id that was given.
    Refused(String),
}

impl Seen {
    fn is_as_wanted(&self) -> bool {
        matches!(self, Self::One(_, differences) if differences.is_empty())
    }

    /// For the person who made it; nothing where nothing was expected.
    fn words(&self, given: Option<&str>, finds: &str) -> String {
        match (self, given) {
            (Self::Nothing, Some(id)) => format!("`{id}` does not exist in this account and Region."),
            (Self::Nothing, None) => format!(
                "It was not found {finds}. What was made a moment ago may take a minute to be seen; or give its id."
            ),
            (Self::One(found, _), _) => format!("`{}` is there, and differs:", found.id),
            (Self::Several(ids), _) => {
                format!("Several are there: {}. Give the id of the one that is meant.", ids.join(", "))
            }
            (Self::Refused(said), _) => format!("AWS does not take that id: {said}"),
        }
    }
}

impl Apply<'_> {
    /// Has a person make the resource; nothing where it is to be made by calls after all.
    pub(crate) async fn by_hand(&self, planned: &PlannedStep) -> Result<Option<Found>, StepError> {
        let id = planned.id;
        let state = self.state(id);
        let is_to_be_made = matches!(planned.change, Change::Create | Change::Replace { .. });
        // A call whose end is not known has to be ended before anything else.
        if planned.way == Way::Automatic || !is_to_be_made || state.pending.is_some() {
            return Ok(None);
        }
        let mut given: Option<String> = None;
        let comes_along = id == StepId::InstanceProfile && is_handmade(&self.state(StepId::Role));
        // What the Console made a moment ago is not seen at once.
        let mut seen = if comes_along { self.look_for(id, None).await? } else { self.see(id, None).await? };
        if matches!(seen, Seen::Nothing) && self.belongs_to_what_calls_made(id) {
            return Ok(None);
        }
        let mut attempt: u32 = 1;
        loop {
            if let Seen::One(found, differences) = &seen
                && differences.is_empty()
            {
                return self.take(id, found.clone()).await.map(Some);
            }
            let is_first_look = attempt == 1 && matches!(seen, Seen::Nothing);
            let (want, guide) = self.guide(id)?;
            let words = (!is_first_look).then(|| seen.words(given.as_deref(), &guide.finds));
            let task = self.task(id, &guide, &seen, words, attempt);
            self.events.emit(What::ByHand { task: Box::new(task.clone()) });
            match self.ask(id, task).await? {
                Answer::Automatic if state.ownership == Some(Ownership::Adopted) => {
                    return Err(StepError::Blocked(Box::new(cannot_own(id, &want))));
                }
                Answer::Automatic => return Ok(None),
                Answer::Stop => {
                    self.cx.patience.cancel.cancel();
                    return Err(StepError::Cancelled);
                }
                Answer::Done { id: answered } => {
                    given = answered.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
                    seen = self.look_for(id, given.as_deref()).await?;
                }
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// An instance profile belongs to its role: where calls made that one, they make this one.
    fn belongs_to_what_calls_made(&self, id: StepId) -> bool {
        id == StepId::InstanceProfile
            && self.recorder.state().is_some_and(|state| {
                let is_guided = |plan: &model::plan::Plan| {
                    plan.step(StepId::Role).is_some_and(|role| role.way == Way::Guided)
                };
                state.step(StepId::Role).ownership == Some(Ownership::Created)
                    && state.plan.as_ref().is_some_and(is_guided)
            })
    }

    fn guide(&self, id: StepId) -> Result<(Want, Guide), StepError> {
        let step = steps::step(id);
        let want = step.want(self.cx, self.config);
        let want = want.ok_or_else(|| StepError::Bug(format!("{id} is in the plan and not wanted")))?;
        let guide = step.guide(self.cx, &want);
        let guide = guide.ok_or_else(|| StepError::Bug(format!("{id} has no guide")))?;
        Ok((want, guide))
    }

    fn task(&self, id: StepId, guide: &Guide, seen: &Seen, words: Option<String>, attempt: u32) -> Task {
        let differences = match seen {
            Seen::One(_, differences) => differences.clone(),
            _ => Vec::new(),
        };
        let fix = |field: &str| {
            let known = guide.fixes.iter().find(|(name, _)| *name == field);
            known.map_or_else(|| guide.path.join(" > "), |(_, fix)| fix.clone())
        };
        Task {
            step: id,
            title: guide.title.clone(),
            account: self.cx.account.clone(),
            region: self.cx.region.clone(),
            console: guide.console.clone(),
            path: guide.path.clone(),
            values: guide.values.clone(),
            finds: guide.finds.clone(),
            attempt,
            seen: words,
            differences: differences
                .into_iter()
                .map(|difference| Correction { fix: fix(&difference.field), difference })
                .collect(),
        }
    }

    /// Waits for the person, or for the run to be stopped.
    async fn ask(&self, id: StepId, task: Task) -> Result<Answer, StepError> {
        let Some(operator) = self.operator else {
            return Err(StepError::Blocked(Box::new(nobody_there(id, &task))));
        };
        tokio::select! {
            biased;
            () = self.cx.patience.cancel.cancelled() => Err(StepError::Cancelled),
            answer = operator.by_hand(task) => Ok(answer),
        }
    }

    /// Looks a few times: what was made a moment ago is not seen at once, and neither is a correction.
    async fn look_for(&self, id: StepId, given: Option<&str>) -> Result<Seen, StepError> {
        let last = Mutex::new(Seen::Nothing);
        let reason = "looking for what was made by hand";
        self.cx
            .patience
            .look_a_few_times(id, reason, || async {
                let seen = self.see(id, given).await?;
                let is_as_wanted = seen.is_as_wanted();
                *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seen;
                Ok(is_as_wanted.then_some(()))
            })
            .await?;
        Ok(last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// One look.
    async fn see(&self, id: StepId, given: Option<&str>) -> Result<Seen, StepError> {
        let step = steps::step(id);
        let found = match given {
            None => candidates(step.made_by_hand(self.cx).await?, true),
            Some(given) => match step.fetch(self.cx, given).await {
                Ok(found) => found.into_iter().collect(),
                Err(StepError::Call(error)) if is_about_the_id(error.kind) => {
                    return Ok(Seen::Refused(error.to_string()));
                }
                Err(error) => return Err(error),
            },
        };
        let (want, guide) = self.guide(id)?;
        Ok(match found.as_slice() {
            [] => Seen::Nothing,
            [one] => Seen::One(one.clone(), differ(id, &want, &guide, one)),
            several => Seen::Several(several.iter().map(|one| one.id.clone()).collect()),
        })
    }

    /// Adopts what a person made.
    async fn take(&self, id: StepId, found: Found) -> Result<Found, StepError> {
        let step = steps::step(id);
        let mut found = step.settle(self.cx, found).await?;
        mark(&mut found);
        self.recorder.record(&Record::Adopted {
            step: id,
            id: found.id.clone(),
            outputs: found.outputs.clone(),
        })?;
        for finding in step.remarks(self.cx, &found) {
            self.events.emit(What::Found { finding });
        }
        Ok(found)
    }
}

/// Whether a failure may come from what a person typed.
fn is_about_the_id(kind: cloud::ErrorKind) -> bool {
    use cloud::ErrorKind::{Invalid, NotFound, Other};
    matches!(kind, Invalid | NotFound | Other)
}

/// Nobody can be asked: the task itself is the advice, and a resume takes what was made meanwhile.
fn nobody_there(id: StepId, task: &Task) -> Finding {
    let (code, message) = if task.differences.is_empty() {
        ("SRE-RUN-020", "it is to be made by hand, and there is no terminal to ask on".to_owned())
    } else {
        let fields: Vec<&str> =
            task.differences.iter().map(|correction| correction.difference.field.as_str()).collect();
        ("SRE-RUN-021", format!("what was made by hand is not as wanted: {}", fields.join(", ")))
    };
    Finding::new(code, Severity::Error, id.as_str(), message)
        .hint(format!("do this, then resume: it is found, compared and used\n{}", task.text().trim_end()))
}

/// The journal knows the step's resource as somebody else's; a call for it would blur whose it is.
fn cannot_own(id: StepId, want: &Want) -> Finding {
    Finding::new(
        "SRE-RUN-022",
        Severity::Error,
        id.as_str(),
        format!("{} was made by hand before, so calls cannot make its successor", want.name),
    )
    .hint("make it by hand again and resume; or use another --state-file for a new beginning")
}
