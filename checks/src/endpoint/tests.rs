//! The checks of an endpoint against a server that does as it should, and against ones that lie, hang, break off or
//! flood. Over real TLS on loopback; the proxy itself is checked from outside, in the tests of the program.

mod liar;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::{Secret, Severity};
use proptest::prelude::*;

use self::liar::{Act, Asked, Liar, chunked, good, json, said};
use super::about::{About, Site};
use super::facts::{End, NoReply, Outcome, Reply};
use super::surroundings::Probe;
use super::{Options, Token, answers, refusals, surroundings};
use crate::CheckResult;
use crate::report::Status;

/// What no output may hold.
const TOKEN: &str = "good-token-that-nobody-may-see";

fn options(liar: &Liar) -> Options {
    let mut manner = super::Manner::new(liar.roots(), liar::now());
    (manner.step, manner.answer) = (Duration::from_secs(2), Duration::from_secs(2));
    Options {
        url: liar.url(),
        manner,
        token: Token::Given(Secret::new(TOKEN.to_owned())),
        models: ["gpt-4o", "gpt-4o-mini"].map(str::to_owned).into(),
        model: None,
        security_log: None,
        backend_ports: Vec::new(),
        is_outside: false,
    }
}

/// The worst that is said with each code.
fn worst(result: &CheckResult) -> BTreeMap<&str, Severity> {
    let mut worst = BTreeMap::new();
    for finding in &result.findings {
        let entry = worst.entry(finding.code.as_str()).or_insert(finding.severity);
        *entry = finding.severity.max(*entry);
    }
    worst
}

/// Asks a server that answers as `act` says, and as it should where that says nothing.
fn asked(act: impl Fn(&Asked) -> Option<Act>) -> CheckResult {
    asked_with(act, |_| ())
}

fn asked_with(act: impl Fn(&Asked) -> Option<Act>, change: impl FnOnce(&mut Options)) -> CheckResult {
    let liar = Liar::new();
    let mut options = options(&liar);
    change(&mut options);
    let began = Instant::now();
    let result = liar
        .while_serving(|asked| act(asked).unwrap_or_else(|| Act::Say(good(asked))), super::check(&options));
    assert!(began.elapsed() < Duration::from_secs(25), "it took {:?}", began.elapsed());
    let all = format!("{result:?}{}", serde_json::to_string(&result).unwrap());
    assert!(!all.contains(TOKEN), "the token is in what is said: {all}");
    result
}

#[test]
fn a_server_that_does_as_it_should_passes_everything() {
    let result = asked(|_| None);
    let skipped = ["SRE-EP-015", "SRE-EP-017"];
    for (code, severity) in worst(&result) {
        let is_in_order = matches!(severity, Severity::Ok | Severity::Info)
            || (severity == Severity::Skipped && skipped.contains(&code));
        assert!(is_in_order, "{code} {severity:?}: {result:#?}");
    }
    assert_eq!(result.status, Status::Ok);
    // All but the log, which was not named.
    assert_eq!(worst(&result).len(), super::CHECKS.len() - 1, "{result:#?}");
}

/// Whether this is the request with the token that is good.
fn is_known(asked: &Asked) -> bool {
    asked.token.as_deref() == Some(TOKEN)
}

fn is_stream(asked: &Asked) -> bool {
    is_known(asked) && asked.path == answers::CHAT && said(&asked.body).contains("\"stream\":true")
}

fn is_chat(asked: &Asked) -> bool {
    is_known(asked)
        && asked.path == answers::CHAT
        && !is_stream(asked)
        && said(&asked.body).contains("gpt-4o")
}

/// A body of a stream that ends as HTTP says.
fn stream_of(events: &[&str]) -> Act {
    let text = events.iter().map(|event| format!("data: {event}\n\n")).collect::<Vec<_>>().concat();
    Act::Say(chunked("200 OK", "content-type: text/event-stream\r\n", &[text.as_bytes()]))
}

const TEXT: &str = r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ready"},"finish_reason":null}]}"#;
const FINISH: &str =
    r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
const DONE: &str = "[DONE]";

type Lie = (&'static str, &'static str, Severity, fn(&Asked) -> Option<Act>);

