//! Reads a Converse request as far as an answer depends on it, and refuses what the real service refuses.

use serde_json::{Map, Value};

use super::script::Refusal;

/// The members of a content block; each block has exactly one of them.
const BLOCKS: [&str; 12] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];

/// What an answer is made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conversation {
    /// Text of the last user message, or of the tool results in it.
    pub(crate) last_text: String,
    /// Tools that may be called.
    pub(crate) tools: Vec<Tool>,
    /// Whether one has to be.
    pub(crate) choice: Choice,
    /// `inferenceConfig.maxTokens`
    pub(crate) max_tokens: Option<u64>,
    /// `inferenceConfig.stopSequences`
    pub(crate) stop_sequences: Vec<String>,
    /// Whether reasoning was asked for, as Nova 2 is asked.
    pub(crate) reasoning: bool,
    /// Characters of all texts.
    pub(crate) characters: u64,
    /// Characters of all texts before the last cache point, if there is one.
    pub(crate) cached_characters: u64,
}

/// A tool of `toolConfig`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// `toolConfig.toolChoice`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    Auto,
    Any,
    Named(String),
}

impl Conversation {
    /// Reads the body of a request.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let request: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::new(400, "SerializationException", error.to_string()))?;
        let mut counted = Counted::default();
        for block in list(&request, "system") {
            counted.system(block)?;
        }
        let messages = list(&request, "messages");
        check_roles(messages)?;
        for (at, message) in messages.iter().enumerate() {
            counted.message(at, message)?;
        }
        let tool_config = request.get("toolConfig");
        if tool_config.is_none() && counted.tool_blocks {
            return Err(Refusal::invalid(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ));
        }
        check_tool_results(messages)?;
        let tools = tool_config.map(tools).transpose()?.unwrap_or_default();
        let inference = request.get("inferenceConfig");
        let max_tokens = inference.and_then(|config| config.get("maxTokens")).and_then(Value::as_u64);
        if max_tokens == Some(0) {
            return Err(Refusal::invalid("inferenceConfig.maxTokens must be at least 1."));
        }
        Ok(Self {
            last_text: last_text(messages),
            choice: choice(tool_config, &tools)?,
            tools,
            max_tokens,
            stop_sequences: inference
                .map(|config| list(config, "stopSequences").iter().filter_map(Value::as_str))
                .map(|texts| texts.filter(|text| !text.is_empty()).map(str::to_owned).collect())
                .unwrap_or_default(),
            reasoning: request.pointer("/additionalModelRequestFields/reasoningConfig/type")
                == Some(&Value::from("enabled")),
            characters: counted.characters,
            cached_characters: counted.cached_characters,
        })
    }
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn check_roles(messages: &[Value]) -> Result<(), Refusal> {
    let mut expected = "user";
    if messages.is_empty() {
        return Err(Refusal::invalid(
            "messages must not be empty: a conversation starts with a user message.",
        ));
    }
    for (at, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        if role != expected && at == 0 {
            return Err(Refusal::invalid(
                "A conversation must start with a user message. Try again with a conversation that does.",
            ));
        }
        if role != expected {
            return Err(Refusal::invalid(
                "A conversation must alternate between user and assistant roles. Make sure that it does.",
            ));
        }
        expected = if role == "user" { "assistant" } else { "user" };
    }
    Ok(())
}

/// What the blocks add up to.
#[derive(Debug, Default)]
struct Counted {
    characters: u64,
    cached_characters: u64,
    tool_blocks: bool,
}

impl Counted {
    fn system(&mut self, block: &Value) -> Result<(), Refusal> {
        match block.get("text") {
            Some(text) => self.text(text, || "system".to_owned()),
            None if block.get("cachePoint").is_some() => {
                self.cached_characters = self.characters;
                Ok(())
            }
            None if block.get("guardContent").is_some() => Ok(()),
            None => Err(Refusal::invalid("a block of system has none of its members.")),
        }
    }

    fn message(&mut self, at: usize, message: &Value) -> Result<(), Refusal> {
        let content = list(message, "content");
        if content.is_empty() {
            return Err(Refusal::invalid(format!(
                "The content field in the Message object at messages.{at} is empty."
            )));
        }
        for (index, block) in content.iter().enumerate() {
            self.block(block, || format!("messages.{at}.content.{index}"))?;
        }
        Ok(())
    }

