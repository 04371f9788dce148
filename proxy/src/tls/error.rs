//! Why a certificate, its key or the settings of TLS cannot be used.

use std::{io, path::PathBuf};

use jiff::Timestamp;
use model::document::{Place, Problem};
use thiserror::Error;

use crate::config::codes;

/// Why a certificate, its key or the settings of TLS cannot be used. No variant holds anything of a private key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file with the certificate cannot be read.
    #[error("{} cannot be read", path.display())]
    ReadCertificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file with the key cannot be read.
    #[error("{} cannot be read", path.display())]
    ReadKey {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in the file, or one that is no certificate.
    #[error("{} holds no certificate that can be read: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// There is no private key in the file, or none of a supported kind.
    #[error("{} holds no private key that can be used: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The two do not belong together.
    #[error("the key in {} does not belong to the certificate in {}", key_path.display(), cert_path.display())]
    Mismatch {
        /// The file with the certificate.
        cert_path: PathBuf,
        /// The file with the key.
        key_path: PathBuf,
    },
    /// A certificate that was valid.
    #[error("the certificate in {} expired at {at}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// A certificate that will be valid.
    #[error("the certificate in {} is not valid before {at}", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// From when on it is.
        at: Timestamp,
    },
    /// A certificate for other names.
    #[error("the certificate in {} is not good for `{name}`{}", path.display(), good_for(names))]
    Name {
        /// The file.
        path: PathBuf,
        /// The configured name.
        name: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// The authorities of client certificates.
    #[error("{} holds no authorities that can be used: {reason}", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// rustls refuses the combination.
    #[error("these TLS settings cannot be used")]
    Settings(#[source] rustls::Error),
}

fn good_for(names: &[String]) -> String {
    const MOST: usize = 5;
    if names.is_empty() {
        return ", nor for any other name".to_owned();
    }
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = if names.len() > MOST { ", ..." } else { "" };
    format!(", only for {shown}{more}")
}

impl TlsError {
    /// The finding's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReadCertificate { .. } => codes::UNREADABLE_CERTIFICATE,
            Self::ReadKey { .. } => codes::UNREADABLE_KEY,
            Self::Certificate { .. } => codes::NO_CERTIFICATE,
            Self::Key { .. } => codes::NO_KEY,
            Self::Mismatch { .. } => codes::KEY_MISMATCH,
            Self::Expired { .. } => codes::EXPIRED,
            Self::NotYetValid { .. } => codes::NOT_YET_VALID,
            Self::Name { .. } => codes::NAME_NOT_COVERED,
            Self::ClientCa { .. } => codes::CLIENT_CA,
            Self::Settings(_) => codes::TLS_SETTINGS,
        }
    }

    /// The key of the configuration that names the file.
    pub fn key(&self) -> &'static str {
        match self {
            Self::ReadKey { .. } | Self::Key { .. } | Self::Mismatch { .. } => "tls.key_path",
            Self::ClientCa { .. } => "tls.client_ca_path",
            Self::Settings(_) => "tls",
            _ => "tls.cert_path",
        }
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::ReadCertificate { .. } | Self::ReadKey { .. } => {
                "let the user that runs the proxy read the file and pass through its folders"
            }
            Self::Certificate { .. } => "give a PEM file with the certificate first and its chain behind it",
            Self::Key { .. } => "give a PEM file with an unencrypted key: PKCS#8, PKCS#1 or SEC1",
            Self::Mismatch { .. } => "give the two files of one issuance",
            Self::Expired { .. } => "renew the certificate",
            Self::NotYetValid { .. } => "check the clock of this machine, then the certificate",
            Self::Name { .. } => "issue a certificate for all of `tls.names`, or correct the list",
            Self::ClientCa { .. } => "give a PEM file with at least one certificate of an authority",
            Self::Settings(_) => "see the cause",
        }
    }

    /// The problem that this is at a place of the configuration.
    pub fn problem(&self, place: &Place) -> Problem {
        Problem::error(self.code(), place, self.with_cause()).suggestion(self.advice())
    }

    /// The message with its cause, on one line.
    pub fn with_cause(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{self}{cause}")
    }
}
