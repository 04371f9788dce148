//! What certificates are made of: serial numbers, usages, CA bits, names nobody understands.

use model::Severity::{Error, Unknown, Warning};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use super::super::{Policy, Roots, judge};
use super::make::{House, NOW, Recipe, at, complaints, file, logged, served, severity, with_code};
use crate::cert::facts::{Material, RenewalWindow};
use crate::{CheckResult, Status};

const NAME: &str = "api.example.com";

fn now(material: &Material, policy: &Policy) -> CheckResult {
    judge(material, policy, at(NOW))
}

fn of(leaf: &Recipe) -> CheckResult {
    let house = House::new();
    now(&served(&house.chain(leaf), &[NAME]), &house.named())
}

/// Row 15: serial numbers.
#[test]
fn edge_case_15_odd_serial_numbers_are_warned_of() {
    for (serial, expected) in
        [(&[0][..], Some(Warning)), (&[1], None), (&[0x7f; 20], None), (&[0x7f; 21], Some(Warning))]
    {
        let result = of(&Recipe::leaf(&[NAME]).serial(serial));
        assert_eq!(severity(&result, "SRE-TLS-032"), expected, "{serial:?}: {:?}", result.findings);
    }
    // rcgen writes no negative one.
    let house = House::new();
    let mut material = served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]);
    if let crate::cert::facts::Item::Certificate(leaf) = &mut material.items[0] {
        leaf.serial = "ff01".to_owned();
    }
    let result = now(&material, &house.named());
    assert_eq!(with_code(&result, "SRE-TLS-032").unwrap().message, "the serial number is negative");
}

/// Row 15: an empty subject with the names where they belong is in order; no names at all are not.
#[test]
fn edge_case_15_names_belong_into_the_alternative_name() {
    let nameless = Recipe::leaf(&[NAME]).with(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    assert_eq!(complaints(&of(&nameless)), []);

    let old = Recipe::leaf(&[]).with(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
    });
    let result = of(&old);
    assert_eq!(complaints(&result), [("SRE-TLS-021", Error)]);
    let finding = with_code(&result, "SRE-TLS-021").unwrap();
    assert!(finding.message.contains("only as common name"), "{}", finding.message);
    assert!(finding.hint.as_ref().unwrap().contains("-addext subjectAltName=DNS:api.example.com"));
}

/// Row 15: ten thousand names are judged, and not all of them shown.
#[test]
fn edge_case_15_ten_thousand_names_are_judged_and_few_are_shown() {
    let house = House::new();
    let names: Vec<String> = (0..10_000).map(|number| format!("host{number}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut material =
        served(&house.chain(&Recipe::leaf(&[NAME])), &["host9999.example.com", "no.example.com"]);
    if let crate::cert::facts::Item::Certificate(leaf) = &mut material.items[0] {
        leaf.dns_names = names.iter().map(|name| (*name).to_owned()).collect();
    }
    let result = now(&material, &house.named());
    let finding = with_code(&result, "SRE-TLS-020").unwrap();
    assert_eq!(finding.message, "the certificate is not good for no.example.com");
    assert!(finding.evidence.as_ref().unwrap().ends_with("and 9992 more"));
    // And one whose DER has them: webpki reads no certificate of more than 64 KiB, and that is said.
    let large = Recipe::leaf(&names);
    let result = now(&served(&house.chain(&large), &["host9999.example.com"]), &house.named());
    assert_ne!(result.status, Status::Ok);
    assert_eq!(result.certificates[0].names.len(), 10_000);
}

/// Row 15: duplicate extensions, and critical ones that nobody knows.
#[test]
fn edge_case_15_odd_extensions_are_never_ok() {
    let extension = |is_critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473, 1], vec![5, 0]);
        extension.set_criticality(is_critical);
        extension
    };
    let plain = Recipe::leaf(&[NAME]).with(|params| params.custom_extensions.push(extension(false)));
    assert_eq!(complaints(&of(&plain)), []);
    let critical = Recipe::leaf(&[NAME]).with(|params| params.custom_extensions.push(extension(true)));
    assert_eq!(severity(&of(&critical), "SRE-TLS-033"), Some(Error));
    let twice = Recipe::leaf(&[NAME]).with(|params| {
        let usage = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 0x80]);
        params.custom_extensions.extend([usage.clone(), usage]);
    });
    assert_ne!(of(&twice).status, Status::Ok);
}

