//! What a host is told about itself: the part of the configuration that its timers need, without anything secret.

use serde::{Deserialize, Serialize};

use crate::config::AcmeChallenge;
use crate::{DeploymentId, Region};

/// Version of the form. A field may be added without raising it.
pub const HOST_SETTINGS_VERSION: u32 = 1;

/// `/etc/sre-agent/host.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSettings {
    /// [`HOST_SETTINGS_VERSION`].
    pub version: u32,
    /// The deployment that this host belongs to.
    pub deployment_id: DeploymentId,
    /// The Region for calls to AWS.
    pub region: Region,
    /// The names that clients use, the first as the certificate's subject; none where the certificate says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
}

/// Where a host's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CertificateSource {
    /// An authority that speaks ACME (RFC 8555).
    Acme {
        /// The URL of its directory.
        directory: String,
        /// Who is told before a certificate expires.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// How control of the names is shown.
        challenge: AcmeChallenge,
        /// The authority's kind of certificate, such as `shortlived`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        /// Binds the account to one at the authority (RFC 8555, section 7.3.4).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_account: Option<ExternalAccount>,
        /// PEM roots that the authority's own server is trusted by, instead of the public ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_path: Option<String>,
    },
    /// A certificate that ACM issues, renews and lets out.
    AcmExportable {
        /// Its ARN.
        certificate_arn: String,
    },
    /// Files that somebody else keeps fresh, such as certbot.
    Files {
        /// PEM, leaf first.
        cert_path: String,
        /// PEM.
        key_path: String,
    },
}

/// The external account at an authority. The key itself stays in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    /// The authority's name for the key.
    pub key_id: String,
    /// A file of mode 0600 with the HMAC key in base64url.
    pub hmac_path: String,
}
