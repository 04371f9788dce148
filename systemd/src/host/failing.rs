//! A host whose k-th change fails, or at whose k-th change the program dies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Account, Entry, Failed, Host, HostError, Meta, Ran, UnitFacts, Verb};

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// It fails and did nothing; all later calls work.
    Once,
    /// The program dies before it.
    DieBefore,
    /// The program dies after it.
    DieAfter,
}

/// Counts changes, and decides about each. Shared with whatever else a death has to stop.
#[derive(Debug)]
pub struct Fuse {
    at: usize,
    how: Fail,
    count: AtomicUsize,
    is_dead: AtomicBool,
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As usual.
    Pass,
    /// It fails, and nothing is done.
    Fail,
    /// It is done, and fails all the same.
    DoAndFail,
}

impl Fuse {
    /// Burns at the call with this number, counted from 0.
    pub fn new(at: usize, how: Fail) -> Arc<Self> {
        Arc::new(Self { at, how, count: AtomicUsize::new(0), is_dead: AtomicBool::new(false) })
    }

    /// Never burns.
    pub fn never() -> Arc<Self> {
        Self::new(usize::MAX, Fail::Once)
    }

    /// Counts one more change.
    pub fn next(&self) -> Verdict {
        if self.is_dead() {
            return Verdict::Fail;
        }
        if self.count.fetch_add(1, Ordering::SeqCst) != self.at {
            return Verdict::Pass;
        }
        match self.how {
            Fail::Once => Verdict::Fail,
            Fail::DieBefore => {
                self.is_dead.store(true, Ordering::SeqCst);
                Verdict::Fail
            }
            Fail::DieAfter => {
                self.is_dead.store(true, Ordering::SeqCst);
                Verdict::DoAndFail
            }
        }
    }

    /// Whether nothing happens any more.
    pub fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// How many changes were tried.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    fn around<T>(&self, action: &str, change: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
        let failed = || HostError {
            action: action.to_owned(),
            kind: Failed::Other,
            detail: "this was to fail".to_owned(),
        };
        match self.next() {
            Verdict::Pass => change(),
            Verdict::Fail => Err(failed()),
            Verdict::DoAndFail => change().and_then(|_| Err(failed())),
        }
    }
}

/// A host behind a fuse.
#[derive(Debug)]
pub struct FailingHost<H> {
    inner: H,
    fuse: Arc<Fuse>,
}

impl<H: Host> FailingHost<H> {
    /// Puts the fuse before the host.
    pub fn new(inner: H, fuse: Arc<Fuse>) -> Self {
        Self { inner, fuse }
    }
}

impl<H: Host> Host for FailingHost<H> {
    fn look(&self, path: &Path) -> Result<Entry, HostError> {
        self.inner.look(path)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        self.inner.read(path)
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, HostError> {
        self.inner.list(folder)
    }

    fn write(&self, path: &Path, content: &[u8], meta: Meta) -> Result<(), HostError> {
        let action = format!("write {}", path.display());
        self.fuse.around(&action, || self.inner.write(path, content, meta))
    }

    fn link(&self, path: &Path, target: &Path) -> Result<(), HostError> {
        self.fuse.around(&format!("link {}", path.display()), || self.inner.link(path, target))
    }

    fn make_folder(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        let action = format!("make the folder {}", path.display());
        self.fuse.around(&action, || self.inner.make_folder(path, meta))
    }

    fn set_meta(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        let action = format!("change mode and owner of {}", path.display());
        self.fuse.around(&action, || self.inner.set_meta(path, meta))
    }

    fn remove(&self, path: &Path) -> Result<(), HostError> {
        self.fuse.around(&format!("remove {}", path.display()), || self.inner.remove(path))
    }

    fn remove_tree(&self, path: &Path) -> Result<(), HostError> {
        self.fuse.around(&format!("remove {}", path.display()), || self.inner.remove_tree(path))
    }

    fn user(&self, name: &str) -> Result<Option<Account>, HostError> {
        self.inner.user(name)
    }

    fn group(&self, name: &str) -> Result<Option<u32>, HostError> {
        self.inner.group(name)
    }

    fn add_group(&self, name: &str) -> Result<(), HostError> {
        self.fuse.around("add a group", || self.inner.add_group(name))
    }

    fn add_user(&self, name: &str, home: &Path) -> Result<(), HostError> {
        self.fuse.around("add a user", || self.inner.add_user(name, home))
    }

    fn remove_user(&self, name: &str) -> Result<(), HostError> {
        self.fuse.around("remove a user", || self.inner.remove_user(name))
    }

    fn remove_group(&self, name: &str) -> Result<(), HostError> {
        self.fuse.around("remove a group", || self.inner.remove_group(name))
    }

    fn systemctl(&self, verb: Verb, unit: &str) -> Result<(), HostError> {
        self.fuse.around(&format!("systemctl {verb} {unit}"), || self.inner.systemctl(verb, unit))
    }

    fn unit(&self, name: &str) -> Result<UnitFacts, HostError> {
        self.inner.unit(name)
    }

    fn units(&self, names: &[&str]) -> Result<Vec<UnitFacts>, HostError> {
        self.inner.units(names)
    }

    fn log(&self, unit: &str, lines: u32) -> String {
        self.inner.log(unit, lines)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Result<Ran, HostError> {
        self.inner.run(program, arguments)
    }
}
