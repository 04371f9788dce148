//! What holds for every stream, however it was cut, damaged or ended.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::{Map, Value, json};

use crate::{
    config::Thinking,
    mapping::{
        Progress, ReplyShape,
        response::to_completion,
        testing::{
            Translated, block_stop, envelope, event, exception, message_start, message_stop, metadata,
            reasoning, text, tool_input, tool_start, translate, usage,
        },
    },
};

/// One block of an answer and the pieces that it comes in.
#[derive(Debug, Clone)]
enum Block {
    Text(Vec<String>),
    Reasoning(Vec<String>),
    /// The name, the arguments if there are any, and where their text is cut.
    Tool(String, Option<Value>, Vec<Index>),
}

/// An answer of a model.
#[derive(Debug, Clone)]
struct Script {
    blocks: Vec<Block>,
    stop_reason: String,
}

impl Script {
    /// The frames up to the one that ends the message, and those behind it.
    fn frames(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut frames = vec![message_start()];
        for (index, block) in (0..).zip(&self.blocks) {
            match block {
                Block::Text(pieces) => frames.extend(pieces.iter().map(|piece| text(index, piece))),
                Block::Reasoning(pieces) => frames.extend(pieces.iter().map(|piece| reasoning(index, piece))),
                Block::Tool(name, input, cuts) => {
                    frames.push(tool_start(index, &format!("id-{index}"), name));
                    let input = input.as_ref().map(Value::to_string).unwrap_or_default();
                    frames.extend(pieces(&input, cuts).iter().map(|piece| tool_input(index, piece)));
                }
            }
            frames.push(event("eventOfNextYear", &json!({"p": "abc"})));
            frames.push(block_stop(index));
        }
        frames.push(message_stop(&self.stop_reason));
        (frames, vec![metadata()])
    }

    /// The same answer, whole.
    fn body(&self) -> Vec<u8> {
        let blocks = (0..).zip(&self.blocks).map(|(index, block): (u32, _)| match block {
            Block::Text(pieces) => json!({"text": pieces.concat()}),
            Block::Reasoning(pieces) => {
                json!({"reasoningContent": {"reasoningText": {"text": pieces.concat()}}})
            }
            Block::Tool(name, input, _) => {
                let input = input.clone().unwrap_or(json!({}));
                json!({"toolUse": {"toolUseId": format!("id-{index}"), "name": name, "input": input}})
            }
        });
        let content: Vec<Value> = blocks.collect();
        json!({
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self.stop_reason,
            "usage": usage()
        })
        .to_string()
        .into_bytes()
    }
}

/// The text, cut between characters.
fn pieces(text: &str, cuts: &[Index]) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    cut(&characters, cuts).into_iter().map(|piece| piece.iter().collect()).collect()
}

/// The slice, cut anywhere.
fn cut<'b, T>(whole: &'b [T], cuts: &[Index]) -> Vec<&'b [T]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| place(*cut, whole.len())).collect();
    places.extend([0, whole.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect()
}

/// A place before, between or behind so many things.
fn place(index: Index, things: usize) -> usize {
    index.index(things.saturating_add(1))
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ a-zäß\"\\\\\n<>]{0,8}",
        1 => prop::sample::select(vec!["<thinking>", "</thinking>", "<thin", "king>", "[REDACTED]", "[RED", "ACTED]"])
            .prop_map(str::to_owned),
        1 => Just("\n\ndata: [DONE]\n\n".to_owned()),
    ]
}

