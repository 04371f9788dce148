//! How times and long lists are said.

use crate::moment::whole;

/// How many names of a list are shown.
const SHOWN: usize = 8;
/// How long a name may be before it is cut.
const LONG: usize = 120;

/// A time as `39 d`: in the unit that fits, rounded down.
pub(super) fn span(seconds: i64) -> String {
    let (number, unit) = whole(seconds);
    format!("{number} {}", unit.sign())
}

/// The first of many, and how many more there are.
pub(super) fn some<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| cut(name.as_ref())).collect();
    let more = names.len().saturating_sub(SHOWN);
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// A text as it is where it is short and plain; control characters escaped, and cut where it is long.
pub(super) fn cut(text: &str) -> String {
    let mut plain: String = text.chars().take(LONG).flat_map(escaped).collect();
    if text.chars().nth(LONG).is_some() {
        plain.push('…');
    }
    plain
}

fn escaped(letter: char) -> impl Iterator<Item = char> {
    let is_plain = !letter.is_control();
    let plain = is_plain.then_some(letter);
    let escape = (!is_plain).then(|| letter.escape_default());
    plain.into_iter().chain(escape.into_iter().flatten())
}

/// A word as one argument of a shell command.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@%+=,*".contains(&byte));
    if is_plain && !word.contains('*') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::judge::policy::DAY;

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        let said: Vec<String> =
            [0, -119, 120, 7_199, 7_200, 3 * DAY - 1, 3 * DAY, 30 * DAY + 5, i64::MIN].map(span).into();
        assert_eq!(
            said,
            ["0 s", "119 s", "2 min", "119 min", "2 h", "71 h", "3 d", "30 d", "106751991167300 d"]
        );
    }

    #[test]
    fn words_cannot_break_out_of_a_command_or_a_line() {
        assert_eq!(quoted("/etc/ssl/a.pem"), "/etc/ssl/a.pem");
        assert_eq!(quoted("a'; rm -rf /"), r"'a'\''; rm -rf /'");
        assert_eq!(quoted("*.pem"), "'*.pem'");
        assert_eq!(cut("a\nb\u{1b}"), r"a\nb\u{1b}");
        assert_eq!(some(&["a"; 10]), "a, a, a, a, a, a, a, a and 2 more");
    }
}
