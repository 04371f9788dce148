//! The public half of a private key. The private half stays in here.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;

use super::algorithm::{RSA_PSS, identifier};
use super::der::{
    BIT_STRING, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, dotted, wrap,
};
use crate::cert::facts::KeyState;

/// `rsaEncryption`, 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// `RSAPrivateKey` (RFC 8017).
    Pkcs1,
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
    /// `PrivateKeyInfo` (RFC 5958).
    Pkcs8,
    /// `EncryptedPrivateKeyInfo` (RFC 5958).
    Encrypted,
}

/// What form a DER of a private key has; `None` where it is none.
pub(super) fn form(der: &[u8]) -> Option<KeyForm> {
    let mut all = Reader(der);
    let mut inside = all.expect(SEQUENCE).ok()?.inside();
    all.finish().ok()?;
    let first = inside.any().ok()?;
    let second = inside.any().ok()?;
    match (first.tag, first.content, second.tag) {
        (INTEGER, [0], INTEGER) => Some(KeyForm::Pkcs1),
        (INTEGER, [1], OCTET_STRING) => Some(KeyForm::Sec1),
        (INTEGER, [0 | 1], SEQUENCE) if inside.peek() == Some(OCTET_STRING) => Some(KeyForm::Pkcs8),
        (SEQUENCE, _, OCTET_STRING) if inside.is_empty() => {
            (first.inside().peek() == Some(OBJECT_IDENTIFIER)).then_some(KeyForm::Encrypted)
        }
        _ => None,
    }
}

/// What can be seen of the key in a section of PEM with this label, or `None` where the label is of no private key.
pub(super) fn of_section(label: &str, is_encrypted: bool, der: &[u8]) -> Option<KeyState> {
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    if is_encrypted || label.starts_with("ENCRYPTED") {
        return Some(KeyState::Encrypted);
    }
    if label.starts_with("OPENSSH") {
        return Some(KeyState::Unreadable(
            "it is in OpenSSH's own format, which TLS servers do not read".to_owned(),
        ));
    }
    // What a key is, its DER says; labels are often wrong.
    Some(form(der).map_or_else(
        || KeyState::Unreadable(format!("a section {label:?} that holds no private key")),
        |form| of_der(form, der),
    ))
}

/// What can be seen of the key.
pub(super) fn of_der(form: KeyForm, der: &[u8]) -> KeyState {
    let key = match form {
        KeyForm::Encrypted => return KeyState::Encrypted,
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(der.into()),
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
    };
    if let Ok(key) = any_supported_type(&key)
        && let Some(public) = key.public_key()
    {
        return KeyState::Public(public.as_ref().into());
    }
    // Too short a key, or one that no TLS server of today takes, still has a public half.
    match rsa(form, der) {
        Some(public) => KeyState::Public(public.into()),
        None => KeyState::Unreadable(reason(form, der)),
    }
}

/// `SubjectPublicKeyInfo` of an RSA key of any length.
fn rsa(form: KeyForm, der: &[u8]) -> Option<Vec<u8>> {
    let key = match form {
        KeyForm::Pkcs1 => der,
        KeyForm::Pkcs8 => {
            let (oid, key) = pkcs8(der)?;
            (oid == RSA || oid == RSA_PSS).then_some(key)?
        }
        KeyForm::Sec1 | KeyForm::Encrypted => return None,
    };
    let mut inside = Reader(key).expect(SEQUENCE).ok()?.inside();
    inside.expect(INTEGER).ok()?;
    let modulus = inside.expect(INTEGER).ok()?;
    let exponent = inside.expect(INTEGER).ok()?;
    // A key whose other numbers are missing or damaged is no key.
    for _ in 0..6 {
        inside.expect(INTEGER).ok()?;
    }
    inside.finish().ok()?;
    let bits = [&[0], wrap(SEQUENCE, &[modulus.whole, exponent.whole].concat()).as_slice()].concat();
    let algorithm = wrap(SEQUENCE, &[wrap(OBJECT_IDENTIFIER, RSA).as_slice(), &[0x05, 0x00]].concat());
    Some(wrap(SEQUENCE, &[algorithm, wrap(BIT_STRING, &bits)].concat()))
}

/// Algorithm and key of a `PrivateKeyInfo`.
fn pkcs8(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut inside = Reader(der).expect(SEQUENCE).ok()?.inside();
    inside.expect(INTEGER).ok()?;
    let algorithm: Element<'_> = inside.expect(SEQUENCE).ok()?;
    let key = inside.expect(OCTET_STRING).ok()?;
    identifier(algorithm).ok().map(|(oid, _)| (oid, key.content))
}

fn reason(form: KeyForm, der: &[u8]) -> String {
    match form {
        KeyForm::Pkcs8 => match pkcs8(der) {
            // id-ecPublicKey and Ed25519 are read above where they are whole.
            Some(([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] | [0x2b, 0x65, 0x70], _)) | None => {
                "it is damaged, or on a curve that TLS servers do not use".to_owned()
            }
            Some((oid, _)) => format!("keys of algorithm {} are not read", dotted(oid)),
        },
        KeyForm::Sec1 => "it is damaged, or on a curve that TLS servers do not use".to_owned(),
        KeyForm::Pkcs1 | KeyForm::Encrypted => "it is damaged".to_owned(),
    }
}
