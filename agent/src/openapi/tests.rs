//! The schemas are read by a YAML parser and compared with the table of backends.

use model::agent::Backend;
use model::document::{Node, Type, Value, read};

use super::{own_port, quoted, schema};

const DOMAIN: &str = "sre.example.com";

fn parsed(backend: Backend) -> Node {
    let text = schema(backend, DOMAIN);
    let read = read(text.as_bytes());
    assert!(read.problems.is_empty(), "{:?}\n{text}", read.problems);
    read.root.expect("a document")
}

fn member<'a>(node: &'a Node, name: &str) -> &'a Node {
    entries(node)
        .into_iter()
        .find(|(key, _)| *key == name)
        .unwrap_or_else(|| panic!("no {name} in {node:?}"))
        .1
}

fn entries(node: &Node) -> Vec<(&str, &Node)> {
    let Value::Mapping(entries) = &node.value else { panic!("no mapping: {node:?}") };
    entries.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect()
}

fn items(node: &Node) -> &[Node] {
    let Value::List(items) = &node.value else { panic!("no list: {node:?}") };
    items
}

fn text(node: &Node) -> &str {
    let Value::Scalar(scalar) = &node.value else { panic!("no scalar: {node:?}") };
    &scalar.text
}

/// All operations with their paths.
fn operations(root: &Node) -> Vec<(&str, &Node)> {
    entries(member(root, "paths")).into_iter().map(|(path, item)| (path, member(item, "get"))).collect()
}

#[test]
fn the_operations_are_those_of_the_backend_in_its_order() {
    for backend in Backend::ALL {
        let root = parsed(backend);
        let ids: Vec<&str> =
            operations(&root).iter().map(|(_, operation)| text(member(operation, "operationId"))).collect();
        assert_eq!(ids, backend.operations());
    }
}

#[test]
fn what_must_be_said_is_required_and_all_else_is_not() {
    let mut required = Vec::new();
    for backend in Backend::ALL {
        let root = parsed(backend);
        for (path, operation) in operations(&root) {
            for parameter in items(member(operation, "parameters")) {
                let name = text(member(parameter, "name"));
                let in_path = path.contains(&format!("{{{name}}}"));
                assert_eq!(text(member(parameter, "in")), if in_path { "path" } else { "query" });
                if text(member(parameter, "required")) == "true" {
                    required.push(format!("{}.{name}", text(member(operation, "operationId"))));
                }
            }
            if text(member(operation, "operationId")) == backend.proof() {
                assert!(
                    !required.iter().any(|one| one.starts_with(&format!("{}.", backend.proof()))),
                    "a proof is called without arguments"
                );
            }
        }
    }
    assert_eq!(
        required,
        [
            "search_logs.pattern",
            "count_log_events.event_type",
            "analyze_trends.metric_name",
            "get_incident_playbook.playbook_id",
            "get_common_resolutions.issue",
        ]
    );
}

#[test]
fn the_gateway_calls_the_domain_and_the_server_finds_its_port() {
    for backend in Backend::ALL {
        let root = parsed(backend);
        assert_eq!(text(member(&root, "openapi")), "3.0.3");
        let servers: Vec<&str> =
            items(member(&root, "servers")).iter().map(|server| text(member(server, "url"))).collect();
        let port = backend.port();
        assert_eq!(servers, [format!("https://{DOMAIN}:{port}"), format!("http://localhost:{port}")]);
    }
}

#[test]
fn the_key_is_described_and_nothing_at_the_top_asks_for_it_twice() {
    for backend in Backend::ALL {
        let root = parsed(backend);
        let scheme = member(member(member(&root, "components"), "securitySchemes"), "apiKey");
        assert_eq!(text(member(scheme, "type")), "apiKey");
        assert_eq!(text(member(scheme, "in")), "header");
        assert_eq!(text(member(scheme, "name")), "X-API-Key");
        assert!(entries(&root).iter().all(|(key, _)| *key != "security"));
    }
}

#[test]
fn a_gateway_takes_it() {
    for backend in Backend::ALL {
        let text = schema(backend, DOMAIN);
        for refused in ["oneOf", "anyOf", "allOf", "$ref", "{{"] {
            assert!(!text.contains(refused), "{refused} in {}", backend.schema_file());
        }
        assert!(text.len() < 1024 * 1024, "an inline schema may have 1 MB, one in a bucket 10 MB");
    }
}

#[test]
fn every_answer_has_its_meaning_and_every_status_is_a_text() {
    for backend in Backend::ALL {
        let root = parsed(backend);
        for (path, operation) in operations(&root) {
            let statuses = entries(member(operation, "responses"));
            assert!(statuses.iter().all(|(_, answer)| !text(member(answer, "description")).is_empty()));
            let missing = statuses.iter().any(|(status, _)| *status == "404");
            assert_eq!(missing, path.contains('{'), "{path}");
            for wanted in ["200", "401", "429", "500"] {
                assert!(statuses.iter().any(|(status, _)| *status == wanted), "{path} without {wanted}");
            }
        }
        let Value::Scalar(version) = &member(member(&root, "info"), "version").value else {
            panic!("no version")
        };
        assert_eq!(version.kind(), Type::Text);
    }
}

#[test]
fn a_quoted_text_cannot_end_early() {
    assert_eq!(quoted("a\"b\\c\nd"), r#""a\"b\\c\u000ad""#);
}

#[test]
fn a_server_finds_its_port_in_its_schema() {
    for backend in Backend::ALL {
        assert_eq!(own_port(&schema(backend, "api.example.com")), Ok(backend.port()));
    }
    assert_eq!(own_port("servers:\n  - url: https://x\n  - url: 'http://localhost:9/'\n"), Ok(9));
    assert!(own_port("servers:\n  - url: https://x:8011\n").unwrap_err().contains("second"));
    assert!(own_port("- url: a\n- url: http://localhost\n").unwrap_err().contains("has no port"));
}
