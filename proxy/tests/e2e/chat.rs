//! What an ordinary program gets that uses OpenAI's client.

use serde_json::{Value, json};

use crate::rig::{API_KEY, Rig};

const ONE_OF_EACH: &str = include_str!("scripts/chat.py");

#[test]
fn an_ordinary_program_gets_what_openai_would_give() {
    let rig = Rig::start();
    let got = rig.run(ONE_OF_EACH);

    assert_eq!(
        got["chat"],
        json!({
            "object": "chat.completion", "id": "chatcmpl-", "model": "gpt-4o-mini", "role": "assistant",
            "content": "hello there", "finish_reason": "stop",
            "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}, "request_id": true,
        })
    );
    assert_eq!(
        got["stream"],
        json!({
            "content": "one two three", "pieces": 3, "roles": ["assistant"], "finish_reasons": ["stop"], "ids": 1,
            "usages": [8], "choices_beside_the_usage": [], "without": 0,
        })
    );
    let both = json!([["function", "weather", "{\"city\":\"Oslo\"}"], ["function", "now", "{}"]]);
    assert_eq!(
        got["tools"],
        json!({
            "calls": both, "content": null, "finish_reason": "tool_calls", "again": "result of weather result of now",
            "named": [["function", "weather", "{\"city\":\"text\"}"]], "required": 1, "none": [], "single": 1,
        })
    );
    assert_eq!(
        got["streamed_tools"],
        json!({
            "order": [[0, "weather", true], [1, "now", true]], "arguments": [{"city": "Oslo"}, {}],
            "reasons": ["tool_calls"],
        })
    );
    let person = json!({"name": "text", "age": 1});
    assert_eq!(
        got["structured"],
        json!({
            "whole": person, "calls": [], "finish_reason": "stop", "streamed": person, "streamed_reason": "stop",
        })
    );
    assert_eq!(got["reasoning"], json!({"content": "hello", "reasoned": true}));
    assert_eq!(
        got["embeddings"],
        json!({
            "object": "list", "model": "text-embedding-3-small", "indices": [0, 1], "dimensions": [256, 256, 256],
            "same": true, "other": true, "tokens": [2, 4],
        })
    );
    let models = &got["models"];
    assert_eq!(models["ids"], json!(["gpt-4o", "gpt-4o-mini", "nova-2-lite", "text-embedding-3-small"]));
    assert_eq!((&models["objects"], &models["one"]), (&json!(["model"]), &json!("gpt-4o")));
    assert_eq!(
        (&models["unknown"]["class"], &models["unknown"]["code"]),
        (&json!("NotFoundError"), &json!("model_not_found"))
    );
}

#[test]
fn an_api_key_and_a_token_from_the_token_endpoint_are_as_good() {
    let rig = Rig::start();
    let script = "
import base64, urllib.parse, urllib.request
endpoint, client_id, secret = sys.argv[1:]
request = urllib.request.Request(endpoint, urllib.parse.urlencode({'grant_type': 'client_credentials'}).encode())
request.add_header('Authorization', 'Basic ' + base64.b64encode(f'{client_id}:{secret}'.encode()).decode())
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
    token = json.load(answer)['access_token']
print(json.dumps([len(list(connect(api_key=key).models.list())) for key in (token, 'practice')]))
";
    assert_eq!(API_KEY, "practice");
    let client = &rig.issuer.clients()[0];
    let seen = rig.openai().run(script, &[&rig.issuer.token_endpoint(), &client.id, &client.secret]);
    assert_eq!(seen, json!([4, 4]));
}

#[test]
fn the_address_of_the_archived_gateway_still_works() {
    let rig = Rig::start();
    let script = "
old = connect(base_url=sys.argv[1])
answer = old.chat.completions.create(model='gpt-4o', messages=[{'role': 'user', 'content': 'hello'}])
print(json.dumps([answer.choices[0].message.content, len(list(old.models.list()))]))
";
    let seen = rig.openai().run(script, &[&rig.url("/api/v1")]);
    assert_eq!(seen, json!(["hello", 4]));
}

#[test]
fn what_has_no_effect_is_named_and_refused_when_asked() {
    let body = |more: Value| {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]});
        for (name, value) in more.as_object().unwrap() {
            body[name.as_str()] = value.clone();
        }
        body
    };
    let ignored = body(json!({"seed": 7, "logit_bias": {"1": 2}}));
    let mut rig = Rig::start();
    let reply = rig.post("/v1/chat/completions", &ignored).reply();
    assert_eq!(reply.status, 200, "{}", reply.body);
    let named = reply.header("x-ignored-params").unwrap_or_default().to_owned();
    assert!(named.contains("seed") && named.contains("logit_bias"), "{named:?}");

    rig.reconfigure(|config| config["requests"] = json!({"strict_params": true}));
    let refused = crate::rig::until("the new configuration holds", || {
        let reply = rig.post("/v1/chat/completions", &ignored).reply();
        (reply.status == 400).then_some(reply)
    });
    refused.error_code();
    assert_eq!(rig.post("/v1/chat/completions", &body(json!({}))).reply().status, 200);
}
