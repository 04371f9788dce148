//! Private keys beside certificates, weak keys and signatures, and what is served against what lies on disk.

use model::Severity::{self, Error, Info, Ok as Good, Unknown, Warning};

use super::super::policy::DAY;
use super::super::{Policy, Roots, judge};
use super::make::{House, NOW, Recipe, at, complaints, file, pem, served, severity, with_code};
use crate::Status;
use crate::cert::facts::{
    FileAccess, Item, KeyFacts, KeyState, Material, OnDisk, PublicKey, SignatureAlgorithm,
};

const NAME: &str = "api.example.com";
const PRIVATE: FileAccess = FileAccess { mode: 0o600, uid: 0, gid: 0 };

fn with_key(house: &House, key: KeyState, access: FileAccess) -> Material {
    let mut material = file(&house.chain(&Recipe::leaf(&[NAME])));
    material.key = Some(KeyFacts { path: "/opt/ssl/privkey.pem".into(), key, access: Some(access) });
    material
}

fn own_key(house: &House) -> KeyState {
    let material = file(&house.chain(&Recipe::leaf(&[NAME])));
    let (_, leaf) = material.certificates().next().unwrap();
    KeyState::Public(leaf.spki_der.clone())
}

#[test]
fn the_key_has_to_be_the_certificates() {
    let house = House::new();
    let middle = crate::cert::read::certificate(&house.middle_der).unwrap().spki_der;
    for (key, code, expected) in [
        (own_key(&house), "SRE-TLS-024", Good),
        (KeyState::Public(middle), "SRE-TLS-024", Error),
        (KeyState::Public([1, 2, 3][..].into()), "SRE-TLS-024", Error),
        (KeyState::Encrypted, "SRE-TLS-026", Unknown),
        (KeyState::Unreadable("permission denied".to_owned()), "SRE-TLS-026", Unknown),
        (KeyState::Missing, "SRE-TLS-026", Error),
    ] {
        let result = judge(&with_key(&house, key.clone(), PRIVATE), &house.named(), at(NOW));
        assert_eq!(severity(&result, code), Some(expected), "{key:?}");
        assert_eq!(result.status == Status::Ok, expected == Good);
    }
}

#[test]
fn who_may_read_the_key_is_judged() {
    let house = House::new();
    let policy = house.named().key_groups([115]);
    let verdict = |mode: u32, uid: u32, gid: u32| -> Option<Severity> {
        let material = with_key(&house, own_key(&house), FileAccess { mode, uid, gid });
        severity(&judge(&material, &policy, at(NOW)), "SRE-TLS-025")
    };
    for (mode, uid, gid, expected) in [
        (0o600, 0, 0, Good),
        (0o400, 33, 33, Good),
        (0o640, 0, 0, Good),
        (0o640, 0, 115, Good),
        (0o640, 0, 1_000, Warning),
        (0o660, 0, 115, Error),
        (0o644, 0, 0, Error),
        (0o604, 0, 0, Error),
        (0o602, 0, 0, Error),
        (0o600, 1_000, 1_000, Info),
        // systemd's dynamic users are no people.
        (0o600, 61_184, 61_184, Good),
    ] {
        assert_eq!(verdict(mode, uid, gid), Some(expected), "{mode:o} {uid} {gid}");
    }
}

fn changed(
    house: &House,
    position: usize,
    change: impl FnOnce(&mut crate::cert::facts::Certificate),
) -> Material {
    let mut material = file(&house.chain(&Recipe::leaf(&[NAME])));
    if let Item::Certificate(certificate) = &mut material.items[position] {
        change(certificate);
    }
    material
}

#[test]
fn weak_keys_and_signatures_count_on_the_whole_way() {
    let house = House::new();
    let sha1 = || SignatureAlgorithm { name: "sha1WithRSAEncryption".to_owned(), is_weak: true };
    for position in [0, 1] {
        let weak = changed(&house, position, |certificate| certificate.key = PublicKey::Rsa(1_024));
        assert_eq!(complaints(&judge(&weak, &house.named(), at(NOW))), [("SRE-TLS-027", Error)]);
        let weak = changed(&house, position, |certificate| certificate.signature = sha1());
        assert_eq!(complaints(&judge(&weak, &house.named(), at(NOW))), [("SRE-TLS-028", Error)]);
    }
    // What a root says of itself proves nothing, however it is signed.
    let mut material = file(&house.chain(&Recipe::leaf(&[NAME])));
    let mut root = crate::cert::read::certificate(&house.root_der).unwrap();
    root.signature = sha1();
    material.items.push(Item::Certificate(Box::new(root)));
    assert_eq!(complaints(&judge(&material, &house.named(), at(NOW))), []);
}

