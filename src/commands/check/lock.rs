//! One unattended run at a time: an advisory lock, which a dead process cannot keep.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::failure::{Failure, codes};

/// How often a lock that somebody else holds is tried again.
const POLL: Duration = Duration::from_millis(100);

/// Where the lock lies: in the folder that systemd or the session made for this user, else among temporary files.
pub(crate) fn path(app: &App) -> PathBuf {
    // A service may have several; they are separated by colons.
    let own = app.variable("RUNTIME_DIRECTORY").and_then(|folders| folders.split(':').next());
    match own.or_else(|| app.variable("XDG_RUNTIME_DIR")) {
        Some(folder) => Path::new(folder).join("sre-agent-check-certs.lock"),
        // Others write there too, so the name is this user's.
        None => std::env::temp_dir().join(format!("sre-agent-check-certs-{}.lock", user())),
    }
}

/// The number of the user that this runs as; it is only part of a name.
fn user() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&match std::fs::metadata("/proc/self") {
        Ok(found) => found,
        Err(_) => return 0,
    })
}

/// A lock that is held while this lives.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "closing the file lets go of the lock")] File);

/// Takes the lock, waiting at most this long for another run to end.
pub(crate) fn hold(path: &Path, wait: Duration) -> Result<Held, Box<Failure>> {
    let failed = |error: &std::io::Error| Failure::of_file("take the lock", path, error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(&error))?;
    // Not that of a device or of somebody else's file that a link leads to.
    let found = file.metadata().map_err(|error| failed(&error))?;
    if !found.is_file() || found.permissions().mode() & 0o077 != 0 {
        return Err(Failure::new(
            codes::FILE,
            &path.display().to_string(),
            "the lock is not a file that only this user can write",
        )
        .hint(format!("remove it: `rm {}`", crate::next::quoted(&path.display().to_string()))));
    }
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Held(file)),
            Err(TryLockError::WouldBlock) if started.elapsed() < wait => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    codes::CHECK_LOCKED,
                    &path.display().to_string(),
                    "another run of `check certs --lock` is under way",
                )
                .hint("wait for it: --lock-timeout 5m; if it hangs, end it, which frees the lock"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_its_end_frees_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = hold(&path, Duration::ZERO).unwrap();
        let refused = hold(&path, Duration::from_millis(150)).unwrap_err();
        assert_eq!((refused.exit.code(), refused.findings[0].code.as_str()), (10, codes::CHECK_LOCKED));
        drop(held);
        hold(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_file_that_others_can_write_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(hold(&path, Duration::ZERO).unwrap_err().findings[0].code, codes::FILE);
    }
}
