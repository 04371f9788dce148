//! A certificate with its key, as it lies in files, and whether it may be shown to clients.

use std::{net::IpAddr, path::Path, sync::Arc};

use jiff::Timestamp;
use rustls::{
    crypto::aws_lc_rs,
    sign::{CertifiedKey, SigningKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use super::TlsError;
use crate::config::Tls;

/// Larger files are no certificates.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads the certificate and the key that the configuration names and checks that they can serve: they belong together,
/// are valid now, and are good for every configured name.
///
/// # Errors
///
/// The first reason why they cannot.
pub fn load_pair(tls: &Tls, now: Timestamp) -> Result<Arc<CertifiedKey>, TlsError> {
    let certificate = read(&tls.cert_path)
        .map_err(|source| TlsError::ReadCertificate { path: tls.cert_path.clone(), source })?;
    let key =
        read(&tls.key_path).map_err(|source| TlsError::ReadKey { path: tls.key_path.clone(), source })?;
    pair(tls, &certificate, &key, now)
}

/// Whether a file of this mode gives a private key away: everybody may do something with it, or its group may change it.
/// That the group reads it is how a renewal hands it to the service.
pub fn is_weak(mode: u32) -> bool {
    mode & 0o027 != 0
}

/// Reads a file that is small and regular: a pipe would never end, a device never be whole.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is no regular file"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "this file is too large"));
    }
    std::fs::read(path)
}

/// Checks a pair that has been read.
pub(super) fn pair(
    tls: &Tls,
    certificate: &[u8],
    key: &[u8],
    now: Timestamp,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = chain(&tls.cert_path, certificate)?;
    let key = signing_key(&tls.key_path, key)?;
    let leaf = chain.first().ok_or_else(|| no_certificate(&tls.cert_path, "it is empty"))?;
    check_leaf(tls, leaf, now)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::Mismatch { cert_path: tls.cert_path.clone(), key_path: tls.key_path.clone() })
        }
        Err(error) => Err(no_certificate(&tls.cert_path, &error.to_string())),
    }
}

fn no_certificate(path: &Path, reason: &str) -> TlsError {
    TlsError::Certificate { path: path.to_owned(), reason: reason.to_owned() }
}

/// The certificates of a PEM file, in its order.
pub(super) fn chain(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| no_certificate(path, &pem_reason(&error)))?;
    if certificates.is_empty() {
        return Err(no_certificate(path, "there is no `BEGIN CERTIFICATE`"));
    }
    Ok(certificates)
}

/// What is wrong with a PEM file, without the bytes that rustls would quote: they may be of a key.
fn pem_reason(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end; the file may be cut off".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the beginning of a section is malformed".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not Base64".to_owned(),
        pem::Error::NoItemsFound => "there is no section in it".to_owned(),
        _ => "it is no PEM".to_owned(),
    }
}

pub(super) fn signing_key(path: &Path, text: &[u8]) -> Result<Arc<dyn SigningKey>, TlsError> {
    let no_key = |reason: String| TlsError::Key { path: path.to_owned(), reason };
    let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| {
        let is_encrypted = text.windows(b"ENCRYPTED".len()).any(|window| window == b"ENCRYPTED");
        no_key(if is_encrypted { "it is encrypted".to_owned() } else { pem_reason(&error) })
    })?;
    aws_lc_rs::sign::any_supported_type(&key).map_err(|_| no_key("its kind is not supported".to_owned()))
}

/// Dates and names are read by x509-parser, which reads more certificates than webpki: an expiry should be named even
/// where something else is odd too.
fn check_leaf(tls: &Tls, leaf: &CertificateDer<'_>, now: Timestamp) -> Result<(), TlsError> {
    let (_, certificate) = X509Certificate::from_der(leaf)
        .map_err(|_| no_certificate(&tls.cert_path, "the first certificate is malformed"))?;
    let path = || tls.cert_path.clone();
    // Seconds only: adding to a date of x509-parser panics near the year 9999.
    let validity = certificate.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if now.as_second() > until {
        return Err(TlsError::Expired { path: path(), at: timestamp(until) });
    }
    if now.as_second() < from {
        return Err(TlsError::NotYetValid { path: path(), at: timestamp(from) });
    }
    let entity = webpki::EndEntityCert::try_from(leaf)
        .map_err(|error| no_certificate(&tls.cert_path, &error.to_string()))?;
    for name in &tls.names {
        if !covers(&entity, &certificate, name) {
            return Err(TlsError::Name { path: path(), name: name.clone(), names: names(&certificate) });
        }
    }
    Ok(())
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// What is said of a certificate that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its serial number: lower-case hexadecimal, two digits a byte.
    pub serial: String,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
    /// The DNS names and addresses in it.
    pub names: Vec<String>,
}

impl Shown {
    /// What is to be said of a pair; nothing of a certificate that cannot be read.
    pub fn of(pair: &CertifiedKey) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(pair.cert.first()?).ok()?;
        Some(Self {
            serial: model::hex::encode(certificate.raw_serial()),
            not_before: timestamp(certificate.validity().not_before.timestamp()),
            not_after: timestamp(certificate.validity().not_after.timestamp()),
            names: names(&certificate),
        })
    }
}

/// Whether clients that connect to this name accept the certificate. A configured wildcard wants the same wildcard.
fn covers(entity: &webpki::EndEntityCert<'_>, certificate: &X509Certificate<'_>, name: &str) -> bool {
    if name.starts_with("*.") {
        return names(certificate).iter().any(|other| other.eq_ignore_ascii_case(name));
    }
    ServerName::try_from(name).is_ok_and(|name| entity.verify_is_valid_for_subject_name(&name).is_ok())
}

/// The DNS names and addresses in a certificate.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(text).collect()
}
