//! `proxy.yaml`, valid by construction: what the running proxy is built from.
//!
//! [`load`] reads the text and says everything that is wrong with it at once, [`render`] shows that, [`check_files`]
//! looks at the files that it names, and [`changes`] says what a reload changes. Nothing here but `check_files` does IO.

mod amount;
mod changes;
mod check;
pub mod codes;
mod grammar;
mod keys;
mod load;
mod models;
mod parse;
mod reader;
mod reference;
mod secrets;
mod stores;
mod telemetry;
mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod upstreams;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use http::Uri;
use model::{Region, Secret};

pub use changes::{Changes, changes};
pub use check::{check_files, read_file};
pub use keys::{Fallback, KEYS, Key, Kind};
pub(crate) use load::digest;
pub use load::{Facts, Loaded, load, render};
pub use reference::reference;
pub use secrets::is_secret;
pub use template::{smallest, template};

/// Everything that a running proxy is built from.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `listen:` Where clients connect. Changes need a restart.
    pub listen: Listen,
    /// `tls:` Absent only where `listen.address` is on loopback.
    pub tls: Option<Tls>,
    /// `auth:`
    pub auth: Auth,
    /// `upstreams:` by name; at least one.
    pub upstreams: BTreeMap<String, Upstream>,
    /// `models:` the name that clients send → who answers; at least one.
    pub models: BTreeMap<String, Route>,
    /// `requests:`
    pub requests: Requests,
    /// `limits:`
    pub limits: Limits,
    /// `ledger:`
    pub ledger: Ledger,
    /// `timeouts:`
    pub timeouts: Timeouts,
    /// `cors:`
    pub cors: Cors,
    /// `telemetry:`
    pub telemetry: Telemetry,
}

/// `listen:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `address`, used unless systemd hands over a socket. Default `0.0.0.0:443`.
    pub address: SocketAddr,
    /// `max_connections`. More wait in the kernel's queue. Default 4096.
    pub max_connections: usize,
    /// `drain`: how long streams may go on after SIGTERM. Default 30 s.
    pub drain: Duration,
}

/// `tls:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `cert_path`: PEM, leaf first.
    pub cert_path: PathBuf,
    /// `key_path`: PEM, PKCS#8, PKCS#1 or SEC1.
    pub key_path: PathBuf,
    /// `names`: host names that the certificate must be good for; a new one that is not is refused.
    pub names: Vec<String>,
    /// `min_version`: `"1.2"` (default) or `"1.3"`.
    pub min_version: TlsVersion,
    /// `client_ca_path` with `client_auth`.
    pub client_auth: Option<ClientAuth>,
    /// `acme_challenges`: the folder of answers to the challenge TLS-ALPN-01. None: no challenge is answered.
    pub acme_challenges: Option<PathBuf>,
}

/// `tls.min_version`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// Client certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// `tls.client_ca_path`: PEM, whom to trust.
    pub ca_path: PathBuf,
    /// `tls.client_auth`: `required` or `optional`.
    pub required: bool,
}

/// `auth:` At least one issuer or API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// `issuers:`
    pub issuers: Vec<Issuer>,
    /// `api_keys:`
    pub api_keys: Vec<ApiKey>,
    /// `leeway` for the clocks of issuers. Default 30 s, at most 60 s.
    pub leeway: Duration,
}

/// A Cognito user pool or another OpenID Connect issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// `issuer`: compared exactly with `iss`.
    pub issuer: String,
    /// `jwks_uri`: default: what `ISSUER/.well-known/openid-configuration` says. Plain `http` only to loopback.
    pub jwks_uri: Option<String>,
    /// `client_ids`: allowed `client_id` (Cognito) or `azp`; empty allows every client of the issuer.
    pub client_ids: Vec<String>,
    /// `audiences`: allowed `aud`; empty where tokens have none (Cognito access tokens).
    pub audiences: Vec<String>,
    /// `required_scopes`: all of them have to be in `scope`.
    pub required_scopes: Vec<String>,
    /// `token_use`: what Cognito's claim of that name has to say; absent for issuers without it. Default `access`.
    pub token_use: Option<String>,
}

