//! What a verdict is about, and how it is put into words.

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use model::{Finding, Severity};

use super::facts::{End, NoReply, Outcome, Reply};
use crate::catalogue::Entry;
use crate::engine::{CheckId, Suite, Verdict, skipped_because};

/// The server that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// `https://HOST` with a port where it is not 443, without a slash at the end.
    pub(crate) base: String,
    /// `HOST:PORT`
    pub(crate) name: String,
}

/// What a check of a server does.
pub(crate) type Work<'a> = LocalBoxFuture<'a, Vec<Finding>>;

impl Site {
    /// Adds a check of this server.
    pub(crate) fn add<'a>(
        &'a self,
        suite: &mut Suite<'a>,
        entry: &'static Entry,
        after: &[CheckId],
        work: impl Fn(About<'a>) -> Work<'a> + 'a,
    ) -> CheckId {
        let about = About { entry, site: self };
        suite.add(entry, self.name.clone(), after, move || work(about).map(verdict).boxed_local())
    }
}

/// What may pass by itself is asked again, as often as the check's entry allows.
fn verdict(findings: Vec<Finding>) -> Verdict {
    let is_bad = findings.iter().any(|finding| finding.severity >= Severity::Unknown);
    if is_bad { Verdict::MayHeal(findings) } else { Verdict::Final(findings) }
}

/// A check of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) entry: &'static Entry,
    pub(crate) site: &'a Site,
}

impl About<'_> {
    fn finding(&self, severity: Severity, message: impl Into<String>) -> Finding {
        Finding::new(self.entry.code, severity, &self.site.name, message)
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Finding {
        self.finding(Severity::Error, message)
    }

    pub(crate) fn unknown(&self, message: impl Into<String>) -> Finding {
        self.finding(Severity::Unknown, message)
    }

    pub(crate) fn warning(&self, message: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, message)
    }

    pub(crate) fn info(&self, message: impl Into<String>) -> Finding {
        self.finding(Severity::Info, message)
    }

    pub(crate) fn ok(&self, message: impl Into<String>) -> Finding {
        self.finding(Severity::Ok, message)
    }

    /// `because` completes "skipped because …".
    pub(crate) fn skipped(&self, because: &str) -> Finding {
        skipped_because(self.entry, &self.site.name, because)
    }

    /// A command that shows the operator what was seen.
    pub(crate) fn curl(&self, path: &str) -> String {
        let path = if path.starts_with('/') { path } else { "" };
        format!("look at it: curl -i {}{path}", self.site.base)
    }

    /// The answer, or why there is none. What did not come in time is not known.
    pub(crate) fn reply<'r>(&self, outcome: &'r Outcome, path: &str) -> Result<&'r Reply, Vec<Finding>> {
        outcome.as_ref().map_err(|no_reply| {
            let message = format!("{path} was not answered");
            let finding = match no_reply {
                NoReply::TimedOut(_) => self.unknown(message),
                _ => self.error(message),
            };
            vec![finding.evidence(no_reply.words()).hint(self.curl(path))]
        })
    }

    /// The same where the whole body has to be there.
    pub(crate) fn whole<'r>(&self, outcome: &'r Outcome, path: &str) -> Result<&'r Reply, Vec<Finding>> {
        let reply = self.reply(outcome, path)?;
        match self.end(reply, path) {
            Some(finding) => Err(vec![finding]),
            None => Ok(reply),
        }
    }

    /// What is wrong with the end of a body.
    pub(crate) fn end(&self, reply: &Reply, path: &str) -> Option<Finding> {
        let finding = match &reply.end {
            End::Whole => return None,
            End::TooLarge(limit) => {
                self.error(format!("the answer of {path} is longer than {limit} bytes, which none has to be"))
            }
            End::Broken(why) => self.error(format!("the answer of {path} broke off")).evidence(why),
            End::TimedOut(waited) => {
                self.unknown(format!("the answer of {path} did not end within {:.1} s", waited.as_secs_f64()))
            }
        };
        Some(finding.hint(self.curl(path)))
    }
}
