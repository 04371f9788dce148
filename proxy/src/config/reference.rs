//! The table of keys for `docs/proxy-configuration.md`.

use std::fmt::Write;

use super::{
    amount::shown_duration,
    keys::{Fallback, KEYS, Key, Kind},
};

/// The table of all keys in Markdown.
pub fn reference() -> String {
    let mut out = String::from("| key | values | default | a change | meaning |\n|---|---|---|---|---|\n");
    for key in KEYS {
        let change = if key.reloads { "reload" } else { "restart" };
        // Writing into a string cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {change} | {} |",
            key.path.replace('*', "NAME"),
            values(key).replace('|', "\\|"),
            default(key),
            key.description,
        );
    }
    out
}

fn values(key: &Key) -> String {
    match key.kind {
        Kind::Mapping => "keys below".to_owned(),
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Text(example) => format!("text such as `{example}`"),
        Kind::Texts(example) => format!("texts such as `{example}`"),
        Kind::Path(example) => format!("path such as `{example}`"),
        Kind::Address => "address and port".to_owned(),
        Kind::Url(example) => format!("URL such as `{example}`"),
        Kind::Integer { min, max } if min == max => format!("`{min}`"),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Size { min, max } => format!("{min} to {max} bytes"),
        Kind::Duration { min_ms, max_ms } => {
            format!("{} to {}", shown_duration(min_ms), shown_duration(max_ms))
        }
        Kind::Boolean => "`true`, `false`".to_owned(),
    }
}

fn default(key: &Key) -> String {
    match key.fallback {
        Fallback::Required => "required".to_owned(),
        Fallback::Value(yaml) => format!("`{yaml}`"),
        Fallback::Else(meaning) => meaning.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/proxy-configuration.md");
        let document = std::fs::read_to_string(path).unwrap_or_default();
        assert!(document.contains(super::super::smallest()), "put the smallest file into {path}");
        assert!(document.contains(reference().trim()), "put this table into {path}:\n{}", reference());
    }
}
