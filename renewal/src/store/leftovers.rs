//! What a run that died has left: finished where the exchange had begun, removed where it had not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{ASIDE, CHAIN, KEPT, KEY, LIVE, NEXT, PAIRS, Store, StoreError, disk, removed};

impl Store {
    /// Ends what an earlier run had begun, and removes what is torn. Does nothing to what is whole.
    pub fn recover(&self, now: Timestamp) -> Result<(), StoreError> {
        let next = self.root.join(NEXT);
        if next.symlink_metadata().is_ok() {
            // It was checked before the link was made; but that may be long ago.
            if self.pair(&next).is_ok_and(|pair| pair.fits(&[], now).is_ok()) {
                self.exchange()?;
            } else {
                removed(self.disk.remove(&next), &next)?;
            }
        }
        for folder in self.listed(|name| name.starts_with(ASIDE))? {
            self.remove_pair(&folder)?;
        }
        self.prune()
    }

    /// Removes the oldest pairs; never the live one.
    pub(super) fn prune(&self) -> Result<(), StoreError> {
        let live = fs::canonicalize(self.root.join(LIVE)).ok();
        let mut others = self.listed(|name| !name.starts_with('.'))?;
        others.retain(|folder| fs::canonicalize(folder).ok() != live);
        let surplus = others.len().saturating_sub(KEPT.saturating_sub(1));
        for folder in others.into_iter().take(surplus) {
            self.remove_pair(&folder)?;
        }
        Ok(())
    }

    /// Folders of pairs whose name is such, oldest first.
    fn listed(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, StoreError> {
        let pairs = self.root.join(PAIRS);
        let entries = match fs::read_dir(&pairs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(disk("look into", &pairs))?,
        };
        let mut folders = Vec::new();
        for entry in entries {
            let entry = entry.map_err(disk("look into", &pairs))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && entry.file_name().to_str().is_some_and(&is_wanted) {
                folders.push(entry.path());
            }
        }
        folders.sort();
        Ok(folders)
    }

    /// Removes the two files and the folder. What somebody else has put into it stays, and so does the folder.
    fn remove_pair(&self, folder: &Path) -> Result<(), StoreError> {
        for file in [KEY, CHAIN] {
            let path = folder.join(file);
            removed(self.disk.remove(&path), &path)?;
        }
        match self.disk.remove_folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            result => removed(result, folder),
        }
    }
}
