//! The table, row by row, as clients and operators see it.

use http::HeaderValue;

use super::*;

fn from(status: u16, kind: &str, message: &str) -> Refusal {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-errortype", HeaderValue::from_str(kind).unwrap());
    let body = serde_json::json!({ "message": message }).to_string();
    from_bedrock(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
}

fn line(refusal: &Refusal) -> String {
    let error = &refusal.error;
    let mut line = format!("{} {}", error.status.as_u16(), String::from_utf8(error.body()).unwrap());
    for (name, said) in [("retryable", refusal.retryable), ("unwell", refusal.unwell)] {
        if said {
            line = format!("{line} {name}");
        }
    }
    if let Some(wait) = error.retry_after {
        line = format!("{line} retry-after={wait:?}");
    }
    if let Some(retry) = error.should_retry {
        line = format!("{line} should-retry={retry}");
    }
    line
}

#[test]
fn every_error_of_bedrock_has_its_row() {
    let rows = [
        (400, "ValidationException", "Malformed input request: #: extraneous key [x] is not permitted"),
        (400, "ValidationException", "Input Tokens Exceeded: Number of input tokens exceeds maximum length."),
        (400, "ValidationException", "Input is too long for requested model."),
        (400, "ValidationException", "prompt is too long: 200001 tokens > 200000 maximum"),
        (400, "ValidationException", "The provided model identifier is invalid."),
        (
            400,
            "ValidationException:http://internal.amazon.com/coral/com.amazon.coral.validate/",
            "Invocation of model ID amazon.nova-2-lite-v1:0 with on-demand throughput isn\u{2019}t supported. Retry \
             your request with the ID or ARN of an inference profile that contains this model.",
        ),
        (
            400,
            "ValidationException",
            "Invocation of model ID arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0 with \
             on-demand throughput isn't supported.",
        ),
        (429, "ThrottlingException", "Too many requests, please wait before trying again."),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
        (429, "ThrottlingException", ""),
        (429, "ModelNotReadyException", "Model is not ready for inference."),
        (400, "ServiceQuotaExceededException", "Your request exceeds the quota of account 123456789012."),
        (
            403,
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/proxy/i-1 is not authorized to perform: bedrock:InvokeModel",
        ),
        (403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
        (403, "ExpiredTokenException", "The security token included in the request is expired"),
        (403, "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than ..."),
        (401, "SomethingException", "No."),
        (403, "SomethingException", "No."),
        (404, "ResourceNotFoundException", "Could not resolve arn:aws:bedrock:us-east-1:123456789012:x/y."),
        (408, "ModelTimeoutException", "Took too long."),
        (424, "ModelErrorException", "The model failed."),
        (424, "ModelStreamErrorException", "The model failed."),
        (500, "InternalServerException", "Oops for 123456789012."),
        (503, "ServiceUnavailableException", "Too busy."),
        (413, "RequestEntityTooLargeException", "Too large."),
        (418, "TeapotException", "Short and stout."),
        (502, "SomethingException", "Bad gateway."),
        (301, "SomethingException", "Elsewhere."),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(status, kind, message)| {
            let name = kind.split(':').next().unwrap_or_default();
            format!("{name} {status} -> {}", line(&from(*status, kind, message)))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn no_row_names_an_account() {
    for status in [301, 400, 401, 403, 404, 408, 424, 429, 500, 503] {
        for kind in [
            "ValidationException",
            "AccessDeniedException",
            "ThrottlingException",
            "",
            "InternalServerException",
        ] {
            let message =
                "on resource arn:aws:bedrock:eu-west-1:123456789012:inference-profile/x by 123456789012";
            let error = from(status, kind, message).error;
            assert!(!error.message.contains("123456789012") && !error.message.contains("arn:"), "{error:?}");
            assert!(error.log.is_some_and(|log| log.contains(message)), "the log has the full text");
        }
    }
}

#[test]
fn the_name_and_the_text_are_found_in_every_spelling() {
    let bodies = [
        r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"Slow \u0064own."}"#,
        r#"{"code":"ThrottlingException","Message":"Slow down."}"#,
        r#"{"__type":"ThrottlingException:http://x/","Message":"Slow down.","more":[1,{}]}"#,
    ];
    for body in bodies {
        let refusal = from_bedrock(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        assert_eq!(refusal.error.status, StatusCode::TOO_MANY_REQUESTS, "{body}");
        assert_eq!(refusal.error.message, "Slow down.");
        assert_eq!(refusal.error.log.as_deref(), Some("ThrottlingException: Slow down."));
    }
}

#[test]
fn a_page_instead_of_json_goes_by_its_status() {
    let page = "<html>503 at arn:aws:x:::y</html>".repeat(1_000);
    let refusal = from_bedrock(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), page.as_bytes());
    assert_eq!(line(&refusal), line(&from(503, "ServiceUnavailableException", "")));
    assert!(refusal.error.log.is_some_and(|log| log.len() < 5_000));
    let refusal = from_bedrock(StatusCode::IM_A_TEAPOT, &HeaderMap::new(), page.as_bytes());
    assert!(refusal.error.message.len() <= 1_000);
    let refusal = from_bedrock(StatusCode::BAD_REQUEST, &HeaderMap::new(), &[0xff, 0xfe]);
    assert_eq!(refusal.error.status, StatusCode::BAD_REQUEST);
}

#[test]
fn the_wait_is_what_bedrock_says_but_never_longer_than_clients_wait() {
    for (told, wait) in [("7", 7), ("0", 0), ("86400", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", 2), ("-1", 2)]
    {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(told));
        let refusal = from_bedrock(StatusCode::TOO_MANY_REQUESTS, &headers, b"{}");
        assert_eq!(refusal.error.retry_after, Some(Duration::from_secs(wait)), "{told}");
    }
}

#[test]
fn exceptions_in_streams_have_the_same_rows() {
    let rows = [
        ("internalServerException", 500, "InternalServerException"),
        ("modelStreamErrorException", 424, "ModelStreamErrorException"),
        ("validationException", 400, "ValidationException"),
        ("throttlingException", 429, "ThrottlingException"),
        ("serviceUnavailableException", 503, "ServiceUnavailableException"),
    ];
    for (kind, status, name) in rows {
        let in_stream = from_exception(kind, br#"{"message":"Something happened."}"#);
        assert_eq!(line(&in_stream), line(&from(status, name, "Something happened.")));
    }
}

#[test]
fn what_fails_on_the_way_may_work_elsewhere() {
    let failures = [
        TransportFailure::Connect("refused by 10.0.0.1".to_owned()),
        TransportFailure::Tls("unknown issuer".to_owned()),
        TransportFailure::Timeout("300 s".to_owned()),
        TransportFailure::Reset("by peer".to_owned()),
    ];
    let lines: Vec<String> = failures.into_iter().map(|failure| line(&from_transport(failure))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
