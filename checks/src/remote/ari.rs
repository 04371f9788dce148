//! ACME renewal information (RFC 9773): when the authority itself suggests to renew a certificate. What it does not
//! say, or says unreadably, is told and changes no verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use jiff::Timestamp;
use model::{Finding, Severity};
use serde::Deserialize;

use super::http::{HeaderMap, Options, Request, Url, fetch, header};
use crate::Moment;
use crate::cert::facts::{Certificate, Material, RenewalWindow};
use crate::network::RENEWAL;

/// Authorities by a part of the issuer's name, with their directories. The first that fits counts.
const DIRECTORIES: [(&str, &str); 3] = [
    ("(STAGING) Let's Encrypt", "https://acme-staging-v02.api.letsencrypt.org/directory"),
    ("Let's Encrypt", "https://acme-v02.api.letsencrypt.org/directory"),
    ("Google Trust Services", "https://dv.acme-v02.api.pki.goog/directory"),
];
/// How many questions are asked at a time.
const AT_ONCE: usize = 8;
/// Between these a server may say when to ask again (section 4.3.2: what is longer or shorter is not to be believed).
const RETRY: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));

/// What an authority said of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalInfo {
    /// When to renew.
    pub window: RenewalWindow,
    /// When to ask again; none where the authority does not say.
    pub retry_after: Option<Duration>,
}

/// Why nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AriError {
    /// The certificate has no authority key identifier, so it has no name there.
    #[error("the certificate has no authority key identifier")]
    Unnamed,
    /// The authority has no renewal information.
    #[error("the authority has no renewal information")]
    NotOffered,
    /// The authority does not know the certificate (HTTP 404).
    #[error("the authority does not know this certificate")]
    NotKnown,
    /// No answer, or one that says something else.
    #[error("{0}")]
    Failed(String),
}

/// How a certificate is called there: the authority key identifier and the serial number, both as base64url (section
/// 4.1).
pub fn certificate_id(certificate: &Certificate) -> Option<String> {
    let key = bytes(certificate.authority_key_id.as_deref()?)?;
    let serial = bytes(&certificate.serial)?;
    Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode(serial)))
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hexadecimal
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let joined = pairs.iter().map(|[high, low]| (high << 4) | low).collect();
    (rest.is_empty() && !pairs.is_empty()).then_some(joined)
}

/// The directory of the authority that issued a certificate, where it is known.
pub fn directory(certificate: &Certificate) -> Option<Url> {
    let (_, url) = DIRECTORIES.iter().find(|(part, _)| certificate.issuer.contains(part))?;
    url.parse().ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    renewal_info: Option<String>,
}

/// Where an authority has its renewal information.
pub async fn renewal_info_url(directory: &Url, options: &Options) -> Result<Url, AriError> {
    let failed = |why: String| AriError::Failed(format!("{directory}: {why}"));
    let whole =
        fetch(&Request::get(directory.clone()), options).await.map_err(|error| failed(error.to_string()))?;
    if !whole.status.is_success() {
        return Err(failed(format!("HTTP {}", whole.status.as_u16())));
    }
    let read: Directory = serde_json::from_slice(&whole.body)
        .map_err(|error| failed(format!("no ACME directory ({error})")))?;
    read.renewal_info.ok_or(AriError::NotOffered)?.parse().map_err(failed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    suggested_window: Window,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Window {
    start: Timestamp,
    end: Timestamp,
}

/// What an authority says of a certificate. `base` is its address of renewal information.
pub async fn ask(base: &Url, certificate: &Certificate, options: &Options) -> Result<RenewalInfo, AriError> {
    let id = certificate_id(certificate).ok_or(AriError::Unnamed)?;
    let url = base.at(format!("{}/{id}", base.path.trim_end_matches('/')));
    let failed = |why: String| AriError::Failed(format!("{url}: {why}"));
    let whole =
        fetch(&Request::get(url.clone()), options).await.map_err(|error| failed(error.to_string()))?;
    match whole.status.as_u16() {
        200 => read(&whole.body, &whole.headers).map_err(failed),
        404 => Err(AriError::NotKnown),
        status => Err(failed(format!("HTTP {status}"))),
    }
}

/// Reads an answer (section 4.2).
fn read(body: &[u8], headers: &HeaderMap) -> Result<RenewalInfo, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("no renewal information ({error})"))?;
    let Window { start, end } = answer.suggested_window;
    if end <= start {
        return Err(format!("a window that ends before it begins ({start} to {end})"));
    }
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let explanation = answer.explanation_url.filter(|url| url.starts_with("https://"));
    Ok(RenewalInfo {
        window: RenewalWindow { start: Moment::from(start), end: Moment::from(end), explanation },
        retry_after: seconds.map(|seconds| Duration::from_secs(seconds).clamp(RETRY.0, RETRY.1)),
    })
}

