//! `sre-agent-deploy`: hands arguments, environment and standard streams to the library, and its exit code back.

use std::process::ExitCode;

use sre_agent_deploy::{Io, run};

fn main() -> ExitCode {
    // The one place where the environment is read. What is not UTF-8 is none of our settings.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    run(std::env::args_os().collect(), environment, Io::standard()).into()
}
