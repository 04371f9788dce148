//! Which pairs are shown, and when.

use std::os::unix::fs::symlink;

use jiff::Timestamp;
use proptest::prelude::*;
use rcgen::date_time_ymd;

use super::{
    CertificateWatch, Look, Server, TlsError, load_pair,
    testing::{Authority, Folder, now, replace},
};
use crate::config::{ClientAuth, codes};
use std::sync::Arc;

fn code(result: Result<impl Sized, TlsError>) -> Option<&'static str> {
    result.err().map(|error| error.code())
}

#[test]
fn a_pair_that_is_right_is_loaded_with_every_kind_of_key() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    assert!(load_pair(&folder.settings(), now()).is_ok());
    for (algorithm, name) in [("RSA:2048", "rsa"), ("EC", "ec"), ("ED25519", "ed25519")] {
        let curve = if name == "ec" { vec!["-pkeyopt", "ec_paramgen_curve:P-384"] } else { Vec::new() };
        openssl(
            &folder,
            &[&["req", "-x509", "-newkey", algorithm.to_lowercase().as_str(), "-nodes", "-days", "36500"][..], &curve, &[
                "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE",
                "-keyout", "key.pem", "-out", "cert.pem",
            ]]
            .concat(),
        );
        assert_eq!(code(load_pair(&folder.settings(), later())), None, "{name}");
    }
    // PKCS#1, and SEC1 with the parameters in front of it, as older tools write them.
    openssl(
        &folder,
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "36500",
            "-subj",
            "/CN=x",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "k8.pem",
            "-out",
            "cert.pem",
        ],
    );
    openssl(&folder, &["rsa", "-in", "k8.pem", "-traditional", "-out", "key.pem"]);
    assert_eq!(code(load_pair(&folder.settings(), later())), None);
    openssl(&folder, &["ecparam", "-name", "prime256v1", "-genkey", "-out", "key.pem"]);
    openssl(
        &folder,
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            "key.pem",
            "-days",
            "36500",
            "-subj",
            "/CN=x",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            "cert.pem",
        ],
    );
    assert_eq!(code(load_pair(&folder.settings(), later())), None);
}

/// A time after certificates that are made now begin to be valid.
fn later() -> Timestamp {
    "2090-01-01T00:00:00Z".parse().unwrap()
}

fn openssl(folder: &Folder, arguments: &[&str]) {
    let output =
        std::process::Command::new("openssl").args(arguments).current_dir(folder.folder.path()).output();
    let output = output.expect("this test needs openssl (Debian: openssl)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn each_fault_of_a_pair_has_its_code() {
    let authority = Authority::new();
    let good = authority.issue();
    let other = authority.issue();
    let expired = authority.issue_with(|params| params.not_after = date_time_ymd(2026, 6, 15));
    let future = authority.issue_with(|params| params.not_before = date_time_ymd(2026, 6, 16));
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut_off = &good.certificate[..good.certificate.len() / 2];
    for (certificate, key, wanted) in [
        (good.certificate.as_str(), good.key.as_str(), None),
        (&good.certificate, &other.key, Some(codes::KEY_MISMATCH)),
        (&expired.certificate, &expired.key, Some(codes::EXPIRED)),
        (&future.certificate, &future.key, Some(codes::NOT_YET_VALID)),
        ("", &good.key, Some(codes::NO_CERTIFICATE)),
        (garbage, &good.key, Some(codes::NO_CERTIFICATE)),
        (cut_off, &good.key, Some(codes::NO_CERTIFICATE)),
        (&good.key, &good.key, Some(codes::NO_CERTIFICATE)),
        (&good.certificate, "", Some(codes::NO_KEY)),
        (&good.certificate, &good.certificate, Some(codes::NO_KEY)),
        (
            &good.certificate,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            Some(codes::NO_KEY),
        ),
    ] {
        let folder = Folder::with(&good);
        replace(&folder.path("cert.pem"), certificate);
        replace(&folder.path("key.pem"), key);
        let result = load_pair(&folder.settings(), now());
        if let Err(error) = &result {
            let text = format!("{error:?} {}", error.with_cause());
            assert!(!key.lines().any(|line| line.len() > 40 && text.contains(line)), "{text}");
        }
        assert_eq!(code(result), wanted);
    }
}

#[test]
fn files_that_are_no_files_are_named() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    std::fs::remove_file(folder.path("key.pem")).unwrap();
    assert_eq!(code(load_pair(&folder.settings(), now())), Some(codes::UNREADABLE_KEY));
    std::fs::remove_file(folder.path("cert.pem")).unwrap();
    std::fs::create_dir(folder.path("cert.pem")).unwrap();
    assert_eq!(code(load_pair(&folder.settings(), now())), Some(codes::UNREADABLE_CERTIFICATE));
}

