//! Everything in a request that is neither message nor tool.

use std::borrow::Cow;

use indexmap::IndexMap;
use model::bedrock::{Model, Reasoning, TopK};

use super::notes::{Notes, unsupported, wrong};
use crate::{
    ApiError,
    mapping::{
        Options,
        converse::{
            AdditionalFields, InferenceConfig, NovaInferenceConfig, OutputConfig, ReasoningConfig,
            ServiceTier, Thinking,
        },
    },
    openai::{ChatRequest, Effort, Text},
};

/// OpenAI's limit, and Nova's.
const MAX_STOPS: usize = 4;
/// API reference, `requestMetadata`: entries, and characters of a key or a value.
const MAX_METADATA: usize = 16;
const MAX_METADATA_CHARS: usize = 256;
/// Anthropic's documentation: fewer tokens to think are refused.
const MIN_THINKING: u32 = 1_024;

/// Refuses what would change the answer if it were left out; names what only might.
pub(super) fn refuse_what_cannot_be(request: &ChatRequest<'_>, notes: &mut Notes) -> Result<(), ApiError> {
    if request.n.is_some_and(|n| n != 1) {
        return Err(unsupported("n", "Only one choice is made: `n` has to be 1."));
    }
    if request.logprobs {
        return Err(unsupported("logprobs", "Log probabilities are not known."));
    }
    if request.audio_output {
        return Err(unsupported("modalities", "Answers are text: `audio` is not supported."));
    }
    for name in &request.unmapped {
        notes.ignored(name, "This parameter has no counterpart in Amazon Bedrock.")?;
    }
    for name in &request.unknown {
        notes.ignored(&fit_for_header(name), "This parameter is not known.")?;
    }
    Ok(())
}

/// A name that the client made up, as it can stand in a list in a header.
fn fit_for_header(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.chars().take(64).map(|c| if is_plain(c) { c } else { '_' }).collect()
}

pub(super) fn inference<'a>(
    request: &'a ChatRequest<'_>,
    model: &Model,
    target_max_tokens: Option<u32>,
    options: &Options,
    notes: &mut Notes,
) -> Result<InferenceConfig<'a>, ApiError> {
    if request.max_tokens == Some(0) {
        return Err(wrong(request.max_tokens_name, "At least one token has to be allowed."));
    }
    let wanted = request.max_tokens.or(target_max_tokens).unwrap_or(options.default_max_tokens).max(1);
    let possible = model.max_output_tokens.unwrap_or(u32::MAX);
    let stops = request.stop.iter().map(Text::as_str).filter(|stop| !stop.is_empty());
    let stop_sequences: Vec<&str> = stops.collect();
    if stop_sequences.len() > MAX_STOPS {
        return Err(wrong("stop", format!("At most {MAX_STOPS} sequences are allowed.")));
    }
    Ok(InferenceConfig {
        max_tokens: Some(wanted.min(possible)),
        temperature: temperature(request.temperature, notes)?,
        top_p: within("top_p", request.top_p, 1.0)?,
        stop_sequences,
    })
}

/// OpenAI's goes to 2, Bedrock's to 1.
fn temperature(temperature: Option<f64>, notes: &mut Notes) -> Result<Option<f64>, ApiError> {
    let temperature = within("temperature", temperature, 2.0)?;
    if temperature.is_some_and(|temperature| temperature > 1.0) {
        notes.ignored("temperature", "This model takes 0 to 1.")?;
    }
    Ok(temperature.map(|temperature| temperature.min(1.0)))
}

fn within(name: &'static str, value: Option<f64>, max: f64) -> Result<Option<f64>, ApiError> {
    match value {
        Some(value) if !(0.0..=max).contains(&value) => {
            Err(wrong(name, format!("`{name}` has to be between 0 and {max}.")))
        }
        value => Ok(value),
    }
}

/// What a family of models understands beyond Converse. Reasoning takes away some of the parameters before.
pub(super) fn additional<'a>(
    request: &ChatRequest<'_>,
    model: &Model,
    may_think: bool,
    inference: &mut InferenceConfig<'_>,
    output: &mut OutputConfig<'_>,
    notes: &mut Notes,
) -> Result<AdditionalFields<'a>, ApiError> {
    let mut fields = AdditionalFields::default();
    let is_claude = matches!(model.reasoning, Reasoning::ClaudeBudget | Reasoning::ClaudeAdaptive);
    match request.reasoning_effort {
        Some(effort) if is_claude && !may_think && level(effort).is_some() => {
            notes.ignored("reasoning_effort", "This model does not reason between calls of tools.")?;
        }
        Some(effort) => reasoning(effort, request, model, &mut fields, inference, output, notes)?,
        None => {}
    }
    if let Some(top_k) = request.top_k {
        match model.top_k {
            TopK::NovaInferenceConfig => fields.inference_config = Some(NovaInferenceConfig { top_k }),
            TopK::SnakeCase => fields.top_k = Some(top_k),
            TopK::None => notes.ignored("top_k", "This model does not take it.")?,
        }
    }
    Ok(fields)
}

