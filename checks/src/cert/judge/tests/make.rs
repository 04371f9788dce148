//! Certificates for tests: made with rcgen, read like any other.

use std::sync::LazyLock;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::super::policy::DAY;
use super::super::{Policy, Roots};
use crate::cert::facts::{Item, Material};
use crate::cert::read::certificate;
use crate::{CheckResult, Moment, Subject, SubjectKind};
use model::{Finding, Severity};

/// 2026-06-01T00:00:00Z: the present of these tests.
pub(super) const NOW: i64 = 1_780_272_000;

/// One key for all: making keys is slow, and which one it is does not matter to most questions.
static KEYS: LazyLock<Vec<KeyPair>> =
    LazyLock::new(|| (0..6).map(|_| KeyPair::generate().unwrap()).collect());

/// What a certificate is to say.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) params: CertificateParams,
    pub(super) key: usize,
}

pub(super) fn at(second: i64) -> Moment {
    Moment::from_second(second)
}

/// rcgen's type for times is that of another crate; all are computed from one.
macro_rules! time {
    ($second:expr) => {{
        let distance = Duration::from_secs($second.unsigned_abs());
        let epoch = date_time_ymd(1970, 1, 1);
        if $second < 0 { epoch - distance } else { epoch + distance }
    }};
}

impl Recipe {
    fn named(name: &str, key: usize) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        Self { params, key }.lives(NOW - 30 * DAY, NOW + 60 * DAY - 1)
    }

    /// A server's certificate for these names, thirty days old, of ninety.
    pub(super) fn leaf(names: &[&str]) -> Self {
        let mut recipe = Self::named("leaf", 0);
        recipe.params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        recipe.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        recipe.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        recipe
    }

    /// A CA's, far longer than anything below it.
    pub(super) fn ca(name: &str, key: usize) -> Self {
        let mut recipe = Self::named(name, key);
        recipe.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        recipe.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        recipe.lives(0, 4_000_000_000)
    }

    /// First and last second.
    pub(super) fn lives(mut self, first: i64, last: i64) -> Self {
        self.params.not_before = time!(first);
        self.params.not_after = time!(last);
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        change(&mut self.params);
        self
    }

    pub(super) fn serial(self, bytes: &[u8]) -> Self {
        let serial = SerialNumber::from_slice(bytes);
        self.with(|params| params.serial_number = Some(serial))
    }

    /// With the address of its issuer's certificate.
    pub(super) fn issuer_url(self, url: &str) -> Self {
        let mut description =
            vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, u8::try_from(url.len()).unwrap()];
        description.extend(url.bytes());
        let mut content = vec![0x30, u8::try_from(description.len()).unwrap()];
        content.extend(description);
        let mut all = vec![0x30, u8::try_from(content.len()).unwrap()];
        all.extend(content);
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], all);
        self.with(|params| params.custom_extensions.push(extension))
    }

    /// Signed by another.
    pub(super) fn by(&self, issuer: &Recipe) -> Vec<u8> {
        let signer = Issuer::from_params(&issuer.params, &KEYS[issuer.key]);
        self.params.signed_by(&KEYS[self.key], &signer).unwrap().der().to_vec()
    }

    /// Signed by itself.
    pub(super) fn own(&self) -> Vec<u8> {
        self.params.self_signed(&KEYS[self.key]).unwrap().der().to_vec()
    }
}

fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

/// A root, an intermediate and what stands on them.
pub(super) struct House {
    pub(super) root: Recipe,
    pub(super) root_der: Vec<u8>,
    pub(super) middle: Recipe,
    pub(super) middle_der: Vec<u8>,
}

impl House {
    pub(super) fn new() -> Self {
        let (root, middle) = (Recipe::ca("Root", 1), Recipe::ca("Middle", 2));
        Self { root_der: root.own(), middle_der: middle.by(&root), root, middle }
    }

    /// Roots that an operator named.
    pub(super) fn named(&self) -> Policy {
        Policy::new(Roots::from_pem(pem(&self.root_der).as_bytes()).unwrap())
    }

    /// The same, as if browsers trusted them.
    pub(super) fn public(&self) -> Policy {
        let der = CertificateDer::from(&*self.root_der);
        let anchor = webpki::anchor_from_trusted_cert(&der).unwrap().to_owned();
        Policy::new(Roots::new(vec![anchor], vec![None], true))
    }

    /// Leaf and intermediate.
    pub(super) fn chain(&self, leaf: &Recipe) -> Vec<Vec<u8>> {
        vec![leaf.by(&self.middle), self.middle_der.clone()]
    }
}

pub(super) fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A file with these certificates.
pub(super) fn file(ders: &[Vec<u8>]) -> Material {
    let mut material = Material::new(Subject::new(SubjectKind::File, "/opt/ssl/fullchain.pem"));
    material.items = ders.iter().map(|der| item(der)).collect();
    material
}

/// The same, served under these names.
pub(super) fn served(ders: &[Vec<u8>], names: &[&str]) -> Material {
    let mut material = file(ders);
    material.subject = Subject::new(SubjectKind::Endpoint, "api.example.com:443");
    material.is_served = true;
    material.expected_names = names.iter().map(|name| (*name).to_owned()).collect();
    material
}

/// The same, with timestamps of two logs in each certificate; rcgen makes none.
pub(super) fn logged(mut material: Material) -> Material {
    for item in &mut material.items {
        if let Item::Certificate(certificate) = item {
            certificate.timestamps = 2;
        }
    }
    material
}

fn item(der: &[u8]) -> Item {
    match certificate(der) {
        Ok(certificate) => Item::Certificate(Box::new(certificate)),
        Err(reason) => Item::Malformed { reason },
    }
}

/// The finding with a code.
pub(super) fn with_code<'a>(result: &'a CheckResult, code: &str) -> Option<&'a Finding> {
    result.findings.iter().find(|finding| finding.code == code)
}

/// How severe the finding with a code is, if there is one.
pub(super) fn severity(result: &CheckResult, code: &str) -> Option<Severity> {
    with_code(result, code).map(|finding| finding.severity)
}

/// What is to be done something about: codes with severities.
pub(super) fn complaints(result: &CheckResult) -> Vec<(&str, Severity)> {
    result
        .findings
        .iter()
        .filter(|finding| !matches!(finding.severity, Severity::Ok | Severity::Info))
        .map(|finding| (finding.code.as_str(), finding.severity))
        .collect()
}
