//! The roots that are trusted: Mozilla's, or those that an operator named instead.

use std::collections::HashMap;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::Placed;
use super::signatures::Signatures;
use crate::Moment;

/// The roots that are trusted.
#[derive(Debug, Clone)]
pub struct Roots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    anchors: Vec<TrustAnchor<'static>>,
    /// Places in `anchors` by subject: a hundred and fifty comparisons for each certificate are most of the time
    /// otherwise.
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    /// Last second of each anchor, where it came as a certificate.
    ends: Vec<Option<Moment>>,
    is_public: bool,
    /// What was verified on the way to them.
    signatures: Signatures,
}

impl Roots {
    /// Mozilla's roots for servers.
    pub fn mozilla() -> Self {
        let anchors = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let ends = vec![None; anchors.len()];
        Self::new(anchors, ends, true)
    }

    /// The certificates of a PEM file; they replace Mozilla's.
    ///
    /// # Errors
    ///
    /// A sentence, where nothing is in it or something in it is no certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let mut anchors = Vec::new();
        let mut ends = Vec::new();
        for (index, der) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let number = index.saturating_add(1);
            let der = der.map_err(|error| format!("certificate {number} of the roots is no PEM: {error}"))?;
            let anchor = webpki::anchor_from_trusted_cert(&der)
                .map_err(|error| format!("certificate {number} of the roots cannot be read: {error:?}"))?;
            anchors.push(anchor.to_owned());
            let parsed = x509_parser::certificate::X509Certificate::from_der(&der).ok();
            ends.push(parsed.map(|(_, parsed)| Moment::from_second(parsed.validity().not_after.timestamp())));
        }
        if anchors.is_empty() {
            return Err("there is no certificate among the roots; `-----BEGIN CERTIFICATE-----` starts one"
                .to_owned());
        }
        Ok(Self::new(anchors, ends, false))
    }

    pub(super) fn new(
        anchors: Vec<TrustAnchor<'static>>,
        ends: Vec<Option<Moment>>,
        is_public: bool,
    ) -> Self {
        let mut by_subject: HashMap<Vec<u8>, Vec<usize>> = HashMap::with_capacity(anchors.len());
        for (index, anchor) in anchors.iter().enumerate() {
            by_subject.entry(anchor.subject.as_ref().to_vec()).or_default().push(index);
        }
        Self(Arc::new(Inner { anchors, by_subject, ends, is_public, signatures: Signatures::default() }))
    }

    /// Whether these are the roots that browsers trust, and not ones that an operator named.
    pub fn is_public(&self) -> bool {
        self.0.is_public
    }

    /// The signatures that were verified with these roots.
    pub(super) fn signatures(&self) -> &Signatures {
        &self.0.signatures
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.anchors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.anchors.is_empty()
    }

    /// Those that have issued one of these certificates, by name.
    pub(super) fn relevant(&self, certificates: &[Placed<'_>]) -> Vec<TrustAnchor<'static>> {
        let mut places: Vec<usize> = certificates
            .iter()
            .filter_map(|placed| self.0.by_subject.get(content(&placed.issuer_der)))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.0.anchors.get(place).cloned()).collect()
    }

    /// Whether a certificate is one of these: the same name and key.
    pub(super) fn holds(&self, certificate: &Placed<'_>) -> bool {
        self.anchors_named(content(&certificate.subject_der))
            .any(|(_, anchor)| anchor.subject_public_key_info.as_ref() == content(&certificate.spki_der))
    }

    fn anchors_named(&self, subject: &[u8]) -> impl Iterator<Item = (usize, &TrustAnchor<'static>)> {
        let places = self.0.by_subject.get(subject).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| Some((*place, self.0.anchors.get(*place)?)))
    }

    /// When this anchor ends, where that is known.
    fn end(&self, anchor: &TrustAnchor<'_>) -> Option<Moment> {
        self.anchors_named(anchor.subject.as_ref())
            .filter(|(_, own)| own.subject_public_key_info == anchor.subject_public_key_info)
            .filter_map(|(place, _)| self.0.ends.get(place).copied().flatten())
            .max()
    }
}

/// The root at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// Its distinguished name.
    pub(super) name: String,
    /// Its last second, where it is known.
    pub(super) end: Option<Moment>,
    /// Its subject and key, as the content of their sequences.
    subject: Vec<u8>,
    key: Vec<u8>,
}

impl Root {
    pub(super) fn of(anchor: &TrustAnchor<'_>, roots: &Roots) -> Self {
        Self {
            name: distinguished_name(anchor.subject.as_ref()),
            end: roots.end(anchor),
            subject: anchor.subject.as_ref().to_vec(),
            key: anchor.subject_public_key_info.as_ref().to_vec(),
        }
    }

    /// Whether this certificate is it.
    pub(super) fn is(&self, certificate: &Placed<'_>) -> bool {
        content(&certificate.subject_der) == self.subject && content(&certificate.spki_der) == self.key
    }
}

/// The content of a DER value, without its tag and length. Everything, where that cannot be told apart.
fn content(der: &[u8]) -> &[u8] {
    let Some((first, rest)) = der.get(1).zip(der.get(2..)) else { return der };
    if *first < 0x80 {
        return rest;
    }
    rest.get(usize::from(first & 0x7f)..).unwrap_or(der)
}

/// A name from the content of its sequence.
fn distinguished_name(content: &[u8]) -> String {
    let mut der = vec![0x30];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => der.push(length),
        Ok(length) => der.extend([0x81, length]),
        Err(_) => {
            let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
            der.push(0x82);
            der.extend(length.to_be_bytes());
        }
    }
    der.extend(content);
    X509Name::from_der(&der)
        .map_or_else(|_| "a root without a readable name".to_owned(), |(_, name)| name.to_string())
}
