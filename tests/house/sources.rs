//! What every source file has to have.

use std::path::Path;

use crate::tree::{files, read, root};

/// Shorter than this is a placeholder.
const SHORTEST_OPENING: usize = 5;

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut silent = Vec::new();
    for path in files(&["rs"]) {
        let text = read(&path);
        let opening = text.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or_default();
        if opening.len() < SHORTEST_OPENING {
            silent.push(format!("{}: {opening:?}", path.display()));
        }
    }
    assert!(silent.is_empty(), "these do not open with `//!` and what they are for: {silent:#?}");
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    for path in files(&["toml"]) {
        let text = read(&path);
        if path.ends_with("Cargo.toml") && text.contains("[package]") {
            let inherits = text
                .split("[lints]")
                .nth(1)
                .is_some_and(|rest| rest.trim_start().starts_with("workspace = true"));
            assert!(inherits, "{} does not say `[lints] workspace = true`", path.display());
        }
    }
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    for name in [
        ".ci/run",
        "rehearse",
        "tests/run",
        "benches/rehearse.sh",
        "benches/validate.sh",
        "proxy/benches/whole/run.sh",
    ] {
        let path = root().join(Path::new(name));
        let mode =
            std::fs::metadata(&path).unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name} is not executable");
        assert!(read(Path::new(name)).contains("\nset -euo pipefail\n"), "{name} goes on after errors");
    }
}
