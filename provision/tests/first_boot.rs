//! The script of the first boot, run by the system's own Python against stand-ins for the metadata service, S3 and
//! Systems Manager: what it installs, what it refuses, and what it says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::first_boot::{Phase, Progress, Trouble};
use model::{AccountId, DeploymentId, Region};
use provision::bundle::{Manifest, Programs};
use provision::first_boot::{Place, of_silence};
use provision::user_data::{Endpoints, FirstBoot, prefix, script};
use test_support::Booted;

/// What the services know, and what they were told.
#[derive(Default)]
struct Services {
    /// By path.
    objects: BTreeMap<String, Vec<u8>>,
    /// Status instead of an object.
    s3_status: Option<u16>,
    /// Whether the instance has a role.
    has_role: bool,
    /// Whether the role may write the parameter.
    may_tell: bool,
    told: Vec<Progress>,
    /// Requests that lacked a signature over what they sent.
    unsigned: Vec<String>,
}

/// One request, answered and closed.
fn answer(stream: TcpStream, services: &Mutex<Services>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (method, path) =
        line.split_once(' ').and_then(|(m, rest)| Some((m, rest.split_once(' ')?.0))).unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (status, content) = respond(method, path, &headers, &body, &mut services.lock().unwrap());
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", content.len())?;
    stream.write_all(&content)
}

fn respond(
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    body: &[u8],
    services: &mut Services,
) -> (u16, Vec<u8>) {
    const TOKEN: &str = "imds-token";
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    if let Some(asked) = path.strip_prefix("/latest/") {
        if (method, asked) == ("PUT", "api/token") {
            return (200, TOKEN.into());
        }
        if headers.get("x-aws-ec2-metadata-token").map(String::as_str) != Some(TOKEN) {
            return (401, Vec::new());
        }
        return match path {
            "/latest/meta-data/instance-id" => (200, "i-0123456789abcdef0".into()),
            ROLES if services.has_role => (200, "sre-test-instance".into()),
            path if path.starts_with(ROLES) && services.has_role => (
                200,
                br#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s/+","Token":"t/+="}"#
                    .to_vec(),
            ),
            _ => (404, Vec::new()),
        };
    }
    // Every service refuses what was not signed as it was sent.
    let signed = headers.get("authorization").cloned().unwrap_or_default();
    for name in headers.keys().filter(|name| name.starts_with("x-amz-")) {
        if !signed.contains(name.as_str()) {
            services.unsigned.push(format!("{method} {path}: {name}"));
        }
    }
    if path == "/" {
        let request: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(
            (request["Name"].as_str(), request["Overwrite"].as_bool()),
            (Some("/sre-agent-deploy/sre-test/host"), Some(true))
        );
        if !services.may_tell {
            return (403, b"{\"__type\":\"AccessDeniedException\"}".to_vec());
        }
        services.told.push(Progress::parse(request["Value"].as_str().unwrap()).unwrap());
        return (200, b"{\"Version\":1}".to_vec());
    }
    assert_eq!(headers.get("x-amz-expected-bucket-owner").map(String::as_str), Some("123456789012"));
    match (services.s3_status, services.objects.get(path)) {
        (Some(status), _) => (status, b"<Error><Code>AccessDenied</Code></Error>".to_vec()),
        (None, Some(content)) => (200, content.clone()),
        (None, None) => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
    }
}

/// A machine that is about to boot.
struct Boot {
    services: Arc<Mutex<Services>>,
    endpoint: String,
    digest: String,
    folder: tempfile::TempDir,
}

