//! The units as files: their text at the oldest, a usual and the newest systemd, and what systemd says of them.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::format_push_string, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use systemd::unit::{Directive, OLDEST, Section};
use systemd::units::{self, RenewalInterval, Setup, UnitFile};
use systemd::words::UnitPath;
use systemd::{Layout, Program};

fn shown(files: &[UnitFile]) -> String {
    let mut out = String::new();
    for file in files {
        out.push_str(&format!(
            "==== {}{}\n{}\n",
            file.name,
            if file.is_enabled { " (enabled)" } else { "" },
            file.text
        ));
    }
    out
}

fn setup(systemd_version: u32) -> Setup {
    Setup::new(Layout::default(), systemd_version)
}

/// With everything that adds rights.
fn with_everything(layout: Layout) -> Setup {
    Setup {
        renewal_interval: RenewalInterval::Hourly,
        answers_http: true,
        reads_of_others: true,
        renewal_reads: vec![UnitPath::new(Path::new("/opt/ssl/a b/fullchain.pem")).unwrap()],
        https_port: 8443,
        ..Setup::new(layout, 252)
    }
}

#[test]
fn at_249() {
    insta::assert_snapshot!(shown(&units::all(&setup(249))));
}

/// Only what differs from the one before, since the rest is read there.
#[test]
fn at_252_and_257() {
    let lines = |version: u32| -> Vec<String> {
        let text = shown(&units::all(&setup(version)));
        // The line that names the version differs by nature.
        text.lines().filter(|line| !line.contains("For systemd")).map(str::to_owned).collect()
    };
    let differing = |older: &[String], newer: &[String]| -> String {
        let mut unit = "";
        let mut out = String::new();
        let mut old = older.iter().peekable();
        for line in newer {
            if line.starts_with("====") {
                unit = line;
            }
            if old.peek() == Some(&line) {
                old.next();
                continue;
            }
            // A changed value takes the place of the old one; a new line has none.
            let key = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
            if old.peek().is_some_and(|found| found.contains('=') && key(found) == key(line)) {
                out.push_str(&format!("{unit}: -{}\n", old.next().unwrap()));
            }
            out.push_str(&format!("{unit}: +{line}\n"));
        }
        assert_eq!(old.next(), None, "a line is gone in the newer");
        out
    };
    let (oldest, usual, newest) = (lines(249), lines(252), lines(257));
    insta::assert_snapshot!("249_to_252", differing(&oldest, &usual));
    insta::assert_snapshot!("252_to_257", differing(&usual, &newest));
}

#[test]
fn what_a_host_does_not_have_gets_no_unit() {
    let names =
        |setup: &Setup| -> Vec<String> { units::all(setup).into_iter().map(|file| file.name).collect() };
    let all = names(&setup(252));
    assert_eq!(all.len(), 9, "{all:?}");
    let bare = Setup { has_renewal: false, has_ledger: false, ..setup(252) };
    let bare = names(&bare);
    assert_eq!(bare.len(), 5, "{bare:?}");
    assert!(!bare.iter().any(|name| name.contains("renew") || name.contains("backup")));
}

#[test]
fn other_ports_files_and_challenges_show() {
    let files = units::all(&with_everything(Layout::default()));
    let text = |name: &str| &files.iter().find(|file| file.name == name).unwrap().text;
    assert!(text(units::PROXY_SOCKET).contains("\nListenStream=8443\n"));
    assert!(text(units::RENEW_TIMER).contains("\nOnCalendar=*-*-* *:00:00\n"));
    let renewal = text(units::RENEW_SERVICE);
    assert!(
        renewal.contains("\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_NET_BIND_SERVICE\n"),
        "{renewal}"
    );
}

#[test]
fn nothing_is_newer_than_the_oldest_unless_it_may_be_missing() {
    // Everything that a host needs is known to the oldest systemd; what came later is a refinement.
    let later: Vec<&str> = ["RestartSteps", "RestartMaxDelaySec"].to_vec();
    for file in units::all(&setup(OLDEST)) {
        for name in &later {
            assert!(!file.text.contains(&format!("\n{name}=")), "{}: {name}", file.name);
        }
    }
}

#[test]
fn every_line_says_what_it_is_for() {
    for file in units::all(&setup(257)) {
        let mut has_reason = false;
        for line in file.text.lines() {
            match line.chars().next() {
                Some('#') => has_reason = true,
                Some('[') | None => has_reason = false,
                Some(_) => assert!(has_reason, "{}: {line}", file.name),
            }
        }
    }
}

