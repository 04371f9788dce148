//! Certificates with every peculiarity, made by hand.

use proptest::prelude::*;

use super::super::der::{
    BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, UTC_TIME,
    wrap,
};
use super::*;
use crate::cert::facts::PublicKey;

const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];

/// What a certificate is made of.
#[derive(Clone)]
struct Made {
    version: Option<Vec<u8>>,
    serial: Vec<u8>,
    not_before: (u8, &'static [u8]),
    not_after: (u8, &'static [u8]),
    subject: Vec<u8>,
    extensions: Vec<Vec<u8>>,
}

impl Made {
    fn new() -> Self {
        Self {
            version: Some(wrap(INTEGER, &[2])),
            serial: vec![1, 2, 3],
            not_before: (UTC_TIME, b"260101000000Z"),
            not_after: (UTC_TIME, b"260401000000Z"),
            subject: name(b"www.example.com"),
            extensions: vec![extension(SUBJECT_ALTERNATIVE_NAME, false, &alternative(&[b"www.example.com"]))],
        }
    }

    fn der(&self) -> Vec<u8> {
        let algorithm = wrap(SEQUENCE, &wrap(OBJECT_IDENTIFIER, ED25519));
        let key = [algorithm.clone(), wrap(BIT_STRING, &[0; 33])].concat();
        let validity = [wrap(self.not_before.0, self.not_before.1), wrap(self.not_after.0, self.not_after.1)];
        let mut body = Vec::new();
        if let Some(version) = &self.version {
            body.extend(wrap(0xa0, version));
        }
        body.extend(wrap(INTEGER, &self.serial));
        body.extend(&algorithm);
        body.extend(name(b"Example CA"));
        body.extend(wrap(SEQUENCE, &validity.concat()));
        body.extend(&self.subject);
        body.extend(wrap(SEQUENCE, &key));
        if !self.extensions.is_empty() {
            body.extend(wrap(0xa3, &wrap(SEQUENCE, &self.extensions.concat())));
        }
        wrap(SEQUENCE, &[wrap(SEQUENCE, &body), algorithm, wrap(BIT_STRING, &[0; 65])].concat())
    }

    fn read(&self) -> Certificate {
        certificate(&self.der()).unwrap()
    }
}

fn name(common: &[u8]) -> Vec<u8> {
    let pair = [wrap(OBJECT_IDENTIFIER, &[0x55, 4, 3]), wrap(12, common)].concat();
    wrap(SEQUENCE, &wrap(SET, &wrap(SEQUENCE, &pair)))
}

fn extension(oid: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let mut inside = wrap(OBJECT_IDENTIFIER, oid);
    if is_critical {
        inside.extend(wrap(BOOLEAN, &[0xff]));
    }
    inside.extend(wrap(OCTET_STRING, value));
    wrap(SEQUENCE, &inside)
}

fn alternative(names: &[&[u8]]) -> Vec<u8> {
    wrap(SEQUENCE, &names.iter().flat_map(|name| wrap(0x82, name)).collect::<Vec<_>>())
}

#[test]
fn a_plain_certificate_has_no_oddities() {
    let read = Made::new().read();
    assert_eq!(read.oddities, Vec::<String>::new());
    assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("CN=www.example.com", "CN=Example CA"));
    assert_eq!(read.serial, "010203");
    assert_eq!(read.dns_names, ["www.example.com"]);
    assert_eq!(read.not_before.unwrap().to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(read.key, PublicKey::Ed25519);
    assert!(!read.is_self_issued() && !is_incomplete(&read));
}

/// Row 4 of the edge cases: the ends of both forms of time.
#[test]
fn the_ends_of_both_forms_of_time_are_read() {
    for (tag, written, wanted, oddity) in [
        (UTC_TIME, &b"500101000000Z"[..], "1950-01-01T00:00:00Z", None),
        (UTC_TIME, b"491231235959Z", "2049-12-31T23:59:59Z", None),
        (UTC_TIME, b"000229120000Z", "2000-02-29T12:00:00Z", None),
        (GENERALIZED_TIME, b"20500101000000Z", "2050-01-01T00:00:00Z", None),
        (GENERALIZED_TIME, b"99991231235959Z", "9999-12-31T23:59:59Z", None),
        (
            GENERALIZED_TIME,
            b"20491231235959Z",
            "2049-12-31T23:59:59Z",
            Some("notAfter before 2050 as GeneralizedTime"),
        ),
        (
            GENERALIZED_TIME,
            b"00010101000000Z",
            "0001-01-01T00:00:00Z",
            Some("notAfter before 2050 as GeneralizedTime"),
        ),
    ] {
        let read = Made { not_after: (tag, written), ..Made::new() }.read();
        assert_eq!(read.not_after.unwrap().to_string(), wanted);
        assert_eq!(read.oddities, oddity.into_iter().collect::<Vec<_>>());
        assert!(!is_incomplete(&read));
    }
}

/// Row 5: whatever is not written the one way is no date, and the rest of the certificate is known all the same.
#[test]
fn an_odd_time_is_no_date_and_hides_nothing_else() {
    for (tag, written) in [
        (UTC_TIME, &b"2604010000Z"[..]),
        (UTC_TIME, b"260401000000"),
        (UTC_TIME, b"260401000000+0100"),
        (UTC_TIME, b"260401000000+0000"),
        (UTC_TIME, b"20260401000000Z"),
        (UTC_TIME, b"260230000000Z"),
        (UTC_TIME, b"261301000000Z"),
        (UTC_TIME, b"260401240000Z"),
        (UTC_TIME, b"260401006000Z"),
        (UTC_TIME, b"26 401000000Z"),
        (UTC_TIME, b"+60401000000Z"),
        (UTC_TIME, b""),
        (UTC_TIME, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffZ"),
        (GENERALIZED_TIME, b"20260401000000.5Z"),
        (GENERALIZED_TIME, b"20500401000000.000Z"),
        (GENERALIZED_TIME, b"2050040100Z"),
        (GENERALIZED_TIME, b"20500401000000"),
        (GENERALIZED_TIME, b"20500401000000-0500"),
        (GENERALIZED_TIME, b"500401000000Z"),
        (INTEGER, b"260401000000Z"),
        (12, b"260401000000Z"),
    ] {
        let read = Made { not_after: (tag, written), ..Made::new() }.read();
        assert_eq!(read.not_after, None, "{}", written.escape_ascii());
        assert!(read.oddities[0].starts_with("malformed notAfter"), "{:?}", read.oddities);
        assert_eq!(read.names(), ["www.example.com"]);
        assert!(read.not_before.is_some() && is_incomplete(&read));
    }
}

/// Row 15: serials, versions, names, duplicates, trailing bytes.
#[test]
fn oddities_are_named() {
    let serial = |serial: &[u8]| Made { serial: serial.to_vec(), ..Made::new() }.read();
    let zeros = |count| [vec![1], vec![0; count]].concat();
    assert_eq!(serial(&[0]).oddities, ["serial 0"]);
    assert_eq!(serial(&[0xff]).oddities, ["negative serial"]);
    assert_eq!(serial(&[0xff]).serial, "ff");
    assert_eq!(serial(&zeros(19)).oddities, Vec::<String>::new());
    assert_eq!(serial(&zeros(20)).oddities, ["serial of 21 bytes"]);
    assert_eq!(serial(&[0, 1]).oddities, ["serial with leading zeros"]);
    assert_eq!(serial(&[0, 0x80]).oddities, Vec::<String>::new());
    assert_eq!(serial(&[]).oddities, ["unreadable serial: it is empty"]);

    let version = |version: Option<Vec<u8>>| Made { version, ..Made::new() }.read().oddities;
    assert_eq!(version(None), ["version 1", "extensions in version 1"]);
    assert_eq!(version(Some(wrap(INTEGER, &[1]))), ["version 2"]);
    assert_eq!(version(Some(wrap(INTEGER, &[7]))), ["version 8"]);
    assert_eq!(version(Some(wrap(INTEGER, &[0xff]))), ["unreadable version 0201ff"]);

    let nameless = Made {
        subject: wrap(SEQUENCE, &[]),
        extensions: vec![extension(SUBJECT_ALTERNATIVE_NAME, true, &alternative(&[b"www.example.com"]))],
        ..Made::new()
    };
    assert_eq!(nameless.read().subject, "");
    assert_eq!(nameless.read().oddities, Vec::<String>::new());

    let nobody = Made { extensions: Vec::new(), ..Made::new() }.read();
    assert!(!nobody.has_alternative_name);
    assert_eq!(nobody.names(), ["CN=www.example.com"]);
}

#[test]
fn what_is_behind_a_certificate_is_no_part_of_it() {
    let der = Made::new().der();
    let read = certificate(&[der.as_slice(), b"rest"].concat()).unwrap();
    assert_eq!(read.oddities, ["4 bytes behind the certificate"]);
    assert_eq!(&*read.der, der.as_slice());
    assert_eq!(read.sha256, certificate(&der).unwrap().sha256);
}

#[test]
fn extensions_that_are_there_twice_or_unknown_or_broken_are_named() {
    let with = |extensions: Vec<Vec<u8>>| Made { extensions, ..Made::new() }.read();
    let authority = extension(BASIC_CONSTRAINTS, true, &wrap(SEQUENCE, &wrap(BOOLEAN, &[0xff])));
    let leaf = extension(BASIC_CONSTRAINTS, true, &wrap(SEQUENCE, &[]));
    let read = with(vec![authority.clone(), leaf.clone(), leaf]);
    assert!(read.is_ca);
    assert_eq!(read.oddities, ["duplicate extension 2.5.29.19"]);

    assert_eq!(
        with(vec![extension(&[0x2a, 3], true, &[]), extension(&[0x2a, 4], false, &[])]).oddities,
        ["unknown critical extension 1.2.3"]
    );

    let broken = with(vec![extension(SUBJECT_ALTERNATIVE_NAME, false, &[0x30, 0x05, 0x82]), authority]);
    assert_eq!(broken.oddities, ["unreadable extension 2.5.29.17"]);
    assert!(broken.has_alternative_name && broken.is_ca && is_incomplete(&broken));

    let names =
        wrap(SEQUENCE, &[wrap(0x82, b"a\xff"), wrap(0x87, &[1, 2, 3]), wrap(0x87, &[10, 0, 0, 1])].concat());
    let read = with(vec![extension(SUBJECT_ALTERNATIVE_NAME, false, &names)]);
    assert_eq!(
        read.oddities,
        ["unreadable name of kind 2 in subjectAltName", "an address of 3 bytes in subjectAltName"]
    );
    assert_eq!(read.ip_addresses, ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
}

#[test]
fn ten_thousand_names_and_extensions_take_no_time_worth_measuring() {
    let names: Vec<String> = (0..10_000).map(|number| format!("host{number}.example.com")).collect();
    let bytes: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let mut extensions = vec![extension(SUBJECT_ALTERNATIVE_NAME, false, &alternative(&bytes))];
    extensions.extend((0..10_000_u32).map(|number| {
        let [_, a, b, c] = number.to_be_bytes();
        extension(&[0x2a, 0x81 | a, 0x80 | (b << 1), 0x80 | c, 0x01], true, &[])
    }));
    let read = Made { extensions, ..Made::new() }.read();
    assert_eq!(read.dns_names, names);
    assert!(read.oddities.len() <= MOST_ODDITIES);
}

#[test]
fn too_many_oddities_never_hide_that_something_is_unreadable() {
    let mut extensions: Vec<Vec<u8>> = (0..60).map(|arc| extension(&[0x2a, arc], true, &[])).collect();
    extensions.push(extension(SUBJECT_ALTERNATIVE_NAME, false, &[0x30]));
    assert!(is_incomplete(&Made { extensions, ..Made::new() }.read()));
}

#[test]
fn what_is_no_certificate_says_where_it_stops() {
    let der = Made::new().der();
    for (bytes, reason) in [
        (&b""[..], "certificate: ends too early"),
        (b"\x30", "certificate: ends too early"),
        (b"hello", "certificate: another element was expected"),
        (&[0x30, 0x00], "tbsCertificate: ends too early"),
        (&[0x30, 0x80, 0x00, 0x00], "certificate: a length is not written as DER"),
        (&der[..der.len() - 1], "certificate: ends too early"),
    ] {
        assert_eq!(certificate(bytes).unwrap_err(), reason);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Feature: aws-ec2-production-deployment, Property 7: a certificate that x509-parser refuses never looks plain.
    #[test]
    fn what_x509_parser_refuses_is_never_plain(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut der = Made::new().der();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        let theirs = x509_parser::certificate::X509Certificate::from_der(&der);
        match certificate(&der) {
            Ok(read) if read.oddities.is_empty() => {
                prop_assert!(theirs.is_ok(), "{theirs:?}");
                let theirs = theirs.unwrap().1;
                prop_assert_eq!(read.not_after.unwrap().as_second(), theirs.validity.not_after.timestamp());
                prop_assert_eq!(&*read.subject_der, theirs.subject.as_raw());
            }
            _ => {}
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = certificate(&bytes);
        let _ = certificate(&wrap(SEQUENCE, &bytes));
    }
}
