//! A machine in memory: files, accounts, and as much of systemd as an installation sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::{Account, Entry, Failed, Host, HostError, Meta, Ran, UnitFacts, Verb};

/// A program with this in it does not start and accepts no configuration.
pub const BROKEN: &[u8] = b"broken program";
/// What a system gives to the first user that it makes.
const FIRST_ID: u32 = 998;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File(Vec<u8>, Meta),
    Link(PathBuf),
    Folder(Meta),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Unit {
    is_active: bool,
    has_failed: bool,
    program: Option<PathBuf>,
}

/// Everything that an installation can change: two machines that are the same have equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    nodes: BTreeMap<PathBuf, Node>,
    users: BTreeMap<String, Account>,
    groups: BTreeMap<String, u32>,
    /// What systemd has read.
    loaded: BTreeMap<String, Vec<u8>>,
    enabled: BTreeSet<String>,
    masked: BTreeSet<String>,
    units: BTreeMap<String, Unit>,
}

impl Snapshot {
    /// The paths of all files, links and folders, for messages of tests.
    pub fn paths(&self) -> Vec<String> {
        self.nodes.iter().map(|(path, node)| format!("{} {}", path.display(), shown(node))).collect()
    }
}

fn shown(node: &Node) -> String {
    match node {
        Node::File(content, meta) => {
            format!("{:o} {}:{} {}", meta.mode, meta.uid, meta.gid, String::from_utf8_lossy(content))
        }
        Node::Link(target) => format!("-> {}", target.display()),
        Node::Folder(meta) => format!("{:o} {}:{}", meta.mode, meta.uid, meta.gid),
    }
}

/// A machine in memory. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct PracticeHost {
    machine: Arc<Mutex<Snapshot>>,
}

impl Default for PracticeHost {
    fn default() -> Self {
        let folders = ["/", "/opt", "/etc", "/etc/systemd", "/etc/systemd/system", "/var", "/var/lib"];
        let nodes = folders.map(|path| (PathBuf::from(path), Node::Folder(Meta::root(0o755))));
        let root = Account { uid: 0, gid: 0, is_marked: false };
        let machine = Snapshot {
            nodes: nodes.into(),
            users: BTreeMap::from([("root".to_owned(), root)]),
            groups: BTreeMap::from([("root".to_owned(), 0)]),
            loaded: BTreeMap::new(),
            enabled: BTreeSet::new(),
            masked: BTreeSet::new(),
            units: BTreeMap::new(),
        };
        Self { machine: Arc::new(Mutex::new(machine)) }
    }
}

fn error(action: String, kind: Failed, detail: &str) -> HostError {
    HostError { action, kind, detail: detail.to_owned() }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => {
                out.pop();
            }
            _ => {}
        }
    }
    out
}

impl PracticeHost {
    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    /// A machine of its own that is as this one is now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { machine: Arc::new(Mutex::new(self.snapshot())) }
    }

    /// An administrator's `systemctl mask`.
    pub fn mask(&self, unit: &str) {
        self.lock().masked.insert(unit.to_owned());
    }

    /// A user that an administrator made.
    pub fn seed_user(&self, name: &str) {
        let mut machine = self.lock();
        machine.groups.insert(name.to_owned(), 500);
        machine.users.insert(name.to_owned(), Account { uid: 500, gid: 500, is_marked: false });
    }

    /// A crash of the whole machine: what was enabled runs afterwards.
    pub fn reboot(&self) {
        let enabled = {
            let mut machine = self.lock();
            machine.units.clear();
            machine.enabled.clone()
        };
        let _ = self.systemctl(Verb::DaemonReload, "");
        for unit in enabled {
            let _ = self.systemctl(Verb::Start, &unit);
        }
    }

    /// The content of a file, links followed.
    fn content(machine: &Snapshot, path: &Path) -> Option<Vec<u8>> {
        match machine.nodes.get(&Self::resolved(machine, path))? {
            Node::File(content, _) => Some(content.clone()),
            _ => None,
        }
    }

    /// Where the links of a path lead, at most a few of them.
    fn resolved(machine: &Snapshot, path: &Path) -> PathBuf {
        let mut path = plain(path);
        for _ in 0..8 {
            let link = path.ancestors().find_map(|part| match machine.nodes.get(part) {
                Some(Node::Link(target)) => Some((part.to_owned(), target.clone())),
                _ => None,
            });
            let Some((part, target)) = link else { break };
            let rest = path.strip_prefix(&part).map(Path::to_owned).unwrap_or_default();
            let base = part.parent().unwrap_or(Path::new("/")).join(target);
            path = plain(&if rest.as_os_str().is_empty() { base } else { base.join(rest) });
        }
        path
    }

    fn put(&self, action: String, path: &Path, node: Node) -> Result<(), HostError> {
        let mut machine = self.lock();
        let parent = path.parent().unwrap_or(Path::new("/"));
        if !matches!(machine.nodes.get(parent), Some(Node::Folder(_))) {
            return Err(error(action, Failed::NotFound, "No such file or directory"));
        }
        match (machine.nodes.get(path), &node) {
            (Some(Node::Folder(_)) | None, Node::Folder(_))
            | (Some(Node::File(..) | Node::Link(_)) | None, Node::File(..) | Node::Link(_)) => {}
            _ => return Err(error(action, Failed::Other, "Is a directory, or is not one")),
        }
        machine.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// What a service runs: the first word of `ExecStart`, links resolved.
    fn program(machine: &Snapshot, unit: &str) -> Option<PathBuf> {
        let text = String::from_utf8_lossy(machine.loaded.get(unit)?).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
        Some(Self::resolved(machine, Path::new(line.split_whitespace().next()?)))
    }

    fn start(machine: &mut Snapshot, unit: &str) -> Result<(), &'static str> {
        if machine.masked.contains(unit) {
            return Err("Unit is masked.");
        }
        if !machine.loaded.contains_key(unit) {
            return Err("Unit not found.");
        }
        let program = Self::program(machine, unit);
        let content = program.as_ref().and_then(|path| Self::content(machine, path));
        let is_broken = program.is_some()
            && content.is_none_or(|content| content.windows(BROKEN.len()).any(|part| part == BROKEN));
        let state = machine.units.entry(unit.to_owned()).or_default();
        if is_broken {
            *state = Unit { is_active: false, has_failed: true, program: None };
            return Err("Job for the unit failed.");
        }
        *state = Unit { is_active: true, has_failed: false, program };
        Ok(())
    }
}

