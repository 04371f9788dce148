//! The program `bedrock-nova-proxy`: from arguments and environment to an exit code. The one place that chooses real
//! parts for the ports.

mod api_key;
mod backup;
mod check;
mod collector;
mod metrics;
mod serve;
mod usage;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use listenfd::ListenFd;
use model::document::{Problem, RenderStyle, SourceText};

use crate::{
    cli::{Arguments, Command},
    config::{self, Loaded},
    serve::Origin,
};

/// What a page of problems is wrapped to.
const COLUMNS: usize = 100;

/// What the process was given.
pub struct World<'a> {
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// Sockets of the service manager.
    pub sockets: ListenFd,
    /// Its id.
    pub process_id: u32,
    /// Whether stderr is a terminal.
    pub is_terminal: bool,
    /// What can be piped.
    pub stdout: &'a mut dyn Write,
    /// What is for people.
    pub stderr: &'a mut dyn Write,
}

/// How it ended. The numbers are those of `sre-agent-deploy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It did not work.
    Failed = 1,
    /// The arguments or the configuration are wrong.
    Usage = 2,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>, world: World<'_>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // What cannot be printed cannot be complained about either.
            let _ = if error.use_stderr() {
                write!(world.stderr, "{error}")
            } else {
                write!(world.stdout, "{error}")
            };
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match arguments.command {
        Command::Serve(file) => serve::run(&file.config, world),
        Command::CheckConfig(file) => check::run(&file.config, world),
        Command::SampleConfig => {
            let _ = write!(world.stdout, "{}", config::template());
            Exit::Done
        }
        Command::Usage(usage) => usage::run(&usage, world),
        Command::Backup(backup) => backup::run(&backup, world),
        Command::ApiKey(key) => api_key::run(&key, world),
    }
}

impl World<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Where the configuration comes from.
    fn origin(&self, path: &Path) -> Origin {
        Origin {
            path: path.to_owned(),
            // Where a unit has several, the first is the proxy's (`StateDirectory=` in systemd.exec(5)).
            state_directory: self
                .variable("STATE_DIRECTORY")
                .and_then(|list| list.split(':').next().map(PathBuf::from)),
            region: self.variable("AWS_REGION").or_else(|| self.variable("AWS_DEFAULT_REGION")),
        }
    }

    /// Reads the configuration, or says why it cannot be used.
    fn load(&mut self, path: &Path) -> Option<(Origin, Loaded)> {
        let origin = self.origin(path);
        match origin.load() {
            Ok(loaded) => Some((origin, loaded)),
            Err((problems, text)) => {
                self.show(&problems, path, text.as_deref());
                None
            }
        }
    }

    /// Shows problems of a configuration, with the marked lines where there is a text.
    fn show(&mut self, problems: &[Problem], path: &Path, text: Option<&[u8]>) {
        let name = path.to_string_lossy();
        let source = text.map(|bytes| SourceText { name: &name, bytes });
        let is_coloured = self.is_terminal && self.variable("NO_COLOR").is_none();
        let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| self.variable(name))
            .is_some_and(|locale| locale.to_ascii_uppercase().replace('-', "").contains("UTF8"));
        let style = RenderStyle { colour: is_coloured, width: COLUMNS, unicode };
        let _ = write!(self.stderr, "{}", config::render(problems, source.as_ref(), style));
    }

    /// One line for people.
    fn say(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "bedrock-nova-proxy: {text}");
    }

    /// A finding: what, and what to do.
    fn find(&mut self, finding: &model::Finding) {
        let _ = writeln!(self.stderr, "{}: {}: {}", finding.code, finding.subject, finding.message);
        if let Some(hint) = &finding.hint {
            let _ = writeln!(self.stderr, "  hint: {hint}");
        }
    }
}
