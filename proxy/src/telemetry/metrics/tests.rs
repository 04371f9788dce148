//! The exposition, read as strictly as a scraper may.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{Usage, ledger::Outcome, telemetry::testing};

fn observed<'a>(model: &'a str, upstream: &'a str) -> Observed<'a> {
    Observed {
        endpoint: "chat.completions",
        model,
        upstream,
        status: 200,
        outcome: Outcome::Completed,
        duration: Duration::from_millis(1500),
        first_byte: Duration::from_millis(200),
        usage: Usage { input_tokens: 10, output_tokens: 5, cache_read_tokens: 2, cache_write_tokens: 1 },
    }
}

fn configured(names: &[&str]) -> Metrics {
    let metrics = Metrics::new(Timestamp::from_second(1_790_000_000).unwrap(), Arc::default());
    metrics.configured(
        &testing::proxy_config(names),
        "4bf92f35",
        Timestamp::from_second(1_790_000_100).unwrap(),
    );
    metrics.certificate(Shown {
        not_before: Timestamp::UNIX_EPOCH,
        serial: "04d2".to_owned(),
        not_after: Timestamp::from_second(1_800_000_000).unwrap(),
        names: Vec::new(),
    });
    metrics
}

/// The text without the lines that the kernel decides.
fn ours(metrics: &Metrics) -> String {
    metrics
        .exposition()
        .lines()
        .filter(|line| !line.contains("process_"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Name and labels of each sample, after a check of the whole text against the grammar of `OpenMetrics` 1.0.
fn samples(text: &str) -> Vec<(String, String, f64)> {
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let (mut samples, mut family, mut seen) = (Vec::new(), String::new(), BTreeSet::new());
    for line in text.strip_suffix("# EOF\n").unwrap().lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (kind, name, value) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
            match kind {
                "HELP" => {
                    assert!(seen.insert(format!("# {name}")), "the family {name} comes twice");
                    assert!(!value.is_empty() && !value.contains('\\'), "{line}");
                    name.clone_into(&mut family);
                }
                "TYPE" => {
                    assert!(["counter", "gauge", "histogram", "info"].contains(&value), "{line}");
                    assert_eq!(name, family);
                }
                "UNIT" => assert!(name == family && name.ends_with(&format!("_{value}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| {
            (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}")))
        });
        let suffixes = ["", "_total", "_sum", "_count", "_bucket", "_info"];
        assert!(
            suffixes.iter().any(|suffix| name == format!("{family}{suffix}")),
            "{name} is not of {family}"
        );
        assert!(labels.bytes().all(|byte| byte >= b' '), "{line}");
        assert!(seen.insert(series.to_owned()), "{series} comes twice");
        samples.push((name.to_owned(), labels.to_owned(), value.parse().unwrap()));
    }
    samples
}

#[test]
fn the_exposition_is_what_a_dashboard_was_built_on() {
    let metrics = configured(&["gpt-4o"]);
    metrics.request(&observed("gpt-4o", "bedrock"));
    metrics.denied("expired");
    metrics.limited("tokens");
    metrics.upstream_refused("bedrock", "rate_limit_exceeded");
    metrics.streams(3);
    metrics.streams(-1);
    metrics.reloaded("config", true);
    metrics.reloaded("certificate", false);
    let text = ours(&metrics);
    samples(&text);
    insta::assert_snapshot!("exposition", text);
}

#[test]
fn the_process_is_there_too() {
    let names: Vec<String> =
        samples(&configured(&[]).exposition()).into_iter().map(|(name, ..)| name).collect();
    for name in [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
}

#[test]
fn counters_outlive_a_reload_and_names_change_with_it() {
    let metrics = configured(&["old"]);
    metrics.request(&observed("old", "bedrock"));
    metrics.configured(&testing::proxy_config(&["old", "new"]), "2", Timestamp::UNIX_EPOCH);
    metrics.request(&observed("old", "bedrock"));
    metrics.request(&observed("new", "bedrock"));
    let text = ours(&metrics);
    let count = |model: &str| {
        let label = format!("model=\"{model}\"");
        samples(&text)
            .into_iter()
            .filter(|(name, labels, _)| {
                name == "bedrock_nova_proxy_requests_total" && labels.contains(&label)
            })
            .map(|(.., value)| value)
            .sum::<f64>()
    };
    assert!((count("old") - 2.0).abs() < 0.1 && (count("new") - 1.0).abs() < 0.1, "{text}");
    assert!(text.contains("config_info{version=\"2\"} 1"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A name with quotes, backslashes or line breaks is a name, and a name that nobody configured is `other`.
    #[test]
    fn no_client_adds_a_series_and_no_name_breaks_the_text(
        name in "[\\PC\n\"\\\\]{1,20}",
        foreign in proptest::collection::vec("[a-z0-9.:/]{1,30}", 1..20),
    ) {
        let metrics = configured(&[&name]);
        metrics.request(&observed(&name, "bedrock"));
        metrics.upstream_refused("bedrock", "timeout");
        metrics.request(&observed("\u{0}not configured", "nor this"));
        metrics.upstream_refused("nor this", "nor this code");
        let before = samples(&ours(&metrics)).len();
        for foreign in foreign.iter().filter(|foreign| **foreign != name && *foreign != "bedrock") {
            metrics.request(&observed(foreign, foreign));
            metrics.upstream_refused(foreign, foreign);
        }
        prop_assert_eq!(samples(&ours(&metrics)).len(), before);
    }
}
