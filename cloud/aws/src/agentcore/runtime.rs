//! A runtime's settings, to and from what AgentCore calls them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_bedrockagentcorecontrol::operation::get_agent_runtime::GetAgentRuntimeOutput;
use aws_sdk_bedrockagentcorecontrol::types::{
    AgentManagedRuntimeType, AgentRuntimeArtifact, Code, CodeConfiguration, ContainerConfiguration,
    NetworkConfiguration, NetworkMode, S3Location,
};
use cloud::CallError;
use cloud::port::agentcore::{Condition, Runtime, RuntimeSettings};
use model::Secret;
use model::tags::Tags;

use crate::error::unbuilt;

use super::SERVICE;

/// The Python that the SRE agent asks for, and the file in the zip that is run.
const PYTHON: AgentManagedRuntimeType = AgentManagedRuntimeType::Python312;
const ENTRY_POINT: &str = "main.py";

/// What is to be run, from where it is.
pub(super) fn artifact(place: &str, operation: &str) -> Result<AgentRuntimeArtifact, CallError> {
    let built = match place.strip_prefix("s3://").and_then(|place| place.split_once('/')) {
        Some((bucket, key)) => S3Location::builder().bucket(bucket).prefix(key).build().and_then(|zip| {
            let code = CodeConfiguration::builder().code(Code::S3(zip)).runtime(PYTHON);
            Ok(AgentRuntimeArtifact::CodeConfiguration(code.entry_point(ENTRY_POINT).build()?))
        }),
        None => ContainerConfiguration::builder()
            .container_uri(place)
            .build()
            .map(AgentRuntimeArtifact::ContainerConfiguration),
    };
    built.map_err(|error| unbuilt(SERVICE, operation, &error))
}

/// Where what is run lies; empty for what the port has no word for.
pub(super) fn place(artifact: &AgentRuntimeArtifact) -> String {
    match artifact {
        AgentRuntimeArtifact::ContainerConfiguration(image) => image.container_uri.clone(),
        AgentRuntimeArtifact::CodeConfiguration(CodeConfiguration { code: Some(Code::S3(zip)), .. }) => {
            format!("s3://{}/{}", zip.bucket, zip.prefix)
        }
        _ => String::new(),
    }
}

pub(super) fn public_network(operation: &str) -> Result<NetworkConfiguration, CallError> {
    let network = NetworkConfiguration::builder().network_mode(NetworkMode::Public).build();
    network.map_err(|error| unbuilt(SERVICE, operation, &error))
}

pub(super) fn variables(environment: BTreeMap<String, Secret<String>>) -> HashMap<String, String> {
    environment.into_iter().map(|(name, value)| (name, value.expose().clone())).collect()
}

pub(super) fn from_answer(answer: GetAgentRuntimeOutput, tags: Tags) -> Runtime {
    let environment = answer.environment_variables.unwrap_or_default();
    Runtime {
        id: answer.agent_runtime_id,
        arn: answer.agent_runtime_arn,
        name: answer.agent_runtime_name,
        version: answer.agent_runtime_version,
        condition: Condition {
            status: answer.status.as_str().to_owned(),
            reasons: answer.failure_reason.into_iter().collect(),
        },
        settings: RuntimeSettings {
            role_arn: answer.role_arn,
            artifact: answer.agent_runtime_artifact.as_ref().map(place).unwrap_or_default(),
            environment: environment.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            description: answer.description.unwrap_or_default(),
        },
        tags,
    }
}
