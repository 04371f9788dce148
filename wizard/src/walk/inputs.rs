//! What the program says.

use super::state::Phase;
use super::{State, apply, checks, ending, fields, policy, record, review};
use crate::exchange::{Effect, Input, Leave};

/// Takes what the program says.
pub(super) fn take(state: &mut State, input: Input, effects: &mut Vec<Effect>) {
    match input {
        Input::Discovered(discovery) => {
            state.discovery = *discovery;
            state.is_discovering = false;
            state.is_stale = true;
        }
        Input::Checked { path, text, verdict } => checks::answered(state, &path, &text, verdict),
        Input::Policy { configuration, allowed } => policy::answered(state, &configuration, allowed),
        Input::Previewed(result) => review::previewed(state, result, effects),
        Input::Event(event) => apply::event(state, &event),
        Input::Hand(task) => apply::hand(state, *task),
        Input::Applied(result) => apply::applied(state, result, effects),
        Input::RolledBack(Ok(())) => {
            state.run.phase = Phase::RolledBack;
            state.run.is_stopping = false;
            state.cursor = 0;
        }
        Input::RolledBack(Err(trouble)) => apply::failed(state, trouble),
        Input::Verified(result) => ending::verified(state, result),
        Input::Record(seen) => record::seen(state, seen.map(|record| *record)),
        // What becomes of a run is the program's to decide: it knows what the end is.
        Input::Ending => {
            fields::commit(state);
            effects.push(Effect::Leave(Leave::Later));
        }
        Input::Tick(now) => {
            state.now = Some(now);
            checks::tick(state, now, effects);
            record::tick(state, now, effects);
        }
    }
}
