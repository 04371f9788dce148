//! The pages with questions.

use model::config::Problem;

use super::checks;
use super::{Cmd, Editor, Overlay, State};
use crate::discovery;
use crate::exchange::Effect;
use crate::form::{self, Answers, Field, Page};

/// What is typed where the answer is "nothing", since an empty line means "as usual".
const NOTHING: &str = "none";

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// One of few words, seen side by side.
    Words(Vec<Option>),
    /// One of a list, or typed all the same.
    List(Vec<Option>),
    /// Typed.
    Text,
}

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Option {
    /// What the configuration takes.
    pub value: String,
    /// For people; empty where the value says it.
    pub note: String,
}

/// Whether a page holds questions.
pub(super) fn is_field_page(page: Page) -> bool {
    page <= Page::Gateway
}

/// How this question is answered, with these answers.
pub fn asking(state: &State, field: &Field) -> Asking {
    if !field.words().is_empty() {
        let option = |word: &&str| Option { value: (*word).to_owned(), note: String::new() };
        return Asking::Words(field.words().iter().map(option).collect());
    }
    if state.typed_freely.contains(field.path) {
        return Asking::Text;
    }
    let choices = discovery::choices(field.path, &state.discovery, &state.answers, &state.defaults);
    let options: Vec<Option> = if choices.is_empty() && field.path == "aws.profile" {
        let profiles = state.discovery.profiles.iter();
        profiles.map(|name| Option { value: name.clone(), note: String::new() }).collect()
    } else {
        choices.into_iter().map(|it| Option { value: it.value, note: it.note }).collect()
    };
    if options.is_empty() { Asking::Text } else { Asking::List(options) }
}

/// The questions that are seen: what most people decide, what was decided, what is wrong, and where the focus is.
pub(super) fn visible(state: &State) -> Vec<&'static Field> {
    if !is_field_page(state.page) {
        return Vec::new();
    }
    let seen = |field: &&'static Field| {
        !field.is_advanced
            || state.shows_advanced
            || state.focus.as_deref() == Some(field.path)
            || state.answers.get(field.path).is_some()
            || problem(state, field).is_some()
    };
    form::relevant(state.page, &state.spoken(), &state.defaults).into_iter().filter(seen).collect()
}

/// The answer as it stands in a line to be typed.
pub(super) fn as_typed(answers: &Answers, path: &str) -> String {
    match answers.get(path) {
        Some("") => NOTHING.to_owned(),
        Some(text) => text.to_owned(),
        None => String::new(),
    }
}

/// Notes a typed line, read as every front end reads it. An empty one says nothing, so that the default holds.
pub(super) fn say(answers: &mut Answers, path: &str, line: &str) {
    if line.trim().is_empty() {
        return answers.unset(path);
    }
    let text = form::find(path).map_or_else(|| line.trim().to_owned(), |field| form::parsed(field, line));
    answers.set(path, text);
}

/// Takes over what is being typed.
pub(super) fn commit(state: &mut State) {
    if let Some((path, editor)) = &state.editor {
        let (path, line) = (path.clone(), editor.text().to_owned());
        if line != as_typed(&state.answers, &path) {
            say(&mut state.answers, &path, &line);
            state.is_stale = true;
        }
    }
}

/// A page begins at its first question, and one that was left begins where it was left.
pub(super) fn enter(state: &mut State) {
    let visible = visible(state);
    let is_there = |path: &String| visible.iter().any(|field| field.path == path);
    let path = match state.focuses.get(&state.page) {
        Some(None) => None,
        Some(Some(path)) if is_there(path) => Some(path.clone()),
        _ => visible.first().map(|field| field.path.to_owned()),
    };
    focus(state, path);
}

/// Opens the line of the question in focus, if it is typed.
pub(super) fn open_editor(state: &mut State) {
    let field = state.focus.as_deref().and_then(form::find);
    let path = field.filter(|field| asking(state, field) == Asking::Text).map(|field| field.path);
    match (path, &state.editor) {
        (Some(path), Some((open, _))) if path == open => {}
        (Some(path), _) => {
            commit(state);
            state.editor = Some((path.to_owned(), Editor::new(as_typed(&state.answers, path))));
        }
        (None, Some(_)) => {
            commit(state);
            state.editor = None;
        }
        (None, None) => {}
    }
}

fn focus(state: &mut State, path: std::option::Option<String>) {
    commit(state);
    state.editor = None;
    state.focus = path;
    state.scroll = 0;
    open_editor(state);
}

/// Carries out a command on a page with questions.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    match cmd {
        Cmd::Up | Cmd::Previous => step_focus(state, false),
        Cmd::Down | Cmd::Next => step_focus(state, true),
        Cmd::Enter => enter_pressed(state, effects),
        Cmd::Back => back(state, effects),
        Cmd::Forward => forward(state, effects),
        Cmd::Advanced => state.shows_advanced = !state.shows_advanced,
        Cmd::ScrollUp => state.scroll = state.scroll.saturating_sub(3),
        Cmd::ScrollDown => state.scroll = state.scroll.saturating_add(3).min(1000),
        Cmd::Adopt => {
            if let Some(path) = state.focus.clone() {
                checks::take_instead(state, &path);
            }
        }
        Cmd::Copy => {
            let text = state.focus.as_ref().map(|path| state.holds(path)).unwrap_or_default();
            effects.push(Effect::Copy(text));
        }
        _ if state.editor.is_some() => edit(state, cmd),
        _ => choose(state, cmd),
    }
}

