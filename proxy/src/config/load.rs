//! Reads `proxy.yaml`: text in, configuration or everything that is wrong with it out. No file is touched here.

use std::path::Path;

use model::{
    document::{self, Place, Problem, RenderStyle, SourceText},
    hex,
};
use sha2::{Digest, Sha256};

use super::{
    Config,
    parse::{self, Places},
    reader::Reader,
    secrets,
};

/// What a file does not say itself.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The folder of the file, from which its relative paths go.
    pub folder: &'a Path,
    /// systemd's `STATE_DIRECTORY`, where the usage is kept.
    pub state_directory: Option<&'a Path>,
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`, where the file names no Region.
    pub region: Option<&'a str>,
}

/// A file that is right.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the proxy is built from.
    pub config: Config,
    /// What is risky or without effect.
    pub warnings: Vec<Problem>,
    /// Lower-case hexadecimal SHA-256 of the file, which says whether two processes run the same one.
    pub digest: String,
    /// Where in the file other files are named; see [`check_files`](super::check_files).
    pub(super) places: Places,
}

impl Loaded {
    /// Where in the file a key that names another file stands.
    pub fn place(&self, key: &str) -> Place {
        match self.places.get(key) {
            Some(place) => place.clone(),
            None => Place { path: key.to_owned(), ..Place::file(None) },
        }
    }
}

/// Reads a file.
///
/// # Errors
///
/// Every problem in the order of the file, warnings included, where at least one is an error.
pub fn load(source: SourceText<'_>, facts: &Facts<'_>) -> Result<Loaded, Vec<Problem>> {
    let read = document::read(source.bytes);
    let mut reader = Reader { problems: read.problems };
    let parsed = read.root.and_then(|root| parse::config(&mut reader, root, facts));
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| {
        (!problem.is_error(), problem.span.is_none(), problem.span.map_or(0, |span| span.start))
    });
    match parsed {
        Some((config, places)) if !problems.iter().any(Problem::is_error) => {
            Ok(Loaded { config, warnings: problems, digest: digest(source.bytes), places })
        }
        _ => Err(problems),
    }
}

/// Shows problems with the marked lines of the file, and nothing that is secret.
pub fn render(problems: &[Problem], source: Option<&SourceText<'_>>, style: RenderStyle) -> String {
    document::render_masked(problems, source, style, secrets::is_secret)
}

/// Lower-case hexadecimal SHA-256 of a text.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
