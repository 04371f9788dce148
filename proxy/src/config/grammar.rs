//! The grammars of single values: addresses, URLs, digests, names and ARNs.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use model::{
    AccountId,
    document::{Flaw, codes as common, nearest, shown},
};

use super::{
    codes::{MALFORMED_ADDRESS, MALFORMED_KEY_DIGEST, MALFORMED_URL},
    secrets,
};

/// `ADDRESS:PORT`
pub(super) fn address(text: &str) -> Result<SocketAddr, Flaw> {
    text.parse().map_err(|_| {
        let flaw = Flaw::new(MALFORMED_ADDRESS, format!("{} is no address with a port", shown(text)));
        if text.parse::<IpAddr>().is_ok() {
            let bracketed = if text.contains(':') { format!("[{text}]") } else { text.to_owned() };
            flaw.suggestion(format!("did you mean `{bracketed}:443`?"))
        } else if let Some(port) = text.strip_prefix(':').or_else(|| text.strip_prefix("localhost:")) {
            let host = if text.starts_with(':') { "0.0.0.0" } else { "127.0.0.1" };
            flaw.suggestion(format!("did you mean `{host}:{port}`? names are not looked up"))
        } else {
            flaw.example("127.0.0.1:8443, or \"[::]:443\"")
        }
    })
}

/// Whether plain HTTP is good enough for a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// On this machine only.
    Loopback,
    /// Everywhere.
    Anywhere,
}

/// An absolute `https` or `http` URL without credentials, query and fragment.
pub(super) fn url(text: &str, plain: Plain) -> Result<Uri, Flaw> {
    if secrets::has_credentials(text) {
        return Err(Flaw::new(common::SECRET_IN_FILE, "credentials do not belong into a URL")
            .suggestion("remove what stands in front of the `@`"));
    }
    let flaw = |what: &str| Flaw::new(MALFORMED_URL, format!("{} {what}", shown(text)));
    let example = "https://example.com/path";
    let uri: Uri = text.parse().map_err(|_| flaw("is no URL").example(example))?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host().filter(|host| !host.is_empty())) else {
        return Err(flaw("is no absolute URL").example(example));
    };
    if uri.query().is_some() || text.contains('#') {
        return Err(flaw("has a query or a fragment, which a base address cannot have"));
    }
    match scheme {
        "https" => Ok(uri),
        "http" if plain == Plain::Anywhere || is_loopback(host) => Ok(uri),
        "http" => Err(flaw("is not encrypted").suggestion("use https; http is accepted to loopback only")),
        _ => Err(flaw("is neither https nor http").example(example)),
    }
}

/// Whether a host of a URL is this machine itself.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The text of such a URL, as it was written: an issuer is compared exactly.
pub(super) fn url_text(text: &str) -> Result<String, Flaw> {
    url(text, Plain::Loopback).map(|_| text.to_owned())
}

/// The hexadecimal SHA-256 of a key. The text is not repeated, since it may be the key itself.
pub(super) fn digest(text: &str) -> Result<[u8; 32], Flaw> {
    let mut digest = [0; 32];
    let flaw = || {
        Flaw::new(MALFORMED_KEY_DIGEST, "wants the 64 hexadecimal digits of a SHA-256")
            .suggestion("`bedrock-nova-proxy api-key` makes a key and its digest")
    };
    if !secrets::is_digest(text) {
        return Err(flaw());
    }
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| flaw())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| flaw())?;
    }
    Ok(digest)
}

/// A name that appears in logs and metrics.
pub(super) fn name(text: &str) -> Result<String, Flaw> {
    const LONGEST: usize = 128;
    let fine = text.len() <= LONGEST && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if secrets::has_credentials(text) {
        return Err(Flaw::new(common::SECRET_IN_FILE, "this looks like a secret")
            .suggestion(secrets::advice("apikey")));
    }
    if fine {
        return Ok(text.to_owned());
    }
    let message = format!("{} is no name: at most {LONGEST} characters without spaces", shown(text));
    Err(Flaw::new(common::INVALID_IDENTIFIER, message))
}

/// The ARN of an IAM role.
pub(super) fn role_arn(text: &str) -> Result<String, Flaw> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
                && AccountId::parse(account).is_ok()
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    if is_role {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(common::INVALID_IDENTIFIER, "is not the ARN of an IAM role")
        .example("arn:aws:iam::123456789012:role/bedrock"))
}

/// `DRAFT` or a number.
pub(super) fn guardrail_version(text: &str) -> Result<String, Flaw> {
    if text == "DRAFT" || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(common::INVALID_IDENTIFIER, "is neither a number nor `DRAFT`").example("\"1\""))
}

