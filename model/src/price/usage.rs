//! How much a deployment is used: what is assumed, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use super::money::{Quantity, Spread};
use crate::Config;

/// How much a deployment is used, at little, expected and much use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The models that answer, and how many of the names that clients may send lead to each. Requests are shared out
    /// evenly among the names: which of them clients prefer is not known.
    pub models: BTreeMap<String, u64>,
    /// Requests a day, of all callers.
    pub requests_per_day: Assumption,
    /// Tokens that one request sends.
    pub tokens_in: Assumption,
    /// Tokens that one answer has.
    pub tokens_out: Assumption,
    /// Access tokens that all callers fetch from Cognito a day.
    pub token_fetches_per_day: Assumption,
}

/// Something assumed, and why so much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// How much.
    #[serde(flatten)]
    pub amount: Spread<Quantity>,
    /// Why.
    pub why: String,
}

impl Assumption {
    fn whole(low: u64, expected: u64, high: u64, why: &str) -> Self {
        let amount = Spread { low, expected, high }.map(Quantity::of);
        Self { amount, why: why.to_owned() }
    }
}

/// Requests a day.
const REQUESTS: (u64, u64, u64) = (0, 500, 5_000);

impl Usage {
    /// What is assumed of a configuration: a team of ten, and one service that calls.
    pub fn of(config: &Config) -> Self {
        let mut models = BTreeMap::new();
        for model in config.proxy.models_in(&config.aws.region).into_values() {
            let names: &mut u64 = models.entry(model.into_owned()).or_default();
            *names = names.saturating_add(1);
        }
        let minutes = config.cognito.access_token_minutes;
        let (idle, expected, busy) = REQUESTS;
        Self {
            models,
            requests_per_day: Assumption::whole(
                idle,
                expected,
                busy,
                "low: nobody asks; expected: ten people with fifty requests each; high: ten times that",
            ),
            tokens_in: Assumption::whole(
                500,
                2_000,
                8_000,
                "low: a short question; expected: a question with the log lines it is about; high: a long conversation",
            ),
            tokens_out: Assumption::whole(
                100,
                400,
                1_000,
                "low: a sentence; expected: a few paragraphs; high: a page or a script",
            ),
            token_fetches_per_day: fetches(minutes, busy),
        }
    }
}

/// A client that keeps its token fetches the next one when five sixths of its life are over; one that does not, fetches
/// one for each request, which is what makes bills of Cognito surprising.
fn fetches(minutes: u32, busiest: u64) -> Assumption {
    // A day has 1440 minutes: 1440 / (minutes * 5 / 6).
    let kept = u128::from(minutes).saturating_mul(5);
    let kept = Quantity::millionths(8_640_000_000_u128.checked_div(kept).unwrap_or_default());
    Assumption {
        amount: Spread { low: Quantity::default(), expected: kept, high: kept.max(Quantity::of(busiest)) },
        why: format!(
            "low: nobody asks; expected: one client that keeps its token of {minutes} minutes and fetches the next \
             after five sixths of that; high: a client that fetches one for each request"
        ),
    }
}
