//! The names of a deployment's resources. They carry no key; tags do.

use model::{AccountId, DeploymentId, Region};

/// The security group. EC2 refuses names that begin as the ids of groups do.
pub fn security_group(id: &DeploymentId) -> String {
    let front = if id.as_str().starts_with("sg-") { "deployment-" } else { "" };
    format!("{front}{id}-proxy")
}

/// The role and the instance profile.
pub fn instance_role(id: &DeploymentId) -> String {
    format!("{id}-instance")
}

/// The user pool.
pub fn user_pool(id: &DeploymentId) -> String {
    format!("{id}-users")
}

/// The app client.
pub fn app_client(id: &DeploymentId) -> String {
    format!("{id}-proxy")
}

/// The role of the gateway. AWS's managed policy lets operators hand over roles only whose names contain this word.
pub fn gateway_role(id: &DeploymentId) -> String {
    format!("{id}-BedrockAgentCoreGateway")
}

/// The role of the runtime, named for the same reason.
pub fn runtime_role(id: &DeploymentId) -> String {
    format!("{id}-BedrockAgentCoreRuntime")
}

/// The runtime. AgentCore takes no hyphens in its name.
pub fn runtime(id: &DeploymentId) -> String {
    id.as_str().replace('-', "_")
}

/// The bucket of the bundle.
pub fn bucket(account: &AccountId, region: &Region, id: &DeploymentId) -> String {
    bucket_of("sre-agent-deploy", account, region, id)
}

/// The bucket of the schemas. AWS's managed policy lets operators read schemas only in buckets that begin so.
pub fn schema_bucket(account: &AccountId, region: &Region, id: &DeploymentId) -> String {
    bucket_of("bedrock-agentcore-gateway", account, region, id)
}

/// A bucket, unique in the world by the account's number. One name for one deployment, so that it is found without a
/// journal; at most 63 characters.
fn bucket_of(begin: &str, account: &AccountId, region: &Region, id: &DeploymentId) -> String {
    const LONGEST: usize = 63;
    let start = format!("{begin}-{account}-{region}-");
    let whole = format!("{start}{id}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let hash = crate::bundle::sha256(id.as_str().as_bytes());
    let hash = hash.get(..8).unwrap_or_default();
    let room = LONGEST.saturating_sub(start.len()).saturating_sub(hash.len()).saturating_sub(1);
    let kept = id.as_str().get(..room).unwrap_or_default();
    format!("{start}{}-{hash}", kept.trim_end_matches('-'))
}

/// The parameter in which the instance says how far its first boot is.
pub fn host_progress(id: &DeploymentId) -> String {
    format!("/sre-agent-deploy/{id}/host")
}

/// The instance and its address.
pub fn instance(id: &DeploymentId) -> String {
    id.to_string()
}
