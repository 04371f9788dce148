//! The pairs of a host: `pairs/NAME/{fullchain,privkey}.pem`, and the link `live` to the one that is served.
//!
//! A pair is exchanged as a whole. The new one is written into a folder aside and synced, read back and checked, and
//! takes the place of the old by one rename of a link. Where a run dies, `live` leads to the old pair or to the new
//! one, and never to half of either. The next run finishes an exchange that had begun and removes what was torn.

mod leftovers;
mod placeholder;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use model::Secret;
use rustix::process::geteuid;

use crate::disk::{Disk, RealDisk, gone};
use crate::pair::{Pair, Unfit};

pub use placeholder::make as make_placeholder;

/// The chain, leaf first.
const CHAIN: &str = "fullchain.pem";
/// The key of the leaf.
const KEY: &str = "privkey.pem";
/// The link to the pair that is served.
const LIVE: &str = "live";
/// The folder of pairs.
const PAIRS: &str = "pairs";
/// The link that is about to become [`LIVE`]. While it is there, an exchange is under way.
const NEXT: &str = ".next";
/// How the name of a pair begins that is being written.
const ASIDE: &str = ".new-";
/// How many pairs are kept, the served one among them: enough to go back by hand.
const KEPT: usize = 3;
/// Who is in the group may look in and read; only root writes.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// Whom the files belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whoever writes them.
    Writer,
    /// Root and this group, by its number. Without root's rights it is as [`Owner::Writer`].
    Group(u32),
}

impl Owner {
    /// Root and the group of a folder that is there, so that what is put into it can be read by the same programs.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(folder).map(|metadata| Self::Group(metadata.gid()))
    }

    pub(crate) fn numbers(self) -> Option<(u32, u32)> {
        match self {
            Self::Group(group) if geteuid().is_root() => Some((0, group)),
            _ => None,
        }
    }
}

/// Why the store could not do what was asked. Whatever it is, the pair that was served before still is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder cannot be read or changed.
    #[error("cannot {what} `{}`: {error}", path.display())]
    Disk {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The new pair is not one that may be served.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// What the link leads to is no pair.
    #[error("`{}` is no usable pair: {unfit}", path.display())]
    Broken {
        /// The link.
        path: PathBuf,
        /// Why.
        unfit: Unfit,
    },
    /// A certificate could not be made.
    #[error("a placeholder cannot be made: {0}")]
    Placeholder(String),
}

/// What a look at the store did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// There was a pair already.
    Present,
    /// A placeholder was made.
    Made,
}

