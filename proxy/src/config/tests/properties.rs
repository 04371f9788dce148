//! What holds for every file.

use proptest::prelude::*;

use super::*;

/// Lines of the template in any order and with parts of them replaced: text that is nearly a configuration.
fn nearly() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = template().lines().chain(smallest().lines()).collect();
    let line = prop::sample::select(lines);
    let token = prop_oneof![
        Just(String::new()),
        "[a-z_]{1,12}: ",
        "[\\[\\]{}:,\"'|>&*!%#-]{1,4}",
        "[0-9]{1,25}(ms|s|m|h|MiB)?",
        any::<String>(),
    ];
    prop::collection::vec((line, token, any::<prop::sample::Index>()), 1..40).prop_map(|parts| {
        let mut text = String::new();
        for (line, token, at) in parts {
            let chars: Vec<char> = line.chars().collect();
            let cut = at.index(chars.len().saturating_add(1));
            text.extend(&chars[..cut]);
            text.push_str(&token);
            text.extend(&chars[cut..]);
            text.push('\n');
        }
        text
    })
}

/// A duration in the range of a key, as it may be written.
fn duration(min_ms: u64, max_ms: u64) -> impl Strategy<Value = (String, Duration)> {
    (min_ms..=max_ms).prop_map(|ms| (format!("{ms}ms"), Duration::from_millis(ms)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problems) = load(SourceText { name: "x", bytes: &bytes }, &facts()) {
            prop_assert!(!problems.is_empty());
            let _ = render(&problems, Some(&SourceText { name: "x", bytes: &bytes }), STYLE);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_every_refusal_says_why(text in nearly()) {
        if let Err(problems) = read(&text) {
            prop_assert!(problems.iter().any(Problem::is_error));
            let _ = render(&problems, Some(&SourceText { name: "x", bytes: text.as_bytes() }), STYLE);
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(
        (drain_text, drain) in duration(0, 3_600_000),
        (idle_text, idle) in duration(1_000, 3_600_000),
        max_connections in 1_usize..=1_000_000,
        requests_per_minute in 1_u32..=1_000_000,
        tokens_per_hour in 1_u64..=1_000_000_000_000,
        max_body_bytes in 1024_usize..=256 * 1024 * 1024,
        port in 1_u16..,
        strict_params: bool,
        models in prop::collection::btree_map("[a-z][a-z0-9.-]{0,20}[a-z0-9]x", "[a-z]{1,8}[.][a-z0-9-]{1,20}", 1..8),
    ) {
        let text = serde_json::json!({
            "version": 1,
            "listen": {"address": format!("127.0.0.1:{port}"), "max_connections": max_connections, "drain": drain_text},
            "auth": {"api_keys": [{"name": "a", "sha256": "0a".repeat(32)}]},
            "upstreams": {"p": {"kind": "practice"}},
            "models": models,
            "requests": {"max_body_bytes": max_body_bytes, "strict_params": strict_params},
            "limits": {"requests_per_minute": requests_per_minute, "tokens_per_hour": tokens_per_hour},
            "timeouts": {"idle": idle_text},
        })
        .to_string();
        let config = read(&text).map_err(|_| TestCaseError::fail(rendered(&text)))?.config;
        prop_assert_eq!(config.listen.address.port(), port);
        prop_assert_eq!(config.listen.max_connections, max_connections);
        prop_assert_eq!(config.listen.drain, drain);
        prop_assert_eq!(config.timeouts.idle, idle);
        prop_assert_eq!(config.requests.max_body_bytes, max_body_bytes);
        prop_assert_eq!(config.requests.strict_params, strict_params);
        prop_assert_eq!(config.limits.default.requests_per_minute, requests_per_minute);
        prop_assert_eq!(config.limits.default.tokens_per_hour, tokens_per_hour);
        let read: BTreeMap<String, String> =
            config.models.into_iter().map(|(name, route)| (name, route.targets[0].model.clone())).collect();
        prop_assert_eq!(read, models);
    }

    #[test]
    fn every_change_of_a_value_is_noticed(index in any::<prop::sample::Index>()) {
        // Each key with a range, one step above the smallest value and so different from the default.
        let keys: Vec<&Key> = KEYS
            .iter()
            .filter(|key| matches!(key.kind, Kind::Integer { .. } | Kind::Duration { .. } | Kind::Size { .. }))
            .filter(|key| matches!(key.fallback, Fallback::Value(_)) && !key.path.contains(['*', '[']))
            .collect();
        let key = keys[index.index(keys.len())];
        let value = match key.kind {
            Kind::Integer { min, .. } | Kind::Size { min, .. } => min.saturating_add(1).to_string(),
            Kind::Duration { min_ms, .. } => format!("{}ms", min_ms.saturating_add(1)),
            _ => unreachable!(),
        };
        let (section, name) = key.path.split_once('.').unwrap();
        let text = match section {
            "listen" => smallest().replace("listen: {", &format!("listen: {{{name}: {value}, ")),
            "auth" => smallest().replace("auth:\n", &format!("auth:\n  {name}: {value}\n")),
            _ => smallest_with(&format!("{section}: {{{name}: {value}}}\n")),
        };
        let old = read(smallest()).unwrap().config;
        let new = read(&text).map_err(|_| TestCaseError::fail(rendered(&text)))?.config;
        let found = changes(&old, &new);
        prop_assert_eq!(found.needs_restart.is_empty(), key.reloads, "{}", key.path);
        prop_assert_eq!(found.applied.is_empty(), !key.reloads, "{}", key.path);
    }
}
