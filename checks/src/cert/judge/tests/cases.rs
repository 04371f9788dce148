//! The edge cases of chains, dates and names that other checkers got wrong.

use model::Severity::{self, Error, Info, Ok as Good, Warning};

use super::super::policy::DAY;
use super::super::{Policy, Roots, judge};
use super::make::{House, NOW, Recipe, at, complaints, file, logged, pem, served, severity, with_code};
use crate::cert::facts::Source;
use crate::{CheckResult, Status};

const NAME: &str = "api.example.com";

fn now(material: &crate::cert::facts::Material, policy: &Policy) -> CheckResult {
    judge(material, policy, at(NOW))
}

#[test]
fn a_chain_in_order_is_ok_and_says_why() {
    let house = House::new();
    let result = now(&served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]), &house.named());
    assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
    let said: Vec<&str> = result.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the certificate expires in 59 d, on 2026-07-30T23:59:59Z",
            "the path leads to CN=Root",
            "the certificate is good for api.example.com",
        ]
    );
    let summary = &result.certificates[0];
    assert_eq!(summary.lifetime_seconds, Some(90 * DAY));
    assert_eq!(summary.remaining_seconds, Some(60 * DAY - 1));
    assert_eq!(summary.names, [NAME]);
}

/// Row 2: a stray expired cross-sign beside a valid path does no harm.
#[test]
fn edge_case_2_a_stray_expired_cross_sign_is_a_note_where_another_path_is_valid() {
    let house = House::new();
    let old_root = Recipe::ca("Old Root", 4);
    // The same intermediate, signed by an older root, and that signature has expired.
    let cross = house.middle.clone().lives(NOW - 3_000 * DAY, NOW - DAY).by(&old_root);
    let leaf = Recipe::leaf(&[NAME]).by(&house.middle);
    for chain in [
        vec![leaf.clone(), cross.clone(), house.middle_der.clone()],
        vec![leaf.clone(), house.middle_der.clone(), cross.clone()],
    ] {
        let both = format!("{}{}", pem(&house.root_der), pem(&old_root.own()));
        for policy in [house.named(), Policy::new(Roots::from_pem(both.as_bytes()).unwrap())] {
            let result = now(&served(&chain, &[NAME]), &policy);
            assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
            assert_eq!(severity(&result, "SRE-TLS-005"), Some(Info));
        }
    }
}

/// Row 2: where only the expired path is left, it is critical.
#[test]
fn edge_case_2_only_an_expired_path_is_critical() {
    let house = House::new();
    let expired = house.middle.clone().lives(NOW - 3_000 * DAY, NOW - DAY).by(&house.root);
    let leaf = Recipe::leaf(&[NAME]).by(&house.middle);
    let result = now(&served(&[leaf, expired], &[NAME]), &house.named());
    assert_eq!(complaints(&result), [("SRE-TLS-001", Error)]);
    let finding = with_code(&result, "SRE-TLS-001").unwrap();
    assert_eq!(finding.message, "certificate 2 (CN=Middle) expired 24 h ago, on 2026-05-31T00:00:00Z");
    assert_eq!(severity(&result, "SRE-TLS-017"), Some(Info));
}

/// Row 2: of two valid paths the one that lasts counts, so the end of the other is no warning.
#[test]
fn edge_case_2_the_path_that_lasts_longest_is_judged() {
    let house = House::new();
    let old_root = Recipe::ca("Old Root", 4);
    let cross = house.middle.clone().lives(NOW - 3_000 * DAY, NOW + 2 * DAY).by(&old_root);
    let both = format!("{}{}", pem(&old_root.own()), pem(&house.root_der));
    let policy = Policy::new(Roots::from_pem(both.as_bytes()).unwrap());
    let leaf = Recipe::leaf(&[NAME]).by(&house.middle);
    for chain in [[cross.clone(), house.middle_der.clone()], [house.middle_der.clone(), cross]] {
        let [second, third] = chain;
        let result = now(&served(&[leaf.clone(), second, third], &[NAME]), &policy);
        assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
        assert_eq!(severity(&result, "SRE-TLS-039"), Some(Info));
    }
}