impl Host for PracticeHost {
    fn look(&self, path: &Path) -> Result<Entry, HostError> {
        Ok(match self.lock().nodes.get(path) {
            None => Entry::Absent,
            Some(Node::File(content, meta)) => {
                Entry::File { sha256: model::hex::encode(&Sha256::digest(content)), meta: *meta }
            }
            Some(Node::Link(target)) => Entry::Link(target.clone()),
            Some(Node::Folder(meta)) => Entry::Folder(*meta),
        })
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        Self::content(&self.lock(), path)
            .ok_or_else(|| error(format!("read {}", path.display()), Failed::NotFound, "No such file"))
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, HostError> {
        let machine = self.lock();
        let inside = machine.nodes.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn write(&self, path: &Path, content: &[u8], meta: Meta) -> Result<(), HostError> {
        self.put(format!("write {}", path.display()), path, Node::File(content.to_vec(), meta))
    }

    fn link(&self, path: &Path, target: &Path) -> Result<(), HostError> {
        self.put(format!("link {}", path.display()), path, Node::Link(target.to_owned()))
    }

    fn make_folder(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        self.put(format!("make the folder {}", path.display()), path, Node::Folder(meta))
    }

    fn set_meta(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        match self.lock().nodes.get_mut(path) {
            Some(Node::File(_, found) | Node::Folder(found)) => {
                *found = meta;
                Ok(())
            }
            _ => Err(error(format!("change {}", path.display()), Failed::NotFound, "No such file")),
        }
    }

    fn remove(&self, path: &Path) -> Result<(), HostError> {
        if !self.list(path)?.is_empty() {
            let action = format!("remove {}", path.display());
            return Err(error(action, Failed::NotEmpty, "Directory not empty"));
        }
        self.lock().nodes.remove(path);
        Ok(())
    }

    fn remove_tree(&self, path: &Path) -> Result<(), HostError> {
        self.lock().nodes.retain(|found, _| !found.starts_with(path));
        Ok(())
    }

    fn user(&self, name: &str) -> Result<Option<Account>, HostError> {
        Ok(self.lock().users.get(name).copied())
    }

    fn group(&self, name: &str) -> Result<Option<u32>, HostError> {
        Ok(self.lock().groups.get(name).copied())
    }

    fn add_group(&self, name: &str) -> Result<(), HostError> {
        self.lock().groups.entry(name.to_owned()).or_insert(FIRST_ID);
        Ok(())
    }

    fn add_user(&self, name: &str, _home: &Path) -> Result<(), HostError> {
        let mut machine = self.lock();
        let Some(gid) = machine.groups.get(name).copied() else {
            return Err(error("add a user".to_owned(), Failed::Refused, "group does not exist"));
        };
        machine.users.entry(name.to_owned()).or_insert(Account { uid: FIRST_ID, gid, is_marked: true });
        Ok(())
    }

    fn remove_user(&self, name: &str) -> Result<(), HostError> {
        self.lock().users.remove(name);
        Ok(())
    }

    fn remove_group(&self, name: &str) -> Result<(), HostError> {
        self.lock().groups.remove(name);
        Ok(())
    }

    fn systemctl(&self, verb: Verb, unit: &str) -> Result<(), HostError> {
        let machine = &mut *self.lock();
        let refused = |detail: &str| error(format!("systemctl {verb} {unit}"), Failed::Refused, detail);
        match verb {
            Verb::DaemonReload => {
                let folder = Path::new("/etc/systemd/system");
                let files = machine.nodes.iter().filter(|(path, _)| path.parent() == Some(folder));
                machine.loaded = files
                    .filter_map(|(path, node)| match node {
                        Node::File(content, _) => {
                            Some((path.file_name()?.to_string_lossy().into_owned(), content.clone()))
                        }
                        _ => None,
                    })
                    .collect();
                let loaded = &machine.loaded;
                machine.units.retain(|name, unit| unit.is_active || loaded.contains_key(name));
            }
            Verb::Enable => {
                // On the disk; systemd need not have read it.
                if !machine.nodes.contains_key(&Path::new("/etc/systemd/system").join(unit)) {
                    return Err(refused("Unit file does not exist."));
                }
                machine.enabled.insert(unit.to_owned());
            }
            Verb::Disable => {
                machine.enabled.remove(unit);
            }
            Verb::Start if machine.units.get(unit).is_some_and(|state| state.is_active) => {}
            Verb::Start | Verb::Restart => Self::start(machine, unit).map_err(refused)?,
            Verb::Stop => {
                machine.units.remove(unit);
            }
            Verb::ResetFailed => {
                if machine.units.get(unit).is_some_and(|state| state.has_failed) {
                    machine.units.remove(unit);
                }
            }
        }
        Ok(())
    }

    fn unit(&self, name: &str) -> Result<UnitFacts, HostError> {
        let machine = self.lock();
        let state = machine.units.get(name).cloned().unwrap_or_default();
        let load = match () {
            () if machine.masked.contains(name) => "masked",
            () if machine.loaded.contains_key(name) => "loaded",
            () => "not-found",
        };
        let active = match () {
            () if state.is_active => "active",
            () if state.has_failed => "failed",
            () => "inactive",
        };
        let file_state = match () {
            () if machine.masked.contains(name) => "masked",
            () if machine.enabled.contains(name) => "enabled",
            () => "disabled",
        };
        Ok(UnitFacts {
            load: load.to_owned(),
            active: active.to_owned(),
            sub: String::new(),
            file_state: file_state.to_owned(),
            result: String::new(),
            program: state.program,
            next: None,
        })
    }

    fn log(&self, unit: &str, _lines: u32) -> String {
        format!("the log of {unit}")
    }

    fn run(&self, program: &Path, _arguments: &[&str]) -> Result<Ran, HostError> {
        let content = self.read(program)?;
        let is_broken = content.windows(BROKEN.len()).any(|part| part == BROKEN);
        Ok(Ran { is_success: !is_broken, text: if is_broken { "broken".to_owned() } else { String::new() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::contract;

    #[test]
    fn files_keep_the_contract() {
        let host = PracticeHost::default();
        host.make_folder(Path::new("/scratch"), Meta::root(0o755)).unwrap();
        contract::files(&host, Path::new("/scratch"), (0, 0));
    }

    #[test]
    fn units_are_read_enabled_and_started() {
        let host = PracticeHost::default();
        let unit = "x.service";
        assert!(host.systemctl(Verb::Start, unit).is_err());
        host.write(Path::new("/opt/x-1"), b"good", Meta::root(0o755)).unwrap();
        host.link(Path::new("/opt/x"), Path::new("x-1")).unwrap();
        let path = Path::new("/etc/systemd/system/x.service");
        host.write(path, b"[Service]\nExecStart=/opt/x serve\n", Meta::root(0o644)).unwrap();
        assert_eq!(host.unit(unit).unwrap().load, "not-found");
        host.systemctl(Verb::DaemonReload, "").unwrap();
        host.systemctl(Verb::Enable, unit).unwrap();
        host.systemctl(Verb::Start, unit).unwrap();
        let facts = host.unit(unit).unwrap();
        assert!(facts.is_active() && facts.is_enabled());
        assert_eq!(facts.program, Some(PathBuf::from("/opt/x-1")));
        host.write(Path::new("/opt/x-1"), BROKEN, Meta::root(0o755)).unwrap();
        assert!(host.unit(unit).unwrap().is_active());
        assert!(host.systemctl(Verb::Restart, unit).is_err());
        assert_eq!(host.unit(unit).unwrap().active, "failed");
        assert!(!host.run(Path::new("/opt/x"), &[]).unwrap().is_success);
    }
}
