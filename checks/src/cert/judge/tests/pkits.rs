//! NIST's Public Key Interoperability Test Suite: what certificates nobody here wrote are worth, and what is expected.
//! <https://csrc.nist.gov/projects/pki-testing>
//!
//! Each of the 249 vectors is put to the judge as a served chain. Where the answers differ, the vector stands in
//! [`EXCEPTIONS`] with the reason; a difference that is not there, or is there and is none, fails the test.
//!
//! The files come from the published source of the crate `pkix-path`, which is a dependency of these tests for that.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::super::{Policy, Roots, judge};
use super::make::{at, pem, served};
use model::{Finding, Severity};

/// 2020-01-01: the certificates are valid from 2010 to 2030.
const THEN: i64 = 1_577_836_800;

fn folder() -> PathBuf {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let package =
        packages.iter().find(|package| package["name"] == "pkix-path").expect("pkix-path is one of them");
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a package has a manifest"));
    manifest.with_file_name("tests").join("pkits")
}

/// Findings about what PKITS does not ask: its certificates are for no host.
const NOT_ASKED: [&str; 2] = ["SRE-TLS-021", "SRE-TLS-022"];

/// Vectors with another verdict here, by the number of the test and, behind a slash, of its part; and why.
const EXCEPTIONS: [(&str, &[&str]); 10] = [
    (
        "accepted: revocation lists are not looked at, and nothing else is wrong",
        &[
            "4.4.1", "4.4.2", "4.4.3", "4.4.4", "4.4.5", "4.4.6", "4.4.8", "4.4.9", "4.4.10", "4.4.11",
            "4.4.12", "4.4.15", "4.4.18", "4.4.20", "4.4.21", "4.5.2", "4.5.5", "4.5.7", "4.7.4", "4.7.5",
            "4.14.2", "4.14.3", "4.14.6", "4.14.8", "4.14.9", "4.14.12", "4.14.14", "4.14.15", "4.14.16",
            "4.14.17", "4.14.20", "4.14.21", "4.14.23", "4.14.26", "4.14.27", "4.14.31", "4.14.32",
            "4.14.34", "4.14.35", "4.15.1", "4.15.3", "4.15.4", "4.15.6", "4.15.9", "4.15.10",
        ],
    ),
    (
        "accepted: clients of servers ask for no certificate policy",
        &["4.8.1/3", "4.8.2/2", "4.8.3/2", "4.8.3/3", "4.8.4", "4.8.5", "4.8.9", "4.8.12", "4.8.14/2"],
    ),
    (
        "refused: clients built on webpki know no policy constraints and mappings, which are critical here",
        &[
            "4.9.1",
            "4.9.2",
            "4.9.4",
            "4.9.6",
            "4.10.1.1/1",
            "4.10.3/2",
            "4.10.5/1",
            "4.10.6/1",
            "4.10.9",
            "4.10.11",
            "4.10.12/1",
            "4.10.12/2",
            "4.10.13/1",
            "4.10.13/2",
            "4.10.14",
            "4.11.2",
            "4.11.4",
            "4.11.7",
            "4.12.2",
            "4.12.3/1",
            "4.12.7",
            "4.12.9",
        ],
    ),
    (
        "refused: webpki counts constraints on names of kinds that it does not know (directory, mail, URI) as broken",
        &[
            "4.13.1", "4.13.4", "4.13.5", "4.13.6", "4.13.11", "4.13.14", "4.13.18", "4.13.19", "4.13.21",
            "4.13.23", "4.13.25", "4.13.27", "4.13.34", "4.13.36",
        ],
    ),
    (
        "refused: the certificate at the end is one of a CA",
        &["4.6.8", "4.6.14", "4.8.6/1", "4.8.6/2", "4.14.13"],
    ),
    (
        "refused: webpki counts a CA's certificate for its own new key into the path length",
        &["4.6.15", "4.6.17"],
    ),
    ("refused: no client accepts DSA", &["4.1.4", "4.1.5"]),
    ("refused: webpki reads no date before 1970", &["4.2.3"]),
    (
        "refused: webpki compares distinguished names byte by byte, not by case, space and alphabet",
        &["4.3.3", "4.3.4", "4.3.5", "4.3.10", "4.3.11"],
    ),
    (
        "refused: webpki reads no certificate with unique identifiers, which RFC 5280 tells CAs not to make",
        &["4.3.6"],
    ),
];

fn number(name: &str) -> String {
    let (number, rest) = name.split_once(' ').expect("a number, and what is tested");
    match rest.split_once("(Subpart ") {
        Some((_, part)) => format!("{number}/{}", part.trim_end_matches(')')),
        None => number.to_owned(),
    }
}

#[test]
fn verdicts_agree_with_pkits_but_for_what_is_written_down() {
    let folder = folder();
    let text = std::fs::read(folder.join("vectors.json")).expect("the published crate has its vectors");
    let vectors: Vec<Value> = serde_json::from_slice(&text).expect("vectors are JSON");
    assert_eq!(vectors.len(), 249);
    let read = |name: &Value| {
        let path = folder.join("certs").join(name.as_str().expect("a file name"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut differences = BTreeSet::new();
    let mut agreed = [0, 0];
    for vector in &vectors {
        let path = vector["CertPath"].as_array().expect("a path from the root down");
        let policy = Policy::new(Roots::from_pem(pem(&read(&path[0])).as_bytes()).expect("the root is one"));
        let ders: Vec<Vec<u8>> = path[1..].iter().rev().map(read).collect();
        let result = judge(&served(&ders, &[]), &policy, at(THEN));
        let faults: Vec<&Finding> = result
            .findings
            .iter()
            .filter(|finding| matches!(finding.severity, Severity::Error | Severity::Unknown))
            .filter(|finding| !NOT_ASKED.contains(&finding.code.as_str()))
            .collect();
        // Dates and names are told of every certificate, whatever the verdict.
        assert_eq!(result.certificates.len(), ders.len());
        let is_valid = vector["ShouldValidate"].as_bool().expect("a verdict");
        if is_valid == faults.is_empty() {
            agreed[usize::from(is_valid)] += 1;
        } else {
            differences.insert(number(vector["Name"].as_str().expect("a name")));
        }
    }
    let listed: BTreeSet<String> =
        EXCEPTIONS.iter().flat_map(|(_, tests)| tests.iter().map(|test| (*test).to_owned())).collect();
    let new: Vec<&String> = differences.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&differences).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not written down: {new:?}; written down, but agreed: {gone:?}"
    );
    assert_eq!(agreed, [81, 62], "vectors that agree: refused, accepted");
}
