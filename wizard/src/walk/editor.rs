//! A line of text that is being typed.

use super::Cmd;

/// Longer than any configuration a person types; what is pasted beyond it is dropped.
const MAX_CHARS: usize = 16_384;

/// A line with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// Characters before the cursor.
    cursor: usize,
}

impl Editor {
    /// A line that holds this text already; the cursor is behind it.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.chars().count(), text }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Characters before the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Carries out a command of editing; whether the text is another now.
    pub fn edit(&mut self, cmd: &Cmd) -> bool {
        let before = self.text.len();
        match cmd {
            Cmd::Type(character) if !character.is_control() => self.insert(*character),
            // What is copied from a list comes in lines, and a list is written with commas.
            Cmd::Paste(text) => {
                let joined = text.trim().lines().map(str::trim).collect::<Vec<_>>().join(",");
                for character in joined.chars().filter(|character| !character.is_control()) {
                    self.insert(character);
                }
            }
            Cmd::Erase if self.cursor > 0 => self.remove(self.cursor.saturating_sub(1), self.cursor),
            Cmd::Delete => self.remove(self.cursor, self.cursor.saturating_add(1)),
            Cmd::EraseWord => self.remove(self.word_start(), self.cursor),
            Cmd::Clear => {
                self.text.clear();
                self.cursor = 0;
            }
            Cmd::Left => self.cursor = self.cursor.saturating_sub(1),
            Cmd::Right => self.cursor = self.cursor.saturating_add(1).min(self.text.chars().count()),
            Cmd::Home => self.cursor = 0,
            Cmd::End => self.cursor = self.text.chars().count(),
            _ => {}
        }
        self.text.len() != before
    }

    fn insert(&mut self, character: char) {
        if self.text.chars().count() < MAX_CHARS {
            self.text.insert(self.byte(self.cursor), character);
            self.cursor = self.cursor.saturating_add(1);
        }
    }

    fn remove(&mut self, from: usize, to: usize) {
        let (start, end) = (self.byte(from), self.byte(to));
        self.text.replace_range(start..end, "");
        self.cursor = from.min(self.text.chars().count());
    }

    /// Where the word before the cursor begins. Commas, dots and the like end a word, since answers are lists and names.
    fn word_start(&self) -> usize {
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let rest =
            before.iter().rposition(|it| it.is_alphanumeric()).map_or(0, |last| last.saturating_add(1));
        let in_word = |it: &char| !it.is_alphanumeric();
        before.iter().take(rest).rposition(in_word).map_or(0, |last| last.saturating_add(1))
    }

    fn byte(&self, characters: usize) -> usize {
        self.text.char_indices().nth(characters).map_or(self.text.len(), |(byte, _)| byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cmds: &[Cmd], want: (&str, usize)) {
        let mut editor = Editor::new(text);
        for cmd in cmds {
            editor.edit(cmd);
        }
        assert_eq!((editor.text(), editor.cursor()), want, "{text:?} {cmds:?}");
    }

    #[test]
    fn lines_are_edited_as_a_shell_edits_them() {
        check("ab", &[Cmd::Type('ü'), Cmd::Left, Cmd::Left, Cmd::Delete], ("aü", 1));
        check("10.0.0.0/8,10.1.0.0/16", &[Cmd::EraseWord], ("10.0.0.0/8,10.1.0.0/", 20));
        check("sre agent  ", &[Cmd::EraseWord, Cmd::EraseWord, Cmd::EraseWord], ("", 0));
        check("", &[Cmd::Paste("a\r\n b\u{7} \n".to_owned())], ("a,b", 3));
        check("abc", &[Cmd::Home, Cmd::Erase, Cmd::Right, Cmd::Type('x'), Cmd::End], ("axbc", 4));
        check("abc", &[Cmd::Clear, Cmd::Erase, Cmd::Delete, Cmd::Right], ("", 0));
    }
}
