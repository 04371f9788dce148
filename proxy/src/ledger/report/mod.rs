//! Who used how much, added up: by user, model or day, as a table, CSV or JSON.

mod render;

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub use render::{Format, render};

use super::Outcome;
use crate::Usage;

/// What the entries are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The caller.
    User,
    /// The name that the client sent.
    Model,
    /// The day on which the request ended, in UTC.
    Day,
}

impl By {
    /// The text on the command line, in CSV and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Model => "model",
            Self::Day => "day",
        }
    }
}

/// Which entries count: from `from` on and before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Range {
    /// From the beginning of the first day to the end of the last, in UTC; `None` is without a limit.
    pub fn days(since: Option<Date>, until: Option<Date>) -> Self {
        let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|start| start.timestamp()).ok();
        Self {
            from: since.and_then(start).unwrap_or(Timestamp::MIN),
            to: until.and_then(|day| day.tomorrow().ok()).and_then(start).unwrap_or(Timestamp::MAX),
        }
    }
}

/// What a report needs of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// The caller.
    pub caller: &'a str,
    /// The name that the client sent.
    pub model: &'a str,
    /// What was used.
    pub usage: Usage,
    /// Whether that is an estimate.
    pub estimated: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost; absent where unknown.
    pub nano_usd: Option<u64>,
}

/// The sum of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The user, model or day.
    pub key: String,
    /// All requests.
    pub requests: u64,
    /// Those that the upstream failed.
    pub failed: u64,
    /// Those that the client left.
    pub abandoned: u64,
    /// Those whose tokens are an estimate.
    pub estimated: u64,
    /// Tokens.
    pub usage: Usage,
    /// What the priced requests cost, in nano-USD (10⁻⁹ USD).
    pub nano_usd: u64,
    /// Requests whose price is not known and not in the sum.
    pub not_priced: u64,
}

impl Row {
    fn add(&mut self, item: &Item<'_>) {
        let one = |counts: bool| u64::from(counts);
        self.merge(&Row {
            key: String::new(),
            requests: 1,
            failed: one(item.outcome == Outcome::Failed),
            abandoned: one(item.outcome == Outcome::Abandoned),
            estimated: one(item.estimated),
            usage: item.usage,
            nano_usd: item.nano_usd.unwrap_or(0),
            not_priced: one(item.nano_usd.is_none()),
        });
    }

    fn merge(&mut self, other: &Row) {
        for (sum, more) in [
            (&mut self.requests, other.requests),
            (&mut self.failed, other.failed),
            (&mut self.abandoned, other.abandoned),
            (&mut self.estimated, other.estimated),
            (&mut self.usage.input_tokens, other.usage.input_tokens),
            (&mut self.usage.output_tokens, other.usage.output_tokens),
            (&mut self.usage.cache_read_tokens, other.usage.cache_read_tokens),
            (&mut self.usage.cache_write_tokens, other.usage.cache_write_tokens),
            (&mut self.nano_usd, other.nano_usd),
            (&mut self.not_priced, other.not_priced),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The sum of all rows, with the key `total`.
pub fn total(rows: &[Row]) -> Row {
    let mut total = Row { key: "total".to_owned(), ..Row::default() };
    for row in rows {
        total.merge(row);
    }
    total
}

/// Adds entries up, in any order.
#[derive(Debug)]
pub struct Sums {
    by: By,
    day: String,
    rows: BTreeMap<String, Row>,
}

impl Sums {
    /// Without entries.
    pub fn new(by: By) -> Self {
        Self { by, day: String::new(), rows: BTreeMap::new() }
    }

    /// One more.
    pub fn add(&mut self, item: &Item<'_>) {
        let key = match self.by {
            By::User => item.caller,
            By::Model => item.model,
            By::Day => {
                self.day.clear();
                // Writing into memory cannot fail.
                let _ = write!(self.day, "{}", TimeZone::UTC.to_datetime(item.at).date());
                self.day.as_str()
            }
        };
        if let Some(row) = self.rows.get_mut(key) {
            row.add(item);
        } else {
            let mut row = Row { key: key.to_owned(), ..Row::default() };
            row.add(item);
            self.rows.insert(key.to_owned(), row);
        }
    }

    /// The groups, sorted by their key.
    pub fn rows(self) -> Vec<Row> {
        self.rows.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
