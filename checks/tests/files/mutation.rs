//! Files that were changed somewhere: never a panic, never a hang, and never taken for what they are not.

use std::sync::LazyLock;

use checks::cert::facts::{Item, KeyState};
use checks::cert::read::{Contents, UNREADABLE, certificate, items};
use proptest::prelude::*;
use proptest::sample::Index;
use x509_parser::prelude::FromDer as _;

use crate::support::{Folder, der, openssl, pair, text};

/// A change of bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), 1_usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match change {
            Change::Flip(at, mask) => bytes[at.index(length)] ^= mask,
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Change::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

/// A certificate with all extensions that facts are read from.
static RICH: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    let path = text(&folder.path("rich.der"));
    let extensions = [
        "subjectAltName=DNS:www.example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,email:a@example.com",
        "keyUsage=critical,digitalSignature,keyEncipherment",
        "extendedKeyUsage=serverAuth,clientAuth",
        "authorityInfoAccess=caIssuers;URI:http://ca.example.com/ca.der,OCSP;URI:http://ocsp.example.com/",
        "certificatePolicies=2.23.140.1.2.1",
        "crlDistributionPoints=URI:http://ca.example.com/ca.crl",
    ];
    let mut arguments =
        vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    arguments.extend(["-subj", "/C=US/O=Example/CN=www.example.com", "-days", "90", "-outform", "DER"]);
    arguments.extend(["-keyout", "/dev/null", "-out", &path]);
    arguments.extend(extensions.iter().flat_map(|extension| ["-addext", extension]));
    openssl(&arguments);
    std::fs::read(path).unwrap()
});

static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (one, key) = pair("one.example.com");
    format!("{key}{one}{}", pair("two.example.com").0).into_bytes()
});

static ARCHIVE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    let (pem, key) = pair("www.example.com");
    let (pem, key) = (folder.write("a.pem", pem), folder.write("a.key", key));
    let to = folder.path("a.p12");
    let inputs = ["pkcs12", "-export", "-in", &text(&pem), "-inkey", &text(&key), "-out", &text(&to)];
    openssl(&[&inputs[..], &["-passout", "pass:", "-iter", "1", "-macalg", "sha256"]].concat());
    std::fs::read(to).unwrap()
});

/// Whether there is a certificate in it that looks plain, and which.
fn plain(contents: &Contents) -> Vec<Vec<u8>> {
    let certificates = contents.items.iter().filter_map(|item| match item {
        Item::Certificate(certificate) if certificate.oddities.is_empty() => Some(certificate.der.to_vec()),
        _ => None,
    });
    certificates.collect()
}

/// Whether something in these bytes was not read, and is said so.
fn is_said(contents: &Contents) -> bool {
    let is_key_spoilt = contents.keys.iter().any(|key| matches!(key, KeyState::Unreadable(_)));
    is_key_spoilt
        || contents.items.iter().any(|item| match item {
            Item::Malformed { .. } => true,
            Item::Certificate(certificate) => !certificate.oddities.is_empty(),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Feature: aws-ec2-production-deployment, Property 7: a certificate whose structure was changed is refused, or is
    /// odd; one that looks plain is one to other readers too, and its facts are theirs.
    #[test]
    fn a_changed_certificate_is_refused_or_read_as_others_read_it(changes in prop::collection::vec(change(), 1..4)) {
        let bytes = changed(&RICH, &changes);
        let Ok(read) = certificate(&bytes) else { return Ok(()) };
        if read.oddities.is_empty() {
            let theirs = x509_parser::certificate::X509Certificate::from_der(&bytes);
            prop_assert!(theirs.is_ok(), "{theirs:?}");
            let (rest, theirs) = theirs.unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(read.not_before.unwrap().as_second(), theirs.validity.not_before.timestamp());
            prop_assert_eq!(read.not_after.unwrap().as_second(), theirs.validity.not_after.timestamp());
            prop_assert_eq!(read.serial, model::hex::encode(theirs.raw_serial()));
            prop_assert_eq!(&*read.issuer_der, theirs.issuer.as_raw());
            prop_assert_eq!(read.is_ca, theirs.is_ca());
            let names = theirs.subject_alternative_name().unwrap().map_or(0, |names| names.value.general_names.len());
            prop_assert!(read.dns_names.len() + read.ip_addresses.len() <= names);
        }
        if read.not_after.is_none() || read.not_before.is_none() {
            prop_assert!(read.oddities.iter().any(|odd| odd.starts_with("malformed") || odd.starts_with(UNREADABLE)));
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 7: whatever happens to a file of PEM, no certificate in it is
    /// lost without a word, and none appears that was not there.
    #[test]
    fn a_changed_bundle_loses_nothing_without_a_word(changes in prop::collection::vec(change(), 1..4)) {
        let before = plain(&items(&BUNDLE));
        prop_assert_eq!(before.len(), 2);
        let bytes = changed(&BUNDLE, &changes);
        let contents = items(&bytes);
        for found in plain(&contents) {
            // A change of the base64 may give another certificate that is whole; then it is whole to others too.
            let is_known = before.contains(&found);
            prop_assert!(is_known || x509_parser::certificate::X509Certificate::from_der(&found).is_ok());
        }
        // Removing or cutting may take both lines of a section away; what is left of one is said, unless it stands in the
        // middle of a line, as in prose.
        let is_mark = |line: &&[u8], mark: &[u8]| line.starts_with(mark) || line.ends_with(mark);
        let marks = |bytes: &[u8], mark: &[u8]| {
            let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
            lines.filter(|line| is_mark(line, mark)).count()
        };
        let touched = marks(&bytes, b"-----BEGIN CERTIFICATE-----") + marks(&bytes, b"-----END CERTIFICATE-----");
        if touched > 0 {
            prop_assert!(!contents.items.is_empty(), "{contents:?}");
        }
        let whole = plain(&contents).len();
        if touched > 2 * whole {
            prop_assert!(is_said(&contents) || contents.keys.len() != 1 || !contents.others.is_empty(), "{contents:?}");
        }
    }

    #[test]
    fn strange_text_around_a_certificate_changes_nothing(before in "[^-]{0,40}", after in "[^-]{0,40}") {
        let (pem, bytes) = (&*BUNDLE, der(std::str::from_utf8(&BUNDLE).unwrap()));
        let text = [before.as_bytes(), b"\n", pem, after.as_bytes()].concat();
        let found = plain(&items(&text));
        prop_assert_eq!(found.len(), 2);
        prop_assert_eq!(&found[0], &bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_archive_is_no_panic_and_no_hang(changes in prop::collection::vec(change(), 1..4)) {
        let bytes = changed(&ARCHIVE, &changes);
        let began = std::time::Instant::now();
        let contents = items(&bytes);
        prop_assert!(began.elapsed().as_secs() < 60);
        for found in plain(&contents) {
            prop_assert!(x509_parser::certificate::X509Certificate::from_der(&found).is_ok());
        }
    }
}