fn input() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "[ a-zé\"\\\\]{0,6}".prop_map(Value::from),
        Just(Value::Null)
    ];
    prop::collection::btree_map("[a-z ]{1,4}", leaf, 0..3)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn block() -> impl Strategy<Value = Block> {
    let name = prop::sample::select(vec!["weather", "time_1a2b", "json_answer"]).prop_map(str::to_owned);
    prop_oneof![
        vec(piece(), 0..5).prop_map(Block::Text),
        vec(piece(), 0..4).prop_map(Block::Reasoning),
        (name, option::of(input()), vec(any::<Index>(), 0..4))
            .prop_map(|(name, input, cuts)| Block::Tool(name, input, cuts)),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let reasons = vec![
        "end_turn",
        "stop_sequence",
        "tool_use",
        "max_tokens",
        "model_context_window_exceeded",
        "content_filtered",
        "guardrail_intervened",
        "reason_of_next_year",
    ];
    (vec(block(), 0..5), prop::sample::select(reasons))
        .prop_map(|(blocks, reason)| Script { blocks, stop_reason: reason.to_owned() })
}

fn shape() -> impl Strategy<Value = ReplyShape> {
    let thinking = prop::sample::select(vec![Thinking::Keep, Thinking::Split, Thinking::Drop]);
    (thinking, any::<[bool; 5]>()).prop_map(|(thinking, [json, single, hide, legacy, include_usage])| {
        ReplyShape {
            tool_names: vec![("time_1a2b".to_owned(), "time.now".to_owned())],
            forced_json_tool: json.then(|| "json_answer".to_owned()),
            single_tool_call: single,
            hide_tool_calls: hide,
            legacy_function_call: legacy,
            thinking,
            include_usage,
        }
    })
}

/// The message that a client puts together from the chunks, as it would have been in a completion.
fn assembled(translated: &Translated) -> Value {
    let (mut content, mut reasoning) = (String::new(), String::new());
    let mut calls: BTreeMap<u64, (Value, String, String)> = BTreeMap::new();
    let mut function: Option<(String, String)> = None;
    let mut finish = Value::Null;
    for event in translated.events().iter().filter(|event| **event != "[DONE]") {
        let chunk: Value = serde_json::from_str(event).unwrap();
        let Some(choice) = chunk["choices"].get(0) else { continue };
        let delta = &choice["delta"];
        content.push_str(delta["content"].as_str().unwrap_or_default());
        reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let entry = calls.entry(call["index"].as_u64().unwrap()).or_default();
            if let Some(name) = call["function"]["name"].as_str() {
                (entry.0, entry.1) = (call["id"].clone(), name.to_owned());
            }
            entry.2.push_str(call["function"]["arguments"].as_str().unwrap());
        }
        if let Some(call) = delta.get("function_call") {
            let entry = function.get_or_insert_default();
            entry.0.push_str(call["name"].as_str().unwrap_or_default());
            entry.1.push_str(call["arguments"].as_str().unwrap());
        }
        if !choice["finish_reason"].is_null() {
            finish = choice["finish_reason"].clone();
        }
    }
    let mut message = json!({"role": "assistant", "refusal": null});
    let none = content.is_empty() && (!calls.is_empty() || function.is_some());
    message["content"] = if none { Value::Null } else { content.into() };
    if !reasoning.is_empty() {
        message["reasoning_content"] = reasoning.into();
    }
    if let Some((name, arguments)) = function {
        message["function_call"] = json!({"name": name, "arguments": arguments});
    }
    if !calls.is_empty() {
        let calls = calls.into_values().map(
            |(id, name, arguments)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}),
        );
        message["tool_calls"] = calls.collect();
    }
    json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Feature: aws-ec2-production-deployment, law: any split of the upstream bytes gives the same SSE.
    #[test]
    fn any_split_gives_the_same(
        script in script(), shape in shape(), broken in option::of(any::<Index>()), cuts in vec(any::<Index>(), 0..40)
    ) {
        let (mut frames, behind) = script.frames();
        frames.extend(behind);
        if let Some(index) = broken {
            frames.insert(place(index, frames.len()), exception("modelStreamErrorException", "It broke."));
        }
        let bytes = frames.concat();
        let whole = translate(&shape, [bytes.as_slice()]);
        prop_assert_eq!(&translate(&shape, cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&translate(&shape, bytes.chunks(1)), &whole);
        prop_assert_eq!(&translate(&shape, frames.iter().map(Vec::as_slice)), &whole);
    }

    /// Feature: aws-ec2-production-deployment, law: a stream says what the completion would have said.
    #[test]
    fn a_stream_and_a_completion_say_the_same(script in script(), shape in shape()) {
        let (frames, behind) = script.frames();
        let translated = translate(&shape, frames.iter().chain(&behind).map(Vec::as_slice));
        prop_assert_eq!(&translated.progress, &Progress::Complete);
        let answer = to_completion(&script.body(), &shape, &envelope()).unwrap();
        let completion: Value = serde_json::from_slice(&answer.body).unwrap();
        prop_assert_eq!(&assembled(&translated), &completion["choices"][0]);
        let events = translated.events();
        let last: Value = serde_json::from_str(events.iter().nth_back(1).unwrap()).unwrap();
        if shape.include_usage {
            prop_assert_eq!(&last["usage"], &completion["usage"]);
        } else {
            prop_assert!(last.get("usage").is_none());
        }
    }

    /// Feature: aws-ec2-production-deployment, law: the arguments of every call in a complete stream are JSON.
    #[test]
    fn arguments_are_json(script in script(), shape in shape()) {
        let (frames, _) = script.frames();
        let choice = assembled(&translate(&shape, frames.iter().map(Vec::as_slice)));
        for call in choice["message"]["tool_calls"].as_array().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().unwrap();
            prop_assert!(serde_json::from_str::<Map<_, _>>(arguments).is_ok(), "{}", arguments);
        }
    }

    /// Feature: aws-ec2-production-deployment, law: no damaged byte goes unnoticed.
    #[test]
    fn a_damaged_byte_breaks_the_stream(
        script in script(), shape in shape(), place in any::<Index>(), change in 1_u8.., cuts in vec(any::<Index>(), 0..4)
    ) {
        let (mut frames, behind) = script.frames();
        frames.extend(behind);
        let mut bytes = frames.concat();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        let translated = translate(&shape, cut(&bytes, &cuts));
        prop_assert!(translated.failed() && !translated.is_done(), "{:?}", translated);
    }

    /// Feature: aws-ec2-production-deployment, law: a stream that ends early never says that it is done.
    #[test]
    fn the_end_before_the_message_has_ended_is_a_failure(
        script in script(), shape in shape(), end in any::<Index>()
    ) {
        let (frames, behind) = script.frames();
        let ended = frames.concat().len();
        let bytes = frames.iter().chain(&behind).flatten().copied().collect::<Vec<u8>>();
        let end = end.index(bytes.len());
        let translated = translate(&shape, [&bytes[..end]]);
        prop_assert_eq!(translated.is_done(), end >= ended);
        prop_assert_eq!(translated.failed(), end < ended);
    }

    /// Feature: aws-ec2-production-deployment, law: `[DONE]` is said once, last, and only of a complete answer.
    #[test]
    fn done_is_said_of_complete_answers_alone(
        events in vec(
            prop_oneof![
                Just(message_start()), piece().prop_map(|piece| text(0, &piece)), Just(tool_start(1, "t", "weather")),
                Just(tool_input(1, "{}")), Just(block_stop(1)), Just(message_stop("end_turn")),
                Just(message_stop("malformed_model_output")), Just(metadata()),
                Just(exception("throttlingException", "Slow down.")), vec(any::<u8>(), 0..20),
            ],
            0..8,
        ),
        shape in shape(),
    ) {
        let translated = translate(&shape, events.iter().map(Vec::as_slice));
        let events = translated.events();
        let complete = translated.progress == Progress::Complete;
        prop_assert_eq!(events.iter().filter(|event| **event == "[DONE]").count(), usize::from(complete));
        prop_assert_eq!(events.last() == Some(&"[DONE]"), complete);
        prop_assert_eq!(events.last().is_some_and(|event| event.starts_with(r#"{"error":"#)), translated.failed());
        prop_assert_ne!(translated.progress, Progress::Open);
    }
}