    fn block(&mut self, block: &Value, place: impl Fn() -> String) -> Result<(), Refusal> {
        let members = block.as_object().map(Map::len).unwrap_or_default();
        let Some(member) = BLOCKS.iter().find(|name| block.get(name).is_some()).filter(|_| members == 1)
        else {
            return Err(Refusal::invalid(format!(
                "The ContentBlock object at {} must set exactly one of: {}.",
                place(),
                BLOCKS.join(", ")
            )));
        };
        let value = block.get(*member).unwrap_or(&Value::Null);
        match *member {
            "text" => self.text(value, place)?,
            "toolUse" => {
                self.tool_blocks = true;
                if !value.get("input").is_some_and(Value::is_object) {
                    return Err(Refusal::invalid(format!(
                        "The value at {}.toolUse.input must be a JSON object.",
                        place()
                    )));
                }
                self.count(&value.to_string());
            }
            "toolResult" => {
                self.tool_blocks = true;
                self.count(&value.to_string());
            }
            "cachePoint" => self.cached_characters = self.characters,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, value: &Value, place: impl Fn() -> String) -> Result<(), Refusal> {
        let text = value.as_str().unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Refusal::invalid(format!(
                "The text field in the ContentBlock object at {} is blank. Add text to the text field, and try again.",
                place()
            )));
        }
        self.count(text);
        Ok(())
    }

    fn count(&mut self, text: &str) {
        let characters = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.characters = self.characters.saturating_add(characters);
    }
}

/// Every call of a tool is answered in the message behind it, and nothing else is.
fn check_tool_results(messages: &[Value]) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let content = list(message, "content");
        let results: Vec<&str> = content
            .iter()
            .filter_map(|block| block.get("toolResult"))
            .map(|r| text(r, "toolUseId"))
            .collect();
        let missing: Vec<&str> = open.iter().copied().filter(|id| !results.contains(id)).collect();
        if !missing.is_empty() {
            return Err(Refusal::invalid(format!(
                "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
                missing.join(", ")
            )));
        }
        if results.iter().any(|id| !open.contains(id)) {
            return Err(Refusal::invalid(format!(
                "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of \
                 previous turn."
            )));
        }
        open =
            content.iter().filter_map(|block| block.get("toolUse")).map(|u| text(u, "toolUseId")).collect();
    }
    Ok(())
}

fn tools(config: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools: Vec<Tool> = Vec::new();
    for spec in list(config, "tools").iter().filter_map(|tool| tool.get("toolSpec")) {
        let name = text(spec, "name");
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !fits {
            return Err(Refusal::invalid(format!(
                "Value '{name}' at 'toolConfig.tools.member.toolSpec.name' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [a-zA-Z0-9_-]+"
            )));
        }
        if tools.iter().any(|tool| tool.name == name) {
            return Err(Refusal::invalid(format!("The toolConfig contains duplicate tool names: {name}")));
        }
        let schema = spec.pointer("/inputSchema/json").cloned().unwrap_or_default();
        if schema.get("type") != Some(&Value::from("object")) {
            return Err(Refusal::invalid(format!(
                "The value at toolConfig.tools.toolSpec.inputSchema.json.type of {name} must be one of the \
                 following: object."
            )));
        }
        tools.push(Tool { name: name.to_owned(), schema });
    }
    if tools.is_empty() {
        return Err(Refusal::invalid("toolConfig.tools must have at least one tool."));
    }
    Ok(tools)
}

fn choice(config: Option<&Value>, tools: &[Tool]) -> Result<Choice, Refusal> {
    let Some(choice) = config.and_then(|config| config.get("toolChoice")) else { return Ok(Choice::Auto) };
    let Some((kind, value)) =
        choice.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next())
    else {
        return Err(Refusal::invalid("toolConfig.toolChoice must set exactly one of: auto, any, tool."));
    };
    match kind.as_str() {
        "auto" => Ok(Choice::Auto),
        "any" => Ok(Choice::Any),
        "tool" if tools.iter().any(|tool| tool.name == text(value, "name")) => {
            Ok(Choice::Named(text(value, "name").to_owned()))
        }
        _ => Err(Refusal::invalid("toolConfig.toolChoice names no tool of toolConfig.tools.")),
    }
}

