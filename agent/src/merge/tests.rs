//! Merges into directories as people and the sample's scripts leave them.

use model::Region;

use super::*;

pub(crate) fn wanted() -> Wanted {
    Wanted {
        account: "123456789012".to_owned(),
        region: Region::parse("eu-west-1").expect("a Region"),
        role_arn: "arn:aws:iam::123456789012:role/sre-agent-deploy/sre/sre-BedrockAgentCore-gateway".to_owned(),
        pool_id: "eu-west-1_AbCdEfGhI".to_owned(),
        client_id: "1h57kf5cpq17m0eml12EXAMPLE".to_owned(),
        client_secret: Secret::new("s3cretofclient".to_owned()),
        cognito_domain: "https://sre.auth.eu-west-1.amazoncognito.com/".to_owned(),
        domain: "api.example.com".to_owned(),
        gateway_name: "sre-gateway".to_owned(),
        gateway_url: "https://sre-gateway-abcdefghij.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp".to_owned(),
        provider_arn: "arn:aws:bedrock-agentcore:eu-west-1:123456789012:token-vault/default/apikeycredentialprovider/sre-agent-api-key-credential-provider".to_owned(),
        runtime_arn: Some("arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/sre-abcdefghij".to_owned()),
        bucket: "bedrock-agentcore-gateway-123456789012-sre".to_owned(),
        prefix: "openapi".to_owned(),
        api_key: Secret::new("k3yofbackends".to_owned()),
        memory_id: Some("sre_agent_memory-a1B2c3D4e5".to_owned()),
        token: None,
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T02:30:00Z".parse().expect("a time")
}

pub(crate) fn present(files: &[(File, &str)], deployment_env: Link) -> Present {
    let texts = files.iter().map(|(file, text)| (*file, Secret::new((*text).to_owned()))).collect();
    Present { texts, deployment_env }
}

/// What is there after the writes.
pub(crate) fn after(there: &Present, merged: &Merged) -> Present {
    let mut after = there.clone();
    for write in &merged.writes {
        match &write.change {
            Change::Text(text) => {
                after.texts.insert(write.file, text.clone());
            }
            Change::LinkTo(target) => {
                after.texts.remove(&write.file);
                after.deployment_env = Link::To((*target).to_owned());
            }
        }
    }
    after
}

fn merged(there: &Present, choice: Option<Choice>) -> Merged {
    merge(there, &wanted(), &mut |_| choice, now()).expect("all can be written")
}

fn notes(merged: &Merged) -> String {
    merged.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_directory_gets_every_file() {
    let there = present(&[(File::AgentConfig, "gateway:\n  uri: \"\"\n")], Link::Missing);
    let merged = merged(&there, None);
    assert_eq!(merged.conflicts, []);
    let files: Vec<&str> = merged.writes.iter().map(|write| write.file.path()).collect();
    assert_eq!(
        files,
        [
            "gateway/config.yaml",
            "gateway/.env",
            "backend/.env",
            "backend/openapi_specs/k8s_api.yaml",
            "backend/openapi_specs/logs_api.yaml",
            "backend/openapi_specs/metrics_api.yaml",
            "backend/openapi_specs/runbooks_api.yaml",
            "gateway/.credentials_provider",
            "gateway/.gateway_uri",
            "sre_agent/config/agent_config.yaml",
            "sre_agent/.env",
            "deployment/.env",
            ".memory_id",
            "deployment/.agent_arn",
        ]
    );
    let after = after(&there, &merged);
    let config = after.text(File::GatewayConfig).unwrap();
    assert!(
        config.contains("role_name: \"sre-agent-deploy/sre/sre-BedrockAgentCore-gateway\"\n"),
        "{config}"
    );
    assert!(config.contains("gateway_name: \"sre-gateway\"\n"), "{config}");
    assert!(config.contains("endpoint_url: \"https://bedrock-agentcore-control.eu-west-1.amazonaws.com\"\n"));
    let uri = "https://sre-gateway-abcdefghij.gateway.bedrock-agentcore.eu-west-1.amazonaws.com";
    assert_eq!(after.text(File::GatewayUri), Some(uri));
    assert_eq!(after.text(File::MemoryId), Some("sre_agent_memory-a1B2c3D4e5"));
    assert_eq!(after.text(File::AgentArn), wanted().runtime_arn.as_deref());
    let env = after.text(File::GatewayEnv).unwrap();
    assert!(env.contains("BACKEND_API_KEY=k3yofbackends\n") && !env.contains("REGION="), "{env}");
    assert!(env.contains("COGNITO_DOMAIN=https://sre.auth.eu-west-1.amazoncognito.com\n"), "{env}");
}

#[test]
fn what_the_sample_ships_is_filled_without_asking() {
    let there = present(
        &[
            (
                File::GatewayConfig,
                "# Theirs\naccount_id: \"YOUR_ACCOUNT_ID\"\nregion: \"REGION\"\ncustom: \"mine\"\n\
                 credential_provider_endpoint_url: \"https://us-east-1.prod.agent-credential-provider.cognito.aws.dev\"\n\
                 s3_bucket: \"Failed to create S3 bucket\"\n",
            ),
            (
                File::AgentConfig,
                "# tools\ngateway:\n  uri: \"https://sre-gateway-i7ge1zayhw.gateway.bedrock-agentcore.us-east-1.amazonaws.com\"\n",
            ),
        ],
        Link::Missing,
    );
    let merged = merged(&there, None);
    assert_eq!(merged.conflicts, []);
    let after = after(&there, &merged);
    let config = after.text(File::GatewayConfig).unwrap();
    assert!(
        config
            .starts_with("# Theirs\naccount_id: \"123456789012\"\nregion: \"eu-west-1\"\ncustom: \"mine\"\n"),
        "{config}"
    );
    assert!(!config.contains(".aws.dev") && !config.contains("Failed"), "{config}");
    assert!(notes(&merged).contains("s3_bucket was no name of a bucket"), "{}", notes(&merged));
    let backups: Vec<&str> = merged.writes.iter().filter_map(|write| write.backup.as_deref()).collect();
    assert_eq!(
        backups,
        [
            "gateway/config.yaml.bak-20261122T023000Z",
            "sre_agent/config/agent_config.yaml.bak-20261122T023000Z"
        ]
    );
}

#[test]
fn a_value_of_somebody_is_shown_and_kept_or_replaced_as_chosen() {
    let there = present(
        &[
            (File::GatewayConfig, "gateway_name: \"mine\"\n"),
            (File::GatewayEnv, "BACKEND_API_KEY=an-older-key\n"),
        ],
        Link::NoFolder,
    );
    let shown: Vec<String> = merged(&there, None).undecided().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "gateway/config.yaml: gateway_name is `mine`, and wanted is `sre-gateway`",
            "gateway/.env: BACKEND_API_KEY is a secret of 12 characters, and wanted is a secret of 13 characters",
        ]
    );
    let kept = after(&there, &merged(&there, Some(Choice::Keep)));
    assert!(kept.text(File::GatewayConfig).unwrap().contains("gateway_name: \"mine\"\n"));
    assert!(kept.text(File::GatewayEnv).unwrap().contains("BACKEND_API_KEY=an-older-key\n"));
    let replaced = after(&there, &merged(&there, Some(Choice::Replace)));
    assert!(replaced.text(File::GatewayConfig).unwrap().contains("gateway_name: \"sre-gateway\"\n"));
    assert!(replaced.text(File::GatewayEnv).unwrap().contains("BACKEND_API_KEY=k3yofbackends\n"));
}

