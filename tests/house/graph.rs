//! What is linked in: asked of cargo, judged by name and version.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::tree::root;

/// Crates that are another TLS than rustls.
const OTHER_TLS: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "boring", "schannel"];
/// Crates of which a program must have one, and one version of that.
const CRYPTO_PROVIDERS: [&str; 2] = ["aws-lc-rs", "ring"];

/// A dependency as a manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: Kind,
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// The members of the workspace and what their manifests declare. Needs no network.
pub(crate) fn declared() -> Value {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .unwrap_or_else(|error| panic!("cargo metadata failed: {error}"));
    serde_json::from_str(&text).expect("cargo metadata prints JSON")
}

/// All dependencies that the members declare.
pub(crate) fn edges(metadata: &Value) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in list(metadata, "packages") {
        for dependency in list(package, "dependencies") {
            let kind = match dependency.get("kind").and_then(Value::as_str) {
                None => Kind::Normal,
                Some("build") => Kind::Build,
                Some(_) => Kind::Dev,
            };
            edges.push(Edge { from: text(package, "name"), to: text(dependency, "name"), kind });
        }
    }
    edges
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).expect("cargo names packages").to_owned()
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Everything that some build of the workspace compiles on this platform, with all features: name to versions.
///
/// `cargo tree` and not `cargo metadata`, since only the former leaves out what no feature switches on.
fn compiled() -> BTreeMap<String, BTreeSet<String>> {
    let arguments =
        ["tree", "--workspace", "--all-features", "--edges", "normal,build,dev", "--prefix", "none"];
    let offline: Vec<&str> = arguments.iter().copied().chain(["--offline"]).collect();
    // A build without default features has not fetched everything yet.
    let text = cargo(&offline)
        .or_else(|_| cargo(&arguments))
        .unwrap_or_else(|error| panic!("cargo tree failed: {error}"));
    let mut crates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            crates.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    crates
}

/// What is wrong with a set of crates.
fn breaches(crates: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut breaches = Vec::new();
    for other in OTHER_TLS {
        if crates.contains_key(other) {
            breaches.push(format!("{other} is compiled; TLS is rustls"));
        }
    }
    let providers: Vec<&str> =
        CRYPTO_PROVIDERS.iter().copied().filter(|name| crates.contains_key(*name)).collect();
    if providers.len() > 1 {
        breaches.push(format!("{} are compiled; one crypto provider is enough", providers.join(" and ")));
    }
    for single in ["rustls", "tokio", "hyper"].iter().chain(&CRYPTO_PROVIDERS) {
        if let Some(versions) = crates.get(*single).filter(|versions| versions.len() > 1) {
            breaches.push(format!("{single} is compiled in several versions: {versions:?}"));
        }
    }
    breaches
}

#[test]
fn one_tls_and_one_crypto_provider_are_compiled() {
    let crates = compiled();
    assert!(crates.contains_key("rustls") && crates.contains_key("serde"), "nothing was read: {crates:?}");
    let breaches = breaches(&crates);
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn a_second_tls_is_noticed() {
    let crates = |pairs: &[(&str, &str)]| {
        let mut crates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, version) in pairs {
            crates.entry((*name).to_owned()).or_default().insert((*version).to_owned());
        }
        crates
    };
    assert_eq!(breaches(&crates(&[("rustls", "v0.23.1"), ("aws-lc-rs", "v1.0.0")])), Vec::<String>::new());
    // It only looks for the system's certificates.
    assert_eq!(breaches(&crates(&[("openssl-probe", "v0.2.0")])), Vec::<String>::new());
    for pairs in [
        &[("rustls", "v0.21.1"), ("rustls", "v0.23.1")][..],
        &[("aws-lc-rs", "v1.0.0"), ("ring", "v0.17.0")],
        &[("native-tls", "v0.2.0")],
        &[("openssl-sys", "v0.9.0")],
    ] {
        assert_eq!(breaches(&crates(pairs)).len(), 1, "{pairs:?}");
    }
}

#[test]
fn every_dependency_comes_from_the_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is in the repository");
    let sources: BTreeSet<&str> = lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    assert_eq!(
        sources.into_iter().collect::<Vec<_>>(),
        [r#""registry+https://github.com/rust-lang/crates.io-index""#]
    );
}
