//! What reaches a journal and a syslog server, and what is left for the log.

use std::{net::UdpSocket, time::Duration};

use jiff::Timestamp;
use model::security::Kind;

use super::*;
use crate::telemetry::testing;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that listens in a folder of its own.
fn listening() -> (tempfile::TempDir, PathBuf, UnixDatagram) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (folder, path, socket)
}

fn taken(socket: &UnixDatagram) -> String {
    let mut bytes = vec![0; 65_536];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

fn outlets(journal: Journal, syslog: Option<Syslog>) -> Outlets {
    let teller = Teller { journal_stream: None, process_id: 42 };
    Outlets::open(&Security { journal, syslog }, &teller, Arc::new(Still))
}

fn refusal() -> Event {
    Event::new(Kind::AuthnLoginFail)
        .with("reason", "unknown_kid")
        .with("peer", "203.0.113.7")
        .with("request", "req-1")
        .with("kid", "a\nPRIORITY=0 Bearer abcdefghijklmnop")
}

#[test]
fn the_journal_has_an_event_once_and_the_log_has_it_where_the_journal_does_not() {
    let (folder, path, socket) = listening();
    let (log, record) = testing::captured("info", || {
        let outlets = outlets(Journal::Socket(path), None);
        tell(&refusal(), Some(&outlets));
        let record = taken(&socket);
        drop((socket, folder));
        tell(&Event::new(Kind::SysShutdown), Some(&outlets));
        record
    });
    let fields: Vec<(&str, &str)> = record.lines().map(|line| line.split_once('=').unwrap()).collect();
    for field in [
        ("MESSAGE_ID", Kind::AuthnLoginFail.message_id()),
        ("PRIORITY", "4"),
        ("SYSLOG_FACILITY", "10"),
        ("SYSLOG_IDENTIFIER", "bedrock-nova-proxy"),
        ("EVENT", "authn_login_fail"),
        ("REASON", "unknown_kid"),
        ("SRC_IP", "203.0.113.7"),
        ("REQUEST_ID", "req-1"),
        ("KID", "a%0APRIORITY=0 Bearer [redacted]"),
    ] {
        assert!(fields.contains(&field), "{field:?}: {record}");
    }
    assert!(!record.contains("abcdefghijklmnop"), "{record}");
    assert!(!log.contains("authn_login_fail"), "{log}");
    assert!(log.contains("security event=sys_shutdown"), "{log}");
}

#[test]
fn a_syslog_server_has_every_event_and_so_has_the_log() {
    let (_folder, path, unix) = listening();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = udp.local_addr().unwrap();
    let (log, ()) = testing::captured("info", || {
        tell(&refusal(), Some(&outlets(Journal::Auto, Some(Syslog::Unix(path)))));
        tell(&refusal(), Some(&outlets(Journal::Off, Some(Syslog::Udp(address)))));
    });
    let mut bytes = vec![0; 65_536];
    let length = udp.recv(&mut bytes).unwrap();
    let by_udp = String::from_utf8(bytes[..length].to_vec()).unwrap();
    assert_eq!(by_udp, taken(&unix));
    assert!(by_udp.starts_with("<84>1 2026-09-21T14:13:20.000000Z "), "{by_udp}");
    assert!(by_udp.contains(" bedrock-nova-proxy 42 authn_login_fail [security@32473 reason="), "{by_udp}");
    assert!(!by_udp.contains("abcdefghijklmnop"), "{by_udp}");
    assert_eq!(log.matches("security event=authn_login_fail").count(), 2, "{log}");
}

#[test]
fn a_server_that_is_gone_is_complained_of_once() {
    let outlets = outlets(Journal::Off, Some(Syslog::Unix("/nothing/here".into())));
    let (log, ()) = testing::captured("info", || {
        for _ in 0..3 {
            tell(&refusal(), Some(&outlets));
        }
    });
    assert_eq!(log.matches(codes::NO_OUTLET).count(), 1, "{log}");
    assert_eq!(log.matches("security event=authn_login_fail").count(), 3, "{log}");
}

#[test]
fn the_journal_is_used_by_itself_only_where_the_log_goes_there() {
    let stream = |text: &str| Teller { journal_stream: Some(text.to_owned()), process_id: 1 };
    let status = rustix::fs::fstat(std::io::stderr()).unwrap();
    assert!(logs_to_journal(&stream(&format!("{}:{}", status.st_dev, status.st_ino))));
    for other in ["", ":", "1:2", "nonsense"] {
        assert!(!logs_to_journal(&stream(other)), "{other}");
    }
    assert!(!logs_to_journal(&Teller::default()));
}

#[test]
fn levels_follow_priorities() {
    let (log, ()) = testing::captured("debug", || {
        for kind in [Kind::CertExpired, Kind::KeyPermissionWeak, Kind::SysStartup, Kind::TlsHandshakeFail] {
            tell(&Event::new(kind), None);
        }
    });
    let levels: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].take())
        .collect();
    assert_eq!(levels, ["ERROR", "WARN", "INFO", "DEBUG"]);
}