#[test]
fn a_certificate_is_good_for_every_configured_name() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    for (name, is_good) in [
        ("localhost", true),
        ("api.example.com", true),
        ("*.example.com", true),
        ("127.0.0.1", true),
        ("example.com", false),
        ("a.api.example.com", false),
        ("127.0.0.2", false),
        ("*.example.org", false),
        ("::1", false),
    ] {
        let settings =
            crate::config::Tls { names: vec!["localhost".into(), name.into()], ..folder.settings() };
        let result = load_pair(&settings, now());
        assert_eq!(code(result), (!is_good).then_some(codes::NAME_NOT_COVERED), "{name}");
    }
}

#[test]
fn dates_are_compared_to_the_second_and_far_ones_do_no_harm() {
    let authority = Authority::new();
    let pair = authority.issue_with(|params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(9999, 12, 31);
    });
    let folder = Folder::with(&pair);
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for (second, wanted) in [(-1, Some(codes::NOT_YET_VALID)), (0, None), (1, None)] {
        let at = Timestamp::from_second(begin.as_second() + second).unwrap();
        assert_eq!(code(load_pair(&folder.settings(), at)), wanted, "{second}");
    }
    assert_eq!(code(load_pair(&folder.settings(), "9000-01-01T00:00:00Z".parse().unwrap())), None);
    let old = authority.issue_with(|params| params.not_after = date_time_ymd(2026, 1, 1));
    folder.put(&old);
    for (second, wanted) in [(0, None), (1, Some(codes::EXPIRED))] {
        let at = Timestamp::from_second(begin.as_second() + second).unwrap();
        assert_eq!(code(load_pair(&folder.settings(), at)), wanted, "{second}");
    }
}

#[test]
fn authorities_of_clients_have_to_be_some() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    let settings = |text: &str| {
        std::fs::write(folder.path("ca.pem"), text).unwrap();
        let client_auth = Some(ClientAuth { ca_path: folder.path("ca.pem"), required: true });
        crate::config::Tls { client_auth, ..folder.settings() }
    };
    assert_eq!(code(Server::new(&settings(&authority.certificate), now())), None);
    assert_eq!(code(Server::new(&settings(""), now())), Some(codes::CLIENT_CA));
    assert_eq!(code(super::check_client_auth(&settings("x"))), Some(codes::CLIENT_CA));
}

/// A watch over a folder with a pair in it.
fn watched(folder: &Folder) -> (Arc<Server>, CertificateWatch) {
    let server = Arc::new(Server::new(&folder.settings(), now()).unwrap());
    let watch = CertificateWatch::new(Arc::clone(&server), &folder.settings());
    (server, watch)
}

#[test]
fn a_renewed_pair_is_shown_in_whatever_order_its_files_come() {
    let authority = Authority::new();
    for key_first in [true, false] {
        let (old, new) = (authority.issue(), authority.issue());
        let folder = Folder::with(&old);
        let (server, mut watch) = watched(&folder);
        assert!(matches!(watch.look(&folder.settings(), now()), Look::Same));
        let (first, second) = (("key.pem", &new.key), ("cert.pem", &new.certificate));
        let (first, second) = if key_first { (first, second) } else { (second, first) };
        replace(&folder.path(first.0), first.1);
        assert!(matches!(watch.look(&folder.settings(), now()), Look::Waiting));
        assert_eq!(server.pair().cert[0], old.leaf());
        replace(&folder.path(second.0), second.1);
        assert!(matches!(watch.look(&folder.settings(), now()), Look::Exchanged));
        assert_eq!(server.pair().cert[0], new.leaf());
        assert!(matches!(watch.look(&folder.settings(), now()), Look::Same));
    }
}

