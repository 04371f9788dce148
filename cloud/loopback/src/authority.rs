//! A certificate authority for practice: a root that nobody trusts by itself, and certificates for servers.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

/// Clocks of clients may be late by this.
const BACKDATED: Duration = Duration::from_hours(1);
/// How long the root is good for.
const ROOT_LIFETIME: Duration = Duration::from_hours(24 * 365);
/// How long a server's certificate is good for: as long as Let's Encrypt's.
pub const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 90);

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate can be made for {subject}")]
pub struct AuthorityError {
    /// Whom it was for.
    pub subject: String,
    /// Why.
    source: rcgen::Error,
}

/// A certificate with its key, as a server needs them.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The server's certificate, PEM. The root is left out, as servers leave it out.
    pub chain_pem: String,
    /// Its private key, PKCS#8 in PEM.
    pub key_pem: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("chain_pem", &self.chain_pem).finish_non_exhaustive()
    }
}

/// The authority. Its key is in memory only, so nobody can ever sign with it once this value is gone.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes one with a key of its own, valid from `now`.
    pub fn new(common_name: &str, now: SystemTime) -> Result<Self, AuthorityError> {
        let failed = |source| AuthorityError { subject: common_name.to_owned(), source };
        let mut params = params(common_name, now, ROOT_LIFETIME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Self { root: CertifiedIssuer::self_signed(params, key).map_err(failed)? })
    }

    /// The root, PEM: what a client has to trust.
    pub fn root_pem(&self) -> String {
        self.root.as_ref().pem()
    }

    /// A certificate for a server with these names and addresses, valid from `now` for [`CERTIFICATE_LIFETIME`].
    pub fn issue(&self, names: &[String], now: SystemTime) -> Result<Pair, AuthorityError> {
        let subject = names.first().cloned().unwrap_or_default();
        let failed = |source| AuthorityError { subject: subject.clone(), source };
        let mut params = params(&subject, now, CERTIFICATE_LIFETIME);
        params.subject_alt_names = CertificateParams::new(names.to_vec()).map_err(failed)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.root).map_err(failed)?;
        Ok(Pair { chain_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

/// What root and leaf have in common.
fn params(common_name: &str, now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    // RFC 5280 allows 64 characters here; the whole name is among the alternative names.
    name.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.distinguished_name = name;
    let from = now.checked_sub(BACKDATED).unwrap_or(now);
    params.not_before = from.into();
    params.not_after = from.checked_add(lifetime).unwrap_or(now).into();
    params
}
