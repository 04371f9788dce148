//! What the public system of CAs wants of a certificate: logs (RFC 6962), CAA records (RFC 8659), and renewal when the CA
//! asks for it (RFC 9773).

use model::{Finding, Severity};

use super::{Case, advice, words};
use crate::Moment;

/// Chrome has wanted timestamps for certificates issued from 2018-05-01 on.
const LOGGED_SINCE: Moment = Moment::from_second(1_525_132_800);

/// Domains by which CAs recognise themselves in CAA records, by a part of their name in `issuer`. From the CAs' own
/// statements in the Common CA Database.
const AUTHORITIES: [(&str, &[&str]); 16] = [
    ("Let's Encrypt", &["letsencrypt.org"]),
    ("O=Amazon", &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"]),
    ("Google Trust Services", &["pki.goog"]),
    (
        "DigiCert",
        &[
            "digicert.com",
            "digicert.ne.jp",
            "cybertrust.ne.jp",
            "symantec.com",
            "thawte.com",
            "geotrust.com",
            "rapidssl.com",
        ],
    ),
    ("ZeroSSL", &["sectigo.com", "comodoca.com", "comodo.com", "usertrust.com", "trust-provider.com"]),
    ("Sectigo", &["sectigo.com", "comodoca.com", "comodo.com", "usertrust.com", "trust-provider.com"]),
    ("GlobalSign", &["globalsign.com"]),
    ("GoDaddy", &["godaddy.com", "starfieldtech.com"]),
    ("Starfield", &["starfieldtech.com", "godaddy.com"]),
    ("SSL Corp", &["ssl.com"]),
    ("Entrust", &["entrust.net", "affirmtrust.com"]),
    ("Actalis", &["actalis.it"]),
    ("Buypass", &["buypass.com", "buypass.no"]),
    ("SwissSign", &["swisssign.com"]),
    ("Microsoft Corporation", &["microsoft.com"]),
    ("IdenTrust", &["identrust.com"]),
];

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    logs(case, findings);
    permission(case, findings);
    window(case, findings);
}

fn logs(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let is_wanted =
        case.is_publicly_trusted() && case.leaf.not_before.is_some_and(|first| first >= LOGGED_SINCE);
    if is_wanted && case.leaf.timestamps == 0 {
        findings.push(
            case.finding(
                "SRE-TLS-034",
                Severity::Warning,
                "the certificate carries no proof that it is in public logs; Chrome and Safari refuse it unless the server sends one",
            )
            .hint("have it issued with embedded timestamps (certificate transparency), which CAs do by default"),
        );
    }
}

/// A CAA record as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Record<'a> {
    tag: &'a str,
    /// Empty: nobody.
    domain: String,
}

/// Reads `issue "letsencrypt.org; validationmethods=dns-01"`, with or without flags in front.
fn record(text: &str) -> Option<Record<'_>> {
    let text = text.trim();
    let text = text.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start();
    let (tag, value) = text.split_once(char::is_whitespace)?;
    let value = value.trim().trim_matches('"');
    let domain = value.split(';').next().unwrap_or_default().trim().trim_end_matches('.');
    Some(Record { tag, domain: domain.to_ascii_lowercase() })
}

fn permission(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let Some(records) = &case.material.caa else { return };
    let Some((_, own)) = AUTHORITIES.iter().find(|(name, _)| case.leaf.issuer.contains(name)) else { return };
    let parsed: Vec<Record<'_>> = records.iter().filter_map(|text| record(text)).collect();
    let of = |tag: &str| -> Vec<&Record<'_>> {
        parsed.iter().filter(|record| record.tag.eq_ignore_ascii_case(tag)).collect()
    };
    let (issue, wild) = (of("issue"), of("issuewild"));
    let is_wild = |name: &String| name.starts_with("*.");
    // RFC 8659, section 4.3: `issuewild`, where there is one, decides on wildcards alone.
    let for_wildcards = if wild.is_empty() { &issue } else { &wild };
    let refuses = |records: &[&Record<'_>]| {
        !records.is_empty() && !records.iter().any(|record| own.contains(&record.domain.as_str()))
    };
    let names = &case.leaf.dns_names;
    let is_refused = (names.iter().any(is_wild) && refuses(for_wildcards))
        || (!names.iter().all(is_wild) && refuses(&issue));
    if is_refused {
        let domain = own.first().copied().unwrap_or_default();
        findings.push(
            case.finding(
                "SRE-TLS-035",
                Severity::Warning,
                format!("the CAA records do not allow the CA that issued the certificate ({domain}); it will refuse to renew"),
            )
            .evidence(words::some(records))
            .hint(format!("add `CAA 0 issue \"{domain}\"` to the domain, or take a CA that is allowed; then `dig +short CAA DOMAIN`")),
        );
    }
}

fn window(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let Some(window) = &case.material.renewal else { return };
    let (start, end) = (window.start, window.end);
    let finding = if end < start {
        case.finding(
            "SRE-TLS-036",
            Severity::Warning,
            "the CA suggests a time to renew that ends before it begins",
        )
        .hint("renew by the usual rule, at a third of the life left")
    } else if case.at > end {
        case.finding(
            "SRE-TLS-036",
            Severity::Warning,
            "the time at which the CA wants the certificate to be renewed has passed; it may be revoked soon",
        )
        .hint(advice::renew(case.material, Some(case.leaf.certificate), case.at))
    } else if case.at >= start {
        case.finding("SRE-TLS-036", Severity::Info, "the CA suggests to renew now")
    } else {
        return;
    };
    let finding = finding.evidence(format!("suggested from {start} to {end}"));
    findings.push(match &window.explanation {
        Some(page) => finding.doc(words::cut(page)),
        None => finding,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caa_records_are_read_with_and_without_flags_and_parameters() {
        for (text, tag, domain) in [
            (r#"issue "letsencrypt.org""#, "issue", "letsencrypt.org"),
            (r#"0 issue "LetsEncrypt.org; validationmethods=dns-01""#, "issue", "letsencrypt.org"),
            (r#"128 issuewild ";""#, "issuewild", ""),
            ("issue amazon.com", "issue", "amazon.com"),
        ] {
            assert_eq!(record(text), Some(Record { tag, domain: domain.to_owned() }), "{text}");
        }
        assert_eq!(record("issue"), None);
    }
}
