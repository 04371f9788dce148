//! `check network` as a whole: servers, clocks, and instance metadata of an emulated instance.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use checks::CheckResult;
use checks::network::metadata;
use checks::network::services::Service;
use checks::network::suite::{Options, Question, run};
use checks::remote::http::Url;
use checks::remote::target::Target;
use jiff::Timestamp;
use model::{Finding, Severity};
use rustls::RootCertStore;
use test_support::Ministack;

use crate::names::NameServer;
use crate::parts::{Openssl, Pki, Running, Scripted};

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of these tests is the real one, as that of their servers"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn options(roots: Arc<RootCertStore>, server: &NameServer) -> Options<'static> {
    Options {
        step: Duration::from_secs(3),
        answer: Duration::from_secs(3),
        roots,
        now: &now,
        name_servers: Ok(server.asked()),
        hosts_file: String::new(),
    }
}

/// A web server with this clock and status.
fn web(pki: &Pki, skew: i64, status: u16) -> (Running, u16) {
    let (certificate, key, script) = (pki.path("full.pem"), pki.path("key.pem"), pki.path("web.py"));
    std::fs::write(&script, include_str!("web.py")).unwrap();
    let (skew, status) = (skew.to_string(), status.to_string());
    let mut child = Running::start(&["python3", &script, &certificate, &key, &skew, &status]);
    let port = child.line("PORT ").trim().parse().unwrap();
    (child, port)
}

fn about(target: &str) -> Question {
    Question::about(target.parse::<Target>().unwrap())
}

/// The worst of each code.
fn worst(result: &CheckResult) -> BTreeMap<&str, Severity> {
    let mut worst = BTreeMap::new();
    for Finding { code, severity, .. } in &result.findings {
        let entry = worst.entry(code.as_str()).or_insert(*severity);
        *entry = (*entry).max(*severity);
    }
    worst
}

#[tokio::test]
async fn a_server_in_order_is_in_order_step_by_step() {
    let pki = Pki::new(&["own.example", "127.0.0.1"]);
    let (_server, port) = web(&pki, 0, 200);
    let names = NameServer::start();
    let questions =
        [about(&format!("127.0.0.1:{port}")), about(&format!("own.example:{port},address=127.0.0.1"))];
    let results = run(&questions, &[], None, &options(pki.roots(), &names)).await;
    for result in &results {
        let expected = ["SRE-NET-003", "SRE-NET-005", "SRE-NET-006", "SRE-NET-007", "SRE-NET-008"];
        assert_eq!(worst(result), expected.map(|code| (code, Severity::Ok)).into(), "{result:#?}");
    }
    assert_eq!(results.len(), 2);
}

