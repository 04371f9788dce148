//! Notices that files may have changed.
//!
//! Folders are watched and not files, since an atomic replacement and the switch of a symbolic link (certbot's `live`,
//! Kubernetes' `..data`) leave the watched file as it is. What a network file system does not report is found by looking
//! again from time to time. Whoever is told compares the content.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
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

/// The real folders in which a change can make this path another file: that of every name on the way that is a link, and
/// that of the file in the end. A link may be switched at any place, as in `live/fullchain.pem` with `live -> pairs/b`.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut folders = BTreeSet::new();
    // One name for each, however it was come to: the system counts one folder once.
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut rest: Vec<PathBuf> = parts(file);
    let mut at = if file.is_absolute() { PathBuf::from("/") } else { PathBuf::from(".") };
    let mut links = 0;
    while let Some(part) = rest.pop() {
        let next = at.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links = links.saturating_add(1);
                folders.insert(real(&at));
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                rest.extend(parts(&target));
            }
            _ if rest.is_empty() => drop(folders.insert(real(&at))),
            _ => at = next,
        }
    }
    folders
}

/// The names in a path, the last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(is_name).map(|part| PathBuf::from(part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_in_a_watched_folder() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (tls, b) = (root.join("tls"), root.join("tls/pairs/b"));
        std::fs::create_dir_all(&b).unwrap();
        symlink("pairs/b", tls.join("live")).unwrap();
        symlink("../../../elsewhere/key.pem", b.join("key.pem")).unwrap();
        symlink(&tls, root.join("etc")).unwrap();
        let set = |folders: &[&Path]| folders.iter().map(|folder| (*folder).to_owned()).collect();
        assert_eq!(folders(&tls.join("live/cert.pem")), set(&[&tls, &b]));
        assert_eq!(folders(&root.join("etc/live/cert.pem")), set(&[&root, &tls, &b]));
        assert_eq!(folders(&tls.join("live/key.pem")).len(), 3);
        // A link to itself ends.
        symlink("loop", root.join("loop")).unwrap();
        assert!(folders(&root.join("loop/x")).contains(&root));
        assert_eq!(folders(Path::new("proxy.yaml")), set(&[&std::env::current_dir().unwrap()]));
    }

    /// Whether anything is reported, without looking again from time to time.
    async fn is_noticed(watch: &FileWatch) -> bool {
        let reported = timeout(Duration::from_mins(1), watch.hint.notified()).await.is_ok();
        // What belongs to the same change.
        while timeout(SETTLED, watch.hint.notified()).await.is_ok() {}
        reported
    }

    #[tokio::test]
    async fn a_switched_folder_is_noticed_and_so_is_what_then_happens_in_it() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for pair in ["pairs/a", "pairs/b"] {
            std::fs::create_dir_all(path(pair)).unwrap();
            std::fs::write(path(pair).join("cert.pem"), pair).unwrap();
        }
        symlink("pairs/a", path("live")).unwrap();
        let (mut watch, file) = (FileWatch::new(), path("live/cert.pem"));
        watch.files([file.as_path()]);
        symlink("pairs/b", path("live.new")).unwrap();
        std::fs::rename(path("live.new"), path("live")).unwrap();
        assert!(is_noticed(&watch).await);
        watch.files([file.as_path()]);
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        assert!(is_noticed(&watch).await);
        std::fs::write(path("live/other.pem"), "new").unwrap();
        assert!(is_noticed(&watch).await);
    }
}
