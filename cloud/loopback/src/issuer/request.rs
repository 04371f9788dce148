//! What a client sends to the token endpoint (RFC 6749, 2.3.1 and 4.4.2).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use super::Form;

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub(super) grant_type: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) scopes: Vec<String>,
}

impl TokenRequest {
    /// Reads the credentials from the header, or from the body where there is none.
    pub(super) fn read(authorization: Option<&HeaderValue>, body: &[u8]) -> Result<Self, &'static str> {
        let mut form = form(body);
        let mut take = |name: &str| form.remove(name).unwrap_or_default();
        let (client_id, client_secret) = match authorization {
            Some(value) => basic(value).ok_or("invalid_client")?,
            None => (take("client_id"), take("client_secret")),
        };
        let grant_type = take("grant_type");
        if grant_type.is_empty() {
            return Err("invalid_request");
        }
        let scopes = take("scope").split_whitespace().map(str::to_owned).collect();
        Ok(Self { grant_type, client_id, client_secret, scopes })
    }
}

fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn form(body: &[u8]) -> Form {
    let text = String::from_utf8_lossy(body).replace('+', " ");
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_in_the_header_or_in_the_body() {
        let header = HeaderValue::from_static("Basic YWJjOnM6dA==");
        let read =
            TokenRequest::read(Some(&header), b"grant_type=client_credentials&scope=a%2Fr+a/w").unwrap();
        assert_eq!((read.client_id.as_str(), read.client_secret.as_str()), ("abc", "s:t"));
        assert_eq!(read.scopes, ["a/r", "a/w"]);
        let read = TokenRequest::read(None, b"grant_type=x&client_id=abc&client_secret=s").unwrap();
        assert_eq!((read.client_id.as_str(), read.scopes.len()), ("abc", 0));
        assert_eq!(TokenRequest::read(None, b"client_id=abc"), Err("invalid_request"));
        assert_eq!(
            TokenRequest::read(Some(&HeaderValue::from_static("Bearer x")), b""),
            Err("invalid_client")
        );
    }
}
