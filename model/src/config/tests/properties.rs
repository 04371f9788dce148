//! What holds for every configuration.

use proptest::prelude::*;

use super::*;
use crate::config::{Config, Origin, RenderStyle, Setting, arbitrary, codes, keys, render, yaml};
use crate::document::{is_secret, mask, source};

const STYLE: RenderStyle = RenderStyle { colour: false, width: 80, unicode: true };

fn load_bytes(bytes: &[u8]) -> (Loaded, String) {
    let empty = BTreeMap::new();
    let file = SourceText { name: "config.yaml", bytes };
    let loaded = load(&Inputs { file: Some(file), environment: &empty, flags: &empty, mode: None });
    let text = render(&loaded.problems, Some(&file), STYLE);
    (loaded, text)
}

/// Text made of what YAML gives a meaning.
fn yaml_like() -> impl Strategy<Value = String> {
    let tokens = proptest::sample::select(vec![
        "a",
        "version",
        "deployment",
        "network",
        "client_secret",
        ": ",
        ":",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "#",
        "&x ",
        "*x",
        "!t ",
        "\"",
        "'",
        "|",
        ">",
        "%",
        "---\n",
        "...\n",
        "? ",
        "1",
        "null",
        "\t",
        "\u{FEFF}",
        "ü",
        "\\u00",
        "<<",
        "@",
        "`",
        "\r\n",
        "\u{85}",
        "\u{2028}",
    ]);
    proptest::collection::vec(tokens, 0..60).prop_map(|tokens| tokens.concat())
}

/// Mistakes that do not touch each other: key, wrong value, the path that must be named.
const MISTAKES: &[(&str, &str)] = &[
    ("deployment.id", "X"),
    ("deployment.environment", "production"),
    ("aws.region", "nowhere"),
    ("aws.account_id", "12"),
    ("network.vpc_id", "vpc-x"),
    ("network.subnet_id", "x"),
    ("network.https_cidrs", "[10.1.2.3/8]"),
    ("network.ssh_cidrs", "[x]"),
    ("network.backend_ports", "[99999]"),
    ("instance.type", "big"),
    ("instance.os", "windows"),
    ("instance.ami_id", "ami"),
    ("instance.volume_gb", "1"),
    ("cognito.domain_prefix", "my-aws"),
    ("cognito.resource_server", "\"a b\""),
    ("cognito.scopes", "[a/b]"),
    ("cognito.access_token_minutes", "1"),
    ("cognito.mfa", "perhaps"),
    ("tls.domain", "localhost"),
    ("tls.acme.directory", "http://x"),
    ("tls.acme.email", "x"),
    ("tls.acme.challenge", "none"),
    ("tls.acme.profile", "\"a b\""),
    ("tls.acme.eab_key_id", "\"a b\""),
    ("tls.acme.eab_hmac_path", "key"),
    ("tls.acme.ca_path", "ca.pem"),
    ("host.install", "there"),
    ("proxy.models", "{a: \"\"}"),
    ("proxy.limits.requests_per_minute", "0"),
    ("proxy.limits.tokens_per_hour", "0"),
    ("gateway.name", "\"-\""),
    ("gateway.s3_bucket", "A"),
    ("unknown_one", "1"),
    ("network.unknown_two", "1"),
];

/// A file that holds these values.
fn written(values: &[(&str, &str)]) -> String {
    let mut root = serde_json::Map::new();
    let mut text = String::from("version: 1\n");
    for (path, value) in values {
        match path.split_once('.') {
            None => text.push_str(&format!("{path}: {value}\n")),
            Some((section, rest)) => {
                let members = root.entry(section).or_insert_with(|| serde_json::json!([]));
                let inner = match rest.split_once('.') {
                    None => format!("  {rest}: {value}\n"),
                    Some((middle, name)) => format!("  {middle}|{name}: {value}\n"),
                };
                members.as_array_mut().unwrap().push(inner.into());
            }
        }
    }
    for (section, lines) in root {
        text.push_str(&format!("{section}:\n"));
        let lines: Vec<&str> = lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let mut nested: BTreeMap<&str, String> = BTreeMap::new();
        for line in lines {
            match line.split_once('|') {
                None => text.push_str(line),
                Some((middle, rest)) => nested.entry(middle).or_default().push_str(&format!("    {rest}")),
            }
        }
        for (middle, lines) in nested {
            text.push_str(&format!("{middle}:\n{lines}"));
        }
    }
    text
}

