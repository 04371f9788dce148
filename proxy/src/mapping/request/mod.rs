//! What an OpenAI client asked for, as a Converse request.
//!
//! `messages` makes the turns, `tooling` the tools, `format` forces JSON, `params` is the rest.
//! Nothing is dropped in silence: what cannot be said is refused with its path, or named in [`Prepared::ignored`].
//! Two members inside others are the exception, since clients always send them and no answer depends on them: the
//! `name` of a message and the `strict` of a function. A temperature above 1 becomes 1 and is named.

mod cache;
mod format;
mod messages;
mod notes;
mod params;
mod tooling;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::StatusCode;
use model::bedrock::{Kind, Model};

use self::{cache::CachePoints, messages::Conversation, notes::Notes};
use super::{
    Options, Prepared, ReplyShape,
    converse::{Converse, GuardrailConfig, OutputConfig},
    tools::ToolNames,
};
use crate::{
    ApiError,
    openai::{ChatRequest, Message, Tool, ToolCall},
};

/// Makes the Converse request for a model.
///
/// `target_max_tokens` bounds the answer where the client does not, `options.default_max_tokens` where neither does.
///
/// Errors: 400 with the path of what cannot be mapped; `unsupported_value` where no value would do.
pub fn to_converse(
    request: &ChatRequest<'_>,
    model: &Model,
    target_max_tokens: Option<u32>,
    options: &Options,
) -> Result<Prepared, ApiError> {
    if !matches!(model.kind, Kind::Chat) {
        return Err(notes::unsupported("model", "This model makes embeddings; it does not chat."));
    }
    let mut notes = Notes::new(options.strict_params);
    params::refuse_what_cannot_be(request, &mut notes)?;

    let names = ToolNames::new(tool_names(request));
    let mut cache = CachePoints::new(model.caching);
    let mut conversation = Conversation::default();
    conversation.read(request, model, &names, &mut cache)?;
    let mut parts = tooling::tool_config(request, model, &names, &conversation, &mut cache, &mut notes)?;
    let mut inference = params::inference(request, model, target_max_tokens, options, &mut notes)?;
    let mut output = OutputConfig::default();
    // Claude cannot think where it is made to call a tool, nor go on from calls whose thoughts are not there.
    let may_think = !parts.forces_call() && !conversation.has_tool_blocks;
    let mut additional =
        params::additional(request, model, may_think, &mut inference, &mut output, &mut notes)?;
    additional.tool_choice = parts.claude_choice.take();
    let thinks = additional.thinking.is_some();
    let forced_json_tool =
        format::force(request, model, thinks, &mut parts, &mut conversation.system, &mut output, &mut notes)?;
    if let (Some(_), false) = (&request.prompt_cache_key, cache.any_asked()) {
        cache.after_system(&mut conversation.system);
    }
    cache.report(&mut notes)?;

    let has_output_config = output.text_format.is_some() || output.effort.is_some();
    let converse = Converse {
        messages: conversation.finish(model)?,
        system: conversation.system,
        inference_config: inference,
        tool_config: parts.config,
        guardrail_config: options
            .guardrail
            .as_ref()
            .map(|(id, version)| GuardrailConfig { guardrail_identifier: id, guardrail_version: version }),
        additional_model_request_fields: additional,
        request_metadata: params::metadata(request, &mut notes)?,
        service_tier: params::service_tier(request, &mut notes)?,
        output_config: has_output_config.then_some(output),
    };
    let body = serde_json::to_vec(&converse).map_err(|error| {
        ApiError::server(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The request could not be written.",
        )
        .log(error.to_string())
    })?;
    let shape = ReplyShape {
        forced_json_tool,
        single_tool_call: parts.single_tool_call,
        hide_tool_calls: parts.hide_tool_calls,
        legacy_function_call: request.legacy_functions,
        thinking: options.thinking,
        include_usage: request.include_usage,
        tool_names: names.reverse(),
    };
    Ok(Prepared { body: Bytes::from(body), ignored: notes.into_names(), shape })
}

/// Every name of a tool in a request, repeated as often as it is there.
fn tool_names<'a>(request: &'a ChatRequest<'_>) -> impl Iterator<Item = &'a str> + Clone {
    let declared = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => Some(function.name.as_str()),
        Tool::Other(_) => None,
    });
    declared.chain(called_names(request))
}

/// Every name of a tool that was called earlier.
fn called_names<'a>(request: &'a ChatRequest<'_>) -> impl Iterator<Item = &'a str> + Clone {
    request.messages.iter().flat_map(|message| {
        let (calls, legacy) = match message {
            Message::Assistant(assistant) => {
                (assistant.tool_calls.as_slice(), assistant.function_call.as_ref())
            }
            _ => (&[][..], None),
        };
        let calls = calls.iter().filter_map(|call| match call {
            ToolCall::Function { function, .. } => Some(function.name.as_str()),
            ToolCall::Other(_) => None,
        });
        calls.chain(legacy.map(|call| call.name.as_str()))
    })
}
