//! The messages of MCP as far as a check needs them: JSON-RPC 2.0, in a body of JSON or in an event stream
//! (specification 2025-06-18, "Base Protocol" and "Transports"). Values in, values out.

use std::collections::BTreeSet;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::endpoint::facts::Reply;
use crate::endpoint::{excerpt, openai, sse};

/// The versions that this client understands; what it uses of them is the same in each. The last is asked for.
pub(super) const VERSIONS: [&str; 3] = ["2025-11-25", "2025-03-26", "2025-06-18"];

/// What a server answered to a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// What was asked for.
    Result(Value),
    /// An error of JSON-RPC.
    Error {
        /// Such as -32601.
        code: i64,
        /// In the server's words.
        message: String,
    },
}

/// A page of the list of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) tools: BTreeSet<String>,
    pub(super) next: Option<String>,
}

/// What a tool came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) is_error: bool,
    /// Its text, all pieces of it.
    pub(super) text: String,
}

/// A request.
pub(super) fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string().into_bytes()
}

/// A message that nobody answers.
pub(super) fn notification(method: &str) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "method": method}).to_string().into_bytes()
}

/// Who asks, and in which version.
pub(super) fn hello() -> Value {
    let [.., version] = VERSIONS;
    json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "sre-agent-deploy", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// The answer to the request `id`, or why what came is none.
pub(super) fn answer(reply: &Reply, id: u64) -> Result<Said, String> {
    if openai::is_of_type(reply, sse::MEDIA_TYPE) {
        let mut reader = sse::Reader::default();
        let events = reply.pieces.iter().flat_map(|(_, piece)| reader.push(piece)).collect::<Vec<_>>();
        return events
            .iter()
            .find_map(|event| of_text(event, id))
            .unwrap_or_else(|| Err("its event stream ends without the answer".to_owned()));
    }
    let body: Value = openai::json(reply)?;
    of_value(&body, id).unwrap_or_else(|| Err(format!("it is no answer to request {id} of JSON-RPC")))
}

/// Looks out for the answer to request `id` in an event stream, so that nobody waits for the end of a stream that a
/// server keeps open.
pub(super) fn watch(id: u64) -> impl FnMut(&HeaderMap, &[u8]) -> bool {
    let mut reader = sse::Reader::default();
    move |headers, piece| {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        media_type.starts_with(sse::MEDIA_TYPE)
            && reader.push(piece).iter().any(|event| of_text(event, id).is_some())
    }
}

fn of_text(event: &str, id: u64) -> Option<Result<Said, String>> {
    of_value(&serde_json::from_str(event).ok()?, id)
}

/// A message, or one of several: version 2025-03-26 allows a batch.
fn of_value(body: &Value, id: u64) -> Option<Result<Said, String>> {
    let one = match body {
        Value::Array(all) => all.iter().find(|one| one.get("id").and_then(Value::as_u64) == Some(id))?,
        one => one,
    };
    if one.get("id").and_then(Value::as_u64) != Some(id) {
        return None;
    }
    if let Some(result) = one.get("result") {
        return Some(Ok(Said::Result(result.clone())));
    }
    let error = one.get("error")?;
    let Some(code) = error.get("code").and_then(Value::as_i64) else {
        return Some(Err("its error has no code".to_owned()));
    };
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    Some(Ok(Said::Error { code, message: excerpt(message.as_bytes()) }))
}

/// The version that a server chose, where it is one of ours.
pub(super) fn version(result: &Value) -> Result<&'static str, String> {
    let chosen =
        result.get("protocolVersion").and_then(Value::as_str).ok_or("it names no `protocolVersion`")?;
    VERSIONS.into_iter().find(|version| *version == chosen).ok_or_else(|| {
        format!("it speaks version {} of MCP, which is not known here", excerpt(chosen.as_bytes()))
    })
}