#[tokio::test]
async fn what_only_some_addresses_do_is_a_warning() {
    let pki = Pki::new(&["api.example"]);
    let (_server, port) = web(&pki, 0, 200);
    let names = NameServer::start();
    // 127.0.0.1 serves, ::1 does not, and this machine's own resolver knows no such name.
    let results =
        run(&[about(&format!("api.example:{port}"))], &[], None, &options(pki.roots(), &names)).await;
    let worst = worst(&results[0]);
    assert_eq!(worst["SRE-NET-001"], Severity::Ok, "{results:#?}");
    assert_eq!(worst["SRE-NET-002"], Severity::Warning);
    assert!(matches!(worst["SRE-NET-003"], Severity::Warning | Severity::Info));
    for code in ["SRE-NET-005", "SRE-NET-006", "SRE-NET-007", "SRE-NET-008"] {
        assert_eq!(worst[code], Severity::Ok, "{code} {results:#?}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_names_the_first_cause() {
    let pki = Pki::new(&["api.example"]);
    let names = NameServer::start();
    let gone = Scripted::saying(b"").address;
    let untrusted = Openssl::start(&pki, &["-www"]);
    let questions = [
        about("missing.example:443"),
        about(&gone.to_string()),
        about(&format!("other.example:{},address=127.0.0.1", untrusted.address.port())),
    ];
    let results = run(&questions, &[], None, &options(pki.roots(), &names)).await;
    for (result, (cause, skipped)) in
        results.iter().zip([("SRE-NET-001", 6), ("SRE-NET-003", 4), ("SRE-NET-006", 2)])
    {
        let errors: Vec<&str> = result
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(errors, [cause], "{result:#?}");
        let because: Vec<_> =
            result.findings.iter().filter(|finding| finding.severity == Severity::Skipped).collect();
        assert_eq!(because.len(), skipped, "{result:#?}");
        for finding in because {
            let title = checks::catalogue::find(&finding.code).unwrap().title;
            assert_eq!(finding.message, format!("{title}: skipped because {cause} failed"));
        }
    }
}

#[tokio::test]
async fn what_lies_behind_a_client_certificate_did_not_pass() {
    let pki = Pki::new(&["127.0.0.1"]);
    let names = NameServer::start();
    let root = pki.path("root.pem");
    let insists = ["-Verify", "2", "-CAfile", &root, "-www"];
    let servers =
        [Openssl::start(&pki, &[&insists[..], &["-tls1_2"]].concat()), Openssl::start(&pki, &insists)];
    let questions: Vec<Question> = servers.iter().map(|server| about(&server.address.to_string())).collect();
    let other = Pki::new(&["127.0.0.1"]);
    let results = run(&questions, &[], None, &options(pki.roots(), &names)).await;
    for result in &results {
        let worst = worst(result);
        assert_eq!(
            (worst["SRE-NET-006"], worst["SRE-NET-007"]),
            (Severity::Ok, Severity::Skipped),
            "{result:#?}"
        );
        assert_eq!(worst["SRE-NET-008"], Severity::Skipped);
    }
    // Its chain is judged all the same.
    let results = run(&questions, &[], None, &options(other.roots(), &names)).await;
    assert!(results.iter().all(|result| worst(result)["SRE-NET-006"] == Severity::Error), "{results:#?}");
}

#[tokio::test]
async fn a_wrong_clock_and_a_failing_server_are_seen() {
    let pki = Pki::new(&["127.0.0.1"]);
    let names = NameServer::start();
    let servers = [web(&pki, 100, 200), web(&pki, -4000, 404), web(&pki, 0, 503)];
    let questions: Vec<Question> =
        servers.iter().map(|(_, port)| about(&format!("127.0.0.1:{port}"))).collect();
    let results = run(&questions, &[], None, &options(pki.roots(), &names)).await;
    let seen: Vec<(Severity, Severity)> =
        results.iter().map(|result| (worst(result)["SRE-NET-007"], worst(result)["SRE-NET-008"])).collect();
    assert_eq!(
        seen,
        [
            (Severity::Ok, Severity::Warning),
            (Severity::Ok, Severity::Error),
            (Severity::Error, Severity::Skipped)
        ]
    );
}

#[tokio::test]
async fn a_service_that_has_no_name_is_said_with_what_it_is_for() {
    let names = NameServer::start();
    let services = [Service { host: "missing.example".to_owned(), purpose: "credentials are checked" }];
    let roots = Pki::new(&["x.example"]).roots();
    let results = run(&[], &services, None, &options(roots, &names)).await;
    let finding = &results[0].findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("SRE-NET-010", Severity::Error));
    assert!(
        finding.message.contains("does not resolve") && finding.message.contains("credentials are checked")
    );
    assert_eq!(worst(&results[0])["SRE-NET-008"], Severity::Skipped);
}

#[tokio::test]
async fn instance_metadata_gives_tokens() {
    let instance = Ministack::start();
    let base: Url = instance.endpoint().parse().unwrap();
    let facts = metadata::collect(&base, Duration::from_secs(30)).await;
    assert_eq!((facts.token.clone(), facts.with_token.clone()), (Ok(200), Some(Ok(200))));
    assert_eq!(facts.without_token, Ok(401));
    let names = NameServer::start();
    let roots = Pki::new(&["x.example"]).roots();
    let results = run(&[], &[], Some(&base), &options(roots, &names)).await;
    assert_eq!(worst(&results[0]), BTreeMap::from([("SRE-NET-009", Severity::Ok)]));
}

#[tokio::test]
async fn a_token_that_does_not_arrive_is_the_hop_limit() {
    // As seen from a container: the answer to PUT has run out of hops, that to GET has not.
    let (held, silent) = std::sync::mpsc::channel();
    let instance = Scripted::start(move |mut stream| {
        let mut request = [0; 512];
        let count = stream.read(&mut request).unwrap();
        if request[..count].starts_with(b"PUT") {
            held.send(stream).unwrap();
        } else {
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    let began = Instant::now();
    let facts =
        metadata::collect(&format!("http://{}/", instance.address).parse().unwrap(), Duration::from_secs(1))
            .await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let said = metadata::judge(&facts, "x");
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].severity, Severity::Error);
    assert!(said[0].hint.clone().unwrap().contains("--http-put-response-hop-limit 2"), "{said:?}");
    drop(silent);
}
