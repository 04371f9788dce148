//! Writes values as YAML that every reader understands alike.

use std::fmt::Write as _;

use model::document::{Node, Notation, Scalar, Type, Value};

/// Whether the key takes numbers, which are written bare, or texts, which must never look like numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Whole numbers.
    Numbers,
    /// Texts.
    Texts,
}

/// Words that readers of YAML 1.1 take for a truth value or for nothing.
const TAKEN: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A value as it came from a flag, on one line.
pub(super) fn value(node: &Node, wants: Wants) -> String {
    match &node.value {
        Value::Scalar(scalar) => one(scalar, wants),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| value(item, wants)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| format!("{}: {}", text(&entry.key), value(&entry.value, wants)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Reported => "null".to_owned(),
    }
}

fn one(scalar: &Scalar, wants: Wants) -> String {
    if scalar.kind() == Type::Null {
        "null".to_owned()
    } else if wants == Wants::Numbers && is_whole(&scalar.text) {
        scalar.text.clone()
    } else {
        text(&scalar.text)
    }
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A text, bare where nobody could take it for anything else.
pub(super) fn text(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { quoted(text) }
}

fn is_bare(text: &str) -> bool {
    let plain = Scalar { text: text.to_owned(), notation: Notation::Plain };
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.'));
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"._/:@+-".contains(&b);
    // Numbers of any kind, times and dates.
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b"_:.+-eE".contains(&b));
    begins
        && ends
        && text.bytes().all(inside)
        && !numeric
        && plain.kind() == Type::Text
        && !TAKEN.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// In quotation marks, with everything that is not plainly visible escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            // Writing into a string cannot fail.
            c if u32::from(c) <= 0xFFFF => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_could_misread_is_bare() {
        for bare in
            ["us-east-1", "10.0.0.0/8", "t3.xlarge", "amazon.nova-pro-v1:0", "ops@corp.io", "/opt/ssl/a.pem"]
        {
            assert_eq!(text(bare), bare);
        }
        for (misread, written) in [
            ("", "\"\""),
            ("123456789012", "\"123456789012\""),
            ("0x1f", "\"0x1f\""),
            ("1e3", "\"1e3\""),
            ("12:30", "\"12:30\""),
            ("1_000", "\"1_000\""),
            ("off", "\"off\""),
            ("True", "\"True\""),
            ("~", "\"~\""),
            ("::/0", "\"::/0\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("- a", "\"- a\""),
            ("a:", "\"a:\""),
            ("*x", "\"*x\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("a\nb\u{85}\u{FEFF}\u{1F600}", "\"a\\nb\\u0085\\uFEFF\\U0001F600\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(text(misread), written);
        }
    }
}
