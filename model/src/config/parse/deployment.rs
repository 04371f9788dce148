//! `version`, `mode`, `deployment:` and `aws:`.

use serde_json::json;

use crate::{
    AccountId, DeploymentId, Region,
    config::{
        Aws, Deployment, Environment, Mode, codes, defaults,
        fields::{Fields, Flaw},
        problem::Problem,
    },
};

/// The format's version; anything but the current one is an error.
pub(super) fn version(fields: &mut Fields) -> Option<()> {
    let path = "version";
    if !fields.has_file && !fields.is_given(path) {
        // Flags and variables have no format that could change.
        fields.record(path, json!(defaults::VERSION));
        return Some(());
    }
    let number = fields.number(path)?;
    let place = fields.place(path);
    if number > defaults::VERSION {
        fields.report(
            Problem::error(
                codes::NEWER_VERSION,
                &place,
                format!(
                    "version {number} is newer than this build, which reads version {}",
                    defaults::VERSION
                ),
            )
            .suggestion("install a newer sre-agent-deploy, or write the file in version 1"),
        );
        return None;
    }
    if number != defaults::VERSION {
        let message = format!("there is no version {number}");
        fields.report(Problem::error(codes::OUT_OF_RANGE, &place, message).example("version: 1"));
        return None;
    }
    Some(())
}

const ENVIRONMENTS: &[(&str, Environment)] =
    &[("dev", Environment::Dev), ("staging", Environment::Staging), ("prod", Environment::Prod)];

pub(super) fn deployment(fields: &mut Fields) -> Option<Deployment> {
    let id = fields.text("deployment.id", |text| {
        let flaw = |error| {
            let flaw = Flaw::from(error);
            match repaired_id(text) {
                Some(id) => flaw.suggestion(format!("`{id}` would do")),
                None => flaw,
            }
        };
        DeploymentId::parse(text).map_err(flaw)
    });
    let environment = fields.choice("deployment.environment", ENVIRONMENTS);
    // An environment that nobody understands is judged as the strictest one.
    fields.mode = match environment {
        Some(Environment::Dev | Environment::Staging) => Mode::Staging,
        Some(Environment::Prod) | None => Mode::Production,
    };
    Some(Deployment { id: id?, environment: environment? })
}

/// The nearest id to a text, for a suggestion.
fn repaired_id(text: &str) -> Option<DeploymentId> {
    let lower: String = text
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let begun = lower.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let short: String = begun.chars().take(32).collect();
    DeploymentId::parse(short.trim_end_matches('-')).ok()
}

const MODES: &[(&str, Mode)] =
    &[("production", Mode::Production), ("staging", Mode::Staging), ("rehearsal", Mode::Rehearsal)];

/// The mode that was asked for, else the one that follows from the environment.
pub(super) fn mode(fields: &mut Fields) -> Option<Mode> {
    if fields.is_given("mode") {
        let mode = fields.choice("mode", MODES)?;
        fields.mode = mode;
        return Some(mode);
    }
    let mode = fields.mode;
    fields.record("mode", json!(mode));
    Some(mode)
}

pub(super) fn aws(fields: &mut Fields) -> Option<Aws> {
    let region = fields.text("aws.region", |text| Region::parse(text).map_err(Flaw::from));
    let account_id = fields.optional("aws.account_id", |text| {
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).take(64).collect();
        AccountId::parse(text).map_err(|error| match AccountId::parse(&digits) {
            Ok(id) => Flaw::from(error).suggestion(format!("write \"{id}\"")),
            Err(_) => Flaw::from(error),
        })
    });
    if account_id == Some(None) {
        let place = fields.place("aws.account_id");
        fields.judge(|_| {
            Problem::warning(
                codes::NO_ACCOUNT,
                &place,
                "no account is pinned, so credentials of any account are used",
            )
            .suggestion("write the account that `aws sts get-caller-identity` shows, in quotes")
            .example("account_id: \"123456789012\"")
        });
    }
    let profile = fields.optional("aws.profile", |text| {
        if text.chars().any(char::is_control) || text.trim() != text {
            Err(Flaw::new(codes::INVALID_IDENTIFIER, "must be the name of a profile")
                .example("sre-production"))
        } else {
            Ok(text.to_owned())
        }
    });
    Some(Aws { region: region?, account_id: account_id?, profile: profile? })
}
