//! What counts as late: thresholds as an operator writes them, and what they come to for one certificate.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::roots::Roots;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// More than any certificate lives, and far from the end of the numbers.
const LONGEST: i64 = 36_500 * DAY;

/// How much may be left of a certificate's life before somebody should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// So many hundredths of the lifetime, of what is left; never of what has passed.
    Percent(u8),
    /// So many seconds.
    Seconds(i64),
}

/// Why a threshold, or a pair of them, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is neither a share nor a time.
    #[error(
        "`{0}` is neither a share of the lifetime nor a time; write `30%` (of the lifetime is left), `20d` or `36h`"
    )]
    Threshold(String),
    /// It is more than a whole lifetime, or than a hundred years.
    #[error("`{0}` is too much; a share is at most `100%`, a time at most `36500d`")]
    TooMuch(String),
    /// What is critical would come before what is warned of.
    #[error(
        "critical at {critical} comes before the warning at {warn}; the critical threshold is the smaller one, such as `--warn 30% --critical 15%`"
    )]
    Order {
        /// The threshold of warnings.
        warn: String,
        /// The critical one.
        critical: String,
    },
}

impl FromStr for Threshold {
    type Err = PolicyError;

    /// Reads `30%`, `20d` or `36h`.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let unclear = || PolicyError::Threshold(text.to_owned());
        let text_trimmed = text.trim();
        let unit = text_trimmed.chars().next_back().ok_or_else(unclear)?;
        let digits = text_trimmed.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unclear());
        }
        let too_much = || PolicyError::TooMuch(text.to_owned());
        // Only digits are left, so what cannot be read is too long.
        let number: i64 = digits.parse().map_err(|_| too_much())?;
        let seconds = |each: i64| {
            number.checked_mul(each).filter(|all| *all <= LONGEST).map(Self::Seconds).ok_or_else(too_much)
        };
        match unit {
            '%' => u8::try_from(number)
                .ok()
                .filter(|share| *share <= 100)
                .map(Self::Percent)
                .ok_or_else(too_much),
            'd' => seconds(DAY),
            'h' => seconds(HOUR),
            _ => Err(unclear()),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Seconds(seconds) if seconds.rem_euclid(DAY) == 0 => {
                write!(f, "{}d", seconds.div_euclid(DAY))
            }
            Self::Seconds(seconds) => write!(f, "{}h", seconds.div_euclid(HOUR)),
        }
    }
}

/// A share, a time, or the lesser of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    share: Option<u8>,
    seconds: Option<i64>,
}

impl Limit {
    const fn of(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Percent(share) => Self { share: Some(share), seconds: None },
            Threshold::Seconds(seconds) => Self { share: None, seconds: Some(seconds) },
        }
    }

    /// What it comes to for a certificate that lives `lifetime` seconds.
    fn seconds(self, lifetime: i64) -> i64 {
        let share = self.share.map(|share| {
            let whole = i128::from(lifetime.max(0)).saturating_mul(i128::from(share));
            // Rounded up: then "fewer seconds than this are left" is the same as "less than this share is left".
            i64::try_from(whole.saturating_add(99).div_euclid(100)).unwrap_or(i64::MAX)
        });
        [share, self.seconds].into_iter().flatten().min().unwrap_or(0)
    }

    /// Whether it is larger than `other` for every certificate.
    fn exceeds(self, other: Self) -> bool {
        let larger = |mine: Option<i64>, theirs: Option<i64>| matches!((mine, theirs), (Some(mine), Some(theirs)) if mine > theirs);
        let (mine, theirs) = (self.share.map(i64::from), other.share.map(i64::from));
        match (self.share, self.seconds) {
            (Some(_), Some(_)) => larger(mine, theirs) && larger(self.seconds, other.seconds),
            _ => larger(mine, theirs) || larger(self.seconds, other.seconds),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.share.map(Threshold::Percent), self.seconds.map(Threshold::Seconds)) {
            (Some(share), Some(seconds)) => write!(f, "the lesser of {share} and {seconds}"),
            (Some(one), None) | (None, Some(one)) => write!(f, "{one}"),
            (None, None) => f.write_str("no limit"),
        }
    }
}

/// What certificates are held to.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Who is trusted.
    pub roots: Roots,
    /// Ids of the groups that may read a private key: root's, and those of services that need it, such as `ssl-cert`.
    pub key_groups: BTreeSet<u32>,
    warn: Limit,
    critical: Limit,
}

impl Policy {
    /// The defaults: a warning below the lesser of 30 days and 30 % of the lifetime, critical below the lesser of 14 days
    /// and 15 %. Renewal is due at a third of the life, so a warning means that it is overdue.
    pub fn new(roots: Roots) -> Self {
        Self {
            roots,
            key_groups: BTreeSet::from([0]),
            warn: Limit { share: Some(30), seconds: Some(30 * DAY) },
            critical: Limit { share: Some(15), seconds: Some(14 * DAY) },
        }
    }

    /// The same policy with other thresholds; each that is given replaces its default as a whole.
    pub fn thresholds(
        self,
        warn: Option<Threshold>,
        critical: Option<Threshold>,
    ) -> Result<Self, PolicyError> {
        let policy = Self {
            warn: warn.map_or(self.warn, Limit::of),
            critical: critical.map_or(self.critical, Limit::of),
            ..self
        };
        // A warning later than the default of what is critical is allowed, and never moves it.
        if critical.is_some() && policy.critical.exceeds(policy.warn) {
            return Err(PolicyError::Order {
                warn: policy.warn.to_string(),
                critical: policy.critical.to_string(),
            });
        }
        Ok(policy)
    }

    /// The same policy with further groups that may read private keys.
    #[must_use]
    pub fn key_groups(mut self, groups: impl IntoIterator<Item = u32>) -> Self {
        self.key_groups.extend(groups);
        self
    }

    /// Both thresholds in words, the warning first.
    pub fn described(&self) -> (String, String) {
        (self.warn.to_string(), self.critical.to_string())
    }

    /// Seconds left below which a certificate of this lifetime is critical.
    pub fn critical_seconds(&self, lifetime: i64) -> i64 {
        self.critical.seconds(lifetime)
    }

    /// Seconds left below which it is warned of; never fewer than are critical, so that nothing turns critical unwarned
    /// of by a threshold of the other kind.
    pub fn warn_seconds(&self, lifetime: i64) -> i64 {
        self.warn.seconds(lifetime).max(self.critical_seconds(lifetime))
    }
}
