//! What comes from strangers, made harmless for each form.

use std::fmt::Write as _;

/// Characters that change what others look like: controls of terminals (C0, DEL, C1) and of the direction of writing.
pub(super) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// One line without a control character: what would be one is written as `\n` or `\u{1b}`.
pub fn plain(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same, but lines stay lines.
pub fn lines(text: &str) -> String {
    escaped(&text.replace("\r\n", "\n"), |c| c == '\n')
}

fn escaped(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if keeps(c) || !is_control(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out
}

/// Text of XML and HTML. Lines stay lines; what XML 1.0 cannot hold at all is written out.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lines(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML, and no characters.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// One line of markup, also inside of attributes.
pub(super) fn markup_line(text: &str) -> String {
    markup(&plain(text))
}

/// Text of Markdown: no character of it is taken for a mark.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A hyphen, dot, plus or equals sign is a mark only at the beginning of a line, where no data stands.
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Cut to at most this many bytes, at a character, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    const MARK: &str = "...";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub(MARK.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(plain("a\x1b[31mb\nc\u{9b}d\u{202e}e"), "a\\u{1b}[31mb\\nc\\u{9b}d\\u{202e}e");
        assert_eq!(lines("a\r\nb\rc"), "a\nb\\rc");
        assert_eq!(markup("<a href='x'>]]>&\n"), "&lt;a href=&#39;x&#39;&gt;]]&gt;&amp;\n");
        assert_eq!(markdown("|`<b>`*_"), "\\|\\`&lt;b&gt;\\`\\*\\_");
        assert_eq!((cut("äöü", 5).as_str(), cut("äöü", 6).as_str()), ("ä...", "äöü"));
    }

    proptest! {
        #[test]
        fn nothing_that_moves_a_cursor_is_left(text in ".{0,40}", bytes in 0_usize..40) {
            prop_assert!(!plain(&text).chars().any(is_control));
            prop_assert!(!lines(&text).chars().any(|c| is_control(c) && c != '\n'));
            prop_assert!(!markup(&text).contains(['<', '>', '"', '\'']));
            prop_assert!(cut(&text, bytes).len() <= bytes.max(3));
        }
    }
}
