//! From results to an output and an exit.

use std::collections::BTreeSet;

use checks::cert::judge::Policy;
use checks::output::{self, Style};
use checks::report::Selection;
use checks::{CheckReport, CheckResult, Status, catalogue};
use jiff::Timestamp;
use provision::clock::Clock as _;

use crate::app::{App, Ended};
use crate::args::{FailOn, JudgeArgs, OutputFormat};
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::{explain, report_file};

/// Which findings count, by the flags; codes that do not exist are refused.
pub(crate) fn selection(args: &JudgeArgs) -> Result<Selection, Box<Failure>> {
    selection_among(args, &|| Box::new(catalogue::all().map(|entry| entry.code)))
}

/// All codes that there are of some kind.
pub(crate) type Codes<'a> = &'a dyn Fn() -> Box<dyn Iterator<Item = &'static str>>;

/// The same where these are all codes.
pub(crate) fn selection_among(args: &JudgeArgs, known: Codes<'_>) -> Result<Selection, Box<Failure>> {
    let parsed = |flags: &[String]| -> Result<BTreeSet<String>, Box<Failure>> {
        let all = flags.iter().flat_map(|flag| flag.split(',')).map(|code| code.trim().to_ascii_uppercase());
        all.map(|code| {
            if known().any(|known| known == code) {
                return Ok(code);
            }
            let failure = Failure::new(codes::UNKNOWN_CODE, "code", format!("there is no check `{code}`"));
            Err(match explain::nearest_of(&code, known()) {
                Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
                None => failure,
            })
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
    finish_with(app, args, SystemClock.now(), judged_as_of, results, None)
}

/// The same for results that were collected at a known moment, and judged by a policy.
pub(crate) fn finish_with(
    app: &App,
    args: &JudgeArgs,
    checked_at: Timestamp,
    judged_as_of: Option<Timestamp>,
    results: Vec<CheckResult>,
    policy: Option<Policy>,
) -> Ended {
    let selection = selection(args)?;
    put(app, args, &CheckReport::new(checked_at, judged_as_of, results, &selection), policy)
}

/// Writes a report in the format that was asked for, and says how it ended.
pub(crate) fn put(app: &App, args: &JudgeArgs, report: &CheckReport, policy: Option<Policy>) -> Ended {
    let style = style(app, args, policy);
    let text = form(app, report, &style);
    match &args.output {
        Some(path) => {
            let is_public = matches!(app.output, OutputFormat::Prometheus | OutputFormat::Html);
            report_file::result(path, &text, is_public)
                .map_err(|error| Failure::of_file("write the result", path, &error))?;
        }
        // A quiet run has nothing to say where all is well.
        None if text.is_empty() => {}
        // A verdict that nobody gets is none.
        None => app.io.out.try_write(&text).map_err(|error| {
            Failure::of_file("write the result to", std::path::Path::new("standard output"), &error)
        })?,
    }
    if app.output == OutputFormat::Nagios {
        return Ok(Exit::Plugin(report.overall));
    }
    Ok(exit(report.overall, args.fail_on))
}

/// The exit that a verdict stands for.
pub(crate) fn exit(overall: Status, fail_on: FailOn) -> Exit {
    match (overall, fail_on) {
        (Status::Critical | Status::Unknown, _) => Exit::Checks,
        (Status::Warning, FailOn::Warn) => Exit::Warnings,
        (Status::Warning, FailOn::Fail) | (Status::Ok, _) => Exit::Done,
    }
}

/// The results as one page, for the file beside a report.
pub(crate) fn page(app: &App, args: &JudgeArgs, report: &CheckReport) -> String {
    output::html(report, &style(app, args, None))
}

fn style(app: &App, args: &JudgeArgs, policy: Option<Policy>) -> Style {
    /// What is not looked at on a terminal has no edge; lines are still read by people.
    const ELSEWHERE: usize = 100;
    /// Columns of most terminals.
    const USUAL: usize = 80;
    /// With fewer, every word would have its line.
    const NARROWEST: usize = 40;
    let is_looked_at = app.io.out_is_terminal && args.output.is_none();
    let width = match is_looked_at.then(|| app.render_style(true).width) {
        None => ELSEWHERE,
        // A terminal that does not know how wide it is.
        Some(0) => USUAL,
        Some(width) => width.max(NARROWEST),
    };
    // No file of the machine is worth failing for.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    Style {
        program: app.program.clone(),
        by: format!("sre-agent-deploy {}{host}", env!("CARGO_PKG_VERSION")),
        colour: app.out_colour() && is_looked_at,
        width,
        verbose: app.verbose > 0,
        fail_on_warning: args.fail_on == FailOn::Warn,
        policy,
    }
}

fn form(app: &App, report: &CheckReport, style: &Style) -> String {
    match app.output {
        OutputFormat::Text if app.quiet => match output::line(report, style) {
            line if line.is_empty() => line,
            line => line + "\n",
        },
        OutputFormat::Text => output::text(report, style),
        OutputFormat::Json => output::json(report),
        OutputFormat::Nagios => output::nagios(report, style),
        OutputFormat::Prometheus => output::prometheus(report),
        OutputFormat::Junit => output::junit(report, style),
        OutputFormat::Markdown => output::markdown(report, style),
        OutputFormat::Html => output::html(report, style),
    }
}
