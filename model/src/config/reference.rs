//! The table of keys for `docs/configuration.md`.

use std::fmt::Write;

use super::keys::{Fallback, KEYS, Key, Kind};

/// The table of all keys in Markdown.
pub fn reference() -> String {
    let mut out =
        String::from("| key | values | default | environment variable | meaning |\n|---|---|---|---|---|\n");
    for key in KEYS {
        let variable = key.variable().map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
        // Writing into a string cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {variable} | {} |",
            key.path,
            escaped(&values(key)),
            escaped(&default(key)),
            escaped(key.description),
        );
    }
    out
}

fn values(key: &Key) -> String {
    match key.kind {
        Kind::Version => format!("`{}`", super::VERSION),
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Text(_) => format!("text such as `{}`", key.example),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Cidrs => format!("CIDR blocks such as `{}`", key.example),
        Kind::Ports => format!("ports such as `{}`", key.example),
        Kind::Texts(_) => format!("texts such as `{}`", key.example),
        Kind::Models => format!("names and models such as `{}`", key.example),
        Kind::Section => "`null` or a mapping".to_owned(),
    }
}

fn default(key: &Key) -> String {
    match key.fallback {
        Fallback::Required => "required".to_owned(),
        Fallback::Value { yaml, reason } => format!("`{yaml}`: {reason}"),
        Fallback::Nothing(meaning) => format!("`null`: {meaning}"),
        Fallback::Derived(rule) => rule.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_table() {
        let page = include_str!("../../../docs/configuration.md");
        let (_, rest) = page.split_once("<!-- keys: begin -->\n").unwrap();
        let (table, _) = rest.split_once("<!-- keys: end -->").unwrap();
        assert!(
            table.trim() == reference().trim(),
            "replace what stands between the `keys` marks in docs/configuration.md by:\n\n{}",
            reference()
        );
    }
}
