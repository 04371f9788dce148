//! The loop: one channel of everything that happens, each is taken, and then a frame is drawn.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ratatui::crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::{Colour, Guard, Theme, keymap, links, screens};
use crate::exchange::{Effect, Input, Leave};
use crate::walk::{Msg, State, settle, take};

/// What carries out effects. Must not block: the screen stands still meanwhile.
pub trait Program {
    /// Begins with an effect; what comes of it is sent as an input.
    fn carry_out(&mut self, effect: Effect);
}

/// How the wizard behaves on this terminal.
pub struct Options<'a> {
    /// How many colours there are.
    pub colour: Colour,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// Whether addresses on the screen can be clicked.
    pub links: bool,
    /// Stops the process until the shell lets it go on (Ctrl-Z). It runs while the terminal is given back.
    pub suspend: &'a dyn Fn(),
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("colour", &self.colour)
            .field("ascii", &self.ascii)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

/// How long the threads sleep at most before they notice that the wizard is over.
const NAP: Duration = Duration::from_millis(250);
/// The shortest time that crossterm waits at all: for nothing, it would not even look.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Events that are taken together before a frame is drawn, so that a flood cannot keep the screen still.
const MAX_BURST: usize = 256;

/// One thing that happened.
enum Happening {
    Terminal(Event),
    Program(Input),
    /// The terminal is no more.
    Gone,
}

/// Walks through the pages on the terminal until the operator leaves or the terminal is gone. Threads that it starts
/// have ended when it returns.
pub fn run(
    state: &mut State,
    inputs: Receiver<Input>,
    program: &mut dyn Program,
    options: &Options<'_>,
    clock: &dyn Fn() -> Timestamp,
) -> io::Result<Leave> {
    let mut guard = Guard::take()?;
    // From here on crossterm hears of a new size; one between the first frame and the first key must not be missed.
    event::poll(AT_ONCE)?;
    let is_over = AtomicBool::new(false);
    let (sender, happenings) = channel();
    thread::scope(|scope| {
        let (keys, news) = (sender.clone(), sender);
        let flag = &is_over;
        scope.spawn(move || read(&keys, flag));
        scope.spawn(move || forward(&inputs, &news, flag));
        let _over = Over(&is_over);
        Walk { state, program, options, clock, guard: &mut guard }.go(&happenings)
    })
}

/// Tells the threads that the wizard is over, also where it panicked: they are waited for.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads the terminal.
fn read(sender: &Sender<Happening>, is_over: &AtomicBool) {
    // Asked once: what was hung up is no terminal any more.
    let is_terminal = io::stdin().is_terminal();
    while !is_over.load(Ordering::Relaxed) {
        let happenings =
            if is_terminal && is_gone() { Err(io::ErrorKind::UnexpectedEof.into()) } else { pending() };
        let is_gone = happenings.is_err();
        let events = happenings.unwrap_or_default().into_iter().map(Happening::Terminal);
        for happening in events.chain(is_gone.then_some(Happening::Gone)) {
            if sender.send(happening).is_err() {
                return;
            }
        }
        if is_gone {
            return;
        }
    }
}

/// Waits for the terminal for a while; whether it was hung up. This is found out before crossterm reads, which would take
/// the end of a terminal for a pause and read on for ever.
fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut waited = [PollFd::new(&stdin, PollFlags::IN)];
    let nap = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
    let woken = rustix::event::poll(&mut waited, Some(&nap)).is_ok();
    let ends = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    woken && waited.iter().any(|fd| fd.revents().intersects(ends))
}

/// What was typed, and whether the window has another size.
fn pending() -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    // Where the keys come from elsewhere than standard input, it was not waited for.
    let mut wait = if io::stdin().is_terminal() { AT_ONCE } else { NAP };
    while events.len() < MAX_BURST {
        match event::poll(wait) {
            Ok(true) => events.push(event::read()?),
            Ok(false) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        wait = AT_ONCE;
    }
    Ok(events)
}

