//! `limits:` and `ledger:`, which have stores of the same kinds.

use model::document::{Problem, Value, codes as common};

use super::{
    Facts, Ledger, LedgerStore, LimitStore, Limits, Override, Quota, Table, Who, codes, grammar,
    parse::{Places, optional, path, region},
    reader::{Found, Reader, Section},
    upstreams::endpoint,
};

/// Name of the file with the usage where nobody names one.
const USAGE_FILE: &str = "usage.db";

pub(super) fn limits(reader: &mut Reader, file: &mut Section, facts: &Facts<'_>) -> Option<Limits> {
    let mut section = reader.subsection(file, "limits")?;
    let default = {
        let section = &mut section;
        let requests = reader.value(section, "requests_per_minute").and_then(|found| reader.integer(found));
        let tokens = reader.value(section, "tokens_per_hour").and_then(|found| reader.integer(found));
        let open = reader.value(section, "concurrent_requests").and_then(|found| reader.integer(found));
        match (requests, tokens, open) {
            (Some(requests_per_minute), Some(tokens_per_hour), Some(concurrent_requests)) => {
                Some(Quota { requests_per_minute, tokens_per_hour, concurrent_requests })
            }
            _ => None,
        }
    };
    let overrides =
        reader.value(&mut section, "overrides").and_then(|found| overrides(reader, found, default));
    let store = match section.take("store") {
        None => Some(LimitStore::Memory),
        Some(found) if is_word(&found) => {
            reader.choice(found, &[("memory", ())]).map(|()| LimitStore::Memory)
        }
        Some(found) => reader.section(found).and_then(|mut section| {
            let table = section.take("dynamodb");
            match table {
                Some(found) => dynamodb(reader, found, facts).map(LimitStore::DynamoDb),
                None => reader.missing(&section.absent("dynamodb"), "limits.store.dynamodb"),
            }
        }),
    };
    Some(Limits { default: default?, overrides: overrides?, store: store? })
}

fn is_word(found: &Found) -> bool {
    matches!(found.node.value, Value::Scalar(_))
}

fn overrides(reader: &mut Reader, found: Found, default: Option<Quota>) -> Option<Vec<Override>> {
    let items = reader.list(found)?;
    let count = items.len();
    let overrides: Vec<Override> = items
        .into_iter()
        .filter_map(|found| {
            let mut section = reader.section(found)?;
            let who = who(reader, &mut section);
            let section = &mut section;
            let requests = optional(section, "requests_per_minute", |found| reader.integer(found))?;
            let tokens = optional(section, "tokens_per_hour", |found| reader.integer(found))?;
            let open = optional(section, "concurrent_requests", |found| reader.integer(found))?;
            let default = default?;
            let quota = Quota {
                requests_per_minute: requests.unwrap_or(default.requests_per_minute),
                tokens_per_hour: tokens.unwrap_or(default.tokens_per_hour),
                concurrent_requests: open.unwrap_or(default.concurrent_requests),
            };
            Some(Override { who: who?, quota })
        })
        .collect();
    (overrides.len() == count).then_some(overrides)
}

/// A key and whom its text is.
type Kind = (&'static str, fn(String) -> Who);

fn who(reader: &mut Reader, section: &mut Section) -> Option<Who> {
    let place = section.place.clone();
    let kinds: [Kind; 3] = [("caller", Who::Caller), ("client_id", Who::ClientId), ("group", Who::Group)];
    let given: Vec<_> =
        kinds.into_iter().filter_map(|(name, who)| Some((section.take(name)?, who))).collect();
    let count = given.len();
    let mut named = given
        .into_iter()
        .map(|(found, who)| reader.parsed(found, grammar::name).map(who))
        .collect::<Option<Vec<_>>>()?;
    if count == 1 {
        return named.pop();
    }
    let message = if count == 0 {
        "none of `caller`, `client_id` and `group` is given"
    } else {
        "only one of `caller`, `client_id` and `group` may be given"
    };
    reader.report(
        Problem::error(codes::AMBIGUOUS_OVERRIDE, &place, message)
            .example("{group: builders, requests_per_minute: 300}"),
    );
    None
}

fn dynamodb(reader: &mut Reader, found: Found, facts: &Facts<'_>) -> Option<Table> {
    let mut section = reader.section(found)?;
    let name = reader.value(&mut section, "table").and_then(|found| reader.parsed(found, grammar::table));
    let region = region(reader, &mut section, facts);
    let endpoint_url = endpoint(reader, &mut section);
    Some(Table { name: name?, region: region?, endpoint_url: endpoint_url? })
}

pub(super) fn ledger(
    reader: &mut Reader,
    file: &mut Section,
    facts: &Facts<'_>,
    places: &mut Places,
) -> Option<Ledger> {
    let mut section = reader.subsection(file, "ledger")?;
    let store = match section.take("store") {
        None => Some(default_store(facts)),
        Some(found) if is_word(&found) => {
            let sqlite = reader.choice(found, &[("off", false), ("sqlite", true)]);
            sqlite.map(|sqlite| if sqlite { default_store(facts) } else { LedgerStore::Off })
        }
        Some(found) => reader.section(found).and_then(|mut section| store(reader, &mut section, facts)),
    };
    let prices_path = optional(&mut section, "prices_path", |found| {
        places.insert(found.key.clone(), found.place.clone());
        path(reader, found, facts)
    });
    Some(Ledger { store: store?, prices_path: prices_path? })
}

fn default_store(facts: &Facts<'_>) -> LedgerStore {
    LedgerStore::Sqlite(facts.state_directory.unwrap_or(facts.folder).join(USAGE_FILE))
}

fn store(reader: &mut Reader, section: &mut Section, facts: &Facts<'_>) -> Option<LedgerStore> {
    let place = section.place.clone();
    match (section.take("sqlite"), section.take("dynamodb")) {
        (Some(found), None) => {
            let mut section = reader.section(found)?;
            let given = optional(&mut section, "path", |found| path(reader, found, facts))?;
            Some(given.map_or_else(|| default_store(facts), LedgerStore::Sqlite))
        }
        (None, Some(found)) => dynamodb(reader, found, facts).map(LedgerStore::DynamoDb),
        (None, None) => Some(default_store(facts)),
        (Some(_), Some(_)) => {
            let message = "wants one of `sqlite` and `dynamodb`, found both";
            reader.report(
                Problem::error(common::WRONG_TYPE, &place, message).example("{sqlite: {path: usage.db}}"),
            );
            None
        }
    }
}
