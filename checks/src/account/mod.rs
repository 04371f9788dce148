//! What is checked of the account: who we are, what we may do, what there is room for, the models, the user pool, and
//! whether everything is as the state file says.
//!
//! [`facts`] is what was asked and what came back, each answer or the reason why there is none; the other files judge.

pub mod actions;
pub mod drift;
pub mod facts;
pub mod identity;
pub mod instance;
pub mod models;
pub mod pool;
pub mod quotas;

use model::{Finding, Severity};

use crate::catalogue::Entry;
use facts::NotTold;

/// The checks of this area. Each collects what it judges; retries are the collector's.
pub const CHECKS: &[Entry] = &[
    Entry::waiting("SRE-PERM-001", "the credentials belong to the account of the deployment", &[], 60),
    Entry::waiting("SRE-PERM-002", "the identity may do what the deployment needs", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-PERM-003", "EC2 would accept the calls that make something", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-PERM-004", "the instance may call the models", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-PERM-010", "the vCPU quota has room for the instance", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-PERM-011", "the quota of Elastic IPs has room for one", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-PERM-012", "the rules of the security group fit its quota", &["SRE-PERM-001"], 60),
    Entry::waiting(
        "SRE-PERM-020",
        "the user pool, its client and its domain are there",
        &["SRE-PERM-001"],
        60,
    ),
    Entry::waiting("SRE-PERM-021", "the certificates in ACM can be read", &[], 60),
    Entry::waiting("SRE-BED-001", "the models exist in the Region", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-BED-002", "the account has access to the models", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-BED-003", "no model is on its way out", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-BED-004", "the models answer to the names they are called by", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-BED-005", "the models answer", &["SRE-PERM-001"], 90),
    Entry::waiting("SRE-DRIFT-001", "everything is as the state file says", &["SRE-PERM-001"], 150),
    Entry::waiting("SRE-DRIFT-003", "the instance runs and is well", &["SRE-PERM-001"], 60),
    Entry::waiting("SRE-DRIFT-002", "the deployment is finished", &[], 0),
];

/// What could not be checked, and what would let it be. Never "ok".
pub fn unchecked(code: &str, subject: &str, what: &str, why: &NotTold) -> Finding {
    let finding = Finding::new(code, Severity::Unknown, subject, format!("could not check {what}"))
        .evidence(why.reason.clone());
    finding.hint(if why.is_denied {
        format!("allow the identity {}, and check again", why.action)
    } else if why.is_unsupported {
        format!("this endpoint does not know {}: check against the real account", why.action)
    } else {
        "check again in a minute; if it stays so, look at https://health.aws.amazon.com".to_owned()
    })
}

#[cfg(test)]
mod tests;
