//! The body for an upstream that speaks OpenAI's dialect itself: the same, under another model's name.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};

use super::{explain::invalid_json, text::Text};
use crate::ApiError;

/// The members of an object, each as the text that it is.
type Members<'a> = IndexMap<Text<'a>, &'a RawValue>;

/// The same request for another model; with `force_include_usage`, a stream's last chunk says what it cost. Every
/// other member keeps its place and every byte of its value.
///
/// Errors: 400 where the body is no object, which [`super::ChatRequest::parse`] has refused before.
pub fn with_model(body: &Bytes, model: &str, force_include_usage: bool) -> Result<Bytes, ApiError> {
    let mut members: Members<'_> = serde_json::from_slice(body).map_err(|error| broken(&error))?;
    let model = to_raw_value(model).map_err(|error| broken(&error))?;
    members.insert(Text::from("model"), &model);
    let options;
    if force_include_usage {
        options = including_usage(members.get("stream_options").copied()).map_err(|error| broken(&error))?;
        members.insert(Text::from("stream_options"), &options);
    }
    let mut bytes = Vec::with_capacity(body.len().saturating_add(256));
    serde_json::to_writer(&mut bytes, &members).map_err(|error| broken(&error))?;
    Ok(Bytes::from(bytes))
}

fn including_usage(options: Option<&RawValue>) -> Result<Box<RawValue>, serde_json::Error> {
    let mut options: Members<'_> = match options {
        Some(options) => serde_json::from_str::<Option<_>>(options.get())?.unwrap_or_default(),
        None => Members::default(),
    };
    let yes = to_raw_value(&true)?;
    options.insert(Text::from("include_usage"), &yes);
    to_raw_value(&options)
}

fn broken(error: &serde_json::Error) -> ApiError {
    invalid_json(format!("The body is not a JSON object: {error}."))
}
