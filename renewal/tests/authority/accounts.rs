//! Accounts: bound to another, lost, damaged; and that nothing secret is seen anywhere.

use std::fs;

use model::config::AcmeChallenge::TlsAlpn01;
use renewal::run::Outcome;
use renewal::trouble::codes;
use test_support::{PairServer, Pebble, PebbleOptions};

use crate::bench::Bench;

/// A key of the right form that the authority does not know.
const FOREIGN_KEY: &str = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH";

#[test]
fn an_account_is_bound_to_another() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions {
        needs_external_account: true,
        tls_port: responder.port(),
        ..PebbleOptions::default()
    });
    let (key_id, key) = pebble.external_account();
    let mut bench = bench.at(&pebble, TlsAlpn01);
    bench.is_forced = true;
    let finding = bench.failed(codes::ACCOUNT);
    assert!(finding.hint.is_some_and(|hint| hint.contains("tls.acme.eab_key_id")));
    let bench = bench.with_external_account(key_id, FOREIGN_KEY);
    bench.failed(codes::ACCOUNT);
    let bench = bench.with_external_account(key_id, "not base64url!");
    bench.failed(codes::EXTERNAL_ACCOUNT);
    let bench = bench.with_external_account(key_id, key);
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}\n{}", pebble.log());

    // Nothing secret in what is said or noted: the key that binds, the account's own, the certificate's.
    let state = fs::read_to_string(bench.path("state/renewal.json")).unwrap();
    let said = format!("{report:?}{}{state}", report.outcome);
    let private = fs::read_to_string(bench.path("tls/live/privkey.pem")).unwrap();
    let account = fs::read_dir(bench.path("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.display().to_string().contains("acme-account-"))
        .unwrap();
    let account = fs::read_to_string(account).unwrap();
    let own = account.split("key_pkcs8\":\"").nth(1).unwrap().split('"').next().unwrap();
    for secret in [key, own, private.lines().nth(1).unwrap()] {
        assert!(secret.len() > 30 && !said.contains(secret), "{said}");
    }
}

#[test]
fn an_account_that_the_authority_lost_or_the_disk_damaged_is_made_anew() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let mut pebble = Pebble::start(PebbleOptions { tls_port: responder.port(), ..PebbleOptions::default() });
    let mut bench = bench.at(&pebble, TlsAlpn01);
    bench.renewed();
    let first = bench.state().account;
    pebble.forget();
    bench.is_forced = true;
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}\n{}", pebble.log());
    assert_eq!(report.findings[0].code, codes::ACCOUNT_ANEW, "{report:#?}");
    assert_ne!(bench.state().account, first);
    // Half a file is as good as none, and so is half a state.
    for entry in fs::read_dir(bench.path("state")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
    }
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}");
    assert_eq!(report.findings[0].code, codes::STATE, "{report:#?}");
}

#[test]
fn an_authority_that_rejects_nonces_is_asked_again() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions {
        rejected_nonces: 20,
        tls_port: responder.port(),
        ..PebbleOptions::default()
    });
    let mut bench = bench.at(&pebble, TlsAlpn01);
    bench.is_forced = true;
    // Three in a row end a run now and then; more than that is no accident.
    for _ in 0..12 {
        let report = bench.run();
        if matches!(report.outcome, Outcome::Renewed { .. }) {
            return;
        }
        assert_eq!(report.findings.last().unwrap().code, codes::UNREACHED, "{report:#?}");
    }
    panic!("no run of twelve came through");
}
