//! Embeds every page of `runbooks/` as a table of codes and texts, so that `explain` works without the repository.

use std::fmt::Write as _;
use std::path::Path;
use std::{error::Error, fs};

#[expect(clippy::disallowed_methods, reason = "cargo names the output folder in the environment only")]
fn main() -> Result<(), Box<dyn Error>> {
    // The folder itself: a page that is added changes the program.
    println!("cargo::rerun-if-changed=runbooks");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let code = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "md") && code.starts_with("SRE-") {
            pages.push((code, path));
        }
    }
    pages.sort();
    let mut table = String::from("&[\n");
    for (code, path) in pages {
        let path = path.to_str().ok_or("the path of the repository is not UTF-8")?;
        writeln!(table, "    ({code:?}, include_str!({path:?})),")?;
    }
    table.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo names no output folder")?;
    fs::write(Path::new(&out).join("runbooks.rs"), table)?;
    Ok(())
}
