//! Guided steps on a terminal: shows as numbered text what to make in the AWS Console, and waits for the operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cloud::practice::Door;
use model::guide::{Answer, Task};
use model::plan::StepId;
use provision::guided::Operator;

use crate::app::App;
use crate::approve::{self, Gap};
use crate::io::Io;
use crate::progress::Voice;

/// What `--guided` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guided {
    /// Every step that a person can do.
    All,
    /// One.
    Step(StepId),
}

/// The steps that are named.
pub(crate) fn steps(named: &[Guided]) -> BTreeSet<StepId> {
    let of = |guided: &Guided| match guided {
        Guided::All => StepId::ALL.iter().copied().filter(|id| id.can_be_guided()).collect(),
        Guided::Step(id) => vec![*id],
    };
    named.iter().flat_map(of).collect()
}

/// The operator, where steps are guided and nobody can be asked.
pub(crate) fn missing_operator(app: &App, named: &[Guided]) -> Option<Gap> {
    (!named.is_empty() && !app.can_ask()).then(|| Gap {
        what: "somebody for the guided steps".to_owned(),
        flag: "a terminal".to_owned(),
        variable: None,
        path: None,
    })
}

/// Somebody at the terminal.
pub(crate) struct AtTerminal {
    io: Io,
    voice: Voice,
    /// Steps ask at the same time; a person answers one after the other.
    turn: tokio::sync::Mutex<()>,
}

impl AtTerminal {
    /// Whoever sits at these streams.
    pub(crate) fn new(io: Io, voice: Voice) -> Self {
        Self { io, voice, turn: tokio::sync::Mutex::new(()) }
    }
}

#[async_trait]
impl Operator for AtTerminal {
    async fn by_hand(&self, task: Task) -> Answer {
        let _turn = self.turn.lock().await;
        // A list that changes in place would be drawn over the task.
        self.voice.lines_from_here();
        self.io.err.write(&format!(
            "\n{}\nEnter when done, a for automatic, q to stop, or paste the id: ",
            task.text()
        ));
        let line = approve::read_line(&self.io).await.unwrap_or_default();
        understood(&line)
    }
}

/// The operator of a practice account, which is a file: it has to be free while something is made in it by hand.
pub(crate) struct InPractice {
    door: Door,
    operator: Arc<dyn Operator>,
}

impl InPractice {
    /// This operator, with this way into the account.
    pub(crate) fn new(door: Door, operator: Arc<dyn Operator>) -> Self {
        Self { door, operator }
    }
}

#[async_trait]
impl Operator for InPractice {
    async fn by_hand(&self, task: Task) -> Answer {
        let _open = self.door.open();
        self.operator.by_hand(task).await
    }
}

/// What a line says. One that does not even end is the end of the input: nobody is there any more.
fn understood(line: &str) -> Answer {
    match line.trim() {
        "" if line.is_empty() => Answer::Stop,
        "" => Answer::Done { id: None },
        "a" | "A" => Answer::Automatic,
        "q" | "Q" => Answer::Stop,
        id => Answer::Done { id: Some(id.to_owned()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_answer() {
        assert_eq!(understood("\n"), Answer::Done { id: None });
        assert_eq!(understood("a\n"), Answer::Automatic);
        assert_eq!(understood(" q \n"), Answer::Stop);
        assert_eq!(understood(""), Answer::Stop, "the terminal went away");
        assert_eq!(understood("sg-0123\n"), Answer::Done { id: Some("sg-0123".to_owned()) });
    }

    #[test]
    fn all_are_those_that_can_be_adopted() {
        let all = steps(&[Guided::All, Guided::Step(StepId::Domain)]);
        assert!(all.contains(&StepId::Instance) && all.contains(&StepId::Domain));
        assert!(!all.contains(&StepId::Bundle) && !all.contains(&StepId::Readiness));
    }
}
