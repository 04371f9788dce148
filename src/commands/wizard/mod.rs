//! `wizard`, and no arguments on a terminal: asks, shows, carries out, verifies.
//!
//! The crate `wizard` asks and draws; here is what it stands on: the draft on disk, the account, the commands.

mod around;
mod ask;
mod discover;
mod hands;
mod kept;
mod lines;
mod policy;
mod record;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::mpsc;

use model::config::SourceText;
use provision::clock::Clock as _;
use wizard::discovery::Discovery;
use wizard::draft::Draft;
use wizard::exchange::{Effect, Input, Leave};
use wizard::form;
use wizard::tui::{self, Colour, Options};
use wizard::walk::State;

use self::around::Around;
use self::kept::Kept;
use crate::app::{App, Ended, Manner};
use crate::args::WizardArgs;
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::signals::Ears;
use crate::{settings, storage};

/// `wizard`
pub(crate) fn command(app: &App, args: &WizardArgs) -> Ended {
    if !(app.can_ask() && app.io.out_is_terminal) {
        return Err(Failure::new(codes::TERMINAL, "terminal", "the wizard needs a terminal to ask").hint(format!(
            "write the answers into a file instead: {0} config init --output config.yaml; then {0} --config config.yaml",
            app.program
        )));
    }
    let kept = Kept::beside(&storage::state_file(app, args.state.state_file.as_ref(), false));
    let draft = begin(app, args, &kept)?;
    match app.manner() {
        Manner::Plain => lines::ask_all(app, args, &kept, draft, true),
        Manner::Simple => lines::ask_all(app, args, &kept, draft, false),
        Manner::Full => full_screen(app, args, &kept, draft),
    }
}

/// What the wizard opens with: what was kept, or the file that is named, or nothing. Between the first two somebody has
/// to choose.
fn begin(app: &App, args: &WizardArgs, kept: &Kept) -> Result<Draft, Box<Failure>> {
    if args.fresh {
        kept.put_aside()?;
    }
    match (kept.draft()?, &args.config) {
        (Some(_), Some(file)) => return Err(kept.in_the_way_of(app, file)),
        (Some(draft), None) => return Ok(draft),
        (None, _) => {}
    }
    let mut draft = Draft::empty();
    if let Some(path) = &args.config {
        draft.answers = answers(app, path)?;
    }
    Ok(draft)
}

/// The answers that a configuration file holds. One that says something wrong is asked about again, not refused.
fn answers(app: &App, path: &Path) -> Result<form::Answers, Box<Failure>> {
    let bytes = settings::file(app, path)?;
    let text = String::from_utf8_lossy(&bytes);
    let (answers, problems) = form::from_file(&text);
    if answers.is_empty() && problems.iter().any(model::config::Problem::is_error) {
        let name = path.display().to_string();
        let file = SourceText { name: &name, bytes: &bytes };
        let shown = model::config::render(&problems, Some(&file), app.render_style(app.io.err_is_terminal));
        let found = model::config::Loaded { config: None, problems: problems.clone(), settings: Vec::new() };
        return Err(Failure::invalid(&problems, shown, found.result()));
    }
    Ok(answers)
}

impl tui::Program for Around {
    fn carry_out(&mut self, effect: Effect) {
        Self::carry_out(self, effect);
    }
}

/// Walks through the pages on the whole screen.
fn full_screen(app: &App, args: &WizardArgs, kept: &Kept, draft: Draft) -> Ended {
    let (news, inputs) = mpsc::channel();
    let mut around = Around::new(app, &args.state, kept.clone(), news.clone());
    let ears = Ears::listen(move || drop(news.send(Input::Ending)))?;
    let mut state = State::new(draft, Discovery::nothing());
    let links = tui::can_link(|name| app.variable(name));
    let options = Options { colour: colour(app), ascii: is_ascii(app), links, suspend: &suspend };
    let walk = || tui::run(&mut state, inputs, &mut around, &options, &|| SystemClock.now());
    let left = catch_unwind(AssertUnwindSafe(walk));
    // Also where the wizard itself broke: what runs has to stop, and the last answer to reach the disk.
    let ended = around.end();
    drop(ears);
    let left = left.and_then(|left| ended.map(|()| left)).unwrap_or_else(|mistake| resume_unwind(mistake));
    let left = left.map_err(|error| {
        Failure::new(codes::TERMINAL, "terminal", "the terminal cannot be used")
            .evidence(error.to_string())
            .hint(format!("ask a line at a time: {} wizard --simple", app.program))
    })?;
    if left != Leave::Done {
        // What nobody changed was never sent to be kept, and what was sent may have met a full disk.
        kept.keep_last(&state.draft())?;
    }
    Ok(match left {
        Leave::Done => {
            kept.forget();
            say_what_there_is(app, &state);
            Exit::Done
        }
        Leave::ChecksFailed => Exit::Checks,
        Leave::Failed => Exit::Cloud,
        Leave::Later => {
            app.say(&format!("everything is kept; to go on where you were: {} wizard", app.program));
            Exit::Cancelled
        }
    })
}

/// The page that was left is gone from the screen; what one may need of it stays.
fn say_what_there_is(app: &App, state: &State) {
    let Some(verified) = &state.verified else { return };
    app.say(&verified.summary);
    for file in &verified.files {
        app.say(&format!("  report: {file}"));
    }
    for next in &verified.next {
        app.say(&format!("  {next}"));
    }
}

fn colour(app: &App) -> Colour {
    let is_full =
        ["COLORTERM"].iter().filter_map(|name| app.variable(name)).any(|value| value.contains("truecolor"));
    match (app.err_colour(), is_full) {
        (false, _) => Colour::None,
        (true, true) => Colour::Full,
        (true, false) => Colour::Sixteen,
    }
}

/// Whether the terminal says that it does not take UTF-8.
fn is_ascii(app: &App) -> bool {
    !app.render_style(true).unicode
}

/// Stops the process as the shell's Ctrl-Z does; returns when the shell lets it go on.
fn suspend() {
    // A process that may not stop itself goes on, which is no worse than before.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP);
}