#[test]
fn a_self_made_certificate_that_is_a_ca_is_explained() {
    let own = Recipe::leaf(&[NAME]).with(|params| {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    });
    let mozilla = Policy::new(Roots::mozilla());
    for (material, expected) in [(file(&[own.own()]), Warning), (served(&[own.own()], &[NAME]), Error)] {
        let result = now(&material, &mozilla);
        assert_eq!(complaints(&result), [("SRE-TLS-029", expected)]);
        let hint = with_code(&result, "SRE-TLS-029").unwrap().hint.clone().unwrap();
        assert!(
            hint.contains("basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:api.example.com"),
            "{hint}"
        );
    }
    // What `openssl req -x509 -subj /CN=api.example.com` makes says nothing of a server; it is still not in order.
    let bare = Recipe::ca(NAME, 0);
    assert_eq!(complaints(&now(&file(&[bare.own()]), &mozilla)), [("SRE-TLS-029", Warning)]);
}

#[test]
fn a_file_of_cas_is_judged_by_its_dates_and_is_no_servers_certificate() {
    let house = House::new();
    let old = Recipe::ca("Old", 3).lives(0, NOW - 1);
    let result = now(&file(&[house.middle_der.clone(), old.own()]), &house.named());
    assert_eq!(complaints(&result), [("SRE-TLS-001", Warning), ("SRE-TLS-029", Warning)]);
    assert_eq!(
        complaints(&now(&file(&[old.own()]), &house.named())),
        [("SRE-TLS-001", Error), ("SRE-TLS-029", Warning)]
    );
}

#[test]
fn usages_have_to_allow_servers() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, EmailProtection, ServerAuth};
    let house = House::new();
    for (usages, expected) in [
        (vec![ServerAuth], None),
        (vec![ClientAuth, ServerAuth], None),
        (vec![], None),
        (vec![ClientAuth], Some(Error)),
        (vec![Any], Some(Error)),
        (vec![EmailProtection], Some(Error)),
    ] {
        let leaf = Recipe::leaf(&[NAME]).with(|params| params.extended_key_usages = usages.clone());
        let result = of(&leaf);
        assert_eq!(severity(&result, "SRE-TLS-030"), expected, "{usages:?}");
        // The path is judged for itself.
        assert_eq!(severity(&result, "SRE-TLS-017"), Some(model::Severity::Ok), "{usages:?}");
    }
    let bare = Recipe::leaf(&[NAME]).with(|params| params.extended_key_usages.clear());
    let public = now(&logged(served(&house.chain(&bare), &[NAME])), &house.public());
    assert_eq!(complaints(&public), [("SRE-TLS-030", Warning)]);
    // A CA for mail may not issue for servers.
    let mail = house.middle.clone().with(|params| params.extended_key_usages = vec![EmailProtection]);
    let result =
        now(&served(&[Recipe::leaf(&[NAME]).by(&mail), mail.by(&house.root)], &[NAME]), &house.named());
    assert_eq!(complaints(&result), [("SRE-TLS-030", Error)]);
}

#[test]
fn key_usages_have_to_fit() {
    use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign, KeyEncipherment};
    for (usages, expected) in [
        (vec![DigitalSignature], None),
        (vec![DigitalSignature, KeyEncipherment], None),
        (vec![], None),
        (vec![DigitalSignature, KeyCertSign], Some(Warning)),
        (vec![KeyEncipherment], Some(Warning)),
    ] {
        let leaf = Recipe::leaf(&[NAME]).with(|params| params.key_usages = usages.clone());
        assert_eq!(severity(&of(&leaf), "SRE-TLS-031"), expected, "{usages:?}");
    }
    let house = House::new();
    let middle = house.middle.clone().with(|params| params.key_usages = vec![CrlSign]);
    // rcgen refuses to sign with such a CA, so the leaf is signed by the one with the same key and name.
    let chain = [Recipe::leaf(&[NAME]).by(&house.middle), middle.by(&house.root)];
    assert_eq!(complaints(&now(&served(&chain, &[NAME]), &house.named())), [("SRE-TLS-031", Error)]);
}

#[test]
fn names_that_clients_refuse_are_warned_of() {
    for (name, code) in [
        ("a_b.example.com", "SRE-TLS-022"),
        ("a*.example.com", "SRE-TLS-022"),
        ("*.com", "SRE-TLS-023"),
        ("*.co.uk", "SRE-TLS-023"),
    ] {
        let leaf = Recipe::leaf(&[NAME]).with(|params| {
            params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap()));
        });
        assert_eq!(complaints(&of(&leaf)), [(code, Warning)], "{name}");
    }
}

