//! Certificates that lie on disk, to be held against those that are served.

use std::path::PathBuf;

use checks::cert::facts::{Certificate, Material, OnDisk};
use checks::cert::judge::is_good_for;

/// Leaves of the files that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Leaves(Vec<(PathBuf, Box<Certificate>)>);

impl Leaves {
    /// Remembers the leaf of a file.
    pub(crate) fn add(&mut self, material: &Material) {
        let leaf = material.certificates().map(|(_, certificate)| certificate).find(|one| !one.is_ca);
        if let Some(leaf) = leaf {
            self.0.push((PathBuf::from(&material.subject.name), Box::new(leaf.clone())));
        }
    }

    /// The newest one that is good for one of these names.
    pub(crate) fn covering(&self, names: &[String]) -> Option<OnDisk> {
        let good = self.0.iter().filter(|(_, leaf)| names.iter().any(|name| is_good_for(leaf, name)));
        let (path, leaf) = good.max_by_key(|(_, leaf)| (leaf.not_before, leaf.not_after))?;
        Some(OnDisk {
            path: path.clone(),
            sha256: leaf.sha256.clone(),
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        })
    }
}
