//! The files of the repository, as far as they were written by hand.

use std::path::{Path, PathBuf};

/// Folders that hold what was made from the rest.
const MADE: [&str; 2] = ["target", ".git"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files with one of these extensions, relative to the root, in order.
pub(crate) fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository can be read") {
            let entry = entry.expect("a folder of the repository can be read");
            let path = entry.path();
            let kind = entry.file_type().expect("a file has a type");
            if kind.is_dir() {
                let made = path.file_name().is_some_and(|name| MADE.iter().any(|made| name == *made));
                if !made {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                found.push(path.strip_prefix(root()).expect("it is below the root").to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends in {extensions:?}");
    found
}

/// The text of a file named relative to the root.
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
