//! DNS-01: an answer in the DNS, which is gone afterwards whatever happens, while those of others stay.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use model::config::AcmeChallenge::Dns01;
use model::{Finding, Severity};
use renewal::disk::RealDisk;
use renewal::records::{Told, TxtRecords};
use renewal::run::{Outcome, Report, needs_records};
use renewal::trouble::codes;
use test_support::{Pebble, PebbleOptions, TextDns};
use tokio::sync::Notify;

use crate::bench::Bench;
use crate::deaths::Dying;

const PLACE: &str = "_acme-challenge.api.test.corp";
const THEIRS: &str = "somebody else's";

type Texts = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// What happens around a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails and does nothing.
    Refused,
    /// It is done and its answer is lost.
    Lost,
    /// The program dies before it.
    DeathBefore,
    /// The program dies after it.
    DeathAfter,
}

/// The DNS of the names, with at most one fault.
pub(crate) struct Zone {
    texts: Texts,
    calls: Mutex<Vec<String>>,
    fault: Mutex<Option<(usize, Fault)>>,
    death: Notify,
}

impl Zone {
    fn new() -> Arc<Self> {
        let texts = BTreeMap::from([(PLACE.to_owned(), vec![THEIRS.to_owned()])]);
        Arc::new(Self {
            texts: Arc::new(Mutex::new(texts)),
            calls: Mutex::default(),
            fault: Mutex::default(),
            death: Notify::new(),
        })
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.texts.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    /// The calls since the last time.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    async fn call(
        &self,
        what: &str,
        change: impl FnOnce(&mut BTreeMap<String, Vec<String>>),
    ) -> Result<(), Box<Finding>> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(what.to_owned());
            calls.len()
        };
        let fault = self.fault.lock().unwrap().take_if(|(at, _)| *at == number).map(|(_, fault)| fault);
        let die = async || {
            self.death.notify_one();
            std::future::pending::<()>().await;
        };
        let failed =
            || Box::new(Finding::new(codes::RECORD, Severity::Error, PLACE, "it fails").hint("again"));
        match fault {
            Some(Fault::Refused) => return Err(failed()),
            Some(Fault::DeathBefore) => die().await,
            _ => {}
        }
        change(&mut self.texts.lock().unwrap());
        match fault {
            Some(Fault::Lost) => Err(failed()),
            Some(Fault::DeathAfter) => {
                die().await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl TxtRecords for Zone {
    fn look<'a>(&'a self, _name: &'a str) -> Told<'a> {
        Box::pin(self.call("look", |_| ()))
    }

    fn publish<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(self.call("publish", move |texts| {
            let values = texts.entry(name.to_owned()).or_default();
            if !values.iter().any(|one| one == value) {
                values.push(value.to_owned());
            }
        }))
    }

    fn withdraw<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(self.call("withdraw", move |texts| {
            texts.entry(name.to_owned()).or_default().retain(|one| one != value);
        }))
    }
}

/// An authority that looks into a zone, and a host that can write it.
fn bench() -> (Bench, Arc<Zone>, TextDns, Pebble) {
    let zone = Zone::new();
    let texts = zone.texts.clone();
    let dns = TextDns::start(move |name| texts.lock().unwrap().get(name).cloned().unwrap_or_default());
    let pebble = Pebble::start(PebbleOptions { dns_port: Some(dns.port()), ..PebbleOptions::default() });
    let mut bench = Bench::new().at(&pebble, Dns01);
    bench.zone = Some(zone.clone());
    (bench, zone, dns, pebble)
}

#[test]
fn a_certificate_is_obtained_through_the_dns() {
    let (mut bench, zone, _dns, _pebble) = bench();
    assert!(needs_records(&bench.settings, &bench.path("state")));
    bench.renewed();
    assert_eq!(zone.calls(), ["look", "publish", "withdraw"]);
    assert_eq!(zone.texts(PLACE), [THEIRS]);
    assert_eq!(bench.state().published, []);
    // Nothing is looked at where nothing is due.
    assert!(matches!(bench.run().outcome, Outcome::Fresh { .. }));
    assert_eq!(zone.calls(), [""; 0]);

    // A name and its wildcard are answered under one name.
    bench.settings.domains = vec!["corp.test".to_owned(), "*.corp.test".to_owned()];
    let leaf = bench.renewed();
    assert_eq!(leaf.names.len(), 2, "{leaf}");
    assert_eq!(zone.calls(), ["look", "publish", "publish", "withdraw", "withdraw"]);
    assert_eq!(zone.texts("_acme-challenge.corp.test"), [""; 0]);
}

#[test]
fn an_answer_that_the_authority_does_not_see_is_taken_back() {
    let zone = Zone::new();
    // The world asks somebody else.
    let dns = TextDns::start(|_| vec![THEIRS.to_owned()]);
    let pebble = Pebble::start(PebbleOptions { dns_port: Some(dns.port()), ..PebbleOptions::default() });
    let mut bench = Bench::new().at(&pebble, Dns01);
    bench.zone = Some(zone.clone());
    let finding = bench.failed(codes::WRONG_ANSWER);
    assert!(finding.hint.is_some_and(|hint| hint.contains("dig +short NS")));
    assert_eq!(zone.calls(), ["look", "publish", "withdraw"]);
    assert_eq!(zone.texts(PLACE), [THEIRS]);
}

