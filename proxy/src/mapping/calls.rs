//! Which of the model's tool calls the client gets to see, and under which name.

use super::{ReplyShape, finish::Finish};

/// What becomes of one tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It goes to the client; this many went before it.
    Passed(u32),
    /// It is the tool that forces JSON: its input is the content.
    Json,
    /// The client does not see it.
    Hidden,
}

/// The calls of one answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    passed: u32,
    json: bool,
}

impl Calls {
    /// Decides about the next call.
    pub(super) fn next(&mut self, shape: &ReplyShape, name: &str) -> Call {
        if shape.forced_json_tool.as_deref() == Some(name) {
            // A second document behind the first would make both unreadable.
            let again = std::mem::replace(&mut self.json, true);
            return if again { Call::Hidden } else { Call::Json };
        }
        // `function_call` has room for one.
        let one = shape.single_tool_call || shape.legacy_function_call;
        if shape.hide_tool_calls || (one && self.passed > 0) {
            return Call::Hidden;
        }
        let index = self.passed;
        self.passed = self.passed.saturating_add(1);
        Call::Passed(index)
    }

    /// Whether the content is the input of the tool that forces JSON.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// The finish of an answer that is simply done.
    pub(super) fn done(&self, shape: &ReplyShape) -> Finish {
        match (self.passed, shape.legacy_function_call) {
            (0, _) => Finish::Stop,
            (_, true) => Finish::FunctionCall,
            (_, false) => Finish::ToolCalls,
        }
    }
}

/// What the client calls a tool.
pub(super) fn client_name<'a>(shape: &'a ReplyShape, upstream_name: &'a str) -> &'a str {
    shape
        .tool_names
        .iter()
        .find_map(|(upstream, client)| (upstream == upstream_name).then_some(client.as_str()))
        .unwrap_or(upstream_name)
}