/// Puts the program's news into the same channel, so that there is one order of everything.
fn forward(inputs: &Receiver<Input>, sender: &Sender<Happening>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        match inputs.recv_timeout(NAP) {
            Ok(input) => {
                if sender.send(Happening::Program(input)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

struct Walk<'a> {
    state: &'a mut State,
    program: &'a mut dyn Program,
    options: &'a Options<'a>,
    clock: &'a dyn Fn() -> Timestamp,
    guard: &'a mut Guard,
}

impl Walk<'_> {
    fn go(&mut self, happenings: &Receiver<Happening>) -> io::Result<Leave> {
        for effect in self.state.begin() {
            self.program.carry_out(effect);
        }
        if let Some(leave) = self.tell(Msg::Input(Input::Tick((self.clock)())))? {
            return Ok(leave);
        }
        loop {
            // Once for all keys before this frame.
            let rest = settle(self.state);
            if let Some(leave) = self.carry_out(rest)? {
                return Ok(leave);
            }
            // A frame that cannot be drawn is a terminal that is gone: that ends the view, not the work.
            if self.draw().is_err() {
                return self.end();
            }
            let next = match self.state.tick_ms() {
                Some(wait_ms) => happenings.recv_timeout(Duration::from_millis(wait_ms)),
                None => happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let first = match next {
                Ok(happening) => Some(happening),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            };
            if let Some(leave) = self.tell(Msg::Input(Input::Tick((self.clock)())))? {
                return Ok(leave);
            }
            let burst = happenings.try_iter().take(MAX_BURST);
            for happening in first.into_iter().chain(burst) {
                let msg = match happening {
                    Happening::Program(input) => Msg::Input(input),
                    Happening::Gone => Msg::Input(Input::Ending),
                    Happening::Terminal(event) => match keymap::event(&event, self.state.mode()) {
                        Some(cmd) => Msg::Cmd(cmd),
                        None => continue,
                    },
                };
                if let Some(leave) = self.tell(msg)? {
                    return Ok(leave);
                }
            }
        }
    }

    /// The terminal is gone.
    fn end(&mut self) -> io::Result<Leave> {
        Ok(self.tell(Msg::Input(Input::Ending))?.unwrap_or(Leave::Later))
    }

    fn draw(&mut self) -> io::Result<()> {
        let theme = Theme { colour: self.options.colour, ascii: self.options.ascii };
        let state = &*self.state;
        let draw = |frame: &mut ratatui::Frame<'_>| {
            screens::draw(frame, state, &theme);
            if self.options.links {
                links::draw(frame.buffer_mut(), state);
            }
        };
        self.guard.terminal().draw(draw).map(|_| ())
    }

    /// One message; how the wizard ended, if it did.
    fn tell(&mut self, msg: Msg) -> io::Result<Option<Leave>> {
        let effects = take(self.state, msg);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<Option<Leave>> {
        let mut left = None;
        for effect in effects {
            match effect {
                Effect::Leave(leave) => left = Some(leave),
                Effect::Suspend => self.guard.suspend(self.options.suspend)?,
                // Where the terminal does not listen, nothing is lost: the text is on the screen.
                Effect::Copy(text) => copy(&mut io::stderr(), &text)?,
                other => self.program.carry_out(other),
            }
        }
        Ok(left)
    }
}

/// Longest text that terminals take onto the clipboard without complaint.
const MAX_COPY_BYTES: usize = 74_994;

/// Puts text on the clipboard of the terminal the operator sits at, even over ssh (OSC 52).
fn copy(terminal: &mut dyn Write, text: &str) -> io::Result<()> {
    if text.len() > MAX_COPY_BYTES {
        return Ok(());
    }
    write!(terminal, "\u{1b}]52;c;{}\u{7}", STANDARD.encode(text))?;
    terminal.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_goes_through_the_terminal() {
        for (text, want) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\u{fffd}?", "77+9Pw==")]
        {
            let mut written = Vec::new();
            copy(&mut written, text).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), format!("\u{1b}]52;c;{want}\u{7}"));
        }
        let mut written = Vec::new();
        copy(&mut written, &"x".repeat(MAX_COPY_BYTES + 1)).unwrap();
        assert!(written.is_empty());
    }
}
