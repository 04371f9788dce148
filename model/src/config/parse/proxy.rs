//! `proxy:`

use std::collections::BTreeMap;

use serde_json::json;

use crate::config::{
    Proxy, codes,
    fields::{Fields, shown},
    model_id,
    node::Entry,
    problem::Problem,
    secret_names,
};

pub(super) fn proxy(fields: &mut Fields) -> Option<Proxy> {
    let models = models(fields);
    let requests_per_minute =
        fields.number("proxy.limits.requests_per_minute").and_then(|number| u32::try_from(number).ok());
    let tokens_per_hour = fields.number("proxy.limits.tokens_per_hour");
    Some(Proxy {
        models: models?,
        requests_per_minute: requests_per_minute?,
        tokens_per_hour: tokens_per_hour?,
    })
}

fn models(fields: &mut Fields) -> Option<BTreeMap<String, String>> {
    let path = "proxy.models";
    let place = fields.place(path);
    let entries = fields.entries(path)?;
    if entries.is_empty() {
        fields.report(
            Problem::error(
                codes::NO_MODELS,
                &place,
                "the mapping is empty, so the proxy would serve nothing",
            )
            .example("models: {gpt-4o: amazon.nova-pro-v1:0}"),
        );
        return None;
    }
    let count = entries.len();
    let mut models = BTreeMap::new();
    for entry in entries {
        // What has the name of a secret was reported as one; its value must not be shown as a bad model id.
        if secret_names::is_secret(&entry.key) {
            continue;
        }
        if let Some((name, model)) = model(fields, &place, entry) {
            models.insert(name, model);
        }
    }
    if models.len() != count {
        return None;
    }
    fields.record(path, json!(models));
    Some(models)
}

fn model(
    fields: &mut Fields,
    models: &crate::config::problem::Place,
    entry: Entry,
) -> Option<(String, String)> {
    let Entry { key: name, key_span, value } = entry;
    if !model_id::is_alias(&name) {
        let place = models.child("proxy.models".to_owned(), key_span);
        let message =
            format!("{} is no name for a model: letters, digits and `._:/@-`, at most 128", shown(&name));
        fields.report(
            Problem::error(codes::INVALID_MODEL, &place, message).example("gpt-4o: amazon.nova-pro-v1:0"),
        );
        return None;
    }
    let place = models.child(format!("proxy.models.{name}"), value.span.or(key_span));
    let text = fields.text_of(value, &place, "proxy.models")?;
    let id = fields.parsed(&text, &place, model_id::parse)?;
    if let Some((date, successor)) = model_id::retired(&id) {
        fields.judge(|_| {
            Problem::error(codes::MODEL_RETIRED, &place, format!("`{id}` is past its end of life, {date}"))
                .suggestion(successor)
        });
    }
    Some((name, id))
}