#[test]
fn another_memory_is_somebodys_and_what_is_no_memory_is_nobodys() {
    let other = present(&[(File::MemoryId, "sre_agent_memory-0000000000\n")], Link::NoFolder);
    let shown: Vec<String> = merged(&other, None).undecided().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            ".memory_id: memory_id is `sre_agent_memory-0000000000`, and wanted is `sre_agent_memory-a1B2c3D4e5`"
        ]
    );
    let none = present(&[(File::MemoryId, "None\n")], Link::NoFolder);
    let filled = merged(&none, None);
    assert!(filled.conflicts.is_empty() && notes(&filled).contains("no id of the agent's memory"));
    assert_eq!(after(&none, &filled).text(File::MemoryId), Some("sre_agent_memory-a1B2c3D4e5"));
    let without = Wanted { memory_id: None, ..wanted() };
    let kept = merge(&other, &without, &mut |_| None, now()).expect("all can be written");
    assert!(kept.conflicts.is_empty());
    assert_eq!(after(&other, &kept).text(File::MemoryId), other.text(File::MemoryId));
}

#[test]
fn older_layouts_are_migrated() {
    let there = present(
        &[
            (File::GatewayConfig, "account_id: '123456789012'\nregion: 'eu-west-1'\n"),
            (File::GatewayEnv, "COGNITO_USER_POOL_ID=eu-west-1_AbCdEfGhI\nREGION=us-east-1\nEXTRA=1\n"),
            (File::AgentEnv, "ANTHROPIC_API_KEY=\nUSER_ID=\"Ann\"\nAWS_DEFAULT_REGION=us-east-2\n"),
            (File::RootEnv, "ANTHROPIC_API_KEY=sk-1\nGATEWAY_ACCESS_TOKEN=old\n"),
            (File::DeploymentEnv, "DEBUG=true\n"),
        ],
        Link::File,
    );
    let merged = merged(&there, Some(Choice::Replace));
    let after = after(&there, &merged);
    assert!(
        after
            .text(File::GatewayConfig)
            .unwrap()
            .starts_with("account_id: \"123456789012\"\nregion: \"eu-west-1\"\n")
    );
    let env = after.text(File::GatewayEnv).unwrap();
    assert!(env.starts_with("# COGNITO_USER_POOL_ID=eu-west-1_AbCdEfGhI\nREGION=eu-west-1\nEXTRA=1\nUSER_POOL_ID=eu-west-1_AbCdEfGhI\n"), "{env}");
    let env = after.text(File::AgentEnv).unwrap();
    assert!(env.contains("\nANTHROPIC_API_KEY=sk-1\n") && env.contains("DEBUG=true\n"), "{env}");
    assert!(env.contains("USER_ID=\"Ann\"\n") && env.contains("AWS_DEFAULT_REGION=us-east-2\n"), "{env}");
    assert!(!env.contains("GATEWAY_ACCESS_TOKEN"), "{env}");
    assert_eq!(after.deployment_env, Link::To("../sre_agent/.env".to_owned()));
    // The token of then stays where it is, in a file that nothing reads any more.
    assert!(
        merged
            .writes
            .iter()
            .any(|write| write.backup.as_deref() == Some("deployment/.env.bak-20261122T023000Z"))
    );
    let order: Vec<File> = merged.writes.iter().map(|write| write.file).collect();
    let place = |file| order.iter().position(|one| *one == file);
    assert!(
        place(File::AgentEnv) < place(File::DeploymentEnv),
        "what is taken over is on disk before its source goes"
    );
}

