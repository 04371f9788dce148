//! `gateway token`: fetches a token and puts it where the SRE agent looks for it, in its files and in its runtime. Made
//! for a timer.

use agent::merge::merge_token;
use checks::endpoint::Token;
use provision::clock::Clock as _;
use serde_json::json;

use super::files::{read, unwritable, write};
use super::{runtime, sample_at};
use crate::app::{App, Ended};
use crate::args::{Format, GatewayTokenArgs};
use crate::commands::check;
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::storage;

/// `gateway token`
pub(super) fn command(app: &App, args: &GatewayTokenArgs) -> Ended {
    let dir = sample_at(&args.dir)?;
    let target = check::target(app, &args.config, &args.state)?;
    if target.state.is_none() {
        storage::peek_existing(app, &target.state_file)?;
    }
    let manner = check::manner(target.ca_file(args.ca_file.as_deref()))?;
    let known = check::cognito(app, &args.config, &args.state, &target, &manner)?;
    let why = match &known {
        check::Known::Nothing(finding) => Some(finding.message.clone()),
        check::Known::Asked(_) => None,
    };
    let token = match check::token(known) {
        Token::Given(token) => token,
        Token::Missing { because, hint } => {
            return Err(Failure::new(codes::NO_GATEWAY_TOKEN, "token", why.unwrap_or(because)).hint(hint));
        }
    };
    let end = checks::cognito::token_end(&token).map_err(|why| {
        Failure::new(codes::NO_GATEWAY_TOKEN, "token", format!("what came is no token: {why}"))
    })?;
    let there = read(&dir)?;
    let now = SystemClock.now();
    let merged = merge_token(&there, &token, now).map_err(|faults| unwritable(&faults))?;
    let written = write(&dir, &merged)?;
    let files: Vec<&str> = written.iter().map(|one| one.file.path()).collect();
    let runtime = runtime::of(target.state.as_ref());
    let given = runtime.as_deref().map(|id| runtime::give(app, args, &target, id, &token)).transpose();
    // What does not have it is said by the failure.
    let runtime = runtime.filter(|_| given.is_ok());
    match app.format {
        Format::Text => {
            let places: Vec<String> = files
                .iter()
                .map(|file| (*file).to_owned())
                .chain(runtime.as_ref().map(|id| format!("runtime {id}")))
                .collect();
            app.result(&format!("a token that ends at {end} is in {}", places.join(" and ")));
        }
        Format::Json => app.result_json(&json!({"schema_version": 1, "directory": dir, "files": files,
            "runtime": runtime, "ends": end.to_string()})),
    }
    given?;
    Ok(Exit::Done)
}
