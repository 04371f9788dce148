//! The few operations on files that the store is made of.
//!
//! They are a trait so that a test can stop at each of them, as a machine does that loses its power there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Larger files are not read: a certificate chain has some thousand bytes.
const LARGEST: u64 = 1 << 20;

/// Operations on files. Each either happens or does not, except [`Disk::write`], which may leave a part behind.
pub trait Disk: Send + Sync {
    /// Makes a folder that nobody but its owner may look into.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a new file of mode 0600 and waits until it is on the disk.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file or folder its owner, where one is named, and its mode.
    fn hand_over(&self, path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()>;
    /// Waits until the names in a folder are on the disk.
    fn settle(&self, folder: &Path) -> io::Result<()>;
    /// Makes a symbolic link.
    fn link(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Gives something another name; what had that name before is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// The whole of a regular file, at most 1 MiB.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read(path)
    }
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn hand_over(&self, path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        // The owner first: a change of it may take bits of the mode away.
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(path, Some(user), Some(group))?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    fn settle(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// The whole of a regular file, at most 1 MiB. A pipe would be waited for, perhaps for ever.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(io::Error::other(format!("it has more than {LARGEST} bytes")));
    }
    Ok(bytes)
}

/// Replaces a file as a whole: a new one of this mode is written aside, synced, and takes the name.
pub(crate) fn replace(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    // One name, so that what a killed run left is found by the next.
    let aside = folder.join(format!(".{name}.new"));
    gone(disk.remove(&aside))?;
    disk.write(&aside, bytes)?;
    disk.hand_over(&aside, mode, owner)?;
    disk.rename(&aside, path)?;
    disk.settle(folder)
}

/// What is not there is as good as removed.
pub(crate) fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