/// Row 3: dates, names and chain are there whatever is wrong; a time that has passed is negative and not zero.
#[test]
fn edge_case_3_the_untrusted_still_tell_their_dates_and_names() {
    let house = House::new();
    let expired = Recipe::leaf(&[NAME]).lives(NOW - 90 * DAY, NOW - 1);
    let own = Recipe::leaf(&[NAME]).own();
    let cases = [
        (served(&house.chain(&expired), &[NAME]), house.named(), -1),
        (served(&[own], &[NAME]), house.named(), 60 * DAY - 1),
        (served(&house.chain(&Recipe::leaf(&[NAME])), &["other.example.com"]), house.named(), 60 * DAY - 1),
        (served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]), Policy::new(Roots::mozilla()), 60 * DAY - 1),
    ];
    for (material, policy, left) in cases {
        let result = now(&material, &policy);
        assert_eq!(result.status, Status::Critical);
        assert_eq!(result.certificates.len(), material.items.len());
        let summary = &result.certificates[0];
        assert_eq!(summary.names, [NAME]);
        assert_eq!(summary.remaining_seconds, Some(left));
        assert!(summary.not_before.is_some() && !summary.issuer.is_empty() && !summary.serial.is_empty());
    }
}

/// Row 3: one that has expired and whose root nobody knows says both.
#[test]
fn edge_case_3_expiry_does_not_hide_an_unknown_root() {
    let house = House::new();
    let expired = Recipe::leaf(&[NAME]).lives(NOW - 90 * DAY, NOW - 1);
    let result = now(&served(&house.chain(&expired), &[NAME]), &Policy::new(Roots::mozilla()));
    assert_eq!(complaints(&result), [("SRE-TLS-001", Error), ("SRE-TLS-017", Error)]);
}

/// Row 4: 9999 is no expiry, and the ends of the calendar are no trouble.
#[test]
fn edge_case_4_the_year_9999_never_expires_and_2050_is_an_ordinary_year() {
    let house = House::new();
    let forever = 253_402_300_799;
    let root = house.root.clone().lives(0, forever);
    let middle = house.middle.clone().lives(0, forever);
    let policy = Policy::new(Roots::from_pem(pem(&root.own()).as_bytes()).unwrap());
    let chain = |first: i64, last: i64| {
        file(&[Recipe::leaf(&[NAME]).lives(first, last).by(&middle), middle.by(&root)])
    };
    let never = chain(NOW, forever);
    for second in [NOW, forever - 1, forever] {
        let result = judge(&never, &policy, at(second));
        assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
        assert!(with_code(&result, "SRE-TLS-002").unwrap().message.contains("never expires"));
    }
    // 2049-12-31T23:59:59Z and a second later.
    for last in [2_524_607_999, 2_524_608_000] {
        let material = chain(last - 90 * DAY + 1, last);
        assert_eq!(judge(&material, &policy, at(last - 60 * DAY)).status, Status::Ok);
        assert_eq!(severity(&judge(&material, &policy, at(last + 1)), "SRE-TLS-001"), Some(Error));
    }
}

/// Row 6: leaf first, last, with the root, and two of them.
#[test]
fn edge_case_6_the_servers_certificate_is_found_wherever_it_is() {
    let house = House::new();
    let leaf = Recipe::leaf(&[NAME]).by(&house.middle);
    let (middle, root) = (house.middle_der.clone(), house.root_der.clone());
    let policy = house.named();

    let last = vec![root.clone(), middle.clone(), leaf.clone()];
    let result = now(&file(&last), &policy);
    assert_eq!(complaints(&result), [("SRE-TLS-011", Warning)], "{:?}", result.findings);
    assert_eq!(result.certificates[2].names, [NAME]);
    // A client takes the first for the server's, so this one is of no use.
    assert_eq!(severity(&now(&served(&last, &[NAME]), &policy), "SRE-TLS-011"), Some(Error));

    let with_root = now(&file(&[leaf.clone(), middle.clone(), root]), &policy);
    assert_eq!(complaints(&with_root), []);
    assert_eq!(severity(&with_root, "SRE-TLS-013"), Some(Info));

    let mut other = Recipe::leaf(&["other.example.com"]);
    other.key = 3;
    let result = now(&file(&[leaf, middle, other.by(&house.middle)]), &policy);
    assert_eq!(complaints(&result), [("SRE-TLS-012", Warning)], "{:?}", result.findings);
    assert!(with_code(&result, "SRE-TLS-012").unwrap().message.contains("number 1 was judged"));
}

