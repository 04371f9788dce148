//! A certificate authority for one test, and certificates for the proxy.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// The authority and where its files are.
pub(crate) struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Pki {
    /// Makes the authority, and a first certificate for the proxy.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self { authority, folder: folder.to_owned() };
        fs::write(pki.ca(), pki.authority.as_ref().pem()).unwrap();
        pki.renew();
        pki
    }

    /// Puts a new certificate and key in place of the old ones, as renewal does: one file after the other.
    /// Returns the certificate in DER.
    pub(crate) fn renew(&self) -> Vec<u8> {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        // Python's verifier wants it.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        replace(&self.key(), key.serialize_pem().as_bytes());
        replace(&self.certificate(), certificate.pem().as_bytes());
        certificate.der().to_vec()
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The same, DER.
    pub(crate) fn ca_der(&self) -> Vec<u8> {
        self.authority.as_ref().der().to_vec()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("fullchain.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("privkey.pem")
    }
}

/// Replaces a file in one step, so that nobody reads half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, path).unwrap();
}
