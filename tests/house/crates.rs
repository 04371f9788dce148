//! Which crate may name which: the layers of docs/architecture.md, and the few outside crates that have one home.

use serde_json::Value;

use crate::graph::{Edge, Kind, edges};

/// The layers, lowest first. A new member fails here until somebody decides where it stands.
const LAYERS: [&[&str]; 4] = [
    &["model"],
    &["agent", "cloud", "cloud-aws", "cloud-loopback", "checks", "systemd", "renewal", "proxy"],
    &["wizard", "provision"],
    &["sre-agent-deploy"],
];
/// Siblings that may name each other all the same: the adapters implement the ports.
const SIBLINGS: [(&str, &str); 1] = [("cloud-aws", "cloud")];
/// Siblings that only tests may name: the endpoints of the practice account stand in for the real ones.
const SIBLINGS_IN_TESTS: [(&str, &str); 2] = [("proxy", "cloud-loopback"), ("checks", "cloud-loopback")];
/// Starts the real parts that tests run against.
const FOR_TESTS: &str = "test-support";
/// Outside crates, by the beginning of their names, that only these members may name.
const HOMES: [(&str, &[&str]); 4] = [
    ("aws-sdk-", &["cloud-aws"]),
    ("ratatui", &["wizard", "sre-agent-deploy"]),
    ("crossterm", &["wizard", "sre-agent-deploy"]),
    ("inquire", &["wizard", "sre-agent-deploy"]),
];

fn layer(member: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&member))
}

/// Why the edge may not be, if it may not.
fn breach(edge: &Edge, members: &[String]) -> Option<String> {
    let Edge { from, to, kind } = edge;
    if let Some((_, homes)) = HOMES.iter().find(|(name, _)| to.starts_with(name)) {
        let at_home = homes.contains(&from.as_str());
        return (!at_home).then(|| format!("{from} names {to}, which only {} may", homes.join(" and ")));
    }
    if !members.contains(to) {
        return None;
    }
    if to == FOR_TESTS {
        return (*kind != Kind::Dev).then(|| format!("{from} names {to} outside its tests"));
    }
    if from == FOR_TESTS {
        return Some(format!("{from} names {to}, but it knows nothing of what it tests"));
    }
    // Tests of a crate may switch on a feature of that crate.
    if from == to && *kind == Kind::Dev {
        return None;
    }
    match (layer(from), layer(to)) {
        (Some(above), Some(below)) if above > below => None,
        (Some(_), Some(_)) if SIBLINGS.contains(&(from.as_str(), to.as_str())) => None,
        (Some(_), Some(_))
            if *kind == Kind::Dev && SIBLINGS_IN_TESTS.contains(&(from.as_str(), to.as_str())) =>
        {
            None
        }
        (Some(above), Some(below)) if above == below => Some(format!("{from} names its sibling {to}")),
        (Some(_), Some(_)) => Some(format!("{from} names {to}, which is above it")),
        _ => Some(format!(
            "{from} names {to}, and one of them has no layer: give it one in tests/house/crates.rs"
        )),
    }
}

fn names(metadata: &Value) -> Vec<String> {
    metadata
        .get("packages")
        .and_then(Value::as_array)
        .expect("cargo metadata lists packages")
        .iter()
        .filter_map(|package| package.get("name").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_name_only_crates_below_them() {
    let metadata = crate::graph::declared();
    let members = names(&metadata);
    let edges = edges(&metadata);
    assert!(edges.iter().any(|edge| edge.from == "cloud" && edge.to == "model"), "no edges were read");
    let breaches: Vec<String> = edges.iter().filter_map(|edge| breach(edge, &members)).collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
    let homeless: Vec<&String> =
        members.iter().filter(|member| *member != FOR_TESTS && layer(member).is_none()).collect();
    assert!(homeless.is_empty(), "no layer in tests/house/crates.rs: {homeless:?}");
}

#[test]
fn an_edge_that_may_not_be_is_noticed() {
    let members: Vec<String> = [
        "model",
        "cloud",
        "cloud-aws",
        "cloud-loopback",
        "checks",
        "provision",
        "proxy",
        "wizard",
        "sre-agent-deploy",
        "test-support",
        "new",
    ]
    .map(str::to_owned)
    .to_vec();
    for (from, to, kind, allowed) in [
        ("provision", "cloud", Kind::Normal, true),
        ("provision", "model", Kind::Dev, true),
        ("sre-agent-deploy", "cloud-aws", Kind::Normal, true),
        ("cloud-aws", "cloud", Kind::Normal, true),
        ("cloud", "cloud", Kind::Dev, true),
        ("cloud-aws", "test-support", Kind::Dev, true),
        ("cloud-aws", "aws-sdk-ec2", Kind::Normal, true),
        ("model", "serde", Kind::Normal, true),
        ("proxy", "cloud-loopback", Kind::Dev, true),
        ("proxy", "cloud-loopback", Kind::Normal, false),
        ("proxy", "cloud", Kind::Dev, false),
        ("cloud", "cloud-aws", Kind::Normal, false),
        ("cloud", "cloud-aws", Kind::Dev, false),
        ("cloud", "checks", Kind::Normal, false),
        ("wizard", "provision", Kind::Normal, false),
        ("model", "cloud", Kind::Normal, false),
        ("model", "provision", Kind::Dev, false),
        ("cloud-aws", "test-support", Kind::Normal, false),
        ("test-support", "model", Kind::Normal, false),
        ("provision", "aws-sdk-ec2", Kind::Normal, false),
        ("provision", "ratatui", Kind::Normal, false),
        ("model", "crossterm", Kind::Build, false),
        ("new", "model", Kind::Normal, false),
    ] {
        let edge = Edge { from: from.to_owned(), to: to.to_owned(), kind };
        assert_eq!(breach(&edge, &members).is_none(), allowed, "{edge:?}");
    }
}
