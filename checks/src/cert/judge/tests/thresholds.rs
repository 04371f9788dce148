//! Thresholds and the passing of time.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::policy::DAY;
use super::super::{Policy, PolicyError, Roots, Threshold, judge};
use super::make::{House, NOW, Recipe, at, file, severity};
use crate::Status;
use model::Severity;

static HOUSE: LazyLock<House> = LazyLock::new(House::new);

/// The lifetimes that are sold or planned: Let's Encrypt's, ACM's, the CA/Browser Forum's limits, and a house's own.
const LIFETIMES: [i64; 8] =
    [160 * 3_600, 45 * DAY, 47 * DAY, 90 * DAY, 198 * DAY, 200 * DAY, 398 * DAY, 3_650 * DAY];

/// What the rule says, in other words than the program's: of what is left, in hundredths.
fn expected(left: i64, lifetime: i64) -> Status {
    let is_below = |days: i64, share: i64| left < days * DAY && left * 100 < share * lifetime;
    match () {
        () if left < 0 || is_below(14, 15) => Status::Critical,
        () if is_below(30, 30) => Status::Warning,
        () => Status::Ok,
    }
}

fn status(first: i64, lifetime: i64, now: i64, policy: &Policy) -> Status {
    let leaf = Recipe::leaf(&["api.example.com"]).lives(first, first + lifetime - 1);
    judge(&file(&HOUSE.chain(&leaf)), policy, at(now)).status
}

/// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. One second decides at every threshold, for
/// every lifetime, whatever the date is.
#[test]
fn edge_case_1_one_second_decides_for_every_lifetime_at_several_presents() {
    let policy = HOUSE.named();
    for lifetime in LIFETIMES {
        for first in [1_000_000_000, NOW - lifetime / 2, 2_524_608_000 - lifetime / 2] {
            let last = first + lifetime - 1;
            let leaf = Recipe::leaf(&["api.example.com"]).lives(first, last);
            let material = file(&HOUSE.chain(&leaf));
            let shares = [(lifetime * 30).div_euclid(100), (lifetime * 15).div_euclid(100)];
            let edges = [0, 14 * DAY, 30 * DAY, lifetime - 1, shares[0], shares[1]];
            for left in
                edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]).filter(|left| *left < lifetime)
            {
                let result = judge(&material, &policy, at(last - left));
                assert_eq!(
                    result.status,
                    expected(left, lifetime),
                    "{left} s left of {lifetime} s: {:?}",
                    result.findings
                );
            }
        }
    }
}

/// The numbers that the documentation gives.
#[test]
fn the_rule_comes_to_these_days() {
    let policy = Policy::new(Roots::mozilla());
    for (lifetime, warn, critical) in [
        (160 * 3_600, 48 * 3_600, 24 * 3_600),
        (45 * DAY, 27 * DAY / 2, 27 * DAY / 4),
        (90 * DAY, 27 * DAY, 27 * DAY / 2),
        (198 * DAY, 30 * DAY, 14 * DAY),
        (3_650 * DAY, 30 * DAY, 14 * DAY),
    ] {
        assert_eq!((policy.warn_seconds(lifetime), policy.critical_seconds(lifetime)), (warn, critical));
    }
}

#[test]
fn a_share_is_of_what_is_left_and_a_time_is_absolute() {
    let policy = |warn: &str, critical: &str| {
        Policy::new(Roots::mozilla())
            .thresholds(Some(warn.parse().unwrap()), Some(critical.parse().unwrap()))
            .unwrap()
    };
    let share = policy("30%", "15%");
    assert_eq!((share.warn_seconds(1_000), share.critical_seconds(1_000)), (300, 150));
    // A ten-year certificate warns for three years; whoever writes only a share wants that.
    assert_eq!(share.warn_seconds(3_650 * DAY), 1_095 * DAY);
    let time = policy("20d", "36h");
    for lifetime in LIFETIMES {
        assert_eq!((time.warn_seconds(lifetime), time.critical_seconds(lifetime)), (20 * DAY, 36 * 3_600));
    }
    // Of different kinds: a warning never comes after it is critical.
    let mixed = policy("10%", "7d");
    assert_eq!((mixed.warn_seconds(45 * DAY), mixed.critical_seconds(45 * DAY)), (7 * DAY, 7 * DAY));
}

