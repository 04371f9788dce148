//! The program `bedrock-nova-proxy`: hands over what the process was given.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, stderr, stdout},
    process::ExitCode,
};

use proxy::{
    program::{World, run},
    serve::inherited_sockets,
};

fn main() -> ExitCode {
    // Before any thread is started: this clears variables.
    let sockets = inherited_sockets();
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let world = World {
        environment,
        sockets,
        process_id: std::process::id(),
        is_terminal: stderr().is_terminal(),
        stdout: &mut stdout(),
        stderr: &mut stderr(),
    };
    ExitCode::from(run(std::env::args_os(), world) as u8)
}
