//! The book, the sums to the cent, and the laws of a bill.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Inputs, Mode, SourceText, load};
use crate::plan::{Change, Fields, PLAN_SCHEMA_VERSION, Pins, Plan, PlannedStep, StepId};
use crate::{AccountId, Config, DeploymentId, Region};

fn config(more: &str) -> Config {
    let text = format!(
        "version: 1\ndeployment: {{id: abc, environment: staging}}\naws: {{region: us-east-1, account_id: \
         \"123456789012\"}}\ntls: {{domain: api.corp.io, acme: {{email: ops@corp.io}}}}\n{more}\n"
    );
    let nothing = BTreeMap::new();
    let file = Some(SourceText { name: "config.yaml", bytes: text.as_bytes() });
    let loaded = load(&Inputs { file, environment: &nothing, flags: &nothing, mode: None });
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn usage() -> Usage {
    Usage::of(&config(""))
}

fn step(id: StepId, change: Change) -> PlannedStep {
    let mut fields = Fields::new();
    if id == StepId::Instance {
        fields.extend([("type".to_owned(), json!("t3.xlarge")), ("volume_gb".to_owned(), json!(50))]);
    }
    PlannedStep {
        id,
        kind: String::new(),
        name: "abc".to_owned(),
        dependencies: Vec::new(),
        change,
        why: Vec::new(),
        fields,
        way: crate::plan::Way::Automatic,
        irreversible: None,
    }
}

fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        deployment_id: DeploymentId::parse("abc").unwrap(),
        account_id: AccountId::parse("123456789012").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
        mode: Mode::Staging,
        config_digest: String::new(),
        pins: Pins::default(),
        steps,
        findings: Vec::new(),
    }
}

fn all(change: &Change) -> Plan {
    plan(StepId::ALL.iter().map(|id| step(*id, change.clone())).collect())
}

fn found() -> String {
    "i-1".to_owned()
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn line<'a>(bill: &'a Bill, item: &str) -> &'a Line {
    bill.lines.iter().find(|line| line.item == item).unwrap_or_else(|| panic!("no {item}: {bill:#?}"))
}

fn monthly(bill: &Bill, item: &str) -> [String; 3] {
    let monthly = line(bill, item).monthly().unwrap();
    [monthly.low, monthly.expected, monthly.high].map(|usd| usd.to_string())
}

#[test]
fn the_book_of_the_program_can_be_read() {
    let book = Book::parse(include_str!("book.json")).unwrap();
    assert_eq!(&book, Book::embedded());
    assert_eq!(book.date.to_string(), "2026-11-21");
    assert!(book.all().len() > 30, "{}", book.all().len());
}

#[test]
fn everything_that_is_wrong_with_a_book_is_said_at_once() {
    let text = r#"{"format": "x", "version": 2, "date": "soon", "currency": "EUR", "prices": [
        {"item": "a", "unit": "hours", "usd": "-1", "region": "mars", "source": "", "date": "2026-13", "per": 0},
        {"item": "b", "unit": "hours", "usd": "1", "region": "*", "source": "s", "date": "2026"},
        {"item": "b", "unit": "hours", "usd": "2", "region": "*", "source": "s", "date": "2026", "free": "1e3"},
        {"item": "b", "unit": "hours", "usd": "2", "region": "*", "source": "s", "date": "2026"}]}"#;
    insta::assert_snapshot!(Book::parse(text).unwrap_err().problems.join("\n"));
    let unknown = r#"{"format": "x", "prices": [], "note": 1}"#;
    assert!(Book::parse(unknown).unwrap_err().to_string().contains("unknown field `note`"));
}

#[test]
fn numbers_are_exact_and_nothing_else_is_a_number() {
    for (text, shown) in
        [("0.1664", "0.1664"), ("4", "4.00"), ("0.000000035", "0.000000035"), ("6.00", "6.00")]
    {
        assert_eq!(usd(text).to_string(), shown);
    }
    for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "0.0000000001", "٣", &"9".repeat(40)] {
        assert_eq!(Usd::parse(wrong), None, "{wrong}");
    }
    // Half a cent is a cent; less is none.
    assert_eq!(usd("0.005").times(Quantity::of(1), 1), usd("0.01"));
    assert_eq!(usd("0.00499").times(Quantity::of(1), 1), Usd::ZERO);
    assert_eq!(Quantity::parse("28.8").unwrap().rounded(1), "28.8");
    assert_eq!(Quantity::of(10_138_889).rounded(1_000_000), "10.14");
}

