//! Findings for what can go wrong on a host.

use model::{Finding, Severity};
use systemd::Layout;
use systemd::host::{Failed, HostError};

use super::error::HostRunError;
use super::product::Product;
use crate::journal::{Damage, JournalError};

/// The finding for a run that ended early.
pub fn advice(error: &HostRunError, product: Product) -> Finding {
    let unit = product.unit();
    let finding = |code: &str, subject: &str, evidence: &str| {
        let finding = Finding::new(code, Severity::Error, subject, error.to_string());
        if evidence.trim().is_empty() { finding } else { finding.evidence(evidence.trim()) }
    };
    let look = match product {
        Product::Proxy => format!("see why: journalctl -u {unit} -e"),
        Product::Agent => "see why: journalctl -u 'sre-agent-*' -e".to_owned(),
    };
    match error {
        HostRunError::Journal(error) => of_journal(error, product),
        HostRunError::Look(source) => finding("SRE-HOST-020", "host", &source.to_string()).hint(hint(source)),
        HostRunError::Step { step, source, log } => {
            let evidence = if log.is_empty() { source.to_string() } else { format!("{source}\n{log}") };
            let hint = if log.is_empty() { hint(source) } else { &look };
            finding("SRE-HOST-020", step, &evidence).hint(hint)
        }
        HostRunError::NotWell { log, .. } => match product {
            Product::Proxy => finding("SRE-HOST-021", unit, log).hint(look),
            Product::Agent => finding("SRE-AGENT-035", unit, log).hint(look),
        },
        HostRunError::WentBack { log, .. } => finding("SRE-HOST-022", unit, log)
            .hint("what was installed before serves; mend the cause, and try again"),
        HostRunError::Stuck { log, .. } => finding("SRE-HOST-034", unit, log).hint(look),
        HostRunError::Cancelled => finding("SRE-RUN-001", "run", ""),
        HostRunError::Refused(findings) => {
            match findings.iter().find(|said| said.severity == Severity::Error) {
                Some(first) => first.clone(),
                None => finding("SRE-BUG-001", "host", ""),
            }
        }
    }
}

fn hint(error: &HostError) -> &'static str {
    match error.kind {
        Failed::Full => {
            "make room: `du -xh --max-depth=2 / | sort -h | tail`; then run the same command again"
        }
        Failed::ReadOnly => "the file system is read-only: mend that, then run the same command again",
        Failed::Denied => "run it as root; with SELinux or an immutable file (lsattr), mend that first",
        _ => "remove the cause, then run the same command again: it goes on where it stopped",
    }
}

/// The finding for a host's journal that cannot be used.
pub fn of_journal(error: &JournalError, product: Product) -> Finding {
    let word = product.word();
    let mut finding = crate::advice::of_journal(error);
    let hint = match error {
        JournalError::Locked { .. } => {
            format!("another `{word}` command is under way: wait for it; if it hangs, end it, which frees the lock")
        }
        JournalError::Damaged { damage: Damage::Newer { .. }, .. } | JournalError::Impossible(_) => {
            return finding;
        }
        JournalError::Damaged { .. } | JournalError::Contradiction { .. } => {
            let file = product.journal(&Layout::default());
            format!(
                "move the file aside (mv {} /root/): what was installed is found again by its places and the marks \
                 in its units",
                file.display()
            )
        }
        JournalError::Read { .. } | JournalError::Write { .. } => {
            "run it as root, and make sure that /var/lib can be written; nothing is done that is not on disk first"
                .to_owned()
        }
    };
    finding.hint = Some(hint);
    finding
}
