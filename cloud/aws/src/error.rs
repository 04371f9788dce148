//! The one place where an SDK's error becomes ours.
//!
//! An SDK tells five kinds of failure apart; what the rest of the program needs is finer in some places (why there
//! are no credentials) and coarser in others.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::request_id::RequestId;
use cloud::{CallError, ErrorKind};

/// Longest excerpt of an answer that could not be read.
const EXCERPT_CHARACTERS: usize = 200;

/// Maps the failure of one operation; `service` is its IAM prefix.
pub(crate) fn failed<E>(
    service: &'static str,
    operation: &'static str,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    move |error| {
        let mut mapped = match &error {
            SdkError::ServiceError(context) => match context.err().code() {
                Some(code) => from_code(service, operation, code, context.err().message(), context.raw()),
                None => from_answer(service, operation, context.raw(), context.err()),
            },
            SdkError::ResponseError(context) => from_answer(service, operation, context.raw(), &error),
            SdkError::TimeoutError(_) => CallError::new(
                service,
                operation,
                ErrorKind::TimedOut,
                format!("no answer in time; the call may have been carried out ({})", chain(&error)),
            ),
            SdkError::DispatchFailure(context) => {
                let connector = context.as_connector_error();
                let reached = connector.is_some_and(|error| error.connection_metadata().is_some());
                from_transport(service, operation, &error, reached)
            }
            // The SDK could not even write the request: an input it does not accept, or no endpoint for the Region.
            _ => from_transport(service, operation, &error, false),
        };
        mapped.request_id = error.request_id().or_else(|| error.meta().request_id()).map(str::to_owned);
        mapped
    }
}

/// An answer that lacks what we need.
pub(crate) fn absent(service: &str, operation: &str, field: &str) -> CallError {
    CallError::new(service, operation, ErrorKind::Other, format!("the answer has no `{field}`"))
}

/// A request that lacks a part that the service demands: a bug of the adapter.
pub(crate) fn unbuilt(service: &str, operation: &str, error: &dyn Error) -> CallError {
    CallError::new(service, operation, ErrorKind::Invalid, error.to_string())
}

/// `None` for what does not exist.
pub(crate) fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A service's own code decides; the status only where the code says nothing to us.
fn from_code(
    service: &str,
    operation: &str,
    code: &str,
    message: Option<&str>,
    answer: &HttpResponse,
) -> CallError {
    let mut error = CallError::from_service(service, operation, code, message.unwrap_or_default());
    if error.kind == ErrorKind::Other {
        error.kind = kind_of_status(answer.status().as_u16());
    }
    error
}

/// An answer whose body is not in the service's language.
fn from_answer(service: &str, operation: &str, answer: &HttpResponse, error: &dyn Error) -> CallError {
    let status = answer.status().as_u16();
    let body = answer.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let is_page = answer.headers().get("content-type").is_some_and(|kind| kind.contains("text/html"))
        || body
            .trim_start()
            .get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("<!doc") || start == "<html");
    // AWS fails in the language of its services. A web page with status 500 comes from an emulator that does not
    // know the operation; with another status from something in between, such as a proxy.
    if is_page && matches!(status, 404 | 405 | 500 | 501) {
        let message =
            format!("the endpoint answered with a web page (HTTP {status}); it does not know the operation");
        return CallError::new(service, operation, ErrorKind::Unsupported, message);
    }
    // A service's own words in an envelope of another service, as gateways and emulators send them.
    if let Some(code) = element(&body, "Code") {
        return from_code(service, operation, code, element(&body, "Message"), answer);
    }
    let message = if (200..300).contains(&status) || body.is_empty() {
        format!("HTTP {status}: {}", chain(error))
    } else {
        format!("HTTP {status}: {}", excerpt(&body))
    };
    CallError::new(service, operation, kind_of_status(status), message)
}