fn setting<'a>(settings: &'a [Setting], path: &str) -> Option<&'a Setting> {
    settings.iter().find(|setting| setting.path == path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn a_resolved_configuration_reads_back(config in arbitrary::config()) {
        let resolved = config.resolved();
        let back = Config::from_resolved(&resolved).map_err(|problems| TestCaseError::fail(format!("{problems:#?}")))?;
        prop_assert_eq!(&back, &config);
        prop_assert_eq!(back.digest(), config.digest());
        prop_assert_eq!(config.digest().len(), 64);
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn a_printed_configuration_is_a_file(config in arbitrary::config()) {
        let text = serde_json::to_string_pretty(&config.resolved()).unwrap();
        let loaded = load_text(&text);
        // Risks may stop a production; everything else must be as it was.
        let risks = [codes::SSH_OPEN, codes::INSTANCE_TOO_SMALL, codes::VOLUME_TOO_SMALL];
        for problem in loaded.problems.iter().filter(|problem| problem.is_error()) {
            prop_assert!(risks.contains(&problem.code), "{problem:#?}");
        }
        if let Some(again) = loaded.config {
            prop_assert_eq!(again, config.clone());
        }
        for setting in &loaded.settings {
            let pointer = format!("/{}", setting.path.replace('.', "/"));
            let resolved = config.resolved();
            prop_assert_eq!(resolved.pointer(&pointer), Some(&setting.value), "{}", setting.path);
        }
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn different_configurations_have_different_digests(one in arbitrary::config(), other in arbitrary::config()) {
        prop_assert_eq!(one == other, one.digest() == other.digest());
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn the_strongest_source_always_wins(
        from_flag in proptest::option::of(8..=16384_u32),
        from_environment in proptest::option::of(8..=16384_u32),
        from_file in proptest::option::of(8..=16384_u32),
    ) {
        let file = from_file.map_or_else(|| MINIMAL.to_owned(), |gb| format!("{MINIMAL}instance: {{volume_gb: {gb}}}\n"));
        let variable = "SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB";
        let (flag, environment) = (from_flag.map(|gb| gb.to_string()), from_environment.map(|gb| gb.to_string()));
        let flags: Vec<_> = flag.iter().map(|text| ("instance.volume_gb", text.as_str())).collect();
        let environment: Vec<_> = environment.iter().map(|text| (variable, text.as_str())).collect();
        let loaded = load_with(&file, &environment, &flags, None);
        let wanted = from_flag.or(from_environment).or(from_file).unwrap_or(50);
        prop_assert_eq!(loaded.config.unwrap().instance.volume_gb, wanted);
        let origin = &setting(&loaded.settings, "instance.volume_gb").unwrap().origin;
        let right = match origin {
            Origin::Flag => from_flag.is_some(),
            Origin::Environment { variable: name } => from_flag.is_none() && name == variable,
            Origin::File { .. } => from_flag.is_none() && from_environment.is_none() && from_file.is_some(),
            Origin::Default { .. } => from_flag.is_none() && from_environment.is_none() && from_file.is_none(),
        };
        prop_assert!(right, "{origin:?}");
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn a_key_with_up_to_two_typos_is_always_suggested(
        key in proptest::sample::select(keys::KEYS.to_vec()),
        typos in proptest::collection::vec((any::<proptest::sample::Index>(), proptest::char::range('a', 'z'), 0..3_u8), 1..=2),
    ) {
        let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        let mut misspelt: Vec<char> = name.chars().collect();
        for (index, letter, kind) in typos {
            let at = index.index(misspelt.len());
            match kind {
                0 => misspelt[at] = letter,
                1 => misspelt.insert(at, letter),
                _ if misspelt.len() > 1 => { misspelt.remove(at); }
                _ => {}
            }
        }
        let misspelt: String = misspelt.into_iter().collect();
        let siblings = keys::names_in(section);
        let distance = strsim::levenshtein(&misspelt, name);
        prop_assume!(!siblings.contains(&misspelt.as_str()) && !misspelt.is_empty());
        prop_assume!(!matches!(misspelt.as_str(), "null" | "true" | "false"));
        let mut text = String::from("version: 1\n");
        let mut indentation = String::new();
        for part in section.split('.').filter(|part| !part.is_empty()) {
            text.push_str(&format!("{indentation}{part}:\n"));
            indentation.push_str("  ");
        }
        text.push_str(&format!("{indentation}{misspelt}: 1\n"));
        let loaded = load_text(&text);
        let path = if section.is_empty() { misspelt.clone() } else { format!("{section}.{misspelt}") };
        let problem = loaded.problems.iter().find(|problem| problem.path == path);
        prop_assert!(problem.is_some(), "{text}");
        let problem = problem.unwrap();
        prop_assert_eq!(problem.code, codes::UNKNOWN_KEY);
        // Another key may be as near; one within the same distance must be named.
        let suggestion = problem.suggestion.as_deref().unwrap_or_default();
        let elsewhere = keys::KEYS.iter().any(|key| {
            key.path.rsplit('.').next() == Some(&misspelt) && suggestion == format!("did you mean `{}`?", key.path)
        });
        let named = elsewhere || siblings.iter().any(|name| {
            suggestion == format!("did you mean `{name}`?") && strsim::damerau_levenshtein(name, &misspelt) <= distance
        });
        prop_assert!(named, "{misspelt} for {name}: {suggestion}");
    }

    // Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
    #[test]
    fn every_mistake_is_reported_at_once(chosen in proptest::sample::subsequence(MISTAKES.to_vec(), 0..=MISTAKES.len())) {
        let text = written(&chosen);
        let loaded = load_text(&text);
        prop_assert!(loaded.problems.len() >= chosen.len());
        for (path, _) in &chosen {
            let named = loaded.problems.iter().any(|problem| problem.is_error() && problem.path.starts_with(path));
            prop_assert!(named, "{path} is not named\n{text}\n{:#?}", loaded.problems);
        }
    }

    // Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
    #[test]
    fn arbitrary_bytes_give_problems_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (loaded, _) = load_bytes(&bytes);
        prop_assert!(loaded.config.is_none());
        prop_assert!(!loaded.problems.is_empty());
    }

    // Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
    #[test]
    fn text_that_looks_like_yaml_gives_problems_and_never_a_panic(text in yaml_like()) {
        let (loaded, _) = load_bytes(text.as_bytes());
        prop_assert!(!loaded.problems.is_empty());
        for problem in &loaded.problems {
            if let Some(span) = problem.span {
                prop_assert!(span.start <= span.end && span.end <= text.len());
            }
        }
    }

    // Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
    #[test]
    fn a_damaged_file_gives_problems_and_never_a_panic(
        at in any::<proptest::sample::Index>(),
        removed in 0..40_usize,
        inserted in yaml_like(),
    ) {
        let mut text = SAMPLE.as_bytes().to_vec();
        let at = at.index(text.len());
        let end = at.saturating_add(removed).min(text.len());
        text.splice(at..end, inserted.bytes());
        load_bytes(&text);
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn a_secret_is_never_echoed(
        name in proptest::sample::select(vec!["client_secret", "api_key", "password", "token", "aws_secret_access_key"]),
        section in proptest::sample::select(vec!["", "cognito", "aws", "proxy.models", "gateway", "elsewhere.deeper"]),
        secret in "[A-Za-z0-9]{12,24}",
        form in 0..6_u8,
        damage in proptest::option::of(yaml_like()),
    ) {
        let secret = format!("Zq9{secret}");
        let mut text = String::from("version: 1\n");
        let mut indentation = String::new();
        for part in section.split('.').filter(|part| !part.is_empty()) {
            text.push_str(&format!("{indentation}{part}:\n"));
            indentation.push_str("  ");
        }
        text.push_str(&match form {
            0 => format!("{indentation}{name}: {secret}\n"),
            1 => format!("{indentation}{name}: \"{secret}\"\n"),
            2 => format!("{indentation}{name}: |\n{indentation}  {secret}\n"),
            3 => format!("{indentation}{name}:\n{indentation}  - {secret}\n"),
            4 => format!("{indentation}{name}: {{a: {secret}}}\n{indentation}{name}: {secret}\n"),
            _ => format!("{indentation}\"{name}\" : '{secret}'\n"),
        });
        text.push_str("network: {ssh_cidrs: [x]}\n");
        if let Some(damage) = damage {
            text.push_str(&damage);
        }
        let (loaded, shown) = load_bytes(text.as_bytes());
        let json = serde_json::to_string(&loaded.result()).unwrap();
        prop_assert!(!shown.contains(&secret), "{text}\n{shown}");
        prop_assert!(!json.contains(&secret), "{text}\n{json}");
        prop_assert!(!format!("{loaded:?}").contains(&secret), "{text}");
    }

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn masking_keeps_length_and_lines(text in yaml_like()) {
        let masked = mask::mask(text.as_bytes(), |name, _| is_secret(name));
        prop_assert_eq!(masked.len(), text.len());
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
        prop_assert_eq!(lines(&masked), lines(text.as_bytes()));
    }

    // Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
    #[test]
    fn environment_and_flags_never_panic(
        path in proptest::sample::select(keys::KEYS.iter().map(|key| key.path).collect::<Vec<_>>()),
        text in ".{0,60}",
        other in "[A-Z_]{0,20}",
    ) {
        let variable = keys::find(path).and_then(keys::Key::variable).unwrap_or_else(|| "SRE_AGENT_DEPLOY_X".into());
        let unknown = format!("SRE_AGENT_DEPLOY_{other}");
        let loaded = load_with(MINIMAL, &[(&variable, &text), (&unknown, &text)], &[(path, &text), (&text, "x")], None);
        prop_assert!(loaded.problems.iter().all(|problem| !problem.message.is_empty()));
    }
}

#[test]
fn the_largest_file_is_read_in_bounded_time() {
    let line = "- [a, {b: c}, \"d\"]\n";
    let text = line.repeat(source::MAX_BYTES / 4 / line.len());
    let read = yaml::read(text.as_bytes());
    assert!(read.root.is_some() && read.problems.is_empty());
    let unknown: String = (0..15_000).map(|index| format!("key_{index}: 1")).collect::<Vec<_>>().join("\n");
    let (loaded, shown) = load_bytes(unknown.as_bytes());
    assert!(loaded.problems.len() >= 15_000);
    assert!(shown.contains("more problems"));
    assert!(!loaded.result().is_valid);
    let one_line = format!("[{}1]", "1,".repeat(source::MAX_BYTES / 8));
    assert_eq!(load_bytes(one_line.as_bytes()).0.problems[0].code, codes::WRONG_TYPE);
}
