//! What the practice upstream says, read by the same code that reads Bedrock's answers.

use proptest::prelude::*;

use super::*;
use crate::{
    config::testing::target,
    mapping::{
        Envelope, Progress, ReplyShape, Translate, response::to_completion, stream::ConverseTranslator,
    },
};

async fn ask(operation: Operation, request: &Value) -> Result<Vec<u8>, Refusal> {
    let target = target("practice", "amazon.nova-lite-v1:0");
    let body = Bytes::from(request.to_string());
    let call = Call { target: &target, operation, body, first_byte: std::time::Duration::from_secs(1) };
    let reply = Practice.send(&call).await?;
    assert!(reply.request_id.unwrap().starts_with("practice-"));
    Ok(reply.body.collect().await.unwrap().to_bytes().to_vec())
}

fn envelope() -> Envelope {
    Envelope { id: "chatcmpl-1".to_owned(), created: 1, model: "gpt-4o".to_owned() }
}

/// The completion that a client would get.
async fn completion(request: &Value) -> Value {
    let body = ask(Operation::Chat, request).await.unwrap();
    let answer = to_completion(&body, &ReplyShape::default(), &envelope()).unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": [{"text": text}]}])
}

fn tools(choice: &Value) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}, "unit": {"enum": ["C"]}},
        "required": ["city", "days", "unit"],
    });
    json!({
        "tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": schema}}}],
        "toolChoice": choice,
    })
}

#[tokio::test]
async fn it_repeats_the_question() {
    let answer = completion(&json!({"messages": user("What is  up?")})).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], "This is a practice answer. You said: What is up?");
    assert_eq!(choice["finish_reason"], "stop");
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() > 2);
}

#[tokio::test]
async fn it_keeps_to_the_number_of_tokens() {
    let request = json!({"messages": user("What is up?"), "inferenceConfig": {"maxTokens": 2}});
    let answer = completion(&request).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "This is ");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn it_calls_a_tool_that_is_forced_or_named_and_then_tells_its_result() {
    for (choice, text) in [
        (json!({"tool": {"name": "get_weather"}}), "Hello"),
        (json!({"any": {}}), "Hello"),
        (json!({"auto": {}}), "Please use get_weather."),
    ] {
        let answer = completion(&json!({"messages": user(text), "toolConfig": tools(&choice)})).await;
        let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call["name"], "get_weather");
        assert_eq!(call["arguments"], r#"{"city":"practice","days":2,"unit":"C"}"#);
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    }
    let auto = json!({"auto": {}});
    let answer = completion(&json!({"messages": user("Hello"), "toolConfig": tools(&auto)})).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let result = json!([{"role": "user", "content": [
        {"toolResult": {"toolUseId": "t", "content": [{"text": "21 degrees"}]}},
    ]}]);
    let answer = completion(&json!({"messages": result, "toolConfig": tools(&json!({"any": {}}))})).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "This is a practice answer. The tools said: 21 degrees"
    );
}

#[tokio::test]
async fn a_conversation_without_messages_is_refused_as_bedrock_does() {
    let refusal = ask(Operation::Chat, &json!({"messages": []})).await.unwrap_err();
    assert_eq!(refusal.error.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn embeddings_have_the_length_that_is_asked_for_and_depend_on_the_text() {
    let embed = async |request: Value| -> Value {
        serde_json::from_slice(&ask(Operation::Embeddings, &request).await.unwrap()).unwrap()
    };
    let titan = embed(json!({"inputText": "a", "dimensions": 256})).await;
    assert_eq!(titan["embedding"].as_array().unwrap().len(), 256);
    assert_eq!(titan, embed(json!({"inputText": "a", "dimensions": 256})).await);
    assert_ne!(titan, embed(json!({"inputText": "b", "dimensions": 256})).await);
    let parts = titan["embedding"].as_array().unwrap().iter().map(|part| part.as_f64().unwrap());
    assert!((parts.map(|part| part * part).sum::<f64>() - 1.0).abs() < 1e-3);
    let nova = json!({
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {"embeddingDimension": 384, "text": {"truncationMode": "NONE", "value": "a"}},
    });
    assert_eq!(embed(nova).await["embeddings"][0]["embedding"].as_array().unwrap().len(), 384);
}

/// JSON of a modest size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z$]{0,10}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof![
            Just("type".to_owned()),
            Just("required".to_owned()),
            Just("properties".to_owned()),
            Just("$ref".to_owned()),
            Just("anyOf".to_owned()),
            Just("minItems".to_owned()),
            Just("maxLength".to_owned()),
            "[a-z]{1,5}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// The stream says the same as the whole answer, and both are well formed.
    #[test]
    fn stream_and_answer_agree(text in "\\PC{0,80}", schema in any_json(), forced in any::<bool>(), max in prop::option::of(1_u64..40)) {
        let mut request = json!({"messages": user(&text)});
        if forced {
            request["toolConfig"] = json!({
                "tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": schema}}}],
                "toolChoice": {"tool": {"name": "t"}},
            });
        }
        if let Some(max) = max {
            request["inferenceConfig"] = json!({"maxTokens": max});
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (whole, frames) = runtime.block_on(async {
            (completion(&request).await, ask(Operation::ChatStream, &request).await.unwrap())
        });
        let mut translator = ConverseTranslator::new(ReplyShape::default(), &envelope());
        let mut out = Vec::new();
        prop_assert_eq!(translator.push(&frames, &mut out), Progress::Complete);
        let (mut said, mut arguments) = (String::new(), String::new());
        for line in String::from_utf8(out).unwrap().lines().filter_map(|line| line.strip_prefix("data: {")) {
            let chunk: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
            let delta = &chunk["choices"][0]["delta"];
            said.push_str(delta["content"].as_str().unwrap_or_default());
            arguments.push_str(delta["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default());
        }
        let message = &whole["choices"][0]["message"];
        prop_assert_eq!(said, message["content"].as_str().unwrap_or_default());
        let expected = &message["tool_calls"][0]["function"]["arguments"];
        prop_assert_eq!(arguments, expected.as_str().unwrap_or_default());
    }

    /// No request makes it panic.
    #[test]
    fn nonsense_is_survived(request in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for operation in [Operation::Chat, Operation::ChatStream, Operation::Embeddings] {
            let _ = runtime.block_on(ask(operation, &request));
        }
    }
}
