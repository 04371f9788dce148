//! `models:`

use std::collections::BTreeMap;

use model::{
    Region,
    config::{is_model_alias, parse_model, retired_model},
    document::{Place, Problem, Value, codes as common, nearest, shown},
};

use super::{
    Route, Target, Upstream, codes,
    parse::optional,
    reader::{Found, Reader, Section},
    secrets,
    upstreams::{Upstreams, role},
};

pub(super) fn models(
    reader: &mut Reader,
    file: &mut Section,
    upstreams: Option<&Upstreams>,
) -> Option<BTreeMap<String, Route>> {
    let place = file.absent("models");
    let found = file.take("models");
    let place = found.as_ref().map_or(place, |found| found.place.clone());
    let entries = match found {
        Some(found) => reader.named(found)?,
        None => Vec::new(),
    };
    if entries.is_empty() {
        let problem = Problem::error(common::NO_MODELS, &place, "the proxy would serve nothing");
        reader.report(problem.example("models: {gpt-4o: amazon.nova-pro-v1:0}"));
        return None;
    }
    let count = entries.len();
    let mut models = BTreeMap::new();
    for (name, found) in entries {
        if secrets::is_secret_name(&name) {
            let message = "secrets do not belong into the configuration";
            let problem = Problem::error(common::SECRET_IN_FILE, &found.place, message);
            reader.report(problem.suggestion(secrets::advice(&name)));
            continue;
        }
        if !is_model_alias(&name) {
            let message =
                format!("{} is no name for a model: letters, digits and `._:/@-`, at most 128", shown(&name));
            reader.report(Problem::error(common::INVALID_MODEL, &found.place, message));
            continue;
        }
        if let Some(route) = route(reader, found, upstreams) {
            models.insert(name, route);
        }
    }
    (models.len() == count).then_some(models)
}

fn route(reader: &mut Reader, found: Found, upstreams: Option<&Upstreams>) -> Option<Route> {
    // `NAME: MODEL` is short for `NAME: {model: MODEL}`.
    if let Value::Scalar(_) = &found.node.value {
        return short(reader, found, upstreams, None).map(|target| Route { targets: vec![target] });
    }
    let mut section = reader.section(found)?;
    let first = target(reader, &mut section, upstreams, None);
    let default = first.as_ref().map(|target| target.upstream.clone());
    let fallbacks = reader.value(&mut section, "fallbacks").and_then(|found| reader.list(found))?;
    let count = fallbacks.len();
    let others: Vec<Target> = fallbacks
        .into_iter()
        .filter_map(|found| {
            if let Value::Scalar(_) = &found.node.value {
                return short(reader, found, upstreams, default.as_deref());
            }
            let mut section = reader.section(found)?;
            target(reader, &mut section, upstreams, default.as_deref())
        })
        .collect();
    if others.len() != count {
        return None;
    }
    Some(Route { targets: std::iter::once(first?).chain(others).collect() })
}

/// A target that is only the name of a model, of the default upstream or the only one.
fn short(
    reader: &mut Reader,
    found: Found,
    upstreams: Option<&Upstreams>,
    default: Option<&str>,
) -> Option<Target> {
    let place = found.place.clone();
    let upstream = match default {
        Some(name) => Some(name.to_owned()),
        None => only_upstream(reader, &place, upstreams),
    };
    let known = upstream.as_deref().and_then(|name| upstreams?.get(name)?.as_ref());
    let model = reader.text(found).and_then(|model| checked_model(reader, &place, model, known));
    Some(Target { upstream: upstream?, model: model?, region: None, role: None, max_tokens: None })
}

fn target(
    reader: &mut Reader,
    section: &mut Section,
    upstreams: Option<&Upstreams>,
    default: Option<&str>,
) -> Option<Target> {
    let upstream = match section.take("upstream") {
        Some(found) => {
            let place = found.place.clone();
            let name = reader.text(found);
            name.and_then(|name| known_upstream(reader, &place, name, upstreams))
        }
        None => match default {
            Some(name) => Some(name.to_owned()),
            None => only_upstream(reader, &section.place, upstreams),
        },
    };
    let model = reader.value(section, "model").and_then(|found| {
        let place = found.place.clone();
        let model = reader.text(found)?;
        checked_model(
            reader,
            &place,
            model,
            upstream.as_deref().and_then(|name| upstreams?.get(name)?.as_ref()),
        )
    });
    let region = optional(section, "region", |found| reader.parsed(found, |text| Ok(Region::parse(text)?)));
    let role = role(reader, section);
    let max_tokens = optional(section, "max_tokens", |found| reader.integer(found));
    Some(Target { upstream: upstream?, model: model?, region: region?, role: role?, max_tokens: max_tokens? })
}

fn known_upstream(
    reader: &mut Reader,
    place: &Place,
    name: String,
    upstreams: Option<&Upstreams>,
) -> Option<String> {
    let upstreams = upstreams?;
    if upstreams.contains_key(&name) {
        return Some(name);
    }
    let message = format!("there is no upstream {}", shown(&name));
    let problem = Problem::error(codes::UNKNOWN_UPSTREAM, place, message);
    let names = || upstreams.keys().map(String::as_str);
    reader.report(match nearest(&name, names()) {
        Some(nearest) => problem.suggestion(format!("did you mean `{nearest}`?")),
        None => problem.suggestion(format!("known: {}", names().take(8).collect::<Vec<_>>().join(", "))),
    });
    None
}

fn only_upstream(reader: &mut Reader, place: &Place, upstreams: Option<&Upstreams>) -> Option<String> {
    let upstreams = upstreams?;
    let mut names = upstreams.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Some(only.clone()),
        (Some(first), Some(_)) => {
            let message = "there is more than one upstream, so the model has to name its own";
            let problem = Problem::error(codes::UNKNOWN_UPSTREAM, place, message);
            reader.report(problem.example(format!("{{upstream: {first}, model: ...}}")));
            None
        }
        (None, _) => None,
    }
}

/// A model that its upstream may know: those of Bedrock have a grammar and a life cycle.
fn checked_model(
    reader: &mut Reader,
    place: &Place,
    model: String,
    upstream: Option<&Upstream>,
) -> Option<String> {
    let model = match upstream {
        Some(Upstream::OpenAi(_)) => return Some(model),
        Some(Upstream::Bedrock(_)) => {
            parse_model(&model).map_err(|flaw| reader.report(flaw.at(place))).ok()?
        }
        Some(Upstream::Practice) | None => model,
    };
    if let Some((date, successor)) = retired_model(&model) {
        let message = format!("{} is past its end of life, {date}", shown(&model));
        reader.report(Problem::error(common::MODEL_RETIRED, place, message).suggestion(successor));
        return None;
    }
    Some(model)
}
