//! Tools, whether they have to be called, and what to do where only the history knows them.

use std::{borrow::Cow, collections::HashSet};

use model::bedrock::{Model, Tools};

use super::{
    cache::CachePoints,
    called_names,
    messages::Conversation,
    notes::{Notes, unsupported, wrong},
};
use crate::{
    ApiError,
    mapping::{
        converse::{
            ClaudeToolChoice, InputSchema, Json, Tool as WireTool, ToolChoice as Choice, ToolConfig, ToolSpec,
        },
        schema::input_schema,
        tools::ToolNames,
    },
    openai::{AllowedMode, ChatRequest, Function, Tool, ToolChoice},
};

/// What becomes of tools.
#[derive(Debug, Default)]
pub(super) struct Tooling<'a> {
    pub(super) config: Option<ToolConfig<'a>>,
    /// Claude's own way to say that calls come one by one.
    pub(super) claude_choice: Option<ClaudeToolChoice<'a>>,
    pub(super) single_tool_call: bool,
    pub(super) hide_tool_calls: bool,
}

impl Tooling<'_> {
    /// Whether the model has to call a tool.
    pub(super) fn forces_call(&self) -> bool {
        let choice = self.config.as_ref().and_then(|config| config.tool_choice.as_ref());
        matches!(choice, Some(Choice::Any {} | Choice::Tool { .. }))
    }

    /// Whether the model may call what the client offers.
    pub(super) fn offers_tools(&self) -> bool {
        self.config.is_some() && !self.hide_tool_calls
    }
}

pub(super) fn tool_config<'a>(
    request: &'a ChatRequest<'_>,
    model: &Model,
    names: &ToolNames<'a>,
    conversation: &Conversation<'a>,
    cache: &mut CachePoints,
    notes: &mut Notes,
) -> Result<Tooling<'a>, ApiError> {
    let list = if request.legacy_functions { "functions" } else { "tools" };
    if model.tools == Tools::None && !request.tools.is_empty() {
        return Err(unsupported(list, "This model does not call tools."));
    }
    let functions = functions(request, list)?;
    if functions.is_empty() {
        refuse_choice_without_tools(request)?;
    }
    let choice = request.tool_choice.as_ref();
    let is_off = functions.is_empty() || choice == Some(&ToolChoice::None);
    if is_off && !conversation.has_tool_blocks {
        return Ok(Tooling::default());
    }
    if is_off {
        // Converse refuses calls in the history without tools in the request, so there are some; nobody may call them.
        let tools = if functions.is_empty() {
            from_history(request, names)
        } else {
            specs(&functions, model, names, cache, list)?
        };
        let config = Some(ToolConfig { tools, tool_choice: None });
        return Ok(Tooling { config, hide_tool_calls: true, ..Tooling::default() });
    }
    let (functions, choice) = chosen(functions, choice, names, request.legacy_functions)?;
    let tools = specs(&functions, model, names, cache, list)?;
    let tool_choice = match (choice, model.tools) {
        (None, _) | (Some(Choice::Auto {}), Tools::Auto) => None,
        (Some(choice), Tools::Choice) => Some(choice),
        (Some(_), Tools::Auto | Tools::None) => {
            notes.ignored("tool_choice", "This model cannot be made to call a tool.")?;
            None
        }
    };
    let one_by_one = request.parallel_tool_calls == Some(false) || request.legacy_functions;
    let claude_choice = (one_by_one && model.parallel_switch).then(|| claude_choice(tool_choice.as_ref()));
    Ok(Tooling {
        config: Some(ToolConfig { tools, tool_choice }),
        claude_choice,
        single_tool_call: one_by_one,
        hide_tool_calls: false,
    })
}

/// A function with its place in the request.
type Placed<'a> = (usize, &'a Function<'a>);

fn functions<'a>(request: &'a ChatRequest<'_>, list: &str) -> Result<Vec<Placed<'a>>, ApiError> {
    let mut seen = HashSet::new();
    let mut functions = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let Tool::Function(function) = tool else {
            return Err(unsupported(
                format!("{list}[{index}].type"),
                "Only tools of type `function` are supported.",
            ));
        };
        let problem = if function.name.is_empty() {
            Some("The name is empty.")
        } else if !seen.insert(function.name.as_str()) {
            Some("There are two functions of this name.")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(wrong(member(list, index, "name"), problem));
        }
        functions.push((index, function));
    }
    Ok(functions)
}

