//! Notices that the certificate which is shown should have been renewed by now. Pure: it is told what is shown and when.

use jiff::{SignedDuration, Timestamp};

use super::Shown;

/// Percent of the lifetime that are left when it is said. Renewal is due when a third is left, or half of a lifetime under
/// ten days, so less than this means that it is overdue. `check certs` warns at the same moment (SRE-TLS-002).
const LEFT_PERCENT: i32 = 30;
/// However long the lifetime is, it is not said before this.
const LEFT_MOST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// It is said again after this long, so that somebody who looks once a day sees it.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// How the certificate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Sooner than it should have been renewed.
    Soon,
    /// It has ended.
    Past,
}

/// Remembers what was said of which certificate.
#[derive(Debug, Default)]
pub struct ExpiryWatch {
    said: Option<(String, Ending, Timestamp)>,
}

impl ExpiryWatch {
    /// What is to be said now of the certificate that is shown: once when it begins to be so, and once a day as long as it
    /// is.
    pub fn look(&mut self, shown: &Shown, now: Timestamp) -> Option<Ending> {
        let Some(ending) = ending(shown, now) else {
            self.said = None;
            return None;
        };
        let is_said = self.said.as_ref().is_some_and(|(serial, said, at)| {
            *serial == shown.serial && *said == ending && now.duration_since(*at) < AGAIN
        });
        if is_said {
            return None;
        }
        self.said = Some((shown.serial.clone(), ending, now));
        Some(ending)
    }
}

fn ending(shown: &Shown, now: Timestamp) -> Option<Ending> {
    let left = shown.not_after.duration_since(now);
    let lifetime = shown.not_after.duration_since(shown.not_before);
    let share =
        lifetime.checked_div(100).and_then(|part| part.checked_mul(LEFT_PERCENT)).unwrap_or(LEFT_MOST);
    match left {
        left if left.is_negative() => Some(Ending::Past),
        left if left < share.min(LEFT_MOST) => Some(Ending::Soon),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(serial: &str, days: i64) -> Shown {
        let not_before: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let not_after = not_before.checked_add(SignedDuration::from_hours(days.saturating_mul(24))).unwrap();
        Shown { serial: serial.to_owned(), not_before, not_after, names: Vec::new() }
    }

    /// So many hours before its end.
    fn before(shown: &Shown, hours: i64) -> Timestamp {
        shown.not_after.checked_sub(SignedDuration::from_hours(hours)).unwrap()
    }

    #[test]
    fn it_is_said_once_a_day_until_another_certificate_is_shown() {
        let (old, mut watch) = (shown("01", 90), ExpiryWatch::default());
        assert_eq!(watch.look(&old, before(&old, 27 * 24)), None);
        let mut said = Vec::new();
        for hours in (0..27 * 24).rev() {
            said.extend(watch.look(&old, before(&old, hours)).map(|ending| (hours, ending)));
        }
        assert_eq!(said.len(), 27);
        assert_eq!(said[..2], [(647, Ending::Soon), (623, Ending::Soon)]);
        assert_eq!(watch.look(&old, before(&old, -1)), Some(Ending::Past));
        assert_eq!(watch.look(&old, before(&old, -2)), None);
        assert_eq!(watch.look(&old, before(&old, -25)), Some(Ending::Past));
        let renewed = shown("02", 180);
        assert_eq!(watch.look(&renewed, before(&old, 0)), None);
    }

    #[test]
    fn the_threshold_follows_the_lifetime() {
        let cases = [(398, 30 * 24), (90, 27 * 24), (6, 43)];
        for (days, hours) in cases {
            let shown = shown("01", days);
            assert_eq!(ending(&shown, before(&shown, hours + 1)), None, "{days}");
            assert_eq!(ending(&shown, before(&shown, hours - 1)), Some(Ending::Soon), "{days}");
        }
    }
}
