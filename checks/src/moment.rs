//! A moment in whole seconds, over the whole range that X.509 can write: the year 9999 included, where most types end.

use std::fmt;

use jiff::Timestamp;
use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Seconds since 1970-01-01T00:00:00Z. Written and read as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// `99991231235959Z`: RFC 5280, section 4.1.2.5, says that it means "no well-defined expiration date".
    pub const NO_EXPIRY: Self = Self(253_402_300_799);

    /// From seconds since 1970.
    pub const fn from_second(second: i64) -> Self {
        Self(second)
    }

    /// Seconds since 1970.
    pub const fn as_second(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to here; negative where `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What a length of time is said in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    /// How many seconds it has.
    pub(crate) const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// Its sign, as in `3 d`.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }

    /// Its name for one of it, as in `1 day`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// A length of time in the unit that an operator would use: days from three on, hours and minutes from two on, else
/// seconds. Whatever says a time says this one, always rounded down: "3 days" are at least three.
pub(crate) const fn whole(seconds: i64) -> (i64, Unit) {
    const TWO_MINUTES: i64 = 2 * Unit::Minute.seconds();
    const TWO_HOURS: i64 = 2 * Unit::Hour.seconds();
    const THREE_DAYS: i64 = 3 * Unit::Day.seconds();
    let seconds = seconds.saturating_abs();
    let unit = match seconds {
        ..TWO_MINUTES => Unit::Second,
        TWO_MINUTES..TWO_HOURS => Unit::Minute,
        TWO_HOURS..THREE_DAYS => Unit::Hour,
        THREE_DAYS.. => Unit::Day,
    };
    (seconds.div_euclid(unit.seconds()), unit)
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_second())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = i32::try_from(self.0.div_euclid(86_400)).ok();
        let second = self.0.rem_euclid(86_400);
        let date = days.and_then(|days| {
            civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
        });
        match date {
            Some(date) => {
                let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
                write!(
                    f,
                    "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
                    date.year(),
                    date.month(),
                    date.day()
                )
            }
            // Outside of every calendar; nothing that a certificate can say.
            None => write!(f, "second {}", self.0),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let civil: civil::DateTime = text
            .strip_suffix('Z')
            .ok_or_else(|| de::Error::custom("must end in Z"))?
            .parse()
            .map_err(de::Error::custom)?;
        let days = i64::from(
            civil
                .date()
                .since((jiff::Unit::Day, civil::date(1970, 1, 1)))
                .map_err(de::Error::custom)?
                .get_days(),
        );
        let time = civil.time();
        let second = i64::from(time.hour())
            .saturating_mul(3600)
            .saturating_add(i64::from(time.minute()).saturating_mul(60))
            .saturating_add(i64::from(time.second()));
        Ok(Self(days.saturating_mul(86_400).saturating_add(second)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_calendar_are_written() {
        assert_eq!(Moment::from_second(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::from_second(-1).to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Moment::NO_EXPIRY.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Moment::from_second(-631_152_000).to_string(), "1950-01-01T00:00:00Z");
        assert_eq!(Moment::from_second(i64::MAX).to_string(), "second 9223372036854775807");
    }

    #[test]
    fn a_time_is_rounded_down_to_the_unit_that_fits() {
        let day = Unit::Day.seconds();
        assert_eq!(whole(40 * day - 1), (39, Unit::Day));
        assert_eq!(whole(3 * day - 1), (71, Unit::Hour));
        assert_eq!(whole(7_199), (119, Unit::Minute));
        assert_eq!(whole(119), (119, Unit::Second));
        assert_eq!(whole(-40 * day), (40, Unit::Day));
        assert_eq!(whole(i64::MIN), (106_751_991_167_300, Unit::Day));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(second in -2_208_988_800_i64..=253_402_300_799) {
            let moment = Moment::from_second(second);
            let text = serde_json::to_string(&moment).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        }
    }
}