/// Row 7: what can be put together is a warning, what cannot is critical, with where the missing one is to be had.
#[test]
fn edge_case_7_disorder_is_a_warning_and_a_gap_is_critical() {
    let house = House::new();
    let lower = Recipe::ca("Lower", 3);
    let lower_der = lower.by(&house.middle);
    let leaf = Recipe::leaf(&[NAME]).issuer_url("http://ca.example.com/middle.der");
    let policy = house.named();

    let disorder = [leaf.by(&lower), house.middle_der.clone(), lower_der.clone()];
    for material in [file(&disorder), served(&disorder, &[NAME])] {
        let result = now(&material, &policy);
        assert_eq!(complaints(&result), [("SRE-TLS-015", Warning)], "{:?}", result.findings);
        let evidence = with_code(&result, "SRE-TLS-015").unwrap().evidence.clone().unwrap();
        assert!(evidence.ends_with("1, 3, 2"), "{evidence}");
    }

    for material in [file(&[leaf.by(&lower)]), served(&[leaf.by(&lower)], &[NAME])] {
        let result = now(&material, &policy);
        assert_eq!(complaints(&result), [("SRE-TLS-014", Error)], "{:?}", result.findings);
        let finding = with_code(&result, "SRE-TLS-014").unwrap();
        let hint = finding.hint.clone().unwrap();
        assert!(
            hint.contains("curl --fail --silent http://ca.example.com/middle.der | openssl x509 -inform der"),
            "{hint}"
        );
    }
    // Without that address nobody can tell a missing intermediate from a private root.
    let bare = Recipe::leaf(&[NAME]).by(&lower);
    let unknown = Policy::new(Roots::mozilla());
    assert_eq!(complaints(&now(&file(std::slice::from_ref(&bare)), &unknown)), [("SRE-TLS-014", Warning)]);
    assert_eq!(complaints(&now(&served(&[bare], &[NAME]), &unknown)), [("SRE-TLS-014", Error)]);
}

#[test]
fn a_certificate_that_is_there_twice_is_a_warning() {
    let house = House::new();
    let mut chain = house.chain(&Recipe::leaf(&[NAME]));
    chain.push(house.middle_der.clone());
    let result = now(&file(&chain), &house.named());
    assert_eq!(complaints(&result), [("SRE-TLS-016", Warning)], "{:?}", result.findings);
}

/// Row 8: an address is matched against addresses only.
#[test]
fn edge_case_8_addresses_are_matched_against_addresses() {
    let house = House::new();
    let verdict = |sans: &[&str], wanted: &str| {
        severity(&now(&served(&house.chain(&Recipe::leaf(sans)), &[wanted]), &house.named()), "SRE-TLS-020")
    };
    for wanted in ["127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"] {
        assert_eq!(verdict(&["127.0.0.1", "::1", NAME], wanted), Some(Good), "{wanted}");
        assert_eq!(verdict(&[NAME, "localhost"], wanted), Some(Error), "{wanted}");
    }
    assert_eq!(verdict(&["10.0.0.1"], "10.0.0.2"), Some(Error));
    assert_eq!(verdict(&["*.0.0.1"], "127.0.0.1"), Some(Error));
    // An address as DNS name is a common mistake, and gets its own hint.
    let written = Recipe::leaf(&[]).with(|params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("127.0.0.1".try_into().unwrap())];
    });
    let result = now(&served(&house.chain(&written), &["127.0.0.1"]), &house.named());
    let finding = with_code(&result, "SRE-TLS-020").unwrap();
    assert_eq!(finding.severity, Error);
    assert!(finding.hint.as_ref().unwrap().contains("`IP:` instead of `DNS:`"));
    assert_eq!(severity(&result, "SRE-TLS-022"), Some(Warning));
}

#[test]
fn names_are_matched_as_clients_do_in_either_writing() {
    let house = House::new();
    let verdict = |sans: &[&str], wanted: &str| {
        severity(&now(&served(&house.chain(&Recipe::leaf(sans)), &[wanted]), &house.named()), "SRE-TLS-020")
    };
    for (sans, wanted, expected) in [
        (&["*.example.com"][..], "api.example.com", Good),
        (&["*.example.com"], "API.Example.COM.", Good),
        (&["*.example.com"], "a.api.example.com", Error),
        (&["*.example.com"], "example.com", Error),
        (&["xn--bcher-kva.example"], "bücher.example", Good),
        (&["xn--bcher-kva.example"], "xn--bcher-kva.example", Good),
        (&["*.xn--bcher-kva.example"], "shop.Bücher.example", Good),
        (&["other.example.com"], "api.example.com", Error),
    ] {
        assert_eq!(verdict(sans, wanted), Some(expected), "{sans:?} {wanted}");
    }
    // Nothing is expected, so nothing is said.
    assert_eq!(
        severity(&now(&file(&house.chain(&Recipe::leaf(&[NAME]))), &house.named()), "SRE-TLS-020"),
        None
    );
}

