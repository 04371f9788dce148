//! The questions a line at a time: for small terminals, simple ones, and screen readers. What comes after the questions is
//! the usual command with the usual output.

use std::io::{self, BufRead, Read, Write};

use model::config::Mode;
use tokio::runtime::Runtime;
use wizard::discovery::Discovery;
use wizard::draft::Draft;
use wizard::exchange::Verdict;
use wizard::form;
use wizard::prompts::{self, End, Inline, Plain, Walked};

use super::discover::{self, Wanted};
use super::kept::Kept;
use super::{around, ask};
use crate::app::{App, Ended};
use crate::approve::read_line;
use crate::args::{ConfigArgs, DeployArgs, RehearseArgs, StateArgs, WizardArgs};
use crate::commands::{deploy, rehearse};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::io::{Io, Stream};
use crate::signals::Signals;
use crate::storage;

/// Asks, and carries out what was answered.
pub(super) fn ask_all(app: &App, args: &WizardArgs, kept: &Kept, draft: Draft, plain: bool) -> Ended {
    app.say("looking around");
    let mut around = Around { app: around::unseen(app), state: args.state.clone(), kept: kept.clone() };
    let of = |path: &str| draft.answers.get(path).filter(|text| !text.is_empty());
    let is_rehearsal = of("mode") == Some(Mode::Rehearsal.name());
    let discovery = around.look(of("aws.profile"), of("aws.region"), is_rehearsal);
    let walked = walk(app, draft, discovery, &mut around, plain).map_err(|error| {
        Failure::new(codes::TERMINAL, "terminal", "the terminal cannot be used")
            .evidence(error.to_string())
            .hint(format!("everything that was said is kept; to go on: {} wizard", app.program))
    })?;
    if walked.end == End::Left {
        app.say(&format!("to go on where you were: {} wizard", app.program));
        return Ok(Exit::Cancelled);
    }
    let path = kept.write_configuration(&walked.configuration)?;
    app.say(&format!("the configuration is in {}", path.display()));
    let judged = form::judge(
        &walked.draft.answers,
        &wizard::discovery::defaults(&walked.discovery, &walked.draft.answers),
    );
    let config = ConfigArgs { config: Some(path), ..ConfigArgs::default() };
    let ended = if judged.config.is_some_and(|config| config.mode == Mode::Rehearsal) {
        let state_file = Some(storage::state_file(app, args.state.state_file.as_ref(), true));
        rehearse::command(app, &RehearseArgs { config: config.config, state_file, ..RehearseArgs::default() })
    } else {
        deploy::command(app, &DeployArgs { config, state: args.state.clone(), ..DeployArgs::default() })
    }?;
    kept.forget();
    Ok(ended)
}

fn walk(
    app: &App,
    draft: Draft,
    discovery: Discovery,
    around: &mut Around,
    plain: bool,
) -> io::Result<Walked> {
    let output = Lines(app.io.err.clone());
    if !plain {
        return prompts::walk(&mut Inline::new(output, app.err_colour()), draft, discovery, around);
    }
    prompts::walk(&mut Plain::new(Typed::at(&app.io)?, output), draft, discovery, around)
}

/// What is typed, a line at a time. A signal is the end of it, so that whoever presses Ctrl-C leaves as with `!`.
struct Typed {
    io: Io,
    runtime: Runtime,
    signals: Signals,
    line: Vec<u8>,
}

impl Typed {
    fn at(io: &Io) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        Ok(Self { io: io.clone(), runtime, signals, line: Vec::new() })
    }
}

impl BufRead for Typed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { io, runtime, signals, line } = self;
        if line.is_empty() {
            let typed = runtime.block_on(async {
                tokio::select! {
                    typed = read_line(io) => typed.unwrap_or_default(),
                    () = signals.next() => String::new(),
                }
            });
            *line = typed.into_bytes();
        }
        Ok(line)
    }

    fn consume(&mut self, count: usize) {
        self.line.drain(..count.min(self.line.len()));
    }
}

impl Read for Typed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// What the questions need of the program.
struct Around {
    app: App,
    state: StateArgs,
    kept: Kept,
}

impl Around {
    fn look(&self, profile: Option<&str>, region: Option<&str>, rehearsal: bool) -> Discovery {
        let wanted =
            Wanted { profile: profile.map(str::to_owned), region: region.map(str::to_owned), rehearsal };
        discover::discover(&self.app, &self.state, &wanted)
    }
}

impl prompts::Around for Around {
    fn save(&mut self, draft: &Draft) -> io::Result<()> {
        self.kept.keep(draft)
    }

    fn discover(
        &mut self,
        profile: Option<&str>,
        region: Option<&str>,
        rehearsal: bool,
    ) -> Option<Discovery> {
        Some(self.look(profile, region, rehearsal))
    }

    fn check(&mut self, path: &str, text: &str, configuration: &str) -> Option<Verdict> {
        ask::ask(&self.app, &self.state, path, text, configuration)
    }
}

/// The stream that questions go to.
struct Lines(Stream);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