/// The pairs of a host, below a folder that exists.
#[derive(Clone)]
pub struct Store {
    root: PathBuf,
    owner: Owner,
    disk: Arc<dyn Disk>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("root", &self.root).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Store {
    /// The store in this folder. What is made in it belongs to `owner`: folders of mode 0750, files of mode 0640.
    pub fn new(folder: impl Into<PathBuf>, owner: Owner) -> Self {
        Self::on(Arc::new(RealDisk), folder, owner)
    }

    /// The same over other operations on files.
    pub fn on(disk: Arc<dyn Disk>, folder: impl Into<PathBuf>, owner: Owner) -> Self {
        Self { root: folder.into(), owner, disk }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Whom its files belong to.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The operations on files that it is made of.
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// The pair that is served; none where there is no link yet.
    pub fn live(&self) -> Result<Option<Pair>, StoreError> {
        let link = self.root.join(LIVE);
        match fs::symlink_metadata(&link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(disk("look at", &link)(error)),
            Ok(_) => {}
        }
        // Followed once, so that both files are of one pair even while somebody exchanges them.
        let folder = fs::canonicalize(&link).unwrap_or(link);
        self.pair(&folder).map(Some)
    }

    /// Makes sure that something can be served: where there is no usable pair, a self-signed placeholder for these
    /// names is made and becomes the live one. Its common name says what it is.
    pub fn ensure_placeholder(&self, domains: &[String], now: Timestamp) -> Result<Ensured, StoreError> {
        self.recover(now)?;
        match self.live() {
            Ok(Some(_)) => return Ok(Ensured::Present),
            Ok(None) | Err(StoreError::Broken { .. }) => {}
            Err(error) => return Err(error),
        }
        let (chain, key) = placeholder::make(domains)?;
        self.put(chain.as_bytes(), &key, domains, now)?;
        Ok(Ensured::Made)
    }

    /// Takes a new pair in and makes it the live one, after it was checked: it parses, chain and key belong together,
    /// it is valid now, and it covers `names`, the ones that clients use.
    pub fn put(
        &self,
        chain: &[u8],
        key: &Secret<Vec<u8>>,
        names: &[String],
        now: Timestamp,
    ) -> Result<Pair, StoreError> {
        // Before anything is written, since most that can be wrong is wrong already.
        let pair = Pair::parse(chain, key)?;
        pair.fits(names, now)?;
        self.recover(now)?;
        let pairs = self.root.join(PAIRS);
        self.folder_if_absent(&pairs)?;
        let name = self.free_name(&pair, now);
        let aside = pairs.join(format!("{ASIDE}{name}"));
        let place = pairs.join(&name);
        self.disk.make_folder(&aside).map_err(disk("make", &aside))?;
        for (file, bytes) in [(KEY, key.expose().as_slice()), (CHAIN, chain)] {
            let path = aside.join(file);
            self.disk.write(&path, bytes).map_err(disk("write", &path))?;
            self.hand_over(&path, FILE_MODE)?;
        }
        self.hand_over(&aside, FOLDER_MODE)?;
        self.settle(&aside)?;
        // What is on the disk is what will be served, so that is what is checked.
        let written = self.pair(&aside).and_then(|pair| {
            pair.fits(names, now)?;
            Ok(pair)
        })?;
        // The link first: from here on a run that dies is finished by the next, and the pair is not asked for again.
        let next = self.root.join(NEXT);
        self.disk.link(&Path::new(PAIRS).join(&name), &next).map_err(disk("make", &next))?;
        self.settle(&self.root)?;
        self.disk.rename(&aside, &place).map_err(disk("rename", &aside))?;
        self.settle(&pairs)?;
        self.exchange()?;
        self.prune()?;
        Ok(written)
    }

    /// Makes [`NEXT`] the live one.
    fn exchange(&self) -> Result<(), StoreError> {
        let (next, live) = (self.root.join(NEXT), self.root.join(LIVE));
        self.disk.rename(&next, &live).map_err(disk("rename", &next))?;
        self.settle(&self.root)
    }

    fn pair(&self, folder: &Path) -> Result<Pair, StoreError> {
        let read = |file: &str| {
            let path = folder.join(file);
            match self.disk.read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(disk("read", &path)(error)),
            }
        };
        let broken = |unfit| StoreError::Broken { path: folder.to_owned(), unfit };
        let chain = read(CHAIN)?.ok_or_else(|| broken(Unfit::NoCertificate))?;
        let key = Secret::new(read(KEY)?.ok_or_else(|| broken(Unfit::Key("there is no file")))?);
        Pair::parse(&chain, &key).map_err(broken)
    }

    fn folder_if_absent(&self, folder: &Path) -> Result<(), StoreError> {
        if !folder.is_dir() {
            self.disk.make_folder(folder).map_err(disk("make", folder))?;
            self.settle(&self.root)?;
        }
        // Also where it was there: a run may have died before it handed it over.
        self.hand_over(folder, FOLDER_MODE)
    }

    fn hand_over(&self, path: &Path, mode: u32) -> Result<(), StoreError> {
        self.disk.hand_over(path, mode, self.owner.numbers()).map_err(disk("set owner and mode of", path))
    }

    fn settle(&self, folder: &Path) -> Result<(), StoreError> {
        self.disk.settle(folder).map_err(disk("sync", folder))
    }

    /// When it came and which it is, so that the order of names is the order of time.
    fn free_name(&self, pair: &Pair, now: Timestamp) -> String {
        let serial = &pair.leaf().serial;
        let start = serial.len().saturating_sub(12);
        let name = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), serial.get(start..).unwrap_or(serial));
        let pairs = self.root.join(PAIRS);
        let is_free = |name: &String| {
            [name.clone(), format!("{ASIDE}{name}")]
                .iter()
                .all(|name| pairs.join(name).symlink_metadata().is_err())
        };
        // A few are enough: it is the same certificate in the same second.
        let numbered = (2..100_u32).map(|number| format!("{name}-{number}"));
        std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
    }
}

/// What an operation on a file says when it fails.
fn disk<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |error| StoreError::Disk { what, path: path.to_owned(), error }
}

/// What is not there is as good as removed.
fn removed(result: io::Result<()>, path: &Path) -> Result<(), StoreError> {
    gone(result).map_err(disk("remove", path))
}
