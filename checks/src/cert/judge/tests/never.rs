//! What must never pass for good: certificates that were altered, that nobody vouches for, or whose dates are unknown.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::policy::DAY;
use super::super::{Policy, Roots, judge};
use super::make::{House, NOW, Recipe, at, file, served};
use crate::Status;
use crate::cert::facts::{Item, RenewalWindow};

const NAME: &str = "api.example.com";

static HOUSE: LazyLock<House> = LazyLock::new(House::new);
static CHAIN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| HOUSE.chain(&Recipe::leaf(&[NAME])));
static NAMED: LazyLock<Policy> = LazyLock::new(|| HOUSE.named());

/// One change to some bytes.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Append(Vec<u8>),
    Swap(prop::sample::Index, prop::sample::Index),
    Remove(prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), 0..8_u8).prop_map(|(place, bit)| Mutation::Flip(place, bit)),
        1 => place().prop_map(Mutation::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Mutation::Append),
        1 => (place(), place()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        1 => place().prop_map(Mutation::Remove),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len();
    match mutation {
        Mutation::Flip(place, bit) => bytes[place.index(length)] ^= 1 << bit,
        Mutation::Cut(place) => bytes.truncate(place.index(length)),
        Mutation::Append(more) => bytes.extend(more),
        Mutation::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
        Mutation::Remove(place) => {
            bytes.remove(place.index(length));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. No altered certificate is ok, and none
    /// stops the judge.
    #[test]
    fn what_was_altered_is_never_ok(
        which in 0..2_usize,
        mutations in prop::collection::vec(mutation(), 1..4),
        is_served in any::<bool>(),
    ) {
        let mut chain = CHAIN.clone();
        for mutation in &mutations {
            if !chain[which].is_empty() {
                mutate(&mut chain[which], mutation);
            }
        }
        prop_assume!(chain != *CHAIN);
        let material = if is_served { served(&chain, &[NAME]) } else { file(&chain) };
        let result = judge(&material, &NAMED, at(NOW));
        prop_assert_ne!(result.status, Status::Ok, "{:?}", result.findings);
        let unreadable = material.items.iter().filter(|item| matches!(item, Item::Malformed { .. })).count();
        prop_assert_eq!(result.certificates.len(), chain.len() - unreadable);
    }

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. What no root vouches for is never ok,
    /// whatever else it is.
    #[test]
    fn what_nobody_vouches_for_is_never_ok(
        is_ca in any::<bool>(),
        is_own in any::<bool>(),
        with_issuer in any::<bool>(),
        has_names in any::<bool>(),
        is_served in any::<bool>(),
        is_expected in any::<bool>(),
        days in -400..4_000_i64,
    ) {
        let names: &[&str] = if has_names { &[NAME] } else { &[] };
        let leaf = if is_ca { Recipe::ca(NAME, 0) } else { Recipe::leaf(names) };
        let leaf = leaf.lives(NOW - 30 * DAY, NOW + 60 * DAY);
        let mut chain = vec![if is_own { leaf.own() } else { leaf.by(&HOUSE.middle) }];
        if with_issuer {
            chain.extend([HOUSE.middle_der.clone(), HOUSE.root_der.clone()]);
        }
        let mut material = if is_served { served(&chain, &[]) } else { file(&chain) };
        if is_expected {
            material.expected_names = vec![NAME.to_owned()];
        }
        let result = judge(&material, &Policy::new(Roots::mozilla()), at(NOW + days * DAY));
        prop_assert_ne!(result.status, Status::Ok, "{:?}", result.findings);
    }

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. Without dates nothing is ok, wherever in
    /// the chain they are missing.
    #[test]
    fn what_has_no_dates_is_never_ok(position in 0..3_usize, which in 0..3_usize, second in any::<i64>()) {
        let mut chain = CHAIN.clone();
        chain.push(HOUSE.root_der.clone());
        let mut material = file(&chain);
        if let Item::Certificate(certificate) = &mut material.items[position] {
            if which != 0 {
                certificate.not_before = None;
            }
            if which != 1 {
                certificate.not_after = None;
            }
        }
        for moment in [NOW, second] {
            let result = judge(&material, &NAMED, at(moment));
            prop_assert_ne!(result.status, Status::Ok, "{:?}", result.findings);
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. No facts stop the judge, however far
    /// they are from what a certificate can say; and dates that lie apart from the signed ones change nothing about trust.
    #[test]
    fn no_facts_stop_the_judge(
        dates in prop::array::uniform4(prop::option::of(any::<i64>())),
        second in any::<i64>(),
        serial in "[0-9a-fé]{0,50}",
        names in prop::collection::vec(".{0,80}", 0..4),
        wanted in prop::collection::vec(".{0,80}", 0..3),
        caa in prop::collection::vec(".{0,40}", 0..3),
        urls in prop::collection::vec(".{0,40}", 0..2),
    ) {
        let mut material = served(&CHAIN, &[]);
        for (item, pair) in material.items.iter_mut().zip(dates.chunks(2)) {
            if let Item::Certificate(certificate) = item {
                certificate.not_before = pair[0].map(at);
                certificate.not_after = pair[1].map(at);
                certificate.serial.clone_from(&serial);
                certificate.dns_names.clone_from(&names);
                certificate.issuer_urls.clone_from(&urls);
                certificate.issuer = "O=Let's Encrypt".to_owned();
            }
        }
        material.expected_names = wanted;
        material.caa = Some(caa);
        material.renewal = Some(RenewalWindow {
            start: at(dates[0].unwrap_or(second)),
            end: at(dates[1].unwrap_or(second)),
            explanation: Some(serial),
        });
        for policy in [&*NAMED, &Policy::new(Roots::mozilla())] {
            let result = judge(&material, policy, at(second));
            prop_assert!(!result.findings.is_empty());
            for finding in &result.findings {
                prop_assert!(!finding.message.chars().any(char::is_control), "{finding:?}");
                prop_assert!(!finding.hint.as_ref().is_some_and(|hint| hint.chars().any(char::is_control)), "{finding:?}");
            }
        }
    }
}
