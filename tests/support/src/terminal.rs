//! A terminal with somebody in front of it: the program is driven by keys, and its screen is read.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take to appear; a machine that builds something at the same time is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long nothing must be written until a frame counts as whole.
const BREATH: Duration = Duration::from_millis(50);

/// How long the last thing that a program said may take from one chunk to the next.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What is on the screen, and how often it changed.
struct Seen {
    parser: vt100::Parser,
    /// Everything that was written, for what a screen does not show.
    written: Vec<u8>,
    is_closed: bool,
    is_hung_up: bool,
}

/// How a terminal takes keys and shows them: all modes of it, only to be compared.
fn modes(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios())
}

/// A program on a pseudo terminal. It is killed with this value.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// How the terminal takes keys before anybody changed that.
    found: String,
}

impl Terminal {
    /// Starts a program with these arguments in this folder, with nothing but this environment.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        environment: &BTreeMap<String, String>,
        (columns, rows): (u16, u16),
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo terminal");
        let found = modes(pair.master.as_ref());
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        // The other end must be the program's alone, so that the terminal closes with it.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let keys = pair.master.take_writer().expect("the terminal can be typed into");
        let parser = vt100::Parser::new(rows, columns, 0);
        let seen = Arc::new((
            Mutex::new(Seen { parser, written: Vec::new(), is_closed: false, is_hung_up: false }),
            Condvar::new(),
        ));
        let screen = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = reader.read(&mut bytes).unwrap_or(0);
                let (seen, changed) = &*screen;
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                match bytes.get(..read) {
                    Some(bytes) if !bytes.is_empty() => {
                        seen.parser.process(bytes);
                        seen.written.extend_from_slice(bytes);
                    }
                    _ => seen.is_closed = true,
                }
                changed.notify_all();
                if seen.is_closed || seen.is_hung_up {
                    return;
                }
            }
        });
        Self { child, master: Some(pair.master), keys: Some(keys), seen, found }
    }

    /// Types this: text, or the bytes that a key sends.
    pub fn press(&mut self, keys: &str) {
        let writer = self.keys.as_mut().expect("the terminal is open");
        // What the program did not wait for is its own affair; that it ended is seen elsewhere.
        let _ = writer.write_all(keys.as_bytes()).and_then(|()| writer.flush());
    }

    /// Presses a key that copies something; what the program gave the terminal for its clipboard.
    #[track_caller]
    pub fn copied(&mut self, key: &str) -> String {
        const BEGIN: &str = "\u{1b}]52;c;";
        let from = self.written().len();
        self.press(key);
        let began = Instant::now();
        loop {
            let written = self.written();
            let rest = written.get(from..).unwrap_or_default();
            let copied = rest.split_once(BEGIN).and_then(|(_, rest)| rest.split_once('\u{7}'));
            if let Some((copied, _)) = copied {
                let bytes = STANDARD.decode(copied).expect("what is copied is base64");
                return String::from_utf8(bytes).expect("what is copied is text");
            }
            assert!(began.elapsed() < PATIENCE, "nothing is copied; the screen:\n{}", self.screen());
            let (seen, changed) = &*self.seen;
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            drop(changed.wait_timeout(seen, BREATH));
        }
    }

    /// Waits until the screen is as wanted, and answers it.
    #[track_caller]
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let screen = seen.parser.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            assert!(
                !left.is_zero() && !seen.is_closed,
                "{what}: not seen{}; the screen:\n{screen}",
                if seen.is_closed { " before the program ended" } else { "" }
            );
            // What is waited for may be elsewhere than on the screen.
            seen = changed.wait_timeout(seen, left.min(BREATH)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the screen shows this, and answers the screen.
    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// What is on the screen once nothing more is written to it: a frame as a whole.
    pub fn still(&self) -> String {
        let began = Instant::now();
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let written = seen.written.len();
            seen = changed.wait_timeout(seen, BREATH).unwrap_or_else(PoisonError::into_inner).0;
            if seen.written.len() == written || seen.is_closed || began.elapsed() > PATIENCE {
                return seen.parser.screen().contents();
            }
        }
    }

    /// What is on the screen now.
    pub fn screen(&self) -> String {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).parser.screen().contents()
    }

    /// Looks at the screen as the terminal knows it.
    pub(crate) fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).parser.screen())
    }

    /// Whether the program has taken the whole screen, and whether it hides the cursor.
    pub fn manners(&self) -> (bool, bool) {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = seen.parser.screen();
        (screen.alternate_screen(), screen.hide_cursor())
    }

    /// Whether keys are taken as when the program was started: a line at a time, and shown.
    pub fn is_as_found(&self) -> bool {
        modes(self.master.as_ref().expect("the terminal is open").as_ref()) == self.found
    }

    /// Everything that the program wrote, with its escapes.
    pub fn written(&self) -> String {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen.written).into_owned()
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        {
            let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.parser.screen_mut().set_size(rows, columns);
        }
        self.master.as_ref().expect("the terminal is open").resize(size).expect("the size changes");
    }

    /// The program's process.
    pub fn process(&self) -> u32 {
        self.child.process_id().expect("the program runs")
    }

    /// Closes the terminal, as a connection that is lost does.
    pub fn hang_up(&mut self) {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).is_hung_up = true;
        // Whoever reads holds the terminal as well, and lets go of it at the next thing that is drawn.
        self.resize(79, 23);
        self.keys = None;
        self.master = None;
    }

    /// Reads what a program that has ended said last. Where another process has the terminal as well, that has no end.
    fn hear_out(&self) {
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        while !seen.is_closed && !seen.is_hung_up {
            let (next, waited) =
                changed.wait_timeout(seen, LAST_WORDS).unwrap_or_else(PoisonError::into_inner);
            seen = next;
            if waited.timed_out() {
                return;
            }
        }
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the program can be waited for").is_some()
    }

    /// Ends the program on the spot.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the program's end; its exit code.
    #[track_caller]
    pub fn exit(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                self.hear_out();
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "the program does not end; the screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What keys send.
pub mod keys {
    /// Enter.
    pub const ENTER: &str = "\r";
    /// Escape.
    pub const ESCAPE: &str = "\u{1b}";
    /// Tab.
    pub const TAB: &str = "\t";
    /// Shift and Tab.
    pub const BACK_TAB: &str = "\u{1b}[Z";
    /// The arrow up.
    pub const UP: &str = "\u{1b}[A";
    /// The arrow down.
    pub const DOWN: &str = "\u{1b}[B";
    /// The arrow to the right.
    pub const RIGHT: &str = "\u{1b}[C";
    /// The arrow to the left.
    pub const LEFT: &str = "\u{1b}[D";
    /// Ctrl and C.
    pub const CTRL_C: &str = "\u{3}";
    /// Delete.
    pub const DELETE: &str = "\u{1b}[3~";
    /// Ctrl and N.
    pub const CTRL_N: &str = "\u{e}";
    /// Ctrl and U.
    pub const CTRL_U: &str = "\u{15}";
    /// Ctrl and Z.
    pub const CTRL_Z: &str = "\u{1a}";
}
