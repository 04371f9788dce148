//! The small Bedrock is judged by AWS's own client: what that understands is what the real service would have said.

use std::time::{Duration, Instant};

use cloud_loopback::{Bedrock, BedrockOptions, Fast, Script};
use serde_json::{Value, json};
use test_support::{environment, python};

const BOTOCORE: &str = include_str!("botocore.py");
const START: [&str; 2] = ["messageStart", "contentBlockDelta"];
const WHOLE: [&str; 7] = [
    "messageStart",
    "contentBlockDelta",
    "contentBlockDelta",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

fn ask(bedrock: &Bedrock, script: &str) -> Value {
    python("boto3", script, &[&bedrock.url()], &environment(&bedrock.url()))
}

#[test]
fn the_client_of_aws_understands_it() {
    let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
    let understood = ask(&bedrock, BOTOCORE);

    assert_eq!(understood["text"], "hello there");
    assert_eq!(understood["stop_reason"], "end_turn");
    assert_eq!(understood["usage"], json!({"inputTokens": 3, "outputTokens": 3, "totalTokens": 6}));
    assert_eq!(understood["calls"], json!([["now", {}], ["weather", {"city": "Oslo"}]]));
    assert_eq!(understood["blocks_of_a_thought"], json!(["reasoningContent", "text"]));
    assert_eq!(
        understood["cached"],
        json!([
            "cacheReadInputTokens",
            "cacheWriteInputTokens",
            "inputTokens",
            "outputTokens",
            "totalTokens"
        ])
    );
    assert_eq!(understood["dimensions"], 256);

    assert_eq!(
        understood["frames"],
        json!([
            "messageStart",
            "contentBlockDelta",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ])
    );
    assert_eq!(understood["stream"], json!([WHOLE, null]));
    assert_eq!(understood["in_single_bytes"], json!([WHOLE, null]));
    assert_eq!(
        understood["streamed_inputs"],
        json!({"0": "{\"city\":\"Oslo\"}"}),
        "an empty input has no delta"
    );

    let faults = &understood["faults"];
    assert_eq!(faults["exception=throttlingException.1"], json!([START, "throttlingException"]));
    assert_eq!(faults["eof=1"], json!([START, null]), "botocore does not notice, so the proxy has to");
    assert_eq!(faults["cut=1"], json!([START, "connection"]));
    assert_eq!(faults["reset=1"][1], "connection");
    assert_eq!(faults["bad_crc=1"], json!([START, "ChecksumMismatch"]));
    assert_eq!(faults["oversize=1"], json!([START, "InvalidPayloadLength"]));
    assert_eq!(faults["missing_output"], json!([["messageStart", "messageStop", "metadata"], null]));

    assert_eq!(
        understood["refusals"],
        json!([
            [503, "ServiceUnavailableException"],
            [400, "ValidationException"],
            [400, "ValidationException"],
            [429, "ThrottlingException"],
            null,
        ])
    );
    let request = &bedrock.requests()[0];
    assert_eq!(request.path, "/model/us.amazon.nova-2-lite-v1%3A0/converse");
    assert!(request.headers["authorization"].to_str().unwrap().starts_with("AWS4-HMAC-SHA256 "));
    assert_eq!(request.json()["messages"][0]["content"][0]["text"], "hello there");
}

const HURRIED: &str = "
import boto3, json, sys
from botocore.config import Config
runtime = boto3.client('bedrock-runtime', endpoint_url=sys.argv[1], config=Config(proxies={}))
stream = runtime.converse_stream(modelId='amazon.nova-lite-v1:0',
                                 messages=[{'role': 'user', 'content': [{'text': 'hello'}]}])['stream']
names = [name for event, _ in zip(stream, range(3)) for name in event]
stream.close()
print(json.dumps(names))
";

#[test]
fn a_client_that_leaves_is_noticed() {
    let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
    bedrock.script(Script::paced(1000, Duration::from_millis(20)));
    let names = ask(&bedrock, HURRIED);
    assert_eq!(names, json!(["messageStart", "contentBlockDelta", "contentBlockDelta"]));
    let left = Instant::now();
    while bedrock.abandoned_streams() == 0 && left.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((bedrock.abandoned_streams(), bedrock.open_streams()), (1, 0));
}

#[test]
fn a_fast_one_says_the_same_without_reading() {
    let fast = Fast { deltas: 5, between: Duration::ZERO };
    let bedrock = Bedrock::start(&BedrockOptions { fast: Some(fast), ..BedrockOptions::default() }).unwrap();
    let names = ask(&bedrock, &HURRIED.replace("range(3)", "range(99)"));
    let deltas = names.as_array().unwrap().iter().filter(|name| *name == "contentBlockDelta").count();
    assert_eq!(deltas, 5, "{names}");
    assert!(bedrock.requests().is_empty());
}

#[test]
fn it_ends_with_its_value() {
    let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
    let address = bedrock.url().trim_start_matches("http://").to_owned();
    assert!(std::net::TcpStream::connect(&address).is_ok());
    drop(bedrock);
    assert!(std::net::TcpStream::connect(&address).is_err());
}
