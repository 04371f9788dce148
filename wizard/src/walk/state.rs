//! Everything there is while somebody walks through the pages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::Finding;
use model::config::Problem;
use model::plan::StepId;

use super::checks::Check;
use super::policy::Policy;
use super::record::{self, Watch};
use super::{Cmd, Editor, Mode, apply, fields, policy, review, trouble};
use crate::discovery::{self, Discovery};
use crate::draft::{Draft, VERSION, Way};
use crate::exchange::{Effect, HandTask, Preview, Trouble, Verified, Wish};
use crate::form::{self, Answers, Defaults, Field, Judgement, Page};
use crate::progress::ProgressModel;

/// The whole state. What is in a [`Draft`] is kept; the rest is found out again.
#[derive(Debug, Clone)]
pub struct State {
    /// Where the operator is.
    pub page: Page,
    /// The furthest page that was seen.
    pub reached: Page,
    /// The key whose question is looked at; none on the button below the questions and on pages without any.
    pub focus: Option<String>,
    /// Where the focus was when a page was left; none is the button.
    pub(super) focuses: BTreeMap<Page, Option<String>>,
    /// The line being typed and its key.
    pub editor: Option<(String, Editor)>,
    /// What was said.
    pub answers: Answers,
    /// How steps are done, where not automatically.
    pub ways: BTreeMap<StepId, Way>,
    /// Whether everything is asked for.
    pub shows_advanced: bool,
    /// What was found out.
    pub discovery: Discovery,
    /// Whether that is being found out.
    pub is_discovering: bool,
    /// What holds where nothing was said.
    pub defaults: Defaults,
    /// What the product says about the answers, with what is being typed.
    pub judgement: Judgement,
    /// What the account says about single answers, by key.
    pub checks: BTreeMap<String, Check>,
    /// Keys that have a list, and whose answer is typed all the same.
    pub typed_freely: BTreeSet<String>,
    /// What lies over the page.
    pub overlay: Option<Overlay>,
    /// The selected line of a page that has no questions.
    pub cursor: usize,
    /// Lines of the longest text on the page that are above what is seen.
    pub scroll: usize,
    /// Why the last command did not do what was meant.
    pub notice: Option<String>,
    /// The plan.
    pub review: Review,
    /// The run.
    pub run: Running,
    /// What failed on this page.
    pub trouble: Option<Trouble>,
    /// What the checks said.
    pub verified: Option<Verified>,
    /// Whether the checks run.
    pub is_verifying: bool,
    /// What the instance's role will be allowed.
    pub policy: Policy,
    /// The DNS record that clients need.
    pub record: Watch,
    /// The time of the last tick.
    pub now: Option<Timestamp>,
    /// Profile, Region and rehearsal that the account was last asked with.
    pub(super) asked_with: Option<(Option<String>, Option<String>, bool)>,
    /// Whether answers or discovery are others than those that were judged.
    pub(super) is_stale: bool,
    /// Whether what follows from the last keys is still to be done.
    pub(super) is_unsettled: bool,
}

/// What lies over a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// All keys, and all about the question.
    Help,
    /// A question that is answered with yes or no.
    Ask {
        /// Which.
        question: Question,
        /// Whether "yes" is selected.
        yes: bool,
    },
    /// A list to choose an answer from.
    Picker {
        /// The key.
        path: String,
        /// The selected line; the one after the last choice is "another".
        index: usize,
    },
    /// The id of what takes a step's place.
    Adopt {
        /// The step.
        step: StepId,
        /// The id.
        editor: Editor,
    },
}

/// What is asked for before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Leave?
    Leave,
    /// Take back what was made?
    RollBack,
}

/// The plan and what belongs to its approval.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// The plan and its price.
    pub preview: Option<Preview>,
    /// What they are of.
    pub wish: Option<Wish>,
    /// Whether an answer is on its way.
    pub is_asked: bool,
    /// Whether that answer is out of date already.
    pub is_overtaken: bool,
    /// The line that was selected when another plan was asked for.
    pub selected: Option<review::Item>,
    /// The deployment id as it is typed.
    pub confirm: Editor,
}

