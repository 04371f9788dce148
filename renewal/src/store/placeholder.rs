//! The pair that is served until there is a certificate: self-signed, and nobody can take it for a real one.

use model::Secret;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};

use super::StoreError;
use crate::pair::PLACEHOLDER;

/// Used where nobody has said a name yet.
const NO_NAME: &str = "localhost";

/// Chain and key, PEM.
///
/// It is valid from 2020 to 2050, whatever the clock says now. No client trusts it for a second, so its end protects
/// nobody; but the proxy loads no pair that has ended or not begun, and without a pair it cannot answer the
/// challenge that brings the real certificate. A host whose clock is wrong at its first start must come out of this.
pub fn make(domains: &[String]) -> Result<(String, Secret<Vec<u8>>), StoreError> {
    let fault = |error: rcgen::Error| StoreError::Placeholder(error.to_string());
    let names = if domains.is_empty() { vec![NO_NAME.to_owned()] } else { domains.to_vec() };
    // RFC 5280 allows 64 characters in a common name.
    let mut common = format!("{PLACEHOLDER}: {}", names.first().map_or(NO_NAME, String::as_str));
    common.truncate(common.char_indices().nth(64).map_or(common.len(), |(at, _)| at));
    let mut params = CertificateParams::new(names).map_err(fault)?;
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2050, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // ECDSA P-256, as the real ones.
    let key = KeyPair::generate().map_err(fault)?;
    let certificate = params.self_signed(&key).map_err(fault)?;
    Ok((certificate.pem(), Secret::new(key.serialize_pem().into_bytes())))
}
