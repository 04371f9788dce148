//! Messages into turns.
//!
//! Converse wants turns that alternate, the first of them the user's, and no blank text. So neighbours of one role
//! become one turn, blank text goes, and where the chat begins with the assistant, [`OPENING`] comes before it.

use std::{borrow::Cow, collections::HashSet};

use model::bedrock::Model;

use super::{
    cache::CachePoints,
    notes::{unsupported, wrong},
};
use crate::{
    ApiError,
    mapping::{
        converse::{ContentBlock, Document, Json, ResultBlock, Role, SystemBlock, ToolResult, ToolUse, Turn},
        media,
        tools::{ToolNames, tool_use_id},
    },
    openai::{
        Assistant, CacheControl, ChatRequest, Content, FunctionCall, Message, Part, Raw, Text, ToolCall,
    },
};

/// What the user is taken to have said where the first to speak is the assistant, or where only the system speaks.
const OPENING: &str = "Continue.";
/// What stands beside a document without a word on it, since Converse refuses a document alone.
const BESIDE_DOCUMENT: &str = "Read the attached document.";
/// What a tool is taken to have answered that answered nothing.
const NO_RESULT: &str = "(no output)";

/// The turns and the system prompt of a request.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<SystemBlock<'a>>,
    turns: Vec<Turn<'a>>,
    /// Ids of calls so far.
    calls: HashSet<&'a str>,
    /// Calls of the old kind that wait for their result: name and id.
    open_functions: Vec<(&'a str, String)>,
    images: usize,
    documents: usize,
    videos: usize,
    /// The conversation holds calls or results.
    pub(super) has_tool_blocks: bool,
    /// Where the last message is, for what can be said only of that one.
    last: usize,
}

/// A part of a message, for paths.
#[derive(Debug, Clone, Copy)]
struct At {
    message: usize,
    part: Option<usize>,
}

impl At {
    fn message(message: usize) -> Self {
        Self { message, part: None }
    }

    /// `messages[1].content[0].image_url.url`
    fn path(self, rest: &str) -> String {
        let Self { message, part } = self;
        let dot = if rest.is_empty() { "" } else { "." };
        match part {
            Some(part) => format!("messages[{message}].content[{part}]{dot}{rest}"),
            None => format!("messages[{message}]{dot}{rest}"),
        }
    }
}

/// What is needed beside the message.
struct Context<'a, 'c> {
    model: &'c Model,
    names: &'c ToolNames<'a>,
    cache: &'c mut CachePoints,
}

impl<'a> Conversation<'a> {
    pub(super) fn read(
        &mut self,
        request: &'a ChatRequest<'_>,
        model: &Model,
        names: &ToolNames<'a>,
        cache: &mut CachePoints,
    ) -> Result<(), ApiError> {
        self.turns.reserve(request.messages.len());
        self.last = request.messages.len().saturating_sub(1);
        let mut cx = Context { model, names, cache };
        for (index, message) in request.messages.iter().enumerate() {
            let at = At::message(index);
            match message {
                Message::System(content) => self.system(content, at, &mut cx)?,
                Message::User(content) => self.user(content, at, &mut cx)?,
                Message::Assistant(assistant) => self.assistant(assistant, at, &mut cx)?,
                Message::Tool { id, content } => {
                    if !self.calls.contains(id.as_str()) {
                        let message = "No assistant message before this one makes a call with this id.";
                        return Err(wrong(at.path("tool_call_id"), message));
                    }
                    self.result(tool_use_id(id), content, at, &mut cx)?;
                }
                Message::Function { name, content } => {
                    let open = self.open_functions.iter().position(|(open, _)| *open == name.as_str());
                    let Some(open) = open else {
                        let message = "No assistant message before this one calls a function of this name.";
                        return Err(wrong(at.path("name"), message));
                    };
                    let (_, id) = self.open_functions.swap_remove(open);
                    self.result(Cow::Owned(id), content, at, &mut cx)?;
                }
            }
        }
        Ok(())
    }

