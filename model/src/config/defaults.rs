//! The defaults, written as in the file, each with its reason.

/// Version of the file's format that this build reads.
pub const VERSION: u64 = 1;
/// The strictest environment, since forgetting the key must not make a deployment careless.
pub(crate) const ENVIRONMENT: &str = "prod";
/// The endpoint is meant to be reached; every request needs a token.
pub(crate) const HTTPS_CIDRS: &str = "[0.0.0.0/0]";
/// Session Manager gives a shell without an open port.
pub(crate) const SSH_CIDRS: &str = "[]";
/// The ports of the SRE agent's four backends.
pub(crate) const BACKEND_PORTS: &str = "[8011, 8012, 8013, 8014]";
/// The smallest type with 4 vCPU and 16 GiB.
pub(crate) const INSTANCE_TYPE: &str = "t3.xlarge";
/// AWS maintains it and the Systems Manager agent is in it.
pub(crate) const OS: &str = "al2023";
/// Room for the agent's container images.
pub(crate) const VOLUME_GB: &str = "50";
/// The name that the gateway's existing clients ask for.
pub(crate) const RESOURCE_SERVER: &str = "sre-agent-api";
/// Reading and writing can be granted apart.
pub(crate) const SCOPES: &str = "[read, write]";
/// Cognito's own default: long enough for a session, short enough for a leak.
pub(crate) const ACCESS_TOKEN_MINUTES: &str = "60";
/// People may protect themselves; machines have no second factor.
pub(crate) const MFA: &str = "optional";
/// Free, and renewed without anybody's help.
pub(crate) const TLS_SOURCE: &str = "acme";
/// The certificate authority that every client trusts.
pub(crate) const ACME_DIRECTORY: &str = "letsencrypt";
/// Answered on port 443 by the proxy itself, so that no further port is opened.
pub(crate) const ACME_CHALLENGE: &str = "tls-alpn-01";
/// The machine installs itself at first boot; nobody needs to log in.
pub(crate) const HOST_INSTALL: &str = "user-data";
/// OpenAI's names for the Nova models of the same class.
pub(crate) const MODELS: &str = "{gpt-4o: amazon.nova-pro-v1:0, gpt-4o-mini: amazon.nova-lite-v1:0, gpt-3.5-turbo: amazon.nova-micro-v1:0}";
/// A person and a few tools, not a load test.
pub(crate) const REQUESTS_PER_MINUTE: &str = "100";
/// Bounds what a leaked token can cost.
pub(crate) const TOKENS_PER_HOUR: &str = "10000";
/// Apart from whatever else is in the bucket.
pub(crate) const S3_PATH_PREFIX: &str = "sre-agent";
