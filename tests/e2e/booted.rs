//! A deployment whose instance is a machine that boots: the deploy waits, cloud-init runs the user data that the account
//! holds, the real programs come out of the bucket, and OpenAI's client is answered over TLS.
//!
//! The services have their real names and ports, on a host beside the machine: one emulated account for EC2, S3, Systems
//! Manager and the metadata, an issuer in the place of the user pool, and a small Bedrock.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cloud_loopback::{Bedrock, BedrockOptions, Client, Issuer, IssuerOptions};
use serde_json::{Value, json};
use test_support::{Booted, Moto, Neighbour, OpenAiClient, Pebble, PebbleOptions, TlsFront, certificate};

use crate::workbench::Ended;

const NAME: &str = "api.sre-boot.net";
const ACCOUNT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
const POOL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 12);
const MODELS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 13);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const PROXY: &str = "bedrock-nova-proxy.service";
/// In the machine.
const AUTHORITY: &str = "/etc/authority.pem";
/// cloud-init's own four, in their order.
const CLOUD_INIT: [&str; 4] =
    ["cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service"];

/// Waits for the instance; what it is told, and what the proxy will want to know of the user pool.
const INSTANCE: &str = r#"
import base64, boto3, json, sys, time

ec2, cognito = boto3.client("ec2"), boto3.client("cognito-idp")

def started():
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] == "running":
                return instance["InstanceId"]

until = time.monotonic() + 400
while not started():
    if time.monotonic() > until:
        sys.exit("no instance was started")
    time.sleep(0.05)
instance = started()
data = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"].get("Value", "")
pool = cognito.list_user_pools(MaxResults=60)["UserPools"][0]["Id"]
client = cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"][0]["ClientId"]
secret = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]["ClientSecret"]
buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
print(json.dumps({"instance": instance, "user_data": base64.b64decode(data).decode(), "pool": pool, "client": client,
                  "secret": secret, "buckets": buckets}))
"#;

/// Every name is this machine.
const HERE: &str = r#"
import socket
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)
"#;

const ASK: &str = r#"
answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
refused = failure(lambda: connect(api_key="nonsense").models.list())
print(json.dumps({"finish": answer.choices[0].finish_reason, "text": answer.choices[0].message.content,
                  "refused": refused["status"]}))
"#;

/// What the machine calls by name, and where that is. The bucket has a name of its own below the first.
const SERVICES: [(&str, Ipv4Addr); 5] = [
    ("s3.us-east-1.amazonaws.com", ACCOUNT),
    ("ssm.us-east-1.amazonaws.com", ACCOUNT),
    ("cognito-idp.us-east-1.amazonaws.com", POOL),
    ("sre-boot.auth.us-east-1.amazoncognito.com", POOL),
    ("bedrock-runtime.us-east-1.amazonaws.com", MODELS),
];

/// An account on a host beside a machine, and an authority in the machine.
struct Place<'a> {
    // In this order they end.
    moto: Moto,
    pebble: Pebble,
    cloud: Neighbour,
    machine: &'a Booted,
    /// With which the program reaches S3 with TLS.
    variables: Vec<(String, String)>,
    /// Of all services, which the machine trusts.
    pair: (String, String),
    folder: tempfile::TempDir,
}

