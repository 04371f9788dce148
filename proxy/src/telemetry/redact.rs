//! Masks what looks like a credential in a line, wherever it came from.
//!
//! The rest of the program keeps secrets out of its texts; this is for the text of an upstream's error or a dependency's
//! log line that quotes one. A line without a credential is only looked at, byte by byte.

use std::borrow::Cow;

/// What stands in a credential's place.
pub(crate) const MASK: &str = "[redacted]";

/// How a credential begins and what belongs to it.
struct Shape {
    /// In lower case; compared without regard to case where `any_case`.
    prefix: &'static [u8],
    any_case: bool,
    /// Whether the prefix only announces it, as `Bearer` does, and may stay in the line.
    announces: bool,
    /// Whether `:` or `=` has to stand in between: the name of a member, which may also end another word.
    assigned: bool,
    /// Characters after the prefix that make it one.
    shortest: usize,
    /// Characters that must be among them.
    needs: Option<u8>,
}

const fn begins(prefix: &'static [u8], shortest: usize) -> Shape {
    Shape { prefix, any_case: false, announces: false, assigned: false, shortest, needs: None }
}

const fn announced(prefix: &'static [u8], shortest: usize) -> Shape {
    Shape { prefix, any_case: true, announces: true, assigned: false, shortest, needs: None }
}

const fn member(prefix: &'static [u8], shortest: usize) -> Shape {
    Shape { prefix, any_case: true, announces: true, assigned: true, shortest, needs: None }
}

const SHAPES: &[Shape] = &[
    // Header values: RFC 6750 and RFC 7617.
    announced(b"bearer ", 8),
    announced(b"basic ", 12),
    // The same as the security log writes it.
    announced(b"bearer%20", 8),
    announced(b"basic%20", 12),
    // Keys of OpenAI and of this proxy.
    begins(b"sk-", 16),
    begins(b"bnp_", 8),
    // AWS: access keys of users and of sessions, and keys of the Bedrock API.
    begins(b"AKIA", 12),
    begins(b"ASIA", 12),
    begins(b"ABSK", 20),
    begins(b"bedrock-api-key-", 8),
    // RFC 7519: base64url of `{"`, then two more parts.
    Shape {
        prefix: b"eyJ",
        any_case: false,
        announces: false,
        assigned: false,
        shortest: 16,
        needs: Some(b'.'),
    },
    // Members and parameters that hold one.
    member(b"client_secret", 4),
    member(b"secret_access_key", 16),
    member(b"secretaccesskey", 16),
    member(b"session_token", 16),
    member(b"sessiontoken", 16),
    member(b"security-token", 16),
    member(b"access_token", 16),
    member(b"refresh_token", 16),
    member(b"id_token", 16),
    member(b"api_key", 16),
];

/// Which shapes may have the byte at the position of their prefix, a bit for each: three bytes in a row rule out all
/// shapes almost everywhere.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and would say so")]
static BEGINNINGS: [[u32; 256]; 3] = {
    let mut beginnings = [[0; 256]; 3];
    let mut index = 0;
    while index < SHAPES.len() {
        let mut position = 0;
        while position < beginnings.len() {
            let byte = SHAPES[index].prefix[position];
            beginnings[position][byte as usize] |= 1 << index;
            if SHAPES[index].any_case {
                beginnings[position][byte.to_ascii_uppercase() as usize] |= 1 << index;
            }
            position += 1;
        }
        index += 1;
    }
    beginnings
};

/// The shapes that may begin with these three bytes.
fn candidates(bytes: &[u8]) -> u32 {
    let [first, second, third] = &BEGINNINGS;
    let [a, b, c] = bytes else { return 0 };
    let of = |shapes: &[u32; 256], byte: &u8| shapes.get(usize::from(*byte)).copied().unwrap_or(0);
    of(first, a) & of(second, b) & of(third, c)
}

/// The line with [`MASK`] in the place of each credential; borrowed where there is none.
pub(crate) fn redact(line: &[u8]) -> Cow<'_, [u8]> {
    let mut masked: Vec<u8> = Vec::new();
    let (mut kept, mut next) = (0, 0);
    for (at, beginning) in line.windows(BEGINNINGS.len()).enumerate() {
        let shapes = candidates(beginning);
        if shapes == 0 || at < next {
            continue;
        }
        if let Some((from, to)) = credential(line, at, shapes) {
            masked.extend_from_slice(line.get(kept..from).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
            (kept, next) = (to, to);
        }
    }
    if kept == 0 {
        return Cow::Borrowed(line);
    }
    masked.extend_from_slice(line.get(kept..).unwrap_or_default());
    Cow::Owned(masked)
}

