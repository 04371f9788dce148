//! Instance metadata, version 2: a token is had by PUT, and nothing is given without one.
//!
//! Source: "Use the Instance Metadata Service to access instance metadata" in the EC2 User Guide.

use std::time::Duration;

use model::{Finding, Secret, Severity};

use super::METADATA;
use crate::remote::connect::Failure;
use crate::remote::http::{HeaderName, HttpError, Method, Options, Request, Url, fetch};

/// Where every instance finds it.
pub const USUAL: &str = "http://169.254.169.254/";

/// What the service did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFacts {
    /// The status of `PUT /latest/api/token`, or why there was none.
    pub token: Result<u16, HttpError>,
    /// The status of a question with the token; none where there was no token.
    pub with_token: Option<Result<u16, HttpError>>,
    /// The status of the same question without a token.
    pub without_token: Result<u16, HttpError>,
}

/// Asks the service at `base`; each question may take `step`.
pub async fn collect(base: &Url, step: Duration) -> MetadataFacts {
    let options = Options { step, answer: step, body_limit: 64 << 10, ..Options::default() };
    let ttl = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
    let put = Request::new(Method::PUT, base.at("/latest/api/token"), "").header(ttl, "60");
    let question = || Request::get(base.at("/latest/meta-data/instance-id"));
    let answer = fetch(&put, &options).await;
    let token = match &answer {
        Ok(whole) if whole.status.is_success() => Some(Secret::new(whole.text().trim().to_owned())),
        _ => None,
    };
    let with_token = match &token {
        Some(token) => {
            let name = HeaderName::from_static("x-aws-ec2-metadata-token");
            let asked = fetch(&question().header(name, token.expose()), &options).await;
            Some(asked.map(|whole| whole.status.as_u16()))
        }
        None => None,
    };
    let without_token = fetch(&question(), &options).await.map(|whole| whole.status.as_u16());
    MetadataFacts { token: answer.map(|whole| whole.status.as_u16()), with_token, without_token }
}

/// What that means.
pub fn judge(facts: &MetadataFacts, subject: &str) -> Vec<Finding> {
    let say = |severity, message: &str| Finding::new(METADATA.code, severity, subject, message);
    let switch =
        |setting: &str| format!("`aws ec2 modify-instance-metadata-options --instance-id ID {setting}`");
    let mut findings = Vec::new();
    match (&facts.token, &facts.with_token) {
        (Ok(200), Some(Ok(200))) => {}
        (Ok(200), Some(Ok(status))) => {
            let message = format!("instance metadata refuses its own token (HTTP {status})");
            findings.push(say(Severity::Error, &message).hint("is something else listening at its address?"));
        }
        (Ok(200), Some(Err(error))) => {
            let message = "instance metadata gives a token and then no answer";
            findings.push(say(Severity::Unknown, message).evidence(error.to_string()));
        }
        (Ok(403), _) => findings.push(
            say(Severity::Error, "instance metadata is switched off (HTTP 403), so no role can be used here")
                .hint(switch("--http-endpoint enabled --http-tokens required")),
        ),
        (Ok(status), _) => {
            let message = format!("instance metadata gives no token (HTTP {status})");
            findings.push(say(Severity::Error, &message).hint(
                "AWS answers 200 to PUT /latest/api/token; a proxy or an imitation may stand before it",
            ));
        }
        // The answer to PUT, and only that, is sent with a time to live of the hop limit.
        (Err(HttpError::TimedOut { .. }), _) if facts.without_token.is_ok() => findings.push(
            say(
                Severity::Error,
                "instance metadata is there, but its tokens do not arrive: the hop limit is 1, and a container is one hop away",
            )
            .hint(switch("--http-put-response-hop-limit 2")),
        ),
        (Err(HttpError::TimedOut { .. }), _) => findings.push(
            say(Severity::Unknown, "instance metadata does not answer a PUT")
                .hint(format!("in a container the hop limit must be 2: {}", switch("--http-put-response-hop-limit 2"))),
        ),
        (Err(HttpError::Connect { failure: Failure::TimedOut | Failure::NoRoute | Failure::Unreachable, .. }), _) => {
            findings.push(
                say(Severity::Unknown, "instance metadata cannot be reached")
                    .hint("from an instance: `ip route get 169.254.169.254`; a firewall of the host may forbid it"),
            );
        }
        (Err(error), _) => findings.push(
            say(Severity::Unknown, "instance metadata cannot be asked")
                .evidence(error.to_string())
                .hint("`curl -sS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token -o /dev/null -w '%{http_code}\\n'`"),
        ),
    }
    if facts.without_token == Ok(200) {
        findings.push(
            say(Severity::Warning, "instance metadata also answers without a token (version 1)")
                .hint(switch("--http-tokens required")),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late() -> HttpError {
        HttpError::TimedOut { what: "answer", after: Duration::from_secs(2) }
    }

    fn said(
        token: Result<u16, HttpError>,
        with: Option<Result<u16, HttpError>>,
        without: Result<u16, HttpError>,
    ) -> Vec<(Severity, String)> {
        let facts = MetadataFacts { token, with_token: with, without_token: without };
        judge(&facts, "x").into_iter().map(|finding| (finding.severity, finding.message)).collect()
    }

    #[test]
    fn each_way_of_failing_has_its_cause() {
        assert_eq!(said(Ok(200), Some(Ok(200)), Ok(401)), []);
        let first = |said: Vec<(Severity, String)>| said.into_iter().next().unwrap();
        assert_eq!(first(said(Ok(200), Some(Ok(200)), Ok(200))).0, Severity::Warning);
        let (severity, message) = first(said(Err(late()), None, Ok(401)));
        assert_eq!(severity, Severity::Error);
        assert!(message.contains("hop limit"), "{message}");
        assert_eq!(first(said(Err(late()), None, Err(late()))).0, Severity::Unknown);
        assert_eq!(first(said(Ok(403), None, Ok(403))).0, Severity::Error);
        assert_eq!(first(said(Ok(200), Some(Ok(401)), Ok(401))).0, Severity::Error);
        let peer = "169.254.169.254:80".parse().unwrap();
        let unreachable = HttpError::Connect { peer, failure: Failure::NoRoute };
        assert_eq!(first(said(Err(unreachable.clone()), None, Err(unreachable))).0, Severity::Unknown);
    }
}
