//! Why a model stopped, in OpenAI's words.

use http::StatusCode;
use serde::Serialize;

use crate::ApiError;

/// `finish_reason`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// It waits for the results of tools.
    ToolCalls,
    /// The same, for clients that send `functions`.
    FunctionCall,
    /// It ran into a limit of tokens.
    Length,
    /// A filter or a guardrail stopped it.
    ContentFilter,
}

/// Translates `stopReason`, given the finish of an answer that is simply done: [`Finish::ToolCalls`] or
/// [`Finish::FunctionCall`] if the client was given a call, else [`Finish::Stop`].
///
/// Whether the client was given a call counts, not whether Bedrock says `tool_use`: the tool that forces JSON is none
/// of the client's, and some models say `end_turn` after a call.
///
/// # Errors
/// 502 if the model's output cannot be used, which would otherwise look like an answer.
pub fn finish(stop_reason: &str, done: Finish) -> Result<Finish, ApiError> {
    match stop_reason {
        "end_turn" | "stop_sequence" | "tool_use" => Ok(done),
        "max_tokens" | "model_context_window_exceeded" => Ok(Finish::Length),
        "content_filtered" | "guardrail_intervened" => Ok(Finish::ContentFilter),
        "malformed_tool_use" | "malformed_model_output" => Err(malformed(stop_reason)),
        unknown => {
            let unknown: String = unknown.chars().take(64).collect();
            tracing::warn!(code = "SRE-PROXY-090", stop_reason = %unknown, "unknown reason to stop");
            Ok(done)
        }
    }
}

fn malformed(stop_reason: &str) -> ApiError {
    let message = match stop_reason {
        "malformed_tool_use" => "The model made a tool call that cannot be read.",
        _ => "The model's output cannot be read.",
    };
    ApiError::server(StatusCode::BAD_GATEWAY, "malformed_model_output", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_bedrock_has_its_finish() {
        let rows = [
            ("end_turn", Finish::Stop, Finish::ToolCalls),
            ("stop_sequence", Finish::Stop, Finish::ToolCalls),
            ("tool_use", Finish::Stop, Finish::ToolCalls),
            ("max_tokens", Finish::Length, Finish::Length),
            ("model_context_window_exceeded", Finish::Length, Finish::Length),
            ("content_filtered", Finish::ContentFilter, Finish::ContentFilter),
            ("guardrail_intervened", Finish::ContentFilter, Finish::ContentFilter),
            ("a_reason_of_next_year", Finish::Stop, Finish::ToolCalls),
        ];
        for (reason, without, with) in rows {
            assert_eq!(finish(reason, Finish::Stop), Ok(without), "{reason}");
            assert_eq!(finish(reason, Finish::ToolCalls), Ok(with), "{reason}");
        }
        for reason in ["malformed_tool_use", "malformed_model_output"] {
            let error = finish(reason, Finish::ToolCalls).unwrap_err();
            assert_eq!(error.status, StatusCode::BAD_GATEWAY);
            assert_eq!(error.code.as_deref(), Some("malformed_model_output"));
        }
    }
}
