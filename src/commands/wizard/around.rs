//! Carries out what the wizard asks for, each thing on a thread of its own, so that no screen ever waits.
//!
//! Commands run as they do from the command line, with the wizard as their watcher: what they would show is told to it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;
use wizard::draft::Draft;
use wizard::exchange::{Effect, Input, Trouble};

use super::discover::{self, Wanted};
use super::hands::Hands;
use super::kept::Kept;
use super::{policy, record, work};
use crate::app::App;
use crate::args::StateArgs;
use crate::failure::Failure;
use crate::io::{Io, Stream};
use crate::session::OWN_LOCKS;

/// What is asked of the thread that writes drafts.
enum Errand {
    /// Keep this.
    Keep(Box<Draft>),
    /// Let go of this when what came before is kept.
    Tell(Sender<()>),
}

/// Everything that the wizard's effects need.
#[derive(Clone)]
pub(super) struct Around {
    /// The program, with streams that nobody sees.
    pub(super) app: App,
    /// Where the state is, by the command line.
    pub(super) state: StateArgs,
    /// Where answers are kept.
    pub(super) kept: Kept,
    /// Where news goes.
    pub(super) news: Sender<Input>,
    /// Stops the run that is under way.
    pub(super) stop: CancellationToken,
    /// Who does guided steps.
    pub(super) hands: Hands,
    clerk: Sender<Errand>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Whether a rehearsal is under way, which verifies itself.
    rehearses: Arc<AtomicBool>,
}

impl Around {
    /// Around a wizard that gets its news here.
    pub(super) fn new(app: &App, state: &StateArgs, kept: Kept, news: Sender<Input>) -> Self {
        let (clerk, errands) = mpsc::channel::<Errand>();
        let around = Self {
            app: unseen(app),
            state: StateArgs { lock_timeout: Some(state.lock_timeout.unwrap_or(OWN_LOCKS)), ..state.clone() },
            kept: kept.clone(),
            hands: Hands::new(news.clone()),
            news,
            stop: CancellationToken::new(),
            clerk,
            threads: Arc::default(),
            rehearses: Arc::default(),
        };
        around.work("drafts", move || {
            while let Ok(first) = errands.recv() {
                let (mut last, mut waiting) = (None, Vec::new());
                for errand in std::iter::once(first).chain(errands.try_iter()) {
                    match errand {
                        // Only the last of those that wait is worth writing.
                        Errand::Keep(draft) => last = Some(draft),
                        Errand::Tell(whom) => waiting.push(whom),
                    }
                }
                // A disk that is full keeps nobody from answering; the run itself will say so.
                let _ = last.map(|draft| kept.keep(&draft));
                drop(waiting);
            }
        });
        around
    }

