//! Streams as OpenAI sends them, cut in every way.

use proptest::prelude::*;

use super::*;

const STREAM: &str = concat!(
    ": a comment\n\n",
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":"Gr\u00fc\u00dfe \"Sie\""},"finish_reason":null}],"usage":null}"#,
    "\r\n\r\n",
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8}}}"#,
    "\n\ndata: [DONE]\n\n",
);

fn envelope() -> Envelope {
    Envelope { id: "chatcmpl-ours".to_owned(), created: 2, model: "gpt-\"4o\"".to_owned() }
}

/// What the client gets of these pieces, and how it ends.
fn translate<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    include_usage: bool,
) -> (String, Progress, OpenAiTranslator) {
    let mut translator = OpenAiTranslator::new(&envelope(), include_usage);
    let mut out = Vec::new();
    for piece in pieces {
        let progress = translator.push(piece, &mut out);
        if progress != Progress::Open {
            return (String::from_utf8(out).unwrap(), progress, translator);
        }
    }
    let progress = translator.end(&mut out);
    (String::from_utf8(out).unwrap(), progress, translator)
}

fn whole(text: &str, include_usage: bool) -> (String, Progress, OpenAiTranslator) {
    translate(std::iter::once(text.as_bytes()), include_usage)
}

#[test]
fn chunks_carry_the_requested_name_and_no_usage_that_nobody_asked_for() {
    let (out, progress, translator) = whole(STREAM, false);
    assert_eq!(progress, Progress::Complete);
    insta::assert_snapshot!(out.trim_end(), @r#"
    data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-\"4o\"","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"obfuscation":"x"}

    data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-\"4o\"","choices":[{"index":0,"delta":{"content":"Gr\u00fc\u00dfe \"Sie\""},"finish_reason":null}]}

    data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-\"4o\"","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

    data: [DONE]
    "#);
    let usage = Usage { input_tokens: 12, output_tokens: 5, cache_read_tokens: 8, cache_write_tokens: 0 };
    assert_eq!(translator.usage(), Some(usage));
    assert_eq!(translator.characters(), 11);
}

#[test]
fn who_asks_for_the_usage_gets_it() {
    let (out, _, _) = whole(STREAM, true);
    assert_eq!(out.matches(r#""usage":null"#).count(), 3);
    assert!(out.contains(r#""choices":[],"usage":{"prompt_tokens":20,"#), "{out}");
}

#[test]
fn a_stream_without_done_is_a_failure() {
    let cut = STREAM.replace("data: [DONE]\n\n", "");
    let (out, progress, translator) = whole(&cut, false);
    assert!(matches!(progress, Progress::Failed(_)));
    assert!(out.ends_with("\"code\":\"stream_error\"}}\n\n"), "{out}");
    assert!(!out.contains("[DONE]"));
    assert!(translator.usage().is_some(), "what was used was used");
}

#[test]
fn errors_in_the_stream_are_passed_on() {
    for (event, code) in [
        (
            r#"data: {"error":{"message":"Too busy","type":"server_error","code":"busy","param":null}}"#,
            "busy",
        ),
        ("data: <html>", "stream_error"),
        ("data: [1]", "stream_error"),
    ] {
        let (out, progress, _) = whole(&format!("{event}\n\ndata: [DONE]\n\n"), false);
        let Progress::Failed(error) = progress else { panic!("{event}") };
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(!out.contains("[DONE]"), "{out}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However the bytes are cut, the client gets the same ones.
    #[test]
    fn cuts_do_not_matter(sizes in prop::collection::vec(1_usize..120, 1..40), include_usage in any::<bool>()) {
        let (mut rest, mut sizes) = (STREAM.as_bytes(), sizes.into_iter().cycle());
        let pieces = std::iter::from_fn(|| {
            let (piece, after) = rest.split_at(sizes.next()?.min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        let (out, progress, _) = translate(pieces, include_usage);
        prop_assert_eq!(progress, Progress::Complete);
        prop_assert_eq!(out, whole(STREAM, include_usage).0);
    }

    /// No bytes make it panic, and without `[DONE]` no stream looks complete.
    #[test]
    fn nonsense_is_never_complete(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let mut translator = OpenAiTranslator::new(&envelope(), true);
        let mut out = Vec::new();
        let progress = translator.push(&bytes, &mut out);
        prop_assert_ne!(progress, Progress::Complete);
        prop_assert!(matches!(translator.end(&mut out), Progress::Failed(_)));
    }
}