/// Each way of not being the proxy, with the code that has to name it and how bad it is.
const LIES: &[Lie] = &[
    ("serves without a token", "SRE-EP-005", Severity::Error, |asked| {
        (asked.token.is_none() && asked.path == answers::MODELS)
            .then(|| Act::Say(json("200 OK", "", r#"{"object":"list","data":[]}"#)))
    }),
    ("serves a wrong token", "SRE-EP-006", Severity::Error, |asked| {
        (asked.path == answers::MODELS && asked.token.is_some()).then(|| Act::Say(liar::models()))
    }),
    ("refuses with another shape", "SRE-EP-005", Severity::Error, |asked| {
        (asked.path == answers::MODELS && !is_known(asked)).then(|| {
            Act::Say(json(
                "401 Unauthorized",
                "www-authenticate: Bearer\r\n",
                r#"{"message":"Unauthorized"}"#,
            ))
        })
    }),
    ("refuses without a challenge", "SRE-EP-005", Severity::Warning, |asked| {
        (asked.path == answers::MODELS && !is_known(asked))
            .then(|| Act::Say(liar::error("401 Unauthorized", "", "invalid_api_key")))
    }),
    ("refuses with another status", "SRE-EP-006", Severity::Error, |asked| {
        (asked.path == answers::MODELS && asked.token.is_some() && !is_known(asked))
            .then(|| Act::Say(liar::error("403 Forbidden", "", "forbidden")))
    }),
    ("does not know the model", "SRE-EP-008", Severity::Error, |asked| {
        (asked.path == answers::MODELS && is_known(asked)).then(|| {
            Act::Say(json("200 OK", "", r#"{"object":"list","data":[{"id":"gpt-4o","object":"model"}]}"#))
        })
    }),
    ("refuses the token", "SRE-EP-008", Severity::Error, |asked| {
        (asked.path == answers::MODELS).then(|| {
            Act::Say(liar::error("401 Unauthorized", "www-authenticate: Bearer\r\n", "invalid_api_key"))
        })
    }),
    ("lists a page", "SRE-EP-008", Severity::Error, |asked| {
        (asked.path == answers::MODELS && is_known(asked)).then(|| Act::Say(json("200 OK", "", "<html>")))
    }),
    ("answers nothing", "SRE-EP-009", Severity::Error, |asked| {
        is_chat(asked).then(|| Act::Say(json("200 OK", "", r#"{"object":"chat.completion","choices":[]}"#)))
    }),
    ("fails", "SRE-EP-009", Severity::Error, |asked| {
        is_chat(asked).then(|| Act::Say(liar::error("502 Bad Gateway", "", "upstream_auth_error")))
    }),
    ("limits", "SRE-EP-009", Severity::Unknown, |asked| {
        is_chat(asked).then(|| {
            Act::Say(liar::error("429 Too Many Requests", "retry-after: 7\r\n", "rate_limit_exceeded"))
        })
    }),
    ("hangs in a chat", "SRE-EP-009", Severity::Unknown, |asked| is_chat(asked).then_some(Act::Hang)),
    ("resets in a chat", "SRE-EP-009", Severity::Error, |asked| is_chat(asked).then_some(Act::Reset)),
    ("speaks no HTTP in a chat", "SRE-EP-009", Severity::Error, |asked| {
        is_chat(asked).then(|| Act::Say(b"\x00\x01garbage\r\n\r\n".to_vec()))
    }),
    ("floods", "SRE-EP-009", Severity::Error, |asked| {
        is_chat(asked).then(|| Act::Say(json("200 OK", "", &" ".repeat(10 * 1024 * 1024))))
    }),
    ("promises more than it sends", "SRE-EP-009", Severity::Error, |asked| {
        is_chat(asked).then(|| {
            Act::Say(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{".to_vec(),
            )
        })
    }),
    ("stops in the middle of a body", "SRE-EP-009", Severity::Unknown, |asked| {
        is_chat(asked).then(|| {
            Act::SayAndHang(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{".to_vec(),
            )
        })
    }),
    ("streams without an end", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&[TEXT, FINISH, USAGE]))
    }),
    ("streams on after the end", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&[TEXT, FINISH, USAGE, DONE, TEXT]))
    }),
    ("streams without usage", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&[TEXT, FINISH, DONE]))
    }),
    ("streams without text", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&[FINISH, USAGE, DONE]))
    }),
    ("streams without a reason to finish", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&[TEXT, USAGE, DONE]))
    }),
    ("streams an error", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked)
            .then(|| stream_of(&[TEXT, r#"{"error":{"message":"as ordered","type":"server_error"}}"#]))
    }),
    ("streams no JSON", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| stream_of(&["{", DONE]))
    }),
    ("streams as JSON", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| Act::Say(liar::completion()))
    }),
    ("cuts a stream", "SRE-EP-010", Severity::Error, |asked| {
        is_stream(asked).then(|| {
            let text = format!("data: {TEXT}\n\n");
            let mut whole = chunked("200 OK", "content-type: text/event-stream\r\n", &[text.as_bytes()]);
            whole.truncate(whole.len() - 5);
            Act::Say(whole)
        })
    }),
    ("stalls in a stream", "SRE-EP-010", Severity::Unknown, |asked| {
        is_stream(asked).then(|| {
            let text = format!("data: {TEXT}\n\n");
            let mut whole = chunked("200 OK", "content-type: text/event-stream\r\n", &[text.as_bytes()]);
            whole.truncate(whole.len() - 5);
            Act::SayAndHang(whole)
        })
    }),
    ("answers for any model", "SRE-EP-011", Severity::Error, |asked| {
        (is_known(asked) && said(&asked.body).contains("no-such-model")).then(|| Act::Say(liar::completion()))
    }),
    ("answers anything", "SRE-EP-012", Severity::Error, |asked| {
        (is_known(asked) && asked.path == answers::CHAT && asked.body.len() < 20)
            .then(|| Act::Say(liar::completion()))
    }),
    ("hides a malformed request", "SRE-EP-012", Severity::Error, |asked| {
        (is_known(asked) && asked.path == answers::CHAT && asked.body.len() < 20)
            .then(|| Act::Say(json("400 Bad Request", "", "nginx")))
    }),
    ("lets cookies in", "SRE-EP-013", Severity::Error, |asked| {
        (asked.method == "OPTIONS").then(|| {
            Act::Say(liar::plain(
                "204 No Content",
                "access-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\n",
                "",
            ))
        })
    }),
    ("wants a token of a preflight", "SRE-EP-013", Severity::Error, |asked| {
        (asked.method == "OPTIONS").then(|| Act::Say(liar::error("401 Unauthorized", "", "invalid_api_key")))
    }),
    ("serves metrics", "SRE-EP-016", Severity::Error, |asked| {
        (asked.path == surroundings::METRICS)
            .then(|| Act::Say(liar::plain("200 OK", "", "requests_total 1\n")))
    }),
    ("is not ready", "SRE-EP-004", Severity::Error, |asked| {
        (asked.path == surroundings::READY)
            .then(|| Act::Say(liar::plain("503 Service Unavailable", "", "no")))
    }),
    ("is another server", "SRE-EP-003", Severity::Error, |asked| {
        (asked.path == surroundings::LIVE).then(|| Act::Say(liar::plain("404 Not Found", "", "nginx")))
    }),
];

