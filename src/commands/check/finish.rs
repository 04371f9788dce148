//! From results to an output and an exit.

use std::collections::BTreeSet;

use checks::report::Selection;
use checks::{CheckReport, CheckResult, Status, catalogue};
use jiff::Timestamp;
use provision::clock::Clock as _;

use crate::app::{App, Ended};
use crate::args::{FailOn, JudgeArgs};
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// Which findings count, by the flags; codes that do not exist are refused.
pub(crate) fn selection(args: &JudgeArgs) -> Result<Selection, Box<Failure>> {
    let parsed = |flags: &[String]| -> Result<BTreeSet<String>, Box<Failure>> {
        let all = flags.iter().flat_map(|flag| flag.split(',')).map(|code| code.trim().to_ascii_uppercase());
        all.map(|code| match catalogue::find(&code) {
            Some(_) => Ok(code),
            None => Err(Failure::new(codes::UNKNOWN_CODE, "code", format!("there is no check `{code}`"))),
        })
        .collect()
    };
    Ok(Selection { only: parsed(&args.only)?, ignore: parsed(&args.ignore)? })
}

/// Writes the results in the format that was asked for, and says how it ended.
pub(crate) fn finish(
    app: &App,
    args: &JudgeArgs,
    judged_as_of: Option<Timestamp>,
    results: Vec<CheckResult>,
) -> Ended {
    let selection = selection(args)?;
    let report = CheckReport::new(SystemClock.now(), judged_as_of, results, &selection);
    app.result_json(&serde_json::json!(report));
    Ok(match (report.overall, args.fail_on) {
        (Status::Critical | Status::Unknown, _) => Exit::Checks,
        (Status::Warning, FailOn::Warn) => Exit::Warnings,
        (Status::Warning, FailOn::Fail) | (Status::Ok, _) => Exit::Done,
    })
}