/// From where to where there is a credential of one of these shapes that begins, or is announced, at `at`.
fn credential(line: &[u8], at: usize, shapes: u32) -> Option<(usize, usize)> {
    let rest = line.get(at..)?;
    let possible = SHAPES.iter().enumerate().filter(|(index, _)| shapes & (1 << index) != 0);
    possible.map(|(_, shape)| shape).find_map(|shape| {
        let prefix = rest.get(..shape.prefix.len())?;
        let alike =
            if shape.any_case { prefix.eq_ignore_ascii_case(shape.prefix) } else { prefix == shape.prefix };
        if !alike || (!shape.announces && in_a_word(line, at)) {
            return None;
        }
        let after = rest.get(shape.prefix.len()..)?;
        let between = if shape.announces { length(after, separates) } else { 0 };
        let separators = after.get(..between)?;
        if shape.assigned && !separators.iter().any(|byte| matches!(byte, b':' | b'=')) {
            return None;
        }
        let token = after.get(between..)?;
        let token = token.get(..length(token, belongs))?;
        let enough = token.len() >= shape.shortest && shape.needs.is_none_or(|byte| token.contains(&byte));
        let start = at.saturating_add(shape.prefix.len()).saturating_add(between);
        let end = start.saturating_add(token.len());
        enough.then_some((if shape.announces { start } else { at }, end))
    })
}

/// Whether the byte before is of the same word: `task-list` holds no key. A percent-encoded byte is a word of its own.
fn in_a_word(line: &[u8], at: usize) -> bool {
    let before = |bytes: usize| at.checked_sub(bytes).and_then(|from| line.get(from..at));
    let is_encoded =
        matches!(before(3), Some([b'%', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    !is_encoded && matches!(before(1), Some([byte]) if byte.is_ascii_alphanumeric())
}

fn length(bytes: &[u8], within: fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !within(*byte)).unwrap_or(bytes.len())
}

/// What may stand between a name and its value, in JSON (escaped or not), in a query and in Rust's debug output.
fn separates(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b':' | b'=' | b' ')
}

/// The characters of RFC 6750 tokens, and `%` for those in a query.
fn belongs(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'%')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(line: &str) -> String {
        String::from_utf8(redact(line.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn credentials_are_masked_and_words_are_not() {
        for (line, expected) in [
            ("authorization: Bearer abc.def.ghi-jkl rest", "authorization: Bearer [redacted] rest"),
            (r#"{"h":"bearer \"abcdefgh\""}"#, r#"{"h":"bearer \"[redacted]\""}"#),
            ("key sk-proj-0123456789abcdef,", "key [redacted],"),
            ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
            ("Credential=ASIAIOSFODNN7EXAMPLE/20261121/us-east-1", "Credential=[redacted]"),
            ("(eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln)", "([redacted])"),
            ("bnp_0123456789abcdef", "[redacted]"),
            (r#"{\"client_secret\":\"hunter2\"}"#, r#"{\"client_secret\":\"[redacted]\"}"#),
            ("X-Amz-Security-Token=IQoJb3JpZ2luX2VjEAUaCXVz&x=1", "X-Amz-Security-Token=[redacted]&x=1"),
            ("the bearer was late", "the bearer was late"),
            ("a task-list-of-many-things-to-do", "a task-list-of-many-things-to-do"),
            ("kid=%22sk-proj-0123456789abcdef%22", "kid=%22[redacted]"),
            ("kid=Bearer%20abcdefghijkl iss=x", "kid=Bearer%20[redacted] iss=x"),
            ("eyJ is how they begin; sk-short", "eyJ is how they begin; sk-short"),
            (
                r#"error_code="invalid_api_key" duration_ms=0.331"#,
                r#"error_code="invalid_api_key" duration_ms=0.331"#,
            ),
            ("nothing here", "nothing here"),
            ("", ""),
        ] {
            assert_eq!(text(line), expected, "{line}");
        }
    }

    #[test]
    fn a_harmless_line_is_not_copied() {
        assert!(matches!(redact(b"basically, a key for us: eye"), Cow::Borrowed(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Feature: aws-ec2-production-deployment, Property 8: no line of the log holds a credential, whatever stands
        /// around it.
        #[test]
        fn no_credential_is_left_in_any_line(
            before in r#"([ -~]{0,30}[ "'=:,(])?"#,
            body in "[A-Za-z0-9]{24,60}",
            kind in 0_usize..7,
            after in r#"([ "',)&][ -~]{0,30})?"#,
        ) {
            let secret = match kind {
                0 => format!("Bearer {body}"),
                1 => format!("sk-{body}"),
                2 => format!("AKIA{body}"),
                3 => format!("eyJ{body}.{body}.{body}"),
                4 => format!("bnp_{body}"),
                5 => format!("client_secret={body}"),
                _ => format!("ASIA{body}"),
            };
            let line = format!("{before}{secret}{after}");
            let masked = text(&line);
            prop_assert!(!masked.contains(&body), "{} -> {}", line, masked);
        }

        #[test]
        fn any_bytes_can_be_looked_at(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let once = redact(&line).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once);
        }
    }
}
