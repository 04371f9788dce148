//! Which value goes where: the table between a deployment and the sample's files.

use model::Secret;
use model::agent::{Backend, TOKEN_VARIABLE, is_memory_id};

use crate::Wanted;
use crate::formats::without_mcp;
use crate::layout::File;
use crate::openapi;
use crate::placeholder::{is_bucket, is_old_endpoint, is_placeholder};

/// The variable with the backends' key.
const BACKEND_KEY: &str = "BACKEND_API_KEY";

/// What becomes of a value that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It is asked about.
    Ask,
    /// A machine put it there and puts a new one.
    Renew,
    /// It stays, whatever it is.
    Default,
    /// It is replaced, but not added where there is none.
    IfThere,
}

/// A value with its place.
pub(super) struct Field {
    pub(super) file: File,
    pub(super) key: &'static str,
    pub(super) value: Secret<String>,
    pub(super) is_secret: bool,
    pub(super) manner: Manner,
}

impl Field {
    fn plain(file: File, key: &'static str, value: impl Into<String>) -> Self {
        Self { file, key, value: Secret::new(value.into()), is_secret: false, manner: Manner::Ask }
    }

    fn secret(file: File, key: &'static str, value: &Secret<String>) -> Self {
        Self { file, key, value: value.clone(), is_secret: true, manner: Manner::Ask }
    }

    fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    /// Why a value that is there is nobody's choice, if it is not.
    pub(super) fn nobodys(&self, there: &str) -> Option<&'static str> {
        match self.key {
            _ if is_placeholder(there) => Some("a placeholder of the sample"),
            "credential_provider_endpoint_url" if is_old_endpoint(there) => {
                Some("an endpoint that is no more")
            }
            "s3_bucket" if !is_bucket(there) => Some("no name of a bucket, but what a script printed"),
            "memory_id" if !is_memory_id(there) => Some("no id of the agent's memory"),
            "uri" if without_mcp(there) == self.value.expose() => {
                Some("a URL with a path that the scripts append themselves")
            }
            _ => None,
        }
    }
}

/// All values of files that are read key by key or as one line, in the order of the files.
pub(super) fn fields(wanted: &Wanted) -> Vec<Field> {
    use File::{AgentConfig, AgentEnv, BackendEnv, GatewayConfig, GatewayEnv, GatewayUri, Provider};
    let mut fields = vec![
        Field::plain(GatewayConfig, "account_id", &wanted.account),
        Field::plain(GatewayConfig, "region", wanted.region.as_str()),
        Field::plain(GatewayConfig, "role_name", wanted.role_name()),
        Field::plain(GatewayConfig, "endpoint_url", wanted.endpoint()),
        Field::plain(GatewayConfig, "credential_provider_endpoint_url", wanted.endpoint()),
        Field::plain(GatewayConfig, "user_pool_id", &wanted.pool_id),
        Field::plain(GatewayConfig, "client_id", &wanted.client_id),
        Field::plain(GatewayConfig, "s3_bucket", &wanted.bucket),
        Field::plain(GatewayConfig, "s3_path_prefix", &wanted.prefix),
        Field::plain(GatewayConfig, "credential_provider_name", wanted.provider_name()),
        Field::plain(GatewayConfig, "provider_arn", &wanted.provider_arn),
        Field::plain(GatewayConfig, "gateway_name", &wanted.gateway_name),
        Field::plain(GatewayConfig, "gateway_description", "The SRE agent's gateway").manner(Manner::Default),
        Field::plain(GatewayConfig, "target_description", "A backend of the SRE agent")
            .manner(Manner::Default),
        Field::plain(GatewayEnv, "COGNITO_DOMAIN", wanted.cognito_url()),
        Field::plain(GatewayEnv, "COGNITO_CLIENT_ID", &wanted.client_id),
        Field::secret(GatewayEnv, "COGNITO_CLIENT_SECRET", &wanted.client_secret),
        Field::plain(GatewayEnv, "USER_POOL_ID", &wanted.pool_id),
        Field::secret(GatewayEnv, BACKEND_KEY, &wanted.api_key),
        // The script sources this file after it has read its configuration, so this one wins there.
        Field::plain(GatewayEnv, "REGION", wanted.region.as_str()).manner(Manner::IfThere),
        Field::plain(BackendEnv, "BACKEND_DOMAIN", wanted.domain.to_ascii_lowercase()),
        Field::plain(Provider, "arn", &wanted.provider_arn),
        Field::plain(GatewayUri, "uri", wanted.gateway_uri()),
        Field::plain(AgentConfig, "uri", wanted.gateway_uri()),
        Field::plain(AgentEnv, "LLM_PROVIDER", "bedrock").manner(Manner::Default),
        Field::plain(AgentEnv, "AWS_DEFAULT_REGION", wanted.region.as_str()).manner(Manner::Default),
    ];
    fields.extend(wanted.memory_id.iter().map(|id| Field::plain(File::MemoryId, "memory_id", id)));
    fields.extend(wanted.runtime_arn.as_ref().map(|arn| Field::plain(File::AgentArn, "arn", arn)));
    fields.extend(wanted.token.iter().flat_map(token));
    fields
}

/// A token where the sample looks for it.
pub(super) fn token(token: &Secret<String>) -> [Field; 2] {
    [
        Field::secret(File::AccessToken, "token", token).manner(Manner::Renew),
        Field::secret(File::AgentEnv, TOKEN_VARIABLE, token).manner(Manner::Renew),
    ]
}

/// A key of the backends where the sample looks for it.
pub(super) fn key(key: &Secret<String>) -> Field {
    Field::secret(File::GatewayEnv, BACKEND_KEY, key).manner(Manner::Renew)
}

/// Files that are written as a whole.
pub(super) fn wholes(wanted: &Wanted) -> Vec<(File, String)> {
    let domain = wanted.domain.to_ascii_lowercase();
    Backend::ALL.map(|backend| (File::Schema(backend), openapi::schema(backend, &domain))).to_vec()
}

/// Variables that had another name: the file, the old name and the new one.
pub(super) const RENAMED: [(File, &str, &str); 1] =
    [(File::GatewayEnv, "COGNITO_USER_POOL_ID", "USER_POOL_ID")];
