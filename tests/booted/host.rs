//! A machine with programs, units, settings and certificate where an installation puts them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use systemd::layout::USER;
use systemd::units::{self, Setup};
use systemd::{Layout, Program};
use test_support::{Booted, Preparation};

/// A machine under load takes its time.
pub(crate) const SOON: Duration = Duration::from_mins(1);
/// Answers without a key.
pub(crate) const LIVE: &str = "https://localhost/health/live";

/// `sre-agent-deploy`, or the proxy beside it.
fn program(program: Program) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy")).with_file_name(program.name());
    assert!(path.exists(), "{} is missing; build it: cargo build -p proxy", path.display());
    path
}

/// The proxy's configuration, with these models.
pub(crate) fn config(models: &str) -> String {
    format!(
        "version: 1\n\
         tls: {{cert_path: /etc/sre-agent/tls/live/fullchain.pem, key_path: /etc/sre-agent/tls/live/privkey.pem}}\n\
         auth:\n  api_keys:\n    \
         - {{name: me, sha256: ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb}}\n\
         upstreams:\n  practice: {{kind: practice}}\n\
         models: {{{models}}}\n\
         telemetry: {{log: {{format: text}}, metrics: {{address: \"off\"}}}}\n"
    )
}

/// A pair for `localhost` that ends in so many days; in the past where that is negative.
pub(crate) fn pair(days: i64) -> (String, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let date = |days: i64| {
        let at = jiff::Timestamp::from_second(now.saturating_add(days.saturating_mul(86_400))).unwrap();
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().try_into().unwrap(),
            date.day().try_into().unwrap(),
        )
    };
    (params.not_before, params.not_after) = (date(-100), date(days));
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// A machine on which everything lies where an installation puts it, and which is off. Nothing is enabled.
pub(crate) fn installed() -> Preparation {
    let layout = Layout::default();
    let (certificate, key) = pair(200);
    let mut machine = Booted::prepare()
        .shell(&format!("groupadd --system {USER}"))
        .shell(&format!("useradd --system --gid {USER} --home-dir /nonexistent --shell /usr/sbin/nologin {USER}"))
        .write("/etc/sre-agent/proxy.yaml", config("gpt-4o: amazon.nova-pro-v1:0").as_bytes(), 0o640)
        .write("/etc/sre-agent/tls/pairs/first/fullchain.pem", certificate.as_bytes(), 0o640)
        .write("/etc/sre-agent/tls/pairs/first/privkey.pem", key.as_bytes(), 0o640)
        .shell("ln -s pairs/first /etc/sre-agent/tls/live; mkdir /etc/sre-agent/tls/challenges")
        .shell(&format!(
            "chgrp -R {USER} /etc/sre-agent; find /etc/sre-agent -type d -exec chmod 0750 '{{}}' +; mkdir -m 0700 /var/lib/sre-agent"
        ));
    for which in Program::ALL {
        machine = machine.copy(&program(which), layout.program(which).to_str().unwrap(), 0o755);
    }
    for unit in units::all(&Setup::new(layout.clone(), 252)) {
        machine = machine.write(&format!("/etc/systemd/system/{}", unit.name), unit.text.as_bytes(), 0o644);
    }
    machine
}

/// A machine that serves.
pub(crate) fn serving() -> Booted {
    installed().enable(&[units::PROXY_SOCKET, units::PROXY_SERVICE]).boot()
}

/// What an HTTP client in the machine gets, and whether it got anything.
pub(crate) fn get(machine: &Booted, url: &str) -> Result<String, String> {
    let output = machine.output(&[
        "curl",
        "--silent",
        "--show-error",
        "--insecure",
        "--fail",
        "--max-time",
        "50",
        "--header",
        "authorization: Bearer practice",
        url,
    ]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Adds a drop-in to a unit of a machine that runs.
pub(crate) fn drop_in(machine: &Booted, unit: &str, text: &str) {
    machine.write(&format!("/etc/systemd/system/{unit}.d/test.conf"), text.as_bytes(), 0o644);
    machine.systemctl(&["daemon-reload"]);
}
