//! Shows what the engine tells: on a terminal as a live list of steps, elsewhere as lines, for programs as JSON.
//!
//! The view has a thread of its own and takes events from a channel without an end, so that a run never waits for a
//! screen, and goes on when the screen is gone.

mod lines;
mod live;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::event::{Event, EventSink, What};
use provision::clock::Clock as _;
use serde_json::json;

use crate::app::App;
use crate::args::Format;
use crate::compose::SystemClock;
use crate::io::Stream;
use crate::watcher::{Told, Watcher};

use live::Live;
use wizard::progress::ProgressModel;

/// What the view is told.
enum Message {
    /// The engine did something.
    Event(Box<Event>),
    /// The command says something.
    Say(String),
    /// From here on write lines, also where a list changes in place.
    Lines,
    /// Answer when everything before this is on the screen.
    Settle(SyncSender<()>),
    /// Put everything on the screen and end.
    End,
}

/// Where the engine puts its events.
pub(crate) struct Sink(Sender<Message>);

impl EventSink for Sink {
    fn emit(&self, event: Event) {
        // A view that died is no reason to stop.
        let _ = self.0.send(Message::Event(Box::new(event)));
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// A list of steps that changes in place.
    Live,
    /// A line an event.
    Lines,
    /// A JSON object a line.
    Json,
    /// Not at all.
    Quiet,
    /// By somebody else.
    Watched,
}

/// The view of a run.
pub(crate) struct View {
    sender: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl View {
    /// Begins to listen.
    pub(crate) fn start(app: &App) -> Self {
        let manner = match (app.quiet, app.format) {
            _ if app.watcher.is_some() => Manner::Watched,
            (true, _) => Manner::Quiet,
            (false, Format::Json) => Manner::Json,
            // The live list asks the terminal where the cursor is, on stdout; and a log would be written into it.
            (false, Format::Text)
                if app.io.err_is_terminal
                    && app.io.out_is_terminal
                    && app.verbose == 0
                    && app.variable("SRE_AGENT_DEPLOY_LOG").is_none()
                    && app.variable("TERM").is_some_and(|term| term != "dumb") =>
            {
                Manner::Live
            }
            (false, Format::Text) => Manner::Lines,
        };
        let (sender, receiver) = mpsc::channel();
        let (stream, colour, watcher) = (app.io.err.clone(), app.err_colour(), app.watcher.clone());
        let thread = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || {
                Painter { manner, colour, stream, watcher, live: None, model: ProgressModel::default() }
                    .run(&receiver);
            })
            .ok();
        Self { sender, thread }
    }

    /// Where the engine puts its events.
    pub(crate) fn sink(&self) -> Sink {
        Sink(self.sender.clone())
    }

    /// For whoever writes to the same terminal.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.sender.clone())
    }

    /// Says something in order with the events.
    pub(crate) fn say(&self, text: &str) {
        let _ = self.sender.send(Message::Say(text.to_owned()));
    }

    /// Returns when all events so far are on the screen.
    pub(crate) fn settle(&self) {
        let (send, receive) = mpsc::sync_channel(1);
        if self.sender.send(Message::Settle(send)).is_ok() {
            let _ = receive.recv();
        }
    }

