//! `check endpoint` on the real proxy: what passes, what is named, and that no token is ever shown.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cloud_loopback::{Fault, Script};
use serde_json::{Value, json};

use crate::proxy::{API_KEY, Proxy};
use crate::support::{Desk, Ended};

/// What is said with each code, the worst first.
fn said(ended: &Ended) -> BTreeMap<String, (String, String)> {
    let report = ended.json();
    let mut said = BTreeMap::new();
    for finding in
        report["results"].as_array().unwrap().iter().flat_map(|r| r["findings"].as_array().unwrap())
    {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        said.entry(text("code")).or_insert((text("severity"), text("message")));
    }
    said
}

fn severity<'a>(said: &'a BTreeMap<String, (String, String)>, code: &str) -> &'a str {
    said.get(code).map_or("not there", |(severity, _)| severity)
}

fn checked(proxy: &Proxy, flags: &str) -> Ended {
    let token = proxy.token();
    Desk::new().run(&format!("check endpoint --format json {} {flags}", proxy.flags(&token)))
}

#[test]
fn everything_that_the_proxy_does_passes() {
    let proxy = Proxy::start();
    let log = proxy.path("log");
    let ended = checked(&proxy, &format!("--security-log {}", log.display())).expect(0);
    let report = ended.json();
    assert_eq!(report["overall"], "ok", "{report:#}");
    let said = said(&ended);
    for number in 1..=17 {
        let code = format!("SRE-EP-{number:03}");
        let wanted = match number {
            // An answer's time is told, not judged.
            14 => "info",
            // What is open from outside cannot be seen from here.
            15 | 17 => "skipped",
            _ => "ok",
        };
        assert_eq!(severity(&said, &code), wanted, "{code}: {report:#}");
    }
    assert_eq!(said["SRE-EP-008"].1, "2 models are listed");
    assert!(said["SRE-EP-010"].1.contains("streams to [DONE]"), "{said:?}");
    // Two chats were answered, and nothing else reached Bedrock.
    assert_eq!(proxy.bedrock.requests().len(), 2);
    // A key is as good as a token.
    let ended = Desk::new().run(&format!("check endpoint --format json {}", proxy.flags(API_KEY))).expect(0);
    assert_eq!(severity(&self::said(&ended), "SRE-EP-009"), "ok");
}

#[test]
fn the_token_is_in_no_output_no_log_and_no_argument() {
    let proxy = Proxy::start();
    let token = proxy.token();
    let signature = token.rsplit('.').next().unwrap();
    let clean = |what: &str, text: &str| {
        assert!(!text.contains(&token) && !text.contains(signature), "the token is in {what}:\n{text}");
    };
    for format in ["text", "json", "nagios", "prometheus", "junit", "markdown", "html"] {
        let ended = Desk::new()
            .run(&format!("check endpoint -vv --format {format} {}", proxy.flags(&token)))
            .expect(0);
        clean(format, &ended.stdout);
        clean("what is logged", &ended.stderr);
    }
    // Neither where things go wrong, with the token in the environment.
    proxy.bedrock.script(Script::refuse(403, "AccessDeniedException", "as ordered"));
    let flags = format!("--url {} --ca-file {}", proxy.url(), proxy.path("ca.pem").display());
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_TOKEN", &token);
    let ended = desk.run(&format!("check endpoint -vv --format json {flags}")).expect(5);
    clean("a failed check", &format!("{}{}", ended.stdout, ended.stderr));
    clean("the proxy's log", &proxy.log());
    // There is no flag to give it with, so it is never in the list of processes.
    let help = Desk::new().run("check endpoint --help").expect(0);
    assert!(help.stdout.contains("--token-file") && !help.stdout.contains("--token "), "{}", help.stdout);
}

#[test]
fn what_is_wrong_with_the_proxy_or_its_caller_is_named() {
    let proxy = Proxy::start();
    let token = proxy.token();
    let run = |flags: &str| Desk::new().run(&format!("check endpoint --format json {flags}")).expect(5);

    let other = format!("--url {} --ca-file {}", proxy.url(), proxy.path("other.pem").display());
    let found = said(&run(&other));
    assert_eq!(severity(&found, "SRE-EP-001"), "ok", "{found:?}");
    assert_eq!(severity(&found, "SRE-EP-002"), "error", "{found:?}");
    assert_eq!(severity(&found, "SRE-EP-005"), "skipped", "{found:?}");
    assert!(!proxy.log().contains("/health/live"), "something was sent to a server that is not trusted");

    let mozilla = said(&run(&format!("--url {}", proxy.url())));
    assert_eq!(severity(&mozilla, "SRE-EP-002"), "error", "{mozilla:?}");

    for bad in ["not-a-token".to_owned(), format!("{token}x"), proxy.issuer.mint(&json!({"iss": "x"}))] {
        let found = said(&run(&proxy.flags(&bad)));
        assert!(found["SRE-EP-008"].1.contains("refuses the token"), "{found:?}");
        assert_eq!(severity(&found, "SRE-EP-009"), "skipped", "{found:?}");
        assert_eq!(severity(&found, "SRE-EP-005"), "ok", "{found:?}");
    }
    let mut claims = proxy.issuer.claims();
    claims["scope"] = json!("sre-agent-api/write");
    let found = said(&run(&proxy.flags(&proxy.issuer.mint(&claims))));
    assert!(found["SRE-EP-008"].1.contains("lacks a scope"), "{found:?}");

    // The configuration of a desk has a third model.
    let found = said(&run(&format!("{} --config config.yaml", proxy.flags(&token))));
    assert_eq!(found["SRE-EP-008"].1, "configured, but not served: gpt-3.5-turbo");

    let found = said(&run(&format!("{} --model nothing", proxy.flags(&token))));
    assert_eq!(severity(&found, "SRE-EP-009"), "error", "{found:?}");
    assert_eq!((severity(&found, "SRE-EP-008"), severity(&found, "SRE-EP-011")), ("ok", "ok"));

    let silent = proxy.path("silent");
    std::fs::write(&silent, "").unwrap();
    let found = said(&run(&format!("{} --security-log {}", proxy.flags(&token), silent.display())));
    assert_eq!(severity(&found, "SRE-EP-007"), "error", "{found:?}");
}

