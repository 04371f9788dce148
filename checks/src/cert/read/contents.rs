//! What the bytes of a file are: certificates in PEM, DER or PKCS#12, private keys, or something else by its name.

use super::der::{Element, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use super::parse::certificate;
use super::pem::{self, Section, is_certificate};
use super::{key, pkcs12};
use crate::cert::facts::{Certificate, Item, KeyState};

/// What some bytes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Certificates, and what should be some, in their order.
    pub items: Vec<Item>,
    /// Private keys, by their public halves.
    pub keys: Vec<KeyState>,
    /// What else is there, each kind once, in the order of its first.
    pub others: Vec<Other>,
    /// How it is packed.
    pub form: Form,
}

/// How certificates are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// No bytes, or only blanks.
    Empty,
    /// Text with sections (RFC 7468).
    Pem,
    /// One element of DER.
    Der,
    /// An archive (RFC 7292).
    Pkcs12,
    /// None of these.
    Unknown,
}

/// What is no certificate and no private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Other {
    /// A request for a certificate (PKCS#10).
    Request,
    /// A list of revoked certificates.
    RevocationList,
    /// A public key.
    PublicKey,
    /// PKCS#7 or CMS: certificates may be in it, but not as servers read them.
    Pkcs7,
    /// A Java keystore.
    JavaKeystore,
    /// An archive whose password is neither empty nor absent.
    EncryptedArchive,
    /// An archive that cannot be read; why.
    UnreadableArchive(String),
    /// An archive that opens, and whose seal (MAC) fits neither an empty nor an absent password.
    BrokenSeal,
    /// Base64 without the lines around it.
    BareBase64,
    /// A section of PEM with another label.
    Section(String),
}

impl Contents {
    fn of(form: Form) -> Self {
        Self { items: Vec::new(), keys: Vec::new(), others: Vec::new(), form }
    }

    fn other(mut self, other: Other) -> Self {
        self.add(other);
        self
    }

    fn add(&mut self, other: Other) {
        if !self.others.contains(&other) {
            self.others.push(other);
        }
    }

    fn certificate(&mut self, der: &[u8], place: &str) {
        self.items.push(item(certificate(der).map_err(|reason| format!("{place}{reason}"))));
    }
}

/// Finds out what these bytes are, and reads it.
///
/// Nothing that looks like a certificate is left out: what cannot be read is [`Item::Malformed`].
pub fn items(bytes: &[u8]) -> Contents {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Contents::of(Form::Empty);
    }
    // Text may begin with the same byte, which is a zero there; a short element has to end where the bytes do.
    let is_element = match bytes {
        [SEQUENCE, 0x80..=0x84, ..] => true,
        [SEQUENCE, length, content @ ..] => usize::from(*length) == content.len(),
        _ => false,
    };
    if is_element && let Some(contents) = binary(bytes) {
        return contents;
    }
    if pem::is_pem(bytes) {
        return text(bytes);
    }
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => {
            Contents::of(Form::Unknown).other(Other::JavaKeystore)
        }
        [b'M', b'I', b'A'..=b'Z', ..] => Contents::of(Form::Unknown).other(Other::BareBase64),
        _ => Contents::of(Form::Unknown),
    }
}

fn text(bytes: &[u8]) -> Contents {
    let mut contents = Contents::of(Form::Pem);
    for section in pem::sections(bytes) {
        self::section(&mut contents, section);
    }
    contents
}