/// Adds what authorities say to what is known of certificates: the first certificate of each material counts.
///
/// `fallback` is the directory of authorities that are not known by name. A certificate whose authority is unknown is
/// left as it is; what could not be had is a remark.
pub async fn enrich(materials: &mut [Material], fallback: Option<&Url>, options: &Options) {
    let directory_of = |certificate: &Certificate| directory(certificate).or_else(|| fallback.cloned());
    let leaf = |material: &Material| material.certificates().next().map(|(_, leaf)| leaf.clone());
    let mut bases: BTreeMap<String, Result<Url, AriError>> = BTreeMap::new();
    for directory in materials.iter().filter_map(|material| directory_of(&leaf(material)?)) {
        if let std::collections::btree_map::Entry::Vacant(entry) = bases.entry(directory.to_string()) {
            entry.insert(renewal_info_url(&directory, options).await);
        }
    }
    for group in materials.chunks_mut(AT_ONCE) {
        join_all(group.iter_mut().map(async |material| {
            let Some(leaf) = leaf(material) else { return };
            let Some(base) = directory_of(&leaf).and_then(|directory| bases.get(&directory.to_string()))
            else {
                return;
            };
            let asked = match base {
                Ok(base) => ask(base, &leaf, options).await,
                Err(error) => Err(error.clone()),
            };
            match asked {
                Ok(info) => material.renewal = Some(info.window),
                Err(error) => {
                    let remark = unsaid(&error, &material.subject.name);
                    material.remarks.push(remark);
                }
            }
        }))
        .await;
    }
}

/// What to say of an authority that says nothing.
fn unsaid(error: &AriError, subject: &str) -> Finding {
    let severity = match error {
        AriError::Unnamed | AriError::NotOffered | AriError::NotKnown => Severity::Info,
        AriError::Failed(_) => Severity::Unknown,
    };
    let finding =
        Finding::new(RENEWAL.code, severity, subject, format!("no suggestion when to renew: {error}"));
    match severity {
        Severity::Unknown => finding.hint("try again later, or leave `--renewal-info` out"),
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_reproduced() {
        let key = bytes("69885b6b87464041e1b37b847ba0ae2cde01c8d4").unwrap();
        let serial = bytes("0087654321").unwrap();
        let id = format!("{}.{}", URL_SAFE_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode(serial));
        assert_eq!(id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        assert_eq!((bytes(""), bytes("0"), bytes("zz")), (None, None, None));
    }

    #[test]
    fn answers_are_read() {
        let body = br#"{"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
            "explanationURL": "https://acme.example.com/docs/ari"}"#;
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "21600".parse().unwrap());
        let info = read(body, &headers).unwrap();
        assert_eq!(info.window.start.to_string(), "2025-01-02T04:00:00Z");
        assert_eq!(info.window.end.to_string(), "2025-01-03T04:00:00Z");
        assert_eq!(info.window.explanation.as_deref(), Some("https://acme.example.com/docs/ari"));
        assert_eq!(info.retry_after, Some(Duration::from_hours(6)));
        headers.insert(header::RETRY_AFTER, "99999999".parse().unwrap());
        assert_eq!(read(body, &headers).unwrap().retry_after, Some(Duration::from_hours(24)));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let window = |start: &str, end: &str| {
            format!(r#"{{"suggestedWindow": {{"start": "{start}", "end": "{end}"}}}}"#)
        };
        for body in [
            "<html>".to_owned(),
            "{}".to_owned(),
            window("soon", "later"),
            window("2025-01-02T00:00:00Z", "2025-01-02T00:00:00Z"),
            window("2025-01-02T00:00:00Z", "2024-01-02T00:00:00Z"),
        ] {
            assert!(read(body.as_bytes(), &HeaderMap::new()).is_err(), "{body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Feature: aws-ec2-production-deployment, Property 7: what an authority sends never breaks the check.
        #[test]
        fn no_answer_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&body, &HeaderMap::new());
        }

        #[test]
        fn hexadecimal_is_read(value in proptest::collection::vec(any::<u8>(), 1..21)) {
            let text = model::hex::encode(&value);
            prop_assert_eq!(bytes(&text), Some(value));
        }
    }
}
