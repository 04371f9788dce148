//! A certificate through the DNS: order, Route 53 over real HTTP, a DNS that knows what is there, authority, certificate.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Moto, PairServer, Pebble, PebbleOptions, TextDns};

const NAME: &str = "api.corp.internal";
const PLACE: &str = "_acme-challenge.api.corp.internal";
const THEIRS: &str = "of somebody else";

/// What `host install` would have made.
struct Installed {
    folder: TempDir,
    server: PairServer,
}

impl Installed {
    fn new(pebble: &Pebble) -> Self {
        let folder = tempfile::Builder::new().prefix("sre-host-").tempdir().unwrap();
        for name in ["etc/sre-agent/tls/challenges", "var/lib/sre-agent"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let settings = json!({
            "version": 1,
            "deployment_id": "sre-e2e",
            "region": "us-east-1",
            "domains": [NAME],
            "certificate": {
                "source": "acme",
                "directory": pebble.directory(),
                "challenge": "dns-01",
                "ca_path": pebble.ca_file(),
            },
        });
        fs::write(folder.path().join("etc/sre-agent/host.json"), settings.to_string()).unwrap();
        let server = PairServer::start(&folder.path().join("etc/sre-agent/tls"));
        Self { folder, server }
    }

    fn state(&self) -> Value {
        let path: PathBuf = self.folder.path().join("var/lib/sre-agent/renewal.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    fn start(&self, moto: &Moto, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
            .args(["host", "renew", "--format", "json"])
            .args(arguments)
            .env_clear()
            .envs(moto.environment())
            .env("SRE_AGENT_DEPLOY_HOST_ROOT", self.folder.path())
            .env("SRE_AGENT_DEPLOY_HOST_HTTPS", self.server.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A run that has to succeed.
    fn renewed(&self, moto: &Moto, arguments: &[&str], pebble: &Pebble) {
        let output = self.start(moto, arguments).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{}", pebble.log());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report.get("outcome"), Some(&json!("renewed")), "{said}");
        assert_eq!(report.get("findings"), Some(&json!([])), "{said}");
        assert_eq!(report.pointer("/certificate/names"), Some(&json!([NAME])));
    }
}

#[test]
fn a_certificate_is_obtained_through_route_53_and_a_killed_run_is_made_good() {
    use std::os::unix::process::ExitStatusExt as _;
    let moto = Moto::start();
    let zone = moto.hosted_zone("corp.internal", PLACE, THEIRS);
    let texts = moto.texts(&zone);
    assert_eq!(texts(PLACE), [THEIRS]);
    // Killed in the moment in which the authority looks, while this holds the process.
    let victim: Arc<Mutex<Option<u32>>> = Arc::default();
    let (seen, of_dns) = (moto.texts(&zone), Arc::clone(&victim));
    let dns = TextDns::start(move |name| {
        if let Some(pid) = of_dns.lock().unwrap().take() {
            Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
        }
        seen(name)
    });
    let pebble = Pebble::start(PebbleOptions { dns_port: Some(dns.port()), ..PebbleOptions::default() });
    let host = Installed::new(&pebble);

    host.renewed(&moto, &[], &pebble);
    assert_eq!(texts(PLACE), [THEIRS]);
    assert_eq!(host.state().get("published"), None);

    let mut child = {
        let mut victim = victim.lock().unwrap();
        let child = host.start(&moto, &["--force"]);
        *victim = Some(child.id());
        child
    };
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let left = texts(PLACE);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(host.state()["published"], json!([{"name": PLACE, "value": left[1]}]));

    host.renewed(&moto, &["--force"], &pebble);
    assert_eq!(texts(PLACE), [THEIRS]);
    assert_eq!(host.state().get("published"), None);

    // A name that no zone of the account holds.
    let settings = host.folder.path().join("etc/sre-agent/host.json");
    let text = fs::read_to_string(&settings).unwrap().replace(NAME, "api.other.internal");
    fs::write(&settings, text).unwrap();
    let output = host.start(&moto, &["--force"]).wait_with_output().unwrap();
    let said = format!("{output:?}");
    assert!(output.status.code() == Some(1) && said.contains("SRE-CERT-034"), "{said}");
}