#[test]
fn the_fixed_part_of_the_usual_deployment_is_129_12() {
    let plan = plan(vec![step(StepId::Address, Change::Create), step(StepId::Instance, Change::Create)]);
    let bill = bill(&plan, &usage(), Book::embedded());
    let [instance, volume, address] =
        ["ec2:t3.xlarge", "ebs:gp3", "ec2:public-ipv4"].map(|item| monthly(&bill, item)[1].clone());
    assert_eq!([&instance, &volume, &address], ["121.47", "4.00", "3.65"]);
    assert_eq!(bill.total.low, usd("129.12"));
    // All of the lines that are shown, and nothing else.
    assert_eq!(bill.new, bill.total);
}

#[test]
fn a_token_every_fifty_minutes_is_1_97_and_one_for_each_request_is_a_fortune() {
    let bill = bill(&all(&Change::Create), &usage(), Book::embedded());
    // 28.8 a day, 876 a month; 5,000 a day, 152,083 a month.
    assert_eq!(monthly(&bill, "cognito:m2m-request"), ["0.00", "1.97", "342.19"]);
    let price = Book::embedded().prices("cognito:m2m-request", "us-east-1")[0];
    assert_eq!(price.usd.times(Quantity::of(1_000_000), price.per), usd("2250"));
}

#[test]
fn what_is_not_settled_is_the_cheaper_at_least_and_the_dearer_otherwise() {
    let bill = bill(&all(&Change::Create), &usage(), Book::embedded());
    assert_eq!(monthly(&bill, "cognito:m2m-client"), ["0.00", "6.00", "6.00"]);
    let Amount::Priced { prices, .. } = &line(&bill, "cognito:m2m-client").amount else { panic!() };
    let since: Vec<_> = prices.iter().map(|price| price.since.as_deref().unwrap()).collect();
    assert_eq!(since, ["2024-07", "2025-11"]);
}

#[test]
fn tokens_are_priced_by_model_and_by_the_profile_that_is_called() {
    let models = "proxy:\n  models: {a: amazon.nova-pro-v1:0, b: eu.amazon.nova-lite-v1:0, c: \
                  'us.amazon.nova-2-lite-v1:0', d: 'amazon.nova-pro-v1:0:300k'}";
    let bill = bill(&all(&Change::Create), &Usage::of(&config(models)), Book::embedded());
    // 500 requests a day are 15,208.33 a month, a quarter for each name: 7,604,166 tokens in, 1,520,833 out.
    assert_eq!(monthly(&bill, "bedrock:amazon.nova-pro-v1:0:in")[1], "6.08");
    assert_eq!(monthly(&bill, "bedrock:amazon.nova-pro-v1:0:out")[1], "4.87");
    assert_eq!(monthly(&bill, "bedrock:eu.amazon.nova-lite-v1:0:in")[1], "0.59");
    assert_eq!(monthly(&bill, "bedrock:us.amazon.nova-2-lite-v1:0:out")[1], "4.18");
    let of_pro = bill.lines.iter().filter(|line| line.item == "bedrock:amazon.nova-pro-v1:0:in").count();
    assert_eq!(of_pro, 2, "with its context window said, a model costs the same");
}

/// Said of every plan with a gateway.
const NO_PRICE_OF_GATEWAYS: &str = "the book has no price for calls of tools, searches and indexed tools";
/// The same of one with a memory.
const NO_PRICE_OF_MEMORIES: &str = "the book has no price for events, records and their retrieval";
/// The same of one with a runtime.
const NO_PRICE_OF_RUNTIMES: &str = "the book has no price for the time and memory that the agent takes";

