//! Which hosts a certificate is good for (RFC 6125, RFC 9525), and names that no client understands.

use std::borrow::Cow;
use std::net::IpAddr;

use idna::AsciiDenyList;
use model::{Finding, Severity};

use super::{Case, words};
use crate::cert::facts::Certificate;

/// Labels below which registries of two-letter countries sell names.
const SECOND_LEVEL: [&str; 12] =
    ["ac", "co", "com", "edu", "gob", "gov", "mil", "ne", "net", "nom", "or", "org"];

/// A host as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In ASCII and lower case, without a dot at the end.
    Name(String),
    /// Neither; why.
    Unclear(&'static str),
}

impl Host {
    fn of(text: &str) -> Self {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Self::Address(address);
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        match idna::domain_to_ascii_cow(name.as_bytes(), AsciiDenyList::URL).map(Cow::into_owned) {
            Ok(name) if name.is_empty() => Self::Unclear("it is empty"),
            Ok(name) if name.contains('*') => {
                Self::Unclear("a host is asked for by its full name, not by a pattern")
            }
            Ok(name) => Self::Name(name),
            Err(_) => Self::Unclear("it is no name that DNS could hold"),
        }
    }
}

/// A name of a certificate, comparable. CAs write ASCII; who writes an IDN in letters means the same.
fn presented(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    let (wildcard, rest) = name.strip_prefix("*.").map_or(("", name), |rest| ("*.", rest));
    idna::domain_to_ascii(rest).map_or(Cow::Borrowed(name), |rest| Cow::Owned(format!("{wildcard}{rest}")))
}

/// Whether a name of a certificate covers a host. A wildcard is the whole first label, stands for one, and never for all
/// of a top-level domain.
fn covers(pattern: &str, host: &str) -> bool {
    let pattern = presented(pattern);
    let pattern = pattern.strip_suffix('.').unwrap_or(&pattern);
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            parent.contains('.')
                && host
                    .split_once('.')
                    .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// Whether a certificate is good for a host: a DNS name, an address, or an IDN in either form.
pub fn is_good_for(certificate: &Certificate, host: &str) -> bool {
    match Host::of(host) {
        Host::Address(address) => certificate.ip_addresses.contains(&address),
        Host::Name(name) => certificate.dns_names.iter().any(|pattern| covers(pattern, &name)),
        Host::Unclear(_) => false,
    }
}

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let leaf = case.leaf.certificate;
    if leaf.has_alternative_name {
        expected(case, findings);
    } else {
        without_alternative_name(case, findings);
    }
    malformed(case, findings);
    broad(case, findings);
}

fn without_alternative_name(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let leaf = &case.leaf;
    let subject = leaf.common_name.as_deref().map_or_else(
        || "it names no host at all".to_owned(),
        |name| {
            format!(
                "it names {} only as common name, which clients have not looked at since 2017",
                words::cut(name)
            )
        },
    );
    let mut names = case.material.expected_names.clone();
    if names.is_empty() {
        names.extend(leaf.common_name.clone());
    }
    let wanted: Vec<String> = names
        .iter()
        .map(|name| match Host::of(name) {
            Host::Address(address) => format!("IP:{address}"),
            Host::Name(name) => format!("DNS:{name}"),
            Host::Unclear(_) => "DNS:NAME".to_owned(),
        })
        .collect();
    let wanted = if wanted.is_empty() { "DNS:NAME".to_owned() } else { wanted.join(",") };
    findings.push(
        case.finding(
            "SRE-TLS-021",
            Severity::Error,
            format!("the certificate has no subjectAltName, so it is good for no name; {subject}"),
        )
        .hint(format!(
            "have it issued again with the name in subjectAltName: `openssl req -new -key KEY.pem -out NEW.csr -subj / -addext {}`",
            words::quoted(&format!("subjectAltName={wanted}"))
        ))
        .doc("https://www.rfc-editor.org/rfc/rfc9525#section-6.3"),
    );
}

fn expected(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let leaf = case.leaf.certificate;
    let good_for = format!("it is good for {}", words::some(&leaf.names()));
    let mut good = Vec::new();
    for wanted in &case.material.expected_names {
        if is_good_for(leaf, wanted) {
            good.push(words::cut(wanted));
            continue;
        }
        let message = format!("the certificate is not good for {}", words::cut(wanted));
        let hint = match Host::of(wanted) {
            Host::Unclear(why) => format!("correct the name: {why}"),
            Host::Address(address) if leaf.dns_names.iter().any(|name| *name == address.to_string()) => {
                "the address is there, but as a DNS name, which clients do not accept: have it issued again with `IP:` instead of `DNS:`".to_owned()
            }
            Host::Address(_) => {
                "reach the server by one of its names, or have the certificate issued with this address (`IP:`)".to_owned()
            }
            Host::Name(name) => hint_for(leaf, &name),
        };
        findings.push(case.finding("SRE-TLS-020", Severity::Error, message).evidence(&*good_for).hint(hint));
    }
    if !good.is_empty() && good.len() == case.material.expected_names.len() {
        let message = format!("the certificate is good for {}", words::some(&good));
        findings.push(case.finding("SRE-TLS-020", Severity::Ok, message));
    }
}

