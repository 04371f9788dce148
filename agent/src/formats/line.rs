//! Files of one line: the scripts read them with `cat` and put what they get between quotes.

use super::Unwritable;

/// What the scripts get: the text without blanks around it.
pub fn read_line(text: &str) -> &str {
    text.trim()
}

/// The file for a value. It has no newline at its end, as the scripts write it.
pub fn line(name: &str, value: &str) -> Result<String, Unwritable> {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`' | '$');
    if value.is_empty() || !value.chars().all(is_plain) {
        return Err(Unwritable::new(name, "the scripts read one word without quotes from it"));
    }
    Ok(value.to_owned())
}

/// The gateway's URL as the scripts want it, who append `/mcp` themselves.
pub fn without_mcp(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/mcp").unwrap_or(url).trim_end_matches('/')
}
