//! The units of the SRE agent's services as files: their text, and what systemd says of them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use model::agent::Backend;
use systemd::Layout;
use systemd::units::UnitFile;
use systemd::units::agent::{self, Setup};
use systemd::words::{ProgramPath, UnitPath};

const DIR: &str = "/home/ec2-user/SRE-agent";

fn path(text: impl AsRef<Path>) -> UnitPath {
    UnitPath::new(text.as_ref()).unwrap()
}

fn setup(layout: Layout, dir: &str) -> Setup {
    Setup {
        systemd_version: 252,
        dir: path(dir),
        python: ProgramPath::new(&Path::new(dir).join(".venv/bin/python")).unwrap(),
        of_homes: vec![path("/home/ec2-user/.local/share/uv/python/cpython-3.12-linux-x86_64-gnu")],
        pair: path(layout.live_pair()),
        watched: path(layout.tls()),
        address: "10.0.0.17".parse().unwrap(),
        owner: (1000, 1001),
        state_file: path("/home/ec2-user/.deployment_state"),
        token_minutes: 60,
        tells: true,
        layout,
    }
}

fn shown(files: &[UnitFile]) -> String {
    let mut out = String::new();
    for file in files {
        let is_enabled = if file.is_enabled { " (enabled)" } else { "" };
        writeln!(out, "==== {}{is_enabled}\n{}", file.name, file.text).unwrap();
    }
    out
}

#[test]
fn as_text() {
    let mut files = agent::all(&setup(Layout::default(), DIR));
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, agent::UNITS);
    // The other three differ by their names and ports.
    let of = |text: &str, one: Backend| {
        let name = text.replace("Kubernetes", one.title()).replace("k8s", one.name());
        name.replace(&Backend::K8s.port().to_string(), &one.port().to_string())
    };
    for one in [Backend::Runbooks, Backend::Metrics, Backend::Logs] {
        let place = files.iter().position(|file| file.name == agent::service(one)).unwrap();
        assert_eq!(files.remove(place).text, of(&files[0].text, one));
    }
    insta::assert_snapshot!(shown(&files));
}

#[test]
fn every_line_says_what_it_is_for() {
    for file in agent::all(&setup(Layout::default(), DIR)) {
        assert!(file.text.starts_with(&format!("# {}", agent::MARK)), "{}", file.name);
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
fn a_token_is_fetched_three_times_in_its_life_and_every_twenty_minutes_at_least() {
    for (minutes, every) in [(5, 1), (10, 3), (15, 5), (29, 6), (45, 15), (60, 20), (1440, 20)] {
        assert_eq!(agent::token_interval(minutes), every, "{minutes}");
        let unit = agent::all(&Setup { token_minutes: minutes, ..setup(Layout::default(), DIR) });
        let timer = unit.iter().find(|file| file.name == agent::TOKEN_TIMER).unwrap();
        let moments = timer.text.lines().find_map(|line| line.strip_prefix("OnCalendar=")).unwrap();
        assert!(analyze(&["calendar", moments], &[]).status.success(), "{moments}");
    }
}

fn analyze(arguments: &[&str], units: &[String]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .args(units)
        .output()
        .expect("`systemd-analyze` judges units (Debian: apt-get install systemd)")
}

/// A folder with a space and a per cent sign in its name, as somebody's may have.
fn installed(folder: &Path) -> Vec<String> {
    let layout = Layout::below(folder);
    let dir = folder.join("home/the 100% agent");
    for place in [dir.join(".venv/bin"), dir.join("backend/servers"), layout.agent_programs(), layout.units()]
    {
        fs::create_dir_all(place).unwrap();
    }
    for program in [dir.join(".venv/bin/python"), layout.agent_program()] {
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let setup = Setup { tells: false, ..setup(layout.clone(), dir.to_str().unwrap()) };
    let mut paths = Vec::new();
    for file in agent::all(&setup) {
        let path = layout.units().join(&file.name);
        fs::write(&path, &file.text).unwrap();
        paths.push(path.display().to_string());
    }
    paths
}

#[test]
fn systemd_has_nothing_to_say_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let judged = analyze(&["verify", "--man=no"], &installed(folder.path()));
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success() && said.is_empty(), "{}: {said}", judged.status);
}

#[test]
fn none_of_them_is_exposed_more_than_one_and_a_half() {
    let folder = tempfile::tempdir().unwrap();
    for path in installed(folder.path()).iter().filter(|path| path.ends_with(".service")) {
        let judged = analyze(
            &["security", "--offline=yes", "--no-pager", "--threshold=15"],
            std::slice::from_ref(path),
        );
        let said = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{path}:\n{said}{}", String::from_utf8_lossy(&judged.stderr));
    }
}
