//! A bundle as a folder: read and verified, or written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Bundle, BundleError, SUMS, sums};

/// Mode of what only the owner reads.
const PRIVATE: u32 = 0o600;
/// Mode of a program.
const PROGRAM: u32 = 0o700;

impl Bundle {
    /// Reads a folder and compares everything in it with its digest.
    ///
    /// # Errors
    ///
    /// A file that is missing, cannot be read, is not listed or is not what its digest says.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let read = |path: &str| match fs::read(folder.join(path)) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BundleError::Missing(path.to_owned()))
            }
            Err(source) => Err(BundleError::File { path: folder.join(path), what: "read", source }),
        };
        // Where there is no folder, no file in it is what is missing.
        fs::read_dir(folder).map_err(|source| BundleError::Folder { path: folder.to_owned(), source })?;
        let digests = read(SUMS)?;
        let mut files = BTreeMap::new();
        for path in sums::parse(&digests)?.into_keys() {
            files.insert(path.clone(), read(&path)?);
        }
        files.insert(SUMS.to_owned(), digests);
        Self::from_files(files)
    }

    /// Writes all files into a folder, which is made where it is not there; the digests last, so that half a bundle is
    /// none.
    ///
    /// # Errors
    ///
    /// The first file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), BundleError> {
        let mut files = self.files();
        let digests = files.remove(SUMS);
        let last = digests.into_iter().map(|bytes| (SUMS.to_owned(), bytes));
        for (path, bytes) in files.into_iter().chain(last) {
            let target = folder.join(&path);
            let mode = if path.starts_with("bin/") { PROGRAM } else { PRIVATE };
            put(&target, &bytes, mode).map_err(|source| BundleError::File {
                path: target,
                what: "written",
                source,
            })?;
        }
        Ok(())
    }
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
