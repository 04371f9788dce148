//! A run that is killed at any operation on a file: a pair is served, and the next run comes through.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::config::AcmeChallenge::TlsAlpn01;
use renewal::disk::{Disk, RealDisk};
use renewal::run::Outcome;
use test_support::{PairServer, Pebble, PebbleOptions};

use crate::bench::Bench;

/// Does so many operations and then none.
pub(crate) struct Dying(pub(crate) AtomicUsize);

impl Dying {
    fn alive(&self) -> io::Result<()> {
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(|_| ())
            .map_err(|_| io::Error::other("killed"))
    }
}

impl Disk for Dying {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.make_folder(path))
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.alive().or_else(|error| RealDisk.write(path, &bytes[..bytes.len() / 2]).and(Err(error)))?;
        RealDisk.write(path, bytes)
    }
    fn hand_over(&self, path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.hand_over(path, mode, owner))
    }
    fn settle(&self, folder: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.settle(folder))
    }
    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.link(target, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.remove(path))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| RealDisk.remove_folder(path))
    }
}

#[test]
fn a_run_that_is_killed_anywhere_leaves_a_serving_pair() {
    let mut bench = Bench::new();
    let responder = PairServer::start(&bench.path("tls"));
    let pebble = Pebble::start(PebbleOptions { tls_port: responder.port(), ..PebbleOptions::default() });
    bench = bench.at(&pebble, TlsAlpn01);
    bench.is_forced = true;
    bench.renewed();
    for point in 0.. {
        let before = bench.store().live().unwrap().unwrap().leaf().serial.clone();
        let disk = Arc::new(Dying(AtomicUsize::new(point)));
        let report = bench.run_on(disk.clone());
        let live = bench.store().live().expect("half a pair is live").expect("there is a pair");
        assert!(!live.leaf().is_placeholder);
        let is_done = matches!(report.outcome, Outcome::Renewed { .. });
        let is_whole = disk.0.load(Ordering::SeqCst) > 0;
        if !is_done {
            // What it had not exchanged yet is as it was; what it had is finished by the next run.
            bench.is_forced = false;
            let next = bench.run();
            assert!(!matches!(next.outcome, Outcome::Failed), "{point}: {next:#?}");
            assert_eq!(bench.answers(), Vec::<String>::new(), "{point}");
            bench.is_forced = true;
        } else if live.leaf().serial == before {
            panic!("{point}: renewed, but the old one is live");
        }
        if is_whole {
            assert!(is_done && point > 20, "{point}: {report:#?}");
            return;
        }
    }
}
