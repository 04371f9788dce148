//! The moments at which a certificate becomes due, from both sides, and that nothing makes a loop.
#![expect(clippy::arithmetic_side_effects, reason = "seconds of a test are small")]

use proptest::prelude::*;

use super::*;
use crate::state::Obtained;
use crate::testing::moment;

const DAY: i64 = 86_400;

fn leaf(lifetime: i64) -> Leaf {
    Leaf {
        names: vec!["api.example.com".to_owned()],
        not_before: moment(0),
        // The last second counts.
        not_after: moment(lifetime - 1),
        serial: "0a".to_owned(),
        issuer: "CN=an authority".to_owned(),
        is_self_signed: false,
        is_placeholder: false,
        der: Vec::new(),
    }
}

fn wanted() -> Wanted {
    Wanted {
        names: vec!["api.example.com".to_owned()],
        directory: "https://ca.example.com/directory".to_owned(),
        profile: None,
    }
}

fn at(live: Option<&Leaf>, state: &RenewalState, now: Timestamp) -> Decision {
    decide(&Facts { live, wanted: &wanted(), state, is_forced: false, now })
}

fn fresh(live: &Leaf, now: i64) -> Decision {
    at(Some(live), &RenewalState::default(), moment(now))
}

fn suggested(start: i64, end: i64, chance: f64) -> RenewalState {
    let window = Window { start: moment(start), end: moment(end) };
    let six_hours = SignedDuration::from_hours(6);
    let suggestion = Suggestion::taken(None, "0a", window, six_hours, chance, moment(0));
    RenewalState { suggestion, ..RenewalState::default() }
}

#[test]
fn a_third_of_the_lifetime_or_half_of_a_short_one() {
    // Lifetimes of the authorities of today and tomorrow, and the second at which each is due.
    for (lifetime, due) in [
        (90 * DAY, 60 * DAY - 1),
        (45 * DAY, 30 * DAY - 1),
        (198 * DAY, 132 * DAY - 1),
        (10 * DAY, 10 * DAY - 1 - 10 * DAY / 3),
        (160 * 3_600, 80 * 3_600 - 1),
        (6 * DAY, 3 * DAY - 1),
        (300, 149),
    ] {
        let leaf = leaf(lifetime);
        assert_eq!(fresh(&leaf, due), Decision::Due(Reason::LifeLeft), "{lifetime}");
        let before = fresh(&leaf, due - 1);
        assert_eq!(before, Decision::Fresh { due: moment(due), is_suggested: false }, "{lifetime}");
    }
    // One second under ten days is short-lived.
    let due = due_by_rule(&leaf(10 * DAY - 1));
    assert!((moment(432_000 - 2)..=moment(432_000)).contains(&due), "{due}");
}

#[test]
fn what_cannot_be_served_is_due_at_once() {
    let good = leaf(90 * DAY);
    let other = Leaf { names: vec!["www.example.com".to_owned()], ..good.clone() };
    let placeholder = Leaf { is_placeholder: true, is_self_signed: true, ..good.clone() };
    let own = Leaf { is_self_signed: true, ..good.clone() };
    let state = RenewalState::default();
    for (live, reason) in [
        (None, Reason::NoPair),
        (Some(&placeholder), Reason::Placeholder),
        (Some(&own), Reason::SelfSigned),
        (Some(&other), Reason::Names),
    ] {
        assert_eq!(at(live, &state, moment(1)), Decision::Due(reason));
    }
    assert_eq!(fresh(&good, 90 * DAY - 1), Decision::Due(Reason::LifeLeft));
    assert_eq!(fresh(&good, 90 * DAY), Decision::Due(Reason::Expired));
    let obtained = |directory: &str, serial: &str| RenewalState {
        obtained: Some(Obtained {
            serial: serial.to_owned(),
            directory: directory.to_owned(),
            profile: None,
            is_suggested: false,
        }),
        ..RenewalState::default()
    };
    let staging = obtained("https://staging.example.com/directory", "0a");
    assert_eq!(at(Some(&good), &staging, moment(1)), Decision::Due(Reason::Authority));
    // Of another certificate it says nothing.
    let old = obtained("https://staging.example.com/directory", "0b");
    assert!(matches!(at(Some(&good), &old, moment(1)), Decision::Fresh { .. }));
}

#[test]
fn a_wildcard_covers_one_label() {
    let wild = Leaf { names: vec!["*.example.com".to_owned()], ..leaf(DAY) };
    assert!(wild.covers("api.example.com") && wild.covers("API.example.com"));
    assert!(!wild.covers("example.com") && !wild.covers("a.b.example.com") && !wild.covers("com"));
}

#[test]
fn a_clock_that_is_behind_is_said() {
    let leaf = leaf(90 * DAY);
    assert_eq!(fresh(&leaf, -1), Decision::NotYet { not_before: moment(0) });
    assert!(matches!(fresh(&leaf, 0), Decision::Fresh { .. }));
    let state = RenewalState { last_run: Some(moment(1_000)), ..RenewalState::default() };
    assert_eq!(went_back(&state, moment(699)), Some(moment(1_000)));
    assert_eq!(went_back(&state, moment(700)), None);
    assert_eq!(went_back(&RenewalState::default(), moment(0)), None);
}

