//! A certificate that ACM issues, renews and lets out: exported where it is another than the one that is served.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use model::{Finding, Secret};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Document, SecretDocument};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{Host, Outcome};
use crate::pair::{Leaf, Pair, Unfit};
use crate::store::StoreError;
use crate::trouble::{Trouble, codes};

/// Bytes of chance in a passphrase, which is twice as many characters; ACM wants 4 to 128.
const PASSPHRASE: usize = 32;
/// What the text of an encrypted key is called in PEM (RFC 7468, section 11).
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// What ACM gives out.
#[derive(Debug, Clone)]
pub struct Exported {
    /// PEM, leaf first.
    pub chain: String,
    /// PEM, PKCS#8, encrypted with the passphrase.
    pub key: Secret<String>,
}

/// Why it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unexported {
    /// It has not issued the certificate; how it calls that, such as `PENDING_VALIDATION`, and the record that it
    /// waits for.
    NotIssued {
        /// As ACM spells it.
        status: String,
        /// The DNS record to make, as one line.
        record: Option<String>,
    },
    /// The call failed.
    Failed(Box<Finding>),
}

/// An answer to come.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unexported>> + 'a>>;

/// ACM, as far as it is needed.
pub trait Exporter {
    /// The certificate that is issued now, PEM. It costs nothing.
    fn issued<'a>(&'a self, arn: &'a str) -> Answer<'a, String>;
    /// The certificate with its chain, and its key encrypted with this passphrase.
    fn export<'a>(&'a self, arn: &'a str, passphrase: &'a Secret<String>) -> Answer<'a, Exported>;
}

pub(super) async fn attempt(
    host: &Host<'_>,
    live: Option<&Pair>,
    arn: &str,
    now: Timestamp,
) -> Result<Outcome, Trouble> {
    let Some(acm) = host.exporter else {
        return Err(Trouble::new(codes::EXPORT, arn, "this version does not export certificates from ACM")
            .hint("export it to files (aws acm export-certificate), and set `tls.source: files`; or set `tls.source: acme`"));
    };
    let unexported = |why: Unexported| unexported(arn, why);
    let issued = acm.issued(arn).await.map_err(unexported)?;
    let unusable = |unfit: &Unfit| {
        Trouble::new(codes::EXPORT, arn, format!("what ACM gives out is not used: {unfit}"))
            .hint("the pair that was there is still served; compare `tls.domain` with the certificate in ACM")
    };
    let first =
        CertificateDer::from_pem_slice(issued.as_bytes()).map_err(|_| unusable(&Unfit::NoCertificate))?;
    let leaf = Leaf::parse(&first).map_err(|unfit| unusable(&unfit))?;
    if !host.is_forced && live.is_some_and(|live| live.leaf().der == leaf.der) {
        return Ok(Outcome::Fresh { due: None, is_suggested: false });
    }
    let names = host.names(live);
    leaf.fits(&names, now).map_err(|unfit| unusable(&unfit))?;
    if host.is_dry {
        return Ok(Outcome::Due(None));
    }
    let passphrase = passphrase().ok_or_else(|| {
        Trouble::new(codes::EXPORT, arn, "the system gave no chance for a passphrase").hint("try again")
    })?;
    let exported = acm.export(arn, &passphrase).await.map_err(unexported)?;
    let key = decrypted(&exported.key, &passphrase).map_err(|why| unusable(&Unfit::Key(why)))?;
    match host.store.put(exported.chain.as_bytes(), &key, &names, now) {
        Ok(pair) => Ok(Outcome::Renewed { reason: None, leaf: Box::new(pair.leaf().clone()) }),
        Err(StoreError::Unfit(unfit)) => Err(unusable(&unfit)),
        Err(error) => Err(Trouble::of_store(&error)),
    }
}

fn unexported(arn: &str, why: Unexported) -> Trouble {
    match why {
        Unexported::Failed(finding) => Trouble { finding, retry_after: None },
        Unexported::NotIssued { status, record } => {
            let trouble = Trouble::new(
                codes::NOT_ISSUED,
                arn,
                format!("ACM has not issued the certificate: it is {status}"),
            );
            match record {
                Some(record) => trouble
                    .evidence(record)
                    .hint("make that DNS record; ACM issues some minutes after it is seen"),
                None => {
                    trouble.hint(format!("look at it: aws acm describe-certificate --certificate-arn {arn}"))
                }
            }
        }
    }
}

/// A passphrase for this one export.
fn passphrase() -> Option<Secret<String>> {
    let mut bytes = [0; PASSPHRASE];
    rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut bytes).ok()?;
    let mut text = String::with_capacity(PASSPHRASE.saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Some(Secret::new(text))
}

