//! What a report adds up, and how it looks.

use proptest::prelude::*;

use super::*;

fn item(
    at: &str,
    caller: &'static str,
    model: &'static str,
    tokens: u64,
    nano_usd: Option<u64>,
) -> Item<'static> {
    Item {
        at: at.parse().unwrap(),
        caller,
        model,
        usage: Usage {
            input_tokens: tokens,
            output_tokens: tokens / 2,
            cache_read_tokens: 7,
            cache_write_tokens: 0,
        },
        estimated: false,
        outcome: Outcome::Completed,
        nano_usd,
    }
}

fn sums(by: By, items: &[Item<'_>]) -> Vec<Row> {
    let mut sums = Sums::new(by);
    for item in items {
        sums.add(item);
    }
    sums.rows()
}

fn example() -> Vec<Item<'static>> {
    vec![
        item("2026-11-20T23:59:59.999999Z", "ci", "gpt-4o", 1200, Some(2_160_000)),
        item("2026-11-21T00:00:00Z", "alice", "gpt-4o-mini", 100, Some(18_000)),
        Item {
            estimated: true,
            outcome: Outcome::Abandoned,
            ..item("2026-11-21T08:00:00Z", "alice", "unknown", 50, None)
        },
        Item { outcome: Outcome::Failed, ..item("2026-11-21T09:00:00Z", "=cmd()", "unknown", 4, None) },
    ]
}

#[test]
fn a_table_is_aligned_has_totals_and_says_what_is_missing() {
    insta::assert_snapshot!("by_user_table", render(&sums(By::User, &example()), By::User, Format::Table));
    insta::assert_snapshot!("by_day_table", render(&sums(By::Day, &example()[..2]), By::Day, Format::Table));
    assert_eq!(render(&[], By::Model, Format::Table), "No usage in this period.\n");
}

#[test]
fn csv_is_of_rfc_4180_and_holds_no_formula() {
    let rows = sums(By::User, &example());
    insta::assert_snapshot!("by_user_csv", render(&rows, By::User, Format::Csv).replace("\r\n", "|\n"));
    for (key, cell) in [
        ("a,b", "\"a,b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""),
        ("@sum", "'@sum"),
        ("-1", "'-1"),
        ("\t=1", "'\t=1"),
        ("+1,2", "\"'+1,2\""),
        ("a=b", "a=b"),
    ] {
        let row = Row { key: key.to_owned(), ..Row::default() };
        let text = render(&[row], By::User, Format::Csv);
        let (_, line) = text.split_once("\r\n").unwrap();
        assert!(line.starts_with(&format!("{cell},0,")), "{key:?}: {line}");
    }
}

#[test]
fn json_has_a_version_and_exact_prices() {
    insta::assert_snapshot!("by_model_json", render(&sums(By::Model, &example()), By::Model, Format::Json));
    let empty: serde_json::Value = serde_json::from_str(&render(&[], By::Day, Format::Json)).unwrap();
    assert_eq!(empty["total"]["usd"], "0.000000000");
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let row = Row { key: "a\u{1b}[2Jb\n".to_owned(), requests: 1, ..Row::default() };
    let text = render(&[row], By::User, Format::Table);
    assert!(!text.contains('\u{1b}') && text.contains("a\u{fffd}[2Jb\u{fffd}"), "{text:?}");
}

#[test]
fn a_range_of_days_begins_and_ends_at_midnight_utc() {
    let day = |text: &str| Some(text.parse::<Date>().unwrap());
    let range = Range::days(day("2026-11-01"), day("2026-11-21"));
    assert_eq!(range.from.to_string(), "2026-11-01T00:00:00Z");
    assert_eq!(range.to.to_string(), "2026-11-22T00:00:00Z");
    let all = Range::days(None, None);
    assert_eq!((all.from, all.to), (Timestamp::MIN, Timestamp::MAX));
    assert_eq!(Range::days(None, Some(Date::MAX)).to, Timestamp::MAX);
}

fn items() -> impl Strategy<Value = Vec<Item<'static>>> {
    let name = || proptest::sample::select(vec!["a", "b", "c", "d"]);
    let outcome = proptest::sample::select(vec![Outcome::Completed, Outcome::Failed, Outcome::Abandoned]);
    let tokens = proptest::array::uniform4(0_u64..1_000_000);
    let nano_usd = proptest::option::of(0_u64..10_000_000_000);
    let item = (0_i64..4_000_000_000, name(), name(), tokens, any::<bool>(), outcome, nano_usd).prop_map(
        |(second, caller, model, tokens, estimated, outcome, nano_usd)| Item {
            at: Timestamp::from_second(second).unwrap(),
            caller,
            model,
            usage: Usage {
                input_tokens: tokens[0],
                output_tokens: tokens[1],
                cache_read_tokens: tokens[2],
                cache_write_tokens: tokens[3],
            },
            estimated,
            outcome,
            nano_usd,
        },
    );
    proptest::collection::vec(item, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever it is grouped by, a report loses and invents nothing.
    #[test]
    fn every_grouping_adds_up_to_the_entries(items in items()) {
        let sum = |of: fn(&Item<'_>) -> u64| items.iter().map(of).sum::<u64>();
        for by in [By::User, By::Model, By::Day] {
            let total = total(&sums(by, &items));
            prop_assert_eq!(total.requests, sum(|_| 1));
            prop_assert_eq!(total.failed, sum(|item| u64::from(item.outcome == Outcome::Failed)));
            prop_assert_eq!(total.abandoned, sum(|item| u64::from(item.outcome == Outcome::Abandoned)));
            prop_assert_eq!(total.estimated, sum(|item| u64::from(item.estimated)));
            prop_assert_eq!(total.usage.input_tokens, sum(|item| item.usage.input_tokens));
            prop_assert_eq!(total.usage.output_tokens, sum(|item| item.usage.output_tokens));
            prop_assert_eq!(total.usage.cache_read_tokens, sum(|item| item.usage.cache_read_tokens));
            prop_assert_eq!(total.usage.cache_write_tokens, sum(|item| item.usage.cache_write_tokens));
            prop_assert_eq!(total.nano_usd, sum(|item| item.nano_usd.unwrap_or(0)));
            prop_assert_eq!(total.not_priced, sum(|item| u64::from(item.nano_usd.is_none())));
        }
    }
}
