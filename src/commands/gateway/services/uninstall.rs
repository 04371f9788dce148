//! `gateway uninstall`: takes the services away, and puts back what was there before. The sample's files stay.

use std::time::Duration;

use model::security::Kind;
use provision::host::Product;
use serde_json::json;
use systemd::units::agent::TARGET;

use crate::app::{App, Ended};
use crate::args::{GatewayUninstallArgs, StateArgs};
use crate::commands::host::machine::{Machine, again, errors, is_json, tell};
use crate::commands::host::{approve, preflight};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::{security, session};

/// `gateway uninstall`
pub(in super::super) fn command(app: &App, args: &GatewayUninstallArgs) -> Ended {
    let machine = Machine::with(app, Product::Agent);
    if preflight::uid() != 0 {
        return Err(Failure::new(codes::NOT_ROOT, "user", "only root can remove a service")
            .hint(format!("run it with sudo: sudo {} gateway uninstall", app.program)));
    }
    let state = machine.peek()?;
    if !machine.is_installed(state.as_ref())? {
        machine.forget();
        app.result("nothing to remove: the SRE agent's services are not installed here");
        return Ok(Exit::Done);
    }
    session::run(app, &StateArgs::default(), async |session| {
        let question = "The backends and the timer of the token are removed; the sample's files stay. Go on?";
        approve(session, args.yes, question).await?;
        session.goes_on_with(again(app, &["gateway".to_owned(), "uninstall".to_owned()]));
        let removal = machine
            .work(session, Duration::ZERO, None, async |engine, journal| engine.remove(journal, false))
            .await?;
        tell(app, &removal.findings);
        if removal.is_incomplete {
            return Err(Failure::of_findings(errors(&removal.findings)));
        }
        session.is_over();
        security::host(app, Kind::SysUninstall, TARGET, removal.removed.len());
        if is_json(app) {
            app.result_json(&json!({
                "schema_version": 1,
                "removed": removal.removed,
                "findings": removal.findings,
            }));
        } else {
            app.result("removed: the SRE agent's services; its files stay as they are");
        }
        Ok(Exit::Done)
    })
}
