//! Finds out what is known of this machine. Reads files and asks systemd; changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::facts::{Disk, HostFacts, Known, Memory, Port, Service, System};

/// The proxy's unit.
pub const UNIT: &str = "bedrock-nova-proxy.service";
/// The port of HTTPS.
const HTTPS: u16 = 443;
/// A listening socket there.
const LISTENING: &str = "0A";

/// Collects everything. `root` is `/`; tests have their own.
pub fn collect(root: &Path) -> HostFacts {
    HostFacts {
        system: read(&root.join("etc/os-release")).map(|text| system(&text)),
        systemd: systemd(root),
        memory: read(&root.join("proc/meminfo")).and_then(|text| memory(&text)),
        disk: disk(root),
        is_clock_synchronised: clock(),
        port: port(root),
        service: service(),
    }
}

fn read(path: &Path) -> Known<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// What a command prints.
fn asked(program: &str, args: &[&str]) -> Known<String> {
    let failed = |cause: &str| format!("`{program} {}`: {}", args.join(" "), cause.trim());
    let output = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr)))
    }
}

/// Reads os-release(5): assignments as a shell would take them.
fn system(text: &str) -> System {
    let value = |wanted: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let value = lines.filter(|(name, _)| *name == wanted).map(|(_, value)| value.trim()).next_back();
        value.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    System { id: value("ID"), version: value("VERSION_ID"), name: value("PRETTY_NAME") }
}

/// Reads `proc_meminfo(5)`: `MemTotal:       16384 kB`.
fn memory(text: &str) -> Known<Memory> {
    let value = |wanted: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let kilobytes = lines.find(|(name, _)| *name == wanted).and_then(|(_, value)| {
            value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok())
        });
        kilobytes
            .map(|kilobytes| kilobytes.saturating_mul(1024))
            .ok_or_else(|| format!("there is no {wanted}"))
    };
    Ok(Memory { total: value("MemTotal")?, available: value("MemAvailable")? })
}

fn disk(root: &Path) -> Known<Disk> {
    let found = rustix::fs::statvfs(root).map_err(|error| error.to_string())?;
    Ok(Disk {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        size: found.f_blocks.saturating_mul(found.f_frsize),
        files_free: (found.f_files > 0).then_some(found.f_favail),
    })
}

fn systemd(root: &Path) -> Known<Option<u32>> {
    // sd_booted(3).
    if !root.join("run/systemd/system").is_dir() {
        return Ok(None);
    }
    let text = asked("systemctl", &["--version"])?;
    version(&text).map(Some).ok_or_else(|| format!("`systemctl --version` said {text:?}"))
}

/// The number in `systemd 252 (252.39-1~deb12u2)`.
fn version(text: &str) -> Option<u32> {
    text.strip_prefix("systemd ")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn clock() -> Known<bool> {
    let text = asked("timedatectl", &["show", "--property=NTPSynchronized", "--value"])?;
    match text.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(format!("`timedatectl show` said {other:?}")),
    }
}

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Its number.
    pub process: u32,
    /// By the name that the kernel shows.
    pub name: String,
}

fn port(root: &Path) -> Known<Port> {
    Ok(match on_port(root, HTTPS)? {
        None => Port::Free,
        Some(found) => {
            let names: BTreeSet<String> = found.into_iter().map(|one| one.name).collect();
            Port::Taken(names.into_iter().collect())
        }
    })
}

/// Who listens on a TCP port, as far as they may be looked at; nothing where nobody does.
///
/// # Errors
///
/// Why it cannot be seen.
pub fn on_port(root: &Path, port: u16) -> Known<Option<Vec<Listener>>> {
    let mut sockets = BTreeSet::new();
    let tables = ["proc/net/tcp", "proc/net/tcp6"].map(|table| read(&root.join(table)));
    // A kernel without IPv6 has only the first.
    if let [Err(reason), Err(_)] = &tables {
        return Err(reason.clone());
    }
    for table in tables.iter().flatten() {
        sockets.extend(listeners(table, port));
    }
    if sockets.is_empty() {
        return Ok(None);
    }
    Ok(Some(owners(root, &sockets)))
}

/// Inodes of the sockets that listen on a port.
fn listeners(table: &str, port: u16) -> impl Iterator<Item = String> {
    let port = format!("{port:04X}");
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_whitespace();
        let (_, local, _, state) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let inode = fields.nth(5)?;
        (local.rsplit(':').next()? == port && state == LISTENING).then(|| inode.to_owned())
    })
}

/// The processes that have one of these sockets open, as far as they may be looked at.
fn owners(root: &Path, sockets: &BTreeSet<String>) -> Vec<Listener> {
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let mut found = BTreeSet::new();
    for process in entries(root.join("proc")) {
        let Ok(number) = process.file_name().to_string_lossy().parse() else { continue };
        let has_it = entries(process.path().join("fd")).any(|file| {
            fs::read_link(file.path()).is_ok_and(|target| {
                let target = target.to_string_lossy();
                let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                inode.is_some_and(|inode| sockets.contains(inode))
            })
        });
        if has_it {
            let name = read(&process.path().join("comm")).ok();
            found.extend(name.map(|name| Listener { process: number, name: name.trim().to_owned() }));
        }
    }
    found.into_iter().collect()
}

fn service() -> Known<Service> {
    let properties = "--property=LoadState,ActiveState,SubState,Result,NRestarts";
    asked("systemctl", &["show", UNIT, properties]).map(|text| properties_of(&text))
}

fn properties_of(text: &str) -> Service {
    let mut service = Service::default();
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match name {
            "LoadState" => value.clone_into(&mut service.load),
            "ActiveState" => value.clone_into(&mut service.active),
            "SubState" => value.clone_into(&mut service.sub),
            "Result" => value.clone_into(&mut service.result),
            "NRestarts" => service.restarts = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    service
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_and_systemd_write_is_read() {
        let text =
            "PRETTY_NAME=\"Amazon Linux 2023.6\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID='2023'\n";
        let expected =
            System { id: "amzn".into(), version: "2023".into(), name: "Amazon Linux 2023.6".into() };
        assert_eq!(system(text), expected);
        assert_eq!(version("systemd 252 (252.39-1~deb12u2)\n+PAM"), Some(252));
        assert_eq!(version("bash: systemctl"), None);
        let text = "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n";
        assert_eq!(memory(text), Ok(Memory { total: 2 << 20, available: 1 << 20 }));
        assert!(memory("MemTotal: 1 kB").is_err());
        let service = properties_of("LoadState=loaded\nActiveState=active\nNRestarts=3\nSubState=running\n");
        assert_eq!((service.load.as_str(), service.restarts), ("loaded", 3));
    }

    #[test]
    fn the_owner_of_a_port_is_found_on_this_machine() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = fs::read_to_string("/proc/self/comm").unwrap().trim().to_owned();
        let own = Listener { process: std::process::id(), name };
        assert!(on_port(Path::new("/"), port).unwrap().unwrap().contains(&own));
        drop(listener);
        assert!(on_port(Path::new("/"), port).unwrap().is_none_or(|found| !found.contains(&own)));
    }

    #[test]
    fn a_machine_without_anything_is_unknown_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let facts = collect(folder.path());
        assert!(facts.system.is_err() && facts.memory.is_err() && facts.port.is_err());
        assert_eq!(facts.systemd, Ok(None));
        assert!(facts.disk.is_ok());
    }
}
