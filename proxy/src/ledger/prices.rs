//! What tokens cost: a dated list that comes with the program or from the operator's file.
//!
//! Rates are kept in pico-USD per token, which is micro-USD per million tokens, so that the published figures are whole
//! numbers; sums are nano-USD, so that a call of a few tokens does not round to nothing. What the list does not know has
//! no price, which is not the same as a price of zero.

use std::{collections::HashMap, fmt, path::Path};

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::Usage;

const EMBEDDED: &str = include_str!("prices.json");
/// A list of every model of every geography is a few hundred lines.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// USD per million tokens; a hundred times what the dearest model costs, so a slip of units is seen.
const MAX_USD_PER_MILLION: f64 = 10_000.0;

/// Rates by model id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    as_of: Date,
    source: String,
    rates: HashMap<String, Rates>,
}

/// Pico-USD (10⁻¹² USD) per token; absent where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
}

/// Everything that is wrong with a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricesError {
    /// Where the list is.
    pub origin: String,
    /// One sentence each.
    pub problems: Vec<String>,
}

impl fmt::Display for PricesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the price list {} is not valid: {}", self.origin, self.problems.join("; "))
    }
}

impl std::error::Error for PricesError {}

impl Prices {
    /// The list that comes with the program.
    pub fn embedded() -> Result<Self, PricesError> {
        Self::parse("of the program", EMBEDDED)
    }

    /// The operator's list, or that of the program where there is none.
    pub fn load(path: Option<&Path>) -> Result<Self, PricesError> {
        let Some(path) = path else { return Self::embedded() };
        let origin = format!("`{}`", path.display());
        let failed = |problem: String| PricesError { origin: origin.clone(), problems: vec![problem] };
        let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_FILE_BYTES {
            return Err(failed(format!("it has {size} bytes; at most {MAX_FILE_BYTES} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&origin, &text)
    }

    /// Reads a list, or reports all of its problems.
    pub fn parse(origin: &str, text: &str) -> Result<Self, PricesError> {
        let mut problems = Vec::new();
        let prices = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(list)) => read_list(&list, &mut problems),
            Ok(_) => {
                problems.push("it is not a JSON object".to_owned());
                None
            }
            Err(error) => {
                problems.push(format!("it is not JSON: {error}"));
                None
            }
        };
        match prices {
            Some(prices) if problems.is_empty() => Ok(prices),
            _ => Err(PricesError { origin: origin.to_owned(), problems }),
        }
    }

    /// The day of the list.
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// Where its figures are from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the call cost in nano-USD, rounded half up; `None` where the list does not know the model or one of the
    /// kinds of token that were used.
    ///
    /// `model` is a model id, an inference profile id or the ARN of either. Profiles of another geography have their own
    /// prices, so each has its own entry in the list.
    pub fn nano_usd(&self, model: &str, usage: Usage) -> Option<u64> {
        // A call that failed before any token costs nothing, whatever the model.
        if usage == Usage::default() {
            return Some(0);
        }
        let id = model.rsplit_once('/').map_or(model, |(_, id)| id);
        let rates = self.rates.get(id)?;
        let parts = [
            (usage.input_tokens, rates.input),
            (usage.output_tokens, rates.output),
            (usage.cache_read_tokens, rates.cache_read),
            (usage.cache_write_tokens, rates.cache_write),
        ];
        let mut pico_usd: u128 = 0;
        for (tokens, rate) in parts {
            if tokens > 0 {
                pico_usd = pico_usd.saturating_add(u128::from(tokens).saturating_mul(u128::from(rate?)));
            }
        }
        let nano_usd = pico_usd.saturating_add(500).checked_div(1000)?;
        Some(u64::try_from(nano_usd).unwrap_or(u64::MAX))
    }
}

fn read_list(list: &Map<String, Value>, problems: &mut Vec<String>) -> Option<Prices> {
    let known = ["schema_version", "as_of", "currency", "source", "note", "models"];
    for key in list.keys().filter(|key| !known.contains(&key.as_str())) {
        problems.push(format!("`{key}` is not known; there are {}", known.join(", ")));
    }
    if list.get("schema_version").and_then(Value::as_u64) != Some(1) {
        problems.push("`schema_version` has to be 1".to_owned());
    }
    if list.get("currency").and_then(Value::as_str) != Some("USD") {
        problems.push("`currency` has to be \"USD\"".to_owned());
    }
    let as_of = list.get("as_of").and_then(Value::as_str).and_then(|text| text.parse::<Date>().ok());
    if as_of.is_none() {
        problems.push("`as_of` has to be a date such as \"2026-11-21\"".to_owned());
    }
    let source = list.get("source").and_then(Value::as_str).filter(|source| !source.trim().is_empty());
    if source.is_none() {
        problems.push("`source` has to say where the figures are from".to_owned());
    }
    let mut rates = HashMap::new();
    match list.get("models").and_then(Value::as_object) {
        Some(models) if !models.is_empty() => {
            for (id, entry) in models {
                if let Some(entry) = read_rates(id, entry, problems) {
                    rates.insert(id.clone(), entry);
                }
            }
        }
        _ => problems.push("`models` has to be an object with at least one model id".to_owned()),
    }
    Some(Prices { as_of: as_of?, source: source?.to_owned(), rates })
}

fn read_rates(id: &str, entry: &Value, problems: &mut Vec<String>) -> Option<Rates> {
    let Some(entry) = entry.as_object() else {
        problems.push(format!("`models.{id}` has to be an object"));
        return None;
    };
    if id.is_empty() || id.contains('/') {
        problems.push(format!("`models.{id}`: give the id alone, without the ARN around it"));
    }
    let known = ["input", "output", "cache_read", "cache_write"];
    for key in entry.keys().filter(|key| !known.contains(&key.as_str())) {
        problems.push(format!("`models.{id}.{key}` is not known; there are {}", known.join(", ")));
    }
    let [input, output, cache_read, cache_write] = known.map(|kind| match entry.get(kind) {
        Some(Value::Null) => None,
        None if kind.starts_with("cache") => None,
        found => {
            let rate = found.and_then(Value::as_f64).and_then(pico_usd_per_token);
            if rate.is_none() {
                problems.push(format!(
                    "`models.{id}.{kind}` has to be null or USD per million tokens, from 0 to {MAX_USD_PER_MILLION}"
                ));
            }
            rate
        }
    });
    Some(Rates { input, output, cache_read, cache_write })
}

/// USD per million tokens has six decimals of pico-USD per token; the text of the number is exact where a cast is not.
fn pico_usd_per_token(usd_per_million: f64) -> Option<u64> {
    if !(0.0..=MAX_USD_PER_MILLION).contains(&usd_per_million) {
        return None;
    }
    format!("{usd_per_million:.6}").replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, output: u64, cache_read: u64, cache_write: u64) -> Usage {
        Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
        }
    }

