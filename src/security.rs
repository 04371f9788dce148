//! The program's security events: to journald, where this machine has one, and nowhere else.

use std::os::unix::net::UnixDatagram;

use checks::CheckResult;
use model::config::Mode;
use model::security::{self, Event, Kind};
use model::{AccountId, DeploymentId, Region, Severity};
use provision::journal::State;
use provision::undo::Removal;
use renewal::run::{Outcome, Report};

use crate::app::App;

/// `SYSLOG_IDENTIFIER` of all of them.
const PROGRAM: &str = "sre-agent-deploy";
/// Where journald listens: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Another socket, or `off`.
const VARIABLE: &str = "SRE_AGENT_DEPLOY_JOURNAL";

/// Writes an event into the journal. A machine without journald has none, and no work depends on it: nothing is said
/// where it cannot be written.
pub(crate) fn event(app: &App, event: &Event) {
    let socket = app.variable(VARIABLE).unwrap_or(JOURNAL);
    if socket == "off" {
        return;
    }
    let Ok(datagram) = UnixDatagram::unbound() else { return };
    // A journal that does not read must not stop a deployment.
    if datagram.set_nonblocking(true).is_ok() {
        let _ = datagram.send_to(&security::journal(event, PROGRAM), socket);
    }
}

/// A run has made or changed resources in an account. What is practised is nobody's concern.
pub(crate) fn applied(app: &App, state: &State, is_whole: bool) {
    let header = &state.header;
    if header.mode != Mode::Rehearsal {
        let made = of_account(
            Kind::SensitiveCreate,
            &header.deployment_id,
            &header.account_id,
            &header.region,
            is_whole,
        );
        event(app, &made);
    }
}

/// A run has removed resources from an account.
pub(crate) fn removed(
    app: &App,
    mode: Mode,
    (deployment, account, region): (&DeploymentId, &AccountId, &Region),
    removal: &Removal,
) {
    if mode != Mode::Rehearsal {
        let is_whole = removal.left.is_empty();
        let gone = of_account(Kind::SensitiveDelete, deployment, account, region, is_whole)
            .with("removed", removal.removed.len())
            .with("left", removal.left.len());
        event(app, &gone);
    }
}

fn of_account(
    kind: Kind,
    deployment: &DeploymentId,
    account: &AccountId,
    region: &Region,
    is_whole: bool,
) -> Event {
    Event::new(kind)
        .with("deployment", deployment)
        .with("account", account)
        .with("region", region)
        .with("outcome", if is_whole { "done" } else { "incomplete" })
}

/// Certificates that end soon or have ended, where the service manager runs the check: whoever runs it by hand reads the
/// result.
pub(crate) fn certificates(app: &App, results: &[CheckResult]) {
    if app.variable("INVOCATION_ID").is_none() {
        return;
    }
    for result in results {
        for finding in &result.findings {
            let kind = match (finding.code.as_str(), finding.severity) {
                ("SRE-TLS-001", Severity::Error) => Kind::CertExpired,
                ("SRE-TLS-002", Severity::Warning | Severity::Error) => Kind::CertExpiring,
                _ => continue,
            };
            let leaf = result.certificates.first();
            let ending = Event::new(kind)
                .with("subject", &result.subject.name)
                .with("code", &finding.code)
                .with("problem", &finding.message)
                .with_some("names", leaf.map(|leaf| leaf.names.join(",")))
                .with_some("not_after", leaf.and_then(|leaf| leaf.not_after.as_ref()))
                .with_some("serial", leaf.map(|leaf| &leaf.serial));
            event(app, &ending);
        }
    }
}

/// What was done to the machine that the program runs on.
pub(crate) fn host(app: &App, kind: Kind, what: &str, changed: usize) {
    event(app, &Event::new(kind).with("component", what).with("changed", changed));
}

/// What a run of the renewal came to, unless there was nothing to do.
pub(crate) fn renewal(app: &App, report: &Report) {
    if let Outcome::Renewed { leaf, .. } = &report.outcome {
        let renewed = Event::new(Kind::CertRenewed)
            .with("serial", &leaf.serial)
            .with("not_after", leaf.not_after)
            .with("names", leaf.names.join(","));
        event(app, &renewed);
    }
    for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let failed = Event::new(Kind::CertRenewalFail)
            .with("subject", &finding.subject)
            .with("code", &finding.code)
            .with("problem", &finding.message);
        event(app, &failed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use checks::{Subject, SubjectKind};
    use model::Finding;

    use super::*;
    use crate::args::{Common, Format};
    use crate::io::{Io, Stream};

    fn app(variables: &[(&str, &str)]) -> App {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let io = Io {
            input: Arc::new(Mutex::new(std::io::empty())),
            out: Stream::new(std::io::sink()),
            err: Stream::new(std::io::sink()),
            input_is_terminal: false,
            out_is_terminal: false,
            err_is_terminal: false,
        };
        let environment: BTreeMap<String, String> = variables.iter().map(owned).collect();
        App::new("sre-agent-deploy", environment, io, Format::Text, &Common::default())
    }

    fn result(findings: Vec<Finding>) -> CheckResult {
        CheckResult::new(Subject::new(SubjectKind::File, "/etc/x.pem"), Vec::new(), findings)
    }

    #[test]
    fn an_event_reaches_the_journal_and_a_missing_journal_is_no_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        journal.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let take = || {
            let mut bytes = vec![0; 65_536];
            let length = journal.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        let told = app(&[(VARIABLE, path.to_str().unwrap()), ("INVOCATION_ID", "1")]);
        event(&told, &Event::new(Kind::SysInstall).with("version", "0.1.0"));
        let text = take();
        for field in [
            "EVENT=sys_install\n",
            "VERSION=0.1.0\n",
            "SYSLOG_IDENTIFIER=sre-agent-deploy\n",
            "SYSLOG_FACILITY=10\n",
        ] {
            assert!(text.contains(field), "{text}");
        }
        let expired = Finding::new("SRE-TLS-001", Severity::Error, "x", "it expired");
        let ending = Finding::new("SRE-TLS-002", Severity::Warning, "x", "it ends soon");
        let fine = Finding::new("SRE-TLS-002", Severity::Ok, "x", "it is fine");
        certificates(&told, &[result(vec![fine]), result(vec![ending]), result(vec![expired])]);
        assert!(take().contains("EVENT=cert_expiring\n"));
        assert!(take().contains("EVENT=cert_expired\n"));
        // By hand nothing is told, nor where nobody listens.
        let expired = || result(vec![Finding::new("SRE-TLS-001", Severity::Error, "x", "it expired")]);
        certificates(&app(&[(VARIABLE, path.to_str().unwrap())]), &[expired()]);
        certificates(&app(&[(VARIABLE, "off"), ("INVOCATION_ID", "1")]), &[expired()]);
        certificates(&app(&[(VARIABLE, "/nothing/here"), ("INVOCATION_ID", "1")]), &[expired()]);
        journal.set_nonblocking(true).unwrap();
        assert!(journal.recv(&mut [0; 16]).is_err());
    }
}