fn section(contents: &mut Contents, section: Section) {
    let Section { label, line, is_encrypted, content } = section;
    let content = match content {
        Ok(content) => content,
        Err(why) if label.ends_with("PRIVATE KEY") => {
            contents.keys.push(KeyState::Unreadable(format!("the section in line {line} {why}")));
            return;
        }
        Err(why) if is_certificate(&label) => {
            contents.items.push(Item::Malformed { reason: format!("the certificate in line {line} {why}") });
            return;
        }
        Err(why) => {
            contents.add(Other::Section(format!("{label} in line {line}, which {why}")));
            return;
        }
    };
    if let Some(key) = key::of_section(&label, is_encrypted, &content) {
        contents.keys.push(key);
        return;
    }
    match label.as_str() {
        // Behind it is what openssl was told to trust it for.
        "TRUSTED CERTIFICATE" => {
            let der = Reader(&content).any().map_or(&*content, |element| element.whole);
            contents.certificate(der, &format!("line {line}: "));
        }
        label if is_certificate(label) => contents.certificate(&content, &format!("line {line}: ")),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => contents.add(Other::Request),
        "X509 CRL" => contents.add(Other::RevocationList),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => contents.add(Other::PublicKey),
        "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => contents.add(Other::Pkcs7),
        // Parameters of a key exchange or of a curve often stand beside certificates.
        label if label.ends_with("PARAMETERS") => {}
        _ => contents.add(Other::Section(label)),
    }
}

/// What begins as DER, or `None` where that was chance.
fn binary(bytes: &[u8]) -> Option<Contents> {
    if pkcs12::is_archive(bytes) {
        return Some(pkcs12::read(bytes));
    }
    let mut contents = Contents::of(Form::Der);
    let mut rest = Reader(bytes);
    let first = rest.any();
    if let Ok(first) = first {
        let inside = first.inside();
        if let Some(form) = key::form(first.whole) {
            contents.keys.push(key::of_der(form, first.whole));
            return Some(contents);
        }
        if let Some(other) = other(inside) {
            return Some(contents.other(other));
        }
        contents.items = run(first, rest, bytes).into_iter().map(item).collect();
        return Some(contents);
    }
    if pem::is_pem(bytes) {
        return None;
    }
    // A certificate that was cut off, or was not written as DER.
    contents.certificate(bytes, "");
    Some(contents)
}

/// Certificates one after another: no format, but files of them exist.
fn run(first: Element<'_>, rest: Reader<'_>, bytes: &[u8]) -> Vec<Result<Certificate, String>> {
    let mut found = vec![certificate(first.whole)];
    let mut rest = rest;
    while !rest.is_empty() {
        let next = rest.any().ok().and_then(|next| certificate(next.whole).ok());
        match (next, found.as_mut_slice()) {
            (Some(next), _) => found.push(Ok(next)),
            // What is behind it is none; its reader says how much that is.
            (None, [only]) => {
                *only = certificate(bytes);
                break;
            }
            (None, _) => {
                found.push(Err("what is behind the last certificate is none".to_owned()));
                break;
            }
        }
    }
    found
}

/// A certificate, or what should be one.
pub(super) fn item(certificate: Result<Certificate, String>) -> Item {
    match certificate {
        Ok(certificate) => Item::Certificate(Box::new(certificate)),
        Err(reason) => Item::Malformed { reason },
    }
}

/// What a sequence is that is neither certificate nor key.
fn other(inside: Reader<'_>) -> Option<Other> {
    let mut inside = inside;
    let first = inside.any().ok()?;
    match first.tag {
        // signedData and its relatives, 1.2.840.113549.1.7
        OBJECT_IDENTIFIER => first
            .content
            .starts_with(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07])
            .then_some(Other::Pkcs7),
        SEQUENCE => {
            let mut body = first.inside();
            let head = body.any().ok()?;
            if head.tag == OBJECT_IDENTIFIER {
                return Some(Other::PublicKey);
            }
            let (second, third, fourth) = (body.any().ok()?, body.any().ok()?, body.any().ok()?);
            match (head.tag, second.tag, third.tag, fourth.tag) {
                // version, subject, key, attributes
                (INTEGER, SEQUENCE, SEQUENCE, 0xa0) => Some(Other::Request),
                // version, algorithm, issuer, time; the version may be left out
                (INTEGER, SEQUENCE, SEQUENCE, 0x17 | 0x18) | (SEQUENCE, SEQUENCE, 0x17 | 0x18, _) => {
                    Some(Other::RevocationList)
                }
                _ => None,
            }
        }
        _ => None,
    }
}
