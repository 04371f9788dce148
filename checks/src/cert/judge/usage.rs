//! What a certificate may be used for, and oddities of its making.

use model::{Finding, Severity};

use super::{Case, Placed, words};
use crate::cert::facts::Material;
use crate::cert::read::{UNREADABLE, codes};

/// `serverAuth` and its neighbours (RFC 5280, section 4.2.1.12).
const SERVER: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
const ANY: &str = "2.5.29.37.0";
/// RFC 5280, section 4.1.2.2: a serial number has at most twenty octets.
const LONGEST_SERIAL: usize = 40;

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    authority(case, findings);
    extended(case, findings);
    basic(case, findings);
    serial(case, findings);
    for placed in &case.all {
        oddities(case, placed, findings);
    }
}

fn authority(case: &Case<'_>, findings: &mut Vec<Finding>) {
    if !case.leaf.is_ca {
        return;
    }
    let is_own = case.leaf.is_self_issued();
    let what = if is_own { ", signed by itself" } else { "" };
    let severity = case.gravity();
    let finding = case.finding(
        "SRE-TLS-029",
        severity,
        format!("the server's certificate is one of a CA (CA:TRUE){what}; rustls, Go with its own roots and others refuse it"),
    );
    findings.push(if is_own {
        let path = words::quoted(&case.material.subject.name);
        let names = words::quoted(&format!("subjectAltName={}", alternative_names(case)));
        finding.hint(format!(
            "`openssl req -x509` makes such certificates unless told otherwise (see {path}); make it again: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout privkey.pem -out cert.pem -days 90 -subj / -addext basicConstraints=critical,CA:FALSE -addext {names}`, or take one of a CA"
        ))
    } else {
        finding.hint("give the server a certificate of its own that this CA issues; a CA's key does not belong on a server")
    });
}

fn alternative_names(case: &Case<'_>) -> String {
    let names = case.leaf.dns_names.iter().map(|name| format!("DNS:{name}"));
    let addresses = case.leaf.ip_addresses.iter().map(|address| format!("IP:{address}"));
    let all: Vec<String> = names.chain(addresses).take(8).collect();
    if !all.is_empty() {
        return all.join(",");
    }
    let first = case.material.expected_names.first().or(case.leaf.common_name.as_ref());
    format!("DNS:{}", first.map_or("NAME", String::as_str))
}

fn extended(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let reissue = "have it issued for servers: `extendedKeyUsage=serverAuth`";
    let own = case.leaf.extended_key_usage.as_deref();
    if let Some(usages) = own.filter(|usages| !usages.iter().any(|usage| usage == SERVER)) {
        let names = |wanted: &str| usages.iter().any(|usage| usage == wanted);
        let message = if names(CLIENT) {
            "the certificate is for clients, not for servers"
        } else if names(ANY) {
            "the certificate is for any usage, but does not name servers; many clients want that"
        } else {
            "the certificate is not for servers"
        };
        findings.push(
            case.finding("SRE-TLS-030", Severity::Error, message)
                .evidence(format!("extended key usage: {}", words::some(usages)))
                .hint(reissue),
        );
    } else if case.path.forbids_servers {
        findings.push(
            case.finding(
                "SRE-TLS-030",
                Severity::Error,
                "a CA on the way may not issue certificates for servers",
            )
            .hint("have it issued by another CA; this one is for people, mail or code"),
        );
    } else if own.is_none() && case.is_publicly_trusted() {
        findings.push(
            case.finding(
                "SRE-TLS-030",
                Severity::Warning,
                "the certificate does not say that it is for servers",
            )
            .hint(reissue),
        );
    }
}

fn basic(case: &Case<'_>, findings: &mut Vec<Finding>) {
    const SIGNS: &str = "keyCertSign";
    for placed in &case.path.certificates {
        let Some(usages) = &placed.key_usage else { continue };
        let shown = || {
            format!("key usage: {}", if usages.is_empty() { "none".to_owned() } else { words::some(usages) })
        };
        if !case.is_leaf(placed) {
            // webpki does not look at it, OpenSSL and browsers do (RFC 5280, section 6.1.4, n).
            if !usages.contains(&SIGNS) {
                findings.push(
                    case.finding(
                        "SRE-TLS-031",
                        Severity::Error,
                        format!("{} may not sign certificates", placed.label()),
                    )
                    .evidence(shown())
                    .hint("have the certificate issued by a CA whose key usage has keyCertSign"),
                );
            }
            continue;
        }
        if usages.contains(&SIGNS) && !placed.is_ca {
            findings.push(
                case.finding(
                    "SRE-TLS-031",
                    Severity::Warning,
                    "the server's certificate may sign certificates, though it is no CA",
                )
                .evidence(shown())
                .hint("have it issued with `keyUsage=digitalSignature` only"),
            );
        }
        if !usages.contains(&"digitalSignature") {
            findings.push(
                case.finding(
                    "SRE-TLS-031",
                    Severity::Warning,
                    "the key may not sign handshakes, which TLS 1.3 needs",
                )
                .evidence(shown())
                .hint("have it issued with `keyUsage=digitalSignature`"),
            );
        }
    }
}

fn serial(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let serial = &case.leaf.serial;
    let first = serial.get(..2).and_then(|byte| u8::from_str_radix(byte, 16).ok());
    let fault = if serial.bytes().all(|digit| digit == b'0') {
        "zero"
    } else if first.is_some_and(|byte| byte >= 0x80) {
        "negative"
    } else if serial.len() > LONGEST_SERIAL {
        "longer than 20 octets"
    } else {
        return;
    };
    findings.push(
        case.finding("SRE-TLS-032", Severity::Warning, format!("the serial number is {fault}"))
            .evidence(words::cut(serial))
            .hint("some clients refuse it: have the certificate issued again, with a random serial number")
            .doc("https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2"),
    );
}

fn oddities(case: &Case<'_>, placed: &Placed<'_>, findings: &mut Vec<Finding>) {
    encoding(case.material, placed, &case.name(placed), case.is_leaf(placed), findings);
}

/// What is odd about the encoding of a certificate. `has_own` says that its serial number has findings of its own.
pub(super) fn encoding(
    material: &Material,
    placed: &Placed<'_>,
    name: &str,
    has_own: bool,
    findings: &mut Vec<Finding>,
) {
    // Dates have findings of their own everywhere.
    let told = |oddity: &&String| {
        let is_serial = has_own && (oddity.starts_with("serial") || *oddity == "negative serial");
        !is_serial && !oddity.starts_with("malformed not")
    };
    let (unreadable, odd): (Vec<&String>, Vec<&String>) =
        placed.oddities.iter().filter(told).partition(|oddity| oddity.starts_with(UNREADABLE));
    // Who read a file has said it already.
    let is_said = material.remarks.iter().any(|remark| remark.code == codes::INCOMPLETE);
    let unreadable = if is_said { Vec::new() } else { unreadable };
    for (severity, what, list) in [
        (Severity::Unknown, "could be read in parts only", unreadable),
        (Severity::Warning, "is oddly encoded", odd),
    ] {
        if !list.is_empty() {
            findings.push(
                Finding::new("SRE-TLS-033", severity, &material.subject.name, format!("{name} {what}"))
                    .evidence(words::some(&list))
                    .hint("strict clients may refuse it: have it issued again"),
            );
        }
    }
}
