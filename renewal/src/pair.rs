//! A certificate chain with its private key, and what is known of it.

use std::fmt;

use jiff::Timestamp;
use model::Secret;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How the common name of a placeholder begins. Nobody who looks at one can take it for a certificate.
pub const PLACEHOLDER: &str = "placeholder, no certificate yet";

/// A chain with the key of its first certificate: both were parsed, and they belong together.
#[derive(Debug, Clone)]
pub struct Pair {
    chain: String,
    key: Secret<String>,
    leaf: Leaf,
}

/// What the first certificate of a chain says.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The DNS names that it is good for, in lower case, as they stand in it.
    pub names: Vec<String>,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
    /// Its serial number as it stands in the certificate, lower-case hex, two digits a byte.
    pub serial: String,
    /// Who issued it.
    pub issuer: String,
    /// Whether it names itself as its issuer.
    pub is_self_signed: bool,
    /// Whether this program made it so that the proxy could start.
    pub is_placeholder: bool,
    /// The certificate itself.
    pub der: Vec<u8>,
}

/// Why something is no pair, or not one that may be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The chain has no certificate in it.
    #[error("no certificate is in the chain")]
    NoCertificate,
    /// The chain is damaged.
    #[error("the chain cannot be read: {0}")]
    Chain(String),
    /// The key is absent or damaged. What it holds is never shown.
    #[error("the private key cannot be read: {0}")]
    Key(&'static str),
    /// They do not belong together.
    #[error("the private key is not the one of the first certificate")]
    Mismatch,
    /// The last second has passed.
    #[error("the certificate ended at {0}")]
    Expired(Timestamp),
    /// The first second has not come.
    #[error("the certificate is not valid before {0}")]
    Early(Timestamp),
    /// Clients use a name that is not in it.
    #[error("the certificate is not for {}, it is for {}", list(.missing), list(.names))]
    Names {
        /// Names that are not covered.
        missing: Vec<String>,
        /// Names that are.
        names: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

impl Pair {
    /// Parses both, PEM, and tries whether they belong together.
    pub fn parse(chain: &[u8], key: &Secret<Vec<u8>>) -> Result<Self, Unfit> {
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| Unfit::Chain(error.to_string()))?;
        let Some(first) = certificates.first() else { return Err(Unfit::NoCertificate) };
        let leaf = Leaf::parse(first)?;
        let der = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| Unfit::Key("it is no PEM key"))?;
        let signing =
            any_supported_type(&der).map_err(|_| Unfit::Key("it is of no kind that can sign for TLS"))?;
        CertifiedKey::new(certificates, signing).keys_match().map_err(|_| Unfit::Mismatch)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { chain: text(chain), key: Secret::new(text(key.expose())), leaf })
    }

    /// PEM, leaf first.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// PEM.
    pub fn key(&self) -> &Secret<String> {
        &self.key
    }

    /// What the certificate says.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Whether it may be served now under these names.
    pub fn fits(&self, names: &[String], now: Timestamp) -> Result<(), Unfit> {
        self.leaf.fits(names, now)
    }
}

impl Leaf {
    /// Reads a certificate, DER.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, Unfit> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|error| Unfit::Chain(error.to_string()))?;
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|extension| &extension.value.general_names)
            .into_iter()
            .flatten()
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                _ => None,
            })
            .collect();
        let is_placeholder = certificate
            .subject()
            .iter_common_name()
            .filter_map(|name| name.as_str().ok())
            .any(|name| name.starts_with(PLACEHOLDER));
        Ok(Self {
            names,
            not_before: timestamp(certificate.validity().not_before.timestamp()),
            not_after: timestamp(certificate.validity().not_after.timestamp()),
            serial: model::hex::encode(certificate.raw_serial()),
            issuer: certificate.issuer().to_string(),
            is_self_signed: certificate.issuer().as_raw() == certificate.subject().as_raw(),
            is_placeholder,
            der: der.as_ref().to_vec(),
        })
    }

    /// Whether a client that asks for this name is content.
    pub fn covers(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        // A wildcard stands for exactly one label (RFC 6125, section 6.4.3).
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|own| *own == name || (parent.is_some() && own.strip_prefix("*.") == parent))
    }

    /// Those of these names that it is not good for.
    pub fn missing(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| !self.covers(name)).cloned().collect()
    }

    /// Whether it may be served now under these names.
    pub fn fits(&self, names: &[String], now: Timestamp) -> Result<(), Unfit> {
        if now > self.not_after {
            return Err(Unfit::Expired(self.not_after));
        }
        if now < self.not_before {
            return Err(Unfit::Early(self.not_before));
        }
        let missing = self.missing(names);
        if missing.is_empty() { Ok(()) } else { Err(Unfit::Names { missing, names: self.names.clone() }) }
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaf({self}, from {}, issued by {})", self.not_before, self.issuer)
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, serial {}, until {}", list(&self.names), self.serial, self.not_after)
    }
}

/// The year 9999 of RFC 5280, section 4.1.2.5, is a day after the last one that can be computed with.
fn timestamp(seconds: i64) -> Timestamp {
    let beyond = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(beyond)
}
