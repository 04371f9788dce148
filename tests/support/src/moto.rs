//! An emulated account: moto, started from the project's virtual environment.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::Server;
use crate::{http, rerun, venv};

const SERVE: &str = include_str!("../scripts/moto.py");
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
        let output = Command::new(venv::python("moto_server"))
            .args(["-c", script])
            .args(args)
            .envs(rerun::environment(endpoint))
            .output()
            .expect("Python starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the script failed: {errors}");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("the script printed no JSON ({error}): {errors}"))
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