#[test]
fn a_name_match_is_what_webpki_says() {
    let patterns = [
        "*.example.com",
        "example.com",
        "a.example.com",
        "*.b.example.com",
        "*.com",
        "xn--bcher-kva.example",
    ];
    let hosts = [
        "example.com",
        "a.example.com",
        "x.b.example.com",
        "b.example.com",
        "EXAMPLE.com",
        "com",
        "xn--bcher-kva.example",
    ];
    let house = House::new();
    for pattern in patterns {
        let der = Recipe::leaf(&[pattern]).by(&house.middle);
        let facts = crate::cert::read::certificate(&der).unwrap();
        let der = rustls_pki_types::CertificateDer::from(der);
        let judge = webpki::EndEntityCert::try_from(&der).unwrap();
        for host in hosts {
            let name = rustls_pki_types::ServerName::try_from(host).unwrap();
            let theirs = judge.verify_is_valid_for_subject_name(&name).is_ok();
            assert_eq!(super::super::names::is_good_for(&facts, host), theirs, "{pattern} and {host}");
        }
    }
}

#[test]
fn a_private_root_is_a_warning_in_a_file_and_critical_where_it_is_served() {
    let house = House::new();
    let chain = house.chain(&Recipe::leaf(&[NAME]));
    let mozilla = Policy::new(Roots::mozilla());
    let verdict = |policy: &Policy, is_served: bool, chain: &[Vec<u8>]| -> Option<Severity> {
        let material = if is_served { served(chain, &[NAME]) } else { file(chain) };
        let result = now(&material, policy);
        let finding = with_code(&result, "SRE-TLS-017")?;
        if finding.severity != Good {
            assert!(finding.hint.as_ref().unwrap().contains("--ca-file"), "{finding:?}");
        }
        Some(finding.severity)
    };
    assert_eq!(verdict(&mozilla, false, &chain), Some(Warning));
    assert_eq!(verdict(&mozilla, true, &chain), Some(Error));
    assert_eq!(verdict(&house.named(), true, &chain), Some(Good));
    let own = [Recipe::leaf(&[NAME]).own()];
    assert_eq!(verdict(&mozilla, false, &own), Some(Warning));
    assert_eq!(verdict(&mozilla, true, &own), Some(Error));
    // Who names roots means these.
    assert_eq!(verdict(&house.named(), false, &own), Some(Error));
    let known = Policy::new(Roots::from_pem(pem(&own[0]).as_bytes()).unwrap());
    assert_eq!(verdict(&known, true, &own), Some(Good));
}

#[test]
fn an_expired_root_counts_although_webpki_takes_it() {
    let house = House::new();
    let root = house.root.clone().lives(0, NOW - 1);
    let policy = Policy::new(Roots::from_pem(pem(&root.own()).as_bytes()).unwrap());
    let result = now(&served(&house.chain(&Recipe::leaf(&[NAME])), &[NAME]), &policy);
    assert_eq!(complaints(&result), [("SRE-TLS-038", Error)]);
    // Sent along by a server, it is not the one that clients have.
    let mut chain = house.chain(&Recipe::leaf(&[NAME]));
    chain.push(root.own());
    assert_eq!(
        complaints(&now(&logged(served(&chain, &[NAME])), &house.public())),
        [("SRE-TLS-038", Warning)]
    );
}

#[test]
fn the_lifetime_limit_is_of_the_day_of_issue_to_the_second() {
    let house = House::new();
    for (issued, days) in [
        (1_773_532_799, 398), // 2026-03-14T23:59:59Z
        (1_773_532_800, 200),
        (1_805_068_799, 200), // 2027-03-14T23:59:59Z
        (1_805_068_800, 100),
        (1_868_227_199, 100), // 2029-03-14T23:59:59Z
        (1_868_227_200, 47),
    ] {
        for (seconds, expected) in [(-1, None), (0, None), (1, Some(Error))] {
            // The last second counts too: notAfter is one less than a lifetime later.
            let leaf = Recipe::leaf(&[NAME]).lives(issued, issued + days * DAY - 1 + seconds);
            let material = served(&house.chain(&leaf), &[NAME]);
            let result = judge(&material, &house.public(), at(issued));
            assert_eq!(severity(&result, "SRE-TLS-006"), expected, "{days} d and {seconds} s");
            // A house's own CA may do as it likes.
            assert_eq!(severity(&judge(&material, &house.named(), at(issued)), "SRE-TLS-006"), None);
        }
    }
}