#[test]
fn what_is_critical_before_it_is_warned_of_is_refused() {
    let set = |warn: Option<&str>, critical: Option<&str>| {
        let read = |text: &str| text.parse::<Threshold>().unwrap();
        Policy::new(Roots::mozilla()).thresholds(warn.map(read), critical.map(read))
    };
    for (warn, critical) in [
        (Some("15%"), Some("30%")),
        (Some("7d"), Some("20d")),
        (Some("24h"), Some("2d")),
        (None, Some("40d")),
        (None, Some("50%")),
    ] {
        assert!(matches!(set(warn, critical), Err(PolicyError::Order { .. })), "{warn:?}, {critical:?}");
    }
    for (warn, critical) in [
        (Some("20%"), Some("20%")),
        (Some("20d"), None),
        (Some("7d"), None),
        (Some("5%"), None),
        (None, Some("7d")),
        (Some("1d"), Some("5%")),
    ] {
        assert!(set(warn, critical).is_ok(), "{warn:?}, {critical:?}");
    }
    // Later warnings do not move what is critical.
    for warn in ["7d", "5%", "0d"] {
        let late = set(Some(warn), None).unwrap();
        assert_eq!(late.critical_seconds(90 * DAY), 27 * DAY / 2, "{warn}");
        assert_eq!(late.warn_seconds(90 * DAY), 27 * DAY / 2, "{warn}");
    }
}

#[test]
fn thresholds_are_read_and_refused_with_an_example() {
    for (text, read) in [
        ("30%", Threshold::Percent(30)),
        (" 100% ", Threshold::Percent(100)),
        ("20d", Threshold::Seconds(20 * DAY)),
        ("36h", Threshold::Seconds(36 * 3_600)),
        ("0d", Threshold::Seconds(0)),
    ] {
        assert_eq!(text.parse(), Ok(read), "{text}");
    }
    for text in ["", "%", "30", "d", "-3d", "1.5d", "30 d", "3w", "30%d", "٣d", "+3d", "30％"] {
        let error = text.parse::<Threshold>().unwrap_err();
        assert!(error.to_string().contains("`30%`"), "{text}: {error}");
    }
    for text in ["101%", "256%", "99999999999999999999d", "36501d"] {
        assert!(matches!(text.parse::<Threshold>(), Err(PolicyError::TooMuch(_))), "{text}");
    }
    assert_eq!(Threshold::Seconds(36 * 3_600).to_string(), "36h");
    assert_eq!(Threshold::Seconds(20 * DAY).to_string(), "20d");
}

/// Row 13 of the edge cases: a valid certificate called expired, by a wrong sign.
#[test]
fn edge_case_13_the_last_and_the_first_second_are_valid() {
    let policy = HOUSE.named();
    let leaf = Recipe::leaf(&["api.example.com"]).lives(NOW, NOW + 90 * DAY - 1);
    let material = file(&HOUSE.chain(&leaf));
    let code = |second: i64, code: &str| severity(&judge(&material, &policy, at(second)), code);
    assert_eq!(code(NOW - 1, "SRE-TLS-003"), Some(Severity::Error));
    assert_eq!(code(NOW, "SRE-TLS-003"), None);
    assert_eq!(code(NOW + 1, "SRE-TLS-003"), None);
    let last = NOW + 90 * DAY - 1;
    assert_eq!(code(last - 1, "SRE-TLS-001"), None);
    assert_eq!(code(last, "SRE-TLS-001"), None);
    assert_eq!(code(last, "SRE-TLS-002"), Some(Severity::Error));
    assert_eq!(code(last + 1, "SRE-TLS-001"), Some(Severity::Error));
    assert_eq!(code(last + 1, "SRE-TLS-002"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. For any lifetime and any moment of it
    /// the verdict is the rule's.
    #[test]
    fn the_verdict_is_the_rule(
        lifetime in prop_oneof![prop::sample::select(&LIFETIMES[..]), 3_600..4_000 * DAY],
        share in 0.0..1.1_f64,
        first in 86_400..3_000_000_000_i64,
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
        let now = first + (lifetime as f64 * share) as i64;
        let left = first + lifetime - 1 - now;
        prop_assert_eq!(status(first, lifetime, now, &HOUSE.named()), expected(left, lifetime));
    }

    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. A certificate never gets better by
    /// waiting.
    #[test]
    fn later_is_never_better(
        lifetime in prop::sample::select(&LIFETIMES[..]),
        moments in prop::collection::vec(0..4_000 * DAY, 2..6),
        warn in 1..=100_u8,
        critical in 0..=100_u8,
    ) {
        let (warn, critical) = (warn.max(critical), warn.min(critical));
        let policy = HOUSE.named()
            .thresholds(Some(Threshold::Percent(warn)), Some(Threshold::Percent(critical)))
            .unwrap();
        let mut moments = moments;
        moments.sort_unstable();
        let first = NOW - lifetime / 3;
        let leaf = Recipe::leaf(&["api.example.com"]).lives(first, first + lifetime - 1);
        let material = file(&HOUSE.chain(&leaf));
        let seen: Vec<Status> =
            moments.iter().map(|moment| judge(&material, &policy, at(first + moment)).status).collect();
        prop_assert!(seen.is_sorted(), "{seen:?} at {moments:?}");
    }
}
