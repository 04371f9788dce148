//! The same questions a line at a time: with inquire, or as plain numbered prompts for screen readers and simple terminals.
//!
//! [`walk`] asks in the order of the form and knows nothing of terminals; a [`Prompter`] shows one question and says what
//! came back.

mod inline;
mod plain;
#[cfg(test)]
mod tests;
mod walk;

use std::io;

pub use inline::Inline;
pub use plain::Plain;
pub use walk::{End, Walked, walk};

use crate::discovery::Discovery;
use crate::draft::Draft;
use crate::exchange::Verdict;
use crate::form::Proposal;

/// What came back from a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    /// An answer.
    Value(T),
    /// To the question before this one.
    Back,
    /// What is this about?
    Help,
    /// Enough for now.
    Quit,
}

impl<T> Said<T> {
    /// The same, with another answer.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Said<U> {
        match self {
            Self::Value(value) => Said::Value(to(value)),
            Self::Back => Said::Back,
            Self::Help => Said::Help,
            Self::Quit => Said::Quit,
        }
    }
}

/// What a typed line means. A backslash in front makes an answer of what would be a command.
fn meant(line: &str) -> Said<String> {
    match line.trim() {
        "<" => Said::Back,
        "?" => Said::Help,
        "!" => Said::Quit,
        text => {
            let literal = text.strip_prefix('\\').filter(|rest| matches!(*rest, "<" | "?" | "!"));
            Said::Value(literal.unwrap_or(text).to_owned())
        }
    }
}

/// One question as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// A few words.
    pub title: &'a str,
    /// What holds if nothing is said; may be empty.
    pub value: &'a str,
    /// Where that comes from, in words; may be empty.
    pub source: &'a str,
}

/// What was chosen where there is a list and anything else may be said too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// One of the list, by its index.
    Listed(usize),
    /// Something else.
    Typed(String),
}

/// What is chosen from a list to type something else.
const OTHER: &str = "another";

/// Shows one question at a time and waits for what is said.
pub trait Prompter {
    /// How to answer, go back, ask for help and leave; said once.
    fn keys(&self) -> &'static str;

    /// Says a line.
    fn say(&mut self, line: &str) -> io::Result<()>;

    /// Asks for a text. None is what was just confirmed with Enter.
    fn text(&mut self, asked: Asked<'_>) -> io::Result<Said<Option<String>>>;

    /// Asks for one of these, by its index. None is the default that was just confirmed with Enter, where that can be
    /// told from choosing it.
    fn choose(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<usize>>>;

    /// The same where anything else may be said as well.
    fn choose_or_type(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<Chosen>>> {
        let mut all = options.to_vec();
        all.push(Proposal { value: OTHER.to_owned(), note: "type it".to_owned() });
        Ok(match self.choose(asked, &all, default)? {
            Said::Value(Some(index)) if index >= options.len() => {
                self.text(asked)?.map(|text| text.map(Chosen::Typed))
            }
            other => other.map(|index| index.map(Chosen::Listed)),
        })
    }

    /// Asks whether.
    fn confirm(&mut self, title: &str, default: bool) -> io::Result<Said<bool>> {
        let option = |value: &str| Proposal { value: value.to_owned(), note: String::new() };
        let (value, cursor) = if default { ("yes", 0) } else { ("no", 1) };
        let asked = Asked { title, value, source: "" };
        let said = self.choose(asked, &[option("yes"), option("no")], Some(cursor))?;
        Ok(said.map(|index| index.map_or(default, |index| index == 0)))
    }
}

/// What the walk needs of the program around it. All of it may take its time: nothing else happens meanwhile.
pub trait Around {
    /// Keeps the draft, on disk before the next question is asked.
    fn save(&mut self, draft: &Draft) -> io::Result<()>;

    /// Looks at another account or Region, since the answers are about that one now. None: what is known still holds.
    fn discover(
        &mut self,
        _profile: Option<&str>,
        _region: Option<&str>,
        _rehearsal: bool,
    ) -> Option<Discovery> {
        None
    }

    /// Asks the account about one answer. None: there is nothing to ask.
    fn check(&mut self, _path: &str, _text: &str, _configuration: &str) -> Option<Verdict> {
        None
    }
}
