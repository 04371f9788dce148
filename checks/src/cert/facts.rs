//! What is known of certificates and of where they were found. Values only: who reads them and who judges them are
//! other files, so that a verdict can be asked about any certificate at any moment.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use model::Finding;

use crate::{Moment, Subject};

/// A certificate, as far as it could be read. Only what x509-parser reads is here; whether webpki would read it too is
/// for the judge of trust to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its DER, without anything behind it.
    pub der: Arc<[u8]>,
    /// SHA-256 of `der`, lower-case hexadecimal: the fingerprint.
    pub sha256: String,
    /// The subject's distinguished name; may be empty.
    pub subject: String,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// DER of subject and issuer, which is what chains are made of.
    pub subject_der: Arc<[u8]>,
    /// See `subject_der`.
    pub issuer_der: Arc<[u8]>,
    /// Hexadecimal, two digits a byte, as encoded: a negative one keeps its sign bit.
    pub serial: String,
    /// First second of validity; `None` where the time is malformed.
    pub not_before: Option<Moment>,
    /// Last second of validity; `None` where the time is malformed.
    pub not_after: Option<Moment>,
    /// DNS names of `subjectAltName`, as written.
    pub dns_names: Vec<String>,
    /// Addresses of `subjectAltName`.
    pub ip_addresses: Vec<IpAddr>,
    /// Whether there is a `subjectAltName` at all.
    pub has_alternative_name: bool,
    /// The public key.
    pub key: PublicKey,
    /// DER of `SubjectPublicKeyInfo`.
    pub spki_der: Arc<[u8]>,
    /// How it was signed.
    pub signature: SignatureAlgorithm,
    /// `basicConstraints` with `cA`.
    pub is_ca: bool,
    /// Key usages by their RFC 5280 names, such as `digitalSignature`; `None` without the extension.
    pub key_usage: Option<Vec<&'static str>>,
    /// Extended key usages: dotted object identifiers; `None` without the extension.
    pub extended_key_usage: Option<Vec<String>>,
    /// `subjectKeyIdentifier`, hexadecimal.
    pub subject_key_id: Option<String>,
    /// `authorityKeyIdentifier`, hexadecimal.
    pub authority_key_id: Option<String>,
    /// Addresses of the issuer's certificate (AIA, caIssuers).
    pub issuer_urls: Vec<String>,
    /// How many signed certificate timestamps are embedded (RFC 6962).
    pub timestamps: usize,
    /// Peculiarities of the encoding that a judge should know: `duplicate extension 2.5.29.19`, `version 2`.
    pub oddities: Vec<String>,
}

impl Certificate {
    /// Whether subject and issuer are the same.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// What it is called: its names, or else its subject.
    pub fn names(&self) -> Vec<String> {
        let addresses = self.ip_addresses.iter().map(ToString::to_string);
        let mut names: Vec<String> = self.dns_names.iter().cloned().chain(addresses).collect();
        if names.is_empty() {
            names.push(self.subject.clone());
        }
        names
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, bits of the modulus.
    Rsa(usize),
    /// An elliptic curve by its usual name: `P-256`, `P-384`, `P-521`; others by object identifier.
    Ec(String),
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// DSA, bits of the modulus where they can be read.
    Dsa(usize),
    /// Something else, by object identifier.
    Other(String),
}

/// How a certificate was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    /// Such as `sha256WithRSAEncryption`; the object identifier where it has no usual name.
    pub name: String,
    /// Whether it rests on MD2, MD4, MD5 or SHA-1.
    pub is_weak: bool,
}

/// Something in a file or handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A certificate. Boxed, since most of a chain is.
    Certificate(Box<Certificate>),
    /// Something that should be a certificate and cannot be read.
    Malformed {
        /// Why.
        reason: String,
    },
}

/// A private key that lies beside a certificate. The key itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Where it lies.
    pub path: PathBuf,
    /// What could be seen of it.
    pub key: KeyState,
    /// Mode and owner of the file; `None` where the key lies in the certificate's own archive (PKCS#12).
    pub access: Option<FileAccess>,
}

/// What could be seen of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Its public half, DER of `SubjectPublicKeyInfo`.
    Public(Arc<[u8]>),
    /// It is encrypted.
    Encrypted,
    /// It cannot be read; why.
    Unreadable(String),
    /// There is none where one should be.
    Missing,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileAccess {
    /// The permission bits.
    pub mode: u32,
    /// The owner's user id.
    pub uid: u32,
    /// The group's id.
    pub gid: u32,
}

