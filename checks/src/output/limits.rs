//! Thresholds as the forms show them: a share of the lifetime, a time, or the lesser of both.

use std::fmt;

/// A day in seconds.
const DAY: i64 = 86_400;

/// Less than this left is worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// A share of the lifetime, in hundredths.
    pub percent: Option<u32>,
    /// A time in seconds. With a share, the lesser of both counts.
    pub seconds: Option<i64>,
}

impl Limit {
    /// The limit of a certificate with this lifetime, in seconds. `None` where it cannot be told.
    pub fn of(self, lifetime: Option<i64>) -> Option<i64> {
        let share = self.percent.map(|percent| {
            lifetime.map(|lifetime| lifetime.saturating_mul(i64::from(percent)).div_euclid(100))
        });
        match (share, self.seconds) {
            (Some(share), Some(seconds)) => Some(share?.min(seconds)),
            (Some(share), None) => share,
            (None, seconds) => seconds,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.seconds.map(|seconds| {
            let days = seconds.div_euclid(DAY);
            if seconds.rem_euclid(DAY) == 0 { format!("{days} d") } else { format!("{seconds} s") }
        });
        match (self.percent, time) {
            (Some(percent), Some(time)) => write!(f, "{percent} % of the lifetime, at most {time}"),
            (Some(percent), None) => write!(f, "{percent} % of the lifetime"),
            (None, Some(time)) => f.write_str(&time),
            (None, None) => f.write_str("none"),
        }
    }
}

/// Both thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From here on a warning.
    pub warn: Limit,
    /// From here on critical.
    pub critical: Limit,
}

impl Default for Limits {
    /// A renewal is due when a third of the lifetime is left; a warning means that it is overdue.
    fn default() -> Self {
        let limit =
            |percent, days: i64| Limit { percent: Some(percent), seconds: Some(days.saturating_mul(DAY)) };
        Self { warn: limit(30, 30), critical: limit(15, 14) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesser_of_share_and_time_counts() {
        let Limits { warn, critical } = Limits::default();
        let of = |days: i64| (warn.of(Some(days * DAY)).unwrap(), critical.of(Some(days * DAY)).unwrap());
        assert_eq!(of(90), (27 * DAY, 27 * DAY / 2));
        assert_eq!(of(198), (30 * DAY, 14 * DAY));
        assert_eq!(of(3650), (30 * DAY, 14 * DAY));
        assert_eq!(warn.of(None), None);
        let fixed = Limit { percent: None, seconds: Some(20 * DAY) };
        assert_eq!((fixed.of(None), fixed.to_string()), (Some(20 * DAY), "20 d".to_owned()));
        assert_eq!(warn.to_string(), "30 % of the lifetime, at most 30 d");
    }
}