    /// The turns as Converse takes them.
    pub(super) fn finish(&mut self, model: &Model) -> Result<Vec<Turn<'a>>, ApiError> {
        let mut turns = std::mem::take(&mut self.turns);
        let last = At::message(self.last);
        match turns.first().map(|turn| turn.role) {
            Some(Role::User) => {}
            None if self.system.is_empty() => {
                return Err(wrong("messages", "Every message is blank."));
            }
            Some(Role::Assistant) | None => {
                turns.insert(0, Turn { role: Role::User, content: vec![ContentBlock::Text(OPENING)] });
            }
        }
        let ends_with_assistant = turns.last().is_some_and(|turn| turn.role == Role::Assistant);
        if ends_with_assistant && !model.prefill {
            let message = "This model does not take the beginning of its answer: the last message has to be the \
                           user's or a tool's.";
            return Err(unsupported(last.path("role"), message));
        }
        for turn in turns.iter_mut().filter(|turn| turn.role == Role::User) {
            complete(&mut turn.content);
        }
        Ok(turns)
    }

    fn system(&mut self, content: &'a Content<'_>, at: At, cx: &mut Context<'a, '_>) -> Result<(), ApiError> {
        each(content, at, |text, cache, at| match text {
            Piece::Text(text) => {
                if !text.is_blank() {
                    self.system.push(SystemBlock::Text(Cow::Borrowed(text)));
                    cx.cache.system(cache, &mut self.system);
                }
                Ok(())
            }
            Piece::Part(_) => Err(unsupported(at.path("type"), "A system message holds text only.")),
        })
    }

    fn user(&mut self, content: &'a Content<'_>, at: At, cx: &mut Context<'a, '_>) -> Result<(), ApiError> {
        each(content, at, |piece, cache, at| {
            let block = match piece {
                Piece::Text(text) if text.is_blank() => return Ok(()),
                Piece::Text(text) => ContentBlock::Text(text),
                Piece::Part(part) => self.medium(part, at, cx.model)?,
            };
            self.push(Role::User, block);
            self.cut(cache, cx.cache);
            Ok(())
        })
    }

    fn assistant(
        &mut self,
        assistant: &'a Assistant<'_>,
        at: At,
        cx: &mut Context<'a, '_>,
    ) -> Result<(), ApiError> {
        if let Some(content) = &assistant.content {
            each(content, at, |piece, cache, at| match piece {
                Piece::Text(text) if text.is_blank() => Ok(()),
                Piece::Text(text) => {
                    self.push(Role::Assistant, ContentBlock::Text(text));
                    self.cut(cache, cx.cache);
                    Ok(())
                }
                Piece::Part(_) => {
                    Err(unsupported(at.path("type"), "An assistant message holds text and refusals only."))
                }
            })?;
        }
        if let Some(refusal) = assistant.refusal.as_ref().filter(|refusal| !refusal.is_blank()) {
            self.push(Role::Assistant, ContentBlock::Text(refusal));
        }
        for (index, call) in assistant.tool_calls.iter().enumerate() {
            match call {
                ToolCall::Function { id, function } => {
                    let input = arguments(function).map_err(|why| {
                        wrong(at.path(&format!("tool_calls[{index}].function.arguments")), why)
                    })?;
                    self.calls.insert(id);
                    self.call(tool_use_id(id), function, input, cx);
                }
                ToolCall::Other(kind) => {
                    let message = format!("Calls of type `{}` are not supported.", shown(kind));
                    return Err(unsupported(at.path(&format!("tool_calls[{index}].type")), message));
                }
            }
        }
        if let Some(function) = &assistant.function_call {
            let input = arguments(function).map_err(|why| wrong(at.path("function_call.arguments"), why))?;
            let id = format!("function_call_{}", at.message);
            self.open_functions.push((function.name.as_str(), id.clone()));
            self.call(Cow::Owned(id), function, input, cx);
        }
        Ok(())
    }

    fn call(
        &mut self,
        id: Cow<'a, str>,
        function: &'a FunctionCall<'_>,
        input: Json<'a>,
        cx: &Context<'a, '_>,
    ) {
        self.has_tool_blocks = true;
        let name = cx.names.sent(&function.name);
        self.push(Role::Assistant, ContentBlock::ToolUse(ToolUse { id, name, input }));
    }

    fn result(
        &mut self,
        id: Cow<'a, str>,
        content: &'a Content<'_>,
        at: At,
        cx: &mut Context<'a, '_>,
    ) -> Result<(), ApiError> {
        let mut blocks = Vec::with_capacity(content.len());
        let mut cached = None;
        each(content, at, |piece, cache, at| {
            cached = cache.or(cached);
            match piece {
                Piece::Text(text) if text.is_blank() => {}
                Piece::Text(text) => blocks.push(ResultBlock::Text(text)),
                Piece::Part(part) => match self.medium(part, at, cx.model)? {
                    ContentBlock::Image(image) => blocks.push(ResultBlock::Image(image)),
                    _ => {
                        return Err(unsupported(
                            at.path("type"),
                            "A tool message holds text and images only.",
                        ));
                    }
                },
            }
            Ok(())
        })?;
        if blocks.is_empty() {
            blocks.push(ResultBlock::Text(NO_RESULT));
        }
        self.has_tool_blocks = true;
        self.push(Role::User, ContentBlock::ToolResult(ToolResult { id, content: blocks }));
        self.cut(cached, cx.cache);
        Ok(())
    }

    /// Appends to the last turn if it is of this role, else to a new one.
    fn push(&mut self, role: Role, block: ContentBlock<'a>) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.push(block),
            _ => self.turns.push(Turn { role, content: vec![block] }),
        }
    }

    /// Cuts the cache after the block that was pushed last.
    fn cut(&mut self, control: Option<&CacheControl<'_>>, cache: &mut CachePoints) {
        if let Some(turn) = self.turns.last_mut() {
            cache.content(control, &mut turn.content);
        }
    }

    /// An image, a document or a video.
    fn medium(&mut self, part: &'a Part<'_>, at: At, model: &Model) -> Result<ContentBlock<'a>, ApiError> {
        match part {
            Part::Image { url, .. } => {
                if !model.input.image {
                    return Err(unsupported(at.path("type"), "This model does not take images."));
                }
                count(&mut self.images, media::MAX_IMAGES, "images", at)?;
                let param = || at.path("image_url.url");
                let image = media::image(url, model.input.s3);
                image.map(ContentBlock::Image).map_err(|why| media::invalid_image(param(), why))
            }
            Part::File { data, filename, .. } => {
                if !model.input.document {
                    return Err(unsupported(at.path("type"), "This model does not take documents."));
                }
                count(&mut self.documents, media::MAX_DOCUMENTS, "documents", at)?;
                let data = data.as_ref().ok_or_else(|| {
                    unsupported(at.path("file"), "`file_data` is required: there are no uploaded files here.")
                })?;
                let (format, source) = media::document(data, filename.as_deref(), model.input.s3)
                    .map_err(|why| wrong(at.path("file.file_data"), why))?;
                // The name given could hold instructions, and the model reads it (API reference, `DocumentBlock`).
                let name = format!("document-{}", self.documents);
                Ok(ContentBlock::Document(Document { format, name, source }))
            }
            Part::Video { url, .. } => {
                if !model.input.video {
                    return Err(unsupported(at.path("type"), "This model does not take videos."));
                }
                count(&mut self.videos, media::MAX_VIDEOS, "videos", at)?;
                let video = media::video(url, model.input.s3);
                video.map(ContentBlock::Video).map_err(|why| wrong(at.path("video_url.url"), why))
            }
            Part::Other(kind) => {
                let message = format!("Content of type `{}` is not supported.", shown(kind));
                Err(unsupported(at.path("type"), message))
            }
            Part::Text { .. } | Part::Refusal(_) => Err(unsupported(at.path("type"), "This is text.")),
        }
    }
}

