//! The price book: prices by item and Region, each with where it is from and how old it is.

use std::fmt;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::money::{Quantity, Usd};
use crate::Region;

/// The format's name, in every file of it.
const FORMAT: &str = "sre-agent-deploy/price-book";
/// The version that this build reads.
const VERSION: u32 = 1;
/// An older book is said to be old.
const FRESH_DAYS: i32 = 180;
/// The Region of a price that is the same everywhere.
const EVERYWHERE: &str = "*";

static EMBEDDED: LazyLock<Book> = LazyLock::new(|| {
    // A test reads it; a build whose book is broken prices nothing rather than not running.
    Book::parse(include_str!("book.json")).unwrap_or_default()
});

/// Prices, as of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// When somebody last looked at all of it.
    pub date: Date,
    prices: Vec<Price>,
}

/// What one thing costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Price {
    /// What: `ec2:t3.xlarge`.
    #[serde(skip)]
    pub item: String,
    /// For so many units.
    pub per: u64,
    /// The unit, more than one of it: `hours`.
    pub unit: String,
    /// The price.
    pub usd: Usd,
    /// Where it holds: a Region, or `*`.
    pub region: String,
    /// So much of it costs nothing each month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<Quantity>,
    /// Since when, where there are several of one item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Where it was read.
    pub source: String,
    /// How old that is: a year, month or day.
    pub date: String,
}

/// Everything that is wrong with a price book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookError {
    /// Each with the place: `prices[3] (ebs:gp3): ...`.
    pub problems: Vec<String>,
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the price book has {} problem(s): {}", self.problems.len(), self.problems.join("; "))
    }
}

impl std::error::Error for BookError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBook {
    format: String,
    version: u32,
    date: String,
    currency: String,
    prices: Vec<RawPrice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    item: String,
    unit: String,
    #[serde(default = "one")]
    per: u64,
    usd: String,
    region: String,
    free: Option<String>,
    since: Option<String>,
    source: String,
    date: String,
}

fn one() -> u64 {
    1
}

impl Book {
    /// The one in the program.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads a book, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BookError> {
        let raw: RawBook =
            serde_json::from_str(text).map_err(|error| BookError { problems: vec![error.to_string()] })?;
        let mut problems = Vec::new();
        if raw.format != FORMAT {
            problems.push(format!("format: `{}` is not `{FORMAT}`", raw.format));
        }
        if raw.version != VERSION {
            problems.push(format!("version: {} is not {VERSION}, which this build reads", raw.version));
        }
        if raw.currency != "USD" {
            problems.push(format!("currency: `{}` is not `USD`", raw.currency));
        }
        let date = raw.date.parse::<Date>().unwrap_or_else(|_| {
            problems.push(format!("date: `{}` is not a day such as 2026-11-21", raw.date));
            Date::default()
        });
        let mut prices: Vec<Price> = Vec::with_capacity(raw.prices.len());
        for (index, raw) in raw.prices.into_iter().enumerate() {
            let place = format!("prices[{index}] ({})", raw.item);
            match price(raw) {
                Ok(price) if prices.iter().any(|other| is_same(other, &price)) => {
                    problems.push(format!("{place}: it has a price in {} already", price.region));
                }
                Ok(price) => prices.push(price),
                Err(wrong) => problems.extend(wrong.iter().map(|wrong| format!("{place}: {wrong}"))),
            }
        }
        if problems.is_empty() { Ok(Self { date, prices }) } else { Err(BookError { problems }) }
    }

    /// What the item costs in a Region; more than one where it is not settled which of them holds.
    pub fn prices(&self, item: &str, region: &str) -> Vec<&Price> {
        let of = |place: &str| -> Vec<&Price> {
            self.prices.iter().filter(|price| price.item == item && price.region == place).collect()
        };
        let here = of(region);
        if here.is_empty() { of(EVERYWHERE) } else { here }
    }

    /// Everything in it.
    pub fn all(&self) -> &[Price] {
        &self.prices
    }

    /// Its age in days, where it is too old to be relied on.
    pub fn stale_days(&self, today: Date) -> Option<i32> {
        let days = today.since(self.date).ok()?.get_days();
        (days > FRESH_DAYS).then_some(days)
    }
}

/// Whether two entries contradict each other: several of one item differ in when they began.
fn is_same(one: &Price, other: &Price) -> bool {
    one.item == other.item && one.region == other.region && one.since == other.since
}

fn price(raw: RawPrice) -> Result<Price, Vec<String>> {
    let mut wrong = Vec::new();
    let usd = Usd::parse(&raw.usd);
    if usd.is_none() {
        wrong.push(format!("usd: `{}` is not a decimal number with at most 9 decimals", raw.usd));
    }
    let free = raw.free.as_deref().map(Quantity::parse);
    if free == Some(None) {
        wrong.push("free: it is not a decimal number with at most 6 decimals".to_owned());
    }
    if raw.region != EVERYWHERE && Region::parse(&raw.region).is_err() {
        wrong.push(format!("region: `{}` is neither a Region nor `*`", raw.region));
    }
    for (name, date) in [("date", Some(&raw.date)), ("since", raw.since.as_ref())] {
        if date.is_some_and(|date| !is_date(date)) {
            wrong.push(format!("{name}: it is not a year, month or day such as 2026-11"));
        }
    }
    if raw.per == 0 {
        wrong.push("per: a price for no units is none".to_owned());
    }
    for (name, text) in [("item", &raw.item), ("unit", &raw.unit), ("source", &raw.source)] {
        if text.trim().is_empty() {
            wrong.push(format!("{name}: it is empty"));
        }
    }
    match usd {
        Some(usd) if wrong.is_empty() => Ok(Price {
            item: raw.item,
            per: raw.per,
            unit: raw.unit,
            usd,
            region: raw.region,
            free: free.flatten(),
            since: raw.since,
            source: raw.source,
            date: raw.date,
        }),
        _ => Err(wrong),
    }
}

/// `2026`, `2026-11` or `2026-11-21`.
fn is_date(text: &str) -> bool {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    whole.len() == 10 && whole.parse::<Date>().is_ok()
}
