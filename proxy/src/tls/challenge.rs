//! Answers the challenge TLS-ALPN-01 of ACME (RFC 8737) for whoever renews the certificate.
//!
//! The authority connects to port 443, names the host it asks about, and offers `acme-tls/1` and nothing else. It is
//! shown the certificate that lies under that name in a folder, and the connection is over. Clients of the API never
//! offer that protocol, and for them nothing here is asked: no file is read and nothing is waited for.

use std::{
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use rustix::fs::{Mode, OFlags};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::ClientHello,
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};
use rustls_pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use super::{TlsError, pair};

/// RFC 8737 section 6.2.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";
/// `id-pe-acmeIdentifier`, RFC 8737 section 6.1.
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";
/// A certificate of one name with its key is smaller by far.
const MAX_BYTES: u64 = 64 * 1024;
/// With its ending, such a name is as long as a file's name may be.
const LONGEST_NAME: usize = 251;
/// RFC 1035 section 2.3.4.
const LONGEST_LABEL: usize = 63;

/// The host that an authority asks about: a DNS name in lower case that names nothing but a file in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// The name in a `server_name`, if it can be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            let fits = (1..=LONGEST_LABEL).contains(&label.len());
            let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            fits && is_plain && !label.starts_with('-') && !label.ends_with('-')
        };
        (text.len() <= LONGEST_NAME && text.split('.').all(is_label)).then(|| Self(text.to_ascii_lowercase()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn file(&self) -> String {
        format!("{}.pem", self.0)
    }
}

/// The name that is asked about, where this is the beginning of a challenge.
pub(super) fn asked(hello: &ClientHello<'_>) -> Option<Name> {
    let mut offered = hello.alpn()?;
    if offered.next() != Some(PROTOCOL) || offered.next().is_some() {
        return None;
    }
    Name::parse(hello.server_name()?)
}

/// Why a challenge cannot be answered.
#[derive(Debug, Error)]
pub(super) enum Unanswered {
    /// Nobody waits for a certificate of this name.
    #[error("there is no file for this name")]
    Absent,
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The file holds no pair.
    #[error(transparent)]
    NoPair(#[from] TlsError),
    /// The file holds a certificate that proves nothing to an authority, such as one that is served to clients.
    #[error("its certificate is none for this challenge: {0}")]
    NoChallenge(&'static str),
}

/// What a handshake about this name is made with. Reads a file, so it may take a while.
pub(super) fn answer(
    folder: &Path,
    name: &Name,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, Unanswered> {
    let path = folder.join(name.file());
    let text = read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unanswered::Absent,
        _ => Unanswered::Unreadable(error),
    })?;
    let chain = pair::chain(&path, &text)?;
    let key = pair::signing_key(&path, &text)?;
    check(chain.first(), key.as_ref(), name).map_err(Unanswered::NoChallenge)?;
    let certified = CertifiedKey::new(chain, key);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Settings)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Reads a file that is itself in the folder, is regular and small. A pipe must not hold a connection.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no regular file"));
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= MAX_BYTES) {
        Ok(text)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, "this file is too large"))
    }
}

/// RFC 8737 section 3: the extension `acmeIdentifier`, critical, and the one name. So nothing that lies in the folder
/// by mistake is ever shown. rustls' own comparison of keys does not know that critical extension and refuses it.
fn check(leaf: Option<&CertificateDer<'_>>, key: &dyn SigningKey, name: &Name) -> Result<(), &'static str> {
    let leaf = leaf.ok_or("there is none")?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| "it is malformed")?;
    let mut extensions = certificate.extensions().iter();
    match extensions.find(|extension| extension.oid.to_id_string() == ACME_IDENTIFIER) {
        Some(extension) if extension.critical => {}
        Some(_) => return Err("its acmeIdentifier is not critical"),
        None => return Err("it has no acmeIdentifier"),
    }
    if key.public_key().as_deref() != Some(certificate.public_key().raw) {
        return Err("the key does not belong to it");
    }
    let names = certificate.subject_alternative_name().ok().flatten();
    match names.as_ref().map(|names| names.value.general_names.as_slice()) {
        Some([GeneralName::DNSName(only)]) if only.eq_ignore_ascii_case(name.as_str()) => Ok(()),
        _ => Err("it is not for this name and no other"),
    }
}

#[cfg(test)]
mod tests;
