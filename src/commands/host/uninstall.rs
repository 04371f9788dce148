//! `host uninstall`: takes everything away that was installed, and puts back what was there before.

use std::time::Duration;

use model::security::Kind;
use serde_json::json;

use super::carry_out::approve;
use super::machine::{Machine, again, is_json, tell};
use super::preflight::uid;
use crate::app::{App, Ended};
use crate::args::{HostUninstallArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::security;
use crate::session;

/// `host uninstall`
pub(crate) fn command(app: &App, args: &HostUninstallArgs) -> Ended {
    let machine = Machine::new(app);
    if uid() != 0 {
        return Err(Failure::new(codes::NOT_ROOT, "user", "only root can remove a service")
            .hint(format!("run it with sudo: sudo {} host uninstall", app.program)));
    }
    let state = machine.peek()?;
    if !machine.is_installed(state.as_ref())? {
        machine.forget();
        app.result("nothing to remove: nothing is installed here");
        return Ok(Exit::Done);
    }
    session::run(app, &StateArgs::default(), async |session| {
        let question = if args.keep_data {
            "The service is removed; certificates, keys, ledger and backups stay. Go on?"
        } else {
            "The service is removed with its certificates, keys, ledger and backups. Go on?"
        };
        approve(session, args.yes, question).await?;
        let mut words = vec!["host".to_owned(), "uninstall".to_owned()];
        words.extend(args.keep_data.then(|| "--keep-data".to_owned()));
        session.goes_on_with(again(app, &words));
        let removal = machine
            .work(session, Duration::ZERO, None, async |engine, journal| {
                engine.remove(journal, args.keep_data)
            })
            .await?;
        tell(app, &removal.findings);
        if removal.is_incomplete {
            return Err(Failure::of_findings(super::machine::errors(&removal.findings)));
        }
        session.is_over();
        security::host(app, Kind::SysUninstall, "bedrock-nova-proxy", removal.removed.len());
        if is_json(app) {
            app.result_json(&json!({
                "schema_version": 1,
                "removed": removal.removed,
                "kept": removal.kept,
                "findings": removal.findings,
            }));
        } else if removal.kept.is_empty() {
            app.result("removed: everything that was installed");
        } else {
            app.result("removed: everything but data");
            app.result("kept: certificates and keys, ledger, backups, and the user that owns them");
            app.result(&format!("remove them too: {} host uninstall", app.program));
        }
        Ok(Exit::Done)
    })
}