/// A static key for callers without an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// `name`: who the caller is then, in limits, ledger and log.
    pub name: String,
    /// `sha256`: the digest of the key; the key itself is nowhere.
    pub sha256: [u8; 32],
    /// `groups` of the caller, for limits.
    pub groups: Vec<String>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Upstream {
    /// `kind: bedrock`
    Bedrock(Bedrock),
    /// `kind: openai`
    OpenAi(OpenAi),
    /// `kind: practice`: answers by itself, the same to the same question. No network, no account.
    Practice,
}

/// Amazon Bedrock's runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct Bedrock {
    /// `region`
    pub region: Region,
    /// `endpoint_url`: instead of the Region's own; `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` comes before the Region, this before both.
    pub endpoint_url: Option<Uri>,
    /// `profile`: of the shared AWS configuration.
    pub profile: Option<String>,
    /// `role_arn` with `external_id`: assumed before the call.
    pub role: Option<Role>,
    /// `guardrail`
    pub guardrail: Option<Guardrail>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// `role_arn`
    pub arn: String,
    /// `external_id`
    pub external_id: Option<String>,
}

/// `guardrail:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// `id`
    pub id: String,
    /// `version`: a number or `DRAFT`.
    pub version: String,
}

/// OpenAI's own API.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAi {
    /// `base_url`. Default `https://api.openai.com/v1`.
    pub base_url: Uri,
    /// `secret_id`: of the Secrets Manager secret `{"openai_api_key", "model_mappings", "timeout_settings"}`.
    pub secret_id: String,
    /// `region` of that secret.
    pub region: Region,
    /// `endpoint_url` of Secrets Manager, for tests.
    pub secrets_endpoint_url: Option<Uri>,
}

/// One entry of `models:` in order of preference: the target, then its `fallbacks`. Never empty.
///
/// `name: MODEL` is short for `name: {model: MODEL}`; the upstream may be left out where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whom to ask, first to last.
    pub targets: Vec<Target>,
}

/// A model of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `upstream`: a key of [`Config::upstreams`].
    pub upstream: String,
    /// `model`: what the upstream calls it: a Bedrock model id, inference profile id or ARN, or a model of OpenAI.
    pub model: String,
    /// `region`: instead of the upstream's.
    pub region: Option<Region>,
    /// `role_arn` with `external_id`: instead of the upstream's.
    pub role: Option<Role>,
    /// `max_tokens` where the client asks for none.
    pub max_tokens: Option<u32>,
}

/// `requests:` How requests are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// `max_body_bytes`. Default 25 MiB.
    pub max_body_bytes: usize,
    /// `max_messages`. Default 2048.
    pub max_messages: usize,
    /// `max_tools`. Default 128.
    pub max_tools: usize,
    /// `default_max_tokens`, since an unset maximum reserves the model's own against the quota. Default 4096.
    pub default_max_tokens: u32,
    /// `strict_params`: refuse what cannot be mapped instead of naming it in `x-ignored-params`. Default false.
    pub strict_params: bool,
    /// `thinking`: what becomes of `<thinking>` text of Nova 1. Default `keep`.
    pub thinking: Thinking,
    /// `allow_raw_models`: clients may name Bedrock model ids that no mapping names. Default false.
    pub allow_raw_models: bool,
}

/// `requests.thinking`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thinking {
    /// It stays where it is, in `content`.
    #[default]
    Keep,
    /// It moves to `reasoning_content`.
    Split,
    /// It is left out.
    Drop,
}

/// `limits:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `requests_per_minute`, `tokens_per_hour`, `concurrent_requests` of everybody who has none of their own.
    pub default: Quota,
    /// `overrides:` the first that matches counts: callers, then client ids, then groups.
    pub overrides: Vec<Override>,
    /// `store:`
    pub store: LimitStore,
}

