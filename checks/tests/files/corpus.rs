//! The files of `cryptography-vectors`: what is read of them agrees with another reader, and each has a sane outcome.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use checks::cert::facts::{Certificate, Item, KeyState, Material, PublicKey};
use checks::cert::read::material;
use model::Severity;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Corpus {
    root: PathBuf,
    files: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let found = test_support::python("cryptography_vectors", include_str!("oracle.py"), &[], &[]);
    serde_json::from_value(found).expect("the script prints a corpus")
});

fn read(name: &str) -> Material {
    material(&CORPUS.root.join(name))
}

fn certificates(material: &Material) -> Vec<&Certificate> {
    material.certificates().map(|(_, certificate)| certificate).collect()
}

/// A fact as the other reader writes it.
fn fact(certificate: &Certificate, name: &str) -> Value {
    match name {
        "sha256" => certificate.sha256.clone().into(),
        "serial" => {
            let sign = if certificate.serial.starts_with(['8', '9', 'a', 'b', 'c', 'd', 'e', 'f']) {
                "f"
            } else {
                "0"
            };
            format!("{}{}", sign.repeat(128 - certificate.serial.len()), certificate.serial).into()
        }
        "not_before" => certificate.not_before.map(checks::Moment::as_second).into(),
        "not_after" => certificate.not_after.map(checks::Moment::as_second).into(),
        "subject_der" => model::hex::encode(&certificate.subject_der).into(),
        "common_name" => certificate.common_name.clone().into(),
        "key" => match &certificate.key {
            PublicKey::Rsa(bits) => format!("rsa {bits}"),
            PublicKey::Dsa(bits) => format!("dsa {bits}"),
            PublicKey::Ec(curve) => format!("ec {curve}"),
            PublicKey::Ed25519 => "ed25519".to_owned(),
            PublicKey::Ed448 => "ed448".to_owned(),
            PublicKey::Other(oid) => oid.clone(),
        }
        .into(),
        "alternative" if certificate.has_alternative_name => serde_json::json!([
            certificate.dns_names,
            certificate.ip_addresses.iter().map(ToString::to_string).collect::<Vec<_>>()
        ]),
        "alternative" => Value::Null,
        "is_ca" => certificate.is_ca.into(),
        "key_usage" => certificate.key_usage.as_ref().map_or(Value::Null, |usages| {
            let of_ciphers = ["encipherOnly", "decipherOnly"];
            usages.iter().filter(|usage| !of_ciphers.contains(usage)).copied().collect::<Vec<_>>().into()
        }),
        "extended_key_usage" => certificate.extended_key_usage.clone().into(),
        "subject_key_id" => certificate.subject_key_id.clone().into(),
        "authority_key_id" => certificate.authority_key_id.clone().into(),
        "issuer_urls" => certificate.issuer_urls.clone().into(),
        "timestamps" => certificate.timestamps.into(),
        "is_weak" => certificate.signature.is_weak.into(),
        other => panic!("the script has a fact {other:?} that is not compared"),
    }
}

#[test]
fn what_is_read_agrees_with_another_reader() {
    let (mut compared, mut differences) = (0_usize, Vec::new());
    for (name, others) in &CORPUS.files {
        let material = read(name);
        let ours = certificates(&material);
        for other in others {
            let Some(own) = ours.iter().find(|own| other["sha256"] == own.sha256) else {
                differences.push(format!("{name}: a certificate was not found"));
                continue;
            };
            for (key, theirs) in other {
                let own = fact(own, key);
                compared += 1;
                // Its curve is written out instead of named, which the other reader recognises and clients refuse.
                let is_written_out = key == "key" && name == "x509/custom/ec_no_named_curve.pem";
                if own != *theirs && !is_written_out {
                    differences.push(format!("{name}: {key} is {own}, and {theirs} elsewhere"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(compared > 8000, "only {compared} facts were compared");
}

/// What a file came to, in a line.
fn outcome(material: &Material) -> String {
    let mut line = String::new();
    for item in &material.items {
        match item {
            Item::Certificate(certificate) if certificate.oddities.is_empty() => {
                line.push_str("certificate; ");
            }
            Item::Certificate(certificate) => {
                write!(line, "certificate ({}); ", certificate.oddities.join(", ")).unwrap();
            }
            Item::Malformed { reason } => write!(line, "MALFORMED: {reason}; ").unwrap(),
        }
    }
    match &material.key {
        Some(key) if key.access.is_some() => line.push_str("key in a file; "),
        Some(key) => write!(line, "{}; ", state(&key.key)).unwrap(),
        None => {}
    }
    for remark in &material.remarks {
        write!(line, "{} {:?}: {}; ", remark.code, remark.severity, remark.message).unwrap();
    }
    line.trim_end_matches("; ").to_owned()
}

fn state(key: &KeyState) -> String {
    match key {
        KeyState::Public(_) => "key".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_file_has_an_outcome() {
    let mut lines = String::new();
    for name in CORPUS.files.keys() {
        let material = read(name);
        let is_unknown = material.remarks.iter().any(|remark| remark.severity == Severity::Unknown);
        let has_all = !material.items.is_empty()
            && material.items.iter().all(|item| matches!(item, Item::Certificate(_)));
        assert!(is_unknown || has_all, "{name} has neither certificates nor a reason: {material:?}");
        // The files of NIST are many and alike; what is certificate there is one.
        let is_nist = name.starts_with("x509/PKITS_data/");
        if is_nist && Path::new(name).extension().is_some_and(|found| found == "crt") {
            assert!(has_all && !is_unknown, "{name}: {material:?}");
        } else if !is_nist {
            writeln!(lines, "{name}: {}", outcome(&material)).unwrap();
        }
    }
    insta::assert_snapshot!(lines);
}
