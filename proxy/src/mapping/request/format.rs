//! `response_format`: how a model is brought to answer in JSON.
//!
//! Nova has no switch for it. It is made to call a tool whose input is the answer, and the reader of the answer
//! unwraps it. Where the client has tools of its own that may be called, or the model cannot be made to call one,
//! the model is asked, and the parameter is named as one that is not enforced.

use std::borrow::Cow;

use model::bedrock::{Json as Way, Model, Schemas, Tools};

use super::{
    notes::{Notes, wrong},
    tooling::Tooling,
};
use crate::{
    ApiError,
    mapping::{
        converse::{
            InputSchema, Json, JsonSchema as WireSchema, OutputConfig, Structure, SystemBlock, TextFormat,
            Tool, ToolChoice, ToolConfig, ToolSpec,
        },
        schema::input_schema,
        tools::unused,
    },
    openai::{ChatRequest, JsonSchema, ResponseFormat},
};

/// What the made-up tool is called, unless the client calls one so.
const TOOL: &str = "answer_in_json";
const TOOL_DESCRIPTION: &str = "Gives the answer. The input of this tool is the whole answer, as JSON.";
const SCHEMA_PARAM: &str = "response_format.json_schema.schema";

/// Forces JSON where it is asked for; returns the name of the tool that does it, if one does.
pub(super) fn force<'a>(
    request: &'a ChatRequest<'_>,
    model: &Model,
    thinks: bool,
    tooling: &mut Tooling<'a>,
    system: &mut Vec<SystemBlock<'a>>,
    output: &mut OutputConfig<'a>,
    notes: &mut Notes,
) -> Result<Option<String>, ApiError> {
    let schema = match &request.response_format {
        ResponseFormat::Text => return Ok(None),
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema(schema) => Some(schema),
    };
    if let (Way::TextFormat, Some(schema)) = (model.json, schema) {
        let text = schema.schema.map_or(r#"{"type":"object"}"#, |schema| schema.text());
        if !text.starts_with('{') {
            return Err(wrong(SCHEMA_PARAM, "The schema has to be an object."));
        }
        output.text_format = Some(text_format(schema, text));
        return Ok(None);
    }
    // Claude cannot think and be made to call a tool.
    let can_force = model.json != Way::Instruction && model.tools == Tools::Choice && !thinks;
    if !can_force || tooling.offers_tools() {
        notes.ignored(
            "response_format",
            "With tools, or by this model, an answer in JSON cannot be enforced.",
        )?;
        system.push(SystemBlock::Text(instruction(schema)));
        return Ok(None);
    }
    let name = force_tool(schema, model.schemas, tooling)?;
    if schema.is_none() {
        // Without properties to fill in, models tend to leave the object empty.
        let text = format!(
            "Give your answer as one JSON object, all of it in the input of the tool `{name}`, never empty."
        );
        system.push(SystemBlock::Text(Cow::Owned(text)));
    }
    Ok(Some(name))
}

fn force_tool<'a>(
    schema: Option<&'a JsonSchema<'_>>,
    accepted: Schemas,
    tooling: &mut Tooling<'a>,
) -> Result<String, ApiError> {
    let json = match schema {
        Some(schema) => input_schema(schema.schema, accepted)
            .map_err(|why| wrong(SCHEMA_PARAM, format!("The schema {why}.")))?,
        None => Json::AnyObject,
    };
    let config = tooling.config.get_or_insert(ToolConfig { tools: Vec::new(), tool_choice: None });
    let name = unused(TOOL, |name| {
        config.tools.iter().any(|tool| matches!(tool, Tool::ToolSpec(spec) if spec.name == name))
    });
    let description = schema.and_then(|schema| schema.description.as_deref());
    config.tools.push(Tool::ToolSpec(ToolSpec {
        name: Cow::Owned(name.clone()),
        description: Some(description.filter(|text| !text.trim().is_empty()).unwrap_or(TOOL_DESCRIPTION)),
        input_schema: InputSchema { json },
    }));
    config.tool_choice = Some(ToolChoice::Tool { name: Cow::Owned(name.clone()) });
    Ok(name)
}

fn text_format<'a>(schema: &'a JsonSchema<'_>, text: &'a str) -> TextFormat<'a> {
    let json_schema =
        WireSchema { schema: text, name: &schema.name, description: schema.description.as_deref() };
    TextFormat { kind: "json_schema", structure: Structure { json_schema } }
}

fn instruction(schema: Option<&JsonSchema<'_>>) -> Cow<'static, str> {
    const ASK: &str = "Answer with one JSON object and nothing else: no other text, no code fence.";
    match schema.and_then(|schema| schema.schema) {
        Some(schema) => {
            Cow::Owned(format!("{ASK} It has to be valid against this JSON schema: {}", schema.text()))
        }
        None => Cow::Borrowed(ASK),
    }
}
