//! Hides the values of secrets in a file's text, so that no excerpt can show them.

use super::yaml;

/// Whether a key of this name is set to a secret. The text is the value where it is a scalar or stands on the line of the
/// key, and empty otherwise.
pub type IsSecret = fn(name: &str, text: &str) -> bool;

/// The same bytes, each byte of a secret replaced by an asterisk. Length and lines stay as they are.
pub(crate) fn mask(bytes: &[u8], is_secret: IsSecret) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    if let Some(root) = yaml::read(bytes).root {
        let mut spans = Vec::new();
        yaml::secret_spans(&root, is_secret, &mut spans);
        for span in spans {
            hide(&mut masked, span.start, span.end);
        }
    }
    // A file that cannot be read, a duplicate key or a comment may hold a secret that is in no tree.
    mask_by_lines(bytes, is_secret, &mut masked);
    masked
}

fn hide(masked: &mut [u8], start: usize, end: usize) {
    let end = end.min(masked.len());
    if let Some(part) = masked.get_mut(start.min(end)..end) {
        part.iter_mut().filter(|byte| !matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b'*');
    }
}

/// What of a secret may stand on the following lines.
#[derive(Clone, Copy)]
struct Open {
    /// Indentation of the secret's key; what is indented more deeply belongs to it.
    indentation: usize,
    /// Whether the value has begun; until then it may stand anywhere.
    begun: bool,
    /// The quotation mark that has not been closed.
    quote: Option<u8>,
}

/// Hides what follows a secret's name and a colon: up to the end of the line, on more deeply indented lines, and up to
/// the end of a quotation.
fn mask_by_lines(bytes: &[u8], is_secret: IsSecret, masked: &mut [u8]) {
    let mut start = 0_usize;
    let mut open: Option<Open> = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start.saturating_add(line.len());
        let indentation = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        let continued =
            open.filter(|open| indentation > open.indentation || !open.begun || open.quote.is_some());
        if is_blank {
            // Belongs to whatever is around it.
        } else if let Some(before) = continued {
            hide(masked, start, end);
            let quote = if before.begun { quote_after(line, before.quote) } else { first_quote(line) };
            open = Some(Open { begun: true, quote, ..before });
        } else if let Some(value) = secret_value(line, is_secret) {
            hide(masked, start.saturating_add(value), end);
            let rest = line.get(value..).unwrap_or_default();
            let begun = !rest.iter().all(u8::is_ascii_whitespace);
            open = Some(Open { indentation, begun, quote: first_quote(rest) });
        } else {
            open = None;
        }
        start = end;
    }
}

/// The quotation mark with which a value begins and that is not closed on its line.
fn first_quote(value: &[u8]) -> Option<u8> {
    let (first, rest) = value.trim_ascii_start().split_first()?;
    if matches!(first, b'"' | b'\'') { quote_after(rest, Some(*first)) } else { None }
}

/// What is still open of a quotation after this text.
fn quote_after(text: &[u8], quote: Option<u8>) -> Option<u8> {
    quote.filter(|quote| !text.contains(quote))
}

/// Where in a line the value of a secret begins.
fn secret_value(line: &[u8], is_secret: IsSecret) -> Option<usize> {
    line.iter().enumerate().filter(|(_, byte)| matches!(**byte, b':' | b'=')).find_map(|(colon, _)| {
        let before = line.get(..colon)?.trim_ascii_end();
        let name: Vec<u8> = before
            .iter()
            .rev()
            .skip_while(|byte| matches!(byte, b'"' | b'\''))
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .copied()
            .collect();
        let name: String = name.into_iter().rev().map(char::from).collect();
        let value = colon.saturating_add(1);
        let text = String::from_utf8_lossy(line.get(value..).unwrap_or_default());
        is_secret(&name, text.trim()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::secret_names;

    fn by_name(name: &str, _: &str) -> bool {
        secret_names::is_secret(name)
    }

    #[test]
    fn no_form_of_a_secret_stays_readable() {
        for text in [
            "client_secret: hunter2\n",
            "a: {client_secret: hunter2, b: 1}\n",
            "{\"client_secret\": \"hunter2\"}",
            "{\"client_secret\":\n\"hunter2\"}",
            "client_secret: |\n  hunter2\n  hunter2\nb: 1\n",
            "client_secret:\n  nested: hunter2\n",
            "client_secret: a\nclient_secret: hunter2\n",
            "# client_secret: hunter2\n",
            "client_secret: hunter2\nb: [1\n",
            "client_secret:\n- hunter2\n- hunter2\n",
            "client_secret: \"x\n\n  hunter2\"\n",
            "client_secret: \"x\n\nhunter2\"\nb: [\n",
            "client_secret: 'x\nhunter2\nhunter2'\nb: [\n",
            "? client_secret\n: hunter2\n",
            "\"client\\u005fsecret\": hunter2\n",
        ] {
            let masked = String::from_utf8(mask(text.as_bytes(), by_name)).unwrap();
            assert!(!masked.contains("hunter2"), "{text:?}: {masked:?}");
            assert_eq!(masked.len(), text.len());
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let text = "cognito:\n  client_secret: x\n  scopes: [read]\ntls: {key_path: /a, b: 1}\n";
        assert_eq!(mask(text.as_bytes(), by_name), text.replace(": x", ":**").as_bytes());
    }
}