/// The run.
#[derive(Debug, Clone, Default)]
pub struct Running {
    /// Its steps.
    pub progress: ProgressModel,
    /// What each step did.
    pub log: BTreeMap<StepId, Vec<String>>,
    /// How far it is.
    pub phase: Phase,
    /// Whether it takes back instead of making.
    pub takes_back: bool,
    /// Whether it was told to stop.
    pub is_stopping: bool,
    /// What is to be done by hand now.
    pub hand: Option<HandTask>,
    /// The id of what was made by hand.
    pub hand_id: Editor,
    /// Whether the operator chose a step to look at.
    pub is_pinned: bool,
    /// Whether the log has the whole page.
    pub shows_log: bool,
    /// What is waited for before the steps begin.
    pub note: Option<String>,
    /// What was found on the way.
    pub findings: Vec<Finding>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// None was begun since the wizard was opened.
    #[default]
    None,
    /// It is at work.
    Running,
    /// It is being taken back.
    RollingBack,
    /// It was taken back.
    RolledBack,
    /// It ended, well or not.
    Ended,
}

impl State {
    /// Opens a draft.
    pub fn new(draft: Draft, discovery: Discovery) -> Self {
        let mut state = Self {
            page: draft.page,
            reached: draft.reached.max(draft.page),
            focus: draft.focus,
            focuses: BTreeMap::new(),
            editor: None,
            answers: draft.answers,
            ways: draft.ways,
            shows_advanced: draft.shows_advanced,
            discovery,
            is_discovering: false,
            defaults: Defaults::default(),
            judgement: Judgement { config: None, problems: Vec::new() },
            checks: BTreeMap::new(),
            typed_freely: BTreeSet::new(),
            overlay: None,
            cursor: 0,
            scroll: 0,
            notice: None,
            review: Review::default(),
            run: Running::default(),
            trouble: None,
            verified: None,
            is_verifying: false,
            policy: Policy::default(),
            record: Watch::default(),
            now: None,
            asked_with: None,
            is_stale: true,
            is_unsettled: false,
        };
        if let Some((path, text)) = draft.typing.filter(|(path, _)| state.focus.as_ref() == Some(path)) {
            // What was being typed was typed, even where there is a list to choose from.
            state.typed_freely.insert(path.clone());
            state.editor = Some((path, Editor::new(text)));
        }
        state.judge();
        state.place_focus();
        state
    }

    /// What is to be done when the wizard opens.
    pub fn begin(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.discover(&mut effects);
        match self.page {
            Page::Review => review::enter(self, &mut effects),
            Page::Iam => policy::schedule(self, &mut effects),
            // What the checks said is not kept; it may be another by now.
            Page::Verify | Page::Report => {
                self.is_verifying = true;
                effects.push(Effect::Verify);
            }
            _ => {}
        }
        effects
    }

    /// What is kept.
    pub fn draft(&self) -> Draft {
        let typing = self.editor.as_ref().map(|(path, editor)| (path.clone(), editor.text().to_owned()));
        Draft {
            version: VERSION,
            page: self.page,
            reached: self.reached,
            focus: self.focus.clone(),
            typing: typing.filter(|(path, text)| *text != fields::as_typed(&self.answers, path)),
            answers: self.answers.clone(),
            ways: self.ways.clone(),
            shows_advanced: self.shows_advanced,
        }
    }

