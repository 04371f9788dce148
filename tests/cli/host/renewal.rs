//! A booted host and an authority on the same network: the proxy itself shows control of the name, and the timer's
//! service renews.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use test_support::{Booted, OpenAiClient, Pebble, PebbleOptions};

use super::{API_KEY, ASK, BUNDLE, bundled, done, host, is_as_before, machine, proxy_yaml, tree};

const NAME: &str = "api.test.corp";
/// In the machine.
const AUTHORITY: &str = "/etc/authority.pem";
const RENEW: &str = "sre-agent-renew.service";
const PROXY: &str = "bedrock-nova-proxy.service";
const FORCE: &str = "/etc/systemd/system/sre-agent-renew.service.d/force.conf";
/// Every name is this machine.
const HERE: &str = r#"
import socket
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)
"#;

/// An authority in the machine, whose settings are in the bundle. It has to be started and used from inside.
fn authority(machine: &Booted) -> Pebble {
    let pebble = Pebble::start(PebbleOptions { tls_port: 443, ..PebbleOptions::default() });
    machine.write(AUTHORITY, &fs::read(pebble.ca_file()).unwrap(), 0o644);
    let settings = json!({
        "version": 1,
        "deployment_id": "sre-here",
        "region": "us-east-1",
        "domains": [NAME],
        "certificate": {
            "source": "acme",
            "directory": pebble.directory(),
            "challenge": "tls-alpn-01",
            "ca_path": AUTHORITY,
        },
    });
    bundled(machine, &settings.to_string(), &proxy_yaml(NAME));
    pebble
}

/// What `host status` says of the certificate.
fn certificate(machine: &Booted) -> Value {
    let status: Value = serde_json::from_str(&done(machine, "status --format json")).unwrap();
    status["certificate"].clone()
}

/// The certificate that a client is given, as openssl shows it.
fn served(machine: &Booted) -> String {
    machine.shell(&format!(
        "openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null | \
         openssl x509 -noout -serial -issuer"
    ))
}

/// OpenAI's client trusts nothing but the authority.
fn answers(machine: &Booted, root: &Path) {
    let client = OpenAiClient::new(format!("https://{NAME}/v1"), API_KEY, root);
    let said = machine.inside(|| client.run(&format!("{HERE}{ASK}"), &[]));
    assert_eq!(said["finish"], "stop");
}

/// Runs the timer's service, which has to succeed.
fn renews(machine: &Booted) {
    let output = machine.output(&["systemctl", "start", RENEW]);
    assert!(output.status.success(), "{}\n{}", machine.journal(RENEW), machine.journal(PROXY));
}

/// Has the timer's service renew whether or not the certificate is due; its sandbox stays.
fn forced(machine: &Booted) {
    let unit = machine.read(&format!("/etc/systemd/system/{RENEW}"));
    let start = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    machine.write(FORCE, format!("[Service]\nExecStart=\n{start} --force\n").as_bytes(), 0o644);
    machine.systemctl(&["daemon-reload"]);
}

fn unforced(machine: &Booted) {
    machine.shell(&format!("rm -r \"$(dirname {FORCE})\"; systemctl daemon-reload"));
}

#[test]
fn the_proxy_shows_control_of_its_name_and_the_timer_renews_under_its_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    let mut machine = machine();

    let before = machine.inside(|| {
        let mut pebble = authority(&machine);
        let before = tree(&machine);
        // Nobody is there at first: the placeholder is served.
        pebble.stop();
        let (code, out, err) = host(&machine, &format!("install --bundle {BUNDLE} --yes"));
        assert_eq!(code, 0, "{out}{err}");
        assert!(err.contains("could not be obtained yet"), "{err}");
        assert_eq!(certificate(&machine)["is_placeholder"], true);
        let placeholder = served(&machine);

        pebble.forget();
        fs::write(&root, pebble.issuing_root()).unwrap();
        let process = machine.property(PROXY, "MainPID");
        forced(&machine);
        renews(&machine);
        let first = served(&machine);
        assert!(first.contains("Pebble") && !placeholder.contains("Pebble"), "{placeholder}{first}");
        assert_eq!(certificate(&machine)["is_placeholder"], false);
        answers(&machine, &root);

        // It is not due: neither for the timer nor for an operator.
        unforced(&machine);
        renews(&machine);
        assert!(machine.journal(RENEW).contains("not due before"), "{}", machine.journal(RENEW));
        assert!(done(&machine, "renew").contains("not due before"));
        assert_eq!(served(&machine), first);

        forced(&machine);
        renews(&machine);
        let second = served(&machine);
        assert!(second.contains("Pebble") && second != first, "{second}");
        answers(&machine, &root);
        unforced(&machine);
        // The proxy was told, and is the same process.
        assert_eq!(machine.property(PROXY, "MainPID"), process);
        let said = machine.journal(RENEW);
        assert!(!said.contains("could not tell"), "{said}");
        assert_eq!(machine.shell("ls /etc/sre-agent/tls/challenges"), "");
        before
    });

    let renewed = served(&machine);
    machine.reboot();
    assert_eq!(served(&machine), renewed);
    answers(&machine, &root);
    done(&machine, "uninstall --yes");
    is_as_before(&machine, &before);

    // With somebody there, the installation ends with a certificate.
    machine.inside(|| {
        let pebble = authority(&machine);
        fs::write(&root, pebble.issuing_root()).unwrap();
        let (code, out, err) = host(&machine, &format!("install --bundle {BUNDLE} --yes"));
        assert_eq!(code, 0, "{out}{err}");
        assert!(served(&machine).contains("Pebble"), "{out}{err}\n{}", pebble.log());
        answers(&machine, &root);
    });
}
