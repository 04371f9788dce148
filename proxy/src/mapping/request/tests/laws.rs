//! What holds for every request.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MODELS, mapped};

/// Texts, many of them blank.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just(" \n\u{a0}".to_owned()), "\\PC{1,12}"]
}

fn content() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        proptest::collection::vec(text().prop_map(|text| json!({"type": "text", "text": text})), 0..3)
            .prop_map(Value::from),
    ]
}

/// A message, or a call with its result, under ids and names that may be outside the grammar.
fn exchange() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        content().prop_map(|content| vec![json!({"role": "user", "content": content})]),
        content().prop_map(|content| vec![json!({"role": "assistant", "content": content})]),
        content().prop_map(|content| vec![json!({"role": "system", "content": content})]),
        content().prop_map(|content| vec![json!({"role": "developer", "content": content})]),
        ("\\PC{1,70}", "\\PC{1,70}", content()).prop_map(|(id, name, content)| vec![
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
            ]}),
            json!({"role": "tool", "tool_call_id": id, "content": content}),
        ]),
    ]
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn turns_alternate_from_the_user_on_and_no_text_is_blank(
        exchanges in proptest::collection::vec(exchange(), 1..12),
        model in prop::sample::select(MODELS),
    ) {
        let request = json!({"model": model, "messages": exchanges.concat()});
        match mapped(&request) {
            Ok((converse, _)) => {
                let turns = converse["messages"].as_array().unwrap();
                for (index, turn) in turns.iter().enumerate() {
                    prop_assert_eq!(&turn["role"], if index % 2 == 0 { "user" } else { "assistant" });
                    let blocks = turn["content"].as_array().unwrap();
                    prop_assert!(!blocks.is_empty());
                    let results = blocks.iter().flat_map(|block| {
                        block["toolResult"]["content"].as_array().cloned().unwrap_or_default()
                    });
                    for block in blocks.iter().cloned().chain(results) {
                        prop_assert!(block["text"].as_str().is_none_or(|text| !text.trim().is_empty()));
                    }
                }
                for block in converse["system"].as_array().into_iter().flatten() {
                    prop_assert!(!block["text"].as_str().unwrap().trim().is_empty());
                }
                let has_calls = converse["messages"].to_string().contains("\"toolUse\":");
                prop_assert!(!has_calls || converse["toolConfig"]["tools"][0]["toolSpec"].is_object());
            }
            Err(error) => prop_assert_eq!(error.param.as_deref(), Some("messages"), "{}", error.message),
        }
    }

    #[test]
    fn every_name_of_a_tool_is_within_the_grammar_and_maps_back(
        names in proptest::collection::hash_set("[a-z._-]{1,6}|[a-z]{60,70}|\\PC{1,70}", 1..8),
        model in prop::sample::select(MODELS),
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let tools: Vec<Value> =
            names.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect();
        let request = json!({
            "model": model,
            "tools": tools,
            "tool_choice": {"type": "function", "function": {"name": names[0]}},
            "messages": [{"role": "user", "content": "x"}],
        });
        let (converse, prepared) = mapped(&request).unwrap();
        let back = |sent: &str| {
            let changed = prepared.shape.tool_names.iter().find(|(alias, _)| alias == sent);
            changed.map_or(sent.to_owned(), |(_, name)| name.clone())
        };
        let specs = converse["toolConfig"]["tools"].as_array().unwrap();
        for (spec, name) in specs.iter().zip(&names) {
            let sent = spec["toolSpec"]["name"].as_str().unwrap();
            prop_assert!(is_name(sent), "{sent}");
            prop_assert_eq!(&back(sent), name);
        }
        let chosen = converse["toolConfig"]["toolChoice"]["tool"]["name"].as_str().unwrap();
        prop_assert_eq!(&back(chosen), &names[0]);
    }

    #[test]
    fn arguments_become_an_object_or_are_refused_by_their_path(
        arguments in prop_oneof![
            "\\PC{0,20}",
            "[\\[\\]{}:,\" 0-9a-z\\\\]{0,20}",
            Just("{}".to_owned()), Just(" {\"a\": [1, {}]} ".to_owned()), Just("null".to_owned()),
            Just("{\"a\":1} x".to_owned()), Just("{\"a\":\"\\ud800\"}".to_owned()), Just("[]".to_owned()),
        ]
    ) {
        let request = json!({"model": MODELS[0], "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": arguments}},
            ]},
        ]});
        match mapped(&request) {
            Ok((converse, _)) => prop_assert!(converse["messages"][1]["content"][1]["toolUse"]["input"].is_object()),
            Err(error) => prop_assert_eq!(
                error.param.as_deref(),
                Some("messages[1].tool_calls[1].function.arguments")
            ),
        }
    }
}