fn step_focus(state: &mut State, down: bool) {
    let visible = visible(state);
    let here = state.focus.as_ref().and_then(|path| visible.iter().position(|field| field.path == path));
    // The button comes after the last question.
    let place = here.unwrap_or(visible.len());
    let next = if down { place.saturating_add(1).min(visible.len()) } else { place.saturating_sub(1) };
    focus(state, visible.get(next).map(|field| field.path.to_owned()));
}

fn enter_pressed(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(field) = state.focus.as_deref().and_then(form::find) else {
        return forward(state, effects);
    };
    match asking(state, field) {
        Asking::List(options) => pick(state, field, &options),
        Asking::Words(_) | Asking::Text => step_focus(state, true),
    }
}

fn pick(state: &mut State, field: &Field, options: &[Option]) {
    let now = state.holds(field.path);
    let index = options.iter().position(|option| option.value == now).unwrap_or(0);
    state.overlay = Some(Overlay::Picker { path: field.path.to_owned(), index });
}

fn edit(state: &mut State, cmd: &Cmd) {
    let Some((path, editor)) = &mut state.editor else { return };
    let default = state.defaults.get(path).map(|default| default.text.as_str()).unwrap_or_default();
    if editor.text().is_empty() && matches!(cmd, Cmd::Right | Cmd::End) && !default.is_empty() {
        *editor = Editor::new(default);
        state.is_stale = true;
    } else if editor.edit(cmd) {
        state.is_stale = true;
        // What was said of the text before is not said of this one.
        state.checks.remove(path);
    }
}

/// Whether a command changes the line being typed and nothing else.
pub(super) fn only_types(state: &State, cmd: &Cmd) -> bool {
    let is_typed = matches!(
        cmd,
        Cmd::Type(_) | Cmd::Paste(_) | Cmd::Erase | Cmd::Delete | Cmd::EraseWord | Cmd::Left | Cmd::Home
    );
    is_typed && is_field_page(state.page) && state.overlay.is_none() && state.editor.is_some()
}

/// Whether the line being typed says that there is no value.
pub(super) fn is_nothing_typed(state: &State) -> bool {
    state.editor.as_ref().is_some_and(|(path, editor)| {
        let mut said = Answers::default();
        say(&mut said, path, editor.text());
        said.get(path).is_none_or(form::is_nothing)
    })
}

fn choose(state: &mut State, cmd: &Cmd) {
    let Some(field) = state.focus.as_deref().and_then(form::find) else { return };
    match (cmd, asking(state, field)) {
        (Cmd::Clear | Cmd::Erase | Cmd::Delete, _) => {
            state.answers.unset(field.path);
            state.is_stale = true;
        }
        (Cmd::Toggle, Asking::Words(words)) => {
            let now = state.holds(field.path);
            let place = words.iter().position(|word| word.value == now);
            let next = place.and_then(|place| words.get(place.saturating_add(1))).or(words.first());
            if let Some(word) = next {
                state.answers.set(field.path, word.value.clone());
                state.is_stale = true;
            }
        }
        (Cmd::Toggle, Asking::List(options)) => pick(state, field, &options),
        _ => {}
    }
}

/// To the page before that has something to decide.
pub(super) fn back(state: &mut State, effects: &mut Vec<Effect>) {
    let mut page = state.page;
    while let Some(previous) = page.previous() {
        page = previous;
        if has_anything(state, page) {
            return state.go(page, effects);
        }
    }
}

/// To the next page, unless something is wrong on this one: then to what is wrong.
pub(super) fn forward(state: &mut State, effects: &mut Vec<Effect>) {
    commit(state);
    state.judge();
    if let Some((field, message)) = wrong(state, state.page).into_iter().next() {
        focus(state, Some(field.path.to_owned()));
        state.notice = Some(format!("{}: {message}", field.title));
        return;
    }
    let mut page = state.page;
    while let Some(next) = page.next() {
        page = next;
        if has_anything(state, page) {
            return state.go(page, effects);
        }
    }
}

pub(super) fn has_anything(state: &State, page: Page) -> bool {
    // What the instance may do is worth reading, though there is nothing to decide.
    let ends = matches!(page, Page::Welcome | Page::Iam) || !is_field_page(page);
    ends || !form::relevant(page, &state.spoken(), &state.defaults).is_empty()
}

/// What keeps the operator on a page, in the order of its questions.
pub(super) fn wrong(state: &State, page: Page) -> Vec<(&'static Field, String)> {
    let spoken = state.spoken();
    let fields = form::relevant(page, &spoken, &state.defaults);
    let errors = fields.into_iter().filter_map(|field| {
        let problem = problem(state, field).filter(|problem| problem.is_error());
        let refused = checks::refused(state, field.path);
        let message = problem.map(|problem| problem.message.clone()).or(refused)?;
        Some((field, message))
    });
    errors.collect()
}

/// What the product says about a question's answer, the worst first.
pub(super) fn problem<'a>(state: &'a State, field: &'static Field) -> std::option::Option<&'a Problem> {
    // Whether there is a section is another question than what stands in it.
    let is_its = |problem: &&Problem| field.path != form::GATEWAY || problem.path == form::GATEWAY;
    state.judgement.of(field.path).find(is_its)
}
