//! Copies of what was there, with mode and owner, beside the journal.

use std::path::{Path, PathBuf};

use systemd::host::{Entry, Host, HostError, Meta};

use super::places;

/// Mode of the folders that hold the copies: what is in them may be secret.
const FOLDER: u32 = 0o700;

/// Copies what is at a path into a folder, unless there is a copy already. Whole or not at all.
pub(super) fn keep(host: &dyn Host, folder: &Path, path: &Path) -> Result<(), HostError> {
    keep_as(host, folder, path, &places::name(path))
}

/// The same under another name.
pub(super) fn keep_as(host: &dyn Host, folder: &Path, path: &Path, name: &str) -> Result<(), HostError> {
    let copy = folder.join(name);
    if host.look(&copy)? != Entry::Absent {
        return Ok(());
    }
    if host.look(folder)? == Entry::Absent {
        host.make_folder(folder, Meta::root(FOLDER))?;
    }
    put(host, path, &copy)
}

/// Puts back what was copied, and removes the copy. Where there is none, what is at the path was never touched.
pub(super) fn put_back(host: &dyn Host, folder: &Path, path: &Path) -> Result<(), HostError> {
    let copy = copy_of(folder, path);
    if host.look(&copy)? == Entry::Absent {
        return Ok(());
    }
    put(host, &copy, path)?;
    host.remove(&copy)
}

/// Where the copy of a path is.
pub(super) fn copy_of(folder: &Path, path: &Path) -> PathBuf {
    folder.join(places::name(path))
}

fn put(host: &dyn Host, from: &Path, to: &Path) -> Result<(), HostError> {
    match host.look(from)? {
        Entry::File { meta, .. } => host.write(to, &host.read(from)?, meta),
        Entry::Link(target) => host.link(to, &target),
        _ => Ok(()),
    }
}
