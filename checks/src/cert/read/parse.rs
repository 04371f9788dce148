//! A certificate from its DER.
//!
//! Where its parts are is read strictly; each part is then read for itself. So a date or a name that cannot be read is
//! an oddity of a certificate whose other dates and names are known, and is not the end of all knowledge about it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::der::{BIT_STRING, Element, Fault, GENERALIZED_TIME, INTEGER, Reader, SEQUENCE, UTC_TIME};
use super::{UNREADABLE, algorithm, extension, name};
use crate::Moment;
use crate::cert::facts::Certificate;

/// The version, explicitly tagged 0, and the extensions, explicitly tagged 3.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `issuerUniqueID` and `subjectUniqueID`, implicitly tagged.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];

/// No serial is longer (RFC 5280, section 4.1.2.2).
const LONGEST_SERIAL: usize = 20;
/// A certificate that is odd in more ways than this is odd enough.
const MOST_ODDITIES: usize = 32;
/// First second of 2050, from which on times are written as `GeneralizedTime` (RFC 5280, section 4.1.2.5).
const GENERALIZED: Moment = Moment::from_second(2_524_608_000);

/// Reads a certificate from its DER.
///
/// What is behind it is an oddity and not part of it. An error says why these bytes are not a certificate: an element
/// ends too early, is missing, or is not written as DER. What can be read although x509-parser refuses the whole is
/// read, and what is wrong is among the oddities; those that begin with [`UNREADABLE`] mean that something is not known
/// that the certificate says, so that it must not pass for a good one.
pub fn certificate(der: &[u8]) -> Result<Certificate, String> {
    let mut all = Reader(der);
    let outer = all.expect(SEQUENCE).map_err(|fault| wrong("certificate", fault))?;
    let mut oddities = Vec::new();
    if !all.is_empty() {
        oddities.push(format!("{} bytes behind the certificate", all.0.len()));
    }
    let parts = parts(outer)?;
    let (signature_oid, signature_parameters) =
        algorithm::identifier(parts.signature).map_err(|fault| wrong("signature algorithm", fault))?;
    if parts.signature.content != parts.inner_signature.content {
        oddities.push("two signature algorithms".to_owned());
    }
    version(parts.version, parts.extensions.is_some(), &mut oddities);
    serial(parts.serial, &mut oddities);

    let issuer = name::read(parts.issuer);
    let subject = name::read(parts.subject);
    for (what, fault) in [("issuer", issuer.fault), ("subject", subject.fault)] {
        if let Some(fault) = fault {
            note(&mut oddities, || fault.oddity(what));
        }
    }
    let not_before = time("notBefore", parts.not_before, &mut oddities);
    let not_after = time("notAfter", parts.not_after, &mut oddities);

    let (key, fault) = algorithm::public_key(parts.key);
    if let Some(fault) = fault {
        note(&mut oddities, || format!("{UNREADABLE}public key: {fault}"));
    }
    let extensions = match parts.extensions {
        Some(extensions) => {
            extension::read(extensions, &mut oddities).map_err(|fault| wrong("extensions", fault))?
        }
        None => extension::Extensions::default(),
    };

    Ok(Certificate {
        der: Arc::from(outer.whole),
        sha256: model::hex::encode(&Sha256::digest(outer.whole)),
        subject: subject.text,
        common_name: subject.common_name,
        issuer: issuer.text,
        subject_der: Arc::from(parts.subject.whole),
        issuer_der: Arc::from(parts.issuer.whole),
        serial: model::hex::encode(parts.serial),
        not_before,
        not_after,
        dns_names: extensions.dns_names,
        ip_addresses: extensions.ip_addresses,
        has_alternative_name: extensions.has_alternative_name,
        key,
        spki_der: Arc::from(parts.key.whole),
        signature: algorithm::signature(signature_oid, signature_parameters),
        is_ca: extensions.is_ca,
        key_usage: extensions.key_usage,
        extended_key_usage: extensions.extended_key_usage,
        subject_key_id: extensions.subject_key_id,
        authority_key_id: extensions.authority_key_id,
        issuer_urls: extensions.issuer_urls,
        timestamps: extensions.timestamps,
        oddities,
    })
}

/// The parts of a certificate that facts are read from (RFC 5280, section 4.1).
struct Parts<'a> {
    version: Option<Element<'a>>,
    serial: &'a [u8],
    inner_signature: Element<'a>,
    issuer: Element<'a>,
    not_before: Element<'a>,
    not_after: Element<'a>,
    subject: Element<'a>,
    key: Element<'a>,
    extensions: Option<Element<'a>>,
    signature: Element<'a>,
}

