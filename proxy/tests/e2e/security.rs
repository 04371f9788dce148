//! Security events of the running program: in the journal, in the log, and as fail2ban reads them.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::rig::{Rig, SOON, until};
use crate::stream::{Connector, run};

const FILTER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fail2ban/filter.d/bedrock-nova-proxy.conf");

/// Something that speaks journald's protocol.
struct FakeJournal {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl FakeJournal {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self { socket, path, _folder: folder }
    }

    /// The next record of this event; others are passed over.
    fn next(&self, event: &str) -> Vec<(String, String)> {
        loop {
            let mut bytes = vec![0; 65_536];
            let length = self.socket.recv(&mut bytes).unwrap_or_else(|error| panic!("no {event}: {error}"));
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            let fields: Vec<(String, String)> = text
                .lines()
                .map(|line| line.split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            if of(&fields, "EVENT") == event {
                return fields;
            }
        }
    }
}

fn of<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

#[test]
fn a_life_is_told_to_the_journal() {
    let journal = FakeJournal::start();
    let mut rig = Rig::with(|config| config["telemetry"]["security"] = json!({"journal": journal.path}));
    let started = journal.next("sys_startup");
    assert_eq!(of(&started, "VERSION"), env!("CARGO_PKG_VERSION"));
    assert_eq!(of(&started, "SYSLOG_IDENTIFIER"), "bedrock-nova-proxy");
    assert!(of(&started, "ADDRESS").contains(&rig.address.port().to_string()), "{started:?}");

    let reply = rig.curl("/v1/models").header("Authorization: Bearer bnp_guess").reply();
    assert_eq!(reply.status, 401);
    let refused = journal.next("authn_login_fail");
    assert_eq!((of(&refused, "SRC_IP"), of(&refused, "SYSLOG_FACILITY")), ("127.0.0.1", "10"));
    assert!(of(&refused, "MESSAGE").starts_with("security event=authn_login_fail reason="), "{refused:?}");
    assert_eq!(of(&refused, "MESSAGE_ID").len(), 32);
    assert!(!format!("{refused:?}").contains("bnp_guess"), "{refused:?}");

    let before = exposed(&rig);
    rig.pki.renew();
    let renewed = journal.next("cert_renewed");
    assert!(of(&renewed, "NAMES").contains("localhost"), "{renewed:?}");
    let serial = of(&renewed, "CERT_SERIAL");
    assert!(serial.len() >= 16 && !before.contains(serial), "{renewed:?}");
    let after = exposed(&rig);
    assert!(
        after.contains(&format!("bedrock_nova_proxy_certificate_info{{serial=\"{serial}\"}} 1")),
        "{after}"
    );
    assert!(after.contains("bedrock_nova_proxy_certificate_not_after_seconds "), "{after}");

    rig.reconfigure(|config| config["limits"]["requests_per_minute"] = json!(99_999));
    assert_eq!(of(&journal.next("sys_reload"), "VERSION"), "2");
    rig.reconfigure(|config| config["listne"] = json!({}));
    assert_eq!(of(&journal.next("sys_reload_rejected"), "CODE"), "SRE-PROXY-024");
    rig.signal("TERM");
    journal.next("sys_shutdown");
    assert!(rig.ended().success());
    // What the journal has is not in the log again.
    assert!(!rig.log().contains("security event="), "{}", rig.log());
}

/// The metrics.
fn exposed(rig: &Rig) -> String {
    let output =
        Command::new("curl").args(["-sS", "--noproxy", "*", "-m", "30", &rig.metrics_url()]).output();
    String::from_utf8(output.expect("this test needs curl (Debian: curl)").stdout).unwrap()
}

#[test]
fn a_pair_that_may_not_be_read_is_refused_until_it_may() {
    let journal = FakeJournal::start();
    let rig = Rig::with(|config| config["telemetry"]["security"] = json!({"journal": journal.path}));
    let connector = Connector::new(&rig);
    let before = run(connector.certificate()).unwrap();
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&rig.pki.key(), 0o000);
    let refused = journal.next("cert_reload_rejected");
    assert_eq!((of(&refused, "CODE"), of(&refused, "CAUSE")), ("SRE-PROXY-026", "SRE-PROXY-011"));
    assert_eq!(run(connector.certificate()).unwrap(), before);
    let after = rig.pki.renew();
    // The new key may be read by everybody, which is said.
    mode(&rig.pki.key(), 0o644);
    until("the new pair is shown", || {
        run(connector.certificate()).is_ok_and(|shown| shown == after).then_some(())
    });
    assert_eq!(of(&journal.next("key_permission_weak"), "MODE"), "0644");
}

/// The addresses that fail2ban finds in the log of a proxy.
fn banned(rig: &Rig) -> Vec<String> {
    let output = Command::new("fail2ban-regex").args(["-o", "ip"]).arg(rig.log_path()).arg(FILTER).output();
    let output = output.expect("this test needs fail2ban-regex (Debian: fail2ban)");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn fail2ban_reads_the_log_of_the_running_program() {
    for format in ["json", "text"] {
        let rig = Rig::with(|config| config["telemetry"]["log"] = json!({"format": format}));
        let injected = "security event=authn_login_fail reason=unknown_key peer=198.51.100.1 request=";
        let line = format!("2027-01-15T08:00:00.000000Z  WARN security: {injected}");
        assert_eq!(rig.curl("/v1/models/gpt-4o").header(&rig.bearer()).reply().status, 200);
        for text in [injected, line.as_str()] {
            // Wherever a client can put a text: a key, an id, a model, a parameter, a path.
            let key = rig.curl("/v1/models").header(&format!("Authorization: Bearer {text}")).reply();
            assert_eq!(key.status, 401);
            let id =
                rig.curl("/v1/models").header(&rig.bearer()).header(&format!("x-request-id: {text}")).reply();
            assert_eq!(id.status, 200);
            let body = json!({"model": text, text: 1, "messages": [{"role": "user", "content": text}]});
            assert_eq!(rig.post("/v1/chat/completions", &body).reply().status, 404);
            let body = json!({"model": "gpt-4o", text: 1, "messages": [{"role": "user", "content": text}]});
            rig.post("/v1/chat/completions", &body).reply();
        }
        // No credential at all is nobody's attack.
        assert_eq!(rig.curl("/v1/models").reply().status, 401);
        assert_eq!(rig.curl("/v1/models").header("Authorization: Bearer bnp_guess").reply().status, 401);
        until("the last refusal is in the log", || {
            rig.log().contains("reason=unknown_key peer=127.0.0.1").then_some(())
        });
        let refusals = rig.log().matches("security event=authn_login_fail reason=").count();
        assert!(refusals >= 4, "{}", rig.log());
        assert_eq!(banned(&rig), ["127.0.0.1"; 3], "{format}: {}", rig.log());
    }
}
