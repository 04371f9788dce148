//! What a request costs before it is sent: reading and mapping a chat of about one kilobyte.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::bedrock::facts;
use proxy::{
    config::{Requests, Thinking},
    mapping::{Options, request::to_converse},
    openai::{ChatRequest, with_model},
};

const MODEL: &str = "amazon.nova-pro-v1:0";

/// A chat with a system prompt, some turns and one tool.
fn body() -> String {
    let turn = "The quick brown fox jumps over the lazy dog, and then it does so once more.";
    let body = format!(
        r#"{{"model":"{MODEL}","temperature":0.3,"max_tokens":256,"stream":true,"messages":[
        {{"role":"system","content":"You are a helpful assistant. {turn}"}},
        {{"role":"user","content":"{turn} {turn}"}},
        {{"role":"assistant","content":"{turn}"}},
        {{"role":"user","content":[{{"type":"text","text":"What is the weather in Rome? {turn}"}}]}}],
        "tools":[{{"type":"function","function":{{"name":"get_weather","description":"Weather of a city.",
        "parameters":{{"type":"object","properties":{{"city":{{"type":"string"}}}},"required":["city"]}}}}}}]}}"#
    );
    assert!((900..1200).contains(&body.len()), "{} bytes", body.len());
    body
}

fn mapping(criterion: &mut Criterion) {
    let body = body();
    let limits = Requests {
        max_body_bytes: 1 << 20,
        max_messages: 2048,
        max_tools: 128,
        default_max_tokens: 4096,
        strict_params: false,
        thinking: Thinking::Keep,
        allow_raw_models: false,
    };
    let options =
        Options { strict_params: false, default_max_tokens: 4096, thinking: Thinking::Keep, guardrail: None };
    let parse = || ChatRequest::parse(black_box(body.as_bytes()), &limits).unwrap();
    let mut group = criterion.benchmark_group("request");
    group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap()));
    group.bench_function("parse", |bencher| bencher.iter(|| parse().messages.len()));
    group.bench_function("estimate", |bencher| {
        let request = parse();
        bencher.iter(|| black_box(&request).estimate());
    });
    group.bench_function("parse and map", |bencher| {
        bencher.iter(|| to_converse(&parse(), facts(MODEL), None, &options).unwrap());
    });
    let bytes = bytes::Bytes::from(body.clone());
    group.bench_function("rewrite", |bencher| bencher.iter(|| with_model(&bytes, "gpt-4o", true).unwrap()));
    group.finish();
}

criterion_group!(benches, mapping);
criterion_main!(benches);
