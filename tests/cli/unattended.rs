//! Checks that run by themselves: as cron runs a line, and as systemd takes the units.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::certificates::{Authority, desk};
use crate::support::{Desk, Ended};

/// The line that is printed for these files.
fn line(desk: &Desk, flags: &[&str]) -> String {
    let mut command = desk.command("check certs --print-cron --splay 0s --ca-file ca.pem");
    let ended = Ended::of(command.args(flags).output().unwrap()).expect(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    ended.stdout.trim_end().to_owned()
}

/// Runs a line as cron does: crontab(5). Five fields, a command for `sh` in an environment with next to nothing, from
/// another folder; a percent sign with a backslash before it is one, without it the end of the command.
///
/// `TMPDIR`, which a crontab may set, keeps the lock of this run apart from those of others on the machine.
fn cron(line: &str, desk: &Desk) -> Ended {
    let mut rest = line;
    for _ in 0..5 {
        let (field, after) = rest.split_once(' ').unwrap();
        assert!(
            !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit() || b"*,/".contains(&byte)),
            "{line}"
        );
        rest = after;
    }
    let command = rest.replace("\\%", "\0");
    assert!(!command.contains('%'), "cron would cut this line: {line}");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &command.replace('\0', "%")]).current_dir("/").env_clear();
    shell.envs([("HOME", "/"), ("LOGNAME", "nobody"), ("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")]);
    shell.env("TMPDIR", desk.path("."));
    Ended::of(shell.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_line_of_cron_is_silent_while_all_is_well_and_says_one_line_otherwise() {
    let authority = Authority::new();
    let desk = authority.desk();
    // Until the year 2041, so that the test does not expire; far from any threshold.
    authority.leaf(&desk, "it's 100% \"fine\"", "api.example.com", (2026, 1), (2041, 1));
    let file = "it's 100% \"fine\".pem";
    let entry = line(&desk, &["--file", file, "--warn", "10%", "--critical", "7d"]);
    let said = cron(&entry, &desk);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""), "{entry}");
    assert_eq!(said.code, Some(0));
    std::fs::write(desk.path(file), "gone").unwrap();
    let said = cron(&entry, &desk).expect(5);
    assert_eq!((said.stdout.lines().count(), said.stderr.as_str()), (1, ""), "{}", said.stdout);
    assert!(said.stdout.contains("unknown: 1 unknown: "), "{}", said.stdout);
}

#[test]
fn lines_are_spread_over_the_day() {
    let desk = desk();
    let lines: std::collections::BTreeSet<String> =
        (0..12).map(|_| line(&desk, &["--file", "fine.pem"])).collect();
    assert!(lines.len() > 2, "{lines:?}");
    let long = "x".repeat(1000);
    desk.run(&format!("check certs --print-cron --file {long}.pem")).expect(2).says(&["SRE-CLI-009"]);
    desk.run("check certs --print-cron --file fine.pem --at 2030-01-01T00:00:00Z").expect(2).says(&["--at"]);
    desk.run("check certs --print-cron").expect(2).says(&["SRE-CLI-008"]);
}

#[test]
fn the_second_of_two_runs_ends_with_a_line() {
    let desk = desk();
    let folder = desk.path(".").display().to_string();
    let desk = desk.with("XDG_RUNTIME_DIR", &folder);
    let check = "check certs --lock --file fine.pem --ca-file ca.pem --at 2030-06-14T00:00:00Z";
    desk.run(check).expect(0);
    let held = File::open(desk.path("sre-agent-check-certs.lock")).unwrap();
    held.lock().unwrap();
    let refused = desk.run(&format!("{check} --quiet")).expect(10);
    assert_eq!((refused.stdout.as_str(), refused.stderr.lines().count()), ("", 1), "{}", refused.stderr);
    assert!(refused.stderr.contains("SRE-CLI-010"), "{}", refused.stderr);
    let refused = desk.run(&format!("{check} --format nagios")).expect(3);
    assert!(refused.stdout.starts_with("SRE UNKNOWN - another run"), "{}", refused.stdout);
    // Without the flag nobody waits for anybody.
    desk.run(&check.replace("--lock ", "")).expect(0);
    held.unlock().unwrap();
    desk.run(check).expect(0);
}

fn analyze(args: &[&str], desk: &Desk) -> std::process::Output {
    let mut command = Command::new("systemd-analyze");
    command.args(args).args(["sre-agent-check-certs.service"].map(|unit| desk.path("units").join(unit)));
    command.output().expect("`systemd-analyze` judges units (Debian: apt-get install systemd)")
}

#[test]
fn systemd_takes_the_units_and_finds_them_tight() {
    let desk = desk();
    std::fs::create_dir(desk.path("units")).unwrap();
    for (flags, threshold) in [
        ("--file fine.pem", "10"),
        ("--file fine.pem --endpoint api.example.com:443 --warn 30%", "20"),
        ("--file fine.pem --format prometheus --output certs.prom", "30"),
    ] {
        let written = desk.run(&format!("check certs --install-timer --unit-dir units {flags}")).expect(0);
        assert!(
            written.stdout.contains("systemctl enable --now sre-agent-check-certs.timer"),
            "{}",
            written.stdout
        );
        let timer = desk.path("units/sre-agent-check-certs.timer").display().to_string();
        let judged = analyze(&["verify", &timer], &desk);
        // It ends with success on lines that it ignores, so what it says counts too.
        assert!(judged.status.success() && judged.stderr.is_empty(), "{flags}: {judged:?}");
        let judged = analyze(&["security", "--offline=yes", &format!("--threshold={threshold}")], &desk);
        assert!(judged.status.success(), "{flags}: {}", String::from_utf8_lossy(&judged.stdout));
        // Said again, it changes nothing.
        let again = desk.run(&format!("check certs --install-timer --unit-dir units {flags}")).expect(0);
        assert!(again.stdout.starts_with("as it was: "), "{}", again.stdout);
    }
    let calendar = Command::new("systemd-analyze").args(["calendar", "*-*-* 00/6:00:00"]).output().unwrap();
    assert!(calendar.status.success(), "{calendar:?}");
}

#[test]
fn a_unit_of_somebody_else_is_left_alone() {
    let desk = desk();
    std::fs::create_dir(desk.path("units")).unwrap();
    desk.write("units/sre-agent-check-certs.timer", "[Timer]\nOnCalendar=daily\n");
    desk.run("check certs --install-timer --unit-dir units --file fine.pem")
        .expect(1)
        .says(&["SRE-CLI-011", "mv "]);
    assert_eq!(desk.read("units/sre-agent-check-certs.timer"), "[Timer]\nOnCalendar=daily\n");
    assert!(!desk.path("units/sre-agent-check-certs.service").exists());
}