#[test]
fn every_lie_is_named_and_never_in_order() {
    for (what, code, severity, lie) in LIES {
        let result = asked(lie);
        assert_eq!(worst(&result).get(code), Some(severity), "{what}: {result:#?}");
        assert_ne!(result.status, Status::Ok, "{what}");
        let finding =
            result.findings.iter().find(|finding| finding.code == *code && finding.severity == *severity);
        let is_timeout = *severity == Severity::Unknown;
        assert!(finding.unwrap().hint.is_some() || is_timeout, "{what}: {finding:?}");
    }
}

#[test]
fn a_server_that_hangs_resets_or_speaks_something_else_from_the_beginning_is_not_asked_on() {
    for (what, act) in [
        ("hang", Act::Hang),
        ("reset", Act::Reset),
        ("garbage", Act::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        ("empty", Act::Say(Vec::new())),
    ] {
        let result = asked(|_| Some(act.clone()));
        let worst = worst(&result);
        assert_eq!(worst.get("SRE-EP-001"), Some(&Severity::Error), "{what}: {result:#?}");
        assert_eq!(result.status, Status::Critical, "{what}");
        for entry in super::CHECKS.iter().filter(|entry| !["SRE-EP-001", "SRE-EP-007"].contains(&entry.code))
        {
            assert_eq!(worst.get(entry.code), Some(&Severity::Skipped), "{what}: {result:#?}");
        }
    }
}

#[test]
fn no_token_is_sent_to_a_server_that_is_not_trusted() {
    let stranger = Liar::new();
    let liar = Liar::new();
    let options = Options { manner: super::Manner::new(stranger.roots(), liar::now()), ..options(&liar) };
    let result = liar.while_serving(|asked| panic!("something was sent: {asked:?}"), super::check(&options));
    let worst = worst(&result);
    assert_eq!(worst["SRE-EP-002"], Severity::Error, "{result:#?}");
    assert_eq!(worst["SRE-EP-001"], Severity::Ok);
    let skipped = result.findings.iter().find(|finding| finding.code == "SRE-EP-008").unwrap();
    assert_eq!(
        (skipped.severity, skipped.message.as_str()),
        (Severity::Skipped, "the configured models are served: skipped because SRE-EP-002 failed")
    );
}

#[test]
fn without_a_token_what_needs_one_is_skipped_and_the_rest_is_asked() {
    let result = asked_with(
        |_| None,
        |options| {
            options.token =
                Token::Missing { because: "there is no token".to_owned(), hint: "name one".to_owned() };
        },
    );
    let worst = worst(&result);
    for code in ["SRE-EP-008", "SRE-EP-009", "SRE-EP-010", "SRE-EP-011", "SRE-EP-012"] {
        assert_eq!(worst[code], Severity::Skipped, "{result:#?}");
    }
    assert_eq!((worst["SRE-EP-005"], worst["SRE-EP-006"]), (Severity::Ok, Severity::Ok));
    let said = result.findings.iter().find(|finding| finding.code == "SRE-EP-009").unwrap();
    assert_eq!(said.message, "a chat is answered: skipped because there is no token");
}

#[test]
fn ports_of_the_backend_are_tried_one_by_one() {
    let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (open_port, closed_port) = (open.local_addr().unwrap().port(), closed.local_addr().unwrap().port());
    drop(closed);
    let result = asked_with(
        |_| None,
        |options| {
            options.is_outside = true;
            options.backend_ports = vec![open_port, closed_port];
        },
    );
    let said: Vec<(Severity, &str)> = result
        .findings
        .iter()
        .filter(|finding| finding.code == "SRE-EP-017")
        .map(|finding| (finding.severity, finding.message.as_str()))
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].0 == Severity::Error && said[0].1.starts_with(&format!("port {open_port} is open")),
        "{said:?}"
    );
    assert!(said[1].0 == Severity::Ok && said[1].1.contains("refused"), "{said:?}");
}

