//! When a certificate is asked for: a function of what is there, what was tried and what the authority suggests.

mod suggestion;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::pair::Leaf;
use crate::state::{RenewalState, Wanted};

pub use suggestion::{Suggestion, Window};

/// Below this lifetime half of it must be left, since a third would be too short to notice a failure in.
const SHORT_LIVED: SignedDuration = SignedDuration::from_hours(10 * 24);
/// Between two tries, whatever the reason: an authority that shortens lifetimes to minutes makes no loop.
const SPACING: SignedDuration = SignedDuration::from_mins(10);
/// The longest that is waited after failures that say nothing themselves.
const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_hours(12);
/// The longest that an authority can make this host wait: the usual limits are by the week.
const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(8 * 24);
/// The clock may be corrected by this much between two runs without anybody being told.
const CORRECTION: SignedDuration = SignedDuration::from_mins(5);
/// After a renewal that the authority suggested, its next suggestion counts at the latest from this age on.
const SUGGESTED_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Why a certificate is asked for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The operator says so.
    Forced,
    /// There is no pair, or none that can be used.
    NoPair,
    /// There is only the one that lets the proxy start.
    Placeholder,
    /// It names itself as its issuer.
    SelfSigned,
    /// Clients use a name that is not in it.
    Names,
    /// It came from another authority than the one that is configured, or is of another profile.
    Authority,
    /// Its last second has passed.
    Expired,
    /// The authority suggests it.
    Suggested,
    /// A third of its lifetime is left, or half where that is under ten days.
    LifeLeft,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Ask for a certificate.
    Due(Reason),
    /// It would be due, but not before this moment: what failed is not tried at once again.
    Wait {
        /// Why it would be due.
        reason: Reason,
        /// The next try.
        until: Timestamp,
    },
    /// It is good until then.
    Fresh {
        /// When it will be due, as far as is known now.
        due: Timestamp,
        /// Whether the authority suggested that moment.
        is_suggested: bool,
    },
    /// It is not valid yet, so this machine's clock is behind.
    NotYet {
        /// Its first second.
        not_before: Timestamp,
    },
}

/// What the decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The certificate that is served; none where there is no usable pair.
    pub live: Option<&'a Leaf>,
    /// What the configuration asks for.
    pub wanted: &'a Wanted,
    /// What earlier runs left.
    pub state: &'a RenewalState,
    /// Whether the operator wants it whatever the rest says.
    pub is_forced: bool,
    /// Now.
    pub now: Timestamp,
}

/// Decides. At most one try a run follows from it.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let Facts { live, wanted, state, is_forced, now } = *facts;
    if is_forced {
        return Decision::Due(Reason::Forced);
    }
    let reason = match due_now(live, wanted, state, now) {
        Ok(reason) => reason,
        Err(decision) => return decision,
    };
    let mut until = state.next_try.filter(|_| state.wanted.as_ref() == Some(wanted));
    if matches!(reason, Reason::LifeLeft | Reason::Suggested | Reason::Expired)
        && let Some(leaf) = live
        && let Some(tried) = state.last_try
    {
        let spacing = match reason {
            // The one before was renewed for the same reason: an authority that always says "now" makes no loop.
            Reason::Suggested if was_suggested(state, leaf) => {
                SPACING.max(SUGGESTED_AGAIN.min(share(leaf, 10)))
            }
            _ => SPACING,
        };
        until = until.max(Some(after(tried, spacing)));
    }
    // What lies further ahead than any wait was written by a clock that was wrong.
    let longest = after(now, LONGEST_RETRY_AFTER);
    match until {
        Some(until) if until > now && until <= longest => Decision::Wait { reason, until },
        _ => Decision::Due(reason),
    }
}

fn was_suggested(state: &RenewalState, leaf: &Leaf) -> bool {
    state.obtained.as_ref().is_some_and(|obtained| obtained.serial == leaf.serial && obtained.is_suggested)
}