#[test]
fn what_bedrock_does_wrong_is_named() {
    let proxy = Proxy::start();
    for (script, code, words) in [
        (
            Script::refuse(403, "AccessDeniedException", "as ordered"),
            "SRE-EP-009",
            "Bedrock refuses the model",
        ),
        (Script::refuse(500, "InternalServerException", "as ordered"), "SRE-EP-009", "fails"),
        (Script::fault(Fault::Cut { after: 1 }), "SRE-EP-010", "it broke off with an error"),
        (Script::fault(Fault::Eof { after: 1 }), "SRE-EP-010", "it broke off with an error"),
    ] {
        proxy.bedrock.clear_scripts();
        proxy.bedrock.script(script.clone());
        let found = said(&checked(&proxy, "").expect(5));
        let (severity, message) = &found[code];
        assert_eq!(severity, "error", "{script:?}: {found:?}");
        assert!(message.contains(words), "{script:?}: {message}");
    }
}

#[test]
fn a_proxy_that_is_gone_or_stopped_is_told_in_bounded_time() {
    let mut proxy = Some(Proxy::start());
    let flags = proxy.as_ref().map(|proxy| proxy.flags("x")).unwrap();
    let ca = std::fs::read(proxy.as_ref().unwrap().path("ca.pem")).unwrap();
    drop(proxy.take());
    let desk = Desk::new();
    desk.write("token", "x");
    std::fs::write(desk.path("ca.pem"), ca).unwrap();
    let url = flags.split_whitespace().nth(1).unwrap();
    let began = Instant::now();
    let ended = desk
        .run(&format!("check endpoint --format json --url {url} --ca-file ca.pem --token-file token"))
        .expect(5);
    assert!(began.elapsed() < Duration::from_secs(20));
    let report: Value = ended.json();
    assert_eq!(report["overall"], "critical");
    let first = &report["results"][0]["findings"][0];
    assert_eq!(first["code"], "SRE-EP-001");
    assert!(first["evidence"].as_str().unwrap().contains("refused"), "{first}");
}

#[test]
fn what_cannot_be_checked_is_said_before_anything_is_asked() {
    let desk = Desk::new();
    desk.write("empty", "");
    desk.write("two", "a b\n");
    desk.write("der", "\u{1}\u{2}");
    for (line, code, words) in [
        ("--url http://api.example.com", "SRE-CLI-016", "without TLS"),
        ("--url api.example.com", "SRE-CLI-016", "https://"),
        ("--url https://user@api.example.com", "SRE-CLI-016", "user"),
        ("--url https://127.0.0.1:1 --token-file empty", "SRE-CLI-017", "does not hold a token"),
        ("--url https://127.0.0.1:1 --token-file two", "SRE-CLI-017", "does not hold a token"),
        ("--url https://127.0.0.1:1 --token-file nothing", "SRE-CLI-003", "cannot read the token"),
        ("--url https://127.0.0.1:1 --ca-file der", "SRE-CLI-018", "no roots"),
        ("--url https://127.0.0.1:1 --ca-file nothing", "SRE-CLI-003", "roots"),
        ("", "SRE-STATE-005", "--state-file"),
    ] {
        desk.run(&format!("check endpoint {line}")).expect(2).says(&[code, words]);
    }
    let desk = desk.without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT");
    desk.write("nameless.yaml", "version: 1\ndeployment: {id: sre-cli, environment: dev}\naws: {region: us-east-1}\ntls: {source: files, cert_path: /a.pem, key_path: /b.pem}\nhost: {install: here}\n");
    desk.run("check endpoint --config nameless.yaml").expect(2).says(&["SRE-CLI-016", "tls.domain"]);
}

#[test]
fn where_no_proxy_was_installed_nothing_is_claimed_about_it() {
    let ended = Desk::new().run("check endpoint --format json --config config.yaml").expect(5);
    let found = said(&ended);
    assert_eq!(found.len(), 1, "{found:?}");
    let (severity, message) = &found["SRE-HOST-001"];
    assert_eq!(
        (severity.as_str(), message.as_str()),
        ("skipped", "the endpoint was not checked: skipped because host.install is none")
    );
    assert_eq!(ended.json()["overall"], "unknown");
    // What was not looked at is not in order; how to look is said.
    let text = Desk::new().run("check endpoint --config config.yaml").expect(5).stdout;
    assert!(text.contains("help: check a proxy that was set up in another way:"), "{text}");
    assert!(text.contains("check endpoint --url https://api."), "{text}");
}
