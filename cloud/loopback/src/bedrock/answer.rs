//! What the model says: a function of the conversation, so that a test knows it beforehand.
//!
//! - It echoes the text of the last user message.
//! - `call NAME` in that text calls the tool of that name, once for each time; a JSON object right behind the name
//!   is its input, else the input is the least that its schema allows.
//! - A forced tool is called in any case.
//! - Asked to reason, it does so first.

use serde_json::{Map, Value, json};

use super::conversation::{Choice, Conversation, Tool};
use super::schema;
use super::script::{Fault, Script};
use crate::json::set;

/// An estimate that everybody uses.
const CHARACTERS_PER_TOKEN: u64 = 4;

/// An answer before it has a form on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) blocks: Vec<Block>,
    pub(crate) stop_reason: String,
    pub(crate) usage: Tokens,
}

/// A content block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    Reasoning(String),
    Text(String),
    ToolUse { id: String, name: String, input: Map<String, Value> },
}

/// `usage`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

impl Answer {
    /// What is said to this.
    pub(crate) fn to(conversation: &Conversation, script: &Script) -> Self {
        let mut blocks = Vec::new();
        if conversation.reasoning {
            blocks.push(Block::Reasoning("The user wants to hear it again.".to_owned()));
        }
        let calls = calls(conversation);
        let mut stop_reason = "tool_use";
        if calls.is_empty() {
            let (said, reason) = shorten(&said(conversation, script), conversation);
            stop_reason = reason;
            if !said.is_empty() {
                blocks.push(Block::Text(said));
            }
        }
        blocks.extend(calls);
        let mut stop_reason = stop_reason.to_owned();
        match &script.fault {
            Some(Fault::MissingOutput) => blocks.clear(),
            Some(Fault::StopReason(reason)) => stop_reason.clone_from(reason),
            Some(Fault::MalformedToolUse) => {
                blocks = vec![Block::Text("<tool_call>{broken".to_owned())];
                "malformed_tool_use".clone_into(&mut stop_reason);
            }
            _ => {}
        }
        let usage = Tokens::of(conversation, &blocks);
        Self { blocks, stop_reason, usage }
    }

    /// The body of a Converse response; without blocks it has no `output`.
    pub(crate) fn converse(&self) -> Vec<u8> {
        let mut body = json!({
            "stopReason": self.stop_reason,
            "usage": self.usage.wire(),
            "metrics": {"latencyMs": 1},
        });
        if !self.blocks.is_empty() {
            let content: Vec<Value> = self.blocks.iter().map(Block::wire).collect();
            set(&mut body, "output", json!({"message": {"role": "assistant", "content": content}}));
        }
        body.to_string().into_bytes()
    }
}

impl Block {
    fn wire(&self) -> Value {
        match self {
            Self::Reasoning(text) => {
                json!({"reasoningContent": {"reasoningText": {"text": text, "signature": "c2lnbmVk"}}})
            }
            Self::Text(text) => json!({"text": text}),
            Self::ToolUse { id, name, input } => {
                json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
            }
        }
    }

    fn characters(&self) -> u64 {
        let length = match self {
            Self::Reasoning(text) | Self::Text(text) => text.chars().count(),
            Self::ToolUse { name, input, .. } => {
                let input = Value::Object(input.clone()).to_string();
                name.chars().count().saturating_add(input.chars().count())
            }
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }
}

impl Tokens {
    fn of(conversation: &Conversation, blocks: &[Block]) -> Self {
        // Half of what is cached was there before, so that a test sees both kinds.
        let cached = tokens(conversation.cached_characters);
        let cache_read = cached.checked_div(2).unwrap_or_default();
        Self {
            input: tokens(conversation.characters.saturating_sub(conversation.cached_characters)),
            output: blocks.iter().map(|block| tokens(block.characters())).fold(0, u64::saturating_add),
            cache_read,
            cache_write: cached.saturating_sub(cache_read),
        }
    }

