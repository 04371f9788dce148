//! Directories as the sample's scripts leave them half-way.

use super::*;
use crate::merge::Link;
use model::Secret;

const URI: &str = "https://sre-gateway-abcdefghij.gateway.bedrock-agentcore.us-east-1.amazonaws.com";
const ARN: &str = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/sre-agent-api-key-credential-provider";
const CONFIG: &str = "account_id: \"123456789012\"\nregion: \"us-east-1\"\nrole_name: \"BedrockAgentCore-sre\"\n\
    endpoint_url: \"https://bedrock-agentcore-control.us-east-1.amazonaws.com\"\n\
    credential_provider_endpoint_url: \"https://bedrock-agentcore-control.us-east-1.amazonaws.com\"\n\
    user_pool_id: \"us-east-1_AbCdEfGhI\"\nclient_id: \"1h57kf5cpq17m0eml12EXAMPLE\"\n\
    s3_bucket: \"bedrock-agentcore-gateway-123456789012-sre\"\ns3_path_prefix: \"openapi\"\n\
    credential_provider_name: \"sre-agent-api-key-credential-provider\"\ngateway_name: \"sre-gateway\"\n";
const ENV: &str = "COGNITO_DOMAIN=https://sre.auth.us-east-1.amazoncognito.com\nCOGNITO_CLIENT_ID=1h57\n\
    COGNITO_CLIENT_SECRET=s3cret\nBACKEND_API_KEY=k3y\n";

/// A directory in which everything is done.
fn finished() -> Facts {
    let agent = format!("agents:\ngateway:\n  uri: \"{URI}\"\n");
    let texts = [
        (File::GatewayConfig, CONFIG),
        (File::GatewayEnv, ENV),
        (File::Provider, ARN),
        (File::GatewayUri, URI),
        (File::AgentConfig, &agent),
        (File::AccessToken, "t0ken"),
        (File::MemoryId, "sre_agent_memory-a1B2c3D4e5\n"),
        (File::AgentEnv, "LLM_PROVIDER=bedrock\nGATEWAY_ACCESS_TOKEN=t0ken\n"),
    ];
    let texts = texts.map(|(file, text)| (file, Secret::new(text.to_owned()))).into_iter().collect();
    let now: Timestamp = "2026-11-22T02:30:00Z".parse().expect("a time");
    Facts {
        dir: "/home/ec2-user/SRE-agent".to_owned(),
        is_sample: true,
        present: Present { texts, deployment_env: Link::To("../sre_agent/.env".to_owned()) },
        token: Token::Ends("2026-11-22T03:20:00Z".parse().expect("a time")),
        has_tls: true,
        is_region_fixed: true,
        python: Some((3, 12)),
        now,
        ..Facts::default()
    }
}

fn put(facts: &mut Facts, file: File, text: impl Into<String>) {
    facts.present.texts.insert(file, Secret::new(text.into()));
}

/// What is wrong: code, file and message.
fn wrong(facts: &Facts) -> Vec<String> {
    let findings = judge(facts);
    let told = format!("{findings:?}");
    for secret in ["s3cret", "t0ken", "k3y"] {
        assert!(!told.contains(secret), "{told}");
    }
    let mut wrong: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Skipped)
        .map(|finding| format!("{} {}: {}", finding.code, finding.subject, finding.message))
        .collect();
    wrong.sort();
    wrong
}

#[test]
fn a_finished_directory_is_in_order_in_every_respect() {
    assert_eq!(wrong(&finished()), Vec::<String>::new());
    let findings = judge(&finished());
    assert_eq!(findings.len(), CHECKS.len());
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok));
}

#[test]
fn another_directory_is_not_judged() {
    let facts = Facts { is_sample: false, ..finished() };
    let findings = judge(&facts);
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].code.as_str(), findings[0].severity), ("SRE-AGENT-001", Severity::Error));
}