#[test]
fn an_arn_says_where_its_model_is_called() {
    let usage = |model: &str| Usage { models: BTreeMap::from([(model.to_owned(), 1)]), ..usage() };
    let of = |model: &str| bill(&all(&Change::Create), &usage(model), Book::embedded());
    let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0";
    assert!(line(&of(profile), "bedrock:us.amazon.nova-pro-v1:0:in").monthly().is_some());
    let elsewhere = of("arn:aws:bedrock:eu-north-1::foundation-model/amazon.nova-pro-v1:0");
    assert_eq!(
        elsewhere.unknown(),
        [
            NO_PRICE_OF_GATEWAYS,
            NO_PRICE_OF_MEMORIES,
            NO_PRICE_OF_RUNTIMES,
            "no price for tokens of amazon.nova-pro-v1:0 in eu-north-1 in the price book of 2026-11-21"
        ]
    );
    let own = of("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3");
    assert_eq!(
        own.unknown(),
        [
            NO_PRICE_OF_GATEWAYS,
            NO_PRICE_OF_MEMORIES,
            NO_PRICE_OF_RUNTIMES,
            "an application inference profile does not say which model it leads to"
        ]
    );
}

#[test]
fn another_region_or_type_has_no_price_rather_than_a_wrong_one() {
    let mut plan = all(&Change::Create);
    plan.region = Region::parse("eu-west-1").unwrap();
    let instance = plan.steps.iter_mut().find(|step| step.id == StepId::Instance).unwrap();
    instance.fields.insert("type".to_owned(), json!("m7i.xlarge"));
    let bill = bill(&plan, &Usage { models: BTreeMap::new(), ..usage() }, Book::embedded());
    assert_eq!(bill.total, Spread::default());
    let Amount::NotPriced { why, .. } = &line(&bill, "ec2:m7i.xlarge").amount else { panic!() };
    assert_eq!(why, "no price for m7i.xlarge in eu-west-1 in the price book of 2026-11-21");
    assert!(bill.missing().contains(&"m7i.xlarge"));
}

#[test]
fn every_step_is_priced_or_says_why_not() {
    let changes = [
        Change::Create,
        Change::Adopt { found: found() },
        Change::Update { found: found(), diffs: Vec::new() },
        Change::Replace { found: found(), diffs: Vec::new() },
        Change::Keep { found: found() },
        Change::Check,
        Change::Delete { found: found() },
    ];
    for change in changes {
        for id in StepId::ALL {
            let bill = bill(&plan(vec![step(*id, change.clone())]), &usage(), Book::embedded());
            assert!(!bill.lines.is_empty(), "{id} {}", change.verb());
            for line in &bill.lines {
                assert_eq!(line.step, *id);
                let says = match &line.amount {
                    Amount::Priced { prices, .. } => {
                        prices.iter().all(|price| !price.source.is_empty() && !price.date.is_empty())
                    }
                    Amount::NotPriced { why, .. } | Amount::AlreadyPaid { why } | Amount::Free { why } => {
                        !why.is_empty()
                    }
                    Amount::Removed => matches!(change, Change::Delete { .. }),
                };
                assert!(says, "{line:?}");
            }
        }
    }
    // The certificate costs something that nobody here knows.
    let bill = bill(&all(&Change::Create), &usage(), Book::embedded());
    assert_eq!(bill.missing(), ["an exportable ACM certificate"]);
}

#[test]
fn a_plan_that_does_not_say_what_it_makes_has_no_price() {
    let mut plan = all(&Change::Create);
    plan.steps.iter_mut().for_each(|step| step.fields.clear());
    let bill = bill(&plan, &usage(), Book::embedded());
    assert_eq!(
        bill.unknown(),
        [NO_PRICE_OF_GATEWAYS, NO_PRICE_OF_MEMORIES, NO_PRICE_OF_RUNTIMES, "the plan does not say it"]
    );
}

#[test]
fn what_is_kept_is_counted_and_not_new_and_what_is_adopted_is_paid_for() {
    let keep = bill(&all(&Change::Keep { found: found() }), &usage(), Book::embedded());
    let create = bill(&all(&Change::Create), &usage(), Book::embedded());
    assert_eq!((keep.total, keep.new), (create.total, Spread::default()));
    let adopt = bill(&all(&Change::Adopt { found: found() }), &usage(), Book::embedded());
    assert_eq!(adopt.total.low, Usd::ZERO);
    assert!(adopt.total.expected > Usd::ZERO, "what is done with it is still paid for");
    let delete = bill(&all(&Change::Delete { found: found() }), &usage(), Book::embedded());
    assert_eq!(delete.total, Spread::default());
}

