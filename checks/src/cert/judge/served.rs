//! The certificate that is served against the one on disk: a service that forgot to reload is not a renewal that failed.

use model::{Finding, Severity};

use super::{Case, words};
use crate::cert::facts::OnDisk;

/// How the two differ.
enum Difference<'a> {
    /// They are the same, or nothing is known of a disk.
    None,
    /// The one on disk is newer.
    NotReloaded(&'a OnDisk),
    /// The one on disk is older.
    NotStored(&'a OnDisk),
    /// It cannot be told which is newer.
    Unclear(&'a OnDisk),
}

fn difference<'a>(case: &Case<'a>) -> Difference<'a> {
    let Some(disk) = &case.material.on_disk else { return Difference::None };
    if disk.sha256.eq_ignore_ascii_case(&case.leaf.sha256) {
        return Difference::None;
    }
    // The later issue counts; CAs that date back do so for both.
    let dates = disk.not_before.zip(disk.not_after).zip(case.leaf.not_before.zip(case.leaf.not_after));
    match dates {
        Some((disk_dates, served)) if disk_dates > served => Difference::NotReloaded(disk),
        Some((disk_dates, served)) if disk_dates < served => Difference::NotStored(disk),
        _ => Difference::Unclear(disk),
    }
}

const RELOAD: &str = "`sudo systemctl reload SERVICE`, and let each renewal do it: `printf '#!/bin/sh\\nsystemctl reload SERVICE\\n' | sudo install -m 755 /dev/stdin /etc/letsencrypt/renewal-hooks/deploy/reload-SERVICE`";

/// What to do about a certificate that is about to expire, where the next one lies there already.
pub(super) fn reload_instead(case: &Case<'_>) -> Option<String> {
    match difference(case) {
        Difference::NotReloaded(disk) => {
            let path = words::cut(&disk.path.display().to_string());
            Some(format!("it is renewed already, in {path}; the service has to load it: {RELOAD}"))
        }
        _ => None,
    }
}

/// Codes of what a reload would end: expired, about to expire.
const DATES: [&str; 2] = ["SRE-TLS-001", "SRE-TLS-002"];

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut severity = Severity::Warning;
    let (disk, message, hint) = match difference(case) {
        Difference::None => {
            if let Some(disk) = &case.material.on_disk {
                findings.push(
                    case.finding("SRE-TLS-037", Severity::Ok, "what is served is what lies on disk")
                        .evidence(words::cut(&disk.path.display().to_string())),
                );
            }
            return;
        }
        Difference::NotReloaded(disk) => {
            // It explains what is said of the dates, and is what to do about it.
            let dates = findings.iter().filter(|finding| DATES.contains(&finding.code.as_str()));
            severity = dates.map(|finding| finding.severity).fold(severity, Severity::max);
            (disk, "the certificate was renewed on disk, but the service did not reload it", RELOAD)
        }
        Difference::NotStored(disk) => (
            disk,
            "the certificate that is served is newer than the one on disk; the next restart brings the old one back",
            "find the file that the service uses, `sudo ls -l /proc/PID/fd` or its configuration, and put the served certificate into this one",
        ),
        Difference::Unclear(disk) => (
            disk,
            "another certificate is served than the one on disk",
            "find the file that the service uses in its configuration; if it is this one, `sudo systemctl reload SERVICE`",
        ),
    };
    let until =
        |moment: Option<crate::Moment>| moment.map_or_else(|| "?".to_owned(), |moment| moment.to_string());
    // The first of the worst is what one line has room for.
    findings.insert(
        0,
        case.finding("SRE-TLS-037", severity, message)
            .evidence(format!(
                "served: {} until {}; {}: {} until {}",
                short(&case.leaf.sha256),
                until(case.leaf.not_after),
                words::cut(&disk.path.display().to_string()),
                short(&disk.sha256),
                until(disk.not_after)
            ))
            .hint(hint),
    );
}

/// Enough of a fingerprint to tell two apart.
fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}
