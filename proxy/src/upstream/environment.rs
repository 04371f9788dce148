//! What upstreams take from the environment. It comes in as a value; the program fills it.

use http::Uri;
use model::Secret;

/// Variables that upstreams obey. What the AWS credentials chain reads, it reads itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `AWS_ENDPOINT_URL`: instead of the endpoints of all AWS services.
    pub endpoint_url: Option<Uri>,
    /// `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`
    pub bedrock_endpoint_url: Option<Uri>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`
    pub secrets_manager_endpoint_url: Option<Uri>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`
    pub dynamodb_endpoint_url: Option<Uri>,
    /// `AWS_BEARER_TOKEN_BEDROCK`: a Bedrock API key, used instead of signatures.
    pub bearer_token: Option<Secret<String>>,
}

/// A variable whose value makes no sense. The value is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} is not {wanted}")]
pub struct InvalidVariable {
    /// Which.
    pub name: &'static str,
    /// What it should be.
    pub wanted: &'static str,
}

impl Environment {
    /// Reads the variables through `lookup`; empty ones count as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidVariable> {
        let text = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let url = |name: &'static str| {
            let wanted = "an http:// or https:// URL";
            text(name).map(|value| endpoint(value.trim()).ok_or(InvalidVariable { name, wanted })).transpose()
        };
        let bearer_token = text("AWS_BEARER_TOKEN_BEDROCK").map(|value| value.trim().to_owned());
        if bearer_token.as_deref().is_some_and(|value| !value.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(InvalidVariable {
                name: "AWS_BEARER_TOKEN_BEDROCK",
                wanted: "a token of printable characters",
            });
        }
        Ok(Self {
            endpoint_url: url("AWS_ENDPOINT_URL")?,
            bedrock_endpoint_url: url("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")?,
            secrets_manager_endpoint_url: url("AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
            dynamodb_endpoint_url: url("AWS_ENDPOINT_URL_DYNAMODB")?,
            bearer_token: bearer_token.map(Secret::new),
        })
    }
}

/// A URL with a host and a scheme that can be spoken.
fn endpoint(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let spoken = matches!(uri.scheme_str(), Some("http" | "https"));
    (spoken && uri.host().is_some()).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, InvalidVariable> {
        Environment::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_are_read_and_empty_ones_are_unset() {
        let environment = read(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", " "),
            ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-abc\n"),
        ])
        .unwrap();
        assert!(!format!("{environment:?}").contains("bedrock-api-key"));
        assert_eq!(environment.endpoint_url.unwrap(), "http://127.0.0.1:5000");
        assert_eq!(environment.bedrock_endpoint_url, None);
        assert_eq!(environment.bearer_token.unwrap().expose(), "bedrock-api-key-abc");
    }

    #[test]
    fn what_makes_no_sense_is_named_without_its_value() {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", "127.0.0.1:5000"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "ftp://example.com"),
            ("AWS_BEARER_TOKEN_BEDROCK", "two words"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(!error.to_string().contains(value), "{error}");
        }
    }
}
