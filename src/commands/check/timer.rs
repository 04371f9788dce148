//! Installs a systemd service and timer that run the check; their text is of the crate `systemd`.

use std::path::{Path, PathBuf};
use std::process::Command;

use systemd::unit::OLDEST;
use systemd::units::{self, certificates};
use systemd::words::{ProgramPath, UnitPath, Unspeakable};

use crate::app::{App, Ended};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::next::quoted;
use crate::report_file;

/// The name of both units.
const NAME: &str = "sre-agent-check-certs";
/// Where an administrator's units lie.
const UNITS: &str = "/etc/systemd/system";
/// systemd is what runs this machine where this is.
const RUNNING: &str = "/run/systemd/system";
/// The first line of what this file writes; what begins otherwise is somebody else's.
const MARK: &str =
    "Written by `sre-agent-deploy check certs --install-timer`; run it again to change this file.";
/// Mode of a unit.
const UNIT_MODE: u32 = 0o644;

/// What the service has to be able to do.
pub(crate) struct Wanted<'a> {
    /// The program and its arguments.
    pub(crate) command: &'a [String],
    /// Files, folders and patterns that it reads, absolute.
    pub(crate) reads: Vec<PathBuf>,
    /// The file that it writes, absolute.
    pub(crate) writes: Option<PathBuf>,
    /// Whether it talks to anybody.
    pub(crate) has_network: bool,
}

/// The service, for any systemd.
fn service(wanted: &Wanted<'_>) -> Result<String, Box<Failure>> {
    let path = |path: &Path| UnitPath::new(path).map_err(|error| unspeakable(&error));
    let (program, arguments) = match wanted.command.split_first() {
        Some((program, arguments)) => (Path::new(program), arguments.to_vec()),
        None => (Path::new(""), Vec::new()),
    };
    let program = ProgramPath::new(program).map_err(|error| unspeakable(&error))?;
    let check = certificates::Check {
        program,
        arguments,
        reads: wanted.reads.iter().map(|file| path(file)).collect::<Result<_, _>>()?,
        writes: wanted.writes.as_deref().map(path).transpose()?,
        has_network: wanted.has_network,
        tells: false,
    };
    Ok(certificates::service(&check, &[MARK]).render(OLDEST))
}

fn unspeakable(error: &Unspeakable) -> Box<Failure> {
    Failure::new(codes::USAGE, "command line", format!("{error}, so no unit can name it"))
        .hint("use a path without it, such as a symbolic link")
}

/// The timer.
fn timer() -> String {
    certificates::timer(&[MARK]).render(OLDEST)
}

/// Whether a file is one of this one's.
fn is_ours(text: &str) -> bool {
    text.strip_prefix("# ").is_some_and(|text| text.starts_with(MARK))
}

/// Writes the units and, where systemd runs and these are its units, starts the timer.
pub(crate) fn install(app: &App, wanted: &Wanted<'_>, folder: Option<&Path>) -> Ended {
    let is_own_folder = folder.is_none_or(|folder| folder == Path::new(UNITS));
    let folder = folder.unwrap_or(Path::new(UNITS));
    let units =
        [(folder.join(units::CHECK_SERVICE), service(wanted)?), (folder.join(units::CHECK_TIMER), timer())];
    // Nothing is written unless all of it can be.
    let mut is_changed = false;
    for (path, text) in &units {
        match std::fs::read_to_string(path) {
            Ok(found) if found.contains(units::MARK) => return Err(of_host(path)),
            Ok(found) if !is_ours(&found) => return Err(foreign(path)),
            Ok(found) => is_changed |= found != *text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => is_changed = true,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(foreign(path)),
            Err(error) => return Err(Failure::of_file("read the unit", path, &error)),
        }
    }
    for (path, text) in &units {
        report_file::replace(path, text.as_bytes(), UNIT_MODE).map_err(|error| {
            let failure = Failure::of_file("write the unit", path, &error);
            if error.kind() == std::io::ErrorKind::PermissionDenied {
                failure.hint(format!("run it as root: sudo {} check certs --install-timer ...", app.program))
            } else {
                failure
            }
        })?;
        app.result(&format!("{} {}", if is_changed { "written:" } else { "as it was:" }, path.display()));
    }
    if is_own_folder && Path::new(RUNNING).is_dir() {
        systemctl(&["daemon-reload"])?;
        systemctl(&["enable", "--now", &format!("{NAME}.timer")])?;
        app.result(&format!("the timer runs; the next time: systemctl list-timers {NAME}.timer"));
        app.result(&format!("what it said: journalctl -u {NAME}.service"));
    } else {
        app.result("systemd does not run here, or reads its units elsewhere; where it does:");
        if !is_own_folder {
            let files: Vec<String> =
                units.iter().map(|(path, _)| quoted(&path.display().to_string())).collect();
            app.result(&format!("  install -m 644 {} {UNITS}/", files.join(" ")));
        }
        app.result(&format!("  systemctl daemon-reload && systemctl enable --now {NAME}.timer"));
    }
    Ok(Exit::Done)
}

