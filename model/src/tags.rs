//! The tags and names by which a deployment's resources are recognised.

use std::collections::BTreeMap;

use crate::DeploymentId;

/// Key of the tag that holds the deployment id. Look-ups compare the whole value, so `ID` never finds `ID-2`.
pub const DEPLOYMENT: &str = "sre-agent-deploy:deployment";
/// Key of the tag that holds the step that made the resource.
pub const STEP: &str = "sre-agent-deploy:step";
/// Key of the tag that holds the idempotency key of the attempt that made the resource.
pub const KEY: &str = "sre-agent-deploy:key";

/// Tags of a resource, sorted by key.
pub type Tags = BTreeMap<String, String>;

/// The tags that a resource gets in the call that creates it.
pub fn at_creation(deployment: &DeploymentId, step: &str, key: &str, name: &str) -> Tags {
    [(DEPLOYMENT, deployment.as_str()), (STEP, step), (KEY, key), ("Name", name)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Whether these tags say that `deployment` made the resource.
pub fn belongs_to(tags: &Tags, deployment: &DeploymentId) -> bool {
    tags.get(DEPLOYMENT).is_some_and(|value| value == deployment.as_str())
}

/// The tags that a person enters for what is made by hand. Without a key, since no call of ours made it.
pub fn by_hand(deployment: &DeploymentId, step: &str) -> Tags {
    [(DEPLOYMENT, deployment.as_str()), (STEP, step)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Whether these tags say that a person made the resource for `deployment`: every call of ours leaves its key.
pub fn made_by_hand(tags: &Tags, deployment: &DeploymentId) -> bool {
    belongs_to(tags, deployment) && !tags.contains_key(KEY)
}

/// The IAM path under which a deployment keeps its roles and instance profiles, since the tagging API lists neither.
pub fn iam_path(deployment: &DeploymentId) -> String {
    format!("/sre-agent-deploy/{deployment}/")
}