    /// Does what the wizard asks for; never waits for it.
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Save(draft) => {
                let _ = self.clerk.send(Errand::Keep(draft));
            }
            Effect::Discover { profile, region, rehearsal } => {
                self.then("discover", move |around| {
                    let wanted = Wanted { profile, region, rehearsal };
                    Input::Discovered(Box::new(discover::discover(&around.app, &around.state, &wanted)))
                });
            }
            Effect::Check { path, text, configuration } => self.spawn("check", move |around| {
                let verdict = super::ask::ask(&around.app, &around.state, &path, &text, &configuration);
                if let Some(verdict) = verdict {
                    around.tell(Input::Checked { path, text, verdict });
                }
            }),
            Effect::Policy { configuration } => self.look("policy", move |_| {
                let allowed = policy::allowed(&configuration);
                Input::Policy { configuration, allowed }
            }),
            Effect::Preview(wish) => {
                self.then("preview", move |around| {
                    Input::Previewed(work::preview(around, &wish).map(Box::new).map_err(trouble))
                });
            }
            Effect::Apply(wish) => {
                self.stop = CancellationToken::new();
                let kept = self.all_kept();
                self.spawn("apply", move |around| {
                    // From here on the wizard has to open on the page of the run, whoever is killed.
                    let _ = kept.recv();
                    work::apply(around, &wish);
                });
            }
            Effect::Resume => {
                self.stop = CancellationToken::new();
                self.spawn("resume", work::resume);
            }
            Effect::RollBack => {
                self.stop = CancellationToken::new();
                self.then("rollback", |around| Input::RolledBack(work::roll_back(around).map_err(trouble)));
            }
            Effect::Verify if self.rehearses.load(Ordering::Relaxed) => {}
            Effect::Verify if work::is_rehearsal(self) => {
                self.stop = CancellationToken::new();
                self.spawn("rehearse", work::resume);
            }
            Effect::Verify => {
                self.then("verify", |around| {
                    Input::Verified(work::verify(around).map(Box::new).map_err(trouble))
                });
            }
            Effect::LookAtRecord => self.look("record", |around| Input::Record(record::look(around))),
            Effect::Stop => self.stop.cancel(),
            Effect::Hand(said) => self.hands.answer(said),
            // The front end's own.
            Effect::Copy(_) | Effect::Suspend | Effect::Leave(_) => {}
        }
    }

    /// Ends without a word when everything that was to be kept until now is on disk.
    fn all_kept(&self) -> Receiver<()> {
        let (whom, kept) = mpsc::channel();
        let _ = self.clerk.send(Errand::Tell(whom));
        kept
    }

    /// Tells the wizard; one that is gone is told nothing.
    pub(super) fn tell(&self, news: Input) {
        let _ = self.news.send(news);
    }

    /// Does what a rehearsal does, and knows meanwhile that it does.
    pub(super) fn rehearsing<T>(&self, work: impl FnOnce() -> T) -> T {
        self.rehearses.store(true, Ordering::Relaxed);
        let done = work();
        self.rehearses.store(false, Ordering::Relaxed);
        done
    }

    /// Where the wizard's configuration was written.
    pub(super) fn write_configuration(&self, text: &str) -> Result<PathBuf, Box<Failure>> {
        self.kept.write_configuration(text)
    }

    /// Stops what runs, and waits until it has stopped and the last draft is on disk. The mistake of a thread that panicked.
    pub(super) fn end(self) -> std::thread::Result<()> {
        self.stop.cancel();
        let Self { threads, clerk, .. } = self;
        drop(clerk);
        let threads = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
        threads.into_iter().map(JoinHandle::join).fold(Ok(()), Result::and)
    }

    fn then(&self, name: &str, work: impl FnOnce(&Self) -> Input + Send + 'static) {
        self.spawn(name, move |around| around.tell(work(around)));
    }

    /// Looks at something elsewhere that may never answer; nobody waits for it when the wizard ends.
    fn look(&self, name: &str, work: impl FnOnce(&Self) -> Input + Send + 'static) {
        let around = Self { clerk: mpsc::channel().0, ..self.clone() };
        // Where there is no thread to be had, the page goes on without.
        let _ = std::thread::Builder::new().name(name.to_owned()).spawn(move || around.tell(work(&around)));
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&Self) + Send + 'static) {
        // A clone that a thread holds must not keep the clerk waiting for drafts.
        let around = Self { clerk: mpsc::channel().0, ..self.clone() };
        self.work(name, move || work(&around));
    }

    fn work(&self, name: &str, work: impl FnOnce() + Send + 'static) {
        let news = self.news.clone();
        let work = move || {
            if let Err(mistake) = catch_unwind(AssertUnwindSafe(work)) {
                // The terminal was given back to show what happened, and what was wanted will never come.
                let _ = news.send(Input::Ending);
                resume_unwind(mistake);
            }
        };
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.extend(spawned);
    }
}

/// The program with streams that nobody sees.
pub(super) fn unseen(app: &App) -> App {
    let mut unseen = app.clone();
    unseen.io = Io {
        input: Arc::new(Mutex::new(std::io::empty())),
        out: Stream::new(std::io::sink()),
        err: Stream::new(std::io::sink()),
        input_is_terminal: false,
        out_is_terminal: false,
        err_is_terminal: false,
    };
    unseen
}

/// A failure as the wizard shows it.
pub(super) fn trouble(failure: Box<Failure>) -> Trouble {
    let failure = *failure;
    // A finding about a key has its path as subject; others speak of steps or of the account.
    let about = failure
        .findings
        .iter()
        .map(|finding| finding.subject.split('[').next().unwrap_or_default().to_owned())
        .filter(|subject| model::config::KEYS.iter().any(|key| key.path == subject))
        .collect();
    let resumable = matches!(failure.next, Some(crate::failure::Next::Resume(_)));
    Trouble {
        next: failure.next.map(|next| next.command().to_owned()),
        findings: failure.findings,
        resumable,
        about,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Common, Format};

    #[test]
    fn a_thread_that_panics_ends_the_wizard_after_the_last_answer_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let io = Io {
            input: Arc::new(Mutex::new(std::io::empty())),
            out: Stream::new(std::io::sink()),
            err: Stream::new(std::io::sink()),
            input_is_terminal: false,
            out_is_terminal: false,
            err_is_terminal: false,
        };
        let app = App::new("p", std::collections::BTreeMap::new(), io, Format::Text, &Common::default());
        let kept = Kept::beside(&folder.path().join("state"));
        let (news, inputs) = mpsc::channel();
        let mut around = Around::new(&app, &StateArgs::default(), kept.clone(), news);
        around.spawn("mistaken", |_| panic!("the plan was wrong"));
        assert_eq!(inputs.recv(), Ok(Input::Ending), "what was waited for never comes");
        around.carry_out(Effect::Save(Box::new(Draft::empty())));
        let mistake = around.end().unwrap_err();
        assert_eq!(mistake.downcast_ref(), Some(&"the plan was wrong"));
        assert_eq!(kept.draft().unwrap(), Some(Draft::empty()));
    }
}
