//! What to say about a failure: a stable code, what it means, and the next thing to do.

use cloud::{CallError, ErrorKind};
use model::plan::StepId;
use model::{Finding, Severity};
use serde_json::json;

use crate::error::StepError;
use crate::journal::JournalError;

/// The finding for a step that could not go on.
pub fn of_step(step: StepId, error: &StepError) -> Finding {
    let finding = |code, message: String| Finding::new(code, Severity::Error, step.as_str(), message);
    match error {
        StepError::Call(error) => of_call(step.as_str(), error),
        StepError::Blocked(finding) => finding.as_ref().clone(),
        StepError::Cancelled => finding("SRE-RUN-001", error.to_string()),
        StepError::TimedOut { .. } => finding("SRE-RUN-003", error.to_string())
            .hint("AWS may still be at work: resume, and the run goes on waiting where it stopped"),
        StepError::Journal(error) => of_journal(error),
        StepError::NotReached { .. } => finding("SRE-RUN-004", error.to_string()),
        StepError::Bug(text) => finding("SRE-BUG-001", text.clone()),
    }
}

/// The finding for a failed call.
pub fn of_call(subject: &str, error: &CallError) -> Finding {
    let finding = |code| Finding::new(code, Severity::Error, subject, error.to_string());
    match error.kind {
        ErrorKind::Denied => denied(subject, error),
        ErrorKind::CredentialsMissing => finding("SRE-AWS-002").hint(
            "log in with one of:\n\
             aws sso login --profile NAME, then --profile NAME\n\
             aws configure --profile NAME, then --profile NAME\n\
             on EC2: attach an instance profile, and check that IMDSv2 answers",
        ),
        ErrorKind::CredentialsExpired => finding("SRE-AWS-003").hint(expired_hint(&error.message)),
        ErrorKind::CredentialsInvalid => finding("SRE-AWS-004").hint(
            "check which credentials are used: aws sts get-caller-identity; then the clock of this machine",
        ),
        ErrorKind::Throttled => finding("SRE-AWS-005")
            .hint("AWS throttled for longer than --call-timeout; resume in a few minutes"),
        ErrorKind::Quota => finding("SRE-AWS-006").hint(
            "ask for more in the Service Quotas console, or free some; then resume:\n\
             https://console.aws.amazon.com/servicequotas/home",
        ),
        ErrorKind::Unreachable => {
            finding("SRE-AWS-007").hint("check DNS, proxy settings and AWS_ENDPOINT_URL; then resume")
        }
        ErrorKind::TimedOut => {
            finding("SRE-AWS-008").hint("resume; raise --call-timeout if the network is slow")
        }
        ErrorKind::ServerFault => {
            finding("SRE-AWS-009").hint("see https://health.aws.amazon.com; then resume")
        }
        ErrorKind::InUse => {
            finding("SRE-AWS-011").hint("something outside this deployment uses it; free it, then resume")
        }
        _ => finding("SRE-AWS-010").hint("correct what AWS names, then resume"),
    }
}

fn expired_hint(message: &str) -> &'static str {
    if message.to_ascii_lowercase().contains("sso") {
        "log in again: aws sso login (with the same --profile); then resume"
    } else {
        "get fresh credentials (for a profile: aws sso login --profile NAME, or a new session token); then resume"
    }
}

/// `AccessDenied`: the action, the resource where AWS names it, and the statement that would allow it.
fn denied(subject: &str, error: &CallError) -> Finding {
    let action = named(&error.message, "to perform: ").unwrap_or_else(|| error.action());
    let resource = named(&error.message, "on resource: ").unwrap_or_else(|| "*".to_owned());
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let mut finding =
        Finding::new("SRE-AWS-001", Severity::Error, subject, format!("AWS refused {action} on {resource}"))
            .evidence(error.to_string());
    let mut hint = format!("add this statement to your identity's policy, then resume:\n{statement}");
    if error.message.contains("Encoded authorization failure message") {
        hint.push_str("\nfor the details: aws sts decode-authorization-message --encoded-message TEXT");
    }
    finding = finding.hint(hint);
    finding
}

/// The word after `marker` in AWS' own sentence.
fn named(message: &str, marker: &str) -> Option<String> {
    let (_, rest) = message.split_once(marker)?;
    let word = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    (!word.is_empty()).then(|| word.to_owned())
}

/// The finding for a journal that cannot be used.
pub fn of_journal(error: &JournalError) -> Finding {
    let source = std::error::Error::source(error).map(std::string::ToString::to_string);
    let finding = |code, subject: String, hint: &str| {
        let mut finding = Finding::new(code, Severity::Error, subject, error.to_string()).hint(hint);
        finding.evidence.clone_from(&source);
        finding
    };
    match error {
        JournalError::Locked { path, .. } => finding(
            "SRE-STATE-001",
            path.display().to_string(),
            "wait for the other run to end, or give it time with --lock-timeout 60s",
        ),
        JournalError::Damaged { path, damage, .. } => {
            let code = match damage {
                crate::journal::Damage::Newer { .. } => "SRE-STATE-003",
                _ => "SRE-STATE-002",
            };
            let hint = match damage {
                crate::journal::Damage::Newer { .. } => {
                    "use the version of sre-agent-deploy that wrote it, or a newer one"
                }
                _ => {
                    "restore the file from a copy; or move it aside, and deploy or clean up by deployment id: \
                     what was made is found by its tags"
                }
            };
            finding(code, path.display().to_string(), hint)
        }
        JournalError::Contradiction { path, .. } => finding(
            "SRE-STATE-002",
            path.display().to_string(),
            "restore the file from a copy; or move it aside, and deploy or clean up by deployment id",
        ),
        JournalError::Read { path, .. } | JournalError::Write { path, .. } => finding(
            "SRE-STATE-006",
            path.display().to_string(),
            "free space or mend permissions, then resume; nothing is done that is not on disk first",
        ),
        JournalError::Impossible(_) => finding("SRE-BUG-001", "journal".to_owned(), "please report this"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_action_resource_and_statement() {
        let error = CallError::from_service(
            "iam",
            "CreateRole",
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/op is not authorized to perform: iam:CreateRole on resource: \
             arn:aws:iam::123456789012:role/x because no identity-based policy allows the iam:CreateRole action",
        );
        let finding = of_call("iam.role", &error);
        assert_eq!(finding.message, "AWS refused iam:CreateRole on arn:aws:iam::123456789012:role/x");
        let hint = finding.hint.unwrap();
        assert!(
            hint.contains(r#"{"Action":"iam:CreateRole","Effect":"Allow","Resource":"arn:aws:iam::123456789012:role/x"}"#),
            "{hint}"
        );
    }
}