/// What one caller may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// `requests_per_minute`. Default 100.
    pub requests_per_minute: u32,
    /// `tokens_per_hour`. Default 10,000.
    pub tokens_per_hour: u64,
    /// `concurrent_requests`. Default 20.
    pub concurrent_requests: u32,
}

/// One entry of `limits.overrides`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Whom it is for.
    pub who: Who,
    /// What they may use; what the entry leaves out is the default.
    pub quota: Quota,
}

/// Whom an override is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `caller`: a `sub`, or the name of an API key.
    Caller(String),
    /// `client_id`
    ClientId(String),
    /// `group`: of `cognito:groups`, `groups`, or of an API key.
    Group(String),
}

/// `limits.store`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitStore {
    /// `memory`: one host.
    Memory,
    /// `{dynamodb: {table, region, endpoint_url}}`: several hosts.
    DynamoDb(Table),
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `table`
    pub name: String,
    /// `region`
    pub region: Region,
    /// `endpoint_url`, for tests; `AWS_ENDPOINT_URL_DYNAMODB` is honoured.
    pub endpoint_url: Option<Uri>,
}

/// `ledger:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// `store:`
    pub store: LedgerStore,
    /// `prices_path`: instead of the table that comes with the program.
    pub prices_path: Option<PathBuf>,
}

/// `ledger.store`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerStore {
    /// `off`
    Off,
    /// `{sqlite: {path}}`. Default: `usage.db` in systemd's `STATE_DIRECTORY`, else beside the configuration.
    Sqlite(PathBuf),
    /// `{dynamodb: {table, region, endpoint_url}}`
    DynamoDb(Table),
}

/// `timeouts:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// `headers`: from the first byte of a request to the end of its headers. Default 10 s.
    pub headers: Duration,
    /// `body`: for the rest of the request. Default 60 s.
    pub body: Duration,
    /// `connect` to an upstream. Default 3 s.
    pub connect: Duration,
    /// `first_byte` of an upstream's answer, retries and fallbacks included. Default 300 s.
    pub first_byte: Duration,
    /// `idle` between two pieces of an upstream's stream. Nova may think for long. Default 300 s.
    pub idle: Duration,
    /// `heartbeat` comment in a stream where nothing else is said. Default 15 s.
    pub heartbeat: Duration,
}

/// `cors:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors {
    /// `allowed_origins`: exact origins, or `*`. Empty: no CORS.
    pub allowed_origins: Vec<String>,
}

/// `telemetry:`
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// `log.level` as for `RUST_LOG`. Default `info`.
    pub log_level: String,
    /// `log.format`: `json` (default) or `text`.
    pub log_format: LogFormat,
    /// `log.prompts`: whether the text of requests and answers may reach the log. Default false.
    pub log_prompts: bool,
    /// `metrics.address`: Prometheus' listener. Default `127.0.0.1:9464`; `off` for none.
    pub metrics_address: Option<SocketAddr>,
    /// `otlp.endpoint`: base address of an OpenTelemetry collector (OTLP over HTTP).
    pub otlp_endpoint: Option<Uri>,
    /// `otlp.headers`: sent along; may hold credentials.
    pub otlp_headers: Vec<(String, Secret<String>)>,
    /// `emf.namespace`: CloudWatch metrics in the embedded format, as lines of the log.
    pub emf_namespace: Option<String>,
    /// `security:`
    pub security: Security,
}

/// `telemetry.security:` Where security events go beside the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// `journal`
    pub journal: Journal,
    /// `syslog`: a server that takes datagrams of RFC 5424.
    pub syslog: Option<Syslog>,
}

/// `telemetry.security.journal`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Journal {
    /// `auto`: journald where the log goes there.
    #[default]
    Auto,
    /// `off`
    Off,
    /// The path of a socket that journald, or something that speaks its protocol, listens on.
    Socket(PathBuf),
}

/// `telemetry.security.syslog`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syslog {
    /// UDP (RFC 5426).
    Udp(SocketAddr),
    /// A socket of this machine, such as `/dev/log`.
    Unix(PathBuf),
}

/// `telemetry.log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}