#[test]
fn a_directive_knows_its_section() {
    let directive = Directive::NoDelay(systemd::unit::Switch(true));
    assert_eq!((directive.section(), directive.name()), (Section::Socket, "NoDelay"));
    assert_eq!(directive.value(252).as_deref(), Some("yes"));
    let young = Directive::RestartSteps(systemd::unit::Count(5));
    assert_eq!((young.value(253), young.value(254).as_deref()), (None, Some("5")));
}

/// Writes the units and the programs that they start below a folder.
fn installed(folder: &Path, setup: &Setup) -> Vec<UnitFile> {
    let units = setup.layout.units();
    for path in [units.clone(), setup.layout.programs()] {
        fs::create_dir_all(path).unwrap();
    }
    for program in Program::ALL {
        let file = setup.layout.program(program);
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let files = units::all(setup);
    for file in &files {
        fs::write(units.join(&file.name), &file.text).unwrap();
    }
    assert!(folder.exists());
    files
}

fn analyze(arguments: &[&str], units: &[String]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .args(units)
        .output()
        .expect("`systemd-analyze` judges units (Debian: apt-get install systemd)")
}

/// Files for `systemd-analyze`; of a template an instance.
fn paths(setup: &Setup, files: &[UnitFile], kind: &str) -> Vec<String> {
    let files = files.iter().filter(|file| file.name.ends_with(kind));
    files
        .map(|file| setup.layout.units().join(file.name.replace("@.", "@x.")).display().to_string())
        .collect()
}

#[test]
fn systemd_has_nothing_to_say_about_them() {
    for of in [|layout| Setup::new(layout, 249), |layout| Setup::new(layout, 252), with_everything] {
        let folder = tempfile::tempdir().unwrap();
        let setup = of(Layout::below(folder.path()));
        let files = installed(folder.path(), &setup);
        let judged = analyze(&["verify", "--man=no"], &paths(&setup, &files, ""));
        // It ends with success on lines that it ignores, so what it says counts too.
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success() && said.is_empty(), "{}: {said}", judged.status);
    }
}

/// Ten times the exposure that each service may have: as installed, and with a right of root for renewal, which a host
/// gets only where its files or its challenge cannot do without.
#[test]
fn none_of_them_is_exposed_more_than_one_and_a_half() {
    for (threshold, of) in
        [("15", (|layout| Setup::new(layout, 252)) as fn(Layout) -> Setup), ("20", with_everything)]
    {
        let folder = tempfile::tempdir().unwrap();
        let setup = of(Layout::below(folder.path()));
        let files = installed(folder.path(), &setup);
        let threshold = format!("--threshold={threshold}");
        for path in paths(&setup, &files, ".service") {
            let judged = analyze(
                &["security", "--offline=yes", "--no-pager", &threshold],
                std::slice::from_ref(&path),
            );
            let said = String::from_utf8_lossy(&judged.stdout);
            println!("{}", said.lines().last().unwrap_or_default());
            assert!(judged.status.success(), "{path}:\n{said}{}", String::from_utf8_lossy(&judged.stderr));
        }
    }
}

#[test]
fn the_gates_would_notice() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(Layout::below(folder.path()), 252);
    let files = installed(folder.path(), &setup);
    let service = setup.layout.units().join(units::PROXY_SERVICE);
    let text = fs::read_to_string(&service).unwrap();
    fs::write(&service, text.replace("ProtectClock=yes", "ProtectClocks=yes")).unwrap();
    let judged = analyze(&["verify", "--man=no"], &paths(&setup, &files, ""));
    assert!(String::from_utf8_lossy(&judged.stderr).contains("ProtectClocks"), "{judged:?}");
    fs::write(&service, text.replace("CapabilityBoundingSet=\n", "")).unwrap();
    let judged = analyze(
        &["security", "--offline=yes", "--no-pager", "--threshold=15"],
        &[service.display().to_string()],
    );
    assert!(!judged.status.success());
}

#[test]
fn timers_have_moments_that_systemd_knows() {
    for file in units::all(&setup(252)).into_iter().chain(units::all(&with_everything(Layout::default()))) {
        for moment in file.text.lines().filter_map(|line| line.strip_prefix("OnCalendar=")) {
            let judged = analyze(&["calendar"], &[moment.to_owned()]);
            assert!(judged.status.success(), "{moment}: {judged:?}");
        }
    }
}
