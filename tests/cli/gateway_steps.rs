//! The section `gateway` from the command line: planned, priced, made, kept, taken away.

use crate::support::Desk;
use crate::terminal::typing;

const DEPLOY: &str = "--config config.yaml --mode production --yes";
const CLEANUP: &str = "--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli";

pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    let config = desk.read("config.yaml");
    desk.write("config.yaml", &format!("{config}gateway: {{name: sre-gateway, memory_days: 90}}\n"));
    desk
}

#[test]
fn a_gateway_is_planned_made_kept_and_taken_away() {
    let desk = desk();
    let plan = desk.run("plan --config config.yaml").expect(0);
    for said in [
        "AgentCore gateway",
        "sre-gateway",
        "Runbooks target",
        "runbooks-api",
        "sre_agent_memory",
        "everything that the agent remembered",
        "AgentCore memory",
        "not priced",
    ] {
        assert!(plan.stdout.contains(said), "{said:?} is missing in\n{}", plan.stdout);
    }
    let ended = desk.run(DEPLOY).expect(0);
    assert!(ended.stdout.contains(".amazonaws.com/mcp"), "{}", ended.stdout);
    assert!(desk.left().iter().any(|thing| thing.starts_with("gateways: sre-gateway-")), "{:?}", desk.left());
    assert!(
        desk.left().iter().any(|thing| thing.starts_with("memories: sre_agent_memory-")),
        "{:?}",
        desk.left()
    );
    desk.run(DEPLOY).expect(0).says(&["nothing to do"]);
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    let desk = desk.with("AWS_REGION", "us-east-1");
    desk.run(CLEANUP).expect(0).says(&["sre_agent_memory-", "everything that the agent remembered is gone"]);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn the_key_of_the_backends_is_in_nothing_that_a_run_writes_or_says() {
    let desk = desk();
    let ended = desk.run(&format!("{DEPLOY} -vv")).expect(0);
    let account: serde_json::Value = serde_json::from_str(&desk.read("account.json")).unwrap();
    let key =
        account["account"]["providers"]["sre-agent-api-key-credential-provider"]["api_key"].as_str().unwrap();
    assert!(key.len() >= 32);
    let mut texts = vec![("stdout".to_owned(), ended.stdout), ("stderr".to_owned(), ended.stderr)];
    for entry in std::fs::read_dir(desk.path(".")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name != "account.json" {
            texts.push((name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
    assert!(texts.iter().any(|(name, _)| name == ".deployment_state"), "{:?}", texts.len());
    for (name, text) in texts {
        assert!(!text.contains(key), "the key is in {name}");
    }
}

#[test]
fn a_gateway_without_a_name_for_its_backends_is_refused_with_its_page() {
    let desk = Desk::new();
    desk.write(
        "config.yaml",
        "version: 1\ndeployment: {id: sre-cli}\naws: {region: us-east-1}\nhost: {install: none}\n\
         tls: {source: files, cert_path: /a, key_path: /b}\ngateway: {name: sre-gateway}\n",
    );
    desk.run("plan --config config.yaml --mode production").expect(2).says(&["SRE-CONF-028", "tls.domain"]);
}

#[test]
fn guided_all_means_its_parts_as_well_but_for_the_schemas() {
    let desk = desk();
    let left_to_calls = "a\n".repeat(30);
    let shown =
        typing(&desk, "deploy --config config.yaml --yes --guided all", &left_to_calls).expect(0).stdout;
    for words in [
        "By hand, gateway.bucket: Create S3 bucket bedrock-agentcore-gateway-",
        "By hand, gateway.credential-provider: Add API key sre-agent-api-key-credential-provider",
        "openssl rand -hex 32",
        "Custom trust policy",
        "By hand, gateway.gateway: Create gateway sre-gateway",
        "Target description: by hand for sre-agent-deploy sre-cli: Kubernetes, schema ",
        "By hand, gateway.target-runbooks: Add target runbooks-api to gateway sre-gateway-",
    ] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    assert!(!shown.contains("By hand, gateway.schemas"), "{shown}");
}

#[test]
fn a_rehearsal_makes_a_gateway_and_a_memory_too() {
    let desk = desk();
    desk.run("--config config.yaml --mode rehearsal --yes --state-file .deployment_state").expect(0);
    let practice = desk.run("status --format json").expect(0).json();
    assert_eq!(practice["phase"], "finished", "{practice:#}");
    let checked = desk.run("check gateway --state-file .deployment_state --format json").json();
    let results = checked["results"].as_array().unwrap();
    let mut findings = results.iter().flat_map(|result| result["findings"].as_array().unwrap());
    let memory = findings.find(|finding| finding["code"] == "SRE-GW-015").unwrap();
    assert_eq!(memory["severity"], "ok", "{memory:#}");
    assert!(memory["subject"].as_str().unwrap().starts_with("sre_agent_memory-"), "{memory:#}");
}

#[test]
fn a_runtime_is_planned_made_named_in_the_agents_directory_and_taken_away() {
    let desk = Desk::new();
    let config = desk.read("config.yaml");
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1";
    desk.write("config.yaml", &format!("{config}gateway: {{name: sre-gateway, runtime: \"{image}\"}}\n"));
    let plan = desk.run("plan --config config.yaml").expect(0);
    for said in ["Agent runtime", "sre_cli", "Runtime role", "AgentCore runtime", "time and memory"] {
        assert!(plan.stdout.contains(said), "{said:?} is missing in\n{}", plan.stdout);
    }
    desk.run(DEPLOY).expect(0);
    desk.run(DEPLOY).expect(0).says(&["nothing to do"]);
    for (folder, script) in [("gateway", "create_gateway.sh"), ("deployment", "build_and_deploy.sh")] {
        std::fs::create_dir_all(desk.path(&format!("SRE-agent/{folder}"))).unwrap();
        desk.write(&format!("SRE-agent/{folder}/{script}"), "#!/bin/bash\n");
    }
    desk.run("gateway files --dir SRE-agent --on-conflict replace").expect(0);
    let arn = desk.read("SRE-agent/deployment/.agent_arn");
    assert!(arn.contains(":runtime/sre_cli-"), "{arn}");
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    let desk = desk.with("AWS_REGION", "us-east-1");
    desk.run(CLEANUP).expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
}