/// `tools[0].function.name`, `functions[0].name`
fn member(list: &str, index: usize, member: &str) -> String {
    let function = if list == "tools" { ".function" } else { "" };
    format!("{list}[{index}]{function}.{member}")
}

fn refuse_choice_without_tools(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    match request.tool_choice {
        None | Some(ToolChoice::None | ToolChoice::Auto) => Ok(()),
        Some(_) => {
            let name = if request.legacy_functions { "function_call" } else { "tool_choice" };
            Err(wrong(name, format!("`{name}` asks for a tool, and there are no tools.")))
        }
    }
}

/// The functions that may be called, and the choice in Converse's words.
fn chosen<'a>(
    mut functions: Vec<Placed<'a>>,
    choice: Option<&'a ToolChoice<'_>>,
    names: &ToolNames<'a>,
    legacy: bool,
) -> Result<(Vec<Placed<'a>>, Option<Choice<'a>>), ApiError> {
    let is_declared = |name: &str| functions.iter().any(|(_, function)| function.name.as_str() == name);
    let choice = match choice {
        None | Some(ToolChoice::None) => None,
        Some(ToolChoice::Auto) => Some(Choice::Auto {}),
        Some(ToolChoice::Required) => Some(Choice::Any {}),
        Some(ToolChoice::Function(name)) => {
            if !is_declared(name) {
                let param = if legacy { "function_call.name" } else { "tool_choice.function.name" };
                return Err(wrong(param, "There is no tool of this name."));
            }
            Some(Choice::Tool { name: names.sent(name) })
        }
        Some(ToolChoice::Allowed { mode, names: allowed }) => {
            let unknown = allowed.iter().position(|name| !is_declared(name));
            if let Some(index) = unknown {
                let param = format!("tool_choice.allowed_tools.tools[{index}].function.name");
                return Err(wrong(param, "There is no tool of this name."));
            }
            functions.retain(|(_, function)| allowed.contains(&function.name));
            if functions.is_empty() {
                return Err(wrong("tool_choice.allowed_tools.tools", "At least one tool has to be allowed."));
            }
            Some(match mode {
                AllowedMode::Auto => Choice::Auto {},
                AllowedMode::Required => Choice::Any {},
            })
        }
        Some(ToolChoice::Other(_)) => {
            return Err(unsupported(
                "tool_choice.type",
                "Only `function` and `allowed_tools` are supported.",
            ));
        }
    };
    Ok((functions, choice))
}

fn specs<'a>(
    functions: &[Placed<'a>],
    model: &Model,
    names: &ToolNames<'a>,
    cache: &mut CachePoints,
    list: &str,
) -> Result<Vec<WireTool<'a>>, ApiError> {
    let mut tools = Vec::with_capacity(functions.len());
    for (index, function) in functions {
        let json = input_schema(function.parameters, model.schemas)
            .map_err(|why| wrong(member(list, *index, "parameters"), format!("The schema {why}.")))?;
        tools.push(WireTool::ToolSpec(ToolSpec {
            name: names.sent(&function.name),
            description: function.description.as_deref().filter(|text| !text.trim().is_empty()),
            input_schema: InputSchema { json },
        }));
        cache.tools(function.cache.as_ref(), &mut tools);
    }
    Ok(tools)
}

/// Tools that are named in the history, whatever they take.
fn from_history<'a>(request: &'a ChatRequest<'_>, names: &ToolNames<'a>) -> Vec<WireTool<'a>> {
    let mut seen = HashSet::new();
    called_names(request)
        .filter(|name| seen.insert(*name))
        .map(|name| {
            WireTool::ToolSpec(ToolSpec {
                name: names.sent(name),
                description: None,
                input_schema: InputSchema { json: Json::AnyObject },
            })
        })
        .collect()
}

fn claude_choice<'a>(choice: Option<&Choice<'a>>) -> ClaudeToolChoice<'a> {
    let (kind, name): (_, Option<Cow<'a, str>>) = match choice {
        None | Some(Choice::Auto {}) => ("auto", None),
        Some(Choice::Any {}) => ("any", None),
        Some(Choice::Tool { name }) => ("tool", Some(name.clone())),
    };
    ClaudeToolChoice { kind, name, disable_parallel_tool_use: true }
}
