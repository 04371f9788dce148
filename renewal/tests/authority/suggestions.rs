//! What an authority suggests (RFC 9773), and that its silence stops nothing.

use jiff::SignedDuration;
use model::config::AcmeChallenge::TlsAlpn01;
use renewal::run::Outcome;
use renewal::schedule::Reason;
use renewal::trouble::codes;
use test_support::{AuthorityFront, PairServer, Pebble, PebbleOptions, RenewalAnswer};

use crate::bench::Bench;

#[test]
fn an_authority_suggests_and_is_obeyed_and_its_silence_stops_nothing() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions { tls_port: responder.port(), ..PebbleOptions::default() });
    let front = AuthorityFront::start(&pebble, RenewalAnswer::NotFound);
    let mut bench = bench.at(&pebble, TlsAlpn01).with_directory(&front.directory());
    let first = bench.renewed();
    let start = bench.now();
    let hours = |hours: i64| start.checked_add(SignedDuration::from_hours(hours)).unwrap().to_string();
    let window = |from: i64, to: i64, retry_after: Option<&str>| RenewalAnswer::Window {
        start: hours(from),
        end: hours(to),
        retry_after: retry_after.map(str::to_owned),
    };

    // What is no answer is said, and the rule holds.
    for answer in
        [RenewalAnswer::NotFound, RenewalAnswer::Garbage, RenewalAnswer::Silent, window(5, 1, Some("60"))]
    {
        front.set(answer.clone());
        let report = bench.run();
        assert!(
            matches!(report.outcome, Outcome::Fresh { is_suggested: false, .. }),
            "{answer:?} {report:#?}"
        );
        assert_eq!(report.findings[0].code, codes::SUGGESTION, "{answer:?} {report:#?}");
    }
    // A window ahead, without `Retry-After`: one moment in it is drawn, and it is not asked again for a while.
    front.set(window(20, 40, None));
    let report = bench.run();
    let Outcome::Fresh { due: Some(due), is_suggested: true } = report.outcome else { panic!("{report:#?}") };
    assert_eq!(due.to_string()[..13], hours(30)[..13]);
    let asked = front.asked().len();
    front.set(RenewalAnswer::NotFound);
    bench.ahead = SignedDuration::from_hours(2);
    assert!(matches!(bench.run().outcome, Outcome::Fresh { is_suggested: true, .. }));
    assert_eq!(front.asked().len(), asked);
    // The certificate was asked about by its own name.
    assert!(front.asked().iter().any(|path| path.starts_with("/renewal-info/") && path.contains('.')));
    // A window that has passed: something happened to the certificate.
    bench.ahead = SignedDuration::from_hours(10);
    front.set(window(-3, -2, Some("3600")));
    let report = bench.run();
    let Outcome::Renewed { reason: Some(Reason::Suggested), leaf } = report.outcome else {
        panic!("{report:#?}\n{}", pebble.log())
    };
    assert_ne!(leaf.serial, first.serial);
    // And the authority that says so again and again is not asked again and again.
    for hours in [10, 11, 12, 20] {
        bench.ahead = SignedDuration::from_hours(hours);
        let report = bench.run();
        assert!(matches!(report.outcome, Outcome::Waiting { reason: Reason::Suggested, .. }), "{report:#?}");
    }
    // Silence until a third is left, and then it is due all the same.
    front.set(RenewalAnswer::NotFound);
    bench.ahead = SignedDuration::from_hours(4 * 24);
    let report = bench.run();
    assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}");
}

#[test]
fn an_authority_that_has_had_enough_is_left_alone() {
    let bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions { tls_port: responder.port(), ..PebbleOptions::default() });
    let front = AuthorityFront::start(&pebble, RenewalAnswer::Busy("100000".to_owned()));
    let mut bench = bench.at(&pebble, TlsAlpn01).with_directory(&front.directory());
    bench.failed(codes::RATE_LIMITED);
    let wait = bench.state().next_try.unwrap().duration_since(bench.now()).as_secs();
    assert!((99_000..=100_000).contains(&wait), "{wait}");
    front.set(RenewalAnswer::NotFound);
    let asked = front.asked().len();
    bench.ahead = SignedDuration::from_secs(90_000);
    assert!(matches!(bench.run().outcome, Outcome::Waiting { .. }));
    assert_eq!(front.asked().len(), asked);
    bench.ahead = SignedDuration::from_secs(100_100);
    bench.renewed();
}