fn foreign(path: &Path) -> Box<Failure> {
    let shown = path.display().to_string();
    Failure::new(codes::FOREIGN_UNIT, &shown, format!("{shown} was not written by this program"))
        .hint(format!("look at it, and move it away if it is not needed: `mv {0} {0}.old`", quoted(&shown)))
}

fn of_host(path: &Path) -> Box<Failure> {
    let shown = path.display().to_string();
    Failure::new(codes::FOREIGN_UNIT, &shown, format!("{shown} was written by `host install`"))
        .hint(format!("this host is checked already: `systemctl list-timers {NAME}.timer`"))
}

fn systemctl(args: &[&str]) -> Result<(), Box<Failure>> {
    let line = format!("systemctl {}", args.join(" "));
    let failed = |cause: &str| {
        Failure::new(codes::SYSTEMD, NAME, format!("`{line}` failed"))
            .evidence(cause.trim())
            .hint(format!("the units are written; say it again as root: `{line}`"))
    };
    let output = Command::new("systemctl").args(args).output().map_err(|error| failed(&error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(&String::from_utf8_lossy(&output.stderr))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn files_need_no_network() {
        let command = command(&[
            "/opt/sre-agent-deploy",
            "check",
            "certs",
            "--file",
            "/etc/ssl/a b.pem",
            "--quiet",
            "--lock",
        ]);
        let wanted = Wanted {
            command: &command,
            reads: vec![PathBuf::from("/etc/ssl/a b.pem")],
            writes: None,
            has_network: false,
        };
        insta::assert_snapshot!(service(&wanted).unwrap() + &timer());
    }

    #[test]
    fn what_is_read_and_written_can_be() {
        let command = command(&["/home/me/sre-agent-deploy", "check", "certs"]);
        let wanted = Wanted {
            command: &command,
            reads: vec![PathBuf::from("/tmp/x.pem")],
            writes: Some(PathBuf::from("/var/lib/prometheus/node-exporter/certs.prom")),
            has_network: true,
        };
        let unit = service(&wanted).unwrap();
        for line in [
            "ProtectHome=read-only\n",
            "ReadWritePaths=/var/lib/prometheus/node-exporter\n",
            "After=network-online.target\n",
        ] {
            assert!(unit.contains(line), "{line} is missing:\n{unit}");
        }
        for word in ["PrivateTmp", "DynamicUser", "PrivateNetwork"] {
            assert!(!unit.contains(word), "{word} is there:\n{unit}");
        }
    }

    #[test]
    fn what_no_unit_can_name_is_refused() {
        let command = command(&["/opt/sre-agent-deploy"]);
        let reads = vec![PathBuf::from("/etc/two\nlines.pem")];
        let wanted = Wanted { command: &command, reads, writes: None, has_network: false };
        let failure = service(&wanted).unwrap_err();
        assert!(failure.line().contains("has a control character"), "{}", failure.line());
    }
}
