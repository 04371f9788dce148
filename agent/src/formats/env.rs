//! `.env` files: sourced by a shell, read by Python's dotenv, and handed to docker with `--env-file`.

use super::{Unwritable, joined, lines};

/// A value that only a shell could compute, or that it would not take as an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear;

/// The file, line by line.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvFile {
    lines: Vec<String>,
    is_windows: bool,
}

impl EnvFile {
    /// Takes the text of the file; any text is one.
    pub fn parse(text: &str) -> Self {
        let (lines, is_windows) = lines(text);
        Self { lines, is_windows }
    }

    /// The file as it is written.
    pub fn text(&self) -> String {
        joined(&self.lines)
    }

    /// Whether lines ended as Windows ends them: a shell would keep the `\r` in every value.
    pub fn is_windows(&self) -> bool {
        self.is_windows
    }

    /// What a shell that sources the file has in the variable: the last assignment wins.
    pub fn get(&self, name: &str) -> Option<Result<String, Unclear>> {
        self.raw(name).map(shell)
    }

    /// What docker hands over for the variable: everything behind the sign, quotes included.
    pub fn as_docker(&self, name: &str) -> Option<&str> {
        self.raw(name)
    }

    /// The value as far as it is clear, or nothing where it is missing or empty.
    pub fn clear(&self, name: &str) -> Option<String> {
        self.get(name)?.ok().filter(|value| !value.is_empty())
    }

    /// The variables that are set, each once, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.lines.iter().filter_map(|line| assignment(line)) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// How many lines set the variable.
    pub fn times(&self, name: &str) -> usize {
        self.lines.iter().filter_map(|line| assignment(line)).filter(|(known, _)| *known == name).count()
    }

    /// Sets the variable, without quotes, on one line; other lines stay.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Unwritable> {
        if let Some(why) = fault(value) {
            return Err(Unwritable::new(name, why));
        }
        let line = format!("{name}={value}");
        let mut is_set = false;
        self.lines.retain_mut(|old| {
            if assignment(old).is_none_or(|(known, _)| known != name) {
                return true;
            }
            if !is_set {
                old.clone_from(&line);
            }
            !std::mem::replace(&mut is_set, true)
        });
        if !is_set {
            self.lines.push(line);
        }
        Ok(())
    }

    /// Appends what another file says of the variable, as it stands there.
    pub fn take_over(&mut self, name: &str, from: &Self) {
        let last = from.lines.iter().rfind(|line| assignment(line).is_some_and(|(known, _)| known == name));
        if let Some(line) = last {
            self.lines.push(line.trim_start().to_owned());
        }
    }

    /// Makes the lines that set the variable comments.
    pub fn comment_out(&mut self, name: &str) {
        for line in &mut self.lines {
            if assignment(line).is_some_and(|(known, _)| known == name) {
                line.insert_str(0, "# ");
            }
        }
    }

    fn raw(&self, name: &str) -> Option<&str> {
        let assignments = self.lines.iter().filter_map(|line| assignment(line));
        assignments.filter(|(known, _)| *known == name).map(|(_, raw)| raw).next_back()
    }
}

/// The name and what stands behind the sign, where the line is an assignment.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, raw) = line.split_once('=')?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, raw))
}

/// What a shell makes of the right side of an assignment.
fn shell(raw: &str) -> Result<String, Unclear> {
    let mut value = String::new();
    let mut rest = raw.chars();
    if raw.starts_with('~') {
        return Err(Unclear);
    }
    while let Some(c) = rest.next() {
        match c {
            '\'' => loop {
                match rest.next().ok_or(Unclear)? {
                    '\'' => break,
                    c => value.push(c),
                }
            },
            '"' => loop {
                match rest.next().ok_or(Unclear)? {
                    '"' => break,
                    '$' | '`' => return Err(Unclear),
                    '\\' => match rest.next().ok_or(Unclear)? {
                        c @ ('$' | '`' | '"' | '\\') => value.push(c),
                        c => value.extend(['\\', c]),
                    },
                    c => value.push(c),
                }
            },
            '\\' => value.push(rest.next().ok_or(Unclear)?),
            ' ' | '\t' => {
                let behind = rest.as_str().trim_start_matches([' ', '\t']);
                // A further word would be a command, and the assignment only be for that.
                return if behind.is_empty() || behind.starts_with('#') { Ok(value) } else { Err(Unclear) };
            }
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => return Err(Unclear),
            c => value.push(c),
        }
    }
    Ok(value)
}

/// Characters that a shell, dotenv and docker read the same way without quotes.
fn fault(value: &str) -> Option<&'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(&byte);
    (!value.bytes().all(is_plain)).then_some(
        "a shell and docker read it differently; only letters, digits and _./:@%+=,- are read the same by both",
    )
}
