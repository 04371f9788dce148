//! Makes certificates and files for these tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use checks::cert::facts::{Certificate, Material};
use checks::cert::read::{expand_all, of_target};
use checks::{CheckResult, Status, report::CertificateSummary};
use model::Severity;

/// A certificate for a name, signed by itself, and its key; both PEM.
pub(crate) fn pair(name: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// The DER of the first section.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    use rustls_pki_types::pem::PemObject as _;
    rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// A folder that goes away with the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn link(&self, name: &str, target: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }

    /// What these patterns, relative to the folder, bring up: the subject without the folder, and what is known of it.
    pub(crate) fn expand(&self, patterns: &[&str]) -> Vec<(String, Material)> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| text(&self.path(pattern))).collect();
        let prefix = format!("{}/", self.0.path().display());
        expand_all(&patterns)
            .iter()
            .map(|target| {
                let material = of_target(target);
                let name = &material.subject.name;
                (name.strip_prefix(&prefix).unwrap_or(name).to_owned(), material)
            })
            .collect()
    }

    /// The same, only the names.
    pub(crate) fn names(&self, patterns: &[&str]) -> Vec<String> {
        self.expand(patterns).into_iter().map(|(name, _)| name).collect()
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Codes and severities of the remarks.
pub(crate) fn remarks(material: &Material) -> Vec<(&str, Severity)> {
    material.remarks.iter().map(|remark| (remark.code.as_str(), remark.severity)).collect()
}

/// The certificates of a material.
pub(crate) fn certificates(material: &Material) -> Vec<&Certificate> {
    material.certificates().map(|(_, certificate)| certificate).collect()
}

/// Judges nothing: certificates are well, and remarks stand as they are.
pub(crate) fn judge(material: &Material) -> CheckResult {
    let summaries = material.certificates().map(|(position, certificate)| CertificateSummary {
        position,
        names: certificate.names(),
        issuer: certificate.issuer.clone(),
        serial: certificate.serial.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        remaining_seconds: None,
        lifetime_seconds: None,
    });
    let mut result =
        CheckResult::new(material.subject.clone(), summaries.collect(), material.remarks.clone());
    if material.remarks.is_empty() && !material.items.is_empty() {
        result.status = Status::Ok;
    }
    result
}

/// Runs openssl.
pub(crate) fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl is installed (Debian: apt-get install openssl)");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