#[test]
fn what_a_wrong_clock_wrote_holds_nothing_up() {
    let leaf = leaf(90 * DAY);
    let mut state = RenewalState::default();
    state.begin(&wanted(), moment(5_000 * DAY));
    state.failed("SRE-CERT-010", None, None, moment(5_000 * DAY));
    assert_eq!(at(None, &state, moment(0)), Decision::Due(Reason::NoPair));
    assert_eq!(at(Some(&leaf), &state, moment(61 * DAY)), Decision::Due(Reason::LifeLeft));
}

#[test]
fn a_suggestion_counts_before_the_rule_and_half_way_after_it() {
    let leaf = leaf(90 * DAY);
    // Earlier: a revocation is near.
    let early = suggested(10 * DAY, 12 * DAY, 0.5);
    assert!(matches!(
        at(Some(&leaf), &early, moment(11 * DAY - 1)),
        Decision::Fresh { is_suggested: true, .. }
    ));
    assert_eq!(at(Some(&leaf), &early, moment(11 * DAY)), Decision::Due(Reason::Suggested));
    // A window that has passed is now.
    assert_eq!(at(Some(&leaf), &suggested(-9, -3, 0.5), moment(0)), Decision::Due(Reason::Suggested));
    // Later than the rule.
    let late = suggested(70 * DAY, 72 * DAY, 0.0);
    assert!(matches!(at(Some(&leaf), &late, moment(69 * DAY)), Decision::Fresh { .. }));
    assert_eq!(at(Some(&leaf), &late, moment(70 * DAY)), Decision::Due(Reason::Suggested));
    // Later than the end: half-way from the rule to the end.
    let never = suggested(500 * DAY, 900 * DAY, 0.5);
    assert!(matches!(at(Some(&leaf), &never, moment(75 * DAY - 2)), Decision::Fresh { .. }));
    assert_eq!(at(Some(&leaf), &never, moment(75 * DAY)), Decision::Due(Reason::Suggested));
    // A window that ends before it begins is none, and that of another certificate neither.
    assert_eq!(suggested(20, 10, 0.5).suggestion, None);
    let mut other = suggested(-9, -3, 0.5);
    other.suggestion.as_mut().unwrap().serial = "0b".to_owned();
    assert!(matches!(at(Some(&leaf), &other, moment(0)), Decision::Fresh { is_suggested: false, .. }));
}

#[test]
fn the_moment_of_a_window_is_drawn_once() {
    let window = Window { start: moment(0), end: moment(1_000) };
    let hour = SignedDuration::from_hours(1);
    let take = |earlier: Option<&Suggestion>, window, chance| {
        Suggestion::taken(earlier, "0a", window, hour, chance, moment(0)).unwrap()
    };
    let first = take(None, window, 0.9);
    assert_eq!(first.drawn, moment(900));
    assert_eq!(take(Some(&first), window, 0.1).drawn, moment(900));
    let moved = Window { start: moment(0), end: moment(2_000) };
    assert_eq!(take(Some(&first), moved, 0.1).drawn, moment(200));
}

#[test]
fn a_failure_is_forgotten_where_something_else_is_wanted() {
    let mut state = RenewalState::default();
    let other = Wanted { names: vec!["old.example.com".to_owned()], ..wanted() };
    state.begin(&other, moment(0));
    state.failed("SRE-CERT-012", Some(SignedDuration::from_hours(100)), None, moment(0));
    assert_eq!(at(None, &state, moment(1)), Decision::Due(Reason::NoPair));
    state.begin(&wanted(), moment(1));
    assert_eq!((state.failures, state.last_failure.as_ref()), (0, None));
    assert!(matches!(at(None, &state, moment(2)), Decision::Wait { .. }));
}

#[test]
fn an_authority_that_shortens_lifetimes_makes_no_loop() {
    // Five minutes, and somebody who runs this every second for an hour.
    let mut state = RenewalState::default();
    let mut live = leaf(300);
    let mut tries = 0;
    for now in (0..3_600).map(moment) {
        if let Decision::Due(reason) = at(Some(&live), &state, now) {
            state.begin(&wanted(), now);
            tries += 1;
            let serial = format!("{tries:04x}");
            live = Leaf {
                not_before: now,
                not_after: after(now, SignedDuration::from_secs(299)),
                serial,
                ..live
            };
            state.succeeded(&live, &wanted(), reason);
        }
    }
    // Once in ten minutes, although each ended after five.
    assert!((6..=7).contains(&tries), "{tries}");
}

