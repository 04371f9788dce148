//! What the instance's role will be allowed, for the page that has nothing else to say. It follows from the answers, so it
//! is asked for again when they change.

use super::State;
use crate::exchange::{Allowed, Effect};
use crate::form::{self, Page};

/// What the role will be allowed, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The statements, or why there are none; nothing while they are asked for.
    pub said: Option<Result<Vec<Allowed>, String>>,
    /// The configuration that they are asked for.
    asked_for: Option<String>,
}

/// Asks, where the page is open and the answers are others than those that were asked for.
pub(super) fn schedule(state: &mut State, effects: &mut Vec<Effect>) {
    if state.page != Page::Iam {
        return;
    }
    let configuration = form::configuration(&state.answers, &state.defaults);
    if state.policy.asked_for.as_ref() != Some(&configuration) {
        state.policy = Policy { said: None, asked_for: Some(configuration.clone()) };
        effects.push(Effect::Policy { configuration });
    }
}

/// An answer; one about other answers is dropped.
pub(super) fn answered(state: &mut State, configuration: &str, said: Result<Vec<Allowed>, String>) {
    if state.policy.asked_for.as_deref() == Some(configuration) {
        state.policy.said = Some(said);
    }
}
