//! What an operator sees of a configuration.

mod diagnostics;
mod loading;
mod properties;

use std::path::Path;

use model::document::{Problem, RenderStyle, SourceText};

use super::*;

/// What a file does not say itself, in these tests.
pub(super) fn facts() -> Facts<'static> {
    Facts { folder: Path::new("/etc/proxy"), state_directory: None, region: None }
}

pub(super) const STYLE: RenderStyle = RenderStyle { colour: false, width: 110, unicode: false };

pub(super) fn read(text: &str) -> Result<Loaded, Vec<Problem>> {
    load(SourceText { name: "proxy.yaml", bytes: text.as_bytes() }, &facts())
}

/// The smallest file with something changed or added.
pub(super) fn smallest_with(more: &str) -> String {
    format!("{}{more}", smallest())
}

/// Codes and paths of the problems of a text.
pub(super) fn faults(text: &str) -> Vec<(&'static str, String)> {
    match read(text) {
        Ok(loaded) => loaded.warnings.into_iter().map(|problem| (problem.code, problem.path)).collect(),
        Err(problems) => problems.into_iter().map(|problem| (problem.code, problem.path)).collect(),
    }
}

/// What the operator sees on the screen.
pub(super) fn rendered(text: &str) -> String {
    let problems = read(text).unwrap_err();
    let file = SourceText { name: "proxy.yaml", bytes: text.as_bytes() };
    render(&problems, Some(&file), STYLE)
}