/// `*`, or scheme, host and perhaps port, as browsers send it (RFC 6454 section 6.2).
pub(super) fn origin(text: &str) -> Result<String, Flaw> {
    let fine = text == "*"
        || text.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme().is_some()
                && uri.host().is_some_and(|host| !host.is_empty())
                && !secrets::has_credentials(text)
                && text.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']))
                && text.to_ascii_lowercase() == text
        });
    if fine {
        return Ok(text.to_owned());
    }
    let message = format!("{} is no origin: scheme and host in lower case, and nothing behind", shown(text));
    Err(Flaw::new(MALFORMED_URL, message).example("https://app.example.com"))
}

/// A host name, wildcard or address that a certificate can be good for.
pub(super) fn host(text: &str) -> Result<String, Flaw> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    if rustls_pki_types::ServerName::try_from(bare).is_ok() {
        return Ok(text.to_ascii_lowercase());
    }
    let message = format!("{} is neither a host name nor an address", shown(text));
    Err(Flaw::new(common::INVALID_IDENTIFIER, message).example("api.example.com"))
}

/// Name or ARN of a DynamoDB table.
pub(super) fn table(text: &str) -> Result<String, Flaw> {
    let is_name = |name: &str| {
        (3..=255).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    if text.starts_with("arn:") || is_name(text) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(common::INVALID_IDENTIFIER, "is no name of a DynamoDB table").example("bedrock-nova-proxy"))
}

/// What `RUST_LOG` may hold, apart from a bare target: a misspelt level would silently be taken for one.
pub(super) fn log_level(text: &str) -> Result<String, Flaw> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let misspelt = text
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains(['=', '[']) && !LEVELS.contains(&part.to_ascii_lowercase().as_str()));
    if misspelt.is_none() && text.parse::<tracing_subscriber::EnvFilter>().is_ok() {
        return Ok(text.to_owned());
    }
    let message = format!("{} is no filter for the log", shown(text));
    let flaw = Flaw::new(common::NOT_A_CHOICE, message);
    Err(match misspelt.and_then(|part| nearest(part, LEVELS.iter().copied())) {
        Some(level) => flaw.suggestion(format!("did you mean `{level}`?")),
        None => flaw.example("info, or warn,proxy=debug"),
    })
}

/// A namespace of CloudWatch metrics: up to 255 characters of a few kinds, and none of AWS's own.
pub(super) fn namespace(text: &str) -> Result<String, Flaw> {
    let fine = text.len() <= 255
        && !text.starts_with("AWS/")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte));
    if fine {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(common::INVALID_IDENTIFIER, "is no namespace of CloudWatch metrics")
        .example("BedrockNovaProxy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_encrypted_unless_they_stay_on_the_machine() {
        for good in ["https://a.example/", "http://127.0.0.1:8000", "http://localhost:1/x", "http://[::1]:9"]
        {
            assert!(url(good, Plain::Loopback).is_ok(), "{good}");
        }
        for bad in
            ["http://a.example", "ftp://a", "a.example", "https://", "https://a?b=c", "https://u:p@a/", ""]
        {
            assert!(url(bad, Plain::Loopback).is_err(), "{bad}");
        }
        assert!(url("http://collector:4318", Plain::Anywhere).is_ok());
        assert!(!url("https://u:hunter2@a/", Plain::Loopback).unwrap_err().message.contains("hunter2"));
    }

    #[test]
    fn an_address_that_lacks_something_is_completed() {
        for (text, wanted) in [
            ("0.0.0.0", "`0.0.0.0:443`"),
            ("::1", "`[::1]:443`"),
            (":8443", "`0.0.0.0:8443`"),
            ("localhost:80", "`127.0.0.1:80`"),
        ] {
            assert!(address(text).unwrap_err().suggestion.unwrap().contains(wanted), "{text}");
        }
    }

    #[test]
    fn a_key_in_place_of_its_digest_is_not_repeated() {
        let key = "sk-live-hunter2hunter2";
        let flaw = digest(key).unwrap_err();
        assert!(!format!("{flaw:?}").contains("hunter2"));
        assert_eq!(digest(&"0a".repeat(32)).unwrap(), [10; 32]);
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["*", "https://app.example.com", "http://localhost:3000"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in
            ["https://app.example.com/", "app.example.com", "https://App.example.com", "null", "https://*.a"]
        {
            assert!(origin(bad).is_err() || bad == "https://*.a", "{bad}");
        }
    }

    #[test]
    fn a_misspelt_level_is_no_target() {
        for good in ["info", "WARN", "off", "warn,proxy=debug", "proxy[request]=trace"] {
            assert!(log_level(good).is_ok(), "{good}");
        }
        assert_eq!(log_level("inf").unwrap_err().suggestion.unwrap(), "did you mean `info`?");
        for bad in ["loud", "info,proxy", "proxy=loud"] {
            assert!(log_level(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_and_hosts_have_their_grammar() {
        assert!(role_arn("arn:aws:iam::123456789012:role/team/bedrock").is_ok());
        assert!(role_arn("arn:aws:iam::123456789012:user/x").is_err());
        for good in ["api.example.com", "*.example.com", "127.0.0.1", "::1"] {
            assert!(host(good).is_ok(), "{good}");
        }
        assert!(host("https://x").is_err());
    }
}
