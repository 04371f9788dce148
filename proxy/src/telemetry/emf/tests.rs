//! Lines that CloudWatch accepts.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Usage;

fn observe(emf: &Emf, model: &str, ms: u64, outcome: Outcome) {
    emf.observe(
        Arc::from(model),
        &Observed {
            endpoint: "chat.completions",
            model,
            upstream: "bedrock",
            status: 200,
            outcome,
            duration: Duration::from_millis(ms),
            first_byte: Duration::from_millis(ms / 2),
            usage: Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() },
        },
    );
}

#[test]
fn a_minute_is_a_line_for_each_model() {
    let emf = Emf::new("SreAgent/Proxy".to_owned());
    observe(&emf, "gpt-4o", 100, Outcome::Completed);
    observe(&emf, "gpt-4o", 300, Outcome::Failed);
    observe(&emf, "mini", 7, Outcome::Abandoned);
    let now = Timestamp::from_millisecond(1_790_000_000_123).unwrap();
    let lines = emf.take(now);
    assert_eq!(lines.len(), 2);
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    insta::assert_snapshot!("line", serde_json::to_string_pretty(&line).unwrap());
    assert_eq!(emf.take(now), Vec::<String>::new(), "a minute without requests has no line");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// What the format's specification demands of every line.
    #[test]
    fn every_line_is_valid(durations in proptest::collection::vec(0_u64..1_000_000, 1..1500), model in "\\PC{1,40}") {
        let emf = Emf::new("N".to_owned());
        for ms in &durations {
            observe(&emf, &model, *ms, Outcome::Completed);
        }
        let lines = emf.take(Timestamp::UNIX_EPOCH);
        prop_assert_eq!(lines.len(), 1);
        prop_assert!(!lines[0].contains('\n') && lines[0].len() < 256 * 1024);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().unwrap();
        prop_assert!(metrics.len() <= 100);
        for metric in metrics {
            let value = &line[metric["Name"].as_str().unwrap()];
            let values = value.as_array().map_or(1, Vec::len);
            prop_assert!((1..=100).contains(&values), "{}", value);
        }
        for dimensions in directive["Dimensions"].as_array().unwrap() {
            let dimensions = dimensions.as_array().unwrap();
            prop_assert!((1..=30).contains(&dimensions.len()));
            for name in dimensions {
                let value = line[name.as_str().unwrap()].as_str().unwrap();
                prop_assert!(!value.is_empty());
            }
        }
        prop_assert_eq!(line["Requests"].as_u64(), u64::try_from(durations.len()).ok());
        prop_assert!(line["_aws"]["Timestamp"].is_i64());
        let kept = line["Duration"].as_array().unwrap();
        prop_assert!(kept.len() >= durations.len().min(50), "{} of {}", kept.len(), durations.len());
        prop_assert!(kept.iter().all(|value| durations.contains(&value.as_u64().unwrap())));
    }
}
