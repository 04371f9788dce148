//! Text that is not meant as the answer: `<thinking>` of Nova 1, and the `[REDACTED]` that Nova 2 says instead of its
//! reasoning. Both are found also when deltas cut them in two.

use std::mem;

use crate::config::Thinking;

const OPEN: &str = "<thinking>";
const CLOSE: &str = "</thinking>";
const REDACTED: &str = "[REDACTED]";

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Of the answer.
    Content,
    /// Of what the model thought.
    Reasoning,
}

/// Separates the thinking from the answer, in the text of one block after the other.
#[derive(Debug, Default)]
pub struct Splitter {
    mode: Thinking,
    /// The end of the text so far, if a tag may begin there.
    held: String,
    inside: bool,
    /// The blank lines behind a closing tag are not part of the answer.
    trim: bool,
}

impl Splitter {
    /// A splitter that is at the beginning of a block.
    pub fn new(mode: Thinking) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Takes a piece of text and hands on what is certain.
    pub fn push(&mut self, text: &str, mut emit: impl FnMut(Part, &str)) {
        if self.mode == Thinking::Keep {
            return emit(Part::Content, text);
        }
        let joined = join(&mut self.held, text);
        let mut rest = joined.as_deref().unwrap_or(text);
        loop {
            match cut(rest, if self.inside { CLOSE } else { OPEN }) {
                Cut::Found { before, after } => {
                    self.pass(before, &mut emit);
                    self.inside = !self.inside;
                    self.trim = true;
                    rest = after;
                }
                Cut::Perhaps { before, held } => {
                    self.pass(before, &mut emit);
                    self.held.push_str(held);
                    return;
                }
            }
        }
    }

    /// The block has ended: hands on what was held. The next block begins as an answer.
    pub fn finish(&mut self, mut emit: impl FnMut(Part, &str)) {
        let held = mem::take(&mut self.held);
        self.pass(&held, &mut emit);
        self.inside = false;
        self.trim = false;
    }

    fn pass(&mut self, text: &str, emit: &mut impl FnMut(Part, &str)) {
        let text = if self.trim { text.trim_start() } else { text };
        if text.is_empty() {
            return;
        }
        self.trim = false;
        match (self.inside, self.mode) {
            (false, _) => emit(Part::Content, text),
            (true, Thinking::Drop) => {}
            (true, _) => emit(Part::Reasoning, text),
        }
    }
}

/// Leaves out `[REDACTED]`.
#[derive(Debug, Default)]
pub struct Redactions {
    /// The end of the text so far, if the word may begin there.
    held: String,
}

impl Redactions {
    /// Takes a piece of reasoning and hands on what is certain.
    pub fn push(&mut self, text: &str, mut emit: impl FnMut(&str)) {
        let joined = join(&mut self.held, text);
        let mut rest = joined.as_deref().unwrap_or(text);
        loop {
            let (before, after) = match cut(rest, REDACTED) {
                Cut::Found { before, after } => (before, Some(after)),
                Cut::Perhaps { before, held } => {
                    self.held.push_str(held);
                    (before, None)
                }
            };
            if !before.is_empty() {
                emit(before);
            }
            let Some(after) = after else { return };
            rest = after;
        }
    }

    /// The block has ended: hands on what was held.
    pub fn finish(&mut self, mut emit: impl FnMut(&str)) {
        let held = mem::take(&mut self.held);
        if !held.is_empty() {
            emit(&held);
        }
    }
}

/// Text searched for a marker.
enum Cut<'t> {
    Found {
        before: &'t str,
        after: &'t str,
    },
    /// It is not there, but may begin with `held`, which may be empty.
    Perhaps {
        before: &'t str,
        held: &'t str,
    },
}

fn cut<'t>(text: &'t str, marker: &str) -> Cut<'t> {
    if let Some((before, after)) = text.split_once(marker) {
        return Cut::Found { before, after };
    }
    // The longest end of the text that is a beginning of the marker; markers are ASCII, so every cut is possible.
    let length = (1..marker.len())
        .rev()
        .find(|length| marker.get(..*length).is_some_and(|beginning| text.ends_with(beginning)))
        .unwrap_or(0);
    let (before, held) = text.split_at_checked(text.len().saturating_sub(length)).unwrap_or((text, ""));
    Cut::Perhaps { before, held }
}

/// What was held, and the text behind it; `None` if nothing was held, since then nothing need be copied.
fn join(held: &mut String, text: &str) -> Option<String> {
    if held.is_empty() {
        return None;
    }
    let mut joined = mem::take(held);
    joined.push_str(text);
    Some(joined)
}
