//! One event: what happened, and what is known of it.

use std::fmt::{Display, Write as _};

use super::Kind;

/// More of a value than this says nothing to whoever reads it.
const VALUE_CHARS: usize = 256;
/// More values than these belong elsewhere.
const MOST_FIELDS: usize = 24;
/// Longer words are no names of fields: RFC 5424 takes 32 characters.
const WORD_CHARS: usize = 32;

/// What happened, with what is known of it in a fixed order.
///
/// Values may come from anybody: whatever is in them, they end where they end, in every form that an event takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    kind: Kind,
    fields: Vec<(&'static str, String)>,
}

impl Event {
    /// An event of which nothing is known yet.
    pub fn new(kind: Kind) -> Self {
        Self { kind, fields: Vec::new() }
    }

    /// The same with one more value. A word is of lower-case letters, digits and `_`, is given once, and is the program's
    /// own; anything else, and what is too much, is left out.
    ///
    /// Words with a meaning: `reason`, `peer` (an address), `request` (an id), `serial` and `not_after` (of a
    /// certificate), `names`, `path`, `code` (of a finding), `deployment`, `account`, `region`, `version`, `problem`.
    #[must_use]
    pub fn with(mut self, word: &'static str, value: impl Display) -> Self {
        let is_given = self.fields.iter().any(|(known, _)| *known == word);
        if self.fields.len() < MOST_FIELDS && is_word(word) && !is_given {
            self.fields.push((word, value.to_string().chars().take(VALUE_CHARS).collect()));
        }
        self
    }

    /// The same with one more value where there is one.
    #[must_use]
    pub fn with_some(self, word: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(word, value),
            None => self,
        }
    }

    /// What happened.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is known of it: words, and values as they were given but for their length.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.iter().map(|(word, value)| (*word, value.as_str()))
    }

    /// The text of a line of a log, in ASCII:
    ///
    /// ```text
    /// security event=authn_login_fail reason=unknown_kid peer=203.0.113.7 request=req-1 kid=abc
    /// ```
    ///
    /// Whatever in a value is not a letter, a digit or one of `-._~:/@+` is percent-encoded.
    pub fn line(&self) -> String {
        let mut line = String::with_capacity(192);
        line.push_str("security event=");
        line.push_str(self.kind.name());
        for (word, value) in &self.fields {
            line.push(' ');
            line.push_str(word);
            line.push('=');
            percent_encode(&mut line, value, |character| {
                character.is_ascii_alphanumeric() || "-._~:/@+".contains(character)
            });
        }
        line
    }
}

/// A value for people and for programs: what a terminal or a log obeys is percent-encoded, and so is `%`, so that
/// everything can be read back.
pub(super) fn harmless(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    percent_encode(&mut text, value, |character| {
        let is_obeyed = character.is_control()
            // Ends of lines and directions of writing beyond ASCII.
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}');
        !is_obeyed && character != '%'
    });
    text
}

/// Appends the text, with the bytes of every character that may not stay as `%XX`.
fn percent_encode(out: &mut String, text: &str, may_stay: impl Fn(char) -> bool) {
    for character in text.chars() {
        if may_stay(character) {
            out.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing into a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

fn is_word(word: &str) -> bool {
    word.len() <= WORD_CHARS
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
