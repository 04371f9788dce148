//! The laws of a merge, for anything that may be there.

use proptest::prelude::*;

use super::tests::{after, now, present, wanted};
use super::*;
use crate::formats::{EnvFile, GatewayConfig};

/// Lines of a `gateway/config.yaml` as people, the sample and its scripts leave them.
fn config() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "# a comment",
        "",
        "unknown_key: \"kept\"",
        "another: plain # kept too",
        "account_id: \"YOUR_ACCOUNT_ID\"",
        "account_id: '123456789012'",
        "account_id: \"999999999999\"  # mine",
        "region: eu-west-1",
        "region: \"REGION\"",
        "s3_bucket: \"Failed to create S3 bucket\"",
        "s3_bucket: \"a-bucket-of-mine\"",
        "gateway_name: \"MyGateway\"",
        "credential_provider_endpoint_url: \"https://us-east-1.prod.agent-credential-provider.cognito.aws.dev\"",
    ]);
    text(line)
}

/// Lines of a `.env` file.
fn env() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "# a comment",
        "UNKNOWN=kept",
        "export OTHER='kept too'",
        "BACKEND_API_KEY=somebodys-key",
        "BACKEND_API_KEY=\"k3yofbackends\"",
        "COGNITO_CLIENT_SECRET=",
        "COGNITO_USER_POOL_ID=eu-west-1_AbCdEfGhI",
        "REGION=us-east-1",
        "GATEWAY_ACCESS_TOKEN=\"old\"",
        "ANTHROPIC_API_KEY=",
        "LLM_PROVIDER=anthropic",
        "USER_ID=Ann",
    ]);
    text(line)
}

fn text(line: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    (prop::collection::vec(line, 0..8), prop::bool::ANY).prop_map(|(lines, is_windows)| {
        let end = if is_windows { "\r\n" } else { "\n" };
        lines.iter().flat_map(|line| [*line, end]).collect()
    })
}

/// What may be in `.memory_id`.
fn memory() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some("None"),
        Some("sre_agent_memory-0000000000"),
        Some("sre_agent_memory-a1B2c3D4e5"),
    ])
}

fn link() -> impl Strategy<Value = Link> {
    prop::sample::select(vec![
        Link::NoFolder,
        Link::Missing,
        Link::To("../sre_agent/.env".to_owned()),
        Link::To("/elsewhere".to_owned()),
        Link::File,
    ])
}

fn there() -> impl Strategy<Value = Present> {
    let files = (config(), env(), env(), env(), prop::option::of(env()), memory());
    (files, link(), prop::bool::ANY).prop_map(
        |((config, gateway, agent, deployment, root, memory), link, has_uri)| {
            let uri = if has_uri {
                "# c\ngateway:\n  uri: \"https://mine.example.com\"\nkept: 1\n"
            } else {
                "kept: 1\n"
            };
            let mut files = vec![
                (File::GatewayConfig, config.as_str()),
                (File::GatewayEnv, &gateway),
                (File::AgentEnv, &agent),
                (File::AgentConfig, uri),
            ];
            if link == Link::File {
                files.push((File::DeploymentEnv, &deployment));
            }
            if let Some(memory) = memory {
                files.push((File::MemoryId, memory));
            }
            if let Some(root) = &root {
                files.push((File::RootEnv, root));
            }
            present(&files, link)
        },
    )
}

/// Everything that the new state says that it should.
fn is_as_wanted(there: &Present) -> Result<(), TestCaseError> {
    let wanted = wanted();
    let config = GatewayConfig::parse(there.text(File::GatewayConfig).unwrap_or_default());
    for (key, value) in [
        ("account_id", wanted.account.as_str()),
        ("region", "eu-west-1"),
        ("s3_bucket", &wanted.bucket),
        ("gateway_name", "sre-gateway"),
        ("provider_arn", &wanted.provider_arn),
    ] {
        prop_assert_eq!(config.get(key), Some(value.to_owned()), "{}", key);
    }
    let env = EnvFile::parse(there.text(File::GatewayEnv).unwrap_or_default());
    prop_assert_eq!(env.as_docker("BACKEND_API_KEY"), Some(wanted.api_key.expose().as_str()));
    prop_assert_eq!(env.as_docker("COGNITO_CLIENT_SECRET"), Some(wanted.client_secret.expose().as_str()));
    prop_assert!(env.get("REGION").is_none_or(|region| region == Ok("eu-west-1".to_owned())));
    prop_assert_eq!(there.text(File::GatewayUri), Some(wanted.gateway_uri()));
    prop_assert_eq!(there.text(File::MemoryId), wanted.memory_id.as_deref());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Feature: aws-ec2-production-deployment, Property 6: For any deployment update or backup operation, the system
    /// should preserve existing configurations, migrate to new formats when needed, and handle conflicts with clear
    /// resolution options.
    #[test]
    fn configurations_are_preserved_migrated_and_conflicts_resolved(there in there()) {
        let merge = |there: &Present, choice| merge(there, &wanted(), &mut |_| choice, now());
        let replaced = merge(&there, Some(Choice::Replace)).expect("all can be written");
        let end = after(&there, &replaced);
        is_as_wanted(&end)?;

        // Preserved: what nobody asked about stays, line by line, and what changes has its copy.
        for file in [File::GatewayConfig, File::GatewayEnv, File::AgentEnv, File::AgentConfig] {
            let (old, new) = (there.text(file).unwrap_or_default(), end.text(file).unwrap_or_default());
            for line in old.lines().filter(|line| {
                line.starts_with('#') || ["unknown", "another", "UNKNOWN", "export OTHER", "kept"].iter().any(|known| line.starts_with(known))
            }) {
                prop_assert!(new.lines().any(|kept| kept == line), "{} lost {:?}", file, line);
            }
        }
        for write in &replaced.writes {
            let is_there = there.texts.contains_key(&write.file);
            prop_assert_eq!(write.backup.is_some(), is_there, "{}", write.file);
        }

        // Migrated once and for all.
        let again = merge(&end, None).expect("all can be written");
        prop_assert_eq!(&again.writes, &vec![]);
        prop_assert!(again.conflicts.iter().all(|conflict| conflict.file == File::AgentEnv && end.texts.contains_key(&File::RootEnv)), "{:?}", again.conflicts);

        // Conflicts are resolved as chosen: keeping leaves every value that was asked about.
        let kept = merge(&there, Some(Choice::Keep)).expect("all can be written");
        let end = after(&there, &kept);
        let config = |present: &Present| GatewayConfig::parse(present.text(File::GatewayConfig).unwrap_or_default());
        let env = |present: &Present| EnvFile::parse(present.text(File::GatewayEnv).unwrap_or_default());
        for conflict in &kept.conflicts {
            match conflict.file {
                File::GatewayConfig => prop_assert_eq!(config(&end).get(&conflict.key), config(&there).get(&conflict.key)),
                File::GatewayEnv => prop_assert_eq!(env(&end).get(&conflict.key), env(&there).get(&conflict.key)),
                _ => {}
            }
        }
        // Nobody's decision is no decision, and the same is asked whatever the answer.
        let open = merge(&there, None).expect("all can be written");
        prop_assert_eq!(open.undecided().count(), open.conflicts.len());
        prop_assert_eq!(open.conflicts.len(), kept.conflicts.len());

        // No secret is shown.
        let shown = format!("{replaced:?}{}", kept.conflicts.iter().map(ToString::to_string).collect::<String>());
        for secret in ["s3cretofclient", "k3yofbackends", "somebodys-key"] {
            prop_assert!(!shown.contains(secret), "{}", shown);
        }
    }
}