#[test]
fn a_fault_is_reported_once_and_the_old_pair_goes_on() {
    let authority = Authority::new();
    let old = authority.issue();
    let folder = Folder::with(&old);
    let (server, mut watch) = watched(&folder);
    let expired = authority.issue_with(|params| params.not_after = date_time_ymd(2026, 1, 1));
    let future = authority.issue_with(|params| params.not_before = date_time_ymd(2026, 7, 1));
    let refused = |look: Look| match look {
        Look::Refused(error) => Some(error.code()),
        _ => None,
    };
    folder.put(&expired);
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::EXPIRED));
    assert!(matches!(watch.look(&folder.settings(), now()), Look::Same));
    folder.put(&future);
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::NOT_YET_VALID));
    std::fs::write(folder.path("cert.pem"), "").unwrap();
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::NO_CERTIFICATE));
    std::fs::remove_file(folder.path("cert.pem")).unwrap();
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::UNREADABLE_CERTIFICATE));
    // Two that do not belong together are waited for once.
    replace(&folder.path("cert.pem"), &old.certificate);
    assert!(matches!(watch.look(&folder.settings(), now()), Look::Waiting));
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::KEY_MISMATCH));
    assert_eq!(server.pair().cert[0], old.leaf());
    // What is refused today may be right tomorrow, though no file changes.
    folder.put(&future);
    assert_eq!(refused(watch.look(&folder.settings(), now())), Some(codes::NOT_YET_VALID));
    let july = "2026-07-02T00:00:00Z".parse().unwrap();
    assert!(matches!(watch.look(&folder.settings(), july), Look::Exchanged));
    assert_eq!(server.pair().cert[0], future.leaf());
}

#[test]
fn the_switch_of_a_link_is_seen() {
    let authority = Authority::new();
    let (old, new) = (Folder::with(&authority.issue()), authority.issue());
    let renewed = Folder::with(&new);
    let live = tempfile::tempdir().unwrap();
    let link = live.path().join("live");
    symlink(old.folder.path(), &link).unwrap();
    let settings = crate::config::Tls {
        cert_path: link.join("cert.pem"),
        key_path: link.join("key.pem"),
        ..old.settings()
    };
    let server = Arc::new(Server::new(&settings, now()).unwrap());
    let mut watch = CertificateWatch::new(Arc::clone(&server), &settings);
    symlink(renewed.folder.path(), live.path().join("next")).unwrap();
    std::fs::rename(live.path().join("next"), &link).unwrap();
    assert!(matches!(watch.look(&settings, now()), Look::Exchanged));
    assert_eq!(server.pair().cert[0], new.leaf());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_happens_to_the_files_only_whole_pairs_are_shown(
        steps in prop::collection::vec((0_usize..3, 0_usize..3, 0_usize..4), 1..12),
    ) {
        let authority = Authority::new();
        let pairs: Vec<_> = (0..3).map(|_| authority.issue()).collect();
        let folder = Folder::with(&pairs[0]);
        let (server, mut watch) = watched(&folder);
        for (certificate, key, damage) in steps {
            let (certificate, key) = (&pairs[certificate], &pairs[key]);
            let (text, key_text) = match damage {
                1 => (&certificate.certificate[..200], key.key.as_str()),
                2 => (certificate.certificate.as_str(), &key.key[..60]),
                _ => (certificate.certificate.as_str(), key.key.as_str()),
            };
            replace(&folder.path("cert.pem"), text);
            watch.look(&folder.settings(), now());
            replace(&folder.path("key.pem"), key_text);
            watch.look(&folder.settings(), now());
            prop_assert!(server.pair().keys_match().is_ok());
        }
        // Once both files are there, it settles.
        folder.put(&pairs[2]);
        watch.look(&folder.settings(), now());
        prop_assert_eq!(&server.pair().cert[0], &pairs[2].leaf());
    }
}
