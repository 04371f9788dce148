//! Every row of the mapping: an OpenAI request in `requests/NAME.json`, and what becomes of it in `snapshots/`.
//!
//! `model` of a case is a Bedrock model id, from which the facts are taken. Cases that begin with `strict-` run with
//! `strict_params`. A snapshot holds either `converse`, the body for Bedrock, or `status` and `error`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{fs, path::Path};

use proxy::{
    ApiError,
    config::{Requests, Thinking},
    mapping::{Options, request::to_converse},
    openai::ChatRequest,
};
use serde_json::{Value, json};

/// Below this, a row of the mapping has lost its case.
const FEWEST_CASES: usize = 40;

#[test]
fn every_request_becomes_what_its_snapshot_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= FEWEST_CASES, "only {} cases", paths.len());
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in paths {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let body = fs::read(&path).unwrap();
            let outcome = map(&body, name.starts_with("strict-")).unwrap_or_else(|error| refusal(&error));
            insta::assert_snapshot!(name, serde_json::to_string_pretty(&outcome).unwrap());
        }
    });
}

fn map(body: &[u8], strict_params: bool) -> Result<Value, ApiError> {
    let request = ChatRequest::parse(body, &limits())?;
    let options = Options {
        strict_params,
        default_max_tokens: 4096,
        thinking: Thinking::Keep,
        guardrail: Some(("gr1a2b3c4d5e".to_owned(), "3".to_owned()))
            .filter(|_| request.user.as_deref() == Some("guarded")),
    };
    let prepared = to_converse(&request, model::bedrock::facts(&request.model), None, &options)?;
    let converse: Value = serde_json::from_slice(&prepared.body).unwrap();
    let shape = prepared.shape;
    Ok(json!({
        "converse": converse,
        "ignored": prepared.ignored,
        "reply": {
            "tool_names": shape.tool_names,
            "forced_json_tool": shape.forced_json_tool,
            "single_tool_call": shape.single_tool_call,
            "hide_tool_calls": shape.hide_tool_calls,
            "legacy_function_call": shape.legacy_function_call,
            "include_usage": shape.include_usage,
        },
    }))
}

fn refusal(error: &ApiError) -> Value {
    let body: Value = serde_json::from_slice(&error.body()).unwrap();
    json!({ "status": error.status.as_u16(), "error": body.get("error") })
}

fn limits() -> Requests {
    Requests {
        max_body_bytes: 1 << 20,
        max_messages: 64,
        max_tools: 16,
        default_max_tokens: 4096,
        strict_params: false,
        thinking: Thinking::Keep,
        allow_raw_models: true,
    }
}