/// The text that an answer echoes: of the last user message, tool results included.
fn last_text(messages: &[Value]) -> String {
    let user = messages.iter().rev().find(|message| text(message, "role") == "user");
    let mut parts: Vec<String> = Vec::new();
    for block in user.map(|message| list(message, "content")).unwrap_or_default() {
        if let Some(said) = block.get("text").and_then(Value::as_str) {
            parts.push(said.to_owned());
        }
        for result in block.get("toolResult").map(|result| list(result, "content")).unwrap_or_default() {
            match (result.get("text").and_then(Value::as_str), result.get("json")) {
                (Some(said), _) => parts.push(said.to_owned()),
                (None, Some(json)) => parts.push(json.to_string()),
                (None, None) => {}
            }
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(content: &Value) -> Value {
        json!({"messages": [{"role": "user", "content": content}]})
    }

    fn refused(request: &Value) -> String {
        Conversation::read(request.to_string().as_bytes()).unwrap_err().message
    }

    #[test]
    fn what_an_answer_depends_on_is_read() {
        let mut request = user(&json!([{"text": "a b"}, {"cachePoint": {"type": "default"}}, {"text": "c"}]));
        request["system"] = json!([{"text": "be brief"}]);
        request["inferenceConfig"] = json!({"maxTokens": 5, "stopSequences": ["x"]});
        request["additionalModelRequestFields"] = json!({"reasoningConfig": {"type": "enabled"}});
        let read = Conversation::read(request.to_string().as_bytes()).unwrap();
        assert_eq!(read.last_text, "a b c");
        assert_eq!((read.characters, read.cached_characters), (12, 11));
        assert_eq!((read.max_tokens, read.reasoning), (Some(5), true));
        assert_eq!(read.stop_sequences, ["x"]);
        assert_eq!(read.choice, Choice::Auto);
    }

    #[test]
    fn what_the_service_refuses_is_refused() {
        let hello = json!([{"text": "hello"}]);
        let spec =
            |name: &str| json!({"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}});
        let call = json!({"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}});
        let with_tools = |tools: Value, choice: Value| {
            let mut request = user(&hello);
            request["toolConfig"] = json!({"tools": tools, "toolChoice": choice});
            request
        };
        for (request, part) in [
            (json!({}), "must not be empty"),
            (json!({"messages": [{"role": "assistant", "content": hello}]}), "start with a user"),
            (
                json!({"messages": [{"role": "user", "content": hello}, {"role": "user", "content": hello}]}),
                "alternate",
            ),
            (user(&json!([])), "messages.0 is empty"),
            (user(&json!([{"text": " "}])), "messages.0.content.0 is blank"),
            (user(&json!([{"text": "a", "image": {}}])), "exactly one of"),
            (user(&json!([{"what": {}}])), "exactly one of"),
            (user(&json!([{"toolResult": {"toolUseId": "t1", "content": []}}])), "toolConfig field must be"),
            (with_tools(json!([]), json!({"auto": {}})), "at least one"),
            (with_tools(json!([spec("a b")]), json!({"auto": {}})), "regular expression"),
            (with_tools(json!([spec("f"), spec("f")]), json!({"auto": {}})), "duplicate"),
            (with_tools(json!([spec("f")]), json!({"tool": {"name": "g"}})), "names no tool"),
            (with_tools(json!([spec("f")]), json!("auto")), "exactly one of"),
            (
                json!({"messages": [{"role": "user", "content": hello},
                        {"role": "assistant", "content": [call]}, {"role": "user", "content": hello}],
                    "toolConfig": {"tools": [spec("f")]}}),
                "following Ids: t1",
            ),
        ] {
            let message = refused(&request);
            assert!(message.contains(part), "{request}: {message}");
        }
        assert_eq!(Conversation::read(b"{").unwrap_err().kind, "SerializationException");
    }
}