/// The key, PEM, without its encryption.
fn decrypted(key: &Secret<String>, passphrase: &Secret<String>) -> Result<Secret<Vec<u8>>, &'static str> {
    let (label, document) = Document::from_pem(key.expose()).map_err(|_| "it is no PEM key")?;
    if label != ENCRYPTED {
        return Err("it is not encrypted, although it was asked for that way");
    }
    let plain: SecretDocument = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .and_then(|info| info.decrypt(passphrase.expose()))
        .map_err(|_| "it cannot be decrypted")?;
    let pem = plain.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|_| "it cannot be written as PEM")?;
    Ok(Secret::new(pem.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use model::host::{CertificateSource, HostSettings};
    use model::{DeploymentId, Region, Severity};

    use super::*;
    use crate::run::{Report, run};
    use crate::store::{Owner, Store};
    use crate::testing::{Made, moment};

    /// Encrypts as ACM does, and in the forms that other tools use, with somebody else's code.
    fn encrypted(key: &str, passphrase: &str, form: &[&str]) -> String {
        let mut child = Command::new("openssl")
            .args(["pkcs8", "-topk8", "-passout"])
            .arg(format!("pass:{passphrase}"))
            .args(form)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`openssl` is installed (Debian: apt-get install openssl)");
        child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    const AS_ACM: &[&str] = &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1", "-iter", "2048"];

    #[test]
    fn keys_are_decrypted_whatever_form_they_are_in() {
        let made = Made::of(&["api.example.com".to_owned()], moment(0), 86_400);
        let passphrase = Secret::new("0123456789abcdef".to_owned());
        for form in [AS_ACM, &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"], &["-scrypt"]] {
            let key = Secret::new(encrypted(&made.key, passphrase.expose(), form));
            let plain = decrypted(&key, &passphrase).unwrap();
            Pair::parse(made.chain.as_bytes(), &plain).unwrap();
            assert!(decrypted(&key, &Secret::new("another".to_owned())).is_err());
        }
        assert!(decrypted(&Secret::new(made.key.clone()), &passphrase).is_err());
        assert!(decrypted(&Secret::new("noise".to_owned()), &passphrase).is_err());
    }

    /// ACM with one certificate.
    struct Acm {
        made: RefCell<Option<Made>>,
        exports: RefCell<Vec<String>>,
    }

    impl Exporter for Acm {
        fn issued<'a>(&'a self, _arn: &'a str) -> Answer<'a, String> {
            Box::pin(async {
                self.made.borrow().as_ref().map(|made| made.chain.clone()).ok_or(Unexported::NotIssued {
                    status: "PENDING_VALIDATION".to_owned(),
                    record: Some("_a.api.example.com CNAME _b.acm-validations.aws.".to_owned()),
                })
            })
        }

        fn export<'a>(&'a self, _arn: &'a str, passphrase: &'a Secret<String>) -> Answer<'a, Exported> {
            Box::pin(async {
                self.exports.borrow_mut().push(passphrase.expose().clone());
                let made = self.made.borrow();
                let made = made.as_ref().unwrap();
                let key = Secret::new(encrypted(&made.key, passphrase.expose(), AS_ACM));
                Ok(Exported { chain: made.chain.clone(), key })
            })
        }
    }

    #[test]
    fn a_certificate_is_exported_once_and_again_where_acm_has_renewed_it() {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["api.example.com".to_owned()];
        let store = Store::new(folder.path(), Owner::Writer);
        let settings = HostSettings {
            version: 1,
            deployment_id: DeploymentId::parse("sre-test").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            domains: names.clone(),
            certificate: CertificateSource::AcmExportable { certificate_arn: "arn:aws:acm:x".to_owned() },
        };
        let acm = Acm { made: RefCell::default(), exports: RefCell::default() };
        let once = || -> Report {
            let host = Host {
                store: &store,
                settings: &settings,
                state: folder.path(),
                answers: folder.path(),
                http: crate::run::HTTP,
                exporter: Some(&acm),
                records: None,
                now: &|| moment(60),
                chance: 0.5,
                is_forced: false,
                is_dry: false,
            };
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run(&host))
        };
        let report = once();
        assert_eq!(report.outcome, Outcome::Failed);
        assert_eq!(
            (report.findings[0].code.as_str(), report.findings[0].severity),
            (codes::NOT_ISSUED, Severity::Error)
        );
        assert!(report.live.unwrap().is_placeholder);
        for _ in 0..2 {
            acm.made.replace(Some(Made::of(&names, moment(0), 198 * 86_400)));
            let report = once();
            assert!(matches!(report.outcome, Outcome::Renewed { .. }), "{report:#?}");
            let again = once();
            assert!(matches!(again.outcome, Outcome::Fresh { .. }), "{again:#?}");
            let exports = acm.exports.borrow();
            assert!(!format!("{report:?}{again:?}").contains(exports.last().unwrap()));
        }
        // Another passphrase each time, and no export without need: it is charged for.
        let exports = acm.exports.borrow();
        assert_eq!(exports.len(), 2);
        assert_ne!(exports[0], exports[1]);
        drop(exports);
        // A certificate for another name is not used.
        let live = store.live().unwrap().unwrap().leaf().clone();
        acm.made.replace(Some(Made::of(&["other.example.com".to_owned()], moment(0), 86_400)));
        let report = once();
        assert_eq!(report.findings[0].code, codes::EXPORT, "{report:#?}");
        assert_eq!(report.live.map(|leaf| *leaf), Some(live));
    }
}
