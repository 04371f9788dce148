//! Answers by itself, the same to the same question: for rehearsals and tests, without network and account.
//!
//! It speaks Bedrock's dialect, so that everything but the network is the same as with Bedrock.

use async_trait::async_trait;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::{BodyExt as _, Full};
use model::hex;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Call, Operation, Refusal, Reply, Upstream};
use crate::mapping::rescue;

/// How deep a schema is filled; deeper ones get an empty value.
const MAX_DEPTH: usize = 16;

/// Characters of a token, about.
const CHARACTERS_PER_TOKEN: usize = 4;

/// Characters of one delta.
const DELTA_CHARACTERS: usize = 12;

/// What is repeated of the question, characters.
const ECHO_CHARACTERS: usize = 400;

/// Length of embeddings where the request does not say.
const DIMENSIONS: usize = 1024;
const MAX_DIMENSIONS: u64 = 3072;

/// The practice upstream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Practice;

#[async_trait]
impl Upstream for Practice {
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let request: Value = serde_json::from_slice(&call.body)
            .map_err(|_| refuse("ValidationException", "The request body is not JSON."))?;
        let (body, headers) = match call.operation {
            Operation::Chat => (answer(&request)?.converse().to_string().into_bytes(), HeaderMap::new()),
            Operation::ChatStream => (answer(&request)?.frames(), HeaderMap::new()),
            Operation::Embeddings => embeddings(&request),
        };
        let digest = Sha256::digest(&call.body);
        let id = format!("practice-{}", hex::encode(digest.get(..8).unwrap_or_default()));
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        Ok(Reply { headers, body, request_id: Some(id) })
    }
}

/// What is said, before it is put into a form.
struct Said {
    /// The text, or the input of a tool.
    content: Content,
    stop_reason: &'static str,
    input_tokens: usize,
    output_tokens: usize,
}

enum Content {
    Text(String),
    Tool { id: String, name: String, input: String },
}

/// Makes up an answer to a Converse request.
fn answer(request: &Value) -> Result<Said, Refusal> {
    let messages = request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last = messages
        .last()
        .ok_or_else(|| refuse("ValidationException", "A conversation must start with a user message."))?;
    let max_tokens = request.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64);
    let (text, results) = (texts(last), results(last));
    let (content, stop_reason) = match tool_to_call(request, &text, results.is_empty()) {
        Some((name, schema)) => {
            let id = format!("tooluse_practice{}", messages.len());
            (Content::Tool { id, name, input: tool_input(schema).to_string() }, "tool_use")
        }
        None => (Content::Text(sentence(&text, &results)), "end_turn"),
    };
    let said = Said {
        input_tokens: tokens(request.to_string().len()),
        output_tokens: tokens(content.length()),
        content,
        stop_reason,
    };
    Ok(said.cut(max_tokens))
}

/// The tool that the choice forces, or that the text asks for by its name.
fn tool_to_call<'a>(request: &'a Value, text: &str, fresh: bool) -> Option<(String, &'a Value)> {
    let tools = request.pointer("/toolConfig/tools").and_then(Value::as_array)?;
    let specs = || tools.iter().filter_map(|tool| tool.get("toolSpec"));
    let name_of = |spec: &'a Value| spec.get("name").and_then(Value::as_str).unwrap_or_default();
    let choice = request.pointer("/toolConfig/toolChoice");
    let forced = choice.and_then(|choice| choice.pointer("/tool/name")).and_then(Value::as_str);
    let any = choice.is_some_and(|choice| choice.get("any").is_some());
    let spec = match forced {
        Some(name) => specs().find(|spec| name_of(spec) == name)?,
        // Whoever asks for any tool again after its result would go on for ever; models stop too.
        None if any && fresh => {
            specs().find(|spec| text.contains(name_of(spec))).or_else(|| specs().next())?
        }
        None if fresh => specs().find(|spec| !name_of(spec).is_empty() && text.contains(name_of(spec)))?,
        None => return None,
    };
    let schema = spec.pointer("/inputSchema/json").unwrap_or(&Value::Null);
    Some((name_of(spec).to_owned(), schema))
}

/// The text of a message.
fn texts(message: &Value) -> String {
    let blocks = message.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect();
    texts.join(" ")
}

/// The results of tools in a message, as text.
fn results(message: &Value) -> Vec<String> {
    let blocks = message.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let contents = blocks.iter().filter_map(|block| block.pointer("/toolResult/content")?.as_array());
    contents
        .flatten()
        .map(|part| part.get("text").and_then(Value::as_str).map_or_else(|| part.to_string(), str::to_owned))
        .collect()
}

fn sentence(text: &str, results: &[String]) -> String {
    let shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = shown.chars().take(ECHO_CHARACTERS).collect();
    let results: String = results.join("; ").chars().take(ECHO_CHARACTERS).collect();
    match (shown.is_empty(), results.is_empty()) {
        (_, false) => format!("This is a practice answer. The tools said: {results}"),
        (false, true) => format!("This is a practice answer. You said: {shown}"),
        (true, true) => "This is a practice answer. You said nothing in words.".to_owned(),
    }
}

/// What a tool is called with: always an object, whatever its schema says.
fn tool_input(schema: &Value) -> Value {
    let input = example(schema, schema, 0);
    if input.is_object() { input } else { json!({}) }
}

/// The smallest value that a JSON Schema accepts, for the schemas that people write.
fn example(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    let next = depth.saturating_add(1);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| example(target, root, next));
    }
    for given in ["const", "default"] {
        if let Some(value) = schema.get(given) {
            return value.clone();
        }
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(alternatives).and_then(|values| values.get(0)) {
            return example(first, root, next);
        }
    }
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind {
        Some("string") => string(schema),
        Some("integer") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1.0)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => array(schema, root, next),
        // Without a type: an object is what tools take.
        _ => object(schema, root, next),
    }
}

