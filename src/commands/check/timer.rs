//! A systemd service and timer that run the check: their text, and how they are installed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    "# Written by `sre-agent-deploy check certs --install-timer`; run it again to change this file.\n";
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

/// A word of `ExecStart`: systemd.service(5), "COMMAND LINES".
fn word(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '$' => out.push_str("$$"),
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    let is_plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:,@+=%".contains(c));
    if is_plain { out } else { format!("\"{out}\"") }
}

/// A path as a setting takes it.
fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// The service.
pub(crate) fn service(wanted: &Wanted<'_>) -> String {
    let command: Vec<String> = wanted.command.iter().map(|text| word(text)).collect();
    let program = wanted.command.first().map(PathBuf::from);
    let touches = |folder: &str| {
        let all = wanted.reads.iter().chain(&wanted.writes).chain(&program);
        all.into_iter().any(|path| path.starts_with(folder))
    };
    let mut out = format!("{MARK}[Unit]\nDescription=Check certificates before they expire\n");
    if wanted.has_network {
        out.push_str("Wants=network-online.target\nAfter=network-online.target\n");
    }
    let _ = write!(
        out,
        "\n[Service]\nType=oneshot\nExecStart={}\n# Warnings are in the log, and no failure of the unit.\nSuccessExitStatus=6\n\
         TimeoutStartSec=15min\nRuntimeDirectory={NAME}\n\n",
        command.join(" ")
    );
    match &wanted.writes {
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new("/"));
            let _ = write!(
                out,
                "# As root, since the folder of the result belongs to somebody else; but with these rights only.\n\
                 CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE\nReadWritePaths={}\n",
                path(folder)
            );
        }
        None => out.push_str(
            "# A user of its own that may read every certificate, and nothing else.\nDynamicUser=yes\n\
             CapabilityBoundingSet=CAP_DAC_READ_SEARCH\nAmbientCapabilities=CAP_DAC_READ_SEARCH\n",
        ),
    }
    if wanted.has_network {
        out.push_str("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n");
    } else {
        out.push_str("PrivateNetwork=yes\nIPAddressDeny=any\nRestrictAddressFamilies=AF_UNIX\n");
    }
    let home = if ["/home", "/root", "/run/user"].iter().any(|folder| touches(folder)) {
        "read-only"
    } else {
        "yes"
    };
    let _ = writeln!(out, "ProtectHome={home}");
    // What lies there would be gone.
    if !touches("/tmp") && !touches("/var/tmp") {
        out.push_str("PrivateTmp=yes\n");
    }
    if !touches("/dev") {
        out.push_str("PrivateDevices=yes\n");
    }
    out.push_str(HARDENING);
    out
}

/// What a program that reads files and speaks TLS never needs.
const HARDENING: &str = "\
ProtectSystem=strict
ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
NoNewPrivileges=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
";

/// The timer: every six hours, spread over an hour, and made up for after the machine was off.
pub(crate) fn timer() -> String {
    format!(
        "{MARK}[Unit]\nDescription=Check certificates every six hours\n\n[Timer]\nOnCalendar=*-*-* 00/6:00:00\n\
         RandomizedDelaySec=1h\nFixedRandomDelay=true\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )
}

/// Writes the units and, where systemd runs and these are its units, starts the timer.
pub(crate) fn install(app: &App, wanted: &Wanted<'_>, folder: Option<&Path>) -> Ended {
    let is_own_folder = folder.is_none_or(|folder| folder == Path::new(UNITS));
    let folder = folder.unwrap_or(Path::new(UNITS));
    let units = [
        (folder.join(format!("{NAME}.service")), service(wanted)),
        (folder.join(format!("{NAME}.timer")), timer()),
    ];
    // Nothing is written unless all of it can be.
    let mut is_changed = false;
    for (path, text) in &units {
        match std::fs::read_to_string(path) {
            Ok(found) if !found.starts_with(MARK) => return Err(foreign(path)),
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
    fn words_survive_systemd() {
        assert_eq!(word("/etc/ssl/*.pem"), "\"/etc/ssl/*.pem\"");
        assert_eq!(word("30%"), "30%%");
        assert_eq!(word("a \"b\" $c \\"), r#""a \"b\" $$c \\""#);
        assert_eq!(word(""), "\"\"");
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
        insta::assert_snapshot!(service(&wanted) + &timer());
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
        let unit = service(&wanted);
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
}
