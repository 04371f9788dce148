//! Captures what a piece of the program writes to the log.

use std::sync::{Arc, Mutex};

use super::{Output, log::Log};
use crate::config::{LogFormat, Telemetry};

/// A configuration with this level and nothing else.
pub(crate) fn config(level: &str, format: LogFormat) -> Telemetry {
    Telemetry {
        log_level: level.to_owned(),
        log_format: format,
        log_prompts: false,
        metrics_address: None,
        otlp_endpoint: None,
        otlp_headers: Vec::new(),
        emf_namespace: None,
    }
}

/// Runs `body` on this thread with the log of the real program, as JSON; gives back the lines.
pub(crate) fn captured<T>(level: &str, body: impl FnOnce() -> T) -> (String, T) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (_log, dispatch) =
        Log::new(&config(level, LogFormat::Json), Output::Memory(Arc::clone(&lines))).unwrap();
    let result = tracing::dispatcher::with_default(&dispatch, body);
    drop(dispatch);
    let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    (text, result)
}
