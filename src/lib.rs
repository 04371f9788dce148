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
mod guided;
mod io;
mod logging;
mod next;
mod payload;
mod plan_text;
mod price_text;
mod progress;
mod report;
mod report_file;
mod running;
mod security;
mod session;
mod settings;
mod signals;
mod storage;
mod watcher;

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
    let asks_for_json = args::asks_for(&args, "json");
    let asks_for_nagios = args::asks_for(&args, "nagios");
    let parsed = args::parse(args);
    let mut common = parsed.as_ref().map(|(common, _)| common.clone()).unwrap_or_default();
    if parsed.is_err() && asks_for_nagios {
        common.format = args::OutputFormat::Nagios;
    }
    let format = if asks_for_json { args::Format::Json } else { common.format.simple() };
    let mut app = App::new(&program, environment, io, format, &common);
    if let Ok((_, Some(verb))) = &parsed {
        app.is_check = verb.is_check();
    }
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Exit, stdout and stderr of a command line with this environment.
    fn ran(line: &str, variables: &[(&str, &str)]) -> (u8, String, String) {
        let (out, err) = (Kept::default(), Kept::default());
        let io = Io {
            input: Arc::new(Mutex::new(io::empty())),
            out: crate::io::Stream::new(out.clone()),
            err: crate::io::Stream::new(err.clone()),
            input_is_terminal: false,
            out_is_terminal: false,
            err_is_terminal: false,
        };
        let args = line.split_whitespace().map(OsString::from).collect();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let exit = run(args, variables.iter().map(owned).collect(), io);
        (exit.code(), out.text(), err.text())
    }

    #[test]
    fn everything_comes_in_through_arguments() {
        let variables = [("AWS_REGION", "eu-west-1"), ("SRE_AGENT_DEPLOY_HOST_INSTALL", "none")];
        let (code, out, err) = ran("sre-agent-deploy validate --deployment-id sre-here", &variables);
        assert_eq!((code, out.as_str()), (0, "the configuration is valid\n"), "{err}");
        let (code, _, err) = ran("sre-agent-deploy validate --deployment-id sre-here", &[]);
        assert_eq!(code, 2);
        assert!(err.contains("aws.region"), "{err}");
    }

    #[test]
    fn the_commands_that_are_printed_call_the_program_as_the_operator_did() {
        let (code, _, err) = ran("target/debug/sre-agent-deploy explain nothing", &[]);
        assert_eq!(code, 2);
        assert!(err.contains("docs: target/debug/sre-agent-deploy explain SRE-CLI-007"), "{err}");
    }
}
