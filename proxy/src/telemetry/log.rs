//! The log: one line an event, as JSON or text, with credentials masked on the way out.

use std::{
    fmt,
    io::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{Finding, Severity};
use tracing::Dispatch;
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, fmt::MakeWriter, layer::SubscriberExt as _, reload,
};

use super::redact::redact;
use crate::{
    config::{self, LogFormat},
    ledger::writer::UNSTORED,
};

/// Where lines go. Everything that is written passes `redact`, one line a call.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// What systemd hands to the journal.
    #[default]
    Stderr,
    /// For tests.
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl Output {
    /// Writes one line. A log that cannot be written is nothing to end the service for.
    pub(super) fn line(&self, mut line: Vec<u8>) {
        line.push(b'\n');
        let _ = self.clone().write_all(&line);
    }
}

impl io::Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let masked = redact(line);
        match self {
            Self::Stderr => io::stderr().lock().write_all(&masked)?,
            Self::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&masked);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

/// `telemetry.log.level` is not understood, or the program has a log already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot be set up: {0}")]
pub struct LogError(pub(super) String);

impl LogError {
    /// The stable code; its page is in `runbooks/`.
    pub fn code(&self) -> &'static str {
        "SRE-PROXY-046"
    }

    /// What an operator is told.
    pub fn finding(&self) -> Finding {
        Finding::new(self.code(), Severity::Error, "telemetry.log.level", self.to_string())
            .hint("use a level such as `info`, or directives such as `info,proxy::upstream=debug`")
    }
}

/// What can be changed about the log while it is written.
pub(super) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    prompts: AtomicBool,
    pub(super) format: LogFormat,
    pub(super) output: Output,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Log {
    /// The log and the subscriber that writes it.
    pub(super) fn new(config: &config::Telemetry, output: Output) -> Result<(Self, Dispatch), LogError> {
        let (filter, handle) = reload::Layer::new(filter(&config.log_level)?);
        let lines = tracing_subscriber::fmt::layer().with_writer(output.clone()).with_ansi(false);
        let lines = match config.log_format {
            LogFormat::Json => {
                lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
            }
            LogFormat::Text => lines.boxed(),
        };
        let prompts = AtomicBool::new(config.log_prompts);
        let log = Self { filter: handle, prompts, format: config.log_format, output };
        Ok((log, Dispatch::new(Registry::default().with(filter).with(lines))))
    }

    /// Takes over level and `log_prompts`; format and output stay until the next start.
    pub(super) fn reload(&self, config: &config::Telemetry) -> Result<(), LogError> {
        let filter = filter(&config.log_level)?;
        self.filter.reload(filter).map_err(|error| LogError(error.to_string()))?;
        self.prompts.store(config.log_prompts, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn prompts(&self) -> bool {
        self.prompts.load(Ordering::Relaxed)
    }
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let refused = |error: &dyn fmt::Display| LogError(format!("`{level}`: {error}"));
    let filter = EnvFilter::builder().parse(level).map_err(|error| refused(&error))?;
    // Usage that cannot be stored must not be lost to a quiet log as well.
    let always = format!("{UNSTORED}=error").parse().map_err(|error| refused(&error))?;
    Ok(filter.add_directive(always))
}