    /// The answers with what is being typed.
    pub fn spoken(&self) -> Cow<'_, Answers> {
        match &self.editor {
            Some((path, editor)) if editor.text() != fields::as_typed(&self.answers, path) => {
                let mut answers = self.answers.clone();
                fields::say(&mut answers, path, editor.text());
                Cow::Owned(answers)
            }
            _ => Cow::Borrowed(&self.answers),
        }
    }

    /// What holds for a key, with what is being typed.
    pub fn holds(&self, path: &str) -> String {
        self.spoken().held(path, &self.defaults).to_owned()
    }

    /// What is wanted, without the typed deployment id.
    pub fn wish(&self) -> Wish {
        let configuration = form::configuration(&self.answers, &self.defaults);
        Wish { configuration, ways: self.ways.clone(), confirmed: None }
    }

    /// Whether it is the practice account.
    pub fn is_rehearsal(&self) -> bool {
        self.holds("mode") == "rehearsal"
    }

    /// The Region that is worked in, as far as it is known.
    pub fn region(&self) -> Option<String> {
        let said = self.holds("aws.region");
        if said.is_empty() {
            self.discovery.region.as_ref().map(|(region, _)| region.clone())
        } else {
            Some(said)
        }
    }

    /// What the product says about a question's answer, the worst first.
    pub fn problem(&self, field: &'static Field) -> Option<&Problem> {
        fields::problem(self, field)
    }

    /// The questions that are seen on this page.
    pub fn visible(&self) -> Vec<&'static Field> {
        fields::visible(self)
    }

    /// How keys are to be read.
    pub fn mode(&self) -> Mode {
        let types = match &self.overlay {
            Some(Overlay::Adopt { .. } | Overlay::Picker { .. }) => true,
            Some(_) => false,
            None if fields::is_field_page(self.page) => self.editor.is_some(),
            None if self.trouble.is_some() => false,
            None if self.page == Page::Review => review::item(self) == Some(review::Item::Confirm),
            None => self.page == Page::Apply && apply::hand_item(self) == Some(apply::HandItem::Id),
        };
        if types { Mode::Typing } else { Mode::Moving }
    }

    /// Milliseconds until it should be told the time again; none while nothing depends on it.
    pub fn tick_ms(&self) -> Option<u64> {
        if self.checks.values().any(Check::is_due) {
            return Some(100);
        }
        let runs = matches!(self.run.phase, Phase::Running | Phase::RollingBack);
        let clock = (self.page == Page::Apply && runs).then_some(1000);
        clock.into_iter().chain(record::wait_ms(self)).min()
    }

    /// What was found out, judged anew where it or the answers changed.
    pub(super) fn judge(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            let spoken = self.spoken();
            let defaults = discovery::defaults(&self.discovery, &spoken);
            self.judgement = form::judge(&spoken, &defaults);
            self.defaults = defaults;
        }
    }

    /// The number of lines that can be selected on a page without questions.
    pub(super) fn lines(&self) -> usize {
        let ways = trouble::ways(self).len();
        let record = usize::from(self.record_line().is_some());
        match self.page {
            _ if ways > 0 => ways,
            Page::Review => review::items(self).len(),
            Page::Apply if self.run.hand.is_some() => apply::hand_items(self).len(),
            Page::Apply => self.run.progress.rows.len().saturating_add(record),
            Page::Verify => {
                let rest = self.verified.as_ref().map_or(0, |it| it.findings.len().saturating_add(1));
                rest.saturating_add(record)
            }
            Page::Report => {
                let rest = self.verified.as_ref().map_or(0, |it| it.snippets.len());
                rest.saturating_add(record).saturating_add(1)
            }
            _ => 0,
        }
    }

    /// Moves the selection on a page without questions; whether the command was one that moves.
    pub(super) fn moves(&mut self, cmd: &Cmd) -> bool {
        let last = self.lines().saturating_sub(1);
        match cmd {
            Cmd::Up | Cmd::Previous => self.cursor = self.cursor.saturating_sub(1),
            Cmd::Down | Cmd::Next => self.cursor = self.cursor.saturating_add(1).min(last),
            Cmd::Home => self.cursor = 0,
            Cmd::End => self.cursor = last,
            Cmd::ScrollUp => self.scroll = self.scroll.saturating_sub(5),
            Cmd::ScrollDown => self.scroll = self.scroll.saturating_add(5).min(10_000),
            _ => return false,
        }
        if !matches!(cmd, Cmd::ScrollUp | Cmd::ScrollDown) {
            self.scroll = 0;
        }
        true
    }
}
