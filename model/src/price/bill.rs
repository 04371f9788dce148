//! From a plan to what it costs a month: a pure function.

use jiff::civil::Date;
use serde::Serialize;

use super::book::{Book, Price};
use super::money::{Quantity, Spread, Usd};
use super::steps;
use super::usage::Usage;
use crate::Region;
use crate::plan::{Change, Plan, PlannedStep, StepId};

/// What a plan costs a month once it is carried out, in dollars of the United States.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// Always `USD`.
    pub currency: &'static str,
    /// Where.
    pub region: Region,
    /// The day of the price book.
    pub prices_of: Date,
    /// The sum of what is priced.
    pub total: Spread<Usd>,
    /// The part of it that this plan adds to what is already paid for.
    pub new: Spread<Usd>,
    /// In the order of the plan.
    pub lines: Vec<Line>,
    /// What was assumed.
    pub usage: Usage,
}

/// Whether something is paid for by the hour or by what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Paid for while it exists.
    Fixed,
    /// Paid for as it is used.
    Usage,
}

/// One thing that costs something, or explicitly does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The step that it belongs to.
    pub step: StepId,
    /// Its name in the price book; the step's, where there is nothing to look up.
    pub item: String,
    /// What people call it.
    pub title: String,
    /// How it is paid for.
    pub basis: Basis,
    /// Whether this plan makes it.
    pub is_new: bool,
    /// What it costs.
    #[serde(flatten)]
    pub amount: Amount,
}

/// What something costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Amount {
    /// So much.
    Priced {
        /// How much of it a month.
        quantity: Spread<Quantity>,
        /// The price; several where it is not settled which of them holds. Then the lowest is taken for little use,
        /// the highest otherwise.
        prices: Vec<Price>,
        /// What it costs a month, to the cent.
        monthly: Spread<Usd>,
    },
    /// It costs something, and nobody here knows how much.
    NotPriced {
        /// Of what the price is missing: `t3.2xlarge`.
        what: String,
        /// Why.
        why: String,
    },
    /// It is not new: somebody pays for it, whatever becomes of this plan.
    AlreadyPaid {
        /// Why.
        why: String,
    },
    /// Nothing.
    Free {
        /// Why.
        why: String,
    },
    /// Nothing any more: this plan deletes it.
    Removed,
}

/// What the lines of a step are made from.
pub(super) struct Ledger<'a> {
    pub(super) step: &'a PlannedStep,
    pub(super) usage: &'a Usage,
    book: &'a Book,
    region: &'a Region,
    lines: Vec<Line>,
}

/// What a plan costs a month once it is carried out.
///
/// What it makes, changes and keeps is counted; what it adopts is already paid for, except for what is done with it;
/// what it deletes costs nothing any more.
pub fn bill(plan: &Plan, usage: &Usage, book: &Book) -> Bill {
    let lines: Vec<Line> = plan
        .steps
        .iter()
        .flat_map(|step| {
            let mut ledger = Ledger { step, usage, book, region: &plan.region, lines: Vec::new() };
            if matches!(step.change, Change::Delete { .. }) {
                ledger.push(step.id.as_str(), step.id.title(), Basis::Fixed, Amount::Removed);
            } else {
                steps::write(&mut ledger);
            }
            ledger.lines
        })
        .collect();
    Bill {
        currency: "USD",
        region: plan.region.clone(),
        prices_of: book.date,
        total: sum(lines.iter()),
        new: sum(lines.iter().filter(|line| line.is_new)),
        lines,
        usage: usage.clone(),
    }
}

fn sum<'a>(lines: impl Iterator<Item = &'a Line>) -> Spread<Usd> {
    lines.filter_map(Line::monthly).fold(Spread::default(), |sum, line| sum.zip(line, Usd::plus))
}

/// Why something has no price.
fn no_price(what: &str, region: &str, date: Date) -> String {
    format!("no price for {what} in {region} in the price book of {date}")
}

