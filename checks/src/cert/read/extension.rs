//! Facts that extensions of a certificate hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use x509_parser::extensions::{
    AuthorityInfoAccess, AuthorityKeyIdentifier, BasicConstraints, GeneralName, KeyIdentifier, KeyUsage,
    SubjectAlternativeName, parse_ct_signed_certificate_timestamp_list,
};
use x509_parser::prelude::FromDer;

use super::der::{BOOLEAN, Element, Fault, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, dotted};
use super::{UNREADABLE, parse::note};

/// `id-ad-caIssuers`, 1.3.6.1.5.5.7.48.2.
const CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];

/// What extensions say.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) dns_names: Vec<String>,
    pub(super) ip_addresses: Vec<IpAddr>,
    pub(super) has_alternative_name: bool,
    pub(super) is_ca: bool,
    pub(super) key_usage: Option<Vec<&'static str>>,
    pub(super) extended_key_usage: Option<Vec<String>>,
    pub(super) subject_key_id: Option<String>,
    pub(super) authority_key_id: Option<String>,
    pub(super) issuer_urls: Vec<String>,
    pub(super) timestamps: usize,
}

/// Reads `Extensions` (RFC 5280, section 4.1.2.9). Of an extension that is there twice the first counts; that it is
/// there twice is an oddity.
pub(super) fn read(extensions: Element<'_>, oddities: &mut Vec<String>) -> Result<Extensions, Fault> {
    let mut facts = Extensions::default();
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    let mut rest = extensions.inside();
    while !rest.is_empty() {
        let mut inside = rest.expect(SEQUENCE)?.inside();
        let oid = inside.expect(OBJECT_IDENTIFIER)?.content;
        let is_critical = inside.optional(BOOLEAN)?.is_some_and(|critical| critical.content != [0]);
        let value = inside.expect(OCTET_STRING)?.content;
        inside.finish()?;
        if !seen.insert(oid) {
            if twice.insert(oid) {
                note(oddities, || format!("duplicate extension {}", dotted(oid)));
            }
            continue;
        }
        match facts.take(oid, value, oddities) {
            Some(false) => note(oddities, || format!("{UNREADABLE}extension {}", dotted(oid))),
            None if is_critical && !is_known(oid) => {
                note(oddities, || format!("unknown critical extension {}", dotted(oid)));
            }
            Some(true) | None => {}
        }
    }
    Ok(facts)
}

impl Extensions {
    /// Whether the extension could be read; `None` where it says nothing that is wanted.
    fn take(&mut self, oid: &[u8], value: &[u8], oddities: &mut Vec<String>) -> Option<bool> {
        let is_read = match oid {
            [0x55, 0x1d, 17] => {
                self.has_alternative_name = true;
                whole::<SubjectAlternativeName<'_>>(value)
                    .map(|names| self.alternative_names(&names.general_names, oddities))
            }
            [0x55, 0x1d, 19] => whole::<BasicConstraints>(value).map(|basic| self.is_ca = basic.ca),
            [0x55, 0x1d, 15] => {
                whole::<KeyUsage>(value).map(|usage| self.key_usage = Some(usage_names(usage.flags)))
            }
            [0x55, 0x1d, 37] => purposes(value).map(|purposes| self.extended_key_usage = Some(purposes)).ok(),
            [0x55, 0x1d, 14] => whole::<KeyIdentifier<'_>>(value)
                .map(|id| self.subject_key_id = Some(model::hex::encode(id.0))),
            [0x55, 0x1d, 35] => whole::<AuthorityKeyIdentifier<'_>>(value)
                .map(|id| self.authority_key_id = id.key_identifier.map(|id| model::hex::encode(id.0))),
            // authorityInfoAccess, 1.3.6.1.5.5.7.1.1
            [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01] => {
                whole::<AuthorityInfoAccess<'_>>(value).map(|access| {
                    self.issuer_urls = access
                        .iter()
                        .filter(|access| access.access_method.as_bytes() == CA_ISSUERS)
                        .filter_map(|access| match access.access_location {
                            GeneralName::URI(url) => Some(url.to_owned()),
                            _ => None,
                        })
                        .collect();
                })
            }
            // Embedded timestamps, 1.3.6.1.4.1.11129.2.4.2
            [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02] => {
                match parse_ct_signed_certificate_timestamp_list(value) {
                    Ok(([], list)) => {
                        self.timestamps = list.len();
                        Some(())
                    }
                    _ => None,
                }
            }
            _ => return None,
        };
        Some(is_read.is_some())
    }

    fn alternative_names(&mut self, names: &[GeneralName<'_>], oddities: &mut Vec<String>) {
        self.dns_names.reserve(names.len());
        for name in names {
            match name {
                GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => match address(bytes) {
                    Some(address) => self.ip_addresses.push(address),
                    None => {
                        note(oddities, || format!("an address of {} bytes in subjectAltName", bytes.len()));
                    }
                },
                GeneralName::Invalid(tag, _) => {
                    note(oddities, || format!("{UNREADABLE}name of kind {} in subjectAltName", tag.0));
                }
                _ => {}
            }
        }
    }
}

/// A value that takes all of these bytes.
fn whole<'a, T: FromDer<'a, x509_parser::error::X509Error>>(bytes: &'a [u8]) -> Option<T> {
    match T::from_der(bytes) {
        Ok(([], value)) => Some(value),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// RFC 5280, section 4.2.1.3, in the order of the bits.
const USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

fn usage_names(flags: u16) -> Vec<&'static str> {
    let mut left = flags;
    let mut names = Vec::new();
    for name in USAGES {
        if left & 1 == 1 {
            names.push(name);
        }
        left >>= 1;
    }
    names
}

fn purposes(value: &[u8]) -> Result<Vec<String>, Fault> {
    let mut all = Reader(value);
    let mut inside = all.expect(SEQUENCE)?.inside();
    all.finish()?;
    let mut purposes = Vec::new();
    while !inside.is_empty() {
        purposes.push(dotted(inside.expect(OBJECT_IDENTIFIER)?.content));
    }
    Ok(purposes)
}

/// Extensions of RFC 5280 that restrict what a certificate is good for, and that whoever verifies paths knows; and the
/// poison of a precertificate (RFC 6962), which is meant to be unknown.
fn is_known(oid: &[u8]) -> bool {
    matches!(
        oid,
        [0x55, 0x1d, 14 | 15 | 17 | 18 | 19 | 30 | 31 | 32 | 33 | 35 | 36 | 37 | 54]
            | [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01 | 0x18]
    )
}
