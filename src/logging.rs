//! Logs for whoever debugs a run: off unless asked for, on stderr, in one line an event.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::args::Common;
use crate::io::Stream;

/// Starts logging where `-v` or `SRE_AGENT_DEPLOY_LOG` asks for it. Below `trace`, the SDK logs no secrets.
pub(crate) fn start(app: &App, common: &Common) {
    let asked = match (app.variable("SRE_AGENT_DEPLOY_LOG"), common.verbose) {
        (Some(filter), _) => filter.to_owned(),
        (None, 0) => return,
        (None, 1) => "info".to_owned(),
        (None, _) => "debug".to_owned(),
    };
    let stream = app.io.err.clone();
    let filter = EnvFilter::builder().parse_lossy(&asked);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(app.err_colour())
        .with_writer(move || Lines(stream.clone()))
        .finish();
    // A second run in the same process keeps the first one's log.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Writes to the program's stderr.
struct Lines(Stream);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
