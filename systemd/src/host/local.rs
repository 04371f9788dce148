//! The machine itself. Files are written beside their place, synced and renamed, so that a power cut leaves the old one
//! or the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::{Account, Entry, Failed, Host, HostError, Meta, Ran, USER_MARK, UnitFacts, Verb, shown};

/// The bits of a mode that belong to a file's protection.
const PROTECTION: u32 = 0o7777;
/// How long a program may run that is asked something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(5);
/// There where `SELinux` runs; its content is the mode.
const SELINUX: &str = "/sys/fs/selinux/enforce";

/// The machine that this runs on, below a root that is `/` but for tests.
#[derive(Debug, Clone)]
pub struct LocalHost {
    root: PathBuf,
    is_labelled: bool,
}

impl Default for LocalHost {
    fn default() -> Self {
        Self::below("/")
    }
}

impl LocalHost {
    /// The machine below a root. Accounts and systemd are those of the machine, so elsewhere than at `/` they are
    /// refused.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let is_labelled = root == Path::new("/") && Path::new(SELINUX).exists();
        Self { root, is_labelled }
    }

    /// Refuses what is about the whole machine where this is a part of it.
    fn whole(&self, action: &str) -> Result<(), HostError> {
        if self.root == Path::new("/") {
            return Ok(());
        }
        let detail = format!("{} is not the root of this machine", self.root.display());
        Err(HostError { action: action.to_owned(), kind: Failed::Refused, detail })
    }

    /// Gives a path the label that the policy has for it. Its failure is no failure of the installation: without the
    /// label the service does not start, and that is said then.
    fn label(&self, path: &Path) {
        if self.is_labelled {
            let _ = Command::new("restorecon").arg(path).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// An error of the system as ours.
fn failed(action: String) -> impl FnOnce(io::Error) -> HostError {
    move |error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Failed::NotFound,
            io::ErrorKind::PermissionDenied => Failed::Denied,
            io::ErrorKind::ReadOnlyFilesystem => Failed::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failed::Full,
            io::ErrorKind::DirectoryNotEmpty => Failed::NotEmpty,
            _ => Failed::Other,
        };
        HostError { action, kind, detail: error.to_string() }
    }
}

/// The same as a success where the thing is not there.
fn unless_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Where a file is written before it takes its place. Always the same name, so that what a killed run leaves is
/// overwritten by the next, and removed with the file.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".sre-agent-new");
    path.with_file_name(name)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn put(path: &Path, content: &[u8], meta: Meta) -> io::Result<()> {
    let new = beside(path);
    unless_absent(fs::remove_file(&new))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    // The owner first: changing it clears the bits for setuid.
    own(&new, &file.metadata()?, meta)?;
    file.set_permissions(Permissions::from_mode(meta.mode))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder_of(path)
}

/// Changes the owner where it is another: only root may, and tests are not always root.
fn own(path: &Path, found: &fs::Metadata, meta: Meta) -> io::Result<()> {
    if (found.uid(), found.gid()) == (meta.uid, meta.gid) {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(meta.uid), Some(meta.gid))
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(model::hex::encode(&hash.finalize()));
        }
        hash.update(buffer.get(..length).unwrap_or_default());
    }
}

fn meta_of(found: &fs::Metadata) -> Meta {
    Meta { mode: found.mode() & PROTECTION, uid: found.uid(), gid: found.gid() }
}

fn entry(path: &Path) -> io::Result<Entry> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        // A file where a folder should be: what should be below it is not there.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Entry::Absent);
        }
        Err(error) => return Err(error),
    };
    let kind = found.file_type();
    Ok(if kind.is_symlink() {
        Entry::Link(fs::read_link(path)?)
    } else if kind.is_dir() {
        Entry::Folder(meta_of(&found))
    } else if kind.is_file() {
        Entry::File { sha256: digest(path)?, meta: meta_of(&found) }
    } else {
        Entry::Other
    })
}

