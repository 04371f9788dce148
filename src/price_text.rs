//! What a plan costs a month, as a person and as a program reads it.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Config;
use model::config::Mode;
use model::plan::Plan;
use model::price::{Amount, Basis, Bill, Book, Line, Price, Quantity, Spread, Usage, Usd, bill};
use serde::Serialize;

/// Columns of the text.
const WIDTH: usize = 79;
/// Columns of a line's name, of its calculation, and of its amount.
const COLUMNS: (usize, usize, usize) = (36, 27, 11);

/// A bill, and what there is to say about it today.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    #[serde(flatten)]
    bill: Bill,
    /// The age of the prices, where they are too old to be relied on.
    stale_days: Option<i32>,
    /// Whether the plan is for the practice account, where nothing costs anything.
    is_practice: bool,
}

/// A plan with its cost, for programs.
#[derive(Serialize)]
pub(crate) struct PlanWithCost<'a> {
    #[serde(flatten)]
    pub(crate) plan: &'a Plan,
    pub(crate) cost: Cost,
}

/// What a plan costs, by the price book of this build.
pub(crate) fn cost(plan: &Plan, config: &Config, now: Timestamp) -> Cost {
    let book = Book::embedded();
    Cost {
        bill: bill(plan, &Usage::of(config), book),
        stale_days: book.stale_days(now.to_zoned(TimeZone::UTC).date()),
        is_practice: plan.mode == Mode::Rehearsal,
    }
}

impl Cost {
    /// As a table that fits a terminal of 80 columns.
    pub(crate) fn text(&self) -> String {
        let bill = &self.bill;
        let mut out = String::new();
        if self.is_practice {
            out.push_str("The practice account costs nothing. In a real one this plan would cost:\n\n");
        }
        let _ = writeln!(
            out,
            "Cost a month in USD, {} (prices of {}; not a quote)\n",
            bill.region, bill.prices_of
        );
        self.rows(&mut out, Basis::Fixed);
        self.rows(&mut out, Basis::Usage);
        out.push('\n');
        for sentence in self.sentences() {
            wrap(&mut out, &sentence);
        }
        out
    }

    /// What, and how much a month; all in all; and what the numbers are and are not.
    pub(crate) fn brief(&self) -> (Vec<(String, String)>, String, String) {
        let line = |line: &Line| {
            let amount = match &line.amount {
                Amount::Priced { quantity, prices, monthly } => {
                    shown(monthly.expected, quantity.expected, prices.first()?)
                }
                Amount::NotPriced { .. } => "not priced".to_owned(),
                Amount::AlreadyPaid { .. } => "not new".to_owned(),
                Amount::Free { .. } | Amount::Removed => return None,
            };
            Some((line.title.clone(), amount))
        };
        let bill = &self.bill;
        let practice = if self.is_practice {
            "the practice account costs nothing; this is what a real one would; "
        } else {
            ""
        };
        let note = format!(
            "{practice}USD a month in {}, prices of {}, at the expected use; not a quote",
            bill.region, bill.prices_of
        );
        (bill.lines.iter().filter_map(line).collect(), format!("{} USD a month", bill.total.expected), note)
    }

    /// The lines of one kind that cost something, or may.
    fn rows(&self, out: &mut String, basis: Basis) {
        let lines = || self.bill.lines.iter().filter(|line| line.basis == basis);
        let counts = |line: &&Line| matches!(line.amount, Amount::Priced { .. } | Amount::NotPriced { .. });
        if basis == Basis::Usage && lines().any(|line| counts(&line)) {
            wrap(out, &format!("at the expected use: {}", self.expected_use()));
        }
        for line in lines() {
            match &line.amount {
                Amount::Priced { quantity, prices, monthly } => {
                    let Some(price) = prices.first() else { continue };
                    let sum = calculation(quantity.expected, price);
                    row(out, &line.title, &sum, &shown(monthly.expected, quantity.expected, price));
                }
                Amount::NotPriced { .. } => row(out, &line.title, "", "not priced"),
                Amount::AlreadyPaid { .. } => row(out, &line.title, "", "not new"),
                Amount::Free { .. } | Amount::Removed => {}
            }
        }
    }

