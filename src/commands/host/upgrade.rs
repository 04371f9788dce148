//! `host upgrade`: new programs under the settings that are installed. Clients wait at the socket meanwhile.

use provision::host::RunKind;
use serde_json::json;

use super::carry_out::Done;
use super::install::{Job, run};
use super::machine::{Machine, again, is_json};
use super::preflight::uid;
use super::source;
use crate::app::{App, Ended};
use crate::args::{HostUpgradeArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// `host upgrade`
pub(crate) fn command(app: &App, args: &HostUpgradeArgs) -> Ended {
    let machine = Machine::new(app);
    if uid() != 0 {
        return Err(Failure::new(codes::NOT_ROOT, "user", "only root can exchange a service")
            .hint(format!("run it with sudo: sudo {} host upgrade", app.program)));
    }
    let state = machine.peek()?;
    if !machine.is_installed(state.as_ref())? {
        return Err(Failure::new(codes::NOT_INSTALLED, "host", "nothing is installed here")
            .hint(format!("install it: {} host install --config FILE", app.program)));
    }
    let source = source::of_upgrade(args.bundle.as_ref(), args.proxy_program.as_ref(), &machine.layout)?;
    let mut command = vec!["host".to_owned(), "upgrade".to_owned()];
    for (flag, path) in [("--bundle", &args.bundle), ("--proxy-program", &args.proxy_program)] {
        command.extend(path.iter().flat_map(|path| [flag.to_owned(), path.display().to_string()]));
    }
    let job = Job {
        kind: RunKind::Upgrade,
        source: &source,
        is_dry: false,
        is_approved: args.yes,
        state_args: &StateArgs::default(),
        next: again(app, &command),
    };
    let Done::Installed(outcome) = run(app, &machine, &job)? else { return Ok(Exit::Done) };
    if is_json(app) {
        app.result_json(&json!({
            "schema_version": 1,
            "changed": outcome.changed,
            "service": outcome.seen,
            "findings": outcome.findings,
        }));
    } else if outcome.changed.is_empty() {
        app.result(&format!("nothing to change: {}", outcome.seen));
    } else {
        app.result(&format!("upgraded: {}", outcome.seen));
    }
    Ok(Exit::Done)
}