#[test]
fn a_token_is_put_into_both_files_and_no_other() {
    let there = present(
        &[(File::AccessToken, "old"), (File::AgentEnv, "USER_ID=Ann\nGATEWAY_ACCESS_TOKEN=\"old\"\n")],
        Link::Missing,
    );
    let token = Secret::new("eyJ.new.t-_".to_owned());
    let merged = merge_token(&there, &token, now()).unwrap();
    let after = after(&there, &merged);
    assert_eq!(after.text(File::AccessToken), Some("eyJ.new.t-_"));
    assert_eq!(after.text(File::AgentEnv), Some("USER_ID=Ann\nGATEWAY_ACCESS_TOKEN=eyJ.new.t-_\n"));
    assert!(merged.writes.iter().all(|write| write.backup.is_none()), "a timer leaves no copies");
    let files: Vec<File> = merged.writes.iter().map(|write| write.file).collect();
    assert_eq!(files, [File::AccessToken, File::AgentEnv]);
    let twice = merge_token(&after, &token, now()).unwrap();
    assert_eq!(twice.writes, []);
}

#[test]
fn a_secret_that_a_file_cannot_carry_is_refused_without_telling_it() {
    let odd = Wanted { api_key: Secret::new("with blank".to_owned()), ..wanted() };
    let faults = merge(&Present::default(), &odd, &mut |_| None, now()).unwrap_err();
    assert_eq!(faults.len(), 1);
    let told = faults[0].to_string();
    assert!(told.starts_with("BACKEND_API_KEY cannot be written") && !told.contains("with blank"), "{told}");
}
