//! AWS Certificate Manager: public certificates that can be exported.

use jiff::Timestamp;
use model::Secret;
use model::tags::Tags;
use serde::{Deserialize, Serialize};

use crate::hook::port;

/// What a certificate is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// The name clients use.
    pub domain: String,
    /// 1 to 32 of `[A-Za-z0-9_]`; the same token gives the same certificate for about an hour.
    pub idempotency_token: String,
    /// Put on at creation.
    pub tags: Tags,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its ARN.
    pub arn: String,
    /// Its first name.
    pub domain: String,
    /// As ACM spells it: `PENDING_VALIDATION`, `ISSUED`, `FAILED`, ...
    pub status: String,
    /// Whether the private key can be had. Certificates requested before 2025-06-17 never can.
    pub exportable: bool,
    /// ARNs of what it is attached to.
    pub in_use_by: Vec<String>,
    /// The DNS record that shows control of the name, once ACM has made it.
    pub validation: Option<DnsRecord>,
    /// Its tags.
    pub tags: Tags,
}

/// A DNS record to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Its owner name.
    pub name: String,
    /// Such as `CNAME`.
    pub record_type: String,
    /// What it points at.
    pub value: String,
}

/// Everything that ACM says of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateDetail {
    /// Its ARN.
    pub arn: String,
    /// As ACM spells it: `ISSUED`, `PENDING_VALIDATION`, `EXPIRED`, ...
    pub status: String,
    /// `AMAZON_ISSUED`, `IMPORTED` or `PRIVATE`.
    pub kind: String,
    /// `ELIGIBLE` or `INELIGIBLE`.
    pub renewal_eligibility: Option<String>,
    /// `PENDING_AUTO_RENEWAL`, `PENDING_VALIDATION`, `SUCCESS` or `FAILED`.
    pub renewal_status: Option<String>,
    /// Why a renewal or an issuance failed, in the words of ACM.
    pub failure_reason: Option<String>,
    /// Whether the private key can be had.
    pub exportable: bool,
    /// ARNs of what it is attached to.
    pub in_use_by: Vec<String>,
    /// The DNS record that ACM waits for.
    pub validation: Option<DnsRecord>,
    /// First second of validity; `None` before it is issued.
    pub not_before: Option<Timestamp>,
    /// Last second of validity.
    pub not_after: Option<Timestamp>,
    /// All names, the first one first.
    pub names: Vec<String>,
    /// The issuer as ACM calls it, such as `Amazon`.
    pub issuer: String,
    /// The serial as ACM writes it: hexadecimal with colons.
    pub serial: String,
}

/// A certificate and its chain, PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// The certificate.
    pub certificate: String,
    /// The certificates above it; empty where ACM has none.
    pub chain: String,
}

/// What a certificate is exported with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateExport {
    /// Its ARN.
    pub arn: String,
    /// What the key is encrypted with: 4 to 128 characters of ASCII, none of `#$%`.
    pub passphrase: Secret<String>,
}

/// A certificate with its chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// The certificates above it, PEM; empty where ACM has none.
    pub chain: String,
    /// PKCS#8, PEM, encrypted with the passphrase.
    pub key: Secret<String>,
}

port! {
    /// AWS Certificate Manager.
    "acm" Acm {
        /// Asks for a public certificate, validated by DNS, exportable; answers its ARN.
        Write "RequestCertificate" request_certificate(NewCertificate) -> String;
        /// A certificate by ARN, with its tags.
        Read "DescribeCertificate" describe_certificate(String) -> Option<Certificate>;
        /// ARNs of the certificates whose first name is the given domain.
        Read "ListCertificates" list_certificates(String) -> Vec<String>;
        /// ARNs of all certificates of the Region, whatever their keys and their state.
        Read "ListCertificates" list_all_certificates(()) -> Vec<String>;
        /// Everything that ACM says of a certificate.
        Read "DescribeCertificate" describe_in_full(String) -> Option<CertificateDetail>;
        /// A certificate and its chain; `None` while there is nothing to get, and for one that does not exist.
        Read "GetCertificate" get_certificate(String) -> Option<IssuedCertificate>;
        /// A certificate with its key. Exportable certificates are charged for when issued and renewed, not for this.
        Read "ExportCertificate" export_certificate(CertificateExport) -> ExportedCertificate;
        /// Deletes a certificate that nothing uses.
        Write "DeleteCertificate" delete_certificate(String) -> ();
    }
}
