//! What every command has at hand: the environment, the streams, and how to write to them.

use std::collections::BTreeMap;

use checks::Status;
use model::config::RenderStyle;
use ratatui::crossterm;
use serde_json::{Value, json};

use crate::args::{Common, Format, OutputFormat};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::io::Io;
use crate::next;
use crate::watcher::Watcher;

/// How a command ends.
pub(crate) type Ended = Result<Exit, Box<Failure>>;

/// How questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// On the whole screen.
    Full,
    /// A line at a time.
    Simple,
    /// A line at a time, without moving the cursor.
    Plain,
}

/// The program around a command.
#[derive(Clone)]
pub(crate) struct App {
    /// How the operator calls the program, for the commands that are printed.
    pub(crate) program: String,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// The streams.
    pub(crate) io: Io,
    /// How errors, and the results of everything but checks, are written.
    pub(crate) format: Format,
    /// How the results of checks are written.
    pub(crate) output: OutputFormat,
    /// Whether to use colours on stderr and stdout, each where somebody looks.
    colour: bool,
    /// Whether progress is wanted.
    pub(crate) quiet: bool,
    /// How much is logged.
    pub(crate) verbose: u8,
    /// Whether the command is a check.
    pub(crate) is_check: bool,
    /// Whether questions are asked a line at a time.
    pub(crate) simple: bool,
    /// Who shows what happens, where the terminal is not the command's own.
    pub(crate) watcher: Option<Watcher>,
}

impl App {
    /// Puts it together.
    pub(crate) fn new(
        program: &str,
        environment: BTreeMap<String, String>,
        io: Io,
        format: Format,
        common: &Common,
    ) -> Self {
        let set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        let colour =
            !common.no_color && !set("NO_COLOR") && environment.get("TERM").is_none_or(|term| term != "dumb");
        let program = next::quoted(program);
        let output = if format == Format::Json { OutputFormat::Json } else { common.format };
        Self {
            program,
            environment,
            io,
            format,
            output,
            colour,
            quiet: common.quiet || output == OutputFormat::Nagios,
            verbose: common.verbose,
            is_check: false,
            simple: common.simple,
            watcher: None,
        }
    }

    /// A variable that is set to something.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether stderr takes colours.
    pub(crate) fn err_colour(&self) -> bool {
        self.colour && self.io.err_is_terminal
    }

    /// Whether stdout takes colours.
    pub(crate) fn out_colour(&self) -> bool {
        self.colour && self.io.out_is_terminal
    }

    /// How questions are asked. Screen readers cannot be told apart, so they say so themselves.
    pub(crate) fn manner(&self) -> Manner {
        let is_accessible = self.variable("ACCESSIBLE").is_some_and(|value| value != "0");
        if is_accessible || self.variable("TERM").is_none_or(|term| term == "dumb") {
            Manner::Plain
        } else if self.simple {
            Manner::Simple
        } else {
            Manner::Full
        }
    }

    /// Whether somebody sees questions and can answer them.
    pub(crate) fn can_ask(&self) -> bool {
        self.io.input_is_terminal && self.io.err_is_terminal && self.format == Format::Text
    }

    /// How problems of a configuration are drawn on a stream.
    pub(crate) fn render_style(&self, is_terminal: bool) -> RenderStyle {
        let width =
            if is_terminal { crossterm::terminal::size().map_or(80, |(columns, _)| columns) } else { 100 };
        // Every terminal of the last decade takes UTF-8; what says that it does not gets ASCII.
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.variable(name)).unwrap_or_default();
        let unicode = locale.to_ascii_lowercase().contains("utf");
        RenderStyle { colour: self.colour && is_terminal, width: usize::from(width), unicode }
    }

    /// Writes what was asked for to stdout.
    pub(crate) fn result(&self, text: &str) {
        self.io.out.write(text);
        if !text.ends_with('\n') {
            self.io.out.write("\n");
        }
    }

    /// Writes what was asked for to stdout, for programs.
    pub(crate) fn result_json(&self, value: &Value) {
        self.result(&format!("{value:#}"));
    }

    /// Says something beside the result.
    pub(crate) fn say(&self, text: &str) {
        // Who watches has pages of its own for this.
        if self.quiet || self.watcher.is_some() {
            return;
        }
        match self.format {
            Format::Text => self.io.err.write(&format!("{text}\n")),
            Format::Json => self.io.err.write(&format!("{}\n", json!({"note": text}))),
        }
    }

    /// Prints a failure and gives its exit.
    pub(crate) fn fail(&self, failure: &Failure) -> Exit {
        if self.output == OutputFormat::Nagios {
            // What a plugin cannot find out is unknown, whatever the reason.
            self.io.out.write(&checks::output::nagios_refusal(&failure.line()));
            return Exit::Plugin(Status::Unknown);
        }
        if self.is_check && self.quiet && self.format == Format::Text {
            // What runs unattended says one line.
            self.io.err.write(&format!("{}: {}\n", self.program, checks::output::plain(&failure.line())));
            return failure.exit;
        }
        match self.format {
            Format::Text => self.io.err.write(&failure.text(&self.program, self.err_colour())),
            Format::Json => self.result_json(&failure.json(&self.program)),
        }
        failure.exit
    }

    /// Prints what clap has to say: help and version are results, the rest is a failure.
    pub(crate) fn usage(&self, error: &clap::Error) -> Exit {
        if !error.use_stderr() {
            self.result(&error.render().to_string());
            return Exit::Done;
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        let (message, hint) = text.split_once("\n\n").unwrap_or((text, ""));
        let failure = Failure::new(codes::USAGE, "command line", message);
        let failure = if hint.is_empty() { failure } else { failure.hint(hint) };
        self.fail(&failure)
    }
}
