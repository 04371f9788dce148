//! Notices that files may have changed.
//!
//! Folders are watched and not files, since an atomic replacement and the switch of a symbolic link (certbot's `live`,
//! Kubernetes' `..data`) leave the watched file as it is. What a network file system does not report is found by looking
//! again from time to time. Whoever is told compares the content.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::Notify, time::timeout};

use crate::config::codes;

/// After this long it is looked again, whether anything was reported or not.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// A change is often several; so long nothing may happen before it is looked at, and at most [`LOOK_AGAIN`] in all.
const SETTLED: Duration = Duration::from_millis(500);

/// Reports changes of a set of files.
#[derive(Debug)]
pub struct FileWatch {
    hint: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

impl Default for FileWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl FileWatch {
    /// A watch over nothing yet.
    pub fn new() -> Self {
        let hint = Arc::new(Notify::new());
        let noticed = Arc::clone(&hint);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading is reported as well.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                noticed.notify_one();
            }
        })
        .map_err(|error| tracing::warn!(code = codes::NO_WATCH, %error, "files are polled"))
        .ok();
        Self { hint, watcher, folders: BTreeSet::new() }
    }

    /// Watches these files and what they are links to, instead of those before.
    pub fn files<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        let wanted: BTreeSet<PathBuf> = files.into_iter().flat_map(folders).collect();
        let Some(watcher) = &mut self.watcher else { return };
        for folder in self.folders.difference(&wanted) {
            let _ = watcher.unwatch(folder);
        }
        let mut kept: BTreeSet<PathBuf> = self.folders.intersection(&wanted).cloned().collect();
        for folder in wanted.difference(&self.folders) {
            // A folder that is not there yet is asked for again with the next call, and polled until then.
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(kept.insert(folder.clone())),
                Err(error) => tracing::debug!(folder = %folder.display(), %error, "not watched, but polled"),
            }
        }
        self.folders = kept;
    }

    /// Waits until it is worth looking. Nothing is lost where this is dropped before it is ready.
    pub async fn changed(&self) {
        if timeout(LOOK_AGAIN, self.hint.notified()).await.is_err() {
            return;
        }
        let settled = async { while timeout(SETTLED, self.hint.notified()).await.is_ok() {} };
        let _ = timeout(LOOK_AGAIN, settled).await;
    }
}

/// The folder of a file, and the folders of every link on the way to what it is in the end.
fn folders(file: &Path) -> Vec<PathBuf> {
    const MOST_LINKS: usize = 16;
    let mut folders = Vec::new();
    let mut path = file.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        // The folder itself may be a link that is switched.
        if folder.is_symlink()
            && let Some(parent) = folder.parent()
        {
            folders.push(parent.to_owned());
        }
        folders.push(folder.clone());
        match std::fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => break,
        }
    }
    folders
}
