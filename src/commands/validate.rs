//! `validate`: everything that is wrong with a configuration, without network, account or credentials.

use model::config::{Config, Mode, ValidationResult};
use model::{Finding, Severity};
use provision::engine::Engine;
use provision::survey::Adoptions;
use serde_json::json;

use crate::app::{App, Ended};
use crate::args::{Format, StateArgs, ValidateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, findings_of_run};
use crate::plan_text::finding_text;
use crate::session::{self, Session};
use crate::{compose, settings, storage};

/// `validate`
pub(crate) fn command(app: &App, args: &ValidateArgs) -> Ended {
    let source = settings::read(app, &args.config, None, None)?;
    if app.format == Format::Text {
        app.io.err.write(&source.text(app, app.io.err_is_terminal));
    }
    let mut result = source.loaded.result();
    let mut exit = if result.is_valid { Exit::Done } else { Exit::Usage };
    if let Some(config) = source.loaded.config.as_ref().filter(|_| args.online) {
        // Kept outside of the run, which ends with an exit and no more.
        let mut findings = Vec::new();
        session::run(app, &StateArgs::default(), async |session| {
            findings = online(session, config).await?;
            Ok(Exit::Done)
        })?;
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            let errors: Vec<Finding> =
                findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
            exit = Exit::of_findings(&errors);
        }
        for finding in &findings {
            add(&mut result, finding);
            if app.format == Format::Text {
                app.io.err.write(&format!("{}\n", finding_text(finding)));
            }
        }
    }
    match app.format {
        Format::Json => app.result_json(&json!(result)),
        Format::Text => {
            let verdict = if result.is_valid { "valid" } else { "not valid" };
            let where_looked =
                if args.online && source.loaded.config.is_some() { ", account included" } else { "" };
            app.result(&format!("the configuration is {verdict}{where_looked}"));
        }
    }
    Ok(exit)
}

/// What the account says about the configuration. Changes nothing.
async fn online(session: &Session<'_>, config: &Config) -> Result<Vec<Finding>, Box<Failure>> {
    let state_file = storage::state_file(session.app, None, config.mode == Mode::Rehearsal);
    let (region, profile) = (&config.aws.region, config.aws.profile.as_deref());
    let wanted = config.aws.account_id.as_ref();
    let place = compose::account(session.app, config.mode, &state_file, Some(region), wanted, profile, false)
        .for_gateway_of(config);
    let cloud = compose::reach(session, &place).await?;
    let identity = session.identity(&cloud, profile).await?;
    if let Err(error) = Engine::check_account(&identity, region, wanted, None) {
        return Ok(findings_of_run(&error));
    }
    Ok(match session.prepare(&cloud, config, &identity.account, None, &Adoptions::new()).await {
        Ok(prepared) => prepared.plan.findings,
        Err(failure) => failure.findings,
    })
}

fn add(result: &mut ValidationResult, finding: &Finding) {
    let line = format!("{}: {}: {}", finding.code, finding.subject, finding.message);
    match finding.severity {
        Severity::Error | Severity::Unknown => {
            result.is_valid = false;
            result.errors.push(line);
        }
        Severity::Warning => result.warnings.push(line),
        Severity::Ok | Severity::Info | Severity::Skipped => return,
    }
    result.suggestions.extend(finding.hint.iter().map(|hint| format!("{}: {hint}", finding.subject)));
}
