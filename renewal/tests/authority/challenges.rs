//! What keeps an authority from being convinced, or from being asked at all.

use std::fs;

use model::config::AcmeChallenge::{Dns01, Http01, TlsAlpn01};
use renewal::run::Outcome;
use renewal::trouble::codes;
use test_support::{PairServer, Pebble, PebbleOptions};

use crate::bench::{Bench, NAME};

#[test]
fn a_challenge_that_is_blocked_is_said_and_waited_out() {
    // Nobody listens where the authority asks.
    let pebble = Pebble::start(PebbleOptions::default());
    let mut bench = Bench::new().at(&pebble, TlsAlpn01);
    let finding = bench.failed(codes::NOT_CONNECTED);
    assert_eq!(finding.subject, NAME);
    let evidence = finding.evidence.unwrap();
    assert!(evidence.contains("connect to 127.0.0.1"), "{evidence}");
    assert!(bench.store().live().unwrap().unwrap().leaf().is_placeholder);
    let state = bench.state();
    assert_eq!((state.failures, state.last_failure.as_deref()), (1, Some(codes::NOT_CONNECTED)));
    // The next run leaves the authority alone, and says why.
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Waiting { .. }), "{report:#?}");
    assert_eq!(report.findings[0].code, codes::WAITING);
    // Unless the operator has mended it.
    bench.is_forced = true;
    bench.failed(codes::NOT_CONNECTED);
    assert_eq!(bench.state().failures, 2);
    // A name that leads nowhere.
    pebble.lose_name(NAME);
    let finding = bench.failed(codes::DNS);
    assert_eq!(finding.subject, NAME);
}

#[test]
fn somebody_else_answers() {
    let bench = Bench::new();
    let stranger = PairServer::stranger(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions { tls_port: stranger.port(), ..PebbleOptions::default() });
    let bench = bench.at(&pebble, TlsAlpn01);
    bench.failed(codes::WRONG_ANSWER);
}

#[test]
fn what_cannot_be_answered_is_not_asked_for() {
    let pebble = Pebble::start(PebbleOptions::default());
    let bench = Bench::new().at(&pebble, Http01);
    let held = std::net::TcpListener::bind(("127.0.0.1", bench.http_port)).unwrap();
    let finding = bench.failed(codes::PORT);
    assert!(finding.evidence.is_some());
    drop(held);
    let bench = Bench::new().at(&pebble, Dns01);
    bench.failed(codes::CHALLENGE);
    // Nobody has made an account for that.
    assert_eq!(fs::read_dir(bench.path("state")).unwrap().count(), 1);
    let mut bench = Bench::new().at(&pebble, TlsAlpn01);
    bench.settings.domains.clear();
    bench.failed(codes::NO_NAME);
}

#[test]
fn an_authority_that_is_down_is_said() {
    let mut pebble = Pebble::start(PebbleOptions::default());
    let mut bench = Bench::new().at(&pebble, TlsAlpn01);
    bench.is_forced = true;
    // Its certificate is somebody else's.
    let other = Pebble::start(PebbleOptions::default());
    let bench = bench.with_roots(&other.ca_file().display().to_string());
    let finding = bench.failed(codes::UNREACHED);
    assert!(finding.hint.is_some_and(|hint| hint.contains("tls.acme.ca_path")));
    // The roots are no roots.
    fs::write(bench.path("none.pem"), "-----BEGIN\n").unwrap();
    for name in ["none.pem", "absent.pem"] {
        let path = bench.path(name).display().to_string();
        let other = Bench::new().at(&pebble, TlsAlpn01).with_roots(&path);
        other.failed(codes::ROOTS);
    }
    // There is something else there.
    let page = bench.with_roots(&pebble.ca_file().display().to_string());
    let page = page.with_directory(&pebble.directory().replace("/dir", "/nowhere"));
    page.failed(codes::NO_SENSE);
    // And then nothing at all.
    let gone = page.with_directory(&pebble.directory());
    pebble.stop();
    let finding = gone.failed(codes::UNREACHED);
    assert!(finding.evidence.is_some_and(|cause| cause.contains("refused")));
}
