//! The plan before anything is done: steps, price, what cannot be taken back, and the approval.

use model::plan::{Plan, PlannedStep, StepId};

use super::{Cmd, Editor, Overlay, State};
use crate::draft::Way;
use crate::exchange::{Effect, Preview, Trouble};
use crate::form::{self, Page};

/// A line that can be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// What is wrong with an answer; the key, where there is one.
    Problem(String),
    /// A step of the plan.
    Step(StepId),
    /// The deployment id is typed here.
    Confirm,
    /// The button.
    Apply,
}

/// A step in the tree.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// The step.
    pub step: &'a PlannedStep,
    /// How many steps it hangs under.
    pub depth: usize,
}

/// The plan as a tree: a step hangs under the last of those whose results it uses.
pub fn tree(plan: &Plan) -> Vec<Node<'_>> {
    fn hang<'a>(plan: &'a Plan, under: Option<StepId>, depth: usize, nodes: &mut Vec<Node<'a>>) {
        for step in plan.steps.iter().filter(|step| parent(plan, step) == under) {
            nodes.push(Node { step, depth });
            // Dependencies come earlier in the plan, so this ends.
            hang(plan, Some(step.id), depth.saturating_add(1), nodes);
        }
    }
    let mut nodes = Vec::new();
    hang(plan, None, 0, &mut nodes);
    nodes
}

fn parent(plan: &Plan, step: &PlannedStep) -> Option<StepId> {
    let place = |id: StepId| plan.steps.iter().position(|other| other.id == id);
    let here = place(step.id)?;
    let before = step.dependencies.iter().filter_map(|id| place(*id)).filter(|there| *there < here);
    before.max().and_then(|there| plan.steps.get(there)).map(|step| step.id)
}

/// The lines, in order.
pub(super) fn items(state: &State) -> Vec<Item> {
    if state.judgement.config.is_none() {
        let errors = state.judgement.problems.iter().filter(|problem| problem.is_error());
        return errors.map(|problem| Item::Problem(problem.path.clone())).collect();
    }
    let Some(preview) = &state.review.preview else { return Vec::new() };
    let mut items: Vec<Item> = tree(&preview.plan).iter().map(|node| Item::Step(node.step.id)).collect();
    if preview.confirm.is_some() {
        items.push(Item::Confirm);
    }
    items.push(Item::Apply);
    items
}

/// The selected line.
pub(super) fn item(state: &State) -> Option<Item> {
    items(state).into_iter().nth(state.cursor)
}

impl State {
    /// The lines of the review, in order.
    pub fn review_items(&self) -> Vec<Item> {
        items(self)
    }

    /// The selected line of the review.
    pub fn review_item(&self) -> Option<Item> {
        item(self)
    }
}

/// The page begins with a plan that is of the answers as they are.
pub(super) fn enter(state: &mut State, effects: &mut Vec<Effect>) {
    state.review.confirm = Editor::default();
    state.review.selected = None;
    if state.judgement.config.is_some() {
        ask(state, effects);
    }
}

/// Asks for a plan, unless there is one of the same wish. One question at a time: an answer always belongs to the last.
pub(super) fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    let wish = state.wish();
    let is_same = state.review.wish.as_ref() == Some(&wish);
    if is_same && !state.review.is_overtaken && (state.review.is_asked || state.review.preview.is_some()) {
        return;
    }
    if state.review.preview.is_some() {
        state.review.selected = item(state);
    }
    state.review.preview = None;
    state.trouble = None;
    if state.review.is_asked {
        state.review.is_overtaken = !is_same;
        return;
    }
    state.review.is_asked = true;
    state.review.wish = Some(wish.clone());
    effects.push(Effect::Preview(Box::new(wish)));
}

/// The plan came, or the reason why there is none.
pub(super) fn previewed(state: &mut State, result: Result<Box<Preview>, Trouble>, effects: &mut Vec<Effect>) {
    state.review.is_asked = false;
    let overtaken = std::mem::take(&mut state.review.is_overtaken);
    if overtaken || state.page != Page::Review {
        // Not what is looked at: the page asks again when it is.
        state.review.wish = None;
        if state.page == Page::Review && state.judgement.config.is_some() {
            ask(state, effects);
        }
        return;
    }
    match result {
        Ok(preview) => {
            state.review.preview = Some(*preview);
            state.trouble = None;
            // A plan after another: whoever chose how a step is done goes on from that step.
            let selected = state.review.selected.take();
            let place = items(state).iter().position(|item| Some(item) == selected.as_ref());
            state.cursor = place.unwrap_or(0);
        }
        Err(trouble) => {
            state.review.wish = None;
            state.trouble = Some(trouble);
            state.cursor = 0;
        }
    }
}

