//! Durations and sizes as people write them.

use std::time::Duration;

use model::document::{Flaw, codes::OUT_OF_RANGE, shown};

use super::codes::MALFORMED_AMOUNT;

const DURATIONS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A time between two numbers of milliseconds: `500ms`, `30s`, `5m`, `1h`.
pub(super) fn duration(text: &str, min_ms: u64, max_ms: u64) -> Result<Duration, Flaw> {
    let flaw = || {
        let message = format!("{} is no duration: a whole number with `ms`, `s`, `m` or `h`", shown(text));
        Flaw::new(MALFORMED_AMOUNT, message)
    };
    let Some(milliseconds) = parse(text, DURATIONS) else {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if bare {
            flaw().suggestion(format!("did you mean `{text}s`?"))
        } else {
            flaw().example("30s")
        });
    };
    within(text, milliseconds, min_ms, max_ms, shown_duration)?;
    Ok(Duration::from_millis(milliseconds))
}

/// A number of bytes between two others: `1048576`, `25MiB`.
pub(super) fn size(text: &str, min: u64, max: u64) -> Result<usize, Flaw> {
    let flaw = || {
        let message =
            format!("{} is no size: a whole number of bytes, or with `KiB`, `MiB` or `GiB`", shown(text));
        Flaw::new(MALFORMED_AMOUNT, message).example("25MiB")
    };
    let bytes = parse(text, SIZES).ok_or_else(flaw)?;
    within(text, bytes, min, max, |bytes| format!("{bytes} bytes"))?;
    usize::try_from(bytes).map_err(|_| flaw())
}

/// The number in front of a unit, in the smallest one. A number beyond all ranges is the largest there is.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    if number.is_empty() {
        return None;
    }
    Some(number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*factor))
}

fn within(text: &str, value: u64, min: u64, max: u64, show: impl Fn(u64) -> String) -> Result<(), Flaw> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let message = format!("{} is not between {} and {}", shown(text), show(min), show(max));
    Err(Flaw::new(OUT_OF_RANGE, message))
}

/// The largest unit in which this is a whole number.
pub(super) fn shown_duration(milliseconds: u64) -> String {
    let unit = DURATIONS.iter().rev().find(|(_, factor)| milliseconds.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) if milliseconds > 0 => {
            format!("{}{name}", milliseconds.checked_div(*factor).unwrap_or_default())
        }
        _ => format!("{milliseconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("5 m", 300_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(duration(text, 0, u64::MAX).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for text in ["", "s", "30", "1.5s", "-1s", "30 sec", "1m30s", "30S"] {
            assert_eq!(duration(text, 0, u64::MAX).unwrap_err().code, MALFORMED_AMOUNT, "{text}");
        }
        assert_eq!(duration("30", 0, 1).unwrap_err().suggestion.unwrap(), "did you mean `30s`?");
        assert!(
            duration("99999999999999999999h", 0, 1000).unwrap_err().message.ends_with("between 0s and 1s")
        );
    }

    #[test]
    fn sizes_are_bytes_or_have_units() {
        for (text, bytes) in [("1024", 1024), ("25MiB", 25 << 20), ("1 GiB", 1 << 30), ("5MB", 5_000_000)] {
            assert_eq!(size(text, 0, u64::MAX).unwrap(), bytes, "{text}");
        }
        assert_eq!(size("25 megs", 0, 1).unwrap_err().code, MALFORMED_AMOUNT);
        assert_eq!(size("1", 1024, 2048).unwrap_err().code, OUT_OF_RANGE);
    }

    #[test]
    fn a_duration_is_shown_in_its_largest_unit() {
        for (ms, text) in [(0, "0s"), (500, "500ms"), (90_000, "90s"), (3_600_000, "1h"), (60_000, "1m")] {
            assert_eq!(shown_duration(ms), text);
        }
    }
}
