//! AWS Certificate Manager: public certificates that can be exported.

use model::tags::Tags;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its owner name.
    pub name: String,
    /// Such as `CNAME`.
    pub record_type: String,
    /// What it points at.
    pub value: String,
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
        /// Deletes a certificate that nothing uses.
        Write "DeleteCertificate" delete_certificate(String) -> ();
    }
}
