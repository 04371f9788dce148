//! The standard streams, as values that tests can replace.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A stream that several parts of the program write to.
#[derive(Clone)]
pub struct Stream(Arc<Mutex<Box<dyn Write + Send>>>);

impl Stream {
    /// Wraps a writer.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(writer))))
    }

    /// Writes the text, and says whether that worked.
    pub fn try_write(&self, text: &str) -> io::Result<()> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text.as_bytes()).and_then(|()| writer.flush())
    }

    /// Writes the text. A reader that went away is no reason to stop a deployment, so errors are dropped.
    pub fn write(&self, text: &str) {
        let _ = self.try_write(text);
    }
}

/// Everything that the program reads from and writes to.
#[derive(Clone)]
pub struct Io {
    /// Where answers come from.
    pub input: Arc<Mutex<dyn BufRead + Send>>,
    /// What can be piped: the plan, the report, JSON.
    pub out: Stream,
    /// Progress, questions, errors.
    pub err: Stream,
    /// Whether somebody can answer.
    pub input_is_terminal: bool,
    /// Whether what goes to `out` is looked at.
    pub out_is_terminal: bool,
    /// Whether what goes to `err` is looked at.
    pub err_is_terminal: bool,
}

impl Io {
    /// The process's own streams.
    pub fn standard() -> Self {
        Self {
            input: Arc::new(Mutex::new(io::BufReader::new(io::stdin()))),
            out: Stream::new(io::stdout()),
            err: Stream::new(io::stderr()),
            input_is_terminal: io::stdin().is_terminal(),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
        }
    }
}
