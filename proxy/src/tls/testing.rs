//! Certificates for tests: a small authority, and folders in which pairs lie as they do on a host.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::config::{Tls, TlsVersion};

/// When the tests take place: certificates of [`Authority::issue`] are valid then.
pub(crate) fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// Somebody who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: String,
}

/// PEM texts of a certificate and its key.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2099, 1, 1);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for localhost and 127.0.0.1, valid for as long as anybody may run the tests.
    pub(crate) fn issue(&self) -> Pair {
        self.issue_with(|_| {})
    }

    pub(crate) fn issue_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair { certificate: self.sign_with(&key, change), key: key.serialize_pem() }
    }

    /// Another certificate for a key that is there already.
    pub(crate) fn sign(&self, key: &KeyPair) -> String {
        self.sign_with(key, |_| {})
    }

    fn sign_with(&self, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
        let names = ["localhost", "127.0.0.1", "*.example.com"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2098, 1, 1);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self, shown: Option<&Pair>, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        self.client_of(shown, protocols, &[&version::TLS13, &version::TLS12])
    }

    pub(crate) fn client_of(
        &self,
        shown: Option<&Pair>,
        protocols: &[&[u8]],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            Some(pair) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

/// The answer to a challenge about this name, self-signed as RFC 8737 wants it: one file with both.
pub(crate) fn challenge(name: &str) -> String {
    challenge_with(name, |_| {})
}

pub(crate) fn challenge_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    change(&mut params);
    format!("{}{}", params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

impl Pair {
    pub(crate) fn leaf(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

/// A folder with a pair in it.
pub(crate) struct Folder {
    pub(crate) folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn with(pair: &Pair) -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap() };
        folder.put(pair);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces both files, each at once.
    pub(crate) fn put(&self, pair: &Pair) {
        replace(&self.path("cert.pem"), &pair.certificate);
        replace(&self.path("key.pem"), &pair.key);
    }

    pub(crate) fn settings(&self) -> Tls {
        Tls {
            cert_path: self.path("cert.pem"),
            key_path: self.path("key.pem"),
            names: Vec::new(),
            min_version: TlsVersion::Tls12,
            client_auth: None,
            acme_challenges: None,
        }
    }
}

/// Replaces a file so that nobody ever sees half of it.
pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}
