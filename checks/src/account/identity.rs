//! Who we are, and whether we may do what a deployment needs.

use std::collections::{BTreeMap, BTreeSet};

use model::plan::StepId;
use model::{AccountId, Finding, Severity};
use serde_json::json;

use super::facts::{Decision, DryRun, Identity, Simulated, Told};
use super::unchecked;

const SIMULATION: &str = "what the identity may do";

/// SRE-PERM-001: the credentials are of the account that the configuration and the state file are for.
pub fn identity(
    told: &Told<Identity>,
    configured: Option<&AccountId>,
    recorded: Option<&AccountId>,
) -> Vec<Finding> {
    let code = "SRE-PERM-001";
    let identity = match told {
        Ok(identity) => identity,
        Err(why) => return vec![unchecked(code, "identity", "whose credentials these are", why)],
    };
    let expected = [(configured, "the configuration"), (recorded, "the state file")];
    let findings: Vec<Finding> = expected
        .into_iter()
        .filter_map(|(account, who)| Some((account.filter(|account| **account != identity.account)?, who)))
        .map(|(account, who)| {
            let message =
                format!("the credentials belong to account {}, and {who} is for {account}", identity.account);
            Finding::new(code, Severity::Error, "identity", message)
                .evidence(identity.arn.clone())
                .hint("choose the right credentials: --profile NAME or AWS_PROFILE; see aws sts get-caller-identity")
        })
        .collect();
    if !findings.is_empty() {
        return findings;
    }
    let message = format!("the credentials belong to account {}", identity.account);
    vec![Finding::new(code, Severity::Ok, "identity", message).evidence(identity.arn.clone())]
}

/// SRE-PERM-002: what the policy simulator says of the needed actions. That it cannot be asked is a warning: what it
/// would have said is asked for in another way.
pub fn permissions(
    needed: &BTreeMap<&'static str, BTreeSet<StepId>>,
    told: &Told<Vec<Simulated>>,
) -> Vec<Finding> {
    let code = "SRE-PERM-002";
    let verdicts = match told {
        Ok(verdicts) => verdicts,
        Err(why) => {
            let finding = unchecked(code, "permissions", SIMULATION, why);
            let severity =
                if why.is_denied || why.is_unsupported { Severity::Warning } else { Severity::Unknown };
            return vec![Finding { severity, ..finding }];
        }
    };
    let mut findings = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for (action, steps) in needed {
        let said: Vec<&Simulated> = verdicts.iter().filter(|one| one.action == *action).collect();
        let titles: Vec<&str> = steps.iter().map(|step| step.title()).collect();
        let whom = titles.join(", ");
        if said.is_empty() {
            missing.push(action);
        } else if let Some(no) = said.iter().find(|one| one.decision != Decision::Allowed) {
            let why = match no.decision {
                Decision::ExplicitDeny => "a policy denies it; allowing it elsewhere does not help",
                _ => "no policy allows it",
            };
            let statement = json!({"Effect": "Allow", "Action": action, "Resource": no.resource});
            let hint = match no.decision {
                Decision::ExplicitDeny => {
                    format!(
                        "find the statement that denies {action} (also in permission boundaries and service control policies)"
                    )
                }
                _ => format!("add this statement to the identity's policy:\n{statement}"),
            };
            let message = format!("the identity may not do {action}, which is needed for: {whom}");
            findings.push(Finding::new(code, Severity::Error, *action, message).evidence(why).hint(hint));
        }
    }
    if !missing.is_empty() {
        let message = format!("the simulator said nothing about {}", missing.join(", "));
        findings.push(
            Finding::new(code, Severity::Unknown, "permissions", message).hint("check again in a minute"),
        );
    }
    if findings.is_empty() {
        let message = format!("the policies allow all {} actions that the deployment needs", needed.len());
        let finding = Finding::new(code, Severity::Ok, "permissions", message);
        findings
            .push(finding.evidence("SimulatePrincipalPolicy; conditions on resources were not simulated"));
    }
    findings
}

/// SRE-PERM-003: what EC2 says to the calls that can be tried. It says so of these calls as they were tried, so what
/// it accepts is likely and no more.
pub fn dry_runs(tried: &[DryRun]) -> Vec<Finding> {
    let code = "SRE-PERM-003";
    let mut findings = Vec::new();
    let mut accepted: Vec<&str> = Vec::new();
    for one in tried {
        match &one.accepted {
            Ok(true) => accepted.push(&one.action),
            Ok(false) => {
                let message = format!("EC2 would refuse {}", one.action);
                let statement = json!({"Effect": "Allow", "Action": one.action, "Resource": "*"});
                findings.push(
                    Finding::new(code, Severity::Error, &one.action, message)
                        .hint(format!("add this statement to the identity's policy:\n{statement}")),
                );
            }
            Err(why) => {
                findings.push(unchecked(code, &one.action, &format!("{} with a dry run", one.action), why));
            }
        }
    }
    if tried.is_empty() {
        findings.push(Finding::new(code, Severity::Unknown, "permissions", "there was no call to try"));
    } else if findings.is_empty() {
        let message = format!("EC2 would likely accept {}", accepted.join(", "));
        let finding = Finding::new(code, Severity::Ok, "permissions", message);
        findings
            .push(finding.evidence("DryRun; it does not see what depends on things that do not exist yet"));
    }
    findings
}

/// SRE-PERM-004: what the role of the instance may do with the models. None of it is needed before there is a role.
pub fn instance_role(role: &str, told: &Told<Vec<Simulated>>) -> Vec<Finding> {
    let code = "SRE-PERM-004";
    let verdicts = match told {
        Ok(verdicts) => verdicts,
        Err(why) => {
            let finding = unchecked(code, role, "what the role of the instance may do", why);
            let severity =
                if why.is_denied || why.is_unsupported { Severity::Warning } else { Severity::Unknown };
            return vec![Finding { severity, ..finding }];
        }
    };
    let denied: Vec<&Simulated> = verdicts.iter().filter(|one| one.decision != Decision::Allowed).collect();
    if verdicts.is_empty() {
        return vec![Finding::new(
            code,
            Severity::Unknown,
            role,
            "the simulator said nothing about the models",
        )];
    }
    if denied.is_empty() {
        return vec![Finding::new(code, Severity::Ok, role, "the role of the instance may call the models")];
    }
    denied
        .into_iter()
        .map(|one| {
            let message = format!("the role of the instance may not do {} on {}", one.action, one.resource);
            Finding::new(code, Severity::Error, role, message)
                .hint("deploy again, which writes the role's policy anew: sre-agent-deploy plan, then deploy")
        })
        .collect()
}