impl Boot {
    /// With a bundle whose `sre-agent-deploy` ends like this.
    fn new(install: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let deploy = format!(
            "#!/bin/sh\necho \"$@\" >>{}\n[ \"$1\" = --version ] && exit 0\n{install}\n",
            ran.display()
        );
        let programs = Programs::new(b"#!/bin/sh\nexit 0\n".to_vec(), deploy.into_bytes());
        let bundle = Manifest::compose(&programs, "{}\n".to_owned(), "version: 1\n".to_owned());
        let objects = bundle
            .parts
            .iter()
            .map(|part| (format!("/{}{}", prefix(&bundle.digest), part.path), part.body.bytes().to_vec()))
            .collect();
        let services = Services { objects, has_role: true, may_tell: true, ..Services::default() };
        let services = Arc::new(Mutex::new(services));
        let boot = Self { services, endpoint: String::new(), digest: bundle.digest, folder };
        boot.served_by(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn served_by(self, listener: TcpListener) -> Self {
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::clone(&self.services);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &served);
            }
        });
        Self { endpoint, ..self }
    }

    fn with(self, change: impl FnOnce(&mut Services)) -> Self {
        change(&mut self.services.lock().unwrap());
        self
    }

    /// The content of an object with its first byte flipped.
    fn flipped(self, path: &str) -> Self {
        let key = format!("/{}{path}", prefix(&self.digest));
        self.with(|services| services.objects.get_mut(&key).unwrap()[0] ^= 1)
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    fn run(&self) -> Output {
        let file = self.folder.path().join("part-001");
        std::fs::write(&file, self.script(&self.home().display().to_string())).unwrap();
        Command::new("/usr/bin/python3").arg(&file).output().expect("Python 3 (Debian: python3)")
    }

    fn script(&self, home: &str) -> String {
        let region = Region::parse("eu-central-1").unwrap();
        let (account, deployment) =
            (AccountId::parse("123456789012").unwrap(), DeploymentId::parse("sre-test").unwrap());
        script(&FirstBoot {
            deployment: &deployment,
            region: &region,
            account: &account,
            bucket: "sre-agent-deploy-test",
            digest: &self.digest,
            parameter: "/sre-agent-deploy/sre-test/host",
            endpoints: Some(Endpoints {
                s3: self.endpoint.clone(),
                ssm: self.endpoint.clone(),
                imds: self.endpoint.clone(),
                folder: home.to_owned(),
                patience: 3,
            }),
        })
    }

    fn told(&self) -> Vec<(Phase, Option<Trouble>)> {
        let services = self.services.lock().unwrap();
        assert_eq!(services.unsigned, [""; 0]);
        services.told.iter().map(|progress| (progress.phase, progress.trouble)).collect()
    }

    /// What the programs of the bundle were run with.
    fn ran(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ran")).unwrap_or_default()
    }

    fn fails_with(&self, trouble: Trouble) -> String {
        let ended = self.run();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!(self.told().last(), Some(&(Phase::Failed, Some(trouble))), "{ended:?}");
        self.services.lock().unwrap().told.last().unwrap().detail.clone().unwrap()
    }
}

#[test]
fn a_bundle_is_fetched_verified_and_installed_and_each_phase_is_told() {
    let boot = Boot::new("exit 0");
    let ended = boot.run();
    assert!(ended.status.success(), "{ended:?}");
    let phases = [Phase::Started, Phase::Fetched, Phase::Verified, Phase::Installed];
    assert_eq!(boot.told(), phases.map(|phase| (phase, None)));
    let told = boot.services.lock().unwrap().told[0].clone();
    assert_eq!((told.instance.as_str(), &told.bundle), ("i-0123456789abcdef0", &boot.digest));
    let home = boot.home();
    assert_eq!(
        boot.ran(),
        format!("--version\nhost install --bundle {} --yes --format json\n", home.display())
    );
    assert!(!home.exists(), "nothing is left of the bundle");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("sre-agent-deploy: installed"), "{said}");
    // It may be run again at any time.
    assert!(boot.run().status.success());
}

#[test]
fn a_flipped_byte_anywhere_is_refused_and_nothing_is_run() {
    for path in ["SHA256SUMS", "bin/sre-agent-deploy", "bin/bedrock-nova-proxy", "host.json", "proxy.yaml"] {
        let boot = Boot::new("exit 0").flipped(path);
        let detail = boot.fails_with(Trouble::Checksum);
        assert!(detail.starts_with(path), "{detail}");
        assert_eq!(boot.ran(), "", "{path}");
    }
}

#[test]
fn what_s3_answers_is_told_apart() {
    let denied = Boot::new("exit 0").with(|services| services.s3_status = Some(403));
    assert!(denied.fails_with(Trouble::Denied).contains("HTTP 403"));
    let missing = Boot::new("exit 0").with(|services| services.objects.clear());
    assert!(missing.fails_with(Trouble::Missing).contains("HTTP 404"));
    let away = Boot::new("exit 0").with(|services| services.s3_status = Some(503));
    assert!(away.fails_with(Trouble::Network).contains("HTTP 503"));
    // Another host's page is no bundle.
    let elsewhere = Boot::new("exit 0").with(|services| services.s3_status = Some(301));
    assert!(elsewhere.fails_with(Trouble::Network).contains("HTTP 301"));
}

#[test]
fn a_failed_installation_is_told_with_the_end_of_what_it_said() {
    let boot = Boot::new("echo '{\"code\": \"SRE-HOST-012\"}' >&2\nexit 4");
    let detail = boot.fails_with(Trouble::Install);
    assert!(detail.contains("ended with 4") && detail.contains("SRE-HOST-012"), "{detail}");
    assert!(boot.home().exists(), "the bundle stays to be looked at");
    let strange = Boot::new("exit 0");
    let strange = Boot {
        digest: {
            // A program for another machine, listed as it is.
            let programs = Programs::new(b"\x7fELF\x02\x01\x01".to_vec(), b"#!/bin/sh\nexit 0\n".to_vec());
            let bundle = Manifest::compose(&programs, String::new(), String::new());
            let mut services = strange.services.lock().unwrap();
            for part in &bundle.parts {
                let key = format!("/{}{}", prefix(&bundle.digest), part.path);
                services.objects.insert(key, part.body.bytes().to_vec());
            }
            bundle.digest
        },
        ..strange
    };
    assert!(strange.fails_with(Trouble::Program).contains("bedrock-nova-proxy"));
}

