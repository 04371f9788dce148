//! Where the Python parts are.

use std::env;
use std::path::PathBuf;

const HOW_TO_GET_IT: &str = "run `tests/run` once, which makes that virtual environment from tests/requirements.txt, \
                             or set SRE_TEST_VENV to the folder of one";

/// The folder of the virtual environment: `SRE_TEST_VENV`, or the user's cache.
fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("SRE_TEST_VENV").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.unwrap_or_else(|| PathBuf::from(".cache")).join("sre-agent-deploy").join("venv")
}

/// The Python that has `part` beside it.
pub(crate) fn python(part: &str) -> PathBuf {
    let bin = folder().join("bin");
    assert!(bin.join(part).is_file(), "`{part}` is not in {}: {HOW_TO_GET_IT}", bin.display());
    bin.join("python")
}

/// The Python that can import `package`.
pub(crate) fn python_with(package: &str) -> PathBuf {
    let folder = folder();
    // One folder per version of Python, and there is one version.
    let mut libraries = folder.join("lib").read_dir().into_iter().flatten().flatten();
    let there = libraries.any(|library| library.path().join("site-packages").join(package).is_dir());
    assert!(there, "`{package}` is not in {}: {HOW_TO_GET_IT}", folder.display());
    folder.join("bin").join("python")
}
