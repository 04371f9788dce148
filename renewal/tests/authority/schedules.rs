//! First issuance, renewal before the end, and an authority that shortens lifetimes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use jiff::SignedDuration;
use model::config::AcmeChallenge::{Http01, TlsAlpn01};
use renewal::run::Outcome;
use renewal::schedule::Reason;
use renewal::trouble::codes;
use test_support::{PairServer, Pebble, PebbleOptions};

use crate::bench::{Bench, NAME};

fn pebble(responder: &PairServer) -> Pebble {
    Pebble::start(PebbleOptions { tls_port: responder.port(), ..PebbleOptions::default() })
}

#[test]
fn a_host_with_nothing_gets_a_certificate_and_renews_it_before_its_end() {
    let bench = Bench::new();
    // A killed run has left an answer.
    fs::write(bench.path("tls/challenges/old.test.corp.pem"), "").unwrap();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = pebble(&responder);
    let mut bench = bench.at(&pebble, TlsAlpn01);

    let report = bench.run();
    let Outcome::Renewed { reason: Some(Reason::Placeholder), leaf } = report.outcome else {
        panic!("{report:#?}\n{}", pebble.log())
    };
    assert!(leaf.covers(NAME) && leaf.issuer.contains("Pebble"), "{leaf:#?}");
    assert_eq!(bench.answers(), Vec::<String>::new());
    // Somebody else's eye: the chain leads to the authority's root, and the key is the certificate's.
    let root = bench.path("root.pem");
    fs::write(&root, pebble.issuing_root()).unwrap();
    let chain = bench.path("tls/live/fullchain.pem");
    let verified = Command::new("openssl")
        .args(["verify", "-CAfile"])
        .arg(&root)
        .arg("-untrusted")
        .arg(&chain)
        .arg(&chain)
        .output()
        .expect("`openssl` is installed (Debian: apt-get install openssl)");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    // The account is kept, for nobody else.
    let accounts: Vec<_> = fs::read_dir(bench.path("state"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("acme-account-"))
        .collect();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(bench.state().account.is_some_and(|url| url.starts_with("https://127.0.0.1")));

    // Six days: not after two and a half, but after three.
    for (hours, is_due) in [(0, false), (60, false), (71, false), (73, true)] {
        bench.ahead = SignedDuration::from_hours(hours);
        let report = bench.run();
        match report.outcome {
            Outcome::Fresh { due: Some(_), is_suggested: false } => assert!(!is_due, "{hours}"),
            Outcome::Renewed { reason: Some(Reason::LifeLeft), leaf: new } => {
                assert!(is_due, "{hours}");
                assert_ne!(new.serial, leaf.serial);
            }
            outcome => panic!("{outcome:?} {:#?}", report.findings),
        }
    }
    // The account was used again.
    assert_eq!(fs::read_dir(bench.path("state")).unwrap().count(), 2);
    assert_eq!(fs::read_dir(bench.path("tls/pairs")).unwrap().count(), 3);

    // Another name is due at once, and so is another authority.
    bench.settings.domains.push("www.test.corp".to_owned());
    let two = bench.renewed();
    assert!(two.covers("www.test.corp") && two.covers(NAME));
    let bench = bench.with_directory(&pebble.directory().replace("127.0.0.1", "localhost"));
    let report = bench.run();
    assert!(
        matches!(report.outcome, Outcome::Renewed { reason: Some(Reason::Authority), .. }),
        "{report:#?}"
    );
}

#[test]
fn two_names_over_http() {
    let bench = Bench::new();
    let pebble = Pebble::start(PebbleOptions { is_strict: true, ..PebbleOptions::default() });
    let mut bench = bench.at(&pebble, Http01);
    bench.settings.domains = vec!["a.test.corp".to_owned(), "b.test.corp".to_owned()];
    let leaf = bench.renewed();
    assert_eq!(leaf.missing(&bench.settings.domains), Vec::<String>::new());
    // The port is free again.
    std::net::TcpListener::bind(("127.0.0.1", bench.http_port)).unwrap();
}

#[test]
fn an_authority_that_shortens_lifetimes_makes_no_loop() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let options = PebbleOptions { validity: 300, tls_port: responder.port(), ..PebbleOptions::default() };
    let pebble = Pebble::start(options);
    let mut bench = bench.at(&pebble, TlsAlpn01);
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}");
    assert!(report.findings.iter().any(|finding| finding.code == codes::SHORT), "{report:#?}");
    // Somebody runs it again and again within the minutes that it lives, and after them.
    for seconds in [0, 60, 140, 160, 250, 290, 320, 500] {
        bench.ahead = SignedDuration::from_secs(seconds);
        let report = bench.run();
        assert!(
            matches!(report.outcome, Outcome::Fresh { .. } | Outcome::Waiting { .. }),
            "{seconds}: {report:#?}"
        );
    }
}
