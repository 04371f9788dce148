//! What becomes of OpenAI's answers; how they are asked for is in `wire`.

use super::*;

#[test]
fn a_completion_has_the_requested_name_and_everything_else_as_it_was() {
    let body = br#"{"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"x":1.0}],"usage":{"prompt_tokens":9,"completion_tokens":3},"new":{"a":[1e3]}}"#;
    let envelope = Envelope { id: String::new(), created: 0, model: "gpt-4o".to_owned() };
    let answer = completion(body, &envelope).unwrap();
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        r#"{"id":"chatcmpl-1","model":"gpt-4o","choices":[{"x":1.0}],"usage":{"prompt_tokens":9,"completion_tokens":3},"new":{"a":[1e3]}}"#
    );
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (9, 3));
    for nonsense in [&b"<html>"[..], b"[]", b""] {
        assert_eq!(completion(nonsense, &envelope).unwrap_err().status, StatusCode::BAD_GATEWAY);
    }
}

#[test]
fn a_request_can_be_made_for_another_model() {
    let body =
        br#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"\u00e9"}],"top_p":0.10}"#;
    assert_eq!(
        String::from_utf8(with_model(body, "gpt-4o-mini").unwrap()).unwrap(),
        r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"\u00e9"}],"top_p":0.10}"#
    );
    assert_eq!(with_model(b"[]", "gpt-4o-mini"), None);
}

#[test]
fn waiting_times_are_read_in_both_forms() {
    let headers = |pairs: &[(&'static str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        pairs.collect::<HeaderMap>()
    };
    let wait = |pairs: &[(&'static str, &str)]| waiting_time(&headers(pairs));
    assert_eq!(wait(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
    assert_eq!(wait(&[("retry-after", "3"), ("retry-after-ms", "20")]), Some(Duration::from_millis(20)));
    assert_eq!(wait(&[("retry-after", "9999")]), Some(MAX_WAIT));
    for nonsense in ["-1", "NaN", "1e400", "Wed, 21 Oct 2026 07:28:00 GMT"] {
        assert_eq!(wait(&[("retry-after", nonsense)]), None, "{nonsense}");
    }
}
