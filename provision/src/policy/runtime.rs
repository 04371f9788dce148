//! What the SRE agent may do where AgentCore runs it.
//!
//! Source: AgentCore developer guide, "Permissions for AgentCore Runtime".

use model::config::{Config, RuntimeArtifact};
use model::{AccountId, Region};
use serde_json::{Value, json};

use crate::steps::names;

use super::{agentcore_trust, memory_statements, model_statements};

/// Lets AgentCore assume the role, and only on behalf of this account and Region.
pub fn runtime_trust(region: &Region, account: &AccountId) -> Value {
    agentcore_trust("*", region, account)
}

/// What the runtime may do: be fetched, tell how it is, be itself, call the mapped models and, where there is one, use the
/// agent's memory. Nothing where no runtime is wanted.
pub fn runtime_policy(config: &Config, region: &Region, account: &AccountId) -> Option<Value> {
    let gateway = config.gateway.as_ref()?;
    let mut statements = artifact_statements(gateway.runtime.as_ref()?, region.partition());
    statements.extend(telling_statements(region, account));
    let directory = format!(
        "arn:{}:bedrock-agentcore:{region}:{account}:workload-identity-directory/default",
        region.partition()
    );
    let identities = format!("{directory}/workload-identity/{}-*", names::runtime(&config.deployment.id));
    statements.push(json!({
        "Sid": "BeItself",
        "Effect": "Allow",
        "Action": [
            "bedrock-agentcore:GetWorkloadAccessToken",
            "bedrock-agentcore:GetWorkloadAccessTokenForJWT",
            "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
        ],
        "Resource": [directory, identities],
    }));
    let models = config.proxy.models_in(region);
    statements.extend(model_statements(models.values().map(AsRef::as_ref), region, account));
    if gateway.memory_days.is_some() {
        statements.extend(memory_statements(region, account));
    }
    Some(json!({"Version": "2012-10-17", "Statement": statements}))
}

/// To fetch what is run: the one repository or the one object.
fn artifact_statements(artifact: &RuntimeArtifact, partition: &str) -> Vec<Value> {
    let image = match artifact {
        RuntimeArtifact::Code { bucket, key } => {
            return vec![json!({
                "Sid": "FetchCode",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [format!("arn:{partition}:s3:::{bucket}/{key}")],
            })];
        }
        RuntimeArtifact::Image(image) => image,
    };
    let pull = repository(image, partition).map(|repository| {
        json!({
            "Sid": "FetchImage",
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [repository],
        })
    });
    let login = json!({
        "Sid": "EnterRegistry",
        "Effect": "Allow",
        // It takes no resource.
        "Action": ["ecr:GetAuthorizationToken"],
        "Resource": "*",
    });
    pull.into_iter().chain([login]).collect()
}

/// The ARN of an image's repository. Every image of a configuration has one.
fn repository(image: &str, partition: &str) -> Option<String> {
    let (host, path) = image.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, _) = rest.split_once('.')?;
    let name = path.split(['@', ':']).next()?;
    Some(format!("arn:{partition}:ecr:{region}:{account}:repository/{name}"))
}

/// To write logs, traces and figures.
fn telling_statements(region: &Region, account: &AccountId) -> [Value; 4] {
    let groups = format!("arn:{}:logs:{region}:{account}:log-group:", region.partition());
    let own = format!("{groups}/aws/bedrock-agentcore/runtimes/*");
    [
        json!({
            "Sid": "FindLogs",
            "Effect": "Allow",
            "Action": ["logs:DescribeLogGroups"],
            "Resource": [format!("{groups}*")],
        }),
        json!({
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": [own],
        }),
        json!({
            "Sid": "WriteTraces",
            "Effect": "Allow",
            // None of these actions takes a resource.
            "Action": [
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            "Resource": "*",
        }),
        json!({
            "Sid": "WriteFigures",
            "Effect": "Allow",
            // It takes no resource, so the namespace is what limits it.
            "Action": ["cloudwatch:PutMetricData"],
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "bedrock-agentcore"}},
        }),
    ]
}
