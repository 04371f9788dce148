//! What a host is told about itself: the part of the configuration that its timers need, without anything secret.

use serde::{Deserialize, Serialize};

use crate::config::{AcmeChallenge, Config, TlsSource};
use crate::{DeploymentId, Region};

/// The directory of Let's Encrypt.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The one to try things at.
const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

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

impl HostSettings {
    /// What a host is told by a configuration. `certificate_arn` is that of the certificate in ACM that the
    /// deployment requested; none where `tls.source` needs it and it is not known yet.
    pub fn from_config(config: &Config, certificate_arn: Option<&str>) -> Option<Self> {
        let certificate = match &config.tls.source {
            TlsSource::Acme { directory, email, challenge, profile, external_account, ca_path } => {
                CertificateSource::Acme {
                    directory: directory_url(directory).to_owned(),
                    email: email.clone(),
                    challenge: *challenge,
                    profile: profile.clone(),
                    external_account: external_account.clone(),
                    ca_path: ca_path.clone(),
                }
            }
            TlsSource::AcmExportable => {
                CertificateSource::AcmExportable { certificate_arn: certificate_arn?.to_owned() }
            }
            TlsSource::Files { cert_path, key_path } => {
                CertificateSource::Files { cert_path: cert_path.clone(), key_path: key_path.clone() }
            }
        };
        Some(Self {
            version: HOST_SETTINGS_VERSION,
            deployment_id: config.deployment.id.clone(),
            region: config.aws.region.clone(),
            domains: config.tls.domain.iter().cloned().collect(),
            certificate,
        })
    }
}

/// The URL behind the names of directories that a configuration may use; anything else is a URL.
pub fn directory_url(name: &str) -> &str {
    match name {
        "letsencrypt" => LETS_ENCRYPT,
        "letsencrypt-staging" => LETS_ENCRYPT_STAGING,
        url => url,
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Every configuration has its settings, they survive their file, and a directory is a URL in them.
        #[test]
        fn settings_follow_from_a_configuration(config in crate::config::arbitrary::config()) {
            let settings = HostSettings::from_config(&config, Some("arn:aws:acm:us-east-1:123456789012:certificate/x"));
            let settings = settings.expect("an ARN is known");
            let text = serde_json::to_string(&settings).unwrap();
            prop_assert_eq!(&serde_json::from_str::<HostSettings>(&text).unwrap(), &settings);
            if let CertificateSource::Acme { directory, .. } = &settings.certificate {
                prop_assert!(directory.starts_with("https://"), "{}", directory);
            }
            let needs_arn = matches!(config.tls.source, TlsSource::AcmExportable);
            prop_assert_eq!(HostSettings::from_config(&config, None).is_none(), needs_arn);
        }
    }
}