    /// The members as Bedrock names them; those of the cache only where there was one.
    pub(crate) fn wire(self) -> Value {
        let total = [self.output, self.cache_read, self.cache_write]
            .into_iter()
            .fold(self.input, u64::saturating_add);
        let mut wire = json!({"inputTokens": self.input, "outputTokens": self.output, "totalTokens": total});
        if self.cache_read.saturating_add(self.cache_write) > 0 {
            set(&mut wire, "cacheReadInputTokens", self.cache_read);
            set(&mut wire, "cacheWriteInputTokens", self.cache_write);
        }
        wire
    }
}

pub(crate) fn tokens(characters: u64) -> u64 {
    characters.div_ceil(CHARACTERS_PER_TOKEN)
}

/// The echo, or as many words of it as the script wants.
fn said(conversation: &Conversation, script: &Script) -> String {
    let echo = &conversation.last_text;
    match script.deltas {
        Some(wanted) => {
            let words = echo.split_whitespace().chain(echo.is_empty().then_some("word"));
            let words: Vec<&str> = words.cycle().take(wanted).collect();
            words.join(" ")
        }
        None if echo.is_empty() => "I see.".to_owned(),
        None => echo.clone(),
    }
}

/// Obeys `stopSequences` and `maxTokens`; says which of them ended the text.
fn shorten(text: &str, conversation: &Conversation) -> (String, &'static str) {
    let (text, mut reason) = conversation
        .stop_sequences
        .iter()
        .filter_map(|stop| text.find(stop.as_str()))
        .min()
        .and_then(|at| text.get(..at))
        .map_or((text, "end_turn"), |kept| (kept, "stop_sequence"));
    let most = conversation.max_tokens.map_or(u64::MAX, |max| max.saturating_mul(CHARACTERS_PER_TOKEN));
    let kept: String = text.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
    if kept.len() < text.len() {
        reason = "max_tokens";
    }
    (kept, reason)
}

/// The calls of tools, in the order in which the text asks for them.
fn calls(conversation: &Conversation) -> Vec<Block> {
    let mut wanted: Vec<(&Tool, Map<String, Value>)> = Vec::new();
    for (at, mark) in conversation.last_text.match_indices("call ") {
        let rest = conversation.last_text.get(at.saturating_add(mark.len())..).unwrap_or_default();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if let Some(tool) = conversation.tools.iter().find(|tool| tool.name == name) {
            wanted.push((tool, input(tool, rest)));
        }
    }
    let forced = match &conversation.choice {
        Choice::Auto => None,
        Choice::Any => conversation.tools.first().filter(|_| wanted.is_empty()),
        Choice::Named(name) => {
            wanted.retain(|(tool, _)| tool.name == *name);
            conversation.tools.iter().find(|tool| tool.name == *name).filter(|_| wanted.is_empty())
        }
    };
    wanted.extend(forced.map(|tool| (tool, input(tool, &conversation.last_text))));
    let named = |(at, (tool, input)): (usize, (&Tool, Map<String, Value>))| Block::ToolUse {
        id: format!("tooluse_{}_{at}", tool.name.chars().take(40).collect::<String>()),
        name: tool.name.clone(),
        input,
    };
    wanted.into_iter().enumerate().map(named).collect()
}

/// The JSON object at the beginning of the text, or the least that the schema allows.
fn input(tool: &Tool, text: &str) -> Map<String, Value> {
    let mut values = serde_json::Deserializer::from_str(text.trim_start()).into_iter::<Value>();
    match values.next() {
        Some(Ok(Value::Object(given))) => given,
        _ => match schema::least(&tool.schema) {
            Value::Object(least) => least,
            _ => Map::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(request: &Value) -> Answer {
        let conversation = Conversation::read(request.to_string().as_bytes()).unwrap();
        Answer::to(&conversation, &Script::default())
    }

    fn ask(text: &str) -> Value {
        json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
    }

    fn with_tools(text: &str) -> Value {
        let mut request = ask(text);
        let schema =
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        request["toolConfig"] = json!({"tools": [
            {"toolSpec": {"name": "weather", "inputSchema": {"json": schema}}},
            {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}},
        ]});
        request
    }

    fn called(answer: &Answer) -> Vec<(String, Value)> {
        let call = |block: &Block| match block {
            Block::ToolUse { name, input, .. } => Some((name.clone(), Value::Object(input.clone()))),
            _ => None,
        };
        answer.blocks.iter().filter_map(call).collect()
    }

    #[test]
    fn it_echoes_within_what_it_may_say() {
        let said = answer(&ask("one two three"));
        assert_eq!(said.blocks, [Block::Text("one two three".to_owned())]);
        assert_eq!(said.stop_reason, "end_turn");
        assert_eq!(said.usage.wire(), json!({"inputTokens": 4, "outputTokens": 4, "totalTokens": 8}));

        let mut request = ask("one two three");
        request["inferenceConfig"] = json!({"maxTokens": 1, "stopSequences": ["three"]});
        let said = answer(&request);
        assert_eq!(
            (said.blocks, said.stop_reason.as_str()),
            (vec![Block::Text("one ".to_owned())], "max_tokens")
        );
        request["inferenceConfig"] = json!({"maxTokens": 9, "stopSequences": [" three"]});
        let said = answer(&request);
        assert_eq!(
            (said.blocks, said.stop_reason.as_str()),
            (vec![Block::Text("one two".to_owned())], "stop_sequence")
        );
    }

    #[test]
    fn it_calls_what_it_is_told_to() {
        let said = answer(&with_tools("call now, call weather{\"city\": \"Oslo\"} and call nobody"));
        assert_eq!(
            called(&said),
            [("now".to_owned(), json!({})), ("weather".to_owned(), json!({"city": "Oslo"}))]
        );
        assert_eq!(said.stop_reason, "tool_use");
        assert_eq!(called(&answer(&with_tools("hello"))), []);

        let mut forced = with_tools("hello");
        forced["toolConfig"]["toolChoice"] = json!({"tool": {"name": "weather"}});
        assert_eq!(called(&answer(&forced)), [("weather".to_owned(), json!({"city": "text"}))]);
        forced["toolConfig"]["toolChoice"] = json!({"any": {}});
        assert_eq!(called(&answer(&forced)).len(), 1);
    }

    #[test]
    fn it_reasons_and_reads_from_a_cache() {
        let mut request = ask("hello");
        request["system"] = json!([{"text": "12345678901234567890"}, {"cachePoint": {"type": "default"}}]);
        request["additionalModelRequestFields"] = json!({"reasoningConfig": {"type": "enabled"}});
        let said = answer(&request);
        assert!(matches!(said.blocks.first(), Some(Block::Reasoning(_))));
        let usage = said.usage.wire();
        assert_eq!((&usage["inputTokens"], &usage["cacheReadInputTokens"]), (&json!(2), &json!(2)));
        assert_eq!(usage["cacheWriteInputTokens"], 3);
    }
}
