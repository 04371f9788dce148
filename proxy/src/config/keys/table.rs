//! Every key of the file.

use super::{
    Fallback::{self, Else, Required, Value},
    Key,
    Kind::{self, Address, Boolean, Choice, Duration, Integer, Mapping, Path, Size, Text, Texts, Url},
};

const fn key(path: &'static str, kind: Kind, fallback: Fallback, description: &'static str) -> Key {
    Key { path, kind, fallback, reloads: true, description }
}

const fn fixed(path: &'static str, kind: Kind, fallback: Fallback, description: &'static str) -> Key {
    Key { path, kind, fallback, reloads: false, description }
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const MIB: u64 = 1024 * 1024;
/// The largest number of tokens that anything may be set to.
const MOST_TOKENS: u64 = 1_000_000;

const REGION: Kind = Text("us-east-1");
const ROLE: Kind = Text("arn:aws:iam::123456789012:role/bedrock");
const MODEL: Kind = Text("amazon.nova-pro-v1:0");
const REQUESTS: Kind = Integer { min: 1, max: 1_000_000 };
const TOKENS: Kind = Integer { min: 1, max: 1_000_000_000_000 };
const CONCURRENT: Kind = Integer { min: 1, max: 100_000 };
const MAX_TOKENS: Kind = Integer { min: 1, max: MOST_TOKENS };
const TABLE: Kind = Text("bedrock-nova-proxy");

/// Every key, in the order of the file.
pub const KEYS: &[Key] = &[
    fixed("version", Integer { min: 1, max: 1 }, Required, "Version of this file's format."),
    key("listen", Mapping, Else("defaults"), "Where clients connect."),
    fixed(
        "listen.address",
        Address,
        Value("0.0.0.0:443"),
        "Address and port, used unless systemd hands over a socket; without `tls` it has to be on loopback.",
    ),
    fixed(
        "listen.max_connections",
        Integer { min: 1, max: 1_000_000 },
        Value("4096"),
        "Connections served at once; more wait in the kernel's queue.",
    ),
    fixed(
        "listen.drain",
        Duration { min_ms: 0, max_ms: HOUR },
        Value("30s"),
        "How long answers may go on after SIGTERM before they are cut.",
    ),
    key("tls", Mapping, Else("plain HTTP, on loopback only"), "How clients are spoken to."),
    key(
        "tls.cert_path",
        Path("/etc/bedrock-nova-proxy/tls/fullchain.pem"),
        Required,
        "PEM file with the certificate and its chain, leaf first.",
    ),
    key(
        "tls.key_path",
        Path("/etc/bedrock-nova-proxy/tls/privkey.pem"),
        Required,
        "PEM file with the private key: PKCS#8, PKCS#1 or SEC1.",
    ),
    key(
        "tls.names",
        Texts("[api.example.com]"),
        Value("[]"),
        "Host names that the certificate has to be good for; a new certificate that is not is refused.",
    ),
    key(
        "tls.min_version",
        Choice(&["1.2", "1.3"]),
        Value("\"1.2\""),
        "The oldest version of TLS that is spoken.",
    ),
    key(
        "tls.client_ca_path",
        Path("/etc/bedrock-nova-proxy/tls/clients.pem"),
        Else("no client certificates"),
        "PEM file with the authorities whose client certificates are trusted.",
    ),
    key(
        "tls.client_auth",
        Choice(&["required", "optional"]),
        Else("`required` where `tls.client_ca_path` is given"),
        "Whether a client has to show a certificate.",
    ),
    key(
        "tls.acme_challenges",
        Path("/etc/sre-agent/tls/challenges"),
        Else("no challenge is answered"),
        "Folder in which `NAME.pem` is the answer to an ACME server that asks about NAME (TLS-ALPN-01).",
    ),
    key("auth", Mapping, Required, "Who may call: at least one issuer or API key."),
    key(
        "auth.issuers",
        Mapping,
        Value("[]"),
        "Cognito user pools and other OpenID Connect issuers, as a list.",
    ),
    key(
        "auth.issuers[].issuer",
        Url("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE"),
        Required,
        "Compared exactly with the claim `iss`.",
    ),
    key(
        "auth.issuers[].jwks_uri",
        Url("https://issuer.example.com/keys"),
        Else("what `ISSUER/.well-known/openid-configuration` says"),
        "Where the issuer's keys are.",
    ),
    key(
        "auth.issuers[].client_ids",
        Texts("[1example23456789]"),
        Else("every client of the issuer"),
        "Allowed `client_id` (Cognito) or `azp`.",
    ),
    key(
        "auth.issuers[].audiences",
        Texts("[api]"),
        Else(
            "none, since Cognito's access tokens have no `aud`; tokens that have one are refused (RFC 7519)",
        ),
        "Allowed `aud`.",
    ),
    key(
        "auth.issuers[].required_scopes",
        Texts("[sre-agent-api/read]"),
        Value("[]"),
        "All of them have to be in `scope`.",
    ),
    key(
        "auth.issuers[].token_use",
        Text("access"),
        Value("access"),
        "What Cognito's claim of that name has to say; `any` for issuers without it.",
    ),
    key("auth.api_keys", Mapping, Value("[]"), "Static keys for callers without an issuer, as a list."),
    key("auth.api_keys[].name", Text("ci"), Required, "Who the caller is then, in limits, ledger and log."),
    key(
        "auth.api_keys[].sha256",
        Text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        Required,
        "Hexadecimal SHA-256 of the key; the key itself is nowhere.",
    ),
    key("auth.api_keys[].groups", Texts("[builders]"), Value("[]"), "Groups of the caller, for limits."),
    key(
        "auth.leeway",
        Duration { min_ms: 0, max_ms: MINUTE },
        Value("30s"),
        "How far an issuer's clock may be off.",
    ),
    key("upstreams", Mapping, Required, "Who answers, by a name that `models` uses."),
    key(
        "upstreams.*.kind",
        Choice(&["bedrock", "openai", "practice"]),
        Required,
        "`bedrock`, `openai`, or `practice`, which answers by itself without network or account.",
    ),
    key(
        "upstreams.*.region",
        REGION,
        Else("`AWS_REGION`"),
        "Region of Bedrock, or of the secret of `openai`.",
    ),
    key(
        "upstreams.*.endpoint_url",
        Url("https://vpce-0example.bedrock-runtime.us-east-1.vpce.amazonaws.com"),
        Else("the Region's own"),
        "Another endpoint: of Bedrock, or of Secrets Manager for `openai`.",
    ),
    key(
        "upstreams.*.profile",
        Text("default"),
        Else("the default credential chain"),
        "For `bedrock`: profile of the shared AWS configuration.",
    ),
    key("upstreams.*.role_arn", ROLE, Else("no role"), "For `bedrock`: role to assume before the call."),
    key("upstreams.*.external_id", Text("partner-7"), Else("none"), "External id for that role."),
    key("upstreams.*.guardrail", Mapping, Else("none"), "For `bedrock`: the guardrail of every call."),
    key("upstreams.*.guardrail.id", Text("gr-example"), Required, "Its id or ARN."),
    key("upstreams.*.guardrail.version", Text("DRAFT"), Required, "A number, or `DRAFT`."),
    key(
        "upstreams.*.base_url",
        Url("https://api.openai.com/v1"),
        Value("https://api.openai.com/v1"),
        "For `openai`: base address of the API.",
    ),
    key(
        "upstreams.*.secret_id",
        Text("openai/production"),
        Required,
        "For `openai`: name or ARN of the Secrets Manager secret with `openai_api_key`.",
    ),
    key(
        "models",
        Mapping,
        Required,
        "The names that clients send, and who answers; `NAME: MODEL` is short for `NAME: {model: MODEL}`.",
    ),
    key("models.*.upstream", Text("bedrock"), Else("the only upstream"), "A name of `upstreams`."),
    key(
        "models.*.model",
        MODEL,
        Required,
        "A Bedrock model id, inference profile id or ARN, or a model of OpenAI.",
    ),
    key("models.*.region", REGION, Else("the upstream's"), "Another Region."),
    key("models.*.role_arn", ROLE, Else("the upstream's"), "Another role."),
    key("models.*.external_id", Text("partner-7"), Else("none"), "External id for that role."),
    key(
        "models.*.max_tokens",
        MAX_TOKENS,
        Else("`requests.default_max_tokens`"),
        "Longest answer where the client asks for none.",
    ),
    key(
        "models.*.fallbacks",
        Mapping,
        Value("[]"),
        "Whom to ask next when this one cannot answer, as a list of the same keys.",
    ),
    key(
        "models.*.fallbacks[].upstream",
        Text("bedrock"),
        Else("the upstream of the model"),
        "A name of `upstreams`.",
    ),
    key("models.*.fallbacks[].model", MODEL, Required, "As above."),
    key("models.*.fallbacks[].region", REGION, Else("the upstream's"), "As above."),
    key("models.*.fallbacks[].role_arn", ROLE, Else("the upstream's"), "As above."),
    key("models.*.fallbacks[].external_id", Text("partner-7"), Else("none"), "As above."),
    key("models.*.fallbacks[].max_tokens", MAX_TOKENS, Else("`requests.default_max_tokens`"), "As above."),
    key("requests", Mapping, Else("defaults"), "How requests are read."),
    key(
        "requests.max_body_bytes",
        Size { min: 1024, max: 256 * MIB },
        Value("25MiB"),
        "Longest body of a request.",
    ),
    key(
        "requests.max_messages",
        Integer { min: 1, max: 65_536 },
        Value("2048"),
        "Most messages of a request.",
    ),
    key("requests.max_tools", Integer { min: 1, max: 1_024 }, Value("128"), "Most tools of a request."),
    key(
        "requests.default_max_tokens",
        MAX_TOKENS,
        Value("4096"),
        "Longest answer where neither the client nor the model says; unset, Bedrock would reserve the model's maximum against the quota.",
    ),
    key(
        "requests.strict_params",
        Boolean,
        Value("false"),
        "Refuse what cannot be mapped instead of naming it in `x-ignored-params`.",
    ),
    key(
        "requests.thinking",
        Choice(&["keep", "split", "drop"]),
        Value("keep"),
        "What becomes of `<thinking>` text: stays in `content`, moves to `reasoning_content`, or is left out.",
    ),
    key(
        "requests.allow_raw_models",
        Boolean,
        Value("false"),
        "Clients may name Bedrock model ids that no entry of `models` names.",
    ),
    key("limits", Mapping, Else("defaults"), "What a caller may use."),
    key("limits.requests_per_minute", REQUESTS, Value("100"), "Requests a minute of each caller."),
    key("limits.tokens_per_hour", TOKENS, Value("10000"), "Tokens an hour of each caller."),
    key(
        "limits.concurrent_requests",
        CONCURRENT,
        Value("20"),
        "Requests of each caller that may be open at once.",
    ),
    key(
        "limits.overrides",
        Mapping,
        Value("[]"),
        "Other limits for some, as a list; callers come before client ids, those before groups.",
    ),
    key(
        "limits.overrides[].caller",
        Text("ci"),
        Else("one of the three is required"),
        "A `sub`, or the name of an API key.",
    ),
    key(
        "limits.overrides[].client_id",
        Text("1example23456789"),
        Else("one of the three is required"),
        "A client of an issuer.",
    ),
    key(
        "limits.overrides[].group",
        Text("builders"),
        Else("one of the three is required"),
        "A group of `cognito:groups`, of `groups`, or of an API key.",
    ),
    key(
        "limits.overrides[].requests_per_minute",
        REQUESTS,
        Else("`limits.requests_per_minute`"),
        "Requests a minute.",
    ),
    key("limits.overrides[].tokens_per_hour", TOKENS, Else("`limits.tokens_per_hour`"), "Tokens an hour."),
    key(
        "limits.overrides[].concurrent_requests",
        CONCURRENT,
        Else("`limits.concurrent_requests`"),
        "Requests open at once.",
    ),
    fixed(
        "limits.store",
        Mapping,
        Value("memory"),
        "Where the counts are: `memory` for one host, or a `dynamodb` table for several.",
    ),
    fixed("limits.store.dynamodb", Mapping, Else("memory"), "The table."),
    fixed("limits.store.dynamodb.table", TABLE, Required, "Its name."),
    fixed("limits.store.dynamodb.region", REGION, Else("`AWS_REGION`"), "Its Region."),
    fixed(
        "limits.store.dynamodb.endpoint_url",
        Url("http://127.0.0.1:8000"),
        Else("the Region's own"),
        "Another endpoint.",
    ),
    key("ledger", Mapping, Else("defaults"), "Who used how much."),
    fixed(
        "ledger.store",
        Mapping,
        Else("`sqlite`"),
        "Where it is written: `off`, `{sqlite: {path: FILE}}`, or a `dynamodb` table.",
    ),
    fixed("ledger.store.sqlite", Mapping, Else("defaults"), "A file."),
    fixed(
        "ledger.store.sqlite.path",
        Path("usage.db"),
        Else("`usage.db` in systemd's `STATE_DIRECTORY`, else beside the configuration"),
        "Its path.",
    ),
    fixed("ledger.store.dynamodb", Mapping, Else("none"), "A table."),
    fixed("ledger.store.dynamodb.table", TABLE, Required, "Its name."),
    fixed("ledger.store.dynamodb.region", REGION, Else("`AWS_REGION`"), "Its Region."),
    fixed(
        "ledger.store.dynamodb.endpoint_url",
        Url("http://127.0.0.1:8000"),
        Else("the Region's own"),
        "Another endpoint.",
    ),
    key(
        "ledger.prices_path",
        Path("/etc/bedrock-nova-proxy/prices.yaml"),
        Else("the table that comes with the program"),
        "Prices of models.",
    ),
    key("timeouts", Mapping, Else("defaults"), "How long to wait."),
    fixed(
        "timeouts.headers",
        Duration { min_ms: SECOND, max_ms: 5 * MINUTE },
        Value("10s"),
        "From the first byte of a request to the end of its headers, and for the TLS handshake.",
    ),
    key(
        "timeouts.body",
        Duration { min_ms: SECOND, max_ms: HOUR },
        Value("60s"),
        "For the rest of the request.",
    ),
    key(
        "timeouts.connect",
        Duration { min_ms: 100, max_ms: MINUTE },
        Value("3s"),
        "To connect to an upstream.",
    ),
    key(
        "timeouts.first_byte",
        Duration { min_ms: SECOND, max_ms: HOUR },
        Value("300s"),
        "For an upstream's answer to begin, retries and fallbacks included.",
    ),
    key(
        "timeouts.idle",
        Duration { min_ms: SECOND, max_ms: HOUR },
        Value("300s"),
        "Between two pieces of an upstream's stream.",
    ),
    key(
        "timeouts.heartbeat",
        Duration { min_ms: SECOND, max_ms: MINUTE },
        Value("15s"),
        "Between comments in a stream where nothing else is said.",
    ),
    key("cors", Mapping, Else("defaults"), "Which web pages may call."),
    key(
        "cors.allowed_origins",
        Texts("[\"https://app.example.com\"]"),
        Value("[]"),
        "Exact origins, or `*`; empty for none.",
    ),
    key("telemetry", Mapping, Else("defaults"), "What is told about the work."),
    key("telemetry.log", Mapping, Else("defaults"), "The log on standard output."),
    key("telemetry.log.level", Text("info,proxy=debug"), Value("info"), "What is logged, as for `RUST_LOG`."),
    fixed(
        "telemetry.log.format",
        Choice(&["json", "text"]),
        Value("json"),
        "One JSON object per line, or text for people.",
    ),
    key(
        "telemetry.log.prompts",
        Boolean,
        Value("false"),
        "Whether the text of requests and answers may reach the log.",
    ),
    key("telemetry.metrics", Mapping, Else("defaults"), "Metrics for Prometheus."),
    fixed("telemetry.metrics.address", Address, Value("127.0.0.1:9464"), "Where they are served, or `off`."),
    fixed("telemetry.otlp", Mapping, Else("nothing is sent"), "An OpenTelemetry collector."),
    fixed(
        "telemetry.otlp.endpoint",
        Url("http://127.0.0.1:4318"),
        Required,
        "Its base address, for OTLP over HTTP.",
    ),
    fixed(
        "telemetry.otlp.headers",
        Mapping,
        Else("none"),
        "Headers that are sent along, `NAME: VALUE`; may hold credentials and are never shown.",
    ),
    fixed(
        "telemetry.emf",
        Mapping,
        Else("none"),
        "CloudWatch metrics in the embedded format, as lines of the log.",
    ),
    fixed("telemetry.emf.namespace", Text("BedrockNovaProxy"), Required, "Their namespace."),
    fixed("telemetry.security", Mapping, Else("defaults"), "Where security events go beside the log."),
    fixed(
        "telemetry.security.journal",
        Text("off"),
        Value("auto"),
        "`auto`: into the journal with fields of their own, where the log goes there; `off`; or the path of journald's socket.",
    ),
    fixed(
        "telemetry.security.syslog",
        Text("127.0.0.1:514"),
        Value("off"),
        "As RFC 5424 to this address (UDP) or this path of a socket, or `off`.",
    ),
];
