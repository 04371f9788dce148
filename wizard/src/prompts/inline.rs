//! Prompts with inquire: a line that can be edited, lists to choose from with the arrows. Esc goes back, Ctrl-C leaves.

use std::fmt;
use std::io::{self, Write};

use inquire::ui::RenderConfig;
use inquire::{InquireError, Select, Text};

use super::{Asked, Prompter, Said, meant};
use crate::form::Proposal;

/// Draws on the terminal of the process; says what is not a question to a stream.
#[derive(Debug)]
pub struct Inline<W> {
    output: W,
    look: RenderConfig<'static>,
}

const KEYS: &str = "Enter confirms, Esc goes back, ? explains, Ctrl-C leaves. Every answer is saved.";

impl<W: Write> Inline<W> {
    /// Prompts in colour or, under `NO_COLOR`, without any.
    pub fn new(output: W, is_coloured: bool) -> Self {
        let look = if is_coloured { RenderConfig::default_colored() } else { RenderConfig::empty() };
        Self { output, look }
    }
}

impl<W: Write> Prompter for Inline<W> {
    fn keys(&self) -> &'static str {
        KEYS
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.output, "{line}")
    }

    fn text(&mut self, asked: Asked<'_>) -> io::Result<Said<Option<String>>> {
        let prompt = with_default(asked);
        let said = Text::new(&prompt).with_render_config(self.look).prompt();
        let said = match understood(said)? {
            Said::Value(line) => meant(&line),
            other => other,
        };
        Ok(said.map(|text| Some(text).filter(|text| !text.is_empty())))
    }

    fn choose(
        &mut self,
        asked: Asked<'_>,
        options: &[Proposal],
        default: Option<usize>,
    ) -> io::Result<Said<Option<usize>>> {
        // Keys filter the list, so that help has to be something that can be chosen.
        let entries: Vec<Entry<'_>> =
            options.iter().map(Entry::Option).chain(std::iter::once(Entry::Help)).collect();
        let prompt = with_default(asked);
        let said = Select::new(&prompt, entries)
            .with_starting_cursor(default.unwrap_or_default().min(options.len()))
            // What was chosen, without what told it from the others.
            .with_formatter(&|chosen| match chosen.value {
                Entry::Option(option) => option.value.clone(),
                Entry::Help => "?".to_owned(),
            })
            .with_render_config(self.look)
            .raw_prompt();
        Ok(match understood(said)? {
            Said::Value(chosen) if chosen.index < options.len() => Said::Value(Some(chosen.index)),
            Said::Value(_) | Said::Help => Said::Help,
            Said::Back => Said::Back,
            Said::Quit => Said::Quit,
        })
    }
}

/// An entry of a list.
enum Entry<'a> {
    Option(&'a Proposal),
    Help,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) if option.note.is_empty() => f.write_str(&option.value),
            Self::Option(option) => write!(f, "{} - {}", option.value, option.note),
            Self::Help => f.write_str("? - what is this about"),
        }
    }
}

/// `Title [value, source]`
fn with_default(asked: Asked<'_>) -> String {
    match (asked.value, asked.source) {
        ("", _) => format!("{}:", asked.title),
        (value, "") => format!("{} [{value}]:", asked.title),
        (value, source) => format!("{} [{value}, {source}]:", asked.title),
    }
}

/// What inquire says, as the walk takes it.
fn understood<T>(said: Result<T, InquireError>) -> io::Result<Said<T>> {
    match said {
        Ok(value) => Ok(Said::Value(value)),
        Err(InquireError::OperationCanceled) => Ok(Said::Back),
        Err(InquireError::OperationInterrupted) => Ok(Said::Quit),
        Err(InquireError::IO(error)) => Err(error),
        Err(InquireError::NotTTY) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "these prompts need a terminal"))
        }
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_goes_back_and_control_c_leaves() {
        assert_eq!(understood::<()>(Err(InquireError::OperationCanceled)).unwrap(), Said::Back);
        assert_eq!(understood::<()>(Err(InquireError::OperationInterrupted)).unwrap(), Said::Quit);
        assert_eq!(
            understood::<()>(Err(InquireError::NotTTY)).unwrap_err().kind(),
            io::ErrorKind::Unsupported
        );
    }

    #[test]
    fn a_prompt_shows_what_holds_and_why() {
        let asked = Asked { title: "VPC", value: "vpc-1", source: "from your account" };
        assert_eq!(with_default(asked), "VPC [vpc-1, from your account]:");
        assert_eq!(with_default(Asked { source: "", ..asked }), "VPC [vpc-1]:");
        assert_eq!(with_default(Asked { value: "", ..asked }), "VPC:");
    }
}
