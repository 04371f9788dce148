//! Loads the configuration that a command asks for, or says everything that is wrong with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use model::config::{self, Config, Inputs, Loaded, Mode, SourceText};

use crate::app::App;
use crate::args::{ConfigArgs, Format};
use crate::failure::Failure;

/// Enough to see that a file is too large, and no more.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// A configuration with the text it came from.
pub(crate) struct Source {
    name: String,
    bytes: Option<Vec<u8>>,
    pub(crate) loaded: Loaded,
}

/// Reads all sources: flags, environment, file. `sample` stands for the file where none is named.
pub(crate) fn read(
    app: &App,
    args: &ConfigArgs,
    sample: Option<&'static str>,
    mode: Option<Mode>,
) -> Result<Source, Box<Failure>> {
    let path = args.config.clone().or_else(|| app.variable("SRE_AGENT_DEPLOY_CONFIG").map(PathBuf::from));
    let (name, bytes) = match (&path, sample) {
        (Some(path), _) => {
            let bytes = file(app, path)?;
            (path.display().to_string(), Some(bytes))
        }
        (None, Some(sample)) => ("the sample".to_owned(), Some(sample.as_bytes().to_vec())),
        (None, None) => (String::new(), None),
    };
    let flags = flags(args);
    let loaded = config::load(&Inputs {
        file: bytes.as_deref().map(|bytes| SourceText { name: &name, bytes }),
        environment: &app.environment,
        flags: &flags,
        mode: args.mode.or(mode),
    });
    Ok(Source { name, bytes, loaded })
}

/// What a configuration file holds, or why it cannot be read.
pub(crate) fn file(app: &App, path: &Path) -> Result<Vec<u8>, Box<Failure>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)).map_err(|error| {
        Failure::of_file("read the configuration file", path, &error).hint(format!(
            "check the path; `{} config init --output FILE` makes a file to begin with",
            app.program
        ))
    })?;
    Ok(bytes)
}

/// Path of a key → value, of all flags that stand for one.
fn flags(args: &ConfigArgs) -> BTreeMap<String, String> {
    let mut flags: BTreeMap<String, String> = args.set.iter().cloned().collect();
    let mut stand_for = |path: &str, value: Option<String>| {
        if let Some(value) = value {
            flags.insert(path.to_owned(), value);
        }
    };
    stand_for("aws.region", args.region.as_ref().map(ToString::to_string));
    stand_for("aws.profile", args.profile.clone());
    stand_for("deployment.id", args.deployment_id.as_ref().map(ToString::to_string));
    flags
}

impl Source {
    /// The problems for people, as they look on a stream.
    pub(crate) fn text(&self, app: &App, is_terminal: bool) -> String {
        let file = self.bytes.as_deref().map(|bytes| SourceText { name: &self.name, bytes });
        config::render(&self.loaded.problems, file.as_ref(), app.render_style(is_terminal))
    }

    /// Whether a file said something.
    pub(crate) fn has_file(&self) -> bool {
        self.bytes.is_some()
    }

    /// The configuration, with its warnings said; or everything that is wrong.
    pub(crate) fn valid(self, app: &App) -> Result<Config, Box<Failure>> {
        let text = || self.text(app, app.io.err_is_terminal);
        match &self.loaded.config {
            Some(config) => {
                match app.format {
                    Format::Text if self.loaded.problems.is_empty() => {}
                    Format::Text => app.say(text().trim_end()),
                    Format::Json => {
                        self.loaded.problems.iter().for_each(|problem| app.say(&problem.to_string()));
                    }
                }
                Ok(config.clone())
            }
            None => Err(Failure::invalid(&self.loaded.problems, text(), self.loaded.result())),
        }
    }
}