#[test]
fn advice_is_by_source_with_the_exact_command() {
    let house = House::new();
    let leaf = Recipe::leaf(&[NAME]).lives(NOW - 85 * DAY, NOW + 5 * DAY);
    let hint = |source: Source| {
        let mut material = file(&house.chain(&leaf));
        material.source = source;
        let result = now(&material, &house.named());
        assert_eq!(severity(&result, "SRE-TLS-002"), Some(Error));
        with_code(&result, "SRE-TLS-002").unwrap().hint.clone().unwrap()
    };
    for (source, part) in [
        (Source::Certbot { name: "api".to_owned() }, "sudo certbot renew --cert-name api --deploy-hook"),
        (Source::Certbot { name: "a'b".to_owned() }, r"--cert-name 'a'\''b'"),
        (Source::Acme, "acme.sh --renew -d api.example.com"),
        (Source::AcmManaged, "aws acm describe-certificate"),
        (Source::AcmImported, "aws acm import-certificate"),
        (Source::AcmExportable, "aws acm export-certificate"),
        (Source::Commercial, "subjectAltName=DNS:api.example.com"),
        (Source::Private, "subjectAltName=DNS:api.example.com"),
        (Source::Unknown, "CN=Middle"),
    ] {
        let hint = hint(source.clone());
        assert!(hint.contains(part), "{source:?}: {hint}");
        assert!(hint.contains("renewal has been due since 2026-05-07T"), "{source:?}: {hint}");
    }
}

/// The words of a bad day: an old certificate of another site, half its chain, a key that everybody reads.
#[test]
fn the_words_of_a_bad_day() {
    let house = House::new();
    let leaf = Recipe::leaf(&["old.example.com", "*.example.org"])
        .lives(NOW - 100 * DAY, NOW - 10 * DAY)
        .issuer_url("http://ca.example.com/middle.der")
        .serial(&[0]);
    let mut material = served(&[leaf.by(&house.middle)], &[NAME]);
    material.source = Source::Certbot { name: "old.example.com".to_owned() };
    let result = now(&material, &Policy::new(Roots::mozilla()));
    let said: Vec<String> = result
        .findings
        .iter()
        .map(|finding| {
            let part = |name: &str, text: &Option<String>| {
                text.as_ref().map(|text| format!("\n  {name}: {text}")).unwrap_or_default()
            };
            format!(
                "{} {:?}: {}{}{}",
                finding.code,
                finding.severity,
                finding.message,
                part("evidence", &finding.evidence),
                part("hint", &finding.hint)
            )
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

/// A root between the leaf and its issuer: clients that take each for the issuer of the one before fail.
#[test]
fn a_root_before_the_intermediate_is_out_of_order() {
    let house = House::new();
    let leaf = Recipe::leaf(&[NAME]).by(&house.middle);
    let disorder = [leaf.clone(), house.root_der.clone(), house.middle_der.clone()];
    let result = now(&file(&disorder), &house.named());
    assert_eq!(severity(&result, "SRE-TLS-015"), Some(Severity::Warning));
    let order = with_code(&result, "SRE-TLS-015").unwrap().evidence.as_ref().unwrap();
    assert!(order.contains("1, 3, 2"), "{order}");
    let sorted = [leaf, house.middle_der.clone(), house.root_der.clone()];
    assert_eq!(severity(&now(&file(&sorted), &house.named()), "SRE-TLS-015"), None);
}

/// What webpki turns down is said in words of X.509, and for the reason that it has.
#[test]
fn no_reason_is_said_in_the_words_of_the_program() {
    let house = House::new();
    let said = |leaf: &Recipe| {
        let result = now(&file(&house.chain(leaf)), &house.named());
        let finding = with_code(&result, "SRE-TLS-018").unwrap();
        (finding.severity, format!("{} {}", finding.message, finding.evidence.clone().unwrap_or_default()))
    };
    let names: Vec<String> = (0..10_000).map(|number| format!("n{number}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (severity, large) = said(&Recipe::leaf(&names));
    assert_eq!(severity, Severity::Error);
    assert!(large.contains("too large") && large.contains("10000 names"), "{large}");
    let early = Recipe::leaf(&[NAME]).lives(-631_152_000, NOW + 60 * DAY);
    let (severity, early) = said(&early);
    assert_eq!(severity, Severity::Unknown);
    assert!(early.contains("before 1970") && !early.contains("malformed"), "{early}");
}