/// Does something at a place of which this is how the proxy is installed.
fn at_place(install: &str, work: impl FnOnce(&Place<'_>) + Send) {
    // Not before the services answer, and there is user data.
    let machine = Booted::prepare().write("/etc/cloud/cloud-init.disabled", b"", 0o644).boot();
    // The authority ends with the thread that started it.
    machine.inside(|| work(&Place::new(&machine, install)));
}

impl<'a> Place<'a> {
    /// On a thread in the network of the machine.
    fn new(machine: &'a Booted, install: &str) -> Self {
        let cloud = machine.neighbour(&[ACCOUNT, POOL, MODELS, METADATA]);
        let pebble = Pebble::start(PebbleOptions { tls_port: 443, ..PebbleOptions::default() });
        machine.write(AUTHORITY, &fs::read(pebble.ca_file()).unwrap(), 0o644);
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "version": 1,
            "deployment": {"id": "sre-boot", "environment": "prod"},
            "aws": {"region": "us-east-1", "account_id": "123456789012"},
            "tls": {
                "domain": NAME,
                "source": "acme",
                "acme": {"directory": pebble.directory(), "ca_path": AUTHORITY, "email": "ops@sre-boot.net"},
            },
            "host": {"install": install},
        });
        fs::write(folder.path().join("config.yaml"), config.to_string()).unwrap();
        let mut names = SERVICES.map(|(name, _)| name).to_vec();
        names.push("*.s3.us-east-1.amazonaws.com");
        let (root, chain, key) = certificate(&names);
        let issued = pebble.issuing_root();
        for (name, root) in [("services", root), ("authority", issued)] {
            machine.write(&format!("/usr/local/share/ca-certificates/{name}.crt"), root.as_bytes(), 0o644);
        }
        machine.run(&["update-ca-certificates"]);
        let hosts = SERVICES.map(|(name, at)| format!("{at} {name}\n")).concat();
        machine.write("/etc/hosts", format!("127.0.0.1 localhost {NAME}\n{hosts}").as_bytes(), 0o644);
        let (moto, variables) = cloud.inside(|| {
            let moto = Moto::start();
            moto.public_subnet();
            let variables = moto.with_tls();
            (moto, variables)
        });
        moto.listen((ACCOUNT, 443).into(), Some((&chain, &key)));
        moto.listen((METADATA, 80).into(), None);
        Self { moto, pebble, cloud, machine, variables, pair: (chain, key), folder }
    }

    /// The program, where the account is.
    fn start(&self, line: &str) -> Child {
        self.cloud.inside(|| {
            Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
                .args(line.split_whitespace())
                .current_dir(self.folder.path())
                .env_clear()
                .envs(self.moto.environment())
                .envs(self.variables.iter().cloned())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
    }

    /// Runs a Python script against the account.
    fn python(&self, script: &str) -> Value {
        self.cloud.inside(|| self.moto.python(script, &[]))
    }

    fn inventory(&self) -> Value {
        self.cloud.inside(|| self.moto.inventory())
    }

    /// Both programs without what only debuggers read: there is less to bring over.
    fn programs(&self) -> PathBuf {
        let folder = self.folder.path().join("programs");
        fs::create_dir(&folder).unwrap();
        let own = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy"));
        for name in ["sre-agent-deploy", "bedrock-nova-proxy"] {
            let from = own.with_file_name(name);
            assert!(from.exists(), "{} is missing; build it: cargo build -p proxy", from.display());
            let stripped = Command::new("strip").arg("-o").arg(folder.join(name)).arg(&from).status();
            assert!(stripped.expect("`strip` runs (Debian: binutils)").success());
        }
        folder
    }

    /// Takes everything away by the tags, where the account is.
    fn cleans_up(&self, empty: &Value) {
        let line = "--cleanup --deployment-id sre-boot --yes --confirm-deployment-id sre-boot";
        Ended::of(self.start(line).wait_with_output().unwrap()).expect(0);
        assert_eq!(&self.inventory(), empty);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.machine.journal(PROXY));
        }
    }
}

/// The services that the machine calls by name. They end with this value.
struct Services {
    issuer: Issuer,
    bedrock: Bedrock,
    _fronts: [TlsFront; 2],
}

impl Services {
    /// Starts them for what was made so far, and has the machine be the instance.
    fn start(place: &Place<'_>, seen: &Value) -> Self {
        let text = |name: &str| seen[name].as_str().unwrap().to_owned();
        place.moto.be_instance(&text("instance"));
        for bucket in seen["buckets"].as_array().unwrap() {
            let name = bucket.as_str().unwrap();
            place.machine.shell(&format!("echo '{ACCOUNT} {name}.s3.us-east-1.amazonaws.com' >>/etc/hosts"));
        }
        let (chain, key) = &place.pair;
        place.cloud.inside(|| {
            let scopes = ["read", "write"].map(|scope| format!("sre-agent-api/{scope}")).to_vec();
            let issuer = Issuer::start(IssuerOptions {
                name: Some(format!("https://cognito-idp.us-east-1.amazonaws.com/{}", text("pool"))),
                pool: text("pool"),
                clients: vec![Client { id: text("client"), secret: text("secret"), scopes }],
                ..IssuerOptions::default()
            })
            .unwrap();
            let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
            let at = |url: String| -> SocketAddr {
                url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
            };
            let fronts = [(POOL, at(issuer.place())), (MODELS, at(bedrock.url()))]
                .map(|(address, to)| TlsFront::start((address, 443).into(), chain, key, to));
            Self { issuer, bedrock, _fronts: fronts }
        })
    }

