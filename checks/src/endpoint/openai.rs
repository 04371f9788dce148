//! OpenAI's objects, as far as a client has to be able to rely on them.

use std::collections::BTreeSet;

use http::header;
use serde::Deserialize;
use serde_json::Value;

use super::facts::Reply;

/// The error object of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) message: String,
    pub(crate) code: Option<String>,
}

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Completion {
    pub(crate) object: String,
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    pub(crate) message: Option<Message>,
    pub(crate) delta: Option<Message>,
    pub(crate) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) content: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    #[serde(rename = "prompt_tokens")]
    pub(crate) prompt: u64,
    #[serde(rename = "completion_tokens")]
    pub(crate) completion: u64,
    #[serde(rename = "total_tokens")]
    pub(crate) total: u64,
}

/// Whether the answer says that it is of this media type.
pub(crate) fn is_of_type(reply: &Reply, wanted: &str) -> bool {
    let said = reply.header(&header::CONTENT_TYPE).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// The body as JSON, or why it is none.
pub(crate) fn json<T: for<'de> Deserialize<'de>>(reply: &Reply) -> Result<T, String> {
    if !is_of_type(reply, "application/json") {
        let said = reply.header(&header::CONTENT_TYPE).unwrap_or("nothing");
        return Err(format!(
            "its content-type is {}, not application/json",
            super::facts::excerpt(said.as_bytes())
        ));
    }
    serde_json::from_slice(&reply.body())
        .map_err(|error| format!("its body is not the JSON of this API: {error}"))
}

/// The error object that every refusal has to carry: `message` and `type` as text, `param` and `code` at least there.
pub(crate) fn error_of(reply: &Reply) -> Result<ApiError, String> {
    let body: Value = json(reply)?;
    let error = body.get("error").and_then(Value::as_object).ok_or("it has no object `error`")?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = text("message").ok_or("`error.message` is no text")?;
    text("type").ok_or("`error.type` is no text")?;
    for name in ["param", "code"] {
        match error.get(name) {
            Some(Value::Null | Value::String(_)) => {}
            Some(_) => return Err(format!("`error.{name}` is neither text nor null")),
            None => return Err(format!("`error.{name}` is missing")),
        }
    }
    Ok(ApiError { message: message.to_owned(), code: text("code").map(str::to_owned) })
}

/// The ids of a list of models.
pub(crate) fn models(reply: &Reply) -> Result<BTreeSet<String>, String> {
    let body: Value = json(reply)?;
    if body.get("object").and_then(Value::as_str) != Some("list") {
        return Err("its `object` is not `list`".to_owned());
    }
    let data = body.get("data").and_then(Value::as_array).ok_or("it has no list `data`")?;
    let id = |model: &Value| model.get("id").and_then(Value::as_str).map(str::to_owned);
    data.iter().map(|model| id(model).ok_or_else(|| "a model in it has no `id`".to_owned())).collect()
}
