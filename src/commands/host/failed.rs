//! `host failed`: what `sre-agent-failed@UNIT` runs. One line of the highest urgency, then the operator's hook.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use systemd::Layout;

use crate::app::{App, Ended};
use crate::args::HostFailedArgs;
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// What a line may take of what a unit said, in characters.
const LAST_WORDS: usize = 300;
/// Written by others than the owner.
const OPEN_TO_OTHERS: u32 = 0o022;

/// `host failed`
pub(crate) fn command(app: &App, args: &HostFailedArgs) -> Ended {
    let shown = said("systemctl", &["show", "--property=Result,ExecMainStatus,NRestarts", "--", &args.unit]);
    let identity = format!("_SYSTEMD_UNIT={}", args.unit);
    let last = said("journalctl", &["--quiet", "--no-pager", "--lines=1", "--output=cat", &identity]);
    let line = line(&args.unit, &shown, &last);
    // The journal takes the urgency of a line from its beginning: sd-daemon(3). Nobody else would know it.
    let urgency = if app.variable("JOURNAL_STREAM").is_some() { "<1>" } else { "" };
    app.io.err.write(&format!("{urgency}{line}\n"));
    match call(&Layout::default().failure_hook(), &args.unit, &line) {
        Ok(()) => Ok(Exit::Done),
        Err(failure) => Err(failure),
    }
}

/// What happened to a unit, in one line.
fn line(unit: &str, shown: &str, last: &str) -> String {
    let facts = [("Result", "result"), ("ExecMainStatus", "status"), ("NRestarts", "restarts")];
    let facts: Vec<String> = facts
        .into_iter()
        .filter_map(|(property, name)| {
            let value = shown.lines().find_map(|line| line.strip_prefix(property)?.strip_prefix('='))?;
            (!value.is_empty()).then(|| format!("{name}={value}"))
        })
        .collect();
    let last: String =
        last.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LAST_WORDS).collect();
    let mut out = format!("{}: unit={unit} {}", codes::UNIT_FAILED, facts.join(" "));
    if !last.is_empty() {
        out.push_str("; it said last: ");
        out.push_str(&last);
    }
    out.push_str("; more: journalctl -u ");
    out.push_str(unit);
    out.push_str(" -n 50");
    out
}

/// What a program says; nothing where it cannot, since the line is worth more than its details.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Runs the operator's program, where there is one that nobody but root can have written.
fn call(hook: &Path, unit: &str, line: &str) -> Result<(), Box<Failure>> {
    let shown = hook.display().to_string();
    let bad = |what: &str| {
        Failure::new(codes::FAILURE_HOOK, &shown, format!("the hook {shown} {what}"))
            .hint(format!("sudo chown root {shown} && sudo chmod 0755 {shown}"))
    };
    let found = match std::fs::metadata(hook) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(bad("cannot be looked at").evidence(error.to_string())),
    };
    if found.uid() != 0 || found.mode() & OPEN_TO_OTHERS != 0 {
        return Err(bad("belongs to somebody else than root, or can be written by others"));
    }
    let mut child = Command::new(hook)
        .arg(unit)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| bad("cannot be started").evidence(error.to_string()))?;
    // It may not want to read.
    if let Some(mut input) = child.stdin.take() {
        let _ = writeln!(input, "{line}");
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(bad(&format!("ended with {status}"))),
        Err(error) => Err(bad("cannot be waited for").evidence(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_line_says_it() {
        assert_eq!(
            line(
                "a.service",
                "NRestarts=2\nResult=watchdog\nExecMainStatus=6\n",
                "SRE-X\u{1b}[31m: \nno certificate\n"
            ),
            "SRE-HOST-062: unit=a.service result=watchdog status=6 restarts=2; it said last: SRE-X [31m:  no \
             certificate; more: journalctl -u a.service -n 50"
        );
        assert_eq!(line("a", "", ""), "SRE-HOST-062: unit=a ; more: journalctl -u a -n 50");
        assert!(line("a", "", &"x".repeat(9000)).len() < 400);
    }

    #[test]
    fn a_hook_that_others_could_have_written_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let hook = folder.path().join("on-failure");
        assert!(call(&hook, "a", "line").is_ok());
        std::fs::write(&hook, "#!/bin/sh\ncat >\"$0.$1\"\n").unwrap();
        let with_mode = |mode| {
            std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(mode)).unwrap();
            call(&hook, "a.service", "line")
        };
        assert!(with_mode(0o777).unwrap_err().line().contains("written by others"));
        assert!(!folder.path().join("on-failure.a.service").exists());
        if std::fs::metadata(&hook).unwrap().uid() == 0 {
            assert!(with_mode(0o600).unwrap_err().line().contains("cannot be started"));
            assert!(with_mode(0o700).is_ok());
            assert_eq!(
                std::fs::read_to_string(folder.path().join("on-failure.a.service")).unwrap(),
                "line\n"
            );
            std::fs::write(&hook, "#!/bin/sh\nexit 3\n").unwrap();
            assert!(with_mode(0o700).unwrap_err().line().contains("exit status: 3"));
        }
    }
}