/// What went wrong before an answer came: no credentials, no connection, a lost one.
fn from_transport(service: &str, operation: &str, error: &dyn Error, reached: bool) -> CallError {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return CallError::new(service, operation, kind_of_credentials(credentials), chain(credentials));
    }
    let text = chain(error);
    if text.contains("identity resolver timed out") {
        return CallError::new(service, operation, ErrorKind::CredentialsMissing, text);
    }
    if matches_construction(error) {
        return CallError::new(service, operation, ErrorKind::Invalid, text);
    }
    let message = if reached { format!("the connection was lost: {text}") } else { text };
    CallError::new(service, operation, ErrorKind::Unreachable, message)
}

/// Whether the SDK refused to write the request at all.
fn matches_construction(error: &dyn Error) -> bool {
    // The variant is known to the caller only; its text is fixed by the SDK and tested here.
    error.to_string().starts_with("failed to construct request")
}

/// Why there are no credentials. The providers say most of it in words.
fn kind_of_credentials(error: &CredentialsError) -> ErrorKind {
    let text = chain(error);
    if ["has expired", "is expired", "ExpiredToken", "expired and cannot be refreshed"]
        .iter()
        .any(|words| text.contains(words))
    {
        return ErrorKind::CredentialsExpired;
    }
    let asked_instance =
        ["imds", "instance metadata"].iter().any(|words| text.to_ascii_lowercase().contains(words));
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::ProviderTimedOut(_) => {
            ErrorKind::CredentialsMissing
        }
        // The last link of the chain: an instance without a profile refuses, it does not hold wrong credentials.
        _ if asked_instance => ErrorKind::CredentialsMissing,
        _ => ErrorKind::CredentialsInvalid,
    }
}

/// What an HTTP status alone says.
fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied,
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::ServerFault,
        _ => ErrorKind::Other,
    }
}

/// An error and its causes, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !words.is_empty() && !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

/// The first cause of that type.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'a)) -> Option<&'a T> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// The text of the first XML element of that name.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The beginning of a body, on one line.
fn excerpt(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(EXCERPT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::describe_vpcs::DescribeVpcsError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn mapped(error: SdkError<DescribeVpcsError, HttpResponse>) -> CallError {
        failed("ec2", "DescribeVpcs")(error)
    }

    fn answer(status: u16, body: &str) -> SdkError<DescribeVpcsError, HttpResponse> {
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        SdkError::response_error("cannot be read", response)
    }

    #[test]
    fn what_the_sdk_refuses_to_write_is_invalid() {
        let error = mapped(SdkError::construction_failure("no endpoint for this Region"));
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("no endpoint"), "{error}");
    }

    #[test]
    fn a_body_that_cannot_be_read_is_judged_by_its_status() {
        for (status, body, kind) in [
            (500, "<!DOCTYPE html><title>500</title>", ErrorKind::Unsupported),
            (503, "<html>try later</html>", ErrorKind::ServerFault),
            (500, "oops", ErrorKind::ServerFault),
            (429, "", ErrorKind::Throttled),
            (403, "go away", ErrorKind::Denied),
            (200, "{not", ErrorKind::Other),
            (403, "<Error><Code>ExpiredToken</Code></Error>", ErrorKind::CredentialsExpired),
            (400, "<X><Code></Code>ü<Code", ErrorKind::Other),
        ] {
            assert_eq!(mapped(answer(status, body)).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn credentials_are_told_apart() {
        let kind = |error: CredentialsError| mapped(SdkError::construction_failure(error)).kind;
        assert_eq!(kind(CredentialsError::not_loaded("nothing there")), ErrorKind::CredentialsMissing);
        assert_eq!(
            kind(CredentialsError::provider_error("the SSO session has expired")),
            ErrorKind::CredentialsExpired
        );
        assert_eq!(kind(CredentialsError::invalid_configuration("a loop")), ErrorKind::CredentialsInvalid);
        let refused = CredentialsError::provider_error("failed to load credentials from IMDS: status 403");
        assert_eq!(kind(refused), ErrorKind::CredentialsMissing);
        let slow = CredentialsError::provider_timed_out(std::time::Duration::from_secs(1));
        assert_eq!(kind(slow), ErrorKind::CredentialsMissing);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("a\n  b\tc"), "a b c");
        assert_eq!(excerpt(&"ü".repeat(1000)).chars().count(), EXCERPT_CHARACTERS);
    }
}
