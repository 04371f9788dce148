//! The SRE agent's directory: what is said of it, what keeps its files from being written, and a token of a rehearsal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::rehearsal::{folder, kept};
use crate::support::Desk;
use crate::terminal::{typing, typing_at};

/// A directory as the sample's scripts leave it when the credential provider could not be made.
pub(crate) fn half_way(desk: &Desk) {
    for folder in
        ["SRE-agent/gateway", "SRE-agent/sre_agent/config", "SRE-agent/deployment", "SRE-agent/backend"]
    {
        fs::create_dir_all(desk.path(folder)).unwrap();
    }
    desk.write("SRE-agent/gateway/create_gateway.sh", "#!/bin/bash\n");
    desk.write(
        "SRE-agent/gateway/config.yaml",
        "account_id: '123456789012'\nregion: \"us-east-1\"\nrole_name: \"YOUR_ROLE_NAME\"\n\
         s3_bucket: \"Failed to create S3 bucket\"\n",
    );
    desk.write("SRE-agent/gateway/.env", "COGNITO_CLIENT_SECRET=tops3cret\nCOGNITO_CLIENT_ID=abc\n");
    desk.write("SRE-agent/gateway/.access_token", "not-a-t0ken");
    desk.write(
        "SRE-agent/sre_agent/.env",
        "USER_ID=Ann\nANTHROPIC_API_KEY=\nGATEWAY_ACCESS_TOKEN=\"old-t0ken\"\n",
    );
    desk.write(
        "SRE-agent/sre_agent/config/agent_config.yaml",
        "gateway:\n  uri: \"https://sre-gateway-i7ge1zayhw.gateway.bedrock-agentcore.us-east-1.amazonaws.com\"\n",
    );
}

#[test]
fn a_directory_that_was_left_half_way_is_explained_without_its_secrets() {
    let desk = Desk::new();
    half_way(&desk);
    for format in ["text", "json", "markdown", "junit", "html"] {
        let ended =
            desk.run(&format!("gateway doctor --dir SRE-agent --format {format} --verbose")).expect(5);
        for code in ["002", "003", "004", "005", "006", "007", "008", "009", "010", "011", "012"] {
            assert!(
                ended.stdout.contains(&format!("SRE-AGENT-{code}")),
                "{code} in {format}:\n{}",
                ended.stdout
            );
        }
        for secret in ["tops3cret", "not-a-t0ken", "old-t0ken"] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{secret} in {format}");
        }
    }
    let nagios = desk.run("gateway doctor --dir SRE-agent --format nagios");
    assert_eq!(nagios.code, Some(2), "{}", nagios.stdout);
}

#[test]
fn the_repository_around_the_sample_will_do() {
    let desk = Desk::new();
    half_way(&desk);
    fs::create_dir_all(desk.path("clone/02-use-cases")).unwrap();
    fs::rename(desk.path("SRE-agent"), desk.path("clone/02-use-cases/SRE-agent")).unwrap();
    let ended = desk.run("gateway doctor --dir clone --format json").expect(5);
    let result = &ended.json()["results"][0];
    let findings = result["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["code"] == "SRE-AGENT-005" && finding["severity"] == "error")
    );
    let other = desk.run("gateway doctor --dir clone/02-use-cases").expect(5);
    assert!(other.stdout.contains("SRE-AGENT-001"), "{}", other.stdout);
}

#[test]
fn without_the_sample_or_a_gateway_nothing_is_written() {
    let desk = Desk::new();
    desk.run("gateway files --dir .").expect(2).says(&["SRE-AGENT-001"]);
    desk.run("gateway token --dir .").expect(2).says(&["SRE-AGENT-001"]);
    half_way(&desk);
    desk.run("gateway files --dir SRE-agent").expect(2).says(&["SRE-STATE-005"]);
    let desk = desk.deployed();
    desk.run("gateway files --dir SRE-agent").expect(2).says(&["SRE-AGENT-022", "gateway.gateway"]);
    desk.run("gateway token --dir SRE-agent").expect(4).says(&["SRE-AGENT-023"]);
    assert_eq!(desk.read("SRE-agent/gateway/.access_token"), "not-a-t0ken", "the old one stays");
}