impl Bill {
    /// Of what the price book has no price in this Region, each once.
    pub fn missing(&self) -> Vec<&str> {
        let mut missing: Vec<&str> = Vec::new();
        for line in &self.lines {
            if let Amount::NotPriced { what, why } = &line.amount
                && *why == no_price(what, self.region.as_str(), self.prices_of)
                && !missing.contains(&what.as_str())
            {
                missing.push(what);
            }
        }
        missing
    }

    /// Why something is not priced, where the reason is another than that the price book has no price for it here.
    pub fn unknown(&self) -> Vec<&str> {
        let mut unknown: Vec<&str> = Vec::new();
        for line in &self.lines {
            if let Amount::NotPriced { what, why } = &line.amount
                && *why != no_price(what, self.region.as_str(), self.prices_of)
                && !unknown.contains(&why.as_str())
            {
                unknown.push(why);
            }
        }
        unknown
    }
}

impl Line {
    /// What it costs a month, where that is known.
    pub fn monthly(&self) -> Option<Spread<Usd>> {
        match &self.amount {
            Amount::Priced { monthly, .. } => Some(*monthly),
            _ => None,
        }
    }
}

impl Ledger<'_> {
    /// Something that costs nothing.
    pub(super) fn free(&mut self, why: &str) {
        let (item, title) = (self.step.id.as_str(), self.step.id.title());
        self.push(item, title, Basis::Fixed, Amount::Free { why: why.to_owned() });
    }

    /// Something that is paid for while it exists: the same whatever is done with it.
    pub(super) fn fixed(&mut self, item: &str, title: &str, what: &str, quantity: Quantity) {
        let amount = if matches!(self.step.change, Change::Adopt { .. }) {
            Amount::AlreadyPaid { why: "already paid for: it exists and is used as it is".to_owned() }
        } else {
            self.price(item, what, self.region.as_str(), Spread::always(quantity))
        };
        self.push(item, title, Basis::Fixed, amount);
    }

    /// Something that is paid for as it is used, in the Region of the plan.
    pub(super) fn used(&mut self, item: &str, title: &str, what: &str, quantity: Spread<Quantity>) {
        self.used_in(item, title, what, self.region.as_str(), quantity);
    }

    /// Something that is paid for as it is used.
    pub(super) fn used_in(
        &mut self,
        item: &str,
        title: &str,
        what: &str,
        region: &str,
        quantity: Spread<Quantity>,
    ) {
        let amount = self.price(item, what, region, quantity);
        self.push(item, title, Basis::Usage, amount);
    }

    /// Something whose price cannot be looked up.
    pub(super) fn not_priced(&mut self, basis: Basis, title: &str, what: &str, why: &str) {
        let item = self.step.id.as_str();
        let amount = Amount::NotPriced { what: what.to_owned(), why: why.to_owned() };
        self.push(item, title, basis, amount);
    }

    /// Whether the price book knows it.
    pub(super) fn knows(&self, item: &str, region: &str) -> bool {
        !self.book.prices(item, region).is_empty()
    }

    /// The Region of the plan.
    pub(super) fn region(&self) -> &str {
        self.region.as_str()
    }

    fn price(&self, item: &str, what: &str, region: &str, quantity: Spread<Quantity>) -> Amount {
        let mut prices: Vec<Price> = self.book.prices(item, region).into_iter().cloned().collect();
        // The dearest first: that is the one that is counted on.
        prices.sort_by_key(|price| std::cmp::Reverse(price.usd));
        let (Some(dearest), Some(cheapest)) = (prices.first(), prices.last()) else {
            return Amount::NotPriced { what: what.to_owned(), why: no_price(what, region, self.book.date) };
        };
        let cost = |price: &Price, quantity: Quantity| {
            price.usd.times(quantity.beyond(price.free.unwrap_or_default()), price.per)
        };
        let monthly = Spread {
            low: cost(cheapest, quantity.low),
            expected: cost(dearest, quantity.expected),
            high: cost(dearest, quantity.high),
        };
        Amount::Priced { quantity, monthly, prices }
    }

    fn push(&mut self, item: &str, title: &str, basis: Basis, amount: Amount) {
        self.lines.push(Line {
            step: self.step.id,
            item: item.to_owned(),
            title: title.to_owned(),
            basis,
            is_new: matches!(self.step.change, Change::Create),
            amount,
        });
    }
}
