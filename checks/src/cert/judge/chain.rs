//! The certificates as a list: which one is the server's, what is superfluous, twice, or in the wrong place.

use std::collections::HashSet;

use model::{Finding, Severity};

use super::expiry::{Dates, complaint};
use super::path::Trust;
use super::policy::Policy;
use super::{Case, Placed, key, usage, words};
use crate::Moment;
use crate::cert::facts::{KeyState, Material};

/// What a list of certificates is.
pub(super) enum Found<'a> {
    /// Empty.
    Nothing,
    /// A server's certificate and others.
    Server(Placed<'a>),
    /// Certificates of CAs only, and nothing says that a server is to use one.
    Authorities,
}

/// Finds the server's certificate: the first that is no CA; among several the one that the key belongs to.
pub(super) fn subject<'a>(all: &[Placed<'a>], material: &Material) -> Found<'a> {
    let Some(first) = all.first() else { return Found::Nothing };
    // Clients take the first one for the server's, whatever it is; and so does every server that reads the file.
    if material.is_served && !first.is_ca {
        return Found::Server(*first);
    }
    let key = match material.key.as_ref().map(|key| &key.key) {
        Some(KeyState::Public(spki)) => Some(spki),
        _ => None,
    };
    let with_key = all.iter().find(|placed| Some(&placed.spki_der) == key);
    let leaf = if first.is_ca { all.iter().find(|placed| !placed.is_ca).or(with_key) } else { Some(first) };
    if let Some(leaf) = leaf {
        return Found::Server(*leaf);
    }
    let has_names = all.iter().any(|placed| !placed.dns_names.is_empty() || !placed.ip_addresses.is_empty());
    let is_meant_for_a_server =
        material.is_served || material.key.is_some() || !material.expected_names.is_empty() || has_names;
    if !is_meant_for_a_server {
        return Found::Authorities;
    }
    // The one that has issued none of the others.
    let lowest = all.iter().find(|placed| {
        !all.iter().any(|other| other.der != placed.der && other.issuer_der == placed.subject_der)
    });
    Found::Server(*lowest.unwrap_or(first))
}

/// Judges a list of CA certificates, such as `chain.pem`: dates, key and encoding of each. That they are no server's certificate is a
/// warning, since a self-made one looks just like this.
pub(super) fn authorities(
    material: &Material,
    policy: &Policy,
    at: Moment,
    all: &[Placed<'_>],
    findings: &mut Vec<Finding>,
) {
    let subject = &material.subject.name;
    for placed in all {
        let dates = Dates::of(placed.not_before, placed.not_after, policy, at);
        if let Some(mut finding) = complaint(subject, &placed.label(), dates, placed.not_after) {
            // One of many roots that has expired keeps no client from using the others.
            if all.len() > 1 && finding.severity == Severity::Error {
                finding.severity = Severity::Warning;
            }
            let hint = "take the CA's present certificate";
            findings.push(if finding.hint.is_some() { finding } else { finding.hint(hint) });
        }
        usage::encoding(material, placed, &placed.label(), false, findings);
        findings.extend(key::weakness(subject, placed, &placed.label()));
    }
    let (count, are_roots) = (all.len(), all.iter().all(|placed| policy.roots.holds(placed)));
    let what =
        if count == 1 { "the certificate is".to_owned() } else { format!("all {count} certificates are") };
    let whose = if are_roots { " of a trusted CA" } else { " of a CA" };
    findings.push(
        Finding::new(
            "SRE-TLS-029",
            Severity::Warning,
            subject,
            format!("{what}{whose}, not of a server; only dates, keys and encoding were judged"),
        )
        .hint(
            "name the file that a server uses, or leave this one out; to trust it, name it with `--ca-file`",
        ),
    );
}

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    leaf_first(case, findings);
    several_leaves(case, findings);
    twice(case, findings);
    disorder(case, findings);
    superfluous(case, findings);
    root_end(case, findings);
}

fn leaf_first(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let Some(first) = case.all.first().filter(|first| !case.is_leaf(first)) else { return };
    let message = format!(
        "{} comes first, the server's certificate only as number {}",
        first.label(),
        number(&case.leaf)
    );
    // RFC 8446, section 4.4.2: the sender's certificate must come first. Clients take no other one.
    let finding = case.finding("SRE-TLS-011", case.gravity(), message);
    findings.push(finding.hint(ORDER).doc("https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2"));
}

const ORDER: &str = "put the file together again: the server's certificate first, then each certificate's issuer, without the root: `cat cert.pem intermediate.pem > fullchain.pem`";

fn number(placed: &Placed<'_>) -> usize {
    placed.position.saturating_add(1)
}

