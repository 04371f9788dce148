//! An emulated account: moto, started from the project's virtual environment.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::Server;
use crate::tls::certificate;
use crate::{http, rerun, venv};

const SERVE: &str =
    concat!(include_str!("../scripts/agentcore.py"), "\n", include_str!("../scripts/moto.py"));
const PUBLIC_SUBNET: &str = include_str!("../scripts/public_subnet.py");
const INVENTORY: &str = include_str!("../scripts/inventory.py");
const ZONE: &str = include_str!("../scripts/zone.py");

/// An emulated account, `123456789012`, in a process of its own. It ends when this value does.
pub struct Moto {
    server: Server,
}

impl Moto {
    /// Starts one on a free loopback port. The first use on a cold disk takes some seconds.
    pub fn start() -> Self {
        let python = venv::python("moto_server");
        let server = Server::start("moto", |port, scratch| {
            let mut command = Command::new(&python);
            command
                .args(["-c", SERVE, "-H", "127.0.0.1", "-p", &port.to_string()])
                .env("TMPDIR", scratch.path())
                .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
                .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "1")
                .env("MOTO_ENABLE_AMI_VALIDATION", "1")
                .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "1")
                .env("MOTO_ACM_VALIDATION_WAIT", "1");
            command
        });
        Self { server }
    }

    /// Its URL, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The environment in which a program reaches this account and no other.
    pub fn environment(&self) -> Vec<(String, String)> {
        rerun::environment(&self.endpoint())
    }

    /// Serves the same account at another address as well, where `pair` is given with TLS: chain and key, PEM. Port 0 is
    /// any free one. The address is one of the network that it was started in.
    pub fn listen(&self, at: SocketAddr, pair: Option<(&str, &str)>) -> SocketAddr {
        let file = |name: &str, text: &str| {
            let path = self.server.scratch().join(format!("{}-{name}.pem", at.ip()));
            fs::write(&path, text).expect("a scratch file");
            path
        };
        let answer = self.server.order(&json!({
            "host": at.ip().to_string(),
            "port": at.port(),
            "certificate": pair.map(|(chain, _)| file("chain", chain)),
            "key": pair.map(|(_, key)| file("key", key)),
        }));
        let port = answer.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        SocketAddr::new(at.ip(), port.unwrap_or_else(|| panic!("moto does not serve {at}: {answer}")))
    }

    /// Serves S3 with TLS, as a policy that denies everything else wants it; the variables with which a program reaches
    /// it there, and everything else as [`Moto::environment`] says.
    pub fn with_tls(&self) -> Vec<(String, String)> {
        let (root, chain, key) = certificate(&["127.0.0.1"]);
        let at = self.listen((Ipv4Addr::LOCALHOST, 0).into(), Some((&chain, &key)));
        let trusted = self.server.scratch().join("root.pem");
        fs::write(&trusted, root).expect("a scratch file");
        let trusted = trusted.display().to_string();
        [
            ("AWS_ENDPOINT_URL_S3", format!("https://{at}")),
            // The SDK for Rust reads the one, boto3 the other.
            ("SSL_CERT_FILE", trusted.clone()),
            ("AWS_CA_BUNDLE", trusted),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Has its metadata service answer as this instance.
    pub fn be_instance(&self, instance: &str) {
        let order = json!({"instance": instance});
        assert_eq!(self.server.order(&order), order, "moto could not become an instance");
    }

    /// Empties the account.
    pub fn reset(&self) {
        http::post(self.server.address(), "/moto-api/reset", "");
    }

    /// From now on every call but the first `free` ones is judged by IAM, as on AWS. Unknown keys are refused.
    pub fn enforce_iam_after(&self, free: u32) {
        http::post(self.server.address(), "/moto-api/reset-auth", &free.to_string());
    }

    /// Runs a Python script that has boto3 against this account; what it prints must be one JSON value.
    pub fn python(&self, script: &str, args: &[&str]) -> Value {
        self.python_at(&self.endpoint(), script, args)
    }

    /// The same through another endpoint, such as a proxy in front of this account.
    pub fn python_at(&self, endpoint: &str, script: &str, args: &[&str]) -> Value {
        run(endpoint, &[], script, args)
    }

    /// Runs a Python script with more variables than the usual ones.
    pub fn python_with(&self, variables: &[(String, String)], script: &str, args: &[&str]) -> Value {
        run(&self.endpoint(), variables, script, args)
    }

    /// Gives the default VPC an internet gateway and a default route, which moto's lacks; answers
    /// `{"vpc": id, "subnets": [ids]}`.
    pub fn public_subnet(&self) -> Value {
        self.python(PUBLIC_SUBNET, &[])
    }

    /// Everything in the account that a deployment touches, sorted, with names in place of generated ids and keys:
    /// two histories that end in the same account compare equal.
    pub fn inventory(&self) -> Value {
        self.python(INVENTORY, &[])
    }

    /// Makes a public hosted zone with a text record of somebody else in it; answers its id.
    pub fn hosted_zone(&self, zone: &str, name: &str, text: &str) -> String {
        let id = self.python(ZONE, &[zone, name, text]);
        id.as_str().expect("an id").to_owned()
    }

    /// Reads the texts of a name in a hosted zone, as a DNS server of Route 53 would know them.
    pub fn texts(&self, zone_id: &str) -> impl Fn(&str) -> Vec<String> + Send + 'static {
        let (address, zone_id) = (self.server.address(), zone_id.to_owned());
        move |name| {
            let path = format!("/2013-04-01/hostedzone/{zone_id}/rrset?name={name}&type=TXT&maxitems=1");
            let xml = http::get(address, "route53", &path).replace("&quot;", "\"");
            let is_it = xml.contains(&format!("<Name>{name}.</Name>")) && xml.contains("<Type>TXT</Type>");
            let values = xml.split("<Value>").skip(1).filter_map(|rest| rest.split("</Value>").next());
            let plain = |value: &str| value.trim_matches('"').to_owned();
            if is_it { values.map(plain).collect() } else { Vec::new() }
        }
    }

    /// Fills the account with security groups and roles of somebody else. Thousands take well under a second, since
    /// they are made inside the server.
    pub fn seed_foreign(&self, groups: u32, roles: u32) {
        let answer = self.server.order(&json!({"groups": groups, "roles": roles}));
        assert_eq!(answer, json!({"groups": groups, "roles": roles}), "moto could not be seeded");
    }
}

fn run(endpoint: &str, variables: &[(String, String)], script: &str, args: &[&str]) -> Value {
    let output = Command::new(venv::python("moto_server"))
        .args(["-c", script])
        .args(args)
        .envs(rerun::environment(endpoint))
        .envs(variables.iter().cloned())
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the script failed: {errors}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("the script printed no JSON ({error}): {errors}"))
}