#[test]
fn a_zone_that_cannot_be_written_is_found_before_the_authority_is_asked() {
    let (bench, zone, _dns, _pebble) = bench();
    *zone.fault.lock().unwrap() = Some((1, Fault::Refused));
    bench.failed(codes::RECORD);
    // Nobody has made an account for that.
    assert_eq!(std::fs::read_dir(bench.path("state")).unwrap().count(), 1);
}

/// Runs until the fault was met; answers what was live before that run, and what came of it. An authority may remember
/// that it has seen control of a name, and then nothing is answered.
fn until_fault(bench: &Bench, zone: &Zone, at: usize, fault: Fault) -> (String, Option<Report>) {
    loop {
        let before = bench.store().live().unwrap().unwrap().leaf().serial.clone();
        zone.calls();
        *zone.fault.lock().unwrap() = Some((at, fault));
        let report = bench.run_until(Arc::new(RealDisk), zone.death.notified());
        if zone.fault.lock().unwrap().is_none() {
            return (before, report);
        }
        let report = report.unwrap();
        assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}");
        assert_eq!(zone.calls(), ["look"]);
    }
}

#[test]
fn a_fault_or_a_death_at_any_call_is_made_good_by_the_next_run() {
    let (mut bench, zone, _dns, _pebble) = bench();
    bench.is_forced = true;
    bench.renewed();
    for fault in [Fault::Refused, Fault::Lost, Fault::DeathBefore, Fault::DeathAfter] {
        for at in 1..=3 {
            let (before, report) = until_fault(&bench, &zone, at, fault);
            let live = bench.store().live().unwrap().expect("there is a pair");
            assert!(!live.leaf().is_placeholder);
            let is_death = matches!(fault, Fault::DeathBefore | Fault::DeathAfter);
            assert_eq!(report.is_none(), is_death, "{fault:?} {at}: {report:#?}");
            match report {
                Some(report) if matches!(report.outcome, Outcome::Renewed { .. }) => {
                    // What could not be taken back is no reason not to serve what has come.
                    assert_eq!(at, 3, "{fault:?}: {report:#?}");
                    assert!(
                        report.findings.iter().any(|one| one.severity == Severity::Warning),
                        "{report:#?}"
                    );
                    assert_ne!(live.leaf().serial, before);
                }
                _ => assert_eq!(live.leaf().serial, before, "{fault:?} {at}"),
            }
            assert!(zone.texts(PLACE).contains(&THEIRS.to_owned()));
            // The next run, which has nothing else to do.
            bench.is_forced = false;
            let next = bench.run();
            bench.is_forced = true;
            assert!(!matches!(next.outcome, Outcome::Failed), "{fault:?} {at}: {next:#?}");
            assert_eq!(zone.texts(PLACE), [THEIRS], "{fault:?} {at}");
            assert_eq!(bench.state().published, [], "{fault:?} {at}");
        }
    }
}

#[test]
fn a_disk_that_fails_anywhere_leaves_no_answer_behind() {
    let (mut bench, zone, _dns, _pebble) = bench();
    bench.is_forced = true;
    bench.renewed();
    for point in 0.. {
        let disk = Arc::new(Dying(AtomicUsize::new(point)));
        let report = bench.run_on(disk.clone());
        assert!(!bench.store().live().unwrap().unwrap().leaf().is_placeholder);
        bench.is_forced = false;
        let next = bench.run();
        bench.is_forced = true;
        assert!(!matches!(next.outcome, Outcome::Failed), "{point}: {next:#?}");
        assert_eq!(zone.texts(PLACE), [THEIRS], "{point}");
        assert_eq!(bench.state().published, [], "{point}");
        if disk.0.load(Ordering::SeqCst) > 0 {
            assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{point}: {report:#?}");
            return;
        }
    }
}

#[test]
fn what_is_left_is_taken_back_also_where_another_challenge_is_configured() {
    let (mut bench, zone, _dns, pebble) = bench();
    *zone.fault.lock().unwrap() = Some((2, Fault::DeathAfter));
    assert_eq!(bench.run_until(Arc::new(RealDisk), zone.death.notified()).map(|_| ()), None);
    assert_eq!(zone.texts(PLACE).len(), 2);
    bench = bench.at(&pebble, model::config::AcmeChallenge::Http01);
    assert!(needs_records(&bench.settings, &bench.path("state")));
    // Somebody who cannot reach the DNS says what is left there.
    bench.zone = None;
    let report = bench.run();
    let said = report.findings.iter().find(|one| one.code == codes::RECORD_LEFT).unwrap();
    assert!(
        said.severity == Severity::Warning && said.evidence.as_ref().unwrap().contains(PLACE),
        "{said:?}"
    );
    assert_eq!(zone.texts(PLACE).len(), 2);
    bench.zone = Some(zone.clone());
    bench.run();
    assert_eq!(zone.texts(PLACE), [THEIRS]);
    assert!(!needs_records(&bench.settings, &bench.path("state")));
}
