//! Archives of certificates and keys (PKCS#12, RFC 7292), as far as they open without a password.
//!
//! p12-keystore opens them. Around it: an archive whose password is absent and not empty, certificates that lie in the
//! clear beside an encrypted key, and limits on what an archive may cost.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;

use super::contents::{Contents, Form, Other, item};
use super::der::{Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, wrap};
use super::parse::certificate;
use super::{key, mac};
use crate::cert::facts::KeyState;

/// All rounds of all key derivations together: about a second. OpenSSL uses 2,048, Java 10,000 in each of three.
const MOST_ROUNDS: u64 = 2_000_000;
/// How deep elements are looked into. An archive has its certificates at 12.
const DEEPEST: usize = 24;
/// `x509Certificate`, 1.2.840.113549.1.9.22.1.
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// `scrypt` (RFC 7914) as an element: it may ask for a gigabyte.
const SCRYPT: &[u8] = &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b];
/// `data`, 1.2.840.113549.1.7.1, the first object identifier of an archive that is not signed.
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// Whether these bytes begin as an archive does: version 3, then `data`. Not all archives are written as DER.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    let head = bytes.get(..64).unwrap_or(bytes);
    let version = memchr::memmem::find(head, &[0x02, 0x01, 0x03, SEQUENCE]);
    version.is_some_and(|at| at <= 6) && memchr::memmem::find(head, DATA).is_some()
}

/// Opens an archive.
pub(super) fn read(bytes: &[u8]) -> Contents {
    let mut contents =
        Contents { items: Vec::new(), keys: Vec::new(), others: Vec::new(), form: Form::Pkcs12 };
    let mut all = Reader(bytes);
    let outer = match all.expect(SEQUENCE) {
        Ok(outer) => outer,
        Err(fault) => {
            contents.others.push(Other::UnreadableArchive(fault.as_str().to_owned()));
            return contents;
        }
    };
    let seen = look(outer);
    if seen.rounds > MOST_ROUNDS || memchr::memmem::find(bytes, SCRYPT).is_some() {
        let why = "opening it would cost more than a second of computing or a gigabyte of memory";
        contents.others.push(Other::UnreadableArchive(why.to_owned()));
        return contents;
    }
    let mut fits = true;
    let opened = Pkcs12Archive::from_pkcs12(outer.whole, "").or_else(|error| {
        // A password that is absent differs from an empty one for the seal, and for nothing else of today.
        let bare = matches!(error, Error::MacError(_)).then(|| without_seal(outer)).flatten();
        fits = mac::fits_no_password(outer);
        bare.and_then(|bare| Pkcs12Archive::from_pkcs12(&bare, "").ok()).ok_or(error)
    });
    match opened {
        Ok(archive) => {
            opened_into(&mut contents, &archive);
            if !fits {
                contents.others.push(Other::BrokenSeal);
            }
        }
        Err(error) => {
            // Certificates may lie in the clear although the key does not.
            contents.items = seen.certificates.into_iter().map(|der| item(certificate(der))).collect();
            let is_locked = matches!(error, Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError);
            match (is_locked, contents.items.is_empty()) {
                (true, true) => contents.others.push(Other::EncryptedArchive),
                (true, false) => contents.keys.push(KeyState::Encrypted),
                (false, _) => contents.others.push(Other::UnreadableArchive(error.to_string())),
            }
        }
    }
    contents
}

fn opened_into(contents: &mut Contents, archive: &Pkcs12Archive) {
    let own_id = archive.keys.iter().find_map(|key| key.local_key_id.as_ref());
    // The certificate of the key comes first, as in files for servers; all else keeps its order.
    let (own, others): (Vec<_>, Vec<_>) = archive
        .certs
        .iter()
        .partition(|bag| own_id.is_some_and(|own| bag.local_key_id.as_deref() == Some(own.as_ref())));
    contents.items = own.into_iter().chain(others).map(|bag| item(certificate(bag.cert.as_der()))).collect();
    contents.keys = archive
        .keys
        .iter()
        .map(|bag| {
            let der = bag.key.as_der();
            key::form(der).map_or_else(
                || KeyState::Unreadable("it is no PKCS#8 key".to_owned()),
                |form| key::of_der(form, der),
            )
        })
        .collect();
}

/// The archive without the seal (`macData`) that its password is proven by.
fn without_seal(outer: Element<'_>) -> Option<Vec<u8>> {
    let mut inside = outer.inside();
    let version = inside.expect(INTEGER).ok()?;
    let content = inside.expect(SEQUENCE).ok()?;
    Some(wrap(SEQUENCE, &[version.whole, content.whole].concat()))
}

/// What can be seen of an archive without opening it.
#[derive(Default)]
struct Seen<'a> {
    certificates: Vec<&'a [u8]>,
    rounds: u64,
}

fn look(outer: Element<'_>) -> Seen<'_> {
    let mut seen = Seen::default();
    let mut open = vec![(outer, 0_usize)];
    while let Some((element, depth)) = open.pop() {
        let mut inside = element.inside();
        let mut children = Vec::new();
        while !inside.is_empty() {
            let Ok(child) = inside.any() else {
                // An octet string that is no DER: a salt, a key.
                children.clear();
                break;
            };
            children.push(child);
        }
        seen.rounds = seen.rounds.saturating_add(rounds(&children));
        if let [kind, value] = children.as_slice()
            && kind.tag == OBJECT_IDENTIFIER
            && kind.content == X509_CERTIFICATE
        {
            seen.certificates.extend(value.inside().expect(OCTET_STRING).map(|value| value.content));
            continue;
        }
        if depth < DEEPEST {
            // Backwards, so that the first comes off first.
            open.extend(
                children
                    .into_iter()
                    .rev()
                    .filter(|child| child.tag & 0x20 != 0 || child.tag == OCTET_STRING)
                    .map(|child| (child, depth.saturating_add(1))),
            );
        }
    }
    seen
}

/// Rounds of a key derivation: an integer right behind the salt.
fn rounds(children: &[Element<'_>]) -> u64 {
    children
        .windows(2)
        .filter_map(|pair| match pair {
            [salt, number] if salt.tag == OCTET_STRING && number.tag == INTEGER => Some(
                number
                    .content
                    .iter()
                    .fold(0_u64, |sum, byte| sum.saturating_mul(256).saturating_add(u64::from(*byte))),
            ),
            _ => None,
        })
        .fold(0, u64::saturating_add)
}