#[test]
fn an_authority_that_always_suggests_now_makes_no_loop() {
    let mut state = RenewalState::default();
    let mut live = leaf(90 * DAY);
    let mut tries = 0;
    for hour in 0..(10 * 24) {
        let now = moment(hour * 3_600);
        let window = Window { start: moment(-DAY), end: moment(-1) };
        state.suggestion = Suggestion::taken(None, &live.serial, window, SignedDuration::ZERO, 0.5, now);
        if let Decision::Due(reason) = at(Some(&live), &state, now) {
            state.begin(&wanted(), now);
            tries += 1;
            live = Leaf { not_before: now, serial: format!("{tries:04x}"), ..live };
            state.succeeded(&live, &wanted(), reason);
        }
    }
    assert!((8..=11).contains(&tries), "{tries}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Due exactly from the threshold on, for every lifetime; and always before the end.
    #[test]
    fn the_threshold_is_sharp(lifetime in 60_i64..400 * DAY, off in -3_i64..=3) {
        let leaf = leaf(lifetime);
        let due = due_by_rule(&leaf);
        prop_assert!(leaf.not_before <= due && due <= leaf.not_after);
        let left = leaf.not_after.duration_since(due).as_secs_f64();
        let share = if lifetime < 10 * DAY { 2.0 } else { 3.0 };
        #[expect(clippy::cast_precision_loss, reason = "a test compares to a second")]
        let expected = lifetime as f64 / share;
        prop_assert!((left - expected).abs() <= 1.0, "{} {}", left, expected);
        let now = after(due, SignedDuration::from_secs(off));
        let is_due = matches!(at(Some(&leaf), &RenewalState::default(), now), Decision::Due(_));
        prop_assert_eq!(is_due, off >= 0);
    }

    /// Whatever the authority suggests, a certificate is due before it ends, and never before the drawn moment unless
    /// the rule itself was cut short.
    #[test]
    fn no_suggestion_lets_a_certificate_run_out(
        lifetime in 600_i64..400 * DAY,
        start in -400 * DAY..800 * DAY,
        width in 0_i64..400 * DAY,
        chance in 0.0_f64..1.0,
    ) {
        let leaf = leaf(lifetime);
        let state = suggested(start, start + width, chance);
        let drawn = state.suggestion.as_ref().unwrap().drawn;
        prop_assert!(drawn >= moment(start) && drawn <= moment(start + width));
        let last = before(leaf.not_after, share(&leaf, 10));
        prop_assert!(matches!(at(Some(&leaf), &state, last), Decision::Due(Reason::Suggested)));
        if let Decision::Due(_) = at(Some(&leaf), &state, moment(1)) {
            prop_assert!(drawn <= moment(1));
        }
    }

    /// The wait grows with the failures, stays between ten minutes and half a day, obeys the authority up to its
    /// bound, and leaves time before the certificate ends.
    #[test]
    fn waits_are_bounded(
        failures in 1_u32..100,
        asked in proptest::option::of(0_i64..40 * DAY),
        left in proptest::option::of(1_i64..90 * DAY),
    ) {
        let now = moment(0);
        let live = left.map(|left| Leaf { not_after: moment(left), ..leaf(90 * DAY) });
        let wait = |failures, asked: Option<i64>, live: Option<&Leaf>| {
            next_try(failures, asked.map(SignedDuration::from_secs), live, now).duration_since(now)
        };
        let plain = wait(failures, None, live.as_ref());
        prop_assert!(plain >= SPACING && plain <= LONGEST_BACK_OFF);
        prop_assert!(wait(failures + 1, None, live.as_ref()) >= plain);
        if let Some(left) = left.filter(|left| *left > 3_600) {
            prop_assert!(plain.as_secs() <= left / 4 + 1);
        }
        let total = wait(failures, asked, live.as_ref());
        let asked = asked.map(SignedDuration::from_secs).unwrap_or_default().min(LONGEST_RETRY_AFTER);
        prop_assert_eq!(total, plain.max(asked));
    }

    /// After a failure nothing is tried before the next try, everything after it.
    #[test]
    fn a_failure_is_waited_out(failures in 1_u32..20, off in 0_i64..20 * DAY) {
        let mut state = RenewalState::default();
        state.begin(&wanted(), moment(0));
        for _ in 0..failures {
            state.failed("SRE-CERT-010", None, None, moment(0));
        }
        let next = state.next_try.unwrap();
        let now = moment(off);
        let expected = if now < next {
            Decision::Wait { reason: Reason::NoPair, until: next }
        } else {
            Decision::Due(Reason::NoPair)
        };
        prop_assert_eq!(at(None, &state, now), expected);
        let forced = decide(&Facts { live: None, wanted: &wanted(), state: &state, is_forced: true, now });
        prop_assert_eq!(forced, Decision::Due(Reason::Forced));
    }

    /// The state survives its file.
    #[test]
    fn the_state_survives_its_file(failures in any::<u32>(), seconds in 0_i64..9_000 * DAY) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("renewal.json");
        prop_assert_eq!(RenewalState::read(&path).unwrap(), None);
        let mut state = suggested(seconds, seconds + 5, 0.3);
        state.begin(&wanted(), moment(seconds));
        state.failures = failures;
        state.write(&crate::disk::RealDisk, &path).unwrap();
        prop_assert_eq!(RenewalState::read(&path).unwrap(), Some(state));
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        prop_assert!(RenewalState::read(&path).is_err());
    }
}