#[test]
fn a_book_grows_old() {
    let book = Book::embedded();
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    assert_eq!(book.stale_days(day("2026-11-20")), None);
    assert_eq!(book.stale_days(day("2027-05-20")), None);
    assert_eq!(book.stale_days(day("2027-05-21")), Some(181));
    assert_eq!(book.stale_days(day("2029-11-21")), Some(1096));
}

#[test]
fn absurd_amounts_end_somewhere() {
    let most = Spread::always(Quantity::of(u64::MAX));
    let mut usage = usage();
    for assumption in [
        &mut usage.requests_per_day,
        &mut usage.tokens_in,
        &mut usage.tokens_out,
        &mut usage.token_fetches_per_day,
    ] {
        assumption.amount = most;
    }
    usage.models =
        BTreeMap::from([("amazon.nova-pro-v1:0".to_owned(), u64::MAX), ("x.y".to_owned(), u64::MAX)]);
    let mut plan = all(&Change::Create);
    let instance = plan.steps.iter_mut().find(|step| step.id == StepId::Instance).unwrap();
    instance.fields.insert("volume_gb".to_owned(), json!(u64::MAX));
    let bill = bill(&plan, &usage, Book::embedded());
    assert!(bill.total.low > usd("1000000000000"));
    serde_json::to_string(&bill).unwrap();
}

fn steps() -> impl Strategy<Value = Vec<PlannedStep>> {
    let change = prop_oneof![
        Just(Change::Create),
        Just(Change::Check),
        Just(Change::Keep { found: found() }),
        Just(Change::Adopt { found: found() }),
        Just(Change::Delete { found: found() }),
    ];
    let one =
        (proptest::sample::select(StepId::ALL), change, 0_u64..100_000).prop_map(|(id, change, size)| {
            let mut step = step(id, change);
            step.fields.insert("volume_gb".to_owned(), json!(size));
            step
        });
    proptest::collection::vec(one, 0..12)
}

fn use_of() -> impl Strategy<Value = [u64; 4]> {
    [0_u64..1_000_000, 0..100_000, 0..100_000, 0..1_000_000]
}

fn used([requests, tokens_in, tokens_out, fetches]: [u64; 4]) -> Usage {
    let mut usage = usage();
    usage.requests_per_day.amount = Spread::always(Quantity::of(requests));
    usage.tokens_in.amount = Spread::always(Quantity::of(tokens_in));
    usage.tokens_out.amount = Spread::always(Quantity::of(tokens_out));
    usage.token_fetches_per_day.amount = Spread::always(Quantity::of(fetches));
    usage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // The bill of two halves of a plan is the bill of the plan.
    #[test]
    fn a_bill_is_additive(one in steps(), other in steps(), amounts in use_of()) {
        let (usage, book) = (used(amounts), Book::embedded());
        let halves = bill(&plan(one.clone()), &usage, book).total.zip(bill(&plan(other.clone()), &usage, book).total, Usd::plus);
        let whole = bill(&plan([one, other].concat()), &usage, book);
        prop_assert_eq!(whole.total, halves);
        prop_assert!(whole.total.low <= whole.total.expected && whole.total.expected <= whole.total.high);
    }

    // More use never costs less.
    #[test]
    fn a_bill_grows_with_use(steps in steps(), less in use_of(), more in use_of()) {
        let more: [u64; 4] = std::array::from_fn(|index| less[index].saturating_add(more[index]));
        let (plan, book) = (plan(steps), Book::embedded());
        let (less, more) = (bill(&plan, &used(less), book).total, bill(&plan, &used(more), book).total);
        prop_assert!(less.low <= more.low && less.expected <= more.expected && less.high <= more.high);
    }

    // What is written is what was read.
    #[test]
    fn money_survives_its_text(whole in 0_u64.., fraction in 0_u32..1_000_000_000) {
        let text = format!("{whole}.{fraction:09}");
        let read = Usd::parse(&text).unwrap();
        prop_assert_eq!(Usd::parse(&read.to_string()), Some(read));
    }
}