#[test]
fn without_credentials_the_console_says_so() {
    let boot = Boot::new("exit 0").with(|services| services.has_role = false);
    let ended = boot.run();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("sre-agent-deploy: failed: credentials"), "{said}");
    assert_eq!(boot.told(), []);
}

#[test]
fn an_instance_that_may_not_tell_installs_all_the_same_and_says_so_on_its_console() {
    let boot = Boot::new("exit 0").with(|services| services.may_tell = false);
    let ended = boot.run();
    assert!(ended.status.success(), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("sre-agent-deploy: unreported: denied"), "{said}");
    assert!(boot.ran().contains("host install"));
}

/// The machine's own cloud-init with this boot's script as its user data, to its end.
fn cloud_init(boot: Boot) -> (Booted, Boot) {
    // Not before the services answer, which are opened inside the machine.
    let machine = Booted::prepare().write("/etc/cloud/cloud-init.disabled", b"", 0o644).boot();
    machine.shell("rm /etc/cloud/cloud-init.disabled");
    machine.write("/etc/cloud/cloud.cfg.d/99-test.cfg", b"datasource_list: [NoCloud]\n", 0o644);
    machine.write("/var/lib/cloud/seed/nocloud/meta-data", b"instance-id: i-0123456789abcdef0\n", 0o644);
    let boot = boot.served_by(machine.inside(|| TcpListener::bind("127.0.0.1:0").unwrap()));
    let text = boot.script("/var/lib/sre-agent/bundle");
    machine.write("/var/lib/cloud/seed/nocloud/user-data", text.as_bytes(), 0o600);
    let units =
        ["cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service"];
    let present = machine.output(&["systemctl", "cat", "cloud-final.service"]).status.success();
    assert!(present, "cloud-init is missing (Debian: cloud-init)");
    for unit in units {
        // What the script makes of it is asked afterwards.
        machine.output(&["systemctl", "start", unit]);
    }
    let ended = |machine: &Booted| {
        let state = machine.property("cloud-final.service", "ActiveState");
        state == "active" || state == "failed"
    };
    machine.wait_until("cloud-init ends", Duration::from_mins(2), ended);
    (machine, boot)
}

#[test]
fn cloud_init_runs_the_script_on_a_booted_machine() {
    let mut boot = Boot::new("exit 0");
    // The folder of the test is not in the machine.
    let programs =
        Programs::new(b"#!/bin/sh\nexit 0\n".to_vec(), b"#!/bin/sh\necho \"$@\" >>/root/ran\n".to_vec());
    let bundle = Manifest::compose(&programs, "{}\n".to_owned(), "version: 1\n".to_owned());
    boot.services.lock().unwrap().objects.extend(
        bundle
            .parts
            .iter()
            .map(|part| (format!("/{}{}", prefix(&bundle.digest), part.path), part.body.bytes().to_vec())),
    );
    boot.digest = bundle.digest;
    let (machine, boot) = cloud_init(boot);
    let said = machine.journal("cloud-final.service");
    let phases = [Phase::Started, Phase::Fetched, Phase::Verified, Phase::Installed];
    assert_eq!(boot.told(), phases.map(|phase| (phase, None)), "{said}");
    assert!(
        machine
            .read("/root/ran")
            .contains("host install --bundle /var/lib/sre-agent/bundle --yes --format json")
    );
    assert!(said.contains("sre-agent-deploy: installed"), "{said}");
    let status = machine.output(&["cloud-init", "status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("done"), "{status:?}");
    // The command of the runbooks finds the script where cloud-init put it.
    machine.run(&["/usr/bin/python3", "/var/lib/cloud/instance/scripts/part-001"]);
}

#[test]
fn cloud_init_tells_of_a_refused_bundle_and_its_console_is_understood() {
    let (machine, boot) = cloud_init(Boot::new("exit 0").flipped("bin/bedrock-nova-proxy"));
    let said = machine.journal("cloud-final.service");
    assert_eq!(boot.told().last(), Some(&(Phase::Failed, Some(Trouble::Checksum))), "{said}");
    let status = machine.output(&["cloud-init", "status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("error"), "{status:?}");
    let region = Region::parse("eu-central-1").unwrap();
    let (account, deployment) =
        (AccountId::parse("123456789012").unwrap(), DeploymentId::parse("sre-test").unwrap());
    let place = Place {
        region: &region,
        account: &account,
        deployment: &deployment,
        instance: "i-0123456789abcdef0",
    };
    let finding = of_silence(&place, None, Duration::from_mins(15), Ok(said));
    assert_eq!(finding.code, "SRE-HOST-072", "{finding:?}");
}