fn hint_for(leaf: &Certificate, name: &str) -> String {
    let parent = leaf.dns_names.iter().filter_map(|pattern| pattern.strip_prefix("*.")).find(|parent| {
        name.eq_ignore_ascii_case(parent)
            || name.len().checked_sub(parent.len()).is_some_and(|start| {
                name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(parent))
                    && name.get(..start).is_some_and(|front| front.ends_with('.'))
            })
    });
    let again = format!(
        "have it issued for this name too: `sudo certbot certonly --cert-name NAME -d {}` with all names",
        words::quoted(name)
    );
    match parent {
        Some(parent) => {
            format!(
                "`*.{parent}` stands for exactly one label in front of {parent}, neither for none nor for two; {again}"
            )
        }
        None => format!("check which certificate the service was given; if it is the right one, {again}"),
    }
}

/// Names that clients or CAs turn down.
fn malformed(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let leaf = case.leaf.certificate;
    let odd: Vec<String> = leaf
        .dns_names
        .iter()
        .filter_map(|name| Some(format!("{} ({})", words::cut(name), fault(name)?)))
        .collect();
    if !odd.is_empty() {
        findings.push(
            case.finding(
                "SRE-TLS-022",
                Severity::Warning,
                format!("some names are not well-formed: {}", words::some(&odd)),
            )
            .hint("clients may refuse such a name: have the certificate issued without it"),
        );
    }
    if leaf.has_alternative_name && leaf.dns_names.is_empty() && leaf.ip_addresses.is_empty() {
        findings.push(
            case.finding(
                "SRE-TLS-022",
                Severity::Error,
                "subjectAltName holds neither a DNS name nor an address",
            )
            .hint("have the certificate issued for the name of the server"),
        );
    }
}

fn fault(name: &str) -> Option<&'static str> {
    if !name.is_ascii() {
        return Some("an IDN has to be written in ASCII, as `xn--`");
    }
    let rest = name.strip_prefix("*.").unwrap_or(name);
    if rest.contains('*') {
        return Some("a wildcard has to be the whole first label");
    }
    if rest.parse::<IpAddr>().is_ok() {
        return Some("an address, written as a name");
    }
    if name.len() > 253 || rest.split('.').any(|label| label.len() > 63) {
        return Some("too long for DNS");
    }
    if rest.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-')) {
        return Some("an empty label, or one with a hyphen at its end");
    }
    if rest.contains('_') {
        return Some("an underscore, which no CA has been allowed to certify since 2019");
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (!rest.bytes().all(is_plain)).then_some("a character that host names do not have")
}

/// Wildcards for everything that a registry sells.
fn broad(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let broad: Vec<String> =
        case.leaf.dns_names.iter().filter(|name| is_broad(name)).map(|name| words::cut(name)).collect();
    if !broad.is_empty() {
        findings.push(
            case.finding(
                "SRE-TLS-023",
                Severity::Warning,
                format!("a wildcard covers a whole public suffix: {}", words::some(&broad)),
            )
            .hint("browsers ignore such a name, and whoever holds the key can be any of these sites: have it issued for your own domain"),
        );
    }
}

fn is_broad(name: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else { return false };
    match parent.split_once('.') {
        None => true,
        Some((second, top)) => {
            top.len() == 2
                && top.bytes().all(|byte| byte.is_ascii_alphabetic())
                && SECOND_LEVEL.iter().any(|known| second.eq_ignore_ascii_case(known))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (pattern, host, expected) in [
            ("*.example.com", "a.example.com", true),
            ("*.EXAMPLE.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("a*.example.com", "ab.example.com", false),
            ("*", "com", false),
            ("example.com.", "example.com", true),
            ("*.bücher.example", "a.xn--bcher-kva.example", true),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} and {host}");
        }
    }

    #[test]
    fn hosts_are_read_in_every_form() {
        assert_eq!(Host::of("[::1]"), Host::Address("::1".parse().unwrap()));
        assert_eq!(Host::of("Bücher.Example."), Host::Name("xn--bcher-kva.example".to_owned()));
        assert_eq!(Host::of("xn--bcher-kva.example"), Host::Name("xn--bcher-kva.example".to_owned()));
        assert!(matches!(Host::of(""), Host::Unclear(_)));
        assert!(matches!(Host::of("a b"), Host::Unclear(_)));
        assert!(matches!(Host::of("*.example.com"), Host::Unclear(_)));
    }

    #[test]
    fn odd_names_are_told_apart() {
        for (name, is_odd) in [
            ("example.com", false),
            ("*.example.com", false),
            ("a_b.example.com", true),
            ("f*.example.com", true),
            ("a..example.com", true),
            ("127.0.0.1", true),
            ("bücher.example", true),
            ("a b.example", true),
        ] {
            assert_eq!(fault(name).is_some(), is_odd, "{name}");
        }
        assert!(
            is_broad("*.com")
                && is_broad("*.co.uk")
                && !is_broad("*.example.com")
                && !is_broad("*.example.uk")
        );
    }
}
