//! From what the JSON parser says to a refusal that names the member.
//!
//! Reading tracks no paths, since nearly all requests are right. A wrong one is read again, with them.

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use crate::ApiError;

/// As much of a message as is worth sending; it may quote the request.
const MAX_MESSAGE: usize = 200;

/// Reads a body, or says which member is wrong and why.
pub(super) fn read<'de, S>(body: &'de [u8], seed: S) -> Result<S::Value, ApiError>
where
    S: DeserializeSeed<'de> + Clone,
{
    let text = std::str::from_utf8(body).map_err(|error| {
        invalid_json(format!("The body is not UTF-8, first at byte {}.", error.valid_up_to()))
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.clone().deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| explain(text, seed, &error))
}

fn explain<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S, error: &serde_json::Error) -> ApiError {
    if error.classify() != Category::Data {
        return invalid_json(format!("The body is not valid JSON: {error}."));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let again = seed.deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    let path = track.path().to_string();
    let message = again.err().as_ref().unwrap_or(error).to_string();
    named(if path == "." { "" } else { &path }, &message)
}

fn named(path: &str, message: &str) -> ApiError {
    // `serde_json` ends with where in the text it stopped, which is after the member.
    let message = message.rfind(" at line ").and_then(|at| message.get(..at)).unwrap_or(message);
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return ApiError::invalid(join(path, field), format!("`{field}` is required."))
            .code("missing_required_parameter");
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        // The path already ends with the name where the repetition was noticed at the value.
        let param = if path.ends_with(field) { path.to_owned() } else { join(path, field) };
        return ApiError::invalid(param, format!("`{field}` is there more than once.")).code("invalid_value");
    }
    let wrong_type = message.starts_with("invalid type");
    let message = message
        .replace("expected u32", "expected a whole number from 0 to 4294967295")
        .replace("expected f64", "expected a number");
    let message = sentence(shortened(&message));
    let error = if path.is_empty() {
        let mut error = ApiError::invalid("", message);
        error.param = None;
        error
    } else {
        ApiError::invalid(path, message)
    };
    error.code(if wrong_type { "invalid_type" } else { "invalid_value" })
}

/// 400: no JSON at all.
pub(super) fn invalid_json(message: String) -> ApiError {
    ApiError::new(http::StatusCode::BAD_REQUEST, crate::ErrorType::InvalidRequest, message)
        .code("invalid_json")
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The parser's fragment as a sentence.
fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

fn shortened(message: &str) -> &str {
    message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or(message)
}
