//! Steps that are done by hand: the engine's question goes to the wizard, the operator's answer comes back.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::guide::{Answer, Task};
use provision::guided::Operator;
use tokio::sync::oneshot;
use wizard::exchange::{HandAnswer, HandTask, Input};

/// The operator in front of the wizard.
#[derive(Clone)]
pub(super) struct Hands {
    news: Sender<Input>,
    asked: Arc<Mutex<Option<oneshot::Sender<Answer>>>>,
    /// Steps ask at the same time; a person answers one after the other.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Hands {
    /// Somebody who is told here.
    pub(super) fn new(news: Sender<Input>) -> Self {
        Self { news, asked: Arc::default(), turn: Arc::default() }
    }

    /// Passes on what the operator says. Without a question it is dropped: the run has ended in the meantime.
    pub(super) fn answer(&self, said: HandAnswer) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let answer = match said {
            HandAnswer::Done(id) => Answer::Done { id },
            HandAnswer::Automatic => Answer::Automatic,
            HandAnswer::Stop => Answer::Stop,
        };
        if let Some(asked) = asked {
            let _ = asked.send(answer);
        }
    }
}

#[async_trait]
impl Operator for Hands {
    async fn by_hand(&self, task: Task) -> Answer {
        let _turn = self.turn.lock().await;
        let (send, answer) = oneshot::channel();
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(send);
        if self.news.send(Input::Hand(Box::new(shown(task)))).is_err() {
            return Answer::Stop;
        }
        answer.await.unwrap_or(Answer::Stop)
    }
}

/// A task as the wizard shows it.
fn shown(task: Task) -> HandTask {
    HandTask {
        step: task.step,
        console: task.console,
        path: task.path,
        values: task.values,
        finds: format!("It is found {}.", task.finds),
        differences: task.seen.into_iter().chain(task.differences.iter().map(correction)).collect(),
    }
}

fn correction(correction: &model::guide::Correction) -> String {
    let difference = &correction.difference;
    format!("{} is {}, wanted {}: {}", difference.field, difference.have, difference.want, correction.fix)
}
