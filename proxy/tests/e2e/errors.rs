//! How a program learns that something went wrong: the exceptions of OpenAI's client, before and in a stream.

use cloud_loopback::{Fault, Script};
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::stream::streamed_hello;

const EVERY_REFUSAL: &str = include_str!("scripts/errors.py");

/// What of a failure a program switches on.
fn essence(failure: &Value) -> Value {
    json!([failure["class"], failure["status"], failure["type"], failure["code"]])
}

#[test]
fn every_refusal_is_the_exception_that_a_program_expects() {
    let rig = Rig::start();
    let got = rig.run(EVERY_REFUSAL);
    let own = &got["own"];
    for (name, class, status, code, param) in [
        ("token", "AuthenticationError", 401, json!("invalid_api_key"), json!(null)),
        ("model", "NotFoundError", 404, json!("model_not_found"), json!("model")),
        ("n", "BadRequestError", 400, json!("unsupported_value"), json!("n")),
        ("role", "BadRequestError", 400, own["role"]["code"].clone(), json!("messages[0].role")),
        ("image", "BadRequestError", 400, json!("invalid_image_url"), own["image"]["param"].clone()),
        (
            "arguments",
            "BadRequestError",
            400,
            own["arguments"]["code"].clone(),
            json!("messages[1].tool_calls[0].function.arguments"),
        ),
    ] {
        let failure = &own[name];
        assert_eq!(
            essence(failure),
            json!([class, status, "invalid_request_error", code]),
            "{name}: {failure}"
        );
        assert_eq!(failure["param"], param, "{name}: {failure}");
        assert!(failure["request_id"].is_string(), "{name}: {failure}");
    }
    assert_eq!(
        own["token"]["headers"]["www-authenticate"].as_str().unwrap().split(' ').next(),
        Some("Bearer")
    );

    let upstream = &got["upstream"];
    for (name, class, status, kind, code) in [
        ("throttled", "RateLimitError", 429, "rate_limit_error", json!("rate_limit_exceeded")),
        ("denied", "PermissionDeniedError", 403, "permission_error", json!("model_access_denied")),
        ("credentials", "InternalServerError", 502, "server_error", json!("upstream_auth_error")),
        ("expired", "InternalServerError", 502, "server_error", json!("upstream_auth_error")),
        ("too long", "BadRequestError", 400, "invalid_request_error", json!("context_length_exceeded")),
        ("no model", "NotFoundError", 404, "invalid_request_error", json!("model_not_found")),
        ("missing", "NotFoundError", 404, "invalid_request_error", json!("model_not_found")),
        ("not ready", "InternalServerError", 503, "server_error", json!("model_not_ready")),
        ("timeout", "InternalServerError", 504, "server_error", json!("timeout")),
        ("model", "InternalServerError", 502, "server_error", json!("model_error")),
        ("internal", "InternalServerError", 502, "server_error", json!("upstream_error")),
        ("busy", "InternalServerError", 503, "server_error", json!("overloaded")),
    ] {
        assert_eq!(
            essence(&upstream[name]),
            json!([class, status, kind, code]),
            "{name}: {}",
            upstream[name]
        );
    }
    for name in ["throttled", "not ready", "busy"] {
        let wait =
            upstream[name]["headers"]["retry-after"].as_str().and_then(|wait| wait.parse::<u64>().ok());
        assert!(wait.is_some_and(|wait| wait <= 120), "{name}: {}", upstream[name]);
    }
    let denied = upstream["denied"].to_string();
    assert!(!denied.contains("arn:") && !denied.contains("123456789012"), "{denied}");
    assert!(rig.log().contains("123456789012"), "the operator sees what the client does not");

    for (name, failure) in got["streams"].as_object().unwrap() {
        assert_eq!(failure["class"], "APIError", "{name}: {failure}");
        assert_eq!(failure["finish_reason"], json!(null), "{name}: {failure}");
        assert!(failure["message"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {failure}");
        if name != "malformed_tool_use" {
            assert_eq!(failure["content"], "one two ", "{name}: {failure}");
        }
    }
    assert_eq!(got["streams"]["throttling"]["code"], "rate_limit_exceeded");
    assert_eq!(got["streams"]["malformed_tool_use"]["code"], "malformed_model_output");
    assert!(got["reset"]["class"].is_string(), "a reset may overtake what was sent before: {}", got["reset"]);
    assert!(got["before"]["class"].is_string(), "{}", got["before"]);

    for (name, seen) in got["harmless"].as_object().unwrap() {
        assert_eq!(
            (&seen["class"], &seen["finish_reason"]),
            (&json!(null), &json!("stop")),
            "{name}: {seen}"
        );
    }
}

#[test]
fn a_broken_stream_has_no_end_mark() {
    let rig = Rig::start();
    let text = |fault: Option<Fault>| {
        rig.bedrock.clear_scripts();
        if let Some(fault) = fault {
            rig.bedrock.script(Script::fault(fault));
        }
        let reply = rig.post("/v1/chat/completions", &streamed_hello()).reply();
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")));
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
        reply.body
    };
    let whole = text(None);
    assert!(whole.trim_end().ends_with("data: [DONE]"), "{whole}");
    for fault in [
        Fault::Eof { after: 1 },
        Fault::Cut { after: 1 },
        Fault::BadCrc { after: 1 },
        Fault::Oversize { after: 1 },
        Fault::Exception { kind: "modelStreamErrorException".to_owned(), after: 1 },
    ] {
        let broken = text(Some(fault.clone()));
        assert!(broken.contains("data: {\"error\":{"), "{fault:?}: {broken}");
        assert!(!broken.contains("[DONE]"), "{fault:?}: {broken}");
    }
}

#[test]
fn what_passes_in_a_moment_is_tried_again_once_for_the_client() {
    let rig = Rig::start();
    for script in [
        Script::throttle(1),
        Script::refuse(500, "InternalServerException", "as ordered").only_times(1),
        Script::fault(Fault::Reset { after: 0 }).only_times(1),
    ] {
        rig.bedrock.clear_requests();
        rig.bedrock.script(script.clone());
        let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]});
        let reply = rig.post("/v1/chat/completions", &body).reply();
        assert_eq!(reply.status, 200, "{script:?}: {}", reply.body);
        assert_eq!(rig.bedrock.requests().len(), 2, "{script:?}");
    }
    rig.bedrock.clear_requests();
    rig.bedrock.script(Script::refuse(400, "ValidationException", "as ordered"));
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(rig.post("/v1/chat/completions", &body).reply().status, 400);
    assert_eq!(rig.bedrock.requests().len(), 1, "what is wrong stays wrong");
}
