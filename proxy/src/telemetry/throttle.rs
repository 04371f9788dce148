//! Lets a few of many alike through.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// So many of them are told of in one minute.
const MOST_A_MINUTE: u32 = 20;

/// Counts what was told in the minute that runs.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<(i64, u32)>);

impl Throttle {
    /// Whether this one is told of; counts it if so.
    pub(super) fn may_tell(&self, now: Timestamp) -> bool {
        const MINUTE: i64 = 60;
        let minute = now.as_second().div_euclid(MINUTE);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0 != minute {
            *told = (minute, 0);
        }
        let may = told.1 < MOST_A_MINUTE;
        told.1 = told.1.saturating_add(u32::from(may));
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_share_and_the_next_one_too() {
        let throttle = Throttle::default();
        for minute in [0, 1, 7] {
            let at = |second: i64| Timestamp::from_second(minute * 60 + second).unwrap();
            let told = (0..50).filter(|second| throttle.may_tell(at(*second))).count();
            assert_eq!(told, MOST_A_MINUTE as usize);
        }
    }
}
