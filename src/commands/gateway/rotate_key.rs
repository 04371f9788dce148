//! `gateway rotate-key`: has the credential provider give another key, and says what has to know of it.

use std::path::Path;

use agent::merge::merge_key;
use model::Secret;
use model::config::Config;
use provision::engine::Engine;
use provision::error::RunError;
use provision::journal::State;
use serde_json::json;
use systemd::Layout;
use systemd::units::agent::TARGET;

use super::files::{read, unwritable, write};
use super::{configured, sample_at};
use crate::app::{App, Ended};
use crate::args::{ApprovalArgs, GatewayRotateKeyArgs};
use crate::commands::check;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::{approve, compose, next, security, storage};

/// `gateway rotate-key`
pub(super) fn command(app: &App, args: &GatewayRotateKeyArgs) -> Ended {
    let dir = args.dir.as_deref().map(sample_at).transpose()?;
    let target = check::target(app, &args.config, &args.state)?;
    let (_, config) = configured(app, &target)?;
    let approval = ApprovalArgs { yes: args.yes, ..ApprovalArgs::default() };
    if let Some(gap) = approve::missing_approval(app, &approval) {
        return Err(approve::refuse(&[gap]));
    }
    session::run(app, &args.state, async |session| {
        rotate(session, args, dir.as_deref(), &target.state_file, config).await
    })
}

async fn rotate(
    session: &Session<'_>,
    args: &GatewayRotateKeyArgs,
    dir: Option<&Path>,
    state_file: &Path,
    config: &Config,
) -> Ended {
    let app = session.app;
    // What cannot be written is found out while the old key is still good.
    if let Some(dir) = dir {
        let never = Secret::new("0".repeat(64));
        merge_key(&read(dir)?, &never, session.now()).map_err(|faults| unwritable(&faults))?;
    }
    let journal = storage::hold(session, state_file, session.lock_timeout).await?.journal;
    let journal = journal.map_err(|_| storage::no_deployment(app, state_file))?;
    let state: State = journal.state().clone();
    let profile = args.config.profile.as_deref().or(config.aws.profile.as_deref());
    let (region, wanted) = (&state.header.region, config.aws.account_id.as_ref());
    let place = compose::account(app, config.mode, state_file, Some(region), wanted, profile, false)
        .for_gateway_of(config);
    let cloud = compose::reach(session, &place).await?;
    let refused = |error: RunError| Failure::of_run(&error);
    let identity = session.identity(&cloud, profile).await?;
    Engine::check_account(&identity, region, wanted, Some(&state)).map_err(refused)?;
    let engine = session.engine(&cloud);
    let name = session.look(async { engine.rotatable(&state).await.map_err(refused) }).await?;
    if !args.yes {
        let question = format!(
            "The credential provider {name} gets another key. The gateway uses it at once; the backends refuse every call until \
             they are restarted. Go on?"
        );
        approve::agree(session, &question).await?;
    }
    let key = engine.rotate_key(&name, journal).await.map_err(refused)?;
    security::applied(app, &state, true);
    let files = match dir {
        Some(dir) => written(session, dir, state_file, &key)?,
        None => Vec::new(),
    };
    drop(key);
    let are_services = are_services(&Layout::default().units());
    let restart = are_services.then(|| format!("systemctl restart {TARGET}"));
    session.result(&text(&name, &files, are_services));
    session.result_json(&json!({"schema_version": 1, "provider": name, "files": files, "restart": restart}));
    Ok(Exit::Done)
}

/// Puts the key where the sample's scripts look for it; the files that were written.
fn written(
    session: &Session<'_>,
    dir: &Path,
    state_file: &Path,
    key: &Secret<String>,
) -> Result<Vec<&'static str>, Box<Failure>> {
    let late = |failure: Box<Failure>| {
        failure.hint(format!(
            "the provider has another key already; write it with: {} gateway files --dir {} --state-file {} --on-conflict replace",
            session.app.program,
            next::path(dir),
            next::path(state_file),
        ))
    };
    let there = read(dir).map_err(late)?;
    let merged = merge_key(&there, key, session.now()).map_err(|faults| late(unwritable(&faults)))?;
    let written = write(dir, &merged).map_err(late)?;
    Ok(written.iter().map(|one| one.file.path()).collect())
}

/// Whether the backends were installed as services on this machine.
fn are_services(units: &Path) -> bool {
    units.join(TARGET).exists()
}

fn text(name: &str, files: &[&str], are_services: bool) -> String {
    let mut lines =
        vec![format!("the credential provider {name} has another key, which the gateway uses at once")];
    lines.extend(files.iter().map(|file| format!("wrote {file}")));
    let how =
        if are_services { "" } else { "on the instance, as you started them, or where they are services: " };
    lines.push(format!(
        "next: restart the backends, which read their key when they start: {how}systemctl restart {TARGET}"
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_restarted_together() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!are_services(folder.path()));
        std::fs::write(folder.path().join(TARGET), "").unwrap();
        assert!(are_services(folder.path()));
        let said = text("p", &["gateway/.env"], true);
        assert!(
            said.contains("wrote gateway/.env")
                && said.ends_with("start: systemctl restart sre-agent-backends.target")
        );
    }
}
