//! Plain prompts: numbered choices, whole lines, nothing that moves. For screen readers, `TERM=dumb` and scripts.

use std::io::{self, BufRead, Write};

use super::{Asked, Chosen, Prompter, Said, meant};
use crate::form::Proposal;

/// Reads lines and writes lines.
#[derive(Debug)]
pub struct Plain<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Plain<R, W> {
    /// Prompts over these two.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// The two, once nothing more is asked.
    pub fn into_inner(self) -> (R, W) {
        (self.input, self.output)
    }

    /// Asks on one line and reads the next one. The end of the input leaves, as `!` does.
    fn line(&mut self, prompt: &str) -> io::Result<Said<String>> {
        write!(self.output, "{prompt}: ")?;
        self.output.flush()?;
        let mut bytes = Vec::new();
        if self.input.read_until(b'\n', &mut bytes)? == 0 {
            writeln!(self.output)?;
            return Ok(Said::Quit);
        }
        Ok(meant(&String::from_utf8_lossy(&bytes)))
    }

    /// Shows what can be chosen; the prompt for it.
    fn list(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
        how: &str,
    ) -> io::Result<String> {
        self.say(asked.title)?;
        for (number, option) in (1_usize..).zip(options) {
            let note = if option.note.is_empty() { String::new() } else { format!(" - {}", option.note) };
            self.say(&format!("  {number}. {}{note}", option.value))?;
        }
        let number = default.map(|index| index.saturating_add(1).to_string()).unwrap_or_default();
        let source = if default.is_some() { asked.source } else { "" };
        Ok(format!("{how}{}", brackets(&number, source)))
    }
}

impl<R: BufRead, W: Write> Prompter for Plain<R, W> {
    fn keys(&self) -> &'static str {
        "Enter keeps what stands in brackets, < goes back, ? explains, ! leaves. Every answer is saved."
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.output, "{line}")
    }

    fn text(&mut self, asked: Asked<'_>) -> io::Result<Said<Option<String>>> {
        let prompt = format!("{}{}", asked.title, brackets(asked.value, asked.source));
        Ok(self.line(&prompt)?.map(|text| Some(text).filter(|text| !text.is_empty())))
    }

    fn choose(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<usize>>> {
        let prompt = self.list(asked, options, default, "Number or word")?;
        loop {
            let text = match self.line(&prompt)? {
                Said::Value(text) => text,
                Said::Back => return Ok(Said::Back),
                Said::Help => return Ok(Said::Help),
                Said::Quit => return Ok(Said::Quit),
            };
            if text.is_empty() && default.is_some() {
                return Ok(Said::Value(None));
            }
            match chosen(&text, options) {
                Some(index) => return Ok(Said::Value(Some(index))),
                None => {
                    self.say(&format!(
                        "error: please say a number from 1 to {}, or the word",
                        options.len()
                    ))?;
                }
            }
        }
    }

    fn choose_or_type(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<Chosen>>> {
        let prompt = self.list(asked, options, default, "Number, or another answer")?;
        Ok(self.line(&prompt)?.map(|text| match listed(&text, options) {
            _ if text.is_empty() => None,
            Some(index) => Some(Chosen::Listed(index)),
            None => Some(Chosen::Typed(text)),
        }))
    }
}

/// ` [value, source]`
fn brackets(value: &str, source: &str) -> String {
    match (value.is_empty(), source.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(" [{value}]"),
        (false, false) => format!(" [{value}, {source}]"),
    }
}

/// The option that was meant: its number, its word, or a beginning that only one word has.
fn chosen(text: &str, options: &[Proposal]) -> Option<usize> {
    let begins = |option: &Proposal| {
        option.value.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text))
            && !text.is_empty()
    };
    let beginning = || {
        let mut meant = options.iter().enumerate().filter(|(_, option)| begins(option));
        meant.next().filter(|_| meant.next().is_none()).map(|(index, _)| index)
    };
    listed(text, options).or_else(beginning)
}

/// The option that was meant by its word or its number.
fn listed(text: &str, options: &[Proposal]) -> Option<usize> {
    let number = || {
        let number = text.parse::<usize>().ok()?;
        number.checked_sub(1).filter(|index| *index < options.len())
    };
    let word = options.iter().position(|option| option.value.eq_ignore_ascii_case(text));
    word.or_else(number)
}
