//! The terminal is given back as it was found, however the program ends: on return, on an error, on a panic.

use std::io::{self, BufWriter, Stderr, Write};
use std::mem::ManuallyDrop;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// A frame reaches the terminal as a whole, not a sign at a time.
type Screen = Terminal<CrosstermBackend<BufWriter<Stderr>>>;
/// More than a large frame has.
const FRAME_BYTES: usize = 128 * 1024;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// Holds the terminal in raw mode on the alternate screen for as long as it lives.
pub struct Guard {
    /// Never dropped: it would complain to a terminal that may be gone, and panic over it. What it would do is done
    /// by [`leave`].
    terminal: ManuallyDrop<Screen>,
    /// What was done on a panic before.
    before: Arc<Hook>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    /// Takes the terminal. stdout stays free for what can be piped.
    pub fn take() -> io::Result<Self> {
        let before: Arc<Hook> = Arc::from(panic::take_hook());
        let next = Arc::clone(&before);
        // The message must not be written onto a screen that disappears.
        panic::set_hook(Box::new(move |info| {
            let _ = leave();
            next(info);
        }));
        // From here on a failure drops the guard, which gives everything back.
        let mut guard = Self { terminal: ManuallyDrop::new(screen()?), before };
        guard.enter()?;
        Ok(guard)
    }

    /// What is drawn on.
    pub fn terminal(&mut self) -> &mut Terminal<impl Backend<Error = io::Error> + use<>> {
        &mut self.terminal
    }

    /// Gives the terminal back while `away` runs, and takes it again.
    pub fn suspend(&mut self, away: &dyn Fn()) -> io::Result<()> {
        leave()?;
        away();
        self.enter()
    }

    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(io::stderr(), EnterAlternateScreen, EnableBracketedPaste, Hide, Clear(ClearType::All))?;
        // A terminal that knows of an empty screen. `Terminal::clear` would ask where the cursor is, and not every
        // terminal answers.
        self.terminal = ManuallyDrop::new(screen()?);
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = leave();
        // A thread that panics may not change the hook; the process ends with it anyway.
        if !std::thread::panicking() {
            let before = Arc::clone(&self.before);
            drop(panic::take_hook());
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}

fn screen() -> io::Result<Screen> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stderr())))
}

/// Gives the terminal back. Each part is tried whatever became of the others.
fn leave() -> io::Result<()> {
    let screen = execute!(io::stderr(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let mode = disable_raw_mode();
    let flushed = io::stderr().flush();
    screen.and(mode).and(flushed)
}