    /// Puts everything on the screen and ends.
    pub(crate) fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.sender.send(Message::End);
        if let Some(thread) = self.thread.take() {
            // A view that panicked has said so itself; the run does not depend on it.
            let _ = thread.join();
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes room for others on the terminal.
pub(crate) struct Voice(Sender<Message>);

impl Voice {
    /// From here on the view writes lines; returns when everything so far is on the screen.
    pub(crate) fn lines_from_here(&self) {
        let (send, receive) = mpsc::sync_channel(1);
        let _ = self.0.send(Message::Lines);
        if self.0.send(Message::Settle(send)).is_ok() {
            let _ = receive.recv();
        }
    }
}

/// How often the live list is drawn anew.
const FRAME: Duration = Duration::from_millis(100);
/// After so long without a line, one says that the run is alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Owns the screen.
struct Painter {
    manner: Manner,
    colour: bool,
    stream: Stream,
    watcher: Option<Watcher>,
    live: Option<Live>,
    model: ProgressModel,
}

impl Painter {
    fn run(&mut self, receiver: &Receiver<Message>) {
        let mut spoken = Instant::now();
        loop {
            let wait = match (&self.live, self.manner) {
                (Some(_), _) => FRAME,
                (None, _) => HEARTBEAT.saturating_sub(spoken.elapsed()).max(FRAME),
            };
            match receiver.recv_timeout(wait) {
                Ok(Message::Event(event)) => {
                    if self.event(&event) {
                        spoken = Instant::now();
                    }
                }
                Ok(Message::Say(text)) => {
                    self.say(&text);
                    spoken = Instant::now();
                }
                Ok(Message::Lines) => {
                    if let Some(live) = self.live.take() {
                        live.finish(&self.model, SystemClock.now());
                    }
                    if self.manner == Manner::Live {
                        self.manner = Manner::Lines;
                    }
                }
                Ok(Message::Settle(done)) => {
                    self.draw();
                    let _ = done.send(());
                }
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if self.live.is_none() && spoken.elapsed() >= HEARTBEAT {
                        self.heartbeat();
                        spoken = Instant::now();
                    }
                    self.draw();
                }
            }
        }
        if let Some(live) = self.live.take() {
            live.finish(&self.model, SystemClock.now());
        }
    }

    /// Takes an event; whether something was written.
    fn event(&mut self, event: &Event) -> bool {
        self.model.apply(event);
        match self.manner {
            Manner::Quiet => false,
            Manner::Watched => {
                self.tell(Told::Event(Box::new(event.clone())));
                true
            }
            Manner::Json => {
                if let Ok(line) = serde_json::to_string(event) {
                    self.stream.write(&format!("{line}\n"));
                }
                true
            }
            Manner::Lines => self.line(event),
            Manner::Live => self.on_screen(event),
        }
    }

    fn on_screen(&mut self, event: &Event) -> bool {
        match &event.what {
            What::RunStarted { steps, .. } => {
                self.live = Live::start(steps.len(), self.colour);
                if self.live.is_none() {
                    // The terminal does not say where its cursor is: lines it is.
                    self.manner = Manner::Lines;
                    return self.line(event);
                }
                self.draw();
                true
            }
            What::RunFinished { .. } => {
                if let Some(live) = self.live.take() {
                    live.finish(&self.model, event.at);
                }
                true
            }
            _ if self.live.is_none() => self.line(event),
            _ => false,
        }
    }

    fn line(&mut self, event: &Event) -> bool {
        match lines::line(event, &self.model) {
            Some(line) => {
                self.stream.write(&format!("{line}\n"));
                true
            }
            None => false,
        }
    }

    fn say(&mut self, text: &str) {
        match (self.manner, &mut self.live) {
            (Manner::Quiet | Manner::Watched, _) => {}
            (Manner::Json, _) => self.stream.write(&format!("{}\n", json!({"note": text}))),
            (_, Some(live)) => live.say(text),
            (_, None) => self.stream.write(&format!("{text}\n")),
        }
    }

    fn tell(&self, told: Told) {
        if let Some(watcher) = &self.watcher {
            watcher.tell(told);
        }
    }

    fn heartbeat(&mut self) {
        let line = lines::heartbeat(&self.model, SystemClock.now());
        match (self.manner, line) {
            (Manner::Lines | Manner::Live, Some(line)) => self.stream.write(&format!("{line}\n")),
            (Manner::Json, Some(line)) => self.stream.write(&format!("{}\n", json!({"note": line}))),
            _ => {}
        }
    }

    fn draw(&mut self) {
        let broken = self.live.as_mut().is_some_and(|live| !live.draw(&self.model, SystemClock.now()));
        if broken {
            self.live = None;
            self.manner = Manner::Lines;
        }
    }
}
