//! The one table of keys. Unknown-key suggestions, environment names, the template, the JSON Schema and the
//! reference documentation are made from it, so that they cannot disagree.

use super::defaults;

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Where it stands, such as `network.https_cidrs`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds where nobody says anything.
    pub fallback: Fallback,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// What it means, as a sentence.
    pub description: &'static str,
    /// A value that is accepted, as in the file.
    pub example: &'static str,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The format's version.
    Version,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text of this pattern.
    Text(&'static str),
    /// A whole number between these two.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// CIDR blocks.
    Cidrs,
    /// Port numbers.
    Ports,
    /// Texts of this pattern.
    Texts(&'static str),
    /// Names that clients send and the Bedrock models behind them.
    Models,
    /// A mapping that may be absent as a whole.
    Section,
}

/// What holds where nobody says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The key must be given.
    Required,
    /// This value, written as in the file.
    Value {
        /// The value.
        yaml: &'static str,
        /// Why this one.
        reason: &'static str,
    },
    /// Nothing, with what that means.
    Nothing(&'static str),
    /// A value that follows from others.
    Derived(&'static str),
}

const fn value(yaml: &'static str, reason: &'static str) -> Fallback {
    Fallback::Value { yaml, reason }
}

/// What the names of this program's environment variables begin with.
pub const VARIABLE_PREFIX: &str = "SRE_AGENT_DEPLOY_";

/// Variables with that prefix which belong to the command line and not to a key. A trailing `_` stands for all that follow.
pub const COMMAND_LINE_VARIABLES: &[&str] = &[
    "SRE_AGENT_DEPLOY_CONFIG",
    "SRE_AGENT_DEPLOY_STATE_FILE",
    "SRE_AGENT_DEPLOY_LOG",
    "SRE_AGENT_DEPLOY_PRACTICE_",
    "SRE_AGENT_DEPLOY_TOKEN",
    "SRE_AGENT_DEPLOY_HOST_ROOT",
    "SRE_AGENT_DEPLOY_HOST_HTTPS",
    "SRE_AGENT_DEPLOY_HOST_HTTP",
];

const ID: &str = "^[a-z][a-z0-9-]{1,30}[a-z0-9]$";
const REGION: &str = "^[a-z]{2,}(-[a-z]+){1,3}-[0-9]{1,2}$";

/// Builds the pattern of an EC2 identifier at compile time.
macro_rules! ec2_pattern {
    ($prefix:literal) => {
        concat!("^", $prefix, "-([0-9a-f]{8}|[0-9a-f]{17})$")
    };
}

const ANY: &str = "^.+$";
const HOST_NAME: &str =
    "^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
const ABSOLUTE_PATH: &str = "^/[^\\x00-\\x1f\\x7f]+$";
const HTTPS_URL: &str = "^https://[A-Za-z0-9][!-~]*$";

const fn key(
    path: &'static str,
    kind: Kind,
    fallback: Fallback,
    example: &'static str,
    description: &'static str,
) -> Key {
    let nullable = matches!(fallback, Fallback::Nothing(_) | Fallback::Derived(_));
    Key { path, kind, fallback, nullable, description, example }
}

/// Every key, in the order of the file.
pub const KEYS: &[Key] = &[
    key("version", Kind::Version, Fallback::Required, "1", "Version of this file's format."),
    key(
        "mode",
        Kind::Choice(&["production", "staging", "rehearsal"]),
        Fallback::Derived("production for environment prod, else staging"),
        "production",
        "How strictly risky settings are judged: errors in production, warnings in staging; a rehearsal uses the embedded practice account.",
    ),
    key(
        "deployment.id",
        Kind::Text(ID),
        Fallback::Required,
        "sre-agent-prod",
        "What names, tags and cleanup hang on; unique in the account.",
    ),
    key(
        "deployment.environment",
        Kind::Choice(&["dev", "staging", "prod"]),
        value(defaults::ENVIRONMENT, "forgetting the key must not make a deployment careless"),
        "prod",
        "Who it is for.",
    ),
    key(
        "aws.region",
        Kind::Text(REGION),
        Fallback::Required,
        "us-east-1",
        "The AWS Region; AWS_REGION and AWS_DEFAULT_REGION are used where nothing else says it.",
    ),
    key(
        "aws.account_id",
        Kind::Text("^[0-9]{12}$"),
        Fallback::Nothing("any account the credentials are of"),
        "\"123456789012\"",
        "The account, in quotes; credentials of another one are refused.",
    ),
    key(
        "aws.profile",
        Kind::Text(ANY),
        Fallback::Nothing("the usual search for credentials"),
        "sre-production",
        "A profile of the shared AWS configuration files; AWS_PROFILE is used where nothing else says it.",
    ),
    key(
        "network.vpc_id",
        Kind::Text(ec2_pattern!("vpc")),
        Fallback::Nothing("the default VPC"),
        "vpc-0123456789abcdef0",
        "The VPC.",
    ),
    key(
        "network.subnet_id",
        Kind::Text(ec2_pattern!("subnet")),
        Fallback::Nothing("a public subnet of the VPC"),
        "subnet-0123456789abcdef0",
        "The subnet.",
    ),
    key(
        "network.https_cidrs",
        Kind::Cidrs,
        value(defaults::HTTPS_CIDRS, "the endpoint is meant to be reached; every request needs a token"),
        "[203.0.113.0/24]",
        "Who reaches port 443.",
    ),
    key(
        "network.ssh_cidrs",
        Kind::Cidrs,
        value(defaults::SSH_CIDRS, "Session Manager gives a shell without an open port"),
        "[203.0.113.0/24]",
        "Who reaches port 22; an empty list closes it. The whole internet is an error in production.",
    ),
    key(
        "network.backend_ports",
        Kind::Ports,
        value(defaults::BACKEND_PORTS, "the ports of the SRE agent's four backends"),
        "[8011, 8012]",
        "Ports reached from inside the VPC only.",
    ),
    key(
        "instance.type",
        Kind::Text("^[a-z0-9-]+[.][a-z0-9-]+$"),
        value(defaults::INSTANCE_TYPE, "the smallest type with 4 vCPU and 16 GiB"),
        "m7i.xlarge",
        "The EC2 instance type; under 4 vCPU or 16 GiB is an error in production.",
    ),
    key(
        "instance.os",
        Kind::Choice(&["al2023", "ubuntu-22.04"]),
        value(defaults::OS, "AWS maintains it and the Systems Manager agent is in it"),
        "ubuntu-22.04",
        "The operating system.",
    ),
    key(
        "instance.ami_id",
        Kind::Text(ec2_pattern!("ami")),
        Fallback::Nothing("resolved once from the SSM public parameter and pinned in the plan"),
        "ami-0123456789abcdef0",
        "The machine image.",
    ),
    key(
        "instance.volume_gb",
        Kind::Integer { min: 8, max: 16384 },
        value(defaults::VOLUME_GB, "room for the agent's container images"),
        "100",
        "GiB of the encrypted gp3 root volume; under 50 is an error in production.",
    ),
    key(
        "instance.adopt_instance_id",
        Kind::Text(ec2_pattern!("i")),
        Fallback::Nothing("an instance is created"),
        "i-0123456789abcdef0",
        "An instance that exists already: used, never owned, never deleted.",
    ),
    key(
        "cognito.domain_prefix",
        Kind::Text("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        Fallback::Derived("deployment.id"),
        "sre-agent-prod",
        "First part of the address that issues tokens; unique in the Region, without the words aws, amazon and cognito.",
    ),
    key(
        "cognito.resource_server",
        Kind::Text("^[!#-\\[\\]-~]{1,256}$"),
        value(defaults::RESOURCE_SERVER, "the name that the gateway's existing clients ask for"),
        "sre-agent-api",
        "Identifier in front of every scope.",
    ),
    key(
        "cognito.scopes",
        Kind::Texts("^[!#-.0-\\[\\]-~]{1,256}$"),
        value(defaults::SCOPES, "reading and writing can be granted apart"),
        "[read, write]",
        "Scopes that clients may ask for, without the resource server.",
    ),
    key(
        "cognito.access_token_minutes",
        Kind::Integer { min: 5, max: 1440 },
        value(defaults::ACCESS_TOKEN_MINUTES, "long enough for a session, short enough for a leak"),
        "30",
        "How long an access token lives.",
    ),
    key(
        "cognito.mfa",
        Kind::Choice(&["off", "optional", "required"]),
        value(defaults::MFA, "people may protect themselves; machines have no second factor"),
        "required",
        "Second factor for people; machines use client_credentials.",
    ),
    key(
        "cognito.adopt_user_pool_id",
        Kind::Text("^[a-z]{2,}(-[a-z]+){1,3}-[0-9]{1,2}_[0-9A-Za-z]{1,46}$"),
        Fallback::Nothing("a user pool is created"),
        "us-east-1_AbCdEfGhI",
        "A user pool that exists already: used, never owned, never deleted.",
    ),
    key(
        "tls.domain",
        Kind::Text(HOST_NAME),
        Fallback::Nothing("no name yet; only with `host.install: none` or `tls.source: files`"),
        "api.example.com",
        "The name that clients use.",
    ),
    key(
        "tls.source",
        Kind::Choice(&["acme", "acm-exportable", "files"]),
        value(defaults::TLS_SOURCE, "free, and renewed without anybody's help"),
        "files",
        "Where the certificate comes from.",
    ),
    key(
        "tls.acme.directory",
        Kind::Text("^(letsencrypt|letsencrypt-staging|https://[A-Za-z0-9][!-~]*)$"),
        value(defaults::ACME_DIRECTORY, "the certificate authority that every client trusts"),
        "letsencrypt-staging",
        "letsencrypt, letsencrypt-staging or the URL of a directory.",
    ),
    key(
        "tls.acme.email",
        Kind::Text("^[^\\s@]+@[^\\s@]+$"),
        Fallback::Nothing("nobody is told before the certificate expires"),
        "ops@example.com",
        "Who is told before the certificate expires.",
    ),
    key(
        "tls.acme.challenge",
        Kind::Choice(&["tls-alpn-01", "http-01", "dns-01"]),
        value(defaults::ACME_CHALLENGE, "answered on port 443, so that no further port is opened"),
        "dns-01",
        "How control of the name is shown.",
    ),
    key(
        "tls.acme.profile",
        Kind::Text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
        Fallback::Nothing("what the authority usually issues"),
        "shortlived",
        "The authority's kind of certificate, one of those that its directory names.",
    ),
    key(
        "tls.acme.eab_key_id",
        Kind::Text("^[!-~]{1,256}$"),
        Fallback::Nothing("the authority binds accounts to nothing"),
        "kid-1",
        "The authority's name for the key that binds the account to one there (external account binding).",
    ),
    key(
        "tls.acme.eab_hmac_path",
        Kind::Text(ABSOLUTE_PATH),
        Fallback::Nothing("required with `tls.acme.eab_key_id`"),
        "/etc/sre-agent/eab.hmac",
        "File on the host with that key in base64url, mode 0600; read where it is used.",
    ),
    key(
        "tls.acme.ca_path",
        Kind::Text(ABSOLUTE_PATH),
        Fallback::Nothing("the roots that the system trusts"),
        "/etc/sre-agent/acme-ca.pem",
        "PEM file on the host with the roots that the authority's own server is trusted by.",
    ),
    key(
        "tls.cert_path",
        Kind::Text(ABSOLUTE_PATH),
        Fallback::Nothing("required with `tls.source: files`"),
        "/opt/ssl/fullchain.pem",
        "PEM file with the certificate chain, leaf first; read where it is used.",
    ),
    key(
        "tls.key_path",
        Kind::Text(ABSOLUTE_PATH),
        Fallback::Nothing("required with `tls.source: files`"),
        "/opt/ssl/privkey.pem",
        "PEM file with the private key; read where it is used.",
    ),
    key(
        "host.install",
        Kind::Choice(&["user-data", "here", "none"]),
        value(defaults::HOST_INSTALL, "the machine installs itself at first boot; nobody needs to log in"),
        "none",
        "How the proxy gets onto the machine: at first boot, on the machine this runs on, or not at all.",
    ),
    key(
        "proxy.models",
        Kind::Models,
        value(defaults::MODELS, "OpenAI's names for the Nova models of the same class"),
        "{gpt-4o: us.amazon.nova-pro-v1:0}",
        "Names that clients send, with the Bedrock model id, inference profile id or ARN that answers.",
    ),
    key(
        "proxy.limits.requests_per_minute",
        Kind::Integer { min: 1, max: 1_000_000 },
        value(defaults::REQUESTS_PER_MINUTE, "a person and a few tools, not a load test"),
        "100",
        "Requests that one caller may make in a minute.",
    ),
    key(
        "proxy.limits.tokens_per_hour",
        Kind::Integer { min: 1, max: 1_000_000_000_000 },
        value(defaults::TOKENS_PER_HOUR, "bounds what a leaked token can cost"),
        "100000",
        "Model tokens that one caller may use in an hour.",
    ),
    key(
        "gateway",
        Kind::Section,
        Fallback::Nothing("no gateway"),
        "null",
        "The AgentCore gateway of the SRE agent, with a target for each of its four backends.",
    ),
    key(
        "gateway.name",
        Kind::Text("^([0-9A-Za-z]-?){1,48}$"),
        Fallback::Required,
        "sre-gateway",
        "Name of the gateway.",
    ),
    key(
        "gateway.role_name",
        Kind::Text("^[A-Za-z0-9_+=,.@-]{1,64}$"),
        Fallback::Nothing("a role is created"),
        "sre-gateway-role",
        "The role that the gateway assumes.",
    ),
    key(
        "gateway.endpoint_url",
        Kind::Text(HTTPS_URL),
        Fallback::Nothing("the Region's own control plane"),
        "https://bedrock-agentcore-control.us-east-1.amazonaws.com",
        "Another control plane than the Region's own.",
    ),
    key(
        "gateway.s3_bucket",
        Kind::Text("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
        Fallback::Nothing("a bucket is created"),
        "sre-agent-schemas",
        "The bucket that holds the OpenAPI schemas.",
    ),
    key(
        "gateway.s3_path_prefix",
        Kind::Text("^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$"),
        value(defaults::S3_PATH_PREFIX, "apart from whatever else is in the bucket"),
        "sre-agent",
        "Where in the bucket the schemas are.",
    ),
    key(
        "gateway.provider_arn",
        Kind::Text(
            "^arn:aws(-cn|-us-gov)?:[a-z0-9-]+:[a-z]{2,}(-[a-z]+){1,3}-[0-9]{1,2}:[0-9]{12}:token-vault/[A-Za-z0-9.-]+/apikeycredentialprovider/[A-Za-z0-9.-]+$",
        ),
        Fallback::Nothing("a provider is created"),
        "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/backend",
        "An API key credential provider that exists already.",
    ),
    key(
        "gateway.routing_domain",
        Kind::Text(HOST_NAME),
        Fallback::Nothing("the backends are looked up as `tls.domain`"),
        "backends.example.com",
        "A public name that leads to the private address of the instance, where `tls.domain` leads to its public one.",
    ),
    key(
        "gateway.memory_days",
        Kind::Integer { min: 3, max: 3650 },
        Fallback::Nothing("no memory"),
        "90",
        "Has a memory made for the SRE agent, which keeps what it is told for so many days.",
    ),
    key(
        "gateway.runtime",
        Kind::Text(
            "^([0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.]amazonaws[.]com(.cn)?/[a-z0-9._/-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+)$",
        ),
        Fallback::Nothing("no runtime"),
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1",
        "Has the SRE agent run by AgentCore: a container image for arm64 in ECR, or a zip file `s3://BUCKET/KEY`.",
    ),
];

impl Key {
    /// The environment variable that sets it, where there is one.
    pub fn variable(&self) -> Option<String> {
        if self.kind == Kind::Section {
            return None;
        }
        Some(format!("{VARIABLE_PREFIX}{}", self.path.to_uppercase().replace('.', "_")))
    }

    /// Further environment variables that are used where nothing else says it, in order.
    pub fn fallback_variables(&self) -> &'static [&'static str] {
        match self.path {
            "aws.region" => &["AWS_REGION", "AWS_DEFAULT_REGION"],
            "aws.profile" => &["AWS_PROFILE"],
            _ => &[],
        }
    }

    /// Whether it must be given whatever the other keys say.
    pub fn is_required(&self) -> bool {
        self.fallback == Fallback::Required && !self.path.starts_with("gateway.")
    }
}

/// The key of this path.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether keys stand below this path.
pub(crate) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The names that may stand in a section, in the order of the file; the root is the empty path.
pub(crate) fn names_in(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for key in KEYS {
        let rest = if section.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(name) = rest.and_then(|rest| rest.split('.').next())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_and_variables_are_unique() {
        let paths: BTreeSet<_> = KEYS.iter().map(|key| key.path).collect();
        let variables: BTreeSet<_> = KEYS.iter().filter_map(Key::variable).collect();
        assert_eq!(paths.len(), KEYS.len());
        assert_eq!(variables.len(), KEYS.len() - 1);
    }

    #[test]
    fn sections_list_their_names_in_order() {
        assert_eq!(names_in("proxy"), ["models", "limits"]);
        assert_eq!(
            names_in("tls.acme"),
            ["directory", "email", "challenge", "profile", "eab_key_id", "eab_hmac_path", "ca_path",]
        );
        assert!(is_section("tls") && is_section("gateway") && !is_section("version") && !is_section("tl"));
    }
}
