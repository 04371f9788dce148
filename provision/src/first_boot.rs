//! Why a first boot did not end well, in words for an operator: from what the instance said, or from its console.

use std::time::Duration;

use model::first_boot::{Phase, Progress, Trouble};
use model::{AccountId, DeploymentId, Finding, Region, Severity};

use crate::steps::names;

/// Where it happened.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The Region.
    pub region: &'a Region,
    /// The account.
    pub account: &'a AccountId,
    /// The deployment.
    pub deployment: &'a DeploymentId,
    /// The instance.
    pub instance: &'a str,
}

/// How much of a console is shown.
const MOST_LINES: usize = 12;

/// How the script begins a line on the console.
const OURS: &str = "sre-agent-deploy: ";

/// A first boot of which the instance says that it failed.
pub fn of_progress(place: &Place<'_>, progress: &Progress) -> Finding {
    let detail = progress.detail.clone().unwrap_or_default();
    of_trouble(place, progress.trouble.unwrap_or(Trouble::Other), &detail)
}

fn of_trouble(place: &Place<'_>, trouble: Trouble, detail: &str) -> Finding {
    let bucket = names::bucket(place.account, place.region, place.deployment);
    let role = names::instance_role(place.deployment);
    let (code, message, what) = match trouble {
        Trouble::Denied => (
            "SRE-HOST-070",
            "the instance may not fetch the bundle".to_owned(),
            format!(
                "look at the policy of role {role} and of bucket {bucket}, and for a policy of the organisation that \
                 denies s3:GetObject; an object that is not there is denied as well: resume uploads it again"
            ),
        ),
        Trouble::Missing => (
            "SRE-HOST-071",
            "a file of the bundle is not in the bucket".to_owned(),
            format!("somebody deleted it from {bucket}: resume uploads it again"),
        ),
        Trouble::Checksum => (
            "SRE-HOST-072",
            "a file of the bundle is not what its digest says, and nothing was installed".to_owned(),
            format!("somebody exchanged it in {bucket}: find out who; resume uploads it again"),
        ),
        Trouble::Network => (
            "SRE-HOST-073",
            "the instance could not reach S3".to_owned(),
            "check the subnet's route to the internet or its S3 endpoint, the network ACL and DNS".to_owned(),
        ),
        Trouble::Credentials => (
            "SRE-HOST-077",
            "the instance has no credentials".to_owned(),
            format!("check that instance profile {role} is attached, and that IMDSv2 answers"),
        ),
        Trouble::Program => (
            "SRE-HOST-079",
            "a program of the bundle does not start on the instance".to_owned(),
            "build both for the instance's system and processor, and name their folder with --programs"
                .to_owned(),
        ),
        Trouble::Install => (
            "SRE-HOST-075",
            match own_code(detail) {
                Some(code) => format!("the proxy could not be installed on the instance: {code}"),
                None => "the proxy could not be installed on the instance".to_owned(),
            },
            match own_code(detail) {
                Some(code) => format!("read what it says: sre-agent-deploy explain {code}"),
                None => "read what it says".to_owned(),
            },
        ),
        Trouble::Other => (
            "SRE-HOST-074",
            "the script of the first boot failed".to_owned(),
            "read what it says, and what cloud-init says: sudo cloud-init status --long".to_owned(),
        ),
    };
    let hint = format!("{what}; then run the script again on the instance, and resume:\n{}", again(place));
    finding(code, message, detail).hint(hint)
}

fn finding(code: &str, message: String, evidence: &str) -> Finding {
    let finding = Finding::new(code, Severity::Error, model::plan::StepId::HostInstalled.as_str(), message);
    if evidence.is_empty() { finding } else { finding.evidence(evidence) }
}

/// The commands that run the script once more.
fn again(place: &Place<'_>) -> String {
    format!(
        "aws ssm start-session --region {} --target {}\n\
         sudo /usr/bin/python3 /var/lib/cloud/instance/scripts/part-001",
        place.region, place.instance
    )
}

/// The first code of ours in what `host install` said.
fn own_code(detail: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    detail
        .split(|c: char| !word(c))
        .find(|part| part.starts_with("SRE-") && part.len() > 8 && !part.ends_with('-'))
        .map(str::to_owned)
}