/// A change to a finished directory, and the beginnings of what is said about it.
type Case = (&'static str, fn(&mut Facts), &'static [&'static str]);

#[test]
fn what_the_scripts_leave_half_way_is_recognised() {
    let cases: &[Case] = &[
        (
            "setup_cognito.sh failed at the domain",
            |facts| {
                put(facts, File::CognitoNotes, "USER_POOL_ID=us-east-1_AbCdEfGhI\n");
                facts.present.texts.remove(&File::GatewayEnv);
            },
            &[
                "SRE-AGENT-002 deployment/.cognito_config: setup_cognito.sh stopped half-way: it noted no COGNITO_DOMAIN, DOMAIN_PREFIX",
                "SRE-AGENT-002 gateway/.env: there is none",
            ],
        ),
        (
            "the files were written from a deployment after setup_cognito.sh had made a pool of its own",
            |facts| {
                put(
                    facts,
                    File::CognitoNotes,
                    "USER_POOL_ID=us-east-1_Other0000\nCOGNITO_DOMAIN=https://x\nDOMAIN_PREFIX=x\n\
                     RESOURCE_SERVER_ID=x\nCOGNITO_CLIENT_ID=other\nCOGNITO_CLIENT_SECRET=s3cret2\n",
                );
                put(facts, File::GatewayEnv, format!("{ENV}USER_POOL_ID=us-east-1_AbCdEfGhI\n"));
            },
            &[
                "SRE-AGENT-019 deployment/.cognito_config: it is of another set-up than gateway/.env: USER_POOL_ID is `us-east-1_Other0000` and there `us-east-1_AbCdEfGhI`; COGNITO_CLIENT_ID is `other` and there `1h57`",
            ],
        ),
        (
            "the same, and the pool has the name of an older version",
            |facts| {
                let notes = "USER_POOL_ID=us-east-1_Other0000\nCOGNITO_DOMAIN=https://x\nDOMAIN_PREFIX=x\n\
                     RESOURCE_SERVER_ID=x\nCOGNITO_CLIENT_ID=1h57\nCOGNITO_CLIENT_SECRET=s3cret\n";
                put(facts, File::CognitoNotes, notes);
                put(facts, File::GatewayEnv, format!("{ENV}COGNITO_USER_POOL_ID=us-east-1_AbCdEfGhI\n"));
            },
            &[
                "SRE-AGENT-019 deployment/.cognito_config: it is of another set-up than gateway/.env: USER_POOL_ID is",
            ],
        ),
        (
            "the notes of a set-up that failed, beside a file that is complete",
            |facts| put(facts, File::CognitoNotes, "USER_POOL_ID=us-east-1_AbCdEfGhI\n"),
            &[],
        ),
        (
            "setup_cognito.sh ran again",
            |facts| put(facts, File::GatewayEnv, ENV.replace("BACKEND_API_KEY=k3y\n", "REGION=us-east-1\n")),
            &["SRE-AGENT-006 gateway/.env: BACKEND_API_KEY is not set"],
        ),
        (
            "config.yaml was copied and half filled",
            |facts| {
                let half = CONFIG
                    .replace("BedrockAgentCore-sre", "YOUR_ROLE_NAME")
                    .replace("1h57kf5cpq17m0eml12EXAMPLE", "");
                put(facts, File::GatewayConfig, half);
            },
            &[
                "SRE-AGENT-003 gateway/config.yaml: role_name is still as the sample ships it",
                "SRE-AGENT-003 gateway/config.yaml: there is no value for client_id",
            ],
        ),
        (
            "create_gateway.sh could not make the bucket",
            |facts| {
                put(
                    facts,
                    File::GatewayConfig,
                    CONFIG
                        .replace("bedrock-agentcore-gateway-123456789012-sre", "Failed to create S3 bucket"),
                );
            },
            &["SRE-AGENT-005 gateway/config.yaml: s3_bucket is `FailedtocreateS3bucket`"],
        ),
        (
            "create_gateway.sh could not make the provider",
            |facts| {
                facts.present.texts.remove(&File::Provider);
                facts.present.texts.remove(&File::GatewayUri);
                put(
                    facts,
                    File::AgentConfig,
                    "gateway:\n  uri: \"https://sre-gateway-i7ge1zayhw.gateway.bedrock-agentcore.us-east-1.amazonaws.com\"\n",
                );
            },
            &[
                "SRE-AGENT-007 gateway/.credentials_provider: the credential provider was not made",
                "SRE-AGENT-008 gateway/.gateway_uri: no gateway was made yet",
                "SRE-AGENT-008 sre_agent/config/agent_config.yaml: gateway.uri is `https://sre-gateway-i7ge1zayhw",
            ],
        ),
        (
            "a URL was copied with its path",
            |facts| put(facts, File::GatewayUri, format!("{URI}/mcp\n")),
            &["SRE-AGENT-008 gateway/.gateway_uri: it is `https://sre-gateway-abcdefghij"],
        ),
        (
            "the token of yesterday",
            |facts| facts.token = Token::Ends("2026-11-21T06:30:00Z".parse().expect("a time")),
            &["SRE-AGENT-009 gateway/.access_token: the token ended at 2026-11-21T06:30:00Z"],
        ),
        (
            "configure_gateway.sh wrote the token with quotes, and deployment/.env was copied",
            |facts| {
                put(facts, File::AgentEnv, "ANTHROPIC_API_KEY=\nGATEWAY_ACCESS_TOKEN=\"t0ken\"\n");
                facts.present.deployment_env = Link::File;
            },
            &[
                "SRE-AGENT-010 deployment/.env: it is a file of its own",
                "SRE-AGENT-011 sre_agent/.env: GATEWAY_ACCESS_TOKEN is written with quotes",
                "SRE-AGENT-012 sre_agent/.env: ANTHROPIC_API_KEY is set to nothing",
            ],
        ),
        (
            "another Region",
            |facts| {
                let config = CONFIG.replace("region: \"us-east-1\"", "region: 'eu-west-1'");
                put(facts, File::GatewayConfig, config);
                put(facts, File::GatewayEnv, format!("{ENV}REGION=us-east-1\n"));
            },
            &[
                "SRE-AGENT-004 gateway/config.yaml: the script would read something else than is meant for region",
                "SRE-AGENT-014 gateway/.env: REGION is `us-east-1`",
                "SRE-AGENT-014 gateway/config.yaml: endpoint_url is",
                "SRE-AGENT-014 gateway/config.yaml: the backends look for their key in us-east-1 only",
                "SRE-AGENT-014 gateway/config.yaml: user_pool_id is",
            ],
        ),
        (
            "the memory was not made, and another was named",
            |facts| put(facts, File::MemoryId, "sre_agent_memory\n"),
            &["SRE-AGENT-018 .memory_id: it holds `sre_agent_memory`, which is no id"],
        ),
        (
            "a machine that was not prepared",
            |facts| {
                facts.has_tls = false;
                facts.python = Some((3, 9));
                facts.modes.insert(File::AccessToken, 0o100_644);
                facts.unreadable.insert(File::BackendEnv, "permission denied".to_owned());
            },
            &[
                "SRE-AGENT-013 /home/ec2-user/SRE-agent: there is no certificate",
                "SRE-AGENT-015 /home/ec2-user/SRE-agent: the newest Python here is 3.9",
                "SRE-AGENT-016 gateway/.access_token: it holds secrets, and its mode 0644",
                "SRE-AGENT-017 backend/.env: it cannot be read: permission denied",
            ],
        ),
    ];
    for (name, change, expected) in cases {
        let mut facts = finished();
        change(&mut facts);
        let wrong = wrong(&facts);
        assert_eq!(wrong.len(), expected.len(), "{name}: {wrong:#?}");
        for (wrong, expected) in wrong.iter().zip(*expected) {
            assert!(wrong.starts_with(expected), "{name}: {wrong}\nand not {expected}");
        }
    }
}

#[test]
fn after_a_merge_the_files_are_in_order() {
    let mut facts = finished();
    facts.present = Present {
        texts: [(File::AgentConfig, Secret::new("gateway:\n  uri: \"\"\n".to_owned()))].into_iter().collect(),
        deployment_env: Link::Missing,
    };
    facts.is_region_fixed = false;
    let mut wanted = crate::merge::tests::wanted();
    wanted.token = Some(Secret::new("t0ken".to_owned()));
    let merged =
        crate::merge::merge(&facts.present, &wanted, &mut |_| None, facts.now).expect("all can be written");
    facts.present = crate::merge::tests::after(&facts.present, &merged);
    assert_eq!(wrong(&facts), Vec::<String>::new());
}
