//! Whether a schema is the one that its target should have read: where it leads, and what can be called there.
//!
//! A gateway reads the schema of a target when the target is made or changed, and says nothing of what it read. A schema
//! of another deployment makes a target that is READY and calls a stranger.

use std::collections::BTreeSet;

use model::agent::Backend;
use model::document::{Node, Value, read};
use model::{Finding, Severity};

use crate::endpoint::excerpt;
use crate::engine::{passed, skipped_because};

/// What a schema says, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// The URL of its first server, which is the one that is called.
    server: Option<String>,
    /// Its operations.
    operations: BTreeSet<String>,
}

/// Judges the text of a schema. Without a domain only its operations are judged.
pub(super) fn judge(backend: Backend, uri: &str, text: &str, domain: Option<&str>) -> Vec<Finding> {
    let (entry, name) = (&super::SCHEMA, backend.target());
    let wrong = |message: &str, evidence: String| {
        Finding::new(entry.code, Severity::Error, name, message)
            .evidence(excerpt(evidence.as_bytes()))
            .hint("let a deploy put the schema in its place, which also has the gateway read it anew")
    };
    let Some(said) = said(text) else {
        return vec![wrong("the schema of the target is nothing that can be understood", uri.to_owned())];
    };
    let mut findings = Vec::new();
    let wanted = domain.map(|domain| format!("https://{domain}:{}", backend.port()));
    if wanted.is_some() && said.server != wanted {
        let there = said.server.as_deref().unwrap_or("nowhere");
        let evidence = format!("{uri} leads to {there}, and not to {}", wanted.unwrap_or_default());
        findings.push(wrong("the schema of the target leads to another place than its backend", evidence));
    }
    let wanted: BTreeSet<String> = backend.operations().map(str::to_owned).into();
    if said.operations != wanted {
        let names = |names: BTreeSet<&String>| {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let evidence = format!(
            "{uri}: missing: {}; not expected: {}",
            names(wanted.difference(&said.operations).collect()),
            names(said.operations.difference(&wanted).collect()),
        );
        findings.push(wrong("the schema of the target has other operations than its backend", evidence));
    }
    if findings.is_empty() {
        findings.push(match domain {
            Some(_) => passed(entry, name),
            None => skipped_because(entry, name, "the domain of the backends is not known here"),
        });
    }
    findings
}

fn said(text: &str) -> Option<Said> {
    let read = read(text.as_bytes());
    let root = read.root.filter(|_| read.problems.is_empty())?;
    let server = match &member(&root, "servers")?.value {
        Value::List(servers) => servers.first().and_then(|server| text_of(server, "url")),
        _ => None,
    };
    // A path has methods, each with its operation, and now and then something else.
    let methods = entries(member(&root, "paths")?).flat_map(|path| entries(&path.value));
    let operations = methods.filter_map(|method| text_of(&method.value, "operationId")).collect();
    Some(Said { server, operations })
}

fn entries(node: &Node) -> impl Iterator<Item = &model::document::Entry> {
    match &node.value {
        Value::Mapping(entries) => entries.iter(),
        _ => [].iter(),
    }
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(node).find(|entry| entry.key == key).map(|entry| &entry.value)
}

fn text_of(node: &Node, key: &str) -> Option<String> {
    match &member(node, key)?.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        _ => None,
    }
}
