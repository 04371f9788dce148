//! Which parts of the file are secret: their values are refused where they do not belong, and never shown.

use model::document;

/// Keys of this file that only sound like a secret.
const HARMLESS: &[&str] = &["secret_id", "api_keys", "max_tokens", "default_max_tokens"];

/// Whether a key of this name would hold a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    !HARMLESS.contains(&name) && document::is_secret(name)
}

/// Whether the value of this key must not be shown; what [`model::document::render_masked`] asks.
pub fn is_secret(name: &str, text: &str) -> bool {
    match name {
        // `telemetry.otlp.headers` is a mapping that may hold credentials, `timeouts.headers` is a time.
        "headers" => !text.starts_with(|first: char| first.is_ascii_digit()),
        // Whoever mistakes the digest for the key writes the key here.
        "sha256" => {
            let first = text.split([',', '}', ' ', '#']).next().unwrap_or_default();
            !is_digest(first.trim_matches(['"', '\'']))
        }
        // Not keys of this file, but what somebody may write who has a key and not its digest.
        "key" | "token" => true,
        _ => is_secret_name(name) || has_credentials(text),
    }
}

/// Whether this is the hexadecimal form of a SHA-256.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text looks like a secret itself, whatever its key is called: a key of OpenAI or AWS, a private key, or a
/// URL with a password.
pub(super) fn has_credentials(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    let authority =
        text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    authority.is_some_and(|authority| authority.contains('@'))
        || text.contains("-----BEGIN")
        || (text.len() >= 20 && ["sk-", "ABSK", "AKIA", "ASIA"].iter().any(|start| text.starts_with(start)))
}

/// What to do instead of writing this secret into the file.
pub(super) fn advice(name: &str) -> &'static str {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if plain.contains("privatekey") {
        "remove it; name the file that holds the key in `tls.key_path`"
    } else if plain.contains("access") || plain.contains("session") || plain.contains("credential") {
        "remove it; AWS credentials come from `profile`, `role_arn`, the environment or the instance role"
    } else if plain.contains("apikey") {
        "remove it; OpenAI's key is read from Secrets Manager (`secret_id`), and keys of callers are given as their SHA-256 in `auth.api_keys`"
    } else {
        "remove it; secrets are read from AWS, never from this file; if it was committed or shared, replace it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_file_are_not_secret_and_secrets_are() {
        for key in super::super::keys::KEYS {
            let name = key.path.rsplit('.').next().unwrap();
            assert!(!is_secret_name(name), "{}", key.path);
        }
        for (name, text) in [
            ("client_secret", "x"),
            ("headers", ""),
            ("headers", "{authorization: x}"),
            ("sha256", "sk-proj-0123456789abcdef"),
            ("endpoint_url", "https://user:pass@example.com/"),
            ("model", "AKIAIOSFODNN7EXAMPLE"),
            ("openai_api_key", "x"),
        ] {
            assert!(is_secret(name, text), "{name}: {text}");
        }
        for (name, text) in [("headers", "10s"), ("max_tokens", "7"), ("endpoint_url", "https://a.b/c@d")] {
            assert!(!is_secret(name, text), "{name}: {text}");
        }
    }
}
