//! Directories as the SRE agent's own scripts leave them half-way, on a disk: each is recognised, completed from a
//! rehearsed deployment, and in order afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use crate::rehearsal::{folder, kept};
use crate::support::Desk;

const CONFIG: &str = "\
version: 1
deployment: {id: sre-half-done, environment: dev}
aws: {region: us-east-1}
tls: {domain: api.example.com, acme: {email: ops@example.com}}
host: {install: none}
gateway: {name: sre-gateway}
";

/// What a person filled in before the scripts ran.
const FILLED: &str = "\
account_id: \"111122223333\"
region: \"us-east-1\"
role_name: \"my-BedrockAgentCore-role\"
endpoint_url: \"https://bedrock-agentcore-control.us-east-1.amazonaws.com\"
credential_provider_endpoint_url: \"https://bedrock-agentcore-control.us-east-1.amazonaws.com\"
user_pool_id: \"us-east-1_AbCdEfGhI\"
client_id: \"1h57kf5cpq17m0eml12EXAMPLE\"
s3_bucket: \"\"
s3_path_prefix: \"openapi\"
credential_provider_name: \"sre-agent-api-key-credential-provider\"
gateway_name: \"MyGateway\"
target_description: \"ours, leave it\"
";
const SHIPPED_URI: &str =
    "gateway:\n  uri: \"https://sre-gateway-i7ge1zayhw.gateway.bedrock-agentcore.us-east-1.amazonaws.com\"\n";
const COGNITO: &str = "COGNITO_DOMAIN=https://old.auth.us-east-1.amazoncognito.com\nCOGNITO_CLIENT_ID=1h57\n\
    COGNITO_CLIENT_SECRET=0ld\n";

/// A state: its name, what makes it out of a clone, and what is recognised.
type State = (&'static str, fn(&Desk), &'static [&'static str]);

const STATES: [State; 7] = [
    ("a fresh clone", |_| {}, &["002", "003", "007", "008", "009"]),
    (
        "setup_cognito.sh stopped at the domain",
        |desk| {
            desk.write("SRE-agent/deployment/.cognito_config", "USER_POOL_ID=us-east-1_AbCdEfGhI\n");
            desk.write("SRE-agent/gateway/config.yaml", FILLED);
        },
        &["002"],
    ),
    (
        "setup_cognito.sh ran again and wiped the key",
        |desk| {
            desk.write("SRE-agent/gateway/config.yaml", FILLED);
            desk.write("SRE-agent/gateway/.env", COGNITO);
        },
        &["006"],
    ),
    (
        "create_gateway.sh could not make the bucket",
        |desk| {
            desk.write("SRE-agent/gateway/.env", &format!("{COGNITO}BACKEND_API_KEY=0ldkey\n"));
            let failed = FILLED.replace("s3_bucket: \"\"", "s3_bucket: \"Failed to create S3 bucket\"");
            desk.write("SRE-agent/gateway/config.yaml", &failed);
        },
        &["005"],
    ),
    (
        "create_credentials_provider.py failed",
        |desk| {
            desk.write("SRE-agent/gateway/.env", &format!("{COGNITO}BACKEND_API_KEY=0ldkey\n"));
            desk.write("SRE-agent/gateway/config.yaml", FILLED);
            desk.write("SRE-agent/gateway/.access_token", "half.a.token");
        },
        &["007", "008", "009"],
    ),
    (
        "main.py ended before configure_gateway.sh",
        |desk| {
            desk.write("SRE-agent/gateway/.env", &format!("{COGNITO}BACKEND_API_KEY=0ldkey\n"));
            desk.write("SRE-agent/gateway/config.yaml", FILLED);
            desk.write(
                "SRE-agent/gateway/.gateway_uri",
                "https://mygateway-abcdefghij.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp\n",
            );
        },
        &["008"],
    ),
    (
        "configure_gateway.sh wrote quotes, and build_and_deploy.sh was tried with a copy",
        |desk| {
            desk.write("SRE-agent/gateway/config.yaml", FILLED);
            let env = "USER_ID=Ann\nANTHROPIC_API_KEY=\nGATEWAY_ACCESS_TOKEN=\"an.old.token\"\n";
            desk.write("SRE-agent/sre_agent/.env", env);
            desk.write("SRE-agent/deployment/.env", env);
        },
        &["010", "011", "012"],
    ),
];

/// What every clone has.
fn clone(desk: &Desk) {
    let _ = fs::remove_dir_all(desk.path("SRE-agent"));
    for folder in ["gateway", "sre_agent/config", "deployment", "backend/openapi_specs", "backend/servers"] {
        fs::create_dir_all(desk.path(&format!("SRE-agent/{folder}"))).unwrap();
    }
    desk.write("SRE-agent/gateway/create_gateway.sh", "#!/bin/bash\n");
    desk.write("SRE-agent/sre_agent/config/agent_config.yaml", SHIPPED_URI);
    desk.write("SRE-agent/sre_agent/.env", "USER_ID=Ann\n");
    symlink("../sre_agent/.env", desk.path("SRE-agent/deployment/.env")).unwrap();
}

/// The codes of what is wrong, without what is the machine's (a certificate, a Python) and the user pool that
/// `setup_cognito.sh` left in the account.
fn wrong(desk: &Desk) -> BTreeSet<String> {
    let report = desk.run("gateway doctor --dir SRE-agent --format json").json();
    let findings = report["results"][0]["findings"].as_array().unwrap().clone();
    let stays = ["013", "015", "019"];
    findings
        .iter()
        .filter(|finding| !["ok", "info"].contains(&finding["severity"].as_str().unwrap()))
        .map(|finding| finding["code"].as_str().unwrap().trim_start_matches("SRE-AGENT-").to_owned())
        .filter(|code| !stays.contains(&code.as_str()))
        .collect()
}

#[test]
fn what_the_scripts_left_half_way_is_recognised_and_completed() {
    let desk = folder();
    desk.write("config.yaml", CONFIG);
    let rehearsal = kept(&desk, " --config config.yaml");
    let deployment = "--dir SRE-agent --state-file .rehearsal/.deployment_state";
    for (name, make, expected) in STATES {
        clone(&desk);
        if name.contains("a copy") {
            fs::remove_file(desk.path("SRE-agent/deployment/.env")).unwrap();
        }
        make(&desk);
        let is_filled = desk.path("SRE-agent/gateway/config.yaml").exists();
        let before = wrong(&desk);
        for code in expected {
            assert!(before.contains(*code), "{name}: {code} is not in {before:?}");
        }
        desk.run(&format!("gateway files {deployment} --on-conflict replace")).expect(0);
        desk.run(&format!("gateway token {deployment}")).expect(0);
        assert_eq!(wrong(&desk), BTreeSet::new(), "{name}: completed");
        let agent = desk.read("SRE-agent/sre_agent/.env");
        assert!(agent.starts_with("USER_ID=Ann\n"), "{name}: {agent}");
        let config = desk.read("SRE-agent/gateway/config.yaml");
        assert_eq!(config.contains("ours, leave it"), is_filled, "{name}: {config}");
        let again = desk.run(&format!("gateway files {deployment}")).expect(0);
        assert!(again.stdout.contains("has everything already"), "{name}: {}", again.stdout);
    }
    rehearsal.signal("INT");
    rehearsal.end().expect(0);
}
