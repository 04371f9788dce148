//! `check network`: asks about servers step by step, about the endpoints of AWS and about instance metadata, each as
//! checks that wait for one another.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::{Finding, Severity};
use rustls::RootCertStore;

use super::services::Service;
use super::{CLOCK, METADATA, aws, metadata, server};
use crate::engine::{Outcome, Suite, Verdict};
use crate::remote::dns::NameServers;
use crate::remote::http::{self, Url};
use crate::remote::target::{Protocol, Target};
use crate::remote::tls::{self, Trust};
use crate::{CheckResult, Subject, SubjectKind};

/// How to go about it.
pub struct Options<'a> {
    /// How long a look-up, a connection or a handshake may take.
    pub step: Duration,
    /// How long an answer over HTTP may take.
    pub answer: Duration,
    /// Whom to trust.
    pub roots: Arc<RootCertStore>,
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Whom to ask about names; an error says why nobody can be asked.
    pub name_servers: Result<NameServers, String>,
    /// The text of `/etc/hosts`.
    pub hosts_file: String,
}

/// A server to ask about.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where it is.
    pub target: Target,
    /// The path to ask for, such as `/`; none where there is no HTTP.
    pub path: Option<String>,
    /// The status that this path must have; none takes any that is no failure of the server.
    pub status: Option<u16>,
}

impl Question {
    /// What can be asked of any server: `/` where there is TLS at once, as far as the port does not say otherwise.
    pub fn about(target: Target) -> Self {
        let is_mail_or_directory = matches!(target.port, 465 | 636 | 993 | 995);
        let path = (target.protocol == Protocol::Tls && !is_mail_or_directory).then(|| "/".to_owned());
        Self { target, path, status: None }
    }
}

/// Asks all of it and gives one result a subject, in the order of the questions.
///
/// `metadata` is where instance metadata is expected; none where this is not an instance.
pub async fn run(
    questions: &[Question],
    services: &[Service],
    metadata: Option<&Url>,
    options: &Options<'_>,
) -> Vec<CheckResult> {
    let mut suite = Suite::new();
    for question in questions {
        server::add(&mut suite, question, options);
    }
    for (index, service) in services.iter().enumerate() {
        let id = aws::add(&mut suite, service, options);
        // One clock of AWS is enough: STS comes first, and is who refuses.
        if index == 0 {
            aws::add_clock(&mut suite, service, id, options);
        }
    }
    if let Some(base) = metadata {
        suite.add(&METADATA, "instance metadata", &[], move || {
            Box::pin(async move {
                let facts = metadata::collect(base, options.step).await;
                Verdict::Final(metadata::judge(&facts, "instance metadata"))
            })
        });
    }
    results(suite.run(32).await)
}

/// Outcomes by subject.
fn results(outcomes: Vec<Outcome>) -> Vec<CheckResult> {
    let mut subjects: Vec<(String, Vec<Finding>)> = Vec::new();
    for outcome in outcomes {
        match subjects.iter_mut().find(|(subject, _)| *subject == outcome.subject) {
            Some((_, findings)) => findings.extend(outcome.findings),
            None => subjects.push((outcome.subject, outcome.findings)),
        }
    }
    subjects
        .into_iter()
        .map(|(subject, findings)| {
            CheckResult::new(Subject::new(SubjectKind::Network, subject), Vec::new(), findings)
        })
        .collect()
}

pub(super) fn undated(subject: &str) -> Finding {
    Finding::new(CLOCK.code, Severity::Info, subject, "the server does not say what time it has")
}

/// What can be better in a moment is asked again.
pub(super) fn verdict(findings: Vec<Finding>) -> Verdict {
    let may_heal =
        findings.iter().any(|finding| matches!(finding.severity, Severity::Error | Severity::Unknown));
    if may_heal { Verdict::MayHeal(findings) } else { Verdict::Final(findings) }
}

pub(super) fn http_options(options: &Options<'_>, address: Option<std::net::IpAddr>) -> http::Options {
    http::Options {
        trust: Trust::Roots { roots: Arc::clone(&options.roots), now: tls::moment((options.now)()) },
        address,
        step: options.step,
        answer: options.answer,
        ..http::Options::default()
    }
}