    #[test]
    fn the_list_of_the_program_prices_ids_profiles_and_arns() {
        let prices = Prices::embedded().unwrap();
        for (model, expected) in [
            ("amazon.nova-micro-v1:0", Some(35_000_000 + 140_000_000)),
            ("us.amazon.nova-pro-v1:0", Some(800_000_000 + 3_200_000_000)),
            ("eu.amazon.nova-2-lite-v1:0", Some(429_000_000 + 3_597_000_000)),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
                Some(60_000_000 + 240_000_000),
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                Some(60_000_000 + 240_000_000),
            ),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", None),
            ("nova-lite", None),
            ("", None),
        ] {
            assert_eq!(prices.nano_usd(model, usage(1_000_000, 1_000_000, 0, 0)), expected, "{model}");
        }
    }

    #[test]
    fn a_call_of_few_tokens_does_not_cost_nothing() {
        let prices = Prices::embedded().unwrap();
        assert_eq!(prices.nano_usd("amazon.nova-micro-v1:0", usage(1, 0, 0, 0)), Some(35));
        // 8.75 nano-USD, rounded.
        assert_eq!(prices.nano_usd("amazon.nova-micro-v1:0", usage(0, 0, 1, 0)), Some(9));
        assert_eq!(prices.nano_usd("amazon.nova-micro-v1:0", usage(0, 0, 0, 0)), Some(0));
    }

    #[test]
    fn tokens_without_a_rate_have_no_price() {
        let prices = Prices::embedded().unwrap();
        assert_eq!(prices.nano_usd("amazon.nova-micro-v1:0", usage(5, 5, 5, 1)), None);
        assert_eq!(prices.nano_usd("eu.amazon.nova-micro-v1:0", usage(5, 5, 1, 0)), None);
    }

    #[test]
    fn nothing_overflows() {
        let prices = Prices::embedded().unwrap();
        assert_eq!(prices.nano_usd("amazon.nova-pro-v1:0", usage(u64::MAX, u64::MAX, 0, 0)), Some(u64::MAX));
    }

    #[test]
    fn all_problems_of_a_list_are_reported() {
        let text = r#"{"schema_version": 2, "as_of": "yesterday", "currency": "EUR", "extra": 1, "models": {
            "a": {"input": -1, "output": "3", "other": 1}, "x/y": {"input": 1, "output": 1}, "b": 7}}"#;
        let error = Prices::parse("`prices.json`", text).unwrap_err();
        insta::assert_snapshot!(error.problems.join("\n"), @r#"
        `extra` is not known; there are schema_version, as_of, currency, source, note, models
        `schema_version` has to be 1
        `currency` has to be "USD"
        `as_of` has to be a date such as "2026-11-21"
        `source` has to say where the figures are from
        `models.a.other` is not known; there are input, output, cache_read, cache_write
        `models.a.input` has to be null or USD per million tokens, from 0 to 10000
        `models.a.output` has to be null or USD per million tokens, from 0 to 10000
        `models.b` has to be an object
        `models.x/y`: give the id alone, without the ARN around it
        "#);
        assert!(Prices::parse("x", "[]").is_err());
        assert!(Prices::parse("x", "{").is_err());
        assert!(Prices::load(Some(Path::new("/nowhere/prices.json"))).is_err());
    }
}