    /// Has OpenAI's client ask the machine with a token, and without.
    fn are_asked(&self, place: &Place<'_>) {
        let root = place.folder.path().join("root.pem");
        fs::write(&root, place.pebble.issuing_root()).unwrap();
        let token = self.issuer.mint(&self.issuer.claims());
        let client = OpenAiClient::new(format!("https://{NAME}/v1"), token, &root);
        let said = client.run(&format!("{HERE}{ASK}"), &[]);
        assert_eq!((&said["finish"], &said["refused"]), (&json!("stop"), &json!(401)), "{said}");
        assert!(self.issuer.jwks_fetches() > 0);
        let asked = self.bedrock.requests();
        assert!(asked.iter().any(|request| request.path.contains("amazon.nova-pro-v1")), "{asked:?}");
    }
}

/// A run of the program. Dropped, it is ended, and what it said is shown where the test fails.
struct Run(Option<Child>);

impl Run {
    fn ended(mut self) -> Ended {
        Ended::of(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let output = child.wait_with_output().unwrap();
            println!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// Runs the machine's own cloud-init on this user data, to its end.
fn cloud_init(machine: &Booted, instance: &str, user_data: &str) {
    machine.shell("rm /etc/cloud/cloud-init.disabled");
    machine.write("/etc/cloud/cloud.cfg.d/99-test.cfg", b"datasource_list: [NoCloud]\n", 0o644);
    let seed = "/var/lib/cloud/seed/nocloud";
    machine.write(&format!("{seed}/meta-data"), format!("instance-id: {instance}\n").as_bytes(), 0o644);
    machine.write(&format!("{seed}/user-data"), user_data.as_bytes(), 0o600);
    let present = machine.output(&["systemctl", "cat", "cloud-final.service"]).status.success();
    assert!(present, "cloud-init is missing (Debian: cloud-init)");
    for unit in CLOUD_INIT {
        // What the script makes of it is asked afterwards.
        machine.output(&["systemctl", "start", unit]);
    }
    machine.wait_until("cloud-init ends", Duration::from_mins(4), |machine| {
        ["active", "failed"].contains(&machine.property("cloud-final.service", "ActiveState").as_str())
    });
}

#[test]
fn a_deploy_waits_for_a_machine_that_cloud_init_installs_and_its_clients_are_answered() {
    at_place("user-data", installs_itself);
}

fn installs_itself(place: &Place<'_>) {
    let empty = place.inventory();
    let programs = place.programs();
    let programs = programs.display();
    // What it says fits into a pipe.
    let deploy = Run(Some(
        place.start(&format!("--config config.yaml --mode production --yes --programs {programs}")),
    ));
    let seen = place.python(INSTANCE);
    let services = Services::start(place, &seen);
    cloud_init(place.machine, seen["instance"].as_str().unwrap(), seen["user_data"].as_str().unwrap());
    let said = place.machine.journal("cloud-final.service");
    assert!(said.contains("sre-agent-deploy: installed"), "{said}");
    let ended = deploy.ended().expect(0);
    assert!(ended.stderr.contains("installs the proxy"), "{}", ended.stderr);
    services.are_asked(place);
    assert_eq!(place.machine.property(PROXY, "ActiveState"), "active");
    assert!(!place.machine.exists("/var/lib/sre-agent/bundle"), "nothing is left of the bundle");
    let told = place.python(
        "import boto3\n\
         ssm = boto3.client('ssm')\n\
         print(ssm.get_parameter(Name='/sre-agent-deploy/sre-boot/host')['Parameter']['Value'])\n",
    );
    assert_eq!(told["phase"], "installed", "{told}");
    place.cleans_up(&empty);
}

/// In the machine.
const HERE_CONFIG: &str = "/srv/here/config.yaml";
const HERE_STATE: &str = "/srv/here/.deployment_state";
/// A token was had, and with it chat and stream were answered over TLS, and without it nothing.
const ANSWERED: [&str; 9] = [
    "SRE-COG-003",
    "SRE-COG-008",
    "SRE-EP-002",
    "SRE-EP-004",
    "SRE-EP-005",
    "SRE-EP-006",
    "SRE-EP-008",
    "SRE-EP-009",
    "SRE-EP-010",
];

#[test]
fn a_deploy_that_installs_where_it_runs_goes_on_to_the_report_and_clients_are_answered() {
    at_place("here", installs_here);
}

fn installs_here(place: &Place<'_>) {
    let machine = place.machine;
    let empty = place.inventory();
    let programs = place.programs();
    for name in ["sre-agent-deploy", "bedrock-nova-proxy"] {
        machine.copy(&programs.join(name), &format!("/srv/here/{name}"), 0o755);
    }
    machine.copy(&place.folder.path().join("config.yaml"), HERE_CONFIG, 0o600);
    let endpoint = place.moto.listen((ACCOUNT, 0).into(), None);
    let mut deploy = machine.command("/srv/here/sre-agent-deploy");
    deploy
        .args(["--config", HERE_CONFIG, "--state-file", HERE_STATE, "--mode", "production", "--yes"])
        .envs(place.moto.environment())
        .env("AWS_ENDPOINT_URL", format!("http://{endpoint}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let deploy = Run(Some(deploy.spawn().unwrap()));
    let seen = place.python(INSTANCE);
    assert_eq!((&seen["user_data"], &seen["buckets"]), (&json!(""), &json!([])));
    let services = Services::start(place, &seen);
    let ended = deploy.ended().expect(0);
    for wanted in ["installing on this machine", "verifying the deployment"] {
        assert!(ended.stderr.contains(wanted), "{wanted} is missing:\n{}", ended.stderr);
    }
    services.are_asked(place);
    assert_eq!(machine.property(PROXY, "ActiveState"), "active");
    // The report says that it was looked, and of what; whom this machine trusts, nobody told the deploy.
    let report: Value = serde_json::from_str(&machine.read(&format!("{HERE_STATE}.report.json"))).unwrap();
    assert_eq!(severity(&report, "SRE-EP-001"), "ok", "{report:#}");
    assert_eq!(severity(&report, "SRE-HOST-009"), "ok", "{report:#}");
    let verify = machine
        .command("/srv/here/sre-agent-deploy")
        .args(["verify", "--config", HERE_CONFIG, "--state-file", HERE_STATE, "--mode", "production"])
        .args(["--ca-file", "/etc/ssl/certs/ca-certificates.crt", "--format", "json"])
        .envs(place.moto.environment())
        .env("AWS_ENDPOINT_URL", format!("http://{endpoint}"))
        .output()
        .unwrap();
    let verified: Value = serde_json::from_slice(&verify.stdout).unwrap();
    for code in ANSWERED {
        assert_eq!(severity(&verified, code), "ok", "{code}: {verified:#}");
    }
    drop(services);
    place.cleans_up(&empty);
}

/// The worst that a report says under this code, wherever in it.
fn severity(report: &Value, code: &str) -> String {
    fn said(value: &Value, code: &str, wanted: &str) -> bool {
        (value["code"] == code && value["severity"] == wanted)
            || value.as_array().is_some_and(|items| items.iter().any(|item| said(item, code, wanted)))
            || value.as_object().is_some_and(|members| members.values().any(|item| said(item, code, wanted)))
    }
    let worst = ["error", "warning", "unknown", "skipped", "ok"];
    worst.into_iter().find(|wanted| said(report, code, wanted)).unwrap_or("not looked at").to_owned()
}