    fn expected_use(&self) -> String {
        let usage = &self.bill.usage;
        let of = |amount: Spread<Quantity>| amount.expected.rounded(1);
        format!(
            "{} requests a day of {} tokens in and {} out, {} access tokens fetched a day",
            of(usage.requests_per_day.amount),
            of(usage.tokens_in.amount),
            of(usage.tokens_out.amount),
            of(usage.token_fetches_per_day.amount),
        )
    }

    /// What stands below the table.
    fn sentences(&self) -> Vec<String> {
        let bill = &self.bill;
        let spread = |sum: Spread<Usd>| {
            format!("from {}, at the expected use {}, at much use {}", sum.low, sum.expected, sum.high)
        };
        let missing = bill.missing();
        let is_whole = missing.is_empty() && bill.unknown().is_empty();
        let total = if is_whole { "Total" } else { "Total of what is priced" };
        let mut sentences = vec![format!("{total}: {}", spread(bill.total))];
        if bill.new != bill.total {
            sentences.push(format!("New with this plan: {}", spread(bill.new)));
        }
        if !missing.is_empty() {
            sentences.push(format!(
                "Not priced: no price for {} in {} in the price book of {}",
                missing.join(", "),
                bill.region,
                bill.prices_of
            ));
        }
        sentences.extend(bill.unknown().into_iter().map(|why| format!("Not priced: {why}")));
        sentences.extend(bill.lines.iter().filter_map(unsettled));
        let titles = |is: fn(&Amount) -> bool| -> Vec<&str> {
            bill.lines.iter().filter(|line| is(&line.amount)).map(|line| line.title.as_str()).collect()
        };
        for (what, titles) in [
            ("Already paid for, since it exists", titles(|it| matches!(it, Amount::AlreadyPaid { .. }))),
            ("Paid for no longer", titles(|it| matches!(it, Amount::Removed))),
            ("Not charged for", titles(|it| matches!(it, Amount::Free { .. }))),
        ] {
            if !titles.is_empty() {
                sentences.push(format!("{what}: {}", titles.join(", ")));
            }
        }
        if let Some(days) = self.stale_days {
            sentences.push(format!("The prices are {days} days old: look them up before you rely on them"));
        }
        sentences
    }
}

/// Where it is not settled which of several prices holds.
fn unsettled(line: &Line) -> Option<String> {
    let Amount::Priced { prices, .. } = &line.amount else { return None };
    if prices.len() < 2 {
        return None;
    }
    let each: Vec<String> = prices
        .iter()
        .map(|price| {
            let since = price.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
            format!("{}{since} ({})", price.usd, price.source)
        })
        .collect();
    Some(format!("{}: {}", line.title, each.join(" or ")))
}

/// An amount; what is less than a cent and yet something is said to be.
fn shown(amount: Usd, quantity: Quantity, price: &Price) -> String {
    let is_charged = quantity > price.free.unwrap_or_default() && price.usd > Usd::ZERO;
    if amount == Usd::ZERO && is_charged { "< 0.01".to_owned() } else { amount.to_string() }
}

/// `10.14 M tokens x 0.80`
fn calculation(quantity: Quantity, price: &Price) -> String {
    let unit = match price.per {
        1 => price.unit.clone(),
        1_000 => format!("k {}", price.unit),
        1_000_000 => format!("M {}", price.unit),
        per => format!("x {per} {}", price.unit),
    };
    let count = quantity.rounded(price.per);
    let unit = if count == "1" { unit.trim_end_matches('s') } else { &unit };
    let free = price.free.map(|free| format!(" ({free} free)")).unwrap_or_default();
    format!("{count} {unit}{free} x {}", price.usd)
}

fn row(out: &mut String, title: &str, sum: &str, amount: &str) {
    let (name, middle, end) = COLUMNS;
    if title.chars().count() > name {
        let _ = writeln!(out, "  {title}");
        let _ = writeln!(out, "  {:name$} {sum:>middle$} {amount:>end$}", "");
    } else {
        let _ = writeln!(out, "  {title:name$} {sum:>middle$} {amount:>end$}");
    }
}

/// A sentence in lines that fit, each after the first indented.
fn wrap(out: &mut String, sentence: &str) {
    let mut line = String::from(" ");
    for word in sentence.split(' ') {
        if line.chars().count().saturating_add(word.chars().count()) >= WIDTH && line.trim() != "" {
            let _ = writeln!(out, "{line}");
            line = String::from("   ");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests;