#[test]
fn nothing_listens_and_no_name() {
    let liar = Liar::new();
    let mut options = options(&liar);
    drop(liar);
    let result = liar::run(super::check(&options));
    assert!(result.findings[0].evidence.as_deref().unwrap().contains("refused"), "{result:#?}");
    options.url = "https://nothing.invalid".parse().unwrap();
    let result = liar::run(super::check(&options));
    assert_eq!((result.findings[0].code.as_str(), result.status), ("SRE-EP-001", Status::Critical));
}

#[test]
fn a_line_of_the_security_log_may_take_its_time_but_has_to_come() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().to_owned();
    let result = asked_with(
        |asked| {
            if asked.token.is_some() && !is_known(asked) {
                let line =
                    "security event=authn_login_fail reason=unknown_key peer=127.0.0.1 request=req-fake\n";
                std::fs::write(&path, line).unwrap();
            }
            None
        },
        |options| options.security_log = Some(path.clone()),
    );
    assert_eq!(worst(&result)["SRE-EP-007"], Severity::Ok, "{result:#?}");
    let silent = tempfile::NamedTempFile::new().unwrap();
    let result = asked_with(|_| None, |options| options.security_log = Some(silent.path().to_owned()));
    assert_eq!(worst(&result)["SRE-EP-007"], Severity::Error, "{result:#?}");
    let result = asked_with(|_| None, |options| options.security_log = Some("/nothing/here".into()));
    assert_eq!(worst(&result)["SRE-EP-007"], Severity::Unknown, "{result:#?}");
}

