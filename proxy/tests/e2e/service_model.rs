//! What goes to Bedrock is judged by AWS's own description of the service, shape by shape.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::{environment, python};

use crate::rig::Rig;

const JUDGE: &str = include_str!("scripts/service_model.py");

/// The examples of requests that clients send, by name.
fn examples() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/requests");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let example = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            found.push((path.file_stem().unwrap().to_string_lossy().into_owned(), example));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(!found.is_empty(), "no examples in {}", folder.display());
    found
}

/// The request in an example: the example itself, or its member `request`.
fn request(example: &Value) -> &Value {
    example.get("request").unwrap_or(example)
}

#[test]
fn what_is_sent_fits_the_description_of_the_service() {
    let examples = examples();
    let rig = Rig::with(|config| {
        // Examples may name models as Bedrock does, and any name that OpenAI knows.
        config["requests"] = json!({"allow_raw_models": true});
        for (_, example) in &examples {
            if let Some(name) = request(example).get("model").and_then(Value::as_str)
                && !name.contains('.')
            {
                let models = config["models"].as_object_mut().unwrap();
                models.entry(name).or_insert_with(|| json!("us.amazon.nova-2-lite-v1:0"));
            }
        }
    });
    let mut judged = Vec::new();
    for (name, example) in &examples {
        let before = rig.bedrock.requests().len();
        let path =
            if request(example).get("input").is_some() { "/v1/embeddings" } else { "/v1/chat/completions" };
        let reply = rig.post(path, request(example)).reply();
        for sent in rig.bedrock.requests().drain(before..) {
            let (path, body) = (sent.path.clone(), sent.json());
            judged.push(
                json!({"name": name, "path": path, "body": body, "status": reply.status, "said": reply.body}),
            );
        }
        assert!(reply.status < 500, "{name}: {}", reply.body);
    }
    assert!(!judged.is_empty(), "no example reached Bedrock");
    assert_eq!(judge(judged), [""; 0], "the description of the service says otherwise");
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let cases = [
        (json!({"messages": [{"role": "user", "content": [{"text": "a"}]}]}), ""),
        (json!({"messages": [{"role": "nobody", "content": [{"text": "a"}]}]}), "messages[0].role"),
        (
            json!({"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]}),
            "messages[0].content[0]",
        ),
        (json!({"messages": [{"role": "user", "content": [{"txt": "a"}]}]}), "messages[0].content[0].txt"),
        (json!({"messages": [{"content": []}]}), "messages[0].role"),
        (json!({"what": 1}), "what"),
        (json!({"inferenceConfig": {"maxTokens": 0}}), "inferenceConfig.maxTokens"),
        (json!({"inferenceConfig": {"temperature": 2.0}}), "inferenceConfig.temperature"),
        (json!({"inferenceConfig": {"temperature": "1"}}), "inferenceConfig.temperature"),
        (json!({"toolConfig": {"tools": []}}), "toolConfig.tools"),
        (
            json!({"toolConfig": {"tools": [{"toolSpec": {"name": "a b", "inputSchema": {"json": {}}}}]}}),
            "toolConfig.tools[0].toolSpec.name",
        ),
        (json!({"requestMetadata": {"a": "ü"}}), "requestMetadata.a"),
    ];
    let judged: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(at, (body, _))| {
            json!({"name": format!("case {at}"), "path": "/model/a.b/converse", "body": body, "status": 200, "said": ""})
        })
        .collect();
    let faults = judge(judged);
    for (at, (body, place)) in cases.iter().enumerate() {
        let own = format!("case {at}: ");
        let own: Vec<&String> = faults.iter().filter(|fault| fault.starts_with(&own)).collect();
        let found = own.iter().any(|fault| fault.contains(&format!(" {place}: ")));
        assert_eq!(found, !place.is_empty(), "{body}: {own:?}");
        assert_eq!(own.is_empty(), place.is_empty(), "{body}: {own:?}");
    }
}

/// What AWS's description has against these requests.
fn judge(requests: Vec<Value>) -> Vec<String> {
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(list.path(), Value::Array(requests).to_string()).unwrap();
    let file = list.path().to_string_lossy().into_owned();
    serde_json::from_value(python("botocore", JUDGE, &[&file], &environment(""))).unwrap()
}