/// Text, or anything else.
enum Piece<'a> {
    Text(&'a Text<'a>),
    Part(&'a Part<'a>),
}

/// Calls `read` with each piece of a content, in order.
fn each<'a>(
    content: &'a Content<'_>,
    at: At,
    mut read: impl FnMut(Piece<'a>, Option<&'a CacheControl<'a>>, At) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    match content {
        Content::Text(text) => read(Piece::Text(text), None, at),
        Content::Parts(parts) => parts.iter().enumerate().try_for_each(|(index, part)| {
            let at = At { part: Some(index), ..at };
            match part {
                Part::Text { text, cache } => read(Piece::Text(text), cache.as_ref(), at),
                Part::Refusal(text) => read(Piece::Text(text), None, at),
                Part::Image { cache, .. } | Part::File { cache, .. } | Part::Video { cache, .. } => {
                    read(Piece::Part(part), cache.as_ref(), at)
                }
                Part::Other(_) => read(Piece::Part(part), None, at),
            }
        }),
    }
}

/// The arguments of a call as the object that they have to be. Models leave them empty where there are none.
fn arguments<'a>(function: &'a FunctionCall<'_>) -> Result<Json<'a>, String> {
    let Some(text) = function.arguments.as_ref().filter(|text| !text.is_blank()) else {
        return Ok(Json::EmptyObject);
    };
    let raw = Raw::parse(text).map_err(|why| format!("The string {why}."))?;
    if raw.is_object() { Ok(Json::Written(raw)) } else { Err("The string holds no JSON object.".to_owned()) }
}

/// Results come before anything else that the user says, and a document is not alone.
fn complete(blocks: &mut Vec<ContentBlock<'_>>) {
    let is_result = |block: &ContentBlock<'_>| matches!(block, ContentBlock::ToolResult(_));
    let after_results = blocks.iter().skip_while(|block| is_result(block));
    if after_results.into_iter().any(is_result) {
        blocks.sort_by_key(|block| !is_result(block));
    }
    let has_document = blocks.iter().any(|block| matches!(block, ContentBlock::Document(_)));
    if has_document && !blocks.iter().any(|block| matches!(block, ContentBlock::Text(_))) {
        blocks.push(ContentBlock::Text(BESIDE_DOCUMENT));
    }
}

fn count(so_far: &mut usize, max: usize, what: &str, at: At) -> Result<(), ApiError> {
    *so_far = so_far.saturating_add(1);
    if *so_far > max {
        return Err(wrong(at.path(""), format!("A request holds at most {max} {what}.")));
    }
    Ok(())
}

/// As much of a name that the client chose as is worth quoting.
fn shown(name: &str) -> &str {
    name.get(..name.floor_char_boundary(64)).unwrap_or(name)
}
