//! Money and amounts, exact: whole numbers of billionths of a dollar and of millionths of a unit, never floats.

use std::fmt;

use serde::{Serialize, Serializer};

/// Dollars of the United States, in billionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u128);

/// How much of something, in millionths of its unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u128);

/// The same at little, expected and much use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread<T> {
    /// At little use.
    pub low: T,
    /// At the expected use.
    pub expected: T,
    /// At much use.
    pub high: T,
}

/// Digits behind the point of [`Usd`].
const USD_DIGITS: u32 = 9;
/// Digits behind the point of [`Quantity`].
const QUANTITY_DIGITS: u32 = 6;
const MILLION: u128 = 1_000_000;
/// Billionths of a dollar in a cent.
const CENT: u128 = 10_000_000;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `0.1664`: digits, and at most nine of them behind the point.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text, USD_DIGITS).map(Self)
    }

    /// What so much costs at this price for `per` units, to the cent; half a cent is a cent.
    ///
    /// The cents of the lines are what is added up, so that a reader who adds what is shown comes to the same sum.
    #[must_use]
    pub fn times(self, quantity: Quantity, per: u64) -> Self {
        let unit = MILLION.saturating_mul(u128::from(per.max(1))).saturating_mul(CENT);
        let cents =
            self.0.saturating_mul(quantity.0).saturating_add(unit / 2).checked_div(unit).unwrap_or_default();
        Self(cents.saturating_mul(CENT))
    }

    /// Both together; at the end of what can be counted it stays there.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Quantity {
    /// So many.
    pub const fn of(units: u64) -> Self {
        // A `u64` of units is far below what a `u128` holds of millionths.
        Self((units as u128).saturating_mul(MILLION))
    }

    /// So many millionths.
    pub const fn millionths(count: u128) -> Self {
        Self(count)
    }

    /// `28.8`: digits, and at most six of them behind the point.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text, QUANTITY_DIGITS).map(Self)
    }

    /// So many for each of the others.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self(self.0.saturating_mul(other.0).checked_div(MILLION).unwrap_or_default())
    }

    /// The share of `part` in `whole`; nothing where the whole is nothing.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        Self(self.0.saturating_mul(part.into()).checked_div(whole.into()).unwrap_or_default())
    }

    /// What is above a threshold.
    #[must_use]
    pub fn beyond(self, free: Self) -> Self {
        Self(self.0.saturating_sub(free.0))
    }

    /// In units of `per`, with two digits behind the point at most: for people.
    pub fn rounded(self, per: u64) -> String {
        let hundredth = u128::from(per.max(1)).saturating_mul(MILLION / 100);
        let hundredths = self.0.saturating_add(hundredth / 2).checked_div(hundredth).unwrap_or_default();
        decimal(hundredths, 2, 0)
    }
}

impl<T> Spread<T> {
    /// The same at any use.
    pub fn always(value: T) -> Self
    where
        T: Copy,
    {
        Self { low: value, expected: value, high: value }
    }

    /// Each turned into something else.
    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> Spread<U> {
        Spread { low: to(self.low), expected: to(self.expected), high: to(self.high) }
    }

    /// Each with its like.
    pub fn zip<U, V>(self, other: Spread<U>, mut with: impl FnMut(T, U) -> V) -> Spread<V> {
        Spread {
            low: with(self.low, other.low),
            expected: with(self.expected, other.expected),
            high: with(self.high, other.high),
        }
    }
}

/// Digits, perhaps a point, and at most so many digits behind it, as a whole number of the last of them.
fn parse(text: &str, digits: u32) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let missing = digits.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.parse::<u128>().ok()?.checked_mul(10_u128.checked_pow(missing)?)?;
    whole.parse::<u128>().ok()?.checked_mul(10_u128.checked_pow(digits)?)?.checked_add(fraction)
}

/// A decimal number without zeros at its end beyond the first `least` digits.
fn decimal(value: u128, digits: u32, least: usize) -> String {
    let one = 10_u128.saturating_pow(digits);
    let whole = value.checked_div(one).unwrap_or_default();
    let fraction = value.checked_rem(one).unwrap_or_default();
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    let length = fraction.trim_end_matches('0').len().max(least);
    match fraction.get(..length) {
        Some(fraction) if length > 0 => format!("{whole}.{fraction}"),
        _ => whole.to_string(),
    }
}

impl fmt::Display for Usd {
    /// With at least its cents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(self.0, USD_DIGITS, 2))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(self.0, QUANTITY_DIGITS, 0))
    }
}

// As text, since a reader of JSON may take a number for a float.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