fn on_disk(house: &House, served_last: i64, disk: Option<(i64, i64)>) -> (Material, Policy) {
    let leaf = Recipe::leaf(&[NAME]).lives(served_last - 90 * DAY + 1, served_last);
    let mut material = served(&house.chain(&leaf), &[NAME]);
    let (_, leaf) = material.certificates().next().unwrap();
    let sha256 = match disk {
        Some(_) => "00".repeat(32),
        None => leaf.sha256.clone(),
    };
    let dates = disk.map(|(first, last)| (at(first), at(last)));
    let (not_before, not_after) = (dates.map(|dates| dates.0), dates.map(|dates| dates.1));
    material.on_disk = Some(OnDisk { path: "/etc/ssl/api.pem".into(), sha256, not_before, not_after });
    (material, house.named())
}

/// A renewal that the service did not load is told apart from one that did not happen.
#[test]
fn renewed_on_disk_is_told_apart_from_about_to_expire() {
    let house = House::new();
    let last = NOW + 5 * DAY;
    let reload = "renewed already, in /etc/ssl/api.pem";

    let (material, policy) = on_disk(&house, last, Some((NOW - 20 * DAY, NOW + 70 * DAY)));
    let result = judge(&material, &policy, at(NOW));
    assert_eq!(complaints(&result), [("SRE-TLS-037", Error), ("SRE-TLS-002", Error)]);
    let forgot = with_code(&result, "SRE-TLS-037").unwrap();
    assert_eq!(forgot.message, "the certificate was renewed on disk, but the service did not reload it");
    assert!(forgot.hint.as_ref().unwrap().contains("systemctl reload"));
    // Debian 12 has certbot 2.1, which has no `reconfigure`.
    assert!(!forgot.hint.as_ref().unwrap().contains("reconfigure"));
    assert!(with_code(&result, "SRE-TLS-002").unwrap().hint.as_ref().unwrap().contains(reload));

    let (material, policy) = on_disk(&house, last, None);
    let result = judge(&material, &policy, at(NOW));
    assert_eq!(complaints(&result), [("SRE-TLS-002", Error)]);
    assert!(!with_code(&result, "SRE-TLS-002").unwrap().hint.as_ref().unwrap().contains(reload));
    assert_eq!(severity(&result, "SRE-TLS-037"), Some(Good));

    // The other way round, and where the dates on disk are not known.
    let (material, policy) = on_disk(&house, NOW + 80 * DAY, Some((NOW - 80 * DAY, NOW + 10 * DAY)));
    let result = judge(&material, &policy, at(NOW));
    assert_eq!(complaints(&result), [("SRE-TLS-037", Warning)]);
    assert!(with_code(&result, "SRE-TLS-037").unwrap().message.contains("newer than the one on disk"));
    let (mut material, policy) = on_disk(&house, NOW + 80 * DAY, Some((0, 0)));
    material.on_disk.as_mut().unwrap().not_after = None;
    let result = judge(&material, &policy, at(NOW));
    assert!(with_code(&result, "SRE-TLS-037").unwrap().message.contains("another certificate is served"));
}

/// Row 15: keys of every kind, of CA and server, are read and verified; what few clients know is said.
#[test]
fn edge_case_15_keys_of_every_kind() {
    use rcgen::{
        PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256,
    };
    for (algorithm, expected) in [
        (&PKCS_ECDSA_P256_SHA256, None),
        (&PKCS_ECDSA_P384_SHA384, None),
        (&PKCS_ECDSA_P521_SHA512, None),
        (&PKCS_RSA_SHA256, None),
        (&PKCS_ED25519, Some(Info)),
    ] {
        let key = || rcgen::KeyPair::generate_for(algorithm).unwrap();
        let (ca, server) = (key(), key());
        let root = Recipe::ca("Root", 0).params;
        let root_der = root.self_signed(&ca).unwrap().der().to_vec();
        let issuer = rcgen::Issuer::from_params(&root, &ca);
        let leaf = Recipe::leaf(&[NAME]).params.signed_by(&server, &issuer).unwrap().der().to_vec();
        let policy = Policy::new(Roots::from_pem(pem(&root_der).as_bytes()).unwrap());
        let result = judge(&served(&[leaf], &[NAME]), &policy, at(NOW));
        assert_eq!(complaints(&result), [], "{algorithm:?}: {:?}", result.findings);
        assert_eq!(severity(&result, "SRE-TLS-027"), expected, "{algorithm:?}");
    }
}