fn string(schema: &Value) -> Value {
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or_default().min(1000);
    let most = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let mut text = match format {
        "date" => "2026-01-31",
        "date-time" => "2026-01-31T12:00:00Z",
        "email" => "user@example.com",
        "uri" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        _ => "practice",
    }
    .to_owned();
    while u64::try_from(text.len()).unwrap_or(u64::MAX) < least {
        text.push('x');
    }
    text.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Value::String(text)
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default().min(16);
    let item = || example(schema.get("items").unwrap_or(&json!({"type": "string"})), root, depth);
    Value::Array((0..least).map(|_| item()).collect())
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut members = Map::new();
    for name in required.iter().filter_map(Value::as_str) {
        let member = schema.get("properties").and_then(|properties| properties.get(name));
        let any = json!({"type": "string"});
        members.insert(name.to_owned(), example(member.unwrap_or(&any), root, depth));
    }
    Value::Object(members)
}

impl Content {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Tool { name, input, .. } => name.len().saturating_add(input.len()),
        }
    }
}

impl Said {
    /// At most so many tokens. A tool's input is left whole: half of it would be no JSON.
    fn cut(mut self, max_tokens: Option<u64>) -> Self {
        let Some(most) = max_tokens.and_then(|most| usize::try_from(most).ok()) else { return self };
        if let Content::Text(text) = &mut self.content
            && self.output_tokens > most
        {
            *text = text.chars().take(most.saturating_mul(CHARACTERS_PER_TOKEN)).collect();
            (self.output_tokens, self.stop_reason) = (most, "max_tokens");
        }
        self
    }

    fn usage(&self) -> Value {
        json!({
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "totalTokens": self.input_tokens.saturating_add(self.output_tokens),
        })
    }

    /// The answer of Converse.
    fn converse(&self) -> Value {
        let block = match &self.content {
            Content::Text(text) => json!({"text": text}),
            Content::Tool { id, name, input } => {
                let input: Value = serde_json::from_str(input).unwrap_or_default();
                json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
            }
        };
        json!({
            "output": {"message": {"role": "assistant", "content": [block]}},
            "stopReason": self.stop_reason,
            "usage": self.usage(),
            "metrics": {"latencyMs": 1},
        })
    }

    /// The answer of ConverseStream.
    fn frames(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        let delta = |delta: Value| json!({"contentBlockIndex": 0, "delta": delta});
        frame(&mut out, "messageStart", &json!({"role": "assistant"}));
        match &self.content {
            Content::Text(text) => {
                for piece in pieces(text) {
                    frame(&mut out, "contentBlockDelta", &delta(json!({"text": piece})));
                }
            }
            Content::Tool { id, name, input } => {
                let start =
                    json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": id, "name": name}}});
                frame(&mut out, "contentBlockStart", &start);
                for piece in pieces(input) {
                    frame(&mut out, "contentBlockDelta", &delta(json!({"toolUse": {"input": piece}})));
                }
            }
        }
        frame(&mut out, "contentBlockStop", &json!({"contentBlockIndex": 0}));
        frame(&mut out, "messageStop", &json!({"stopReason": self.stop_reason}));
        frame(&mut out, "metadata", &json!({"usage": self.usage(), "metrics": {"latencyMs": 1}}));
        out
    }
}

/// A text in pieces of a few characters, as models say it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(DELTA_CHARACTERS).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn frame(out: &mut Vec<u8>, kind: &str, payload: &Value) {
    let header =
        |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let message = Message::new(payload.to_string())
        .add_header(header(":event-type", kind))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", "event"));
    // It fails for payloads of more than 4 GB and headers of more than 64 KB.
    let _ = write_message_to(&message, out);
}

/// A vector in the dialect that the request is in: Nova's or Titan's.
fn embeddings(request: &Value) -> (Vec<u8>, HeaderMap) {
    let wanted = [
        "/dimensions",
        "/embeddingConfig/outputEmbeddingLength",
        "/singleEmbeddingParams/embeddingDimension",
    ]
    .iter()
    .find_map(|place| request.pointer(place)?.as_u64());
    let dimensions = wanted
        .map_or(DIMENSIONS, |wanted| usize::try_from(wanted.clamp(1, MAX_DIMENSIONS)).unwrap_or(DIMENSIONS));
    let text = |place: &str| request.pointer(place).and_then(Value::as_str);
    let (body, count) = if let Some(text) = text("/singleEmbeddingParams/text/value") {
        let embedding = json!({"embeddingType": "TEXT", "embedding": vector(text, dimensions)});
        (json!({"embeddings": [embedding]}), tokens(text.len()))
    } else {
        let text = text("/inputText").unwrap_or_default();
        let count = tokens(text.len());
        (json!({"embedding": vector(text, dimensions), "inputTextTokenCount": count}), count)
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-amzn-bedrock-input-token-count"), count.into());
    (body.to_string().into_bytes(), headers)
}

/// A vector of length 1 that depends on the text alone.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let seed = Sha256::digest(text.as_bytes());
    let seed = seed.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let mut random = fastrand::Rng::with_seed(seed);
    let raw: Vec<f32> = (0..dimensions).map(|_| random.f32() - 0.5).collect();
    let length = raw.iter().map(|part| part * part).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|part| part / length).collect()
}

fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(CHARACTERS_PER_TOKEN).max(1)
}

fn refuse(kind: &str, message: &str) -> Refusal {
    let body = json!({"__type": kind, "message": message}).to_string();
    rescue::from_bedrock(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes())
}

#[cfg(test)]
mod tests;
