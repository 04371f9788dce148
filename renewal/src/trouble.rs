//! What can go wrong when a certificate is renewed: each with its code, its cause and what to do.

use jiff::SignedDuration;
use model::{Finding, Severity};

/// Codes of this crate. Each has its page in `runbooks/`.
pub mod codes {
    /// The pair that should be served is damaged.
    pub const LIVE_BROKEN: &str = "SRE-CERT-001";
    /// A new pair may not be served.
    pub const UNFIT: &str = "SRE-CERT-002";
    /// A file of the store or the state cannot be read or written.
    pub const DISK: &str = "SRE-CERT-003";
    /// The clock of this host is wrong.
    pub const CLOCK: &str = "SRE-CERT-004";
    /// What earlier runs left cannot be used.
    pub const STATE: &str = "SRE-CERT-005";
    /// A failed try is waited out.
    pub const WAITING: &str = "SRE-CERT-006";
    /// The authority's certificates are too short for any timer.
    pub const SHORT: &str = "SRE-CERT-007";
    /// Another run is under way.
    pub const LOCKED: &str = "SRE-CERT-008";
    /// The new certificate is not the one that is served.
    pub const NOT_SERVED: &str = "SRE-CERT-009";
    /// The authority cannot be reached, or is out of order.
    pub const UNREACHED: &str = "SRE-CERT-010";
    /// The authority has had too many requests.
    pub const RATE_LIMITED: &str = "SRE-CERT-011";
    /// The authority could not connect to this host.
    pub const NOT_CONNECTED: &str = "SRE-CERT-012";
    /// The authority got another answer than the challenge's.
    pub const WRONG_ANSWER: &str = "SRE-CERT-013";
    /// A CAA record forbids it.
    pub const CAA: &str = "SRE-CERT-014";
    /// The name does not resolve.
    pub const DNS: &str = "SRE-CERT-015";
    /// The authority refuses the account.
    pub const ACCOUNT: &str = "SRE-CERT-016";
    /// The account was gone and was made anew.
    pub const ACCOUNT_ANEW: &str = "SRE-CERT-017";
    /// The authority refuses the order.
    pub const ORDER: &str = "SRE-CERT-018";
    /// The authority took too long.
    pub const TOO_LONG: &str = "SRE-CERT-019";
    /// The authority has no such profile.
    pub const PROFILE: &str = "SRE-CERT-020";
    /// The key of the external account cannot be used.
    pub const EXTERNAL_ACCOUNT: &str = "SRE-CERT-021";
    /// The roots for the authority cannot be used.
    pub const ROOTS: &str = "SRE-CERT-022";
    /// The port for HTTP-01 is not free.
    pub const PORT: &str = "SRE-CERT-023";
    /// The challenge cannot be answered from here.
    pub const CHALLENGE: &str = "SRE-CERT-024";
    /// The authority does not offer the challenge.
    pub const NOT_OFFERED: &str = "SRE-CERT-025";
    /// The authority could not be asked when to renew.
    pub const SUGGESTION: &str = "SRE-CERT-026";
    /// The authority's answer makes no sense.
    pub const NO_SENSE: &str = "SRE-CERT-027";
    /// No name is configured.
    pub const NO_NAME: &str = "SRE-CERT-028";
    /// The files that somebody else keeps fresh cannot be used.
    pub const FILES: &str = "SRE-CERT-030";
    /// ACM does not give its certificate out.
    pub const EXPORT: &str = "SRE-CERT-031";
    /// ACM has not issued its certificate yet.
    pub const NOT_ISSUED: &str = "SRE-CERT-032";
    /// What the host was told cannot be read.
    pub const SETTINGS: &str = "SRE-CERT-033";
    /// No public hosted zone holds the name.
    pub const NO_ZONE: &str = "SRE-CERT-034";
    /// Route 53 does not take the record.
    pub const RECORD: &str = "SRE-CERT-035";
    /// The record was not at all name servers in time.
    pub const NOT_IN_SYNC: &str = "SRE-CERT-036";
    /// The answer to a challenge is still in the DNS.
    pub const RECORD_LEFT: &str = "SRE-CERT-037";
}

/// Why there is no new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is said about it.
    pub finding: Box<Finding>,
    /// How long the authority asks to be left alone.
    pub retry_after: Option<SignedDuration>,
}

impl Trouble {
    /// One with what it is about and what is wrong.
    pub fn new(code: &str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { finding: Box::new(Finding::new(code, Severity::Error, subject, message)), retry_after: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.finding.hint = Some(hint.into());
        self
    }

    /// The same with what was seen.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.finding.evidence = Some(evidence.into());
        self
    }

    /// One that somebody else has put into words.
    pub(crate) fn of_finding(finding: Box<Finding>) -> Self {
        Self { finding, retry_after: None }
    }

    /// A file that cannot be read or written.
    pub(crate) fn of_file(what: &str, path: &std::path::Path, error: &dyn std::error::Error) -> Self {
        Self::new(codes::DISK, path.display().to_string(), format!("cannot {what} `{}`", path.display()))
            .evidence(error.to_string())
            .hint("look at the disk and the rights: df -h /etc/sre-agent /var/lib/sre-agent; ls -ld /etc/sre-agent/tls")
    }

    /// What the store says.
    pub(crate) fn of_store(error: &crate::store::StoreError) -> Self {
        use crate::store::StoreError;
        match error {
            StoreError::Disk { what, path, error } => Self::of_file(what, path, error),
            StoreError::Unfit(unfit) => {
                Self::new(codes::UNFIT, "pair", format!("the new pair is not used: {unfit}"))
                    .hint("the pair that was there is still served; look at where the new one comes from")
            }
            StoreError::Broken { path, unfit } => Self::new(
                codes::LIVE_BROKEN,
                path.display().to_string(),
                format!("the pair that should be served is damaged: {unfit}"),
            )
            .hint("have a new one made: sre-agent-deploy host renew --force"),
            StoreError::Placeholder(why) => Self::new(codes::DISK, "placeholder", why.clone()),
        }
    }
}