fn parts(outer: Element<'_>) -> Result<Parts<'_>, String> {
    let mut inside = outer.inside();
    let body = inside.expect(SEQUENCE).map_err(|fault| wrong("tbsCertificate", fault))?;
    let signature = inside.expect(SEQUENCE).map_err(|fault| wrong("signatureAlgorithm", fault))?;
    let value = inside.expect(BIT_STRING).map_err(|fault| wrong("signatureValue", fault))?;
    // Its first byte says how many bits of the last are unused, and these are zero.
    let is_whole = match value.content {
        [0, ..] => true,
        [unused @ 1..=7, .., last] => last.trailing_zeros() >= u32::from(*unused),
        _ => false,
    };
    if !is_whole {
        return Err(wrong("signatureValue", Fault::Length));
    }
    inside.finish().map_err(|fault| wrong("certificate", fault))?;

    let mut inside = body.inside();
    let version = inside.optional(VERSION).map_err(|fault| wrong("version", fault))?;
    let serial = inside.expect(INTEGER).map_err(|fault| wrong("serialNumber", fault))?.content;
    let inner_signature = inside.expect(SEQUENCE).map_err(|fault| wrong("signature", fault))?;
    let issuer = inside.expect(SEQUENCE).map_err(|fault| wrong("issuer", fault))?;
    let validity = inside.expect(SEQUENCE).map_err(|fault| wrong("validity", fault))?;
    let subject = inside.expect(SEQUENCE).map_err(|fault| wrong("subject", fault))?;
    let key = inside.expect(SEQUENCE).map_err(|fault| wrong("subjectPublicKeyInfo", fault))?;
    for tag in UNIQUE_IDS {
        inside.optional(tag).map_err(|fault| wrong("unique identifier", fault))?;
    }
    let extensions = inside.optional(EXTENSIONS).map_err(|fault| wrong("extensions", fault))?;
    inside.finish().map_err(|fault| wrong("tbsCertificate", fault))?;
    let extensions = match extensions {
        Some(tagged) => {
            let mut inside = tagged.inside();
            let list = inside.expect(SEQUENCE).map_err(|fault| wrong("extensions", fault))?;
            inside.finish().map_err(|fault| wrong("extensions", fault))?;
            Some(list)
        }
        None => None,
    };

    let mut inside = validity.inside();
    let not_before = inside.any().map_err(|fault| wrong("notBefore", fault))?;
    let not_after = inside.any().map_err(|fault| wrong("notAfter", fault))?;
    inside.finish().map_err(|fault| wrong("validity", fault))?;
    Ok(Parts {
        version,
        serial,
        inner_signature,
        issuer,
        not_before,
        not_after,
        subject,
        key,
        extensions,
        signature,
    })
}

fn wrong(part: &str, fault: Fault) -> String {
    format!("{part}: {}", fault.as_str())
}

/// Adds an oddity, as long as there are not too many of them.
pub(super) fn note(oddities: &mut Vec<String>, oddity: impl FnOnce() -> String) {
    let oddity = oddity();
    let is_first_gap =
        oddity.starts_with(UNREADABLE) && !oddities.iter().any(|known| known.starts_with(UNREADABLE));
    if oddities.len() < MOST_ODDITIES || is_first_gap {
        oddities.push(oddity);
    }
}

/// Anything but version 3 is odd today.
fn version(version: Option<Element<'_>>, has_extensions: bool, oddities: &mut Vec<String>) {
    let Some(tagged) = version else {
        // Left out, it is version 1.
        oddities.push("version 1".to_owned());
        if has_extensions {
            oddities.push("extensions in version 1".to_owned());
        }
        return;
    };
    let mut inside = tagged.inside();
    match inside.expect(INTEGER).map(|number| number.content) {
        Ok([2]) if inside.is_empty() => {}
        Ok([number @ 0..=0x7e]) if inside.is_empty() => {
            oddities.push(format!("version {}", number.saturating_add(1)));
        }
        _ => oddities.push(format!("{UNREADABLE}version {}", model::hex::encode(tagged.content))),
    }
}

fn serial(serial: &[u8], oddities: &mut Vec<String>) {
    match serial {
        [] => oddities.push(format!("{UNREADABLE}serial: it is empty")),
        [0] => oddities.push("serial 0".to_owned()),
        [0x80..=0xff, ..] => oddities.push("negative serial".to_owned()),
        [0, 0..=0x7f, ..] => oddities.push("serial with leading zeros".to_owned()),
        _ => {}
    }
    if serial.len() > LONGEST_SERIAL {
        oddities.push(format!("serial of {} bytes", serial.len()));
    }
}

/// A moment, if it is written the one way that RFC 5280, section 4.1.2.5, allows: to the second, in UTC, without a
/// fraction. x509-parser takes more than that; other clients do not.
fn time(what: &str, element: Element<'_>, oddities: &mut Vec<String>) -> Option<Moment> {
    let digits = match (element.tag, element.content) {
        (UTC_TIME, [digits @ .., b'Z']) if digits.len() == 12 => Some(digits),
        (GENERALIZED_TIME, [digits @ .., b'Z']) if digits.len() == 14 => Some(digits),
        _ => None,
    };
    let moment = digits
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .and_then(|_| ASN1Time::from_der(element.whole).ok())
        .filter(|(rest, _)| rest.is_empty())
        .map(|(_, time)| Moment::from_second(time.timestamp()));
    match moment {
        None => {
            let written = element.content.get(..64).unwrap_or(element.content).escape_ascii();
            note(oddities, || match element.tag {
                UTC_TIME | GENERALIZED_TIME => format!("malformed {what} \"{written}\""),
                tag => format!("malformed {what}: tag {tag:#04x}"),
            });
        }
        Some(moment) if element.tag == GENERALIZED_TIME && moment < GENERALIZED => {
            note(oddities, || format!("{what} before 2050 as GeneralizedTime"));
        }
        Some(_) => {}
    }
    moment
}

/// Whether something is not known that the certificate says.
pub(super) fn is_incomplete(certificate: &Certificate) -> bool {
    certificate.not_before.is_none()
        || certificate.not_after.is_none()
        || certificate.oddities.iter().any(|oddity| oddity.starts_with(UNREADABLE))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
