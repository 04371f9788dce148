//! What a directory of the sample is like: facts in, findings out.
//!
//! The sample's scripts stop half-way and leave something behind that looks finished. Each judgement here is one such
//! state, recognised by what the sample's own readers would make of the files.

mod config;
mod env;
mod gateway;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{Finding, Severity};

use crate::layout::File;
use crate::merge::Present;

/// What the stored token says of itself. The token is not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Token {
    /// There is none.
    #[default]
    Missing,
    /// What is there is no token, and why.
    Unreadable(&'static str),
    /// It ends then.
    Ends(Timestamp),
}

/// What there is to know of a directory and of the machine that it is on.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The directory, as it is shown.
    pub dir: String,
    /// Whether the sample is there.
    pub is_sample: bool,
    /// Its files.
    pub present: Present,
    /// Files that are there and cannot be read, and why.
    pub unreadable: BTreeMap<File, String>,
    /// The permissions of each file.
    pub modes: BTreeMap<File, u32>,
    /// What the stored token says of itself.
    pub token: Token,
    /// Whether there is a pair of certificate and key where the sample's start script looks.
    pub has_tls: bool,
    /// Whether the backends have `us-east-1` written into them.
    pub is_region_fixed: bool,
    /// The newest Python that a shell finds, as major and minor version.
    pub python: Option<(u32, u32)>,
    /// Now.
    pub now: Timestamp,
}

/// Each code with what is in order where there is nothing to say.
const CHECKS: [(&str, &str); 19] = [
    ("SRE-AGENT-001", "the SRE agent is here"),
    ("SRE-AGENT-002", "Cognito's values are complete"),
    ("SRE-AGENT-003", "gateway/config.yaml has a value for every key"),
    ("SRE-AGENT-004", "gateway/config.yaml is read as it is written"),
    ("SRE-AGENT-005", "s3_bucket is the name of a bucket"),
    ("SRE-AGENT-006", "the backends' key is set"),
    ("SRE-AGENT-007", "the credential provider is known"),
    ("SRE-AGENT-008", "the agent has the gateway's URL"),
    ("SRE-AGENT-009", "the token is good for a while"),
    ("SRE-AGENT-010", "deployment/.env is the agent's"),
    ("SRE-AGENT-011", "every reader of the .env files gets the same"),
    ("SRE-AGENT-012", "no empty key hides one of the environment"),
    ("SRE-AGENT-013", "the backends find a certificate and its key"),
    ("SRE-AGENT-014", "all files name the same Region"),
    ("SRE-AGENT-015", "Python is new enough"),
    ("SRE-AGENT-016", "only their owner can read the secrets"),
    ("SRE-AGENT-017", "every file could be read"),
    ("SRE-AGENT-018", "the memory is known, where there is one"),
    ("SRE-AGENT-019", "all files name the same user pool and app client"),
];

/// The codes of everything that is looked at.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(code, _)| *code)
}

/// The oldest Python that the sample runs with.
const LEAST_PYTHON: (u32, u32) = (3, 12);

/// Collects what there is to say.
struct Findings<'a> {
    facts: &'a Facts,
    found: Vec<Finding>,
}

impl Findings<'_> {
    /// Something about a file.
    fn add(
        &mut self,
        code: &str,
        severity: Severity,
        file: File,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.push(Finding::new(code, severity, file.path(), message).hint(hint));
    }

    /// Something about the directory or the machine.
    fn add_here(
        &mut self,
        code: &str,
        severity: Severity,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.push(Finding::new(code, severity, &self.facts.dir, message).hint(hint));
    }

    /// The command that writes the files from a deployment.
    fn files(&self) -> String {
        format!("sre-agent-deploy gateway files --dir {} --state-file FILE", self.facts.dir)
    }
}

/// Everything there is to say about a directory: what is wrong, and what was looked at and is in order.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_sample {
        let message = format!(
            "`{}` does not hold the SRE agent: there is no gateway/create_gateway.sh in it",
            facts.dir
        );
        return vec![
            Finding::new("SRE-AGENT-001", Severity::Error, &facts.dir, message)
                .hint("name the folder that the SRE agent was cloned to: --dir DIR"),
        ];
    }
    let mut findings = Findings { facts, found: Vec::new() };
    for (file, why) in &facts.unreadable {
        let message = format!("it cannot be read: {why}");
        findings.add(
            "SRE-AGENT-017",
            Severity::Unknown,
            *file,
            message,
            "run this as the owner of the directory",
        );
    }
    config::judge(&mut findings);
    gateway::judge(&mut findings);
    env::judge(&mut findings);
    machine(&mut findings);
    let mut found = findings.found;
    for (code, good) in CHECKS {
        if found.iter().all(|finding| finding.code != code) {
            found.push(Finding::new(code, Severity::Ok, &facts.dir, good));
        }
    }
    found
}

fn machine(findings: &mut Findings) {
    let facts = findings.facts;
    if !facts.has_tls {
        findings.add_here(
            "SRE-AGENT-013",
            Severity::Error,
            "there is no certificate with its key in /opt/ssl, so the backends are started without TLS and the gateway cannot call them",
            "put fullchain.pem and privkey.pem into /opt/ssl; or make services of the backends with `sre-agent-deploy gateway install`, which are handed the certificate of `host install`",
        );
    }
    let (major, minor) = LEAST_PYTHON;
    match facts.python {
        Some(version) if version >= LEAST_PYTHON => {}
        Some((found_major, found_minor)) => findings.add_here(
            "SRE-AGENT-015",
            Severity::Error,
            format!("the newest Python here is {found_major}.{found_minor}, and the SRE agent needs {major}.{minor}"),
            "sre-agent-deploy host install --with-agent-tools",
        ),
        None => findings.add_here(
            "SRE-AGENT-015",
            Severity::Error,
            format!("no Python was found, and the SRE agent needs {major}.{minor}"),
            "sre-agent-deploy host install --with-agent-tools",
        ),
    }
    for (file, mode) in &facts.modes {
        if file.is_secret() && mode & 0o077 != 0 {
            findings.add(
                "SRE-AGENT-016",
                Severity::Warning,
                *file,
                format!("it holds secrets, and its mode {:04o} lets others at them", mode & 0o7777),
                format!("chmod 600 {file}"),
            );
        }
    }
}