/// Certificates that are no CA, have issued nothing here, and are not the leaf.
fn other_leaves<'c, 'a>(case: &'c Case<'a>) -> Vec<&'c Placed<'a>> {
    let issuers: HashSet<&[u8]> = case.all.iter().map(|placed| &*placed.certificate.issuer_der).collect();
    let is_leaf = |placed: &&Placed<'_>| {
        !placed.is_ca
            && !case.is_leaf(placed)
            && !case.is_on_path(placed)
            && (placed.is_self_issued() || !issuers.contains(&*placed.subject_der))
    };
    case.all.iter().filter(is_leaf).collect()
}

fn several_leaves(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let others: Vec<String> = other_leaves(case).into_iter().map(Placed::label).collect();
    if others.is_empty() {
        return;
    }
    let message = format!(
        "there is more than one server's certificate; number {} was judged, and not {}",
        number(&case.leaf),
        words::some(&others)
    );
    findings.push(
        case.finding("SRE-TLS-012", Severity::Warning, message)
            .hint("keep one certificate with its chain in a file; servers use the first"),
    );
}

fn twice(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut seen: HashSet<&str> = HashSet::new();
    let again: Vec<String> = case
        .all
        .iter()
        .filter(|placed| !seen.insert(&placed.certificate.sha256))
        .map(Placed::label)
        .collect();
    if !again.is_empty() {
        findings.push(
            case.finding(
                "SRE-TLS-016",
                Severity::Warning,
                format!("{} is there already", words::some(&again)),
            )
            .hint("take the second copy out of the file; each handshake carries it"),
        );
    }
}

fn disorder(case: &Case<'_>, findings: &mut Vec<Finding>) {
    // A root that is sent along has a place too, behind all others; before the leaf it has a finding of its own.
    let root = case.all.iter().find(|placed| {
        placed.position > case.leaf.position && !case.is_on_path(placed) && is_root(case, placed)
    });
    let path: Vec<&Placed<'_>> = case.path.certificates.iter().chain(root).collect();
    let above = path.iter().skip(1);
    let is_sorted = above.clone().zip(above.skip(1)).all(|(lower, upper)| lower.position < upper.position);
    if is_sorted {
        return;
    }
    let order: Vec<String> = path.iter().map(|placed| number(placed).to_string()).collect();
    findings.push(
        case.finding(
            "SRE-TLS-015",
            Severity::Warning,
            "the chain is complete, but not in order; old clients cannot put it together",
        )
        .evidence(format!("the certificates would have to come as {}", order.join(", ")))
        .hint(ORDER),
    );
}

/// Whether this certificate is the root that the path ends in, or another way to write it.
fn is_root(case: &Case<'_>, placed: &Placed<'_>) -> bool {
    match &case.path.trust {
        Trust::Verified(root) | Trust::OutOfTime(root) => root.is(placed) && placed.is_self_issued(),
        Trust::Failed(_) => false,
    }
}

fn superfluous(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let leaves: HashSet<usize> = other_leaves(case).into_iter().map(|placed| placed.position).collect();
    let aside =
        case.all.iter().filter(|placed| !case.is_on_path(placed) && !leaves.contains(&placed.position));
    let (roots, others): (Vec<&Placed<'_>>, Vec<&Placed<'_>>) =
        aside.partition(|placed| is_root(case, placed));
    if let Some(root) = roots.first() {
        findings.push(
            case.finding("SRE-TLS-013", Severity::Info, format!("the root is sent along: {}", root.label()))
                .hint("take it out of the file: clients use their own copy"),
        );
    }
    // Expired ones were named with their dates.
    let unrelated: Vec<String> = others
        .iter()
        .filter(|placed| placed.not_after.is_some_and(|last| last >= case.at))
        .map(|placed| placed.label())
        .collect();
    if !unrelated.is_empty() {
        findings.push(
            case.finding(
                "SRE-TLS-039",
                Severity::Info,
                format!("the path does not need {}", words::some(&unrelated)),
            )
            .hint("take it out of the file unless old clients need another path; each handshake carries it"),
        );
    }
}

/// webpki takes no root for expired, OpenSSL and browsers do.
fn root_end(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let (Trust::Verified(root) | Trust::OutOfTime(root)) = &case.path.trust else { return };
    let sent =
        case.all.iter().filter(|placed| is_root(case, placed)).filter_map(|placed| placed.not_after).max();
    let (end, severity) = match (root.end, sent) {
        (Some(end), _) => (end, Severity::Error),
        // Clients have their own copy of it, which may have other dates.
        (None, Some(end)) => (end, Severity::Warning),
        (None, None) => return,
    };
    if end < case.at {
        findings.push(
            case.finding(
                "SRE-TLS-038",
                severity,
                format!("the root {} expired on {end}", words::cut(&root.name)),
            )
            .hint("have the certificate issued below a root that is valid, and give clients that root"),
        );
    }
}
