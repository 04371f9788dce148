//! `/v1/models`: the configured names, as OpenAI's model objects.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{ask::route, context::Serving};
use crate::{ApiError, config::Route};

/// OpenAI's model object.
#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

impl<'a> Model<'a> {
    fn new(id: &'a str, route: &'a Route) -> Self {
        let first = route.targets.first().map_or("", |target| target.model.as_str());
        let facts = model::bedrock::facts(first);
        Self { id, object: "model", created: facts.created, owned_by: facts.owner }
    }
}

/// All configured names, in alphabetical order.
pub(super) fn list(snapshot: &Serving) -> Bytes {
    let data = snapshot.config.models.iter().map(|(id, route)| Model::new(id, route)).collect();
    json(&List { object: "list", data })
}

/// One of them, by its percent-encoded id.
///
/// # Errors
///
/// 404 `model_not_found`.
pub(super) fn one(snapshot: &Serving, encoded: &str) -> Result<Bytes, ApiError> {
    let id = percent_decode_str(encoded).decode_utf8_lossy();
    let route = route(snapshot, &id)?;
    Ok(json(&Model::new(&id, &route)))
}

fn json(value: &impl Serialize) -> Bytes {
    // Text and numbers serialise without fail.
    serde_json::to_vec(value).unwrap_or_default().into()
}
