//! What a person sees.

use super::*;
use crate::config::{RenderStyle, render};

const PLAIN: RenderStyle = RenderStyle { colour: false, width: 100, unicode: true };

/// A file with a mistake in almost every section.
const MISTAKES: &str = "\
version: 1
deployment:
  id: SRE_Agent
  environment: prod
aws:
  region: us-east-1
  account_id: 123456789012
network:
  https_cidr: [0.0.0.0/0]
  ssh_cidrs: [10.1.2.3/8, 0.0.0.0/0]
cognito:
  client_secret: hunter2
  scopes: read
instance:
  type: t3.medium
  volume_gb: \"50\"
tls:
  domain: https://api.corp.io/
proxy:
  models:
    gpt-4o: us.amazon.nova-premier-v1:0
";

fn rendered(text: &str, style: RenderStyle) -> String {
    let loaded = load_text(text);
    render(&loaded.problems, Some(&SourceText { name: "config.yaml", bytes: text.as_bytes() }), style)
}

#[test]
fn every_problem_is_shown_with_its_place() {
    insta::assert_snapshot!("mistakes", rendered(MISTAKES, PLAIN));
}

#[test]
fn ascii_is_enough() {
    let text = rendered(MISTAKES, RenderStyle { unicode: false, ..PLAIN });
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("mistakes_ascii", text);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = rendered(MISTAKES, RenderStyle { colour: true, ..PLAIN });
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, rendered(MISTAKES, PLAIN));
}

#[test]
fn problems_without_a_place_name_their_source() {
    let loaded =
        load_with("version: 1", &[("SRE_AGENT_DEPLOY_MODE", "prodution")], &[("deployment.idd", "x")], None);
    insta::assert_snapshot!("sources", render(&loaded.problems, None, PLAIN));
}

#[test]
fn a_syntax_error_is_shown_with_its_place() {
    let text = "version: 1\ndeployment:\n  id: abc\n\tenvironment: prod\n";
    insta::assert_snapshot!("syntax", rendered(text, PLAIN));
}

#[test]
fn a_byte_that_is_not_utf8_is_shown_with_its_place() {
    let bytes = b"version: 1\ndeployment:\n  id: caf\xE9\n";
    let environment = BTreeMap::new();
    let file = SourceText { name: "config.yaml", bytes };
    let loaded =
        load(&Inputs { file: Some(file), environment: &environment, flags: &environment, mode: None });
    insta::assert_snapshot!("not_utf8", render(&loaded.problems, Some(&file), PLAIN));
}

#[test]
fn a_file_on_one_long_line_does_not_fill_the_screen() {
    let text = format!("{{\"version\": 1, \"x\": \"{}\"}}", "y".repeat(5000));
    assert!(rendered(&text, PLAIN).len() < 4000);
}

#[test]
fn the_result_has_the_documented_fields_first() {
    let json = serde_json::to_string(&load_text(MISTAKES).result()).unwrap();
    let at = |field: &str| json.find(&format!("\"{field}\":")).unwrap();
    assert!(json.starts_with("{\"is_valid\":false,\"errors\":["));
    assert!(at("errors") < at("warnings") && at("warnings") < at("suggestions"));
    assert!(!json.contains("hunter2"));
    let good = load_text(MINIMAL).result();
    assert!(good.is_valid && good.errors.is_empty() && good.warnings.is_empty());
}