fn reasoning(
    effort: Effort,
    request: &ChatRequest<'_>,
    model: &Model,
    fields: &mut AdditionalFields<'_>,
    inference: &mut InferenceConfig<'_>,
    output: &mut OutputConfig<'_>,
    notes: &mut Notes,
) -> Result<(), ApiError> {
    let level = level(effort);
    match (model.reasoning, level) {
        (Reasoning::NovaEffort, None) => {
            fields.reasoning_config = Some(ReasoningConfig { kind: "disabled", max_reasoning_effort: None });
        }
        (Reasoning::NovaEffort, Some(level)) => {
            let max_reasoning_effort = Some(level);
            fields.reasoning_config = Some(ReasoningConfig { kind: "enabled", max_reasoning_effort });
            if level == "high" {
                without_sampling(request, inference, notes)?;
                if request.max_tokens.is_some() {
                    notes.ignored(
                        request.max_tokens_name,
                        "At high effort the model decides on the length.",
                    )?;
                }
                inference.max_tokens = None;
            }
        }
        (Reasoning::ClaudeBudget, Some(level)) => match budget(level, inference.max_tokens) {
            Some(budget) => {
                fields.thinking = Some(Thinking { kind: "enabled", budget_tokens: Some(budget) });
                without_sampling(request, inference, notes)?;
            }
            None => notes.ignored("reasoning_effort", "The answer may not be long enough to think.")?,
        },
        (Reasoning::ClaudeAdaptive, Some(level)) => {
            fields.thinking = Some(Thinking { kind: "adaptive", budget_tokens: None });
            output.effort = Some(level);
            without_sampling(request, inference, notes)?;
        }
        (Reasoning::None, Some(_)) => notes.ignored("reasoning_effort", "This model does not reason.")?,
        (Reasoning::None | Reasoning::ClaudeBudget | Reasoning::ClaudeAdaptive, None) => {}
    }
    Ok(())
}

/// Three levels are known; those beyond them are the nearest, and the lowest is none.
fn level(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::None | Effort::Minimal => None,
        Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High | Effort::XHigh | Effort::Max => Some("high"),
    }
}

/// Tokens to think: part of those of the answer, so there have to be some left.
fn budget(level: &str, max_tokens: Option<u32>) -> Option<u32> {
    let wanted = match level {
        "low" => 2_048,
        "medium" => 8_192,
        _ => 24_576,
    };
    let possible = max_tokens.map_or(wanted, |max| max.saturating_sub(1).min(wanted));
    (possible >= MIN_THINKING).then_some(possible)
}

/// Reasoning excludes `temperature` and `topP`.
fn without_sampling(
    request: &ChatRequest<'_>,
    inference: &mut InferenceConfig<'_>,
    notes: &mut Notes,
) -> Result<(), ApiError> {
    for (name, given) in [("temperature", request.temperature), ("top_p", request.top_p)] {
        if given.is_some() {
            notes.ignored(name, "It cannot be chosen while the model reasons.")?;
        }
    }
    inference.temperature = None;
    inference.top_p = None;
    Ok(())
}

/// `metadata`, `user` and `safety_identifier`, in the characters that are allowed.
pub(super) fn metadata<'a>(
    request: &'a ChatRequest<'_>,
    notes: &mut Notes,
) -> Result<IndexMap<Cow<'a, str>, Cow<'a, str>>, ApiError> {
    let named = [("user", &request.user), ("safety_identifier", &request.safety_identifier)];
    let named =
        named.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value.as_str())));
    let entries = named.chain(request.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let mut metadata = IndexMap::new();
    for (key, value) in entries.filter(|(key, _)| !key.is_empty()) {
        if metadata.len() >= MAX_METADATA {
            notes.ignored("metadata", "There are too many entries.")?;
            break;
        }
        // `user` itself comes before an entry of that name.
        metadata.entry(sanitised(key)).or_insert(sanitised(value));
    }
    Ok(metadata)
}

fn sanitised(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                ' ' | '\t' | '\n' | '\r' | ':' | '_' | '@' | '$' | '#' | '=' | '/' | '+' | ',' | '-' | '.'
            )
    };
    if text.len() <= MAX_METADATA_CHARS && text.chars().all(is_allowed) {
        return Cow::Borrowed(text);
    }
    let allowed = text.chars().map(|c| if is_allowed(c) { c } else { '_' });
    Cow::Owned(allowed.take(MAX_METADATA_CHARS).collect())
}

pub(super) fn service_tier(
    request: &ChatRequest<'_>,
    notes: &mut Notes,
) -> Result<Option<ServiceTier>, ApiError> {
    let kind = match request.service_tier.as_deref() {
        None | Some("auto" | "default") => return Ok(None),
        Some("priority") => "priority",
        Some("flex") => "flex",
        Some(_) => {
            notes.ignored("service_tier", "Only `auto`, `default`, `priority` and `flex` are known.")?;
            return Ok(None);
        }
    };
    Ok(Some(ServiceTier { kind }))
}
