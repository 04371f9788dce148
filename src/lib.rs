//! The command line of `sre-agent-deploy`: what the operator typed in, what happens, an exit code out.
//!
//! [`run`] takes everything from outside (arguments, environment, streams), so that it can be called in-process. The
//! one file that chooses between the real and the practice account, and that reads the clock, is `compose.rs`; each
//! command has a file in `commands/`. What is done to an account is `provision`'s.

mod app;
mod approve;
mod args;
mod commands;
mod compose;
mod exit;
mod explain;
mod failure;
mod io;
mod logging;
mod next;
mod plan_text;
mod progress;
mod report;
mod report_file;
mod session;
mod settings;
mod signals;
mod storage;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use exit::Exit;
pub use io::Io;

use app::App;
use failure::{Failure, codes};

/// Does what the arguments say. The first argument is the program's own name.
pub fn run(args: Vec<OsString>, environment: BTreeMap<String, String>, io: Io) -> Exit {
    let program =
        args.first().map_or_else(|| "sre-agent-deploy".to_owned(), |name| name.to_string_lossy().into());
    let asks_for_json = args::asks_for_json(&args);
    let parsed = args::parse(args);
    let common = parsed.as_ref().map(|(common, _)| common.clone()).unwrap_or_default();
    let format = if asks_for_json { args::Format::Json } else { common.format };
    let mut app = App::new(&program, environment, io, format, &common);
    let command = match parsed {
        Ok((_, command)) => command,
        Err(error) => return app.usage(&error),
    };
    logging::start(&app, &common);
    // A panic is a bug, and a bug has its own exit code; the hook of the standard library has said where it was.
    let ended = catch_unwind(AssertUnwindSafe(|| commands::run(&mut app, command)));
    match ended {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => app.fail(&failure),
        Err(_) => app.fail(
            &Failure::new(codes::BUG, "sre-agent-deploy", "the program stopped because of a mistake in it")
                .hint(
                    "what was done is in the state file: run the same command again, and please report this",
                ),
        ),
    }
}