#[test]
fn a_public_certificate_belongs_into_logs() {
    let house = House::new();
    let material = served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]);
    assert_eq!(complaints(&now(&material, &house.public())), [("SRE-TLS-034", Warning)]);
    assert_eq!(complaints(&now(&material, &house.named())), []);
    assert_eq!(complaints(&now(&logged(material), &house.public())), []);
}

#[test]
fn caa_records_have_to_allow_the_ca() {
    let house = House::new();
    let verdict = |names: &[&str], records: &[&str]| {
        let mut material = served(&house.chain(&Recipe::leaf(names)), &[]);
        if let crate::cert::facts::Item::Certificate(leaf) = &mut material.items[0] {
            leaf.issuer = "C=US, O=Let's Encrypt, CN=R11".to_owned();
        }
        material.caa = Some(records.iter().map(|record| (*record).to_owned()).collect());
        severity(&now(&material, &house.named()), "SRE-TLS-035")
    };
    for (names, records, expected) in [
        (&[NAME][..], &[][..], None),
        (&[NAME], &[r#"issue "letsencrypt.org""#], None),
        (&[NAME], &[r#"issue "amazon.com""#, r#"issue "letsencrypt.org; validationmethods=dns-01""#], None),
        (&[NAME], &[r#"issue "amazon.com""#], Some(Warning)),
        (&[NAME], &[r#"issue ";""#], Some(Warning)),
        (&[NAME], &[r#"issuewild ";""#], None),
        (&[NAME], &[r#"iodef "mailto:ops@example.com""#], None),
        (&["*.example.com"], &[r#"issue "letsencrypt.org""#, r#"issuewild ";""#], Some(Warning)),
        (&["*.example.com"], &[r#"issue "amazon.com""#, r#"issuewild "letsencrypt.org""#], None),
    ] {
        assert_eq!(verdict(names, records), expected, "{names:?} {records:?}");
    }
}

#[test]
fn a_window_of_renewal_that_has_passed_is_a_warning_with_sixty_days_left() {
    let house = House::new();
    let verdict = |start: i64, end: i64| {
        let mut material = served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]);
        material.renewal = Some(RenewalWindow { start: at(start), end: at(end), explanation: None });
        severity(&now(&material, &house.named()), "SRE-TLS-036")
    };
    assert_eq!(verdict(NOW + 1, NOW + 100), None);
    assert_eq!(verdict(NOW, NOW + 100), Some(model::Severity::Info));
    assert_eq!(verdict(NOW - 100, NOW), Some(model::Severity::Info));
    assert_eq!(verdict(NOW - 100, NOW - 1), Some(Warning));
    assert_eq!(verdict(NOW + 100, NOW - 100), Some(Warning));
}

#[test]
fn nothing_to_judge_is_unknown_and_said_once() {
    let policy = Policy::new(Roots::mozilla());
    let empty = now(&file(&[]), &policy);
    assert_eq!(complaints(&empty), [("SRE-TLS-010", Unknown)]);
    let noise = now(&file(&[b"no certificate".to_vec()]), &policy);
    assert_eq!(complaints(&noise), [("SRE-TLS-019", Unknown)]);
    let mut remarked = file(&[]);
    remarked.remarks.push(model::Finding::new("SRE-TLS-042", Unknown, "x", "may not be read"));
    assert_eq!(complaints(&now(&remarked, &policy)), [("SRE-TLS-042", Unknown)]);
}

/// A server can send what it likes: a thicket of CAs of one name has more ways through it than anybody can walk.
#[test]
fn a_thicket_of_certificates_is_given_up_and_not_called_ok() {
    let house = House::new();
    let mut chain = house.chain(&Recipe::leaf(&[NAME]));
    for number in 0..60_u8 {
        let mut other = house.middle.clone().serial(&[1, number]);
        other.key = usize::from(number % 4) + 2;
        let mut issuer = house.middle.clone();
        issuer.key = usize::from(number % 3) + 2;
        chain.insert(1, other.by(&issuer));
    }
    let result = now(&served(&chain, &[NAME]), &house.named());
    assert_eq!(severity(&result, "SRE-TLS-018"), Some(Unknown), "{:?}", result.findings);
    // A bundle of roots behind the chain is no thicket.
    let mut chain = house.chain(&Recipe::leaf(&[NAME]));
    chain.extend((0..150_u8).map(|number| Recipe::ca(&format!("Root {number}"), 3).own()));
    let result = now(&served(&chain, &[NAME]), &house.named());
    assert_eq!(complaints(&result), []);
}