/// Runs a program of the system; what it said where it ended with 0.
fn command(program: &str, arguments: &[&str]) -> Result<String, HostError> {
    let action = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("SYSTEMD_COLORS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(failed(action.clone()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(HostError { action, kind: Failed::Refused, detail })
}

impl Host for LocalHost {
    fn look(&self, path: &Path) -> Result<Entry, HostError> {
        entry(path).map_err(failed(format!("look at {}", path.display())))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        fs::read(path).map_err(failed(format!("read {}", path.display())))
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, HostError> {
        let names = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(folder)? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            Ok(names)
        };
        match names() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(failed(format!("list {}", folder.display()))),
        }
    }

    fn write(&self, path: &Path, content: &[u8], meta: Meta) -> Result<(), HostError> {
        put(path, content, meta).map_err(failed(format!("write {}", path.display())))?;
        self.label(path);
        Ok(())
    }

    fn link(&self, path: &Path, target: &Path) -> Result<(), HostError> {
        let put = || -> io::Result<()> {
            let new = beside(path);
            unless_absent(fs::remove_file(&new))?;
            std::os::unix::fs::symlink(target, &new)?;
            fs::rename(&new, path)?;
            sync_folder_of(path)
        };
        put().map_err(failed(format!("link {} to {}", path.display(), target.display())))?;
        self.label(path);
        Ok(())
    }

    fn make_folder(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        let make = || -> io::Result<()> {
            match fs::create_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                other => other?,
            }
            own(path, &fs::symlink_metadata(path)?, meta)?;
            fs::set_permissions(path, Permissions::from_mode(meta.mode))?;
            sync_folder_of(path)
        };
        make().map_err(failed(format!("make the folder {}", path.display())))?;
        self.label(path);
        Ok(())
    }

    fn set_meta(&self, path: &Path, meta: Meta) -> Result<(), HostError> {
        let set = || -> io::Result<()> {
            own(path, &fs::symlink_metadata(path)?, meta)?;
            fs::set_permissions(path, Permissions::from_mode(meta.mode))?;
            File::open(path)?.sync_all()
        };
        set().map_err(failed(format!("change mode and owner of {}", path.display())))
    }

    fn remove(&self, path: &Path) -> Result<(), HostError> {
        let remove = || -> io::Result<()> {
            unless_absent(fs::remove_file(beside(path)))?;
            match fs::symlink_metadata(path) {
                Ok(found) if found.is_dir() => fs::remove_dir(path)?,
                Ok(_) => fs::remove_file(path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
            sync_folder_of(path)
        };
        remove().map_err(failed(format!("remove {}", path.display())))
    }

    fn remove_tree(&self, path: &Path) -> Result<(), HostError> {
        let remove = || -> io::Result<()> {
            match fs::symlink_metadata(path) {
                Ok(found) if found.is_dir() => fs::remove_dir_all(path)?,
                Ok(_) => fs::remove_file(path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
            sync_folder_of(path)
        };
        remove().map_err(failed(format!("remove {} with all in it", path.display())))
    }

    fn user(&self, name: &str) -> Result<Option<Account>, HostError> {
        let path = self.root.join("etc/passwd");
        let text = fs::read_to_string(&path).map_err(failed(format!("read {}", path.display())))?;
        Ok(fields_of(&text, name).and_then(|fields| {
            let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
            let is_marked = fields.get(4).is_some_and(|comment| *comment == USER_MARK);
            Some(Account { uid: number(2)?, gid: number(3)?, is_marked })
        }))
    }

    fn group(&self, name: &str) -> Result<Option<u32>, HostError> {
        let path = self.root.join("etc/group");
        let text = fs::read_to_string(&path).map_err(failed(format!("read {}", path.display())))?;
        Ok(fields_of(&text, name).and_then(|fields| fields.get(2).and_then(|field| field.parse().ok())))
    }

    fn add_group(&self, name: &str) -> Result<(), HostError> {
        self.whole("add a group")?;
        if self.group(name)?.is_some() {
            return Ok(());
        }
        command("groupadd", &["--system", name]).map(drop)
    }

    fn add_user(&self, name: &str, home: &Path) -> Result<(), HostError> {
        self.whole("add a user")?;
        if self.user(name)?.is_some() {
            return Ok(());
        }
        let home = home.to_string_lossy();
        let arguments = [
            "--system",
            "--gid",
            name,
            "--no-create-home",
            "--comment",
            USER_MARK,
            "--home-dir",
            &home,
            "--shell",
            "/usr/sbin/nologin",
            name,
        ];
        command("useradd", &arguments).map(drop)
    }

    fn remove_user(&self, name: &str) -> Result<(), HostError> {
        self.whole("remove a user")?;
        if self.user(name)?.is_none() {
            return Ok(());
        }
        command("userdel", &[name]).map(drop)
    }

    fn remove_group(&self, name: &str) -> Result<(), HostError> {
        self.whole("remove a group")?;
        // userdel(8) has taken it along, where it is set up to.
        if self.group(name)?.is_none() {
            return Ok(());
        }
        command("groupdel", &[name]).map(drop)
    }

    fn systemctl(&self, verb: Verb, unit: &str) -> Result<(), HostError> {
        self.whole(&format!("systemctl {verb} {unit}"))?;
        let name = verb.to_string();
        let mut arguments = vec!["--quiet", name.as_str()];
        if matches!(verb, Verb::Enable | Verb::Disable) {
            // Each would have systemd read all units again, which takes longer than all the rest of an installation.
            arguments.push("--no-reload");
        }
        if !unit.is_empty() {
            arguments.push(unit);
        }
        command("systemctl", &arguments).map(drop)
    }

    fn unit(&self, name: &str) -> Result<UnitFacts, HostError> {
        self.whole(&format!("look at {name}"))?;
        let text = command("systemctl", &["show", shown::PROPERTIES, name])?;
        Ok(with_program(shown::read(&text)))
    }

    fn units(&self, names: &[&str]) -> Result<Vec<UnitFacts>, HostError> {
        self.whole("look at units")?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = command("systemctl", &[&["show", shown::PROPERTIES], names].concat())?;
        let found: Vec<UnitFacts> = shown::read_all(&text).into_iter().map(with_program).collect();
        if found.len() == names.len() {
            return Ok(found);
        }
        names.iter().map(|name| self.unit(name)).collect()
    }

    fn log(&self, unit: &str, lines: u32) -> String {
        if self.whole("read a log").is_err() {
            return String::new();
        }
        let lines = lines.to_string();
        let arguments = ["--unit", unit, "--lines", &lines, "--output", "cat", "--no-pager", "--quiet"];
        command("journalctl", &arguments).unwrap_or_default()
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Result<Ran, HostError> {
        let action = format!("run {}", program.display());
        // Into a file: a pipe that nobody reads would fill, and stop what writes into it.
        let mut said = tempfile::tempfile().map_err(failed(action.clone()))?;
        let stream = || said.try_clone().map_err(failed(action.clone()));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(stream()?)
            .stderr(stream()?)
            .spawn()
            .map_err(failed(action.clone()))?;
        let started = Instant::now();
        let is_success = loop {
            match child.try_wait().map_err(failed(action.clone()))? {
                Some(status) => break status.success(),
                None if started.elapsed() < PATIENCE => std::thread::sleep(POLL),
                None => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let detail = format!("it did not end within {} s", PATIENCE.as_secs());
                    return Err(HostError { action, kind: Failed::Other, detail });
                }
            }
        };
        let mut text = Vec::new();
        io::Seek::rewind(&mut said)
            .and_then(|()| said.read_to_end(&mut text))
            .map_err(failed(action.clone()))?;
        Ok(Ran { is_success, text: String::from_utf8_lossy(&text).into_owned() })
    }
}

/// The facts of a unit with the program of its main process, which is 0 for none.
fn with_program((mut facts, process): (UnitFacts, u32)) -> UnitFacts {
    if process > 0 {
        facts.program = fs::read_link(format!("/proc/{process}/exe")).ok().map(shown::program);
    }
    facts
}

/// The fields of the line of this name in a file like passwd(5).
fn fields_of<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::contract;

    #[test]
    fn files_keep_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let found = fs::metadata(folder.path()).unwrap();
        contract::files(&LocalHost::below(folder.path()), folder.path(), (found.uid(), found.gid()));
    }

    #[test]
    fn what_a_killed_write_left_goes_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let host = LocalHost::below(folder.path());
        let path = folder.path().join("x");
        fs::write(beside(&path), "half").unwrap();
        let found = fs::metadata(folder.path()).unwrap();
        host.write(&path, b"whole", Meta { mode: 0o640, uid: found.uid(), gid: found.gid() }).unwrap();
        fs::write(beside(&path), "half").unwrap();
        host.remove(&path).unwrap();
        assert_eq!(host.list(folder.path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn accounts_are_read_and_a_part_of_a_machine_has_no_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nme:x:998:997::/:/x\n")
            .unwrap();
        fs::write(folder.path().join("etc/group"), "root:x:0:\nme:x:997:\n").unwrap();
        let host = LocalHost::below(folder.path());
        assert_eq!(host.user("me").unwrap(), Some(Account { uid: 998, gid: 997, is_marked: false }));
        assert_eq!((host.user("m").unwrap(), host.group("me").unwrap()), (None, Some(997)));
        assert_eq!(host.add_group("you").unwrap_err().kind, Failed::Refused);
        assert_eq!(host.systemctl(Verb::Start, "x.service").unwrap_err().kind, Failed::Refused);
    }

    #[test]
    fn a_program_is_run_to_its_end() {
        let host = LocalHost::default();
        let ran = host.run(Path::new("/bin/sh"), &["-c", "echo out; echo err >&2; exit 3"]).unwrap();
        assert_eq!((ran.is_success, ran.text.as_str()), (false, "out\nerr\n"));
        assert_eq!(host.run(Path::new("/no/such"), &[]).unwrap_err().kind, Failed::NotFound);
    }
}