/// A first boot of which nothing, or nothing new, was heard for too long. `console` is what it shows, or why it
/// cannot be read.
pub fn of_silence(
    place: &Place<'_>,
    phase: Option<Phase>,
    waited: Duration,
    console: Result<String, String>,
) -> Finding {
    let console = match console {
        Ok(console) => console,
        Err(error) => {
            return silent(place, phase, waited, &format!("the console cannot be read: {error}"));
        }
    };
    let lines: Vec<&str> = console.lines().map(str::trim_end).collect();
    let ours = lines.iter().rev().find_map(|line| line.split_once(OURS).map(|(_, text)| text.trim()));
    match ours {
        Some(text) if text.starts_with("failed: ") => {
            let said = text.trim_start_matches("failed: ");
            let (kind, detail) = said.split_once(": ").unwrap_or(("other", said));
            let trouble = serde_json::from_value(kind.into()).unwrap_or(Trouble::Other);
            return of_trouble(place, trouble, detail);
        }
        Some(text) if text.starts_with("installed") || text.starts_with("unreported") => {
            let parameter = names::host_progress(place.deployment);
            let role = names::instance_role(place.deployment);
            return finding(
                "SRE-HOST-078",
                format!("the instance could not say how far it is in parameter {parameter}"),
                &end_of(&lines),
            )
            .hint(format!(
                "check that role {role} may ssm:PutParameter on it, and that the instance reaches ssm.{}; then run \
                 the script again, and resume:\n{}",
                place.region,
                again(place)
            ));
        }
        _ => {}
    }
    let alarming = |line: &&&str| {
        line.contains("cloud-init")
            && ["ERROR", "CRITICAL", "Traceback", "Failed", "failed"].iter().any(|word| line.contains(word))
    };
    let errors: Vec<&str> = lines.iter().filter(alarming).copied().collect();
    if !errors.is_empty() {
        return finding("SRE-HOST-074", "cloud-init failed on the instance".to_owned(), &end_of(&errors)).hint(
            format!(
                "look at it on the instance: sudo cloud-init status --long; then run the script, and resume:\n{}",
                again(place)
            ),
        );
    }
    silent(place, phase, waited, &end_of(&lines))
}

fn silent(place: &Place<'_>, phase: Option<Phase>, waited: Duration, evidence: &str) -> Finding {
    let since = phase
        .map_or_else(|| "nothing at all".to_owned(), |phase| format!("`{}` and no more", phase.as_str()));
    let minutes = waited.as_secs().div_euclid(60);
    finding(
        "SRE-HOST-076",
        format!("the instance said {since} of its first boot within {minutes} minutes"),
        evidence,
    )
    .hint(format!(
        "resume waits on. Check the route to the internet of the subnet, and the instance's log:\n\
         aws ec2 get-console-output --latest --region {} --instance-id {} --output text\n\
         Run the script again where it ended:\n{}",
        place.region,
        place.instance,
        again(place)
    ))
}

/// The last lines, as one text.
fn end_of(lines: &[&str]) -> String {
    let from = lines.len().saturating_sub(MOST_LINES);
    lines.get(from..).unwrap_or_default().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_place<T>(test: impl FnOnce(&Place<'_>) -> T) -> T {
        let region = Region::parse("eu-central-1").unwrap();
        let account = AccountId::parse("123456789012").unwrap();
        let deployment = DeploymentId::parse("sre-agent-prod").unwrap();
        test(&Place { region: &region, account: &account, deployment: &deployment, instance: "i-0123" })
    }

    fn silence(console: Result<&str, &str>) -> Finding {
        with_place(|place| {
            let console = console.map(str::to_owned).map_err(str::to_owned);
            of_silence(place, None, Duration::from_mins(15), console)
        })
    }

    #[test]
    fn every_trouble_has_its_code_and_the_command_that_tries_again() {
        for (trouble, detail, code) in [
            (Trouble::Denied, "SHA256SUMS: HTTP 403", "SRE-HOST-070"),
            (Trouble::Missing, "", "SRE-HOST-071"),
            (Trouble::Checksum, "", "SRE-HOST-072"),
            (Trouble::Network, "", "SRE-HOST-073"),
            (Trouble::Other, "", "SRE-HOST-074"),
            (Trouble::Install, "", "SRE-HOST-075"),
            (Trouble::Credentials, "", "SRE-HOST-077"),
            (Trouble::Program, "", "SRE-HOST-079"),
        ] {
            let finding = with_place(|place| of_trouble(place, trouble, detail));
            assert_eq!(finding.code, code);
            let hint = finding.hint.unwrap();
            assert!(hint.contains("aws ssm start-session --region eu-central-1 --target i-0123"), "{hint}");
        }
    }

    #[test]
    fn the_code_of_a_failed_installation_is_named() {
        let detail = r#"host install ended with 4: {"code": "SRE-HOST-012", "message": "port 443 is taken"}"#;
        let finding = with_place(|place| of_trouble(place, Trouble::Install, detail));
        assert_eq!(finding.message, "the proxy could not be installed on the instance: SRE-HOST-012");
        assert_eq!(own_code("SRE- SRE-X"), None);
    }

    #[test]
    fn a_console_is_read_from_its_end() {
        let said = "[  12.3] cloud-init[812]: sre-agent-deploy: waiting: SHA256SUMS: timed out\n\
                    [ 312.3] cloud-init[812]: sre-agent-deploy: failed: network: SHA256SUMS: timed out\n\
                    [ 312.9] cloud-init[812]: Failed to run module scripts-user\n";
        let finding = silence(Ok(said));
        assert_eq!(
            (finding.code.as_str(), finding.evidence.as_deref()),
            ("SRE-HOST-073", Some("SHA256SUMS: timed out"))
        );
        assert_eq!(silence(Ok("cloud-init[9]: sre-agent-deploy: installed\n")).code, "SRE-HOST-078");
        let broken =
            silence(Ok("cloud-init[812]: 2026 - util.py[WARNING]: Failed loading yaml blob\nlogin:\n"));
        assert_eq!(broken.code, "SRE-HOST-074");
        assert!(broken.evidence.unwrap().contains("Failed loading yaml blob"));
        for quiet in [Ok(""), Ok("login:"), Err("denied")] {
            assert_eq!(silence(quiet).code, "SRE-HOST-076");
        }
    }
}
