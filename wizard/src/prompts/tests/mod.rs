//! The walk as an operator has it: what is said, what is asked, what is kept.

mod parity;
mod transcripts;

use std::io;

use super::{Around, Asked, Chosen, Prompter, Said};
use crate::discovery::Discovery;
use crate::draft::Draft;
use crate::exchange::Verdict;
use crate::form::{FIELDS, Field, Proposal};

/// Keeps every draft, and answers what it was told to.
#[derive(Default)]
struct Program {
    saved: Vec<Draft>,
    verdicts: Vec<(&'static str, &'static str, Verdict)>,
    found: Option<Discovery>,
    asked_for: Vec<(Option<String>, Option<String>, bool)>,
}

impl Around for Program {
    fn save(&mut self, draft: &Draft) -> io::Result<()> {
        self.saved.push(draft.clone());
        Ok(())
    }

    fn discover(
        &mut self,
        profile: Option<&str>,
        region: Option<&str>,
        rehearsal: bool,
    ) -> Option<Discovery> {
        self.asked_for.push((profile.map(str::to_owned), region.map(str::to_owned), rehearsal));
        self.found.clone()
    }

    fn check(&mut self, path: &str, text: &str, _configuration: &str) -> Option<Verdict> {
        let verdict = self.verdicts.iter().find(|(key, answer, _)| (*key, *answer) == (path, text));
        verdict.map(|(_, _, verdict)| verdict.clone())
    }
}

/// What to say to a question.
enum Reply {
    /// Enter.
    Keep,
    /// This.
    Say(String),
    Back,
    Help,
    Quit,
}

/// A prompter without a terminal: a function answers, by the title of the question.
struct Fake<F> {
    reply: F,
    said: Vec<String>,
    asked: Vec<String>,
}

impl<F: FnMut(&str) -> Reply> Fake<F> {
    fn new(reply: F) -> Self {
        Self { reply, said: Vec::new(), asked: Vec::new() }
    }

    fn reply(&mut self, title: &str) -> Reply {
        self.asked.push(title.to_owned());
        (self.reply)(title)
    }
}

impl<F: FnMut(&str) -> Reply> Prompter for Fake<F> {
    fn keys(&self) -> &'static str {
        "keys"
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.said.push(line.to_owned());
        Ok(())
    }

    fn text(&mut self, asked: Asked<'_>) -> io::Result<Said<Option<String>>> {
        Ok(match self.reply(asked.title) {
            Reply::Keep => Said::Value(None),
            Reply::Say(text) => Said::Value(Some(text)),
            Reply::Back => Said::Back,
            Reply::Help => Said::Help,
            Reply::Quit => Said::Quit,
        })
    }

    fn choose(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<usize>>> {
        Ok(match self.reply(asked.title) {
            // As with arrows: what the cursor stands on is chosen.
            Reply::Keep => Said::Value(default),
            Reply::Say(text) => {
                let index = options.iter().position(|option| option.value == text);
                Said::Value(Some(index.unwrap_or_else(|| panic!("{}: no option {text}", asked.title))))
            }
            Reply::Back => Said::Back,
            Reply::Help => Said::Help,
            Reply::Quit => Said::Quit,
        })
    }

    fn choose_or_type(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<Chosen>>> {
        Ok(match self.reply(asked.title) {
            Reply::Keep => Said::Value(default.map(Chosen::Listed)),
            Reply::Say(text) => {
                let index = options.iter().position(|option| option.value == text);
                Said::Value(Some(index.map_or(Chosen::Typed(text), Chosen::Listed)))
            }
            Reply::Back => Said::Back,
            Reply::Help => Said::Help,
            Reply::Quit => Said::Quit,
        })
    }
}

/// The question with this title.
fn titled(title: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.title == title)
}
