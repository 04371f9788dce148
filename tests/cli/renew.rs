//! `host renew`: a certificate for a host, from an authority over a real network, until it is served.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{PairServer, Pebble, PebbleOptions};

const NAME: &str = "api.test.corp";

/// What `host install` would have made.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sre-host-").tempdir().unwrap();
        for name in ["etc/sre-agent/tls/challenges", "var/lib/sre-agent"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn told(&self, certificate: &Value) {
        let settings = json!({
            "version": 1,
            "deployment_id": "sre-test",
            "region": "us-east-1",
            "domains": [NAME],
            "certificate": certificate,
        });
        fs::write(self.path("etc/sre-agent/host.json"), settings.to_string()).unwrap();
    }

    fn run(&self, arguments: &[&str], https: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
            .args(["host", "renew"])
            .args(arguments)
            .env_clear()
            .env("SRE_AGENT_DEPLOY_HOST_ROOT", self.folder.path())
            .env("SRE_AGENT_DEPLOY_HOST_HTTPS", https)
            // Everything that can be logged is.
            .env("SRE_AGENT_DEPLOY_LOG", "trace")
            .output()
            .unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn acme(pebble: &Pebble, hmac: &std::path::Path) -> Value {
    json!({
        "source": "acme",
        "directory": pebble.directory(),
        "email": "ops@test.corp",
        "challenge": "tls-alpn-01",
        "ca_path": pebble.ca_file(),
        "external_account": {"key_id": pebble.external_account().0, "hmac_path": hmac},
    })
}

#[test]
fn a_certificate_is_obtained_served_and_kept_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let host = Installed::new();
    let server = PairServer::start(&host.path("etc/sre-agent/tls"));
    let https = server.address().to_string();
    let pebble = Pebble::start(PebbleOptions {
        needs_external_account: true,
        tls_port: server.port(),
        ..PebbleOptions::default()
    });
    let hmac = host.path("eab.hmac");
    let (_, hmac_key) = pebble.external_account();
    fs::write(&hmac, hmac_key).unwrap();
    fs::set_permissions(&hmac, fs::Permissions::from_mode(0o600)).unwrap();
    host.told(&acme(&pebble, &hmac));

    // Nothing is done where only a look is asked for.
    let dry = host.run(&["--dry-run"], &https);
    assert!(dry.status.success() && said(&dry).contains("due now"), "{}", said(&dry));
    assert!(!host.path("etc/sre-agent/tls/live").exists());

    // A run beside another one is refused.
    let lock = fs::File::create(host.path("var/lib/sre-agent/renewal.lock")).unwrap();
    lock.lock().unwrap();
    let refused = host.run(&[], &https);
    assert_eq!(refused.status.code(), Some(10), "{}", said(&refused));
    assert!(said(&refused).contains("SRE-CERT-008"));
    drop(lock);

    let first = host.run(&["--format", "json", "-vv"], &https);
    assert!(first.status.success(), "{}\n{}", said(&first), pebble.log());
    let report: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(report["outcome"], "renewed");
    assert_eq!(report["certificate"]["names"], json!([NAME]));
    // It was seen at the port: there is nothing to say about that.
    assert_eq!(report["findings"], json!([]));

    let second = host.run(&[], &https);
    assert!(second.status.success() && said(&second).contains("not due before"), "{}", said(&second));
    let forced = host.run(&["--force", "-vv"], &https);
    assert!(forced.status.success() && said(&forced).contains("renewed"), "{}", said(&forced));

    // Nothing secret was said: neither the key that binds, nor the account's, nor a certificate's.
    let private = fs::read_to_string(host.path("etc/sre-agent/tls/live/privkey.pem")).unwrap();
    let account = fs::read_dir(host.path("var/lib/sre-agent"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.display().to_string().contains("acme-account-"))
        .unwrap();
    let account: Value = serde_json::from_str(&fs::read_to_string(account).unwrap()).unwrap();
    let own = account["key_pkcs8"].as_str().unwrap();
    let all = [&dry, &refused, &first, &second, &forced].map(said).join("\n");
    for secret in [hmac_key, own, private.lines().nth(1).unwrap()] {
        assert!(secret.len() > 30 && !all.contains(secret), "{all}");
    }
}

#[test]
fn files_of_somebody_else_are_taken_over() {
    let host = Installed::new();
    let server = PairServer::start(&host.path("etc/sre-agent/tls"));
    let https = server.address().to_string();
    let (chain, key) = (host.path("fullchain.pem"), host.path("privkey.pem"));
    host.told(&json!({"source": "files", "cert_path": chain, "key_path": key}));
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        fs::write(&chain, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    };
    let absent = host.run(&[], &https);
    assert_eq!(absent.status.code(), Some(1), "{}", said(&absent));
    assert!(said(&absent).contains("SRE-CERT-030"));
    write();
    let taken = host.run(&[], &https);
    assert!(taken.status.success() && said(&taken).contains("taken over"), "{}", said(&taken));
    let again = host.run(&[], &https);
    assert!(again.status.success() && said(&again).contains("nothing newer"), "{}", said(&again));
    // certbot was caught between certificate and key: the old pair stays.
    let before = fs::read(host.path("etc/sre-agent/tls/live/fullchain.pem")).unwrap();
    let old_key = fs::read(&key).unwrap();
    write();
    let new_key = fs::read(&key).unwrap();
    fs::write(&key, old_key).unwrap();
    let torn = host.run(&[], &https);
    assert!(!torn.status.success() && said(&torn).contains("SRE-CERT-030"), "{}", said(&torn));
    assert_eq!(fs::read(host.path("etc/sre-agent/tls/live/fullchain.pem")).unwrap(), before);
    fs::write(&key, new_key).unwrap();
    assert!(host.run(&[], &https).status.success());
    assert_ne!(fs::read(host.path("etc/sre-agent/tls/live/fullchain.pem")).unwrap(), before);
}

#[test]
fn a_certificate_that_acm_has_not_issued_is_said() {
    let host = Installed::new();
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-00000000dead";
    host.told(&json!({"source": "acm-exportable", "certificate_arn": arn}));
    let output = Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
        .args(["host", "renew"])
        .env_clear()
        .env("SRE_AGENT_DEPLOY_HOST_ROOT", host.folder.path())
        .env("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT", host.path("account.json"))
        .env("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("SRE-CERT-032") && said(&output).contains(arn), "{}", said(&output));
    // What can be served until then is there.
    assert!(host.path("etc/sre-agent/tls/live/fullchain.pem").exists());
}

#[test]
fn a_host_that_is_not_installed_is_told_so() {
    let host = Installed::new();
    for text in ["", "{\"version\": 1}", "not json"] {
        if !text.is_empty() {
            fs::write(host.path("etc/sre-agent/host.json"), text).unwrap();
        }
        let output = host.run(&[], "127.0.0.1:1");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("SRE-CERT-033") && said(&output).contains("host install"));
    }
}
