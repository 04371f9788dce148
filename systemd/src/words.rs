//! How text becomes part of a unit: quoting, escapes and specifiers, each as the reader of systemd undoes it.
//!
//! The rules are in systemd.syntax(7) "Quoting" and systemd.service(5) "Command lines". They differ: only a command line
//! knows `$`, only a command line undoes `\n`, and `%` is a specifier everywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What a unit cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unspeakable {
    /// systemd takes absolute paths only.
    #[error("{} is not absolute", .0.display())]
    Relative(PathBuf),
    /// systemd drops lines that are not UTF-8.
    #[error("{} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// systemd starts nothing by such a name, however it is escaped.
    #[error("{} has a quote or a backslash in it, which systemd takes in no program", .0.display())]
    Program(PathBuf),
    /// Lists of paths know no escape for them.
    #[error("{:?} has a control character in it", .0.display())]
    Control(PathBuf),
}

/// A path that can stand in a unit: absolute, UTF-8, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitPath(String);

impl UnitPath {
    /// Takes a path that a unit can say.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(path: &Path) -> Result<Self, Unspeakable> {
        if !path.is_absolute() {
            return Err(Unspeakable::Relative(path.to_owned()));
        }
        let text = path.to_str().ok_or_else(|| Unspeakable::NotUtf8(path.to_owned()))?;
        if text.chars().any(char::is_control) {
            return Err(Unspeakable::Control(path.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// A path of [`crate::Layout`], which is made of plain words below a root that is `/` on every host.
    pub(crate) fn known(path: &Path) -> Self {
        Self(path.to_string_lossy().into_owned())
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// As the rest of a line, whose reader undoes nothing but specifiers.
    pub(crate) fn alone(&self) -> String {
        self.0.replace('%', "%%")
    }

    /// As one item of a list of paths.
    pub(crate) fn item(&self) -> String {
        item(&self.0)
    }
}

/// The path of a program that a unit can start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramPath(UnitPath);

impl ProgramPath {
    /// Takes a path by which systemd starts a program.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(path: &Path) -> Result<Self, Unspeakable> {
        let known = UnitPath::new(path)?;
        if known.0.contains(['"', '\'', '\\']) {
            return Err(Unspeakable::Program(path.to_owned()));
        }
        Ok(Self(known))
    }

    /// A path of [`crate::Layout`] or of the system.
    pub(crate) fn known(path: &Path) -> Self {
        Self(UnitPath::known(path))
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        self.0.as_path()
    }

    /// As the first word of a command line, where systemd replaces specifiers but no variables.
    pub(crate) fn first(&self) -> String {
        self.0.item()
    }
}

/// An argument of a command line.
pub(crate) fn argument(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '$' => out.push_str("$$"),
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                // The bytes of its UTF-8: `\u` would do for most, and for a few is refused.
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    quoted(text, out)
}

/// One item of a list whose reader undoes quotes, and escapes of quotes and backslashes, but of nothing else.
fn item(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    quoted(text, out)
}

/// In quotes, unless every character is harmless.
fn quoted(text: &str, escaped: String) -> String {
    let is_plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:,@+=%".contains(c));
    if is_plain { escaped } else { format!("\"{escaped}\"") }
}

/// The rest of a line for people: one line, and nothing in it that systemd would replace.
pub(crate) fn sentence(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A backslash at the end would take the next line in.
    one_line.trim().trim_end_matches('\\').replace('%', "%%")
}

#[cfg(test)]
mod tests;
