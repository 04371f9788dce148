//! The body for another upstream differs in nothing but what it has to.

use bytes::Bytes;

use crate::openai::with_model;

fn rewritten(body: &str, force_include_usage: bool) -> String {
    let body = with_model(&Bytes::from(body.to_owned()), "gpt-4o", force_include_usage).unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn only_the_model_changes() {
    assert_eq!(
        rewritten(r#"{"seed": 1.50, "model":"a", "x": {"b" : [ 1e5 ,"\u00e4"]}}"#, false),
        r#"{"seed":1.50,"model":"gpt-4o","x":{"b" : [ 1e5 ,"\u00e4"]}}"#
    );
}

#[test]
fn usage_is_asked_for_beside_the_other_options() {
    assert_eq!(
        rewritten(r#"{"model":"a","stream":true}"#, true),
        r#"{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}"#
    );
    assert_eq!(
        rewritten(
            r#"{"stream_options":{"include_obfuscation":false,"include_usage":false},"model":"a"}"#,
            true
        ),
        r#"{"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"gpt-4o"}"#
    );
    assert_eq!(
        rewritten(r#"{"stream_options":null,"model":"a"}"#, true),
        r#"{"stream_options":{"include_usage":true},"model":"gpt-4o"}"#
    );
}

#[test]
fn what_is_no_object_is_refused() {
    assert!(with_model(&Bytes::from_static(b"[]"), "m", false).is_err());
}
