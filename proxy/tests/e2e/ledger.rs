//! What a caller used is written down, however the request ended.

use std::time::Duration;

use cloud_loopback::{Fault, Script};
use serde_json::{Value, json};

use crate::rig::{NOVA, Rig, until};

/// The row of the issuer's first client, once `requests` of its requests are there.
fn row(rig: &Rig, requests: u64) -> Value {
    let caller = format!("sub:{}", rig.issuer.clients()[0].id);
    until("the ledger has the requests", || {
        let usage = rig.usage("user");

        let rows = usage["rows"].as_array().unwrap_or_else(|| panic!("no rows: {usage}"));
        rows.iter().find(|row| row["key"] == caller.as_str() && row["requests"] == requests).cloned()
    })
}

#[test]
fn a_client_that_leaves_in_a_stream_is_in_the_ledger() {
    let rig = Rig::start();
    rig.bedrock.script(Script::paced(500, Duration::from_millis(20)).only_for(NOVA));
    let script = "
stream = client.chat.completions.create(model='gpt-4o-mini', stream=True,
                                        messages=[{'role': 'user', 'content': 'hello'}])
seen = [chunk.choices[0].delta.content for chunk, _ in zip(stream, range(5))]
stream.close()
print(json.dumps(len(seen)))
";
    assert_eq!(rig.run(script), 5);
    until("the proxy lets Bedrock go", || (rig.bedrock.abandoned_streams() == 1).then_some(()));
    let row = row(&rig, 1);
    assert_eq!((&row["abandoned"], &row["estimated"]), (&json!(1), &json!(1)), "{row}");
    assert!(row["output_tokens"].as_u64().is_some_and(|tokens| (1..500).contains(&tokens)), "{row}");
}

#[test]
fn usage_adds_up_over_all_ways_to_end() {
    let rig = Rig::start();
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]});
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    for body in [&body, &streamed, &streamed] {
        assert_eq!(rig.post("/v1/chat/completions", body).reply().status, 200);
    }
    let embedding = json!({"model": "text-embedding-3-small", "input": "hello"});
    assert_eq!(rig.post("/v1/embeddings", &embedding).reply().status, 200);
    rig.bedrock.script(Script::fault(Fault::Eof { after: 1 }));
    assert_eq!(rig.post("/v1/chat/completions", &streamed).reply().status, 200);

    let row = row(&rig, 5);
    assert_eq!((&row["failed"], &row["abandoned"]), (&json!(1), &json!(0)), "{row}");
    // "hello" is two tokens each way in the small Bedrock; nobody knows what the broken stream cost.
    assert!(row["input_tokens"].as_u64().is_some_and(|tokens| tokens >= 8), "{row}");
    assert!(row["output_tokens"].as_u64().is_some_and(|tokens| tokens >= 6), "{row}");
    let models = rig.usage("model");
    let keys: Vec<&Value> = models["rows"].as_array().unwrap().iter().map(|row| &row["key"]).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
}
