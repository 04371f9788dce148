//! Recognises keys that hold secrets by their names, so that their values are neither used nor shown.

/// Parts of a name that say "secret", written without separators.
const PARTS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "privatekey",
    "accesskey",
    "credential",
    "bearer",
    "authorization",
];
/// Endings that say "secret", written without separators.
const ENDINGS: &[&str] = &["token", "tokens", "pwd"];

/// Whether a key of this name holds a secret.
pub fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    PARTS.iter().any(|part| plain.contains(part)) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// What to do instead of writing this secret into the configuration.
pub(crate) fn advice(name: &str) -> &'static str {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if plain.contains("client") {
        "remove it; the client secret is made by Cognito and read from there when it is needed"
    } else if plain.contains("access") || plain.contains("session") || plain.contains("credential") {
        "remove it; AWS credentials come from `aws.profile`, the environment or the instance role"
    } else if plain.contains("apikey") {
        "remove it; keep the key in an AgentCore credential provider and name that in `gateway.provider_arn`"
    } else if plain.contains("privatekey") {
        "remove it; name the file that holds the key in `tls.key_path`"
    } else {
        "remove it; secrets are made where they are used or read from AWS, never from this file; \
         if it was committed or shared, replace it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised_and_keys_of_the_configuration_are_not() {
        for name in [
            "client_secret",
            "apiKey",
            "API-KEY",
            "db_password",
            "token",
            "access_token",
            "aws_secret_access_key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for key in crate::config::KEYS {
            for part in key.path.split('.') {
                assert!(!is_secret(part), "{}", key.path);
            }
        }
    }
}
