//! Notices a new certificate and shows it once it is whole and right.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Server, TlsError, pair};
use crate::config::Tls;

/// Looks whether the files of a certificate and its key have changed, and gives a pair that is right to the server.
///
/// The two files are replaced one after the other, so a key that does not belong to the certificate is first waited
/// for; only where it stays so is it reported. Whatever is wrong, the old pair goes on, and each fault is reported once.
#[derive(Debug)]
pub struct CertificateWatch {
    server: Arc<Server>,
    /// What the files held when they were last shown or refused.
    seen: Option<[u8; 32]>,
    /// Whether the last look found two that do not belong together, and which.
    mismatched: Option<[u8; 32]>,
    /// What was reported and still holds.
    reported: Option<String>,
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Look {
    /// They are as they were.
    Same,
    /// A new pair is shown from now on.
    Exchanged,
    /// They do not belong together yet; it is worth looking again soon.
    Waiting,
    /// They cannot be used, for a reason that was not reported before.
    Refused(Box<TlsError>),
}

impl CertificateWatch {
    /// A watch over the files that the server was made from.
    pub fn new(server: Arc<Server>, tls: &Tls) -> Self {
        let seen = contents(tls).ok().map(|(certificate, key)| digest(&certificate, &key));
        Self { server, seen, mismatched: None, reported: None }
    }

    /// Looks at the files, which are read whole.
    pub fn look(&mut self, tls: &Tls, now: Timestamp) -> Look {
        let (certificate, key) = match contents(tls) {
            Ok(contents) => contents,
            Err(error) => return self.refuse(error),
        };
        let digest = digest(&certificate, &key);
        if self.seen == Some(digest) && self.reported.is_none() {
            return Look::Same;
        }
        match pair::pair(tls, &certificate, &key, now) {
            Ok(pair) => {
                let is_new = self.seen != Some(digest);
                self.seen = Some(digest);
                self.mismatched = None;
                self.reported = None;
                self.server.exchange(pair);
                if is_new { Look::Exchanged } else { Look::Same }
            }
            Err(TlsError::Mismatch { .. }) if self.mismatched.replace(digest) != Some(digest) => {
                Look::Waiting
            }
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&mut self, error: TlsError) -> Look {
        let text = error.with_cause();
        if self.reported.as_ref() == Some(&text) {
            return Look::Same;
        }
        self.reported = Some(text);
        Look::Refused(Box::new(error))
    }
}

fn contents(tls: &Tls) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let certificate = pair::read(&tls.cert_path)
        .map_err(|source| TlsError::ReadCertificate { path: tls.cert_path.clone(), source })?;
    let key = pair::read(&tls.key_path)
        .map_err(|source| TlsError::ReadKey { path: tls.key_path.clone(), source })?;
    Ok((certificate, key))
}

/// A name for the contents of both files.
fn digest(certificate: &[u8], key: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(certificate));
    hash.update(Sha256::digest(key));
    hash.finalize().into()
}
