//! What each command does, a file each.

mod check;
mod cleanup;
mod config;
mod deploy;
mod gateway;
mod host;
mod plan;
mod rehearse;
mod resume;
mod rollback;
mod status;
mod validate;
mod verify;
mod wizard;

use crate::app::{App, Ended};
use crate::args::{self, ConfigVerb, Format, OutputFormat, Verb, WizardArgs};
use crate::exit::Exit;
use crate::explain;
use crate::failure::{Failure, codes};

/// Runs a command; without one, shows what there is.
pub(crate) fn run(app: &mut App, verb: Option<Verb>) -> Ended {
    if !app.is_check && !matches!(app.output, OutputFormat::Text | OutputFormat::Json) {
        return Err(Failure::new(
            codes::USAGE,
            "command line",
            "this format is only for `check` and `verify`",
        )
        .hint("everything else is written with --format text or --format json"));
    }
    match verb {
        Some(Verb::Deploy(args)) => deploy::command(app, &args),
        Some(Verb::Validate(args)) => validate::command(app, &args),
        Some(Verb::Resume(args)) => resume::command(app, &args),
        Some(Verb::Cleanup(args)) => cleanup::command(app, &args),
        Some(Verb::Rollback(args)) => rollback::command(app, &args),
        Some(Verb::Plan(args)) => plan::command(app, &args),
        Some(Verb::Status(args)) => status::command(app, &args),
        Some(Verb::Rehearse(args)) => rehearse::command(app, &args),
        Some(Verb::WithParent(args)) => rehearse::with_parent(&args),
        Some(Verb::Check(verb)) => check::command(app, &verb),
        Some(Verb::Verify(args)) => verify::command(app, &args),
        Some(Verb::Host(verb)) => host::command(app, &verb),
        Some(Verb::Gateway(verb)) => gateway::command(app, &verb),
        Some(Verb::Wizard(args)) => wizard::command(app, &args),
        Some(Verb::Explain(args)) => explain(app, &args.code),
        Some(Verb::Config(ConfigVerb::Init(args))) => config::init(app, &args),
        Some(Verb::Config(ConfigVerb::Show(args))) => config::show(app, &args),
        Some(Verb::Config(ConfigVerb::Schema)) => {
            app.result_json(&model::config::schema());
            Ok(Exit::Done)
        }
        Some(Verb::Completions(args)) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut args::command(), "sre-agent-deploy", &mut script);
            app.result(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
        None if app.can_ask() && app.io.out_is_terminal => wizard::command(app, &WizardArgs::default()),
        None => Err(nothing_asked(app)),
    }
}

fn nothing_asked(app: &App) -> Box<Failure> {
    if app.format == Format::Text {
        app.say(args::command().render_help().to_string().trim_end());
        app.say("");
    }
    Failure::new(
        codes::USAGE,
        "command line",
        "nothing was asked for, and the wizard needs a terminal to ask",
    )
    .hint(format!("to see how it works, without an AWS account: {} rehearse", app.program))
}

fn explain(app: &App, code: &str) -> Ended {
    if let Some(page) = explain::page(code) {
        app.result(page);
        return Ok(Exit::Done);
    }
    let failure = Failure::new(codes::UNKNOWN_CODE, "code", format!("there is no page on `{code}`"));
    if let Some(nearest) = explain::nearest(code) {
        return Err(failure.hint(format!("did you mean {nearest}?")));
    }
    let mut areas: Vec<&str> = explain::codes().filter_map(|code| Some(code.rsplit_once('-')?.0)).collect();
    areas.dedup();
    Err(failure.hint(format!("codes look like SRE-AWS-001; there are pages on {}", areas.join(", "))))
}
