//! `sre-agent-deploy`: hands arguments, environment and standard streams to the library, and its exit code back.

use std::process::ExitCode;

use sre_agent_deploy::{Io, run};

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    run(std::env::args_os().collect(), environment, Io::standard()).into()
}