/// Why it is due, or that it is not.
fn due_now(
    live: Option<&Leaf>,
    wanted: &Wanted,
    state: &RenewalState,
    now: Timestamp,
) -> Result<Reason, Decision> {
    let Some(leaf) = live else { return Ok(Reason::NoPair) };
    if leaf.is_placeholder {
        return Ok(Reason::Placeholder);
    }
    if leaf.is_self_signed {
        return Ok(Reason::SelfSigned);
    }
    if !leaf.missing(&wanted.names).is_empty() {
        return Ok(Reason::Names);
    }
    let origin = state.obtained.as_ref().filter(|obtained| obtained.serial == leaf.serial);
    if origin.is_some_and(|origin| !origin.is_of(wanted)) {
        return Ok(Reason::Authority);
    }
    if now > leaf.not_after {
        return Ok(Reason::Expired);
    }
    if now < leaf.not_before {
        return Err(Decision::NotYet { not_before: leaf.not_before });
    }
    let suggested = state.suggestion.as_ref().filter(|suggestion| suggestion.serial == leaf.serial);
    let (due, is_suggested) = match suggested {
        // The authority may say later than the rule, but only half-way to the end: a window that it got wrong, or
        // that nobody keeps, must not let the certificate run out.
        Some(suggestion) => (suggestion.moment().min(halved(leaf)), true),
        None => (due_by_rule(leaf), false),
    };
    match (now >= due, is_suggested) {
        (true, true) => Ok(Reason::Suggested),
        (true, false) => Ok(Reason::LifeLeft),
        (false, _) => Err(Decision::Fresh { due, is_suggested }),
    }
}

/// When it is due where the authority suggests nothing: a third of the lifetime before its end, half where that is
/// under ten days.
pub fn due_by_rule(leaf: &Leaf) -> Timestamp {
    before(leaf.not_after, share(leaf, if lifetime(leaf) < SHORT_LIVED { 2 } else { 3 }))
}

/// Half-way between that and the end.
fn halved(leaf: &Leaf) -> Timestamp {
    before(leaf.not_after, share(leaf, if lifetime(leaf) < SHORT_LIVED { 4 } else { 6 }))
}

/// The last second counts (RFC 5280, section 4.1.2.5).
fn lifetime(leaf: &Leaf) -> SignedDuration {
    leaf.not_after.duration_since(leaf.not_before).saturating_add(SignedDuration::from_secs(1))
}

fn share(leaf: &Leaf, parts: i32) -> SignedDuration {
    lifetime(leaf).checked_div(parts).unwrap_or_default()
}

/// When the next try may be, after so many failures in a row, each of which doubles the wait: from ten minutes to
/// half a day, but no more than a quarter of what is left of the certificate. What the authority says counts more.
pub fn next_try(
    failures: u32,
    retry_after: Option<SignedDuration>,
    live: Option<&Leaf>,
    now: Timestamp,
) -> Timestamp {
    let doubled = 1_i32.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(i32::MAX);
    let mut wait = SPACING.checked_mul(doubled).unwrap_or(LONGEST_BACK_OFF).min(LONGEST_BACK_OFF);
    if let Some(leaf) = live.filter(|leaf| !leaf.is_placeholder && leaf.not_after > now) {
        let quarter = leaf.not_after.duration_since(now).checked_div(4).unwrap_or_default();
        wait = wait.min(quarter.max(SPACING));
    }
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    after(now, wait.max(asked))
}

/// Whether the clock was set back since the last run.
pub fn went_back(state: &RenewalState, now: Timestamp) -> Option<Timestamp> {
    state.last_run.filter(|last| *last > after(now, CORRECTION))
}

fn after(moment: Timestamp, wait: SignedDuration) -> Timestamp {
    moment.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn before(moment: Timestamp, earlier: SignedDuration) -> Timestamp {
    moment.saturating_sub(earlier).unwrap_or(Timestamp::MIN)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forced => "it was asked for",
            Self::NoPair => "there is no usable pair",
            Self::Placeholder => "there is only a placeholder",
            Self::SelfSigned => "the certificate is self-signed",
            Self::Names => "the certificate lacks a name that is configured",
            Self::Authority => "the certificate is of another authority or profile than the configured one",
            Self::Expired => "the certificate has ended",
            Self::Suggested => "the authority suggests to renew now",
            Self::LifeLeft => "little of its lifetime is left",
        })
    }
}
