//! Captures what a piece of the program writes to the log.

use std::sync::{Arc, Mutex};

use super::{Output, log::Log};
pub(crate) use crate::config::testing::telemetry as config;
use crate::config::{
    Config, LogFormat, Route, Upstream,
    testing::{self, target},
};

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

/// A log of this level that is read with [`text`]. It lives as long as the first of the three.
pub(in crate::telemetry) fn log(level: &str) -> (Log, tracing::Dispatch, Lines) {
    let lines = Lines::default();
    let output = Output::Memory(Arc::clone(&lines));
    let (log, dispatch) = Log::new(&config(level, LogFormat::Json), output).unwrap();
    (log, dispatch, lines)
}

/// What was written.
pub(crate) type Lines = Arc<Mutex<Vec<u8>>>;

/// What was written, as text.
pub(crate) fn text(lines: &Lines) -> String {
    String::from_utf8(lines.lock().unwrap().clone()).unwrap()
}

/// A proxy with these models and the upstream `bedrock`, which is none.
pub(crate) fn proxy_config(models: &[&str]) -> Config {
    let route = |model: &str| Route { targets: vec![target("bedrock", model)] };
    Config {
        upstreams: [("bedrock".to_owned(), Upstream::Practice)].into(),
        models: models.iter().map(|model| ((*model).to_owned(), route(model))).collect(),
        ..testing::config()
    }
}