/// Carries out a command on the review.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    let item = item(state);
    if item == Some(Item::Confirm)
        && matches!(
            cmd,
            Cmd::Type(_)
                | Cmd::Paste(_)
                | Cmd::Erase
                | Cmd::Delete
                | Cmd::EraseWord
                | Cmd::Clear
                | Cmd::Left
                | Cmd::Right
        )
    {
        state.review.confirm.edit(cmd);
        return;
    }
    match cmd {
        Cmd::Back => back(state, effects),
        Cmd::Retry => {
            state.review.wish = None;
            if state.judgement.config.is_some() {
                ask(state, effects);
            }
        }
        Cmd::Enter | Cmd::Change if matches!(item, Some(Item::Problem(_))) => {
            if let Some(Item::Problem(path)) = item {
                jump(state, &path, effects);
            }
        }
        Cmd::Enter if item == Some(Item::Apply) => approve(state, effects),
        Cmd::Enter | Cmd::Forward => {
            let items = items(state);
            let wanted = |item: &Item| matches!(item, Item::Confirm | Item::Apply);
            let from = if item == Some(Item::Confirm) { state.cursor.saturating_add(1) } else { 0 };
            let place = items.iter().skip(from).position(wanted).map(|place| place.saturating_add(from));
            state.cursor = place.unwrap_or(state.cursor);
        }
        Cmd::Toggle | Cmd::ByHand | Cmd::Adopt => {
            if let Some(Item::Step(step)) = item {
                way(state, step, cmd, effects);
            }
        }
        _ => {
            state.moves(cmd);
        }
    }
}

fn back(state: &mut State, effects: &mut Vec<Effect>) {
    super::fields::back(state, effects);
}

/// Changes how a step is done.
fn way(state: &mut State, step: StepId, cmd: &Cmd, effects: &mut Vec<Effect>) {
    if step.is_check() {
        state.notice = Some("This step only looks; there is nothing to make.".to_owned());
        return;
    }
    match (cmd, state.ways.get(&step).cloned().unwrap_or_default()) {
        (Cmd::Adopt, _) if !step.can_adopt() => {
            state.notice = Some("Nothing else can take the place of this step.".to_owned());
        }
        (Cmd::Adopt, _) => adopt(state, step),
        (_, Way::Automatic) if !step.can_be_guided() => {
            let words = if step.can_adopt() {
                "There is no guide for this step: the program does it, or it uses what exists."
            } else {
                "Nobody could put this together by hand; the program always does it."
            };
            state.notice = Some(words.to_owned());
        }
        (_, Way::Automatic) => {
            state.ways.insert(step, Way::Guided);
            ask(state, effects);
        }
        (_, Way::Guided | Way::Adopt { .. }) => {
            state.ways.remove(&step);
            ask(state, effects);
        }
    }
}

/// Asks for the id of what takes a step's place.
pub(super) fn adopt(state: &mut State, step: StepId) {
    let id = if let Some(Way::Adopt { id }) = state.ways.get(&step) { id.clone() } else { String::new() };
    state.overlay = Some(Overlay::Adopt { step, editor: Editor::new(id) });
}

/// Goes to the question of this key.
pub(super) fn jump(state: &mut State, path: &str, effects: &mut Vec<Effect>) {
    let is_of = |field: &&form::Field| {
        path.strip_prefix(field.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    };
    // The most exact one: a section's own question stands before those inside it.
    match form::FIELDS.iter().filter(is_of).max_by_key(|field| field.path.len()) {
        Some(field) => {
            state.go(field.page, effects);
            state.editor = None;
            state.focus = Some(field.path.to_owned());
        }
        None => state.go(Page::Welcome, effects),
    }
}

/// Approves what is seen, and only that.
fn approve(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(preview) = &state.review.preview else { return };
    let mut wish = state.wish();
    if state.review.wish.as_ref() != Some(&wish) {
        return ask(state, effects);
    }
    if preview.confirm.is_some() {
        let typed = state.review.confirm.text().trim();
        let id = preview.plan.deployment_id.as_str();
        if typed != id {
            state.notice = Some(format!("Type the deployment id {id} to go on."));
            state.cursor = items(state).iter().position(|item| *item == Item::Confirm).unwrap_or(0);
            return;
        }
        wish.confirmed = Some(typed.to_owned());
    }
    state.go(Page::Apply, effects);
    super::apply::start(state);
    effects.push(Effect::Apply(Box::new(wish)));
}