fn reply(status: u16, content_type: &str, body: &[u8], end: End) -> Reply {
    let mut headers = http::HeaderMap::new();
    if let Ok(value) = http::HeaderValue::from_str(content_type) {
        headers.insert(http::header::CONTENT_TYPE, value);
    }
    let pieces = body.chunks(7).map(|piece| (Duration::from_millis(3), piece.to_vec())).collect();
    Reply { status, headers, pieces, end, head_after: Duration::ZERO, total: Duration::from_millis(3) }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        Just(format!("data: {TEXT}\n\ndata: {FINISH}\n\ndata: {USAGE}\n\n").into_bytes()),
        Just(br#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#.to_vec()),
        Just(br#"{"object":"list","data":[{"id":"a"}]}"#.to_vec()),
        Just(
            br#"{"object":"chat.completion","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#
                .to_vec()
        ),
    ];
    let end = prop_oneof![
        Just(End::Whole),
        Just(End::TooLarge(1)),
        Just(End::Broken("reset".to_owned())),
        Just(End::TimedOut(Duration::from_secs(1)))
    ];
    let types = proptest::sample::select(vec!["application/json", "text/event-stream", "text/html", "\u{1}"]);
    prop_oneof![
        6 => (100_u16..600, types, body, end)
            .prop_map(|(status, kind, body, end)| Ok(reply(status, kind, &body, end))),
        1 => Just(Err(NoReply::TimedOut("x".to_owned()))),
        1 => Just(Err(NoReply::Broken("x".to_owned()))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Feature: aws-ec2-production-deployment, Property 4: no answer but the right one passes a test of connectivity,
    /// and nothing that a server sends makes a verdict panic.
    #[test]
    fn nothing_but_the_right_answer_passes(outcome in outcomes()) {
        let site = Site { base: "https://api.example.com".to_owned(), name: "api.example.com:443".to_owned() };
        let about = |entry| About { entry, site: &site };
        let is_bad = |findings: &[model::Finding]| {
            findings.iter().any(|finding| finding.severity >= Severity::Warning)
        };
        let status = outcome.as_ref().map_or(0, |reply| reply.status);
        for (entry, due) in [
            (&super::NO_TOKEN, refusals::NO_TOKEN),
            (&super::UNKNOWN_MODEL, refusals::UNKNOWN_MODEL),
            (&super::MALFORMED, refusals::MALFORMED_BODY),
        ] {
            let findings = refusals::judge(&about(entry), &due, &outcome);
            prop_assert!(is_bad(&findings) || status == due.status, "{:?}", findings);
        }
        // None of these bodies is complete: no usage, no [DONE], not the configured model.
        prop_assert!(is_bad(&answers::chat(&about(&super::CHAT), &outcome, "m")));
        prop_assert!(is_bad(&answers::stream(&about(&super::STREAM), &outcome, "m")));
        let wanted = BTreeSet::from(["not-there".to_owned()]);
        match answers::models(&about(&super::MODELS), &outcome, &wanted) {
            Ok((_, findings)) | Err(findings) => prop_assert!(is_bad(&findings)),
        }
        let live = surroundings::healthy(&about(&super::LIVE), &outcome, surroundings::LIVE);
        prop_assert!(is_bad(&live) || status == 200);
        let metrics = surroundings::no_metrics(&about(&super::METRICS), &outcome);
        prop_assert!(is_bad(&metrics) || [401, 403, 404].contains(&status));
        let _ = surroundings::preflight(&about(&super::PREFLIGHT), &outcome, "https://x.example");
        let _ = surroundings::plain(&about(&super::PLAIN), &outcome);
        let _ = surroundings::trusted(&about(&super::TRUSTED), &outcome);
        let _ = surroundings::reachable(&about(&super::REACHABLE), &outcome);
    }
}

#[test]
fn only_a_connection_means_that_a_port_is_open() {
    let site = Site { base: "https://api.example.com".to_owned(), name: "api.example.com:443".to_owned() };
    let about = About { entry: &super::BACKEND, site: &site };
    for (probe, severity) in [
        (Probe::Connected, Severity::Error),
        (Probe::Refused("refused".to_owned()), Severity::Ok),
        (Probe::NoAnswer(Duration::from_secs(3)), Severity::Ok),
        (Probe::NotTried("too many open files".to_owned()), Severity::Unknown),
    ] {
        assert_eq!(surroundings::closed(&about, 8011, "x", &probe)[0].severity, severity, "{probe:?}");
    }
}

#[test]
fn a_stream_that_comes_all_at_its_end_was_held_back() {
    let site = Site { base: "https://api.example.com".to_owned(), name: "api.example.com:443".to_owned() };
    let about = About { entry: &super::STREAM, site: &site };
    let text = [TEXT, TEXT, TEXT, TEXT, TEXT, FINISH, USAGE, DONE]
        .map(|event| format!("data: {event}\n\n"))
        .concat();
    let judged = |at: u64| {
        let mut whole = reply(200, "text/event-stream", text.as_bytes(), End::Whole);
        whole.total = Duration::from_secs(3);
        whole.pieces.iter_mut().for_each(|(when, _)| *when = Duration::from_millis(at));
        answers::stream(&about, &Ok(whole), "m")[0].severity
    };
    assert_eq!((judged(2900), judged(300)), (Severity::Warning, Severity::Ok));
}