/// Who made a certificate and renews it, as far as can be told; decides the advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// certbot: the name of its lineage below `/etc/letsencrypt/live`.
    Certbot {
        /// The lineage.
        name: String,
    },
    /// Another ACME client or CA.
    Acme,
    /// ACM, renewed by it (or not: see the facts).
    AcmManaged,
    /// Imported into ACM: never renewed by it.
    AcmImported,
    /// Exported from ACM: renewed there, has to be exported again.
    AcmExportable,
    /// A CA that sells certificates.
    Commercial,
    /// Signed by itself or by a CA of the house.
    Private,
    /// Cannot be told.
    Unknown,
}

/// What ACM says of a certificate beyond its content. `None` where it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AcmFacts {
    /// Such as `ISSUED`, `PENDING_VALIDATION`, `EXPIRED`.
    pub status: String,
    /// `AMAZON_ISSUED`, `IMPORTED`, `PRIVATE`.
    pub kind: String,
    /// `ELIGIBLE` or `INELIGIBLE`.
    pub renewal_eligibility: Option<String>,
    /// `PENDING_AUTO_RENEWAL`, `PENDING_VALIDATION`, `SUCCESS`, `FAILED`.
    pub renewal_status: Option<String>,
    /// Why a renewal or an issuance failed.
    pub failure_reason: Option<String>,
    /// Whether the private key can be had.
    pub exportable: bool,
    /// ARNs of what it is attached to.
    pub in_use_by: Vec<String>,
    /// The DNS record that ACM waits for, as `name type value`.
    pub validation_record: Option<String>,
    /// First and last second, from the description: there even where the certificate itself cannot be fetched.
    pub not_before: Option<Moment>,
    /// See `not_before`.
    pub not_after: Option<Moment>,
    /// All names.
    pub names: Vec<String>,
    /// The issuer as ACM calls it.
    pub issuer: String,
    /// The serial as ACM writes it.
    pub serial: String,
}

/// A suggestion of the CA when to renew (ACME renewal information, RFC 9773).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalWindow {
    /// First second.
    pub start: Moment,
    /// Last second.
    pub end: Moment,
    /// A page that says why, where the CA names one.
    pub explanation: Option<String>,
}

/// The certificate on disk that an endpoint should serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// Where it lies.
    pub path: PathBuf,
    /// The fingerprint of its leaf, as in [`Certificate::sha256`].
    pub sha256: String,
    /// First second of validity; `None` where it is not known.
    pub not_before: Option<Moment>,
    /// Last second of validity; `None` where it is not known.
    pub not_after: Option<Moment>,
}

/// Everything known about one subject, to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// What it is about.
    pub subject: Subject,
    /// What was found, in its order.
    pub items: Vec<Item>,
    /// Names that it has to be good for: the host of an endpoint, the domain of the deployment. Not normalised: an IDN
    /// may come as Unicode.
    pub expected_names: Vec<String>,
    /// The private key beside it; `None` where none is to be looked at, such as of an endpoint.
    pub key: Option<KeyFacts>,
    /// Where it comes from.
    pub source: Source,
    /// What ACM says.
    pub acm: Option<AcmFacts>,
    /// Whether clients will see this chain, so that an untrusted one is critical.
    pub is_served: bool,
    /// For an endpoint whose certificate also lies on disk: the leaf there.
    pub on_disk: Option<OnDisk>,
    /// When the CA suggests to renew.
    pub renewal: Option<RenewalWindow>,
    /// CAA records that apply to the names, as `issue "letsencrypt.org"`; `None` where they were not asked for.
    pub caa: Option<Vec<String>>,
    /// What was found while collecting; goes into the result as it is.
    pub remarks: Vec<Finding>,
}

impl Material {
    /// Nothing known yet.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            items: Vec::new(),
            expected_names: Vec::new(),
            key: None,
            source: Source::Unknown,
            acm: None,
            is_served: false,
            on_disk: None,
            renewal: None,
            caa: None,
            remarks: Vec::new(),
        }
    }

    /// The certificates with their positions.
    pub fn certificates(&self) -> impl Iterator<Item = (usize, &Certificate)> {
        self.items.iter().enumerate().filter_map(|(position, item)| match item {
            Item::Certificate(certificate) => Some((position, certificate.as_ref())),
            Item::Malformed { .. } => None,
        })
    }
}
