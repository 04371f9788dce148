//! The `.env` files: do all who read them get the same?

use model::Severity;
use model::document::is_secret;

use super::Findings;
use crate::formats::EnvFile;
use crate::layout::{AGENT_ENV_FROM_DEPLOYMENT, File};
use crate::merge::Link;

pub(super) fn judge(findings: &mut Findings) {
    for file in [File::GatewayEnv, File::BackendEnv, File::AgentEnv, File::DeploymentEnv] {
        readers(findings, file);
    }
    let env = EnvFile::parse(findings.facts.present.text(File::AgentEnv).unwrap_or_default());
    if env.get("ANTHROPIC_API_KEY").is_some_and(|value| value.as_deref() == Ok("")) {
        findings.add(
            "SRE-AGENT-012",
            Severity::Warning,
            File::AgentEnv,
            "ANTHROPIC_API_KEY is set to nothing, which hides the one of the environment",
            "make the line a comment, or give it a value",
        );
    }
    link(findings);
}

fn readers(findings: &mut Findings, file: File) {
    let Some(text) = findings.facts.present.text(file) else { return };
    let env = EnvFile::parse(text);
    let hint = "write NAME=value without quotes, blanks and $; or replace it with the value that is meant";
    let is_for_docker = matches!(file, File::AgentEnv | File::DeploymentEnv);
    for name in env.names() {
        let message = match env.get(&name) {
            Some(Err(_)) => format!("{name} is not a plain value: a shell would compute or run something"),
            Some(Ok(value)) if is_for_docker && env.as_docker(&name) != Some(value.as_str()) => {
                let what = if is_secret(&name) { "the secret" } else { "the value" };
                format!("{name} is written with quotes or a comment, which docker takes for a part of {what}")
            }
            _ => continue,
        };
        findings.add("SRE-AGENT-011", Severity::Warning, file, message, hint);
    }
    if env.is_windows() {
        let message = "lines end as on Windows, and a shell keeps the carriage return in every value";
        findings.add("SRE-AGENT-011", Severity::Error, file, message, format!("sed -i 's/\\r$//' {file}"));
    }
}

fn link(findings: &mut Findings) {
    let hint = format!("ln -s {AGENT_ENV_FROM_DEPLOYMENT} deployment/.env");
    let message = match &findings.facts.present.deployment_env {
        Link::NoFolder => return,
        Link::To(target) if target == AGENT_ENV_FROM_DEPLOYMENT => return,
        Link::Missing => {
            "there is none; build_and_deploy.sh notices only after it has built the image".to_owned()
        }
        Link::To(target) => format!("it is a link to `{target}`, and not to the agent's environment"),
        Link::File => "it is a file of its own, so a new token does not get into it".to_owned(),
    };
    findings.add("SRE-AGENT-010", Severity::Warning, File::DeploymentEnv, message, hint);
}