#[test]
fn a_token_of_a_running_rehearsal_gets_where_the_agent_looks_for_it() {
    let desk = folder();
    half_way(&desk);
    let rehearsal = kept(&desk, "");
    let line = "gateway token --dir SRE-agent --state-file .rehearsal/.deployment_state --format json";
    let ended = desk.run(line).expect(0);
    let token = desk.read("SRE-agent/gateway/.access_token");
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let env = desk.read("SRE-agent/sre_agent/.env");
    assert!(
        env.contains(&format!("\nGATEWAY_ACCESS_TOKEN={token}\n")) && env.starts_with("USER_ID=Ann\n"),
        "{env}"
    );
    assert!(!ended.stdout.contains(&token) && !ended.stderr.contains(&token));
    let end: jiff::Timestamp = ended.json()["ends"].as_str().unwrap().parse().unwrap();
    assert!(end.as_second() > 1_700_000_000);
    for file in ["SRE-agent/gateway/.access_token", "SRE-agent/sre_agent/.env"] {
        assert_eq!(fs::metadata(desk.path(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let doctor = desk.run("gateway doctor --dir SRE-agent --format json").json();
    let findings = doctor["results"][0]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["code"] == "SRE-AGENT-009" && finding["severity"] == "ok"),
        "{findings:#?}"
    );
    rehearsal.signal("INT");
    rehearsal.end().expect(0);
}

#[test]
fn a_runtime_gets_the_token_too_and_what_fails_of_it_is_said_when_the_files_have_it() {
    let desk = folder();
    half_way(&desk);
    let config = include_str!("../../src/rehearsal.yaml");
    desk.write("runtime.yaml", &format!("{config}{WITH_RUNTIME}"));
    let rehearsal = kept(&desk, " --config runtime.yaml");
    let line = "gateway token --dir SRE-agent --state-file .rehearsal/.deployment_state";
    let account = || {
        let text = desk.read(".rehearsal/account.json");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let before = account();
    let runtimes = before["account"]["runtimes"].as_object().unwrap();
    let (id, _) = runtimes.iter().next().unwrap();
    assert!(id.starts_with("sre_agent_rehearsal-"), "{id}");
    let check = "check gateway --state-file .rehearsal/.deployment_state -vv";
    let early = desk.run(check).expect(0);
    assert!(early.stdout.contains("the runtime has no token"), "{}", early.stdout);

    let ended = desk.run(&format!("{line} -vv")).expect(0);
    assert!(ended.stdout.contains(&format!("runtime {id}")), "{}", ended.stdout);
    let token = desk.read("SRE-agent/gateway/.access_token");
    let after = account();
    let runtime = &after["account"]["runtimes"][id];
    assert_eq!(runtime["environment"]["GATEWAY_ACCESS_TOKEN"], token);
    assert_eq!(runtime["environment"]["LLM_PROVIDER"], "bedrock", "what else is there stays");
    assert_eq!(runtime["artifact"], before["account"]["runtimes"][id]["artifact"]);
    let journal = desk.read(".rehearsal/.deployment_state");
    for text in [&ended.stdout, &ended.stderr, &journal] {
        assert!(!text.contains(&token));
    }
    // It is UPDATING at first.
    let checked = (0..5).map(|_| desk.run(check)).find(|checked| checked.code == Some(0)).unwrap();
    assert!(checked.stdout.contains("its token ends at"), "{}", checked.stdout);
    assert!(!checked.stdout.contains(&token) && !checked.stderr.contains(&token));

    let mut gone = after;
    gone["account"]["runtimes"] = serde_json::json!({});
    desk.write(".rehearsal/account.json", &gone.to_string());
    fs::remove_file(desk.path("SRE-agent/gateway/.access_token")).unwrap();
    let failed = desk.run(line).expect(4).says(&["SRE-AGENT-023", "the files have it"]);
    let token = desk.read("SRE-agent/gateway/.access_token");
    assert_eq!(token.split('.').count(), 3, "a JWT");
    assert!(!failed.stdout.contains(&token) && !failed.stderr.contains(&token));
    rehearsal.signal("INT");
    rehearsal.end();
}

/// The same with a runtime.
const WITH_RUNTIME: &str =
    "gateway: {name: sre-gateway, runtime: \"123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1\"}\n";

/// A deployment with a gateway, as far as the practice account goes.
const WITH_GATEWAY: &str = "gateway: {name: sre-gateway, memory_days: 90}\n";

#[test]
fn a_finished_deployment_fills_the_files_and_its_secrets_are_in_one_of_them() {
    let desk = Desk::new();
    desk.write("config.yaml", &format!("{}{WITH_GATEWAY}", crate::support::CONFIG));
    let desk = desk.deployed();
    half_way(&desk);
    fs::create_dir_all(desk.path("SRE-agent/backend/openapi_specs")).unwrap();
    let account = desk.read("account.json");
    desk.run("gateway files --dir SRE-agent").expect(2).says(&[
        "SRE-AGENT-021",
        "COGNITO_CLIENT_ID is `abc`",
        "COGNITO_CLIENT_SECRET is a secret of 9 characters",
    ]);
    let dry = desk.run("gateway files --dir SRE-agent --dry-run").expect(0);
    assert!(desk.read("SRE-agent/gateway/.env").contains("tops3cret"), "{}", dry.stdout);
    let ended = desk.run("gateway files --dir SRE-agent --on-conflict replace --format json").expect(0);
    let written = ended.json()["files"].as_array().unwrap().len();
    assert!(written > 8, "{}", ended.stdout);
    let env = desk.read("SRE-agent/gateway/.env");
    let value = |name: &str| {
        let line = env.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("{name} is not in {env}")).to_owned()
    };
    assert!(account.contains(&value("BACKEND_API_KEY")), "the provider's own");
    for secret in [value("COGNITO_CLIENT_SECRET"), value("BACKEND_API_KEY")] {
        assert!(secret.len() > 20 && !secret.contains("tops3cret"), "the account's own");
        for text in [&ended.stdout, &ended.stderr, &dry.stdout, &dry.stderr, &desk.read(".deployment_state")]
        {
            assert!(!text.contains(&secret));
        }
    }
    let config = desk.read("SRE-agent/gateway/config.yaml");
    assert!(!config.contains("YOUR_") && !config.contains("Failed to"), "{config}");
    assert!(!desk.path("SRE-agent/deployment/.agent_arn").exists(), "there is no runtime");
    let uri = desk.read("SRE-agent/gateway/.gateway_uri");
    assert!(uri.starts_with("https://") && !uri.ends_with("/mcp"), "{uri}");
    let memory = desk.read("SRE-agent/.memory_id");
    assert!(
        account.contains(&format!("\"{memory}\"")) && memory.starts_with("sre_agent_memory-"),
        "{memory}"
    );
    let again = desk.run("gateway files --dir SRE-agent").expect(0);
    assert!(again.stdout.contains("has everything already"), "{}", again.stdout);
    let next = "next: sre-agent-deploy gateway token --dir SRE-agent --state-file .deployment_state fetches";
    assert!(again.stdout.contains(next), "{}", again.stdout);
    let named = desk.run("gateway files --dir ./SRE-agent --config config.yaml --mode production").expect(0);
    let next = "--dir ./SRE-agent --state-file .deployment_state --config config.yaml fetches";
    assert!(named.stdout.contains(next), "{}", named.stdout);
    let doctor = desk.run("gateway doctor --dir SRE-agent --format json").json();
    let findings = doctor["results"][0]["findings"].as_array().unwrap();
    let wrong: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    // The token, and what is the machine's.
    assert!(
        wrong.iter().all(|code| ["SRE-AGENT-009", "SRE-AGENT-013", "SRE-AGENT-015"].contains(code)),
        "{findings:#?}"
    );
}

#[test]
fn a_part_of_what_is_wrong_is_chosen_by_its_code() {
    let desk = Desk::new();
    half_way(&desk);
    let doctor = |flags: &str| desk.run(&format!("gateway doctor --dir SRE-agent --format json {flags}"));
    let codes = |flags: &str| -> Vec<String> {
        let report = doctor(flags).json();
        let findings = report["results"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    assert!(codes("--only sre-agent-005").iter().all(|code| code == "SRE-AGENT-005"));
    doctor("--only SRE-AGENT-005").expect(5);
    let ignoring = codes("--ignore SRE-AGENT-005,SRE-AGENT-003");
    assert!(!ignoring.iter().any(|code| code == "SRE-AGENT-005" || code == "SRE-AGENT-003"), "{ignoring:?}");
    assert!(ignoring.len() > 10, "{ignoring:?}");
    doctor("--only SRE-AGENT-010 --fail-on fail").expect(0);
    for (flags, words) in [
        ("--only SRE-AGENT-05", "did you mean SRE-AGENT-005?"),
        ("--ignore SRE-GW-001", "there is no check `SRE-GW-001`"),
    ] {
        desk.run(&format!("gateway doctor --dir SRE-agent {flags}")).expect(2).says(&["SRE-CLI-007", words]);
    }
    desk.run("check host --only SRE-HOST-01").expect(2).says(&["did you mean SRE-HOST-0"]);
}

/// Every file of the directory with what is in it.
fn tree(desk: &Desk) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec!["SRE-agent".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(desk.path(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(name);
            } else {
                files.push((name.clone(), desk.read(&name)));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn each_conflict_is_asked_about_and_nothing_is_written_before_all_are_decided() {
    const QUESTION: &str = "keep it or replace it? [k/r]";
    let desk = Desk::new();
    desk.write("config.yaml", &format!("{}{WITH_GATEWAY}", crate::support::CONFIG));
    let desk = desk.deployed();
    half_way(&desk);
    let before = tree(&desk);
    // The end of the input is no answer, also not after the first.
    for typed in ["\u{4}", "k\n\u{4}"] {
        let ended = typing(&desk, "gateway files --dir SRE-agent", typed).expect(8);
        assert!(ended.stdout.contains("not decided; nothing was written"), "{}", ended.stdout);
        assert_eq!(tree(&desk), before);
    }
    let stopped = typing_at(&desk, "gateway files --dir SRE-agent", QUESTION, "\u{3}").expect(8);
    assert!(stopped.stdout.contains("stopped by the operator"), "{}", stopped.stdout);
    assert_eq!(tree(&desk), before);
    let ended = typing(&desk, "gateway files --dir SRE-agent", "what?\n\nk\nr\n").expect(0);
    assert_eq!(ended.stdout.matches(QUESTION).count(), 4, "{}", ended.stdout);
    let env = desk.read("SRE-agent/gateway/.env");
    assert!(env.contains("COGNITO_CLIENT_ID=abc\n") && !env.contains("tops3cret"), "{env}");
    for said in
        ["kept: gateway/.env: COGNITO_CLIENT_ID is `abc`", "replaced: gateway/.env: COGNITO_CLIENT_SECRET"]
    {
        assert!(ended.stdout.contains(said), "{said} is not in {}", ended.stdout);
    }
    let secrets = env.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        matches!(name, "COGNITO_CLIENT_SECRET" | "BACKEND_API_KEY").then(|| value.to_owned())
    });
    let secrets: Vec<String> = secrets.chain(["tops3cret".to_owned()]).collect();
    assert_eq!(secrets.len(), 3);
    for secret in secrets {
        assert!(
            !ended.stdout.contains(&secret) && !stopped.stdout.contains(&secret),
            "a secret is on the screen"
        );
    }
}