/// A page of `tools/list`.
pub(super) fn page(result: &Value) -> Result<Page, String> {
    let tools = result.get("tools").and_then(Value::as_array).ok_or("it has no list `tools`")?;
    let name = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
    let tools = tools.iter().map(|tool| name(tool).ok_or("a tool in it has no `name`"));
    let next = result.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
    Ok(Page { tools: tools.collect::<Result<_, _>>()?, next })
}

/// What `tools/call` gave.
pub(super) fn outcome(result: &Value) -> Result<Outcome, String> {
    let content = result.get("content").and_then(Value::as_array).ok_or("it has no list `content`")?;
    let texts: Vec<&str> = content.iter().filter_map(|part| part.get("text")?.as_str()).collect();
    let is_error = match result.get("isError") {
        None | Some(Value::Null) => false,
        Some(said) => said.as_bool().ok_or("its `isError` is neither true nor false")?,
    };
    Ok(Outcome { is_error, text: texts.join(" ") })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::endpoint::facts::End;

    fn reply(media_type: &str, pieces: &[&[u8]]) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        Reply {
            status: 200,
            headers,
            pieces: pieces.iter().map(|piece| (Duration::ZERO, piece.to_vec())).collect(),
            end: End::Whole,
            head_after: Duration::ZERO,
            total: Duration::ZERO,
        }
    }

    #[test]
    fn an_answer_is_found_in_every_form() {
        let wanted = Ok(Said::Result(json!({"a": 1})));
        let body = r#"{"jsonrpc":"2.0","id":7,"result":{"a":1}}"#;
        let other = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
        assert_eq!(answer(&reply("application/json; charset=utf-8", &[body.as_bytes()]), 7), wanted);
        assert_eq!(answer(&reply("application/json", &[format!("[{other},{body}]").as_bytes()]), 7), wanted);
        let stream = format!(": hello\n\nevent: message\ndata: {other}\n\ndata: {body}\n\n");
        let (head, tail) = stream.as_bytes().split_at(40);
        assert_eq!(answer(&reply("text/event-stream", &[head, tail]), 7), wanted);
        let (mut watcher, headers) = (watch(7), reply("text/event-stream", &[]).headers);
        assert!(!watcher(&headers, head) && watcher(&headers, tail));
        assert!(!watch(7)(&reply("application/json", &[]).headers, body.as_bytes()));
        for (media_type, body) in [
            ("text/html", body),
            ("application/json", r#"{"jsonrpc":"2.0","id":8,"result":{}}"#),
            ("application/json", r#"{"jsonrpc":"2.0","id":7}"#),
            ("application/json", r#"{"jsonrpc":"2.0","id":7,"error":{}}"#),
            ("text/event-stream", "data: {\n\n"),
        ] {
            assert!(answer(&reply(media_type, &[body.as_bytes()]), 7).is_err(), "{media_type} {body}");
        }
    }

    #[test]
    fn an_outcome_is_a_success_only_where_it_says_so_clearly() {
        let of = |is_error: Value| {
            outcome(&json!({"content": [{"type": "text", "text": "a"}], "isError": is_error}))
        };
        assert_eq!(of(json!(false)), Ok(Outcome { is_error: false, text: "a".to_owned() }));
        assert_eq!(of(json!(null)), of(json!(false)));
        assert!(of(json!(true)).unwrap().is_error);
        assert!(of(json!("true")).is_err() && of(json!(1)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_that_a_stranger_sends_is_more_than_an_answer_or_none(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            is_stream in any::<bool>(),
        ) {
            let media_type = if is_stream { sse::MEDIA_TYPE } else { "application/json" };
            prop_assert!(answer(&reply(media_type, &[&body]), 1).is_err());
        }

        #[test]
        fn an_error_keeps_its_code(code in any::<i64>(), message in "\\PC{0,40}") {
            let body = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}).to_string();
            let Ok(Said::Error { code: read, .. }) = answer(&reply("application/json", &[body.as_bytes()]), 1) else {
                return Err(TestCaseError::fail("no error was read"));
            };
            prop_assert_eq!(read, code);
        }
    }
}
