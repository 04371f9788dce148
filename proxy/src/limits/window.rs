//! A sliding window that admits no more than a limit in any span of its length. Pure arithmetic.
//!
//! Time is cut into 60 aligned pieces a window. What was taken counts until its piece lies a whole window back, so at
//! most one piece longer than the window itself: a plain token bucket would let twice its size through in one window,
//! two weighted buckets would guess. Only pieces in which something was taken are kept, so a caller costs what they use.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

/// Pieces of a window.
const PIECES: u64 = 60;

/// One minute.
pub(super) const MINUTE: Length = Length { piece_ms: 1_000 };

/// One hour.
pub(super) const HOUR: Length = Length { piece_ms: 60_000 };

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    piece_ms: u64,
}

impl Length {
    fn piece_of(self, now_ms: u64) -> u64 {
        now_ms.checked_div(self.piece_ms).unwrap_or_default()
    }

    /// When what was taken in a piece counts no more.
    fn end_ms(self, piece: u64) -> u64 {
        piece.saturating_add(PIECES).saturating_add(1).saturating_mul(self.piece_ms)
    }
}

/// What was taken, by piece, oldest first; and all of it together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    pieces: VecDeque<(u64, u64)>,
    total: u64,
}

impl Window {
    /// What counts now.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Forgets what lies a window back. A clock that was set back by more than a window empties it, since what is
    /// written down for the far future would else never end; a smaller step is waited out in [`Window::take`].
    pub(super) fn slide(&mut self, length: Length, now_ms: u64) {
        let current = length.piece_of(now_ms);
        if self.pieces.back().is_some_and(|(piece, _)| *piece > current.saturating_add(PIECES)) {
            self.pieces.clear();
            self.total = 0;
        }
        while let Some((piece, amount)) = self.pieces.front().copied() {
            if piece.saturating_add(PIECES) >= current {
                break;
            }
            self.total = self.total.saturating_sub(amount);
            self.pieces.pop_front();
        }
    }

    /// Writes down an amount. Returns the time under which it was written down, which is later than `now_ms` only where
    /// the clock was set back a little.
    pub(super) fn take(&mut self, length: Length, amount: u64, now_ms: u64) -> u64 {
        self.total = self.total.saturating_add(amount);
        let current = length.piece_of(now_ms);
        match self.pieces.back_mut() {
            Some((piece, taken)) if *piece >= current => {
                *taken = taken.saturating_add(amount);
                now_ms.max(piece.saturating_mul(length.piece_ms))
            }
            _ => {
                self.pieces.push_back((current, amount));
                now_ms
            }
        }
    }

    /// Replaces an amount that was taken at this time by another. What has slid out counts no more either way.
    pub(super) fn replace(&mut self, length: Length, at_ms: u64, before: u64, after: u64) {
        let piece = length.piece_of(at_ms);
        let found = self.pieces.binary_search_by_key(&piece, |(piece, _)| *piece);
        if let Some((_, taken)) = found.ok().and_then(|index| self.pieces.get_mut(index)) {
            *taken = taken.saturating_sub(before).saturating_add(after);
            self.total = self.total.saturating_sub(before).saturating_add(after);
        }
    }

    /// How long until all of it counts no more.
    pub(super) fn reset(&self, length: Length, now_ms: u64) -> Duration {
        let end = self.pieces.back().map_or(now_ms, |(piece, _)| length.end_ms(*piece));
        Duration::from_millis(end.saturating_sub(now_ms))
    }

    /// How long until at most `most` counts, if nothing else is taken. Zero where it is so already.
    pub(super) fn wait_for(&self, length: Length, most: u64, now_ms: u64) -> Duration {
        let mut left = self.total;
        for (piece, amount) in &self.pieces {
            if left <= most {
                break;
            }
            left = left.saturating_sub(*amount);
            if left <= most {
                return Duration::from_millis(length.end_ms(*piece).saturating_sub(now_ms));
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_taken_counts_for_the_whole_window_and_one_piece_more_at_most() {
        let mut window = Window::default();
        window.take(MINUTE, 3, 500);
        for (now, total) in [(500, 3), (60_500, 3), (60_999, 3), (61_000, 0)] {
            window.slide(MINUTE, now);
            assert_eq!(window.total(), total, "{now}");
        }
    }

    #[test]
    fn the_wait_ends_when_enough_has_slid_out() {
        let mut window = Window::default();
        window.take(MINUTE, 2, 0);
        window.take(MINUTE, 3, 10_000);
        assert_eq!(window.wait_for(MINUTE, 5, 10_000), Duration::ZERO);
        assert_eq!(window.wait_for(MINUTE, 4, 10_000), Duration::from_secs(51));
        assert_eq!(window.wait_for(MINUTE, 0, 10_000), Duration::from_secs(61));
        assert_eq!(window.reset(MINUTE, 10_000), Duration::from_secs(61));
    }

    #[test]
    fn a_clock_that_is_set_back_frees_nothing_and_locks_nobody_out_for_long() {
        let mut window = Window::default();
        window.take(MINUTE, 5, 100_000);
        window.slide(MINUTE, 95_000);
        assert_eq!(window.take(MINUTE, 1, 95_000), 100_000);
        window.replace(MINUTE, 100_000, 1, 0);
        assert_eq!(window.total(), 5);
        window.slide(MINUTE, 10_000);
        assert_eq!(window.total(), 0);
    }

    #[test]
    fn replacing_what_has_slid_out_changes_nothing() {
        let mut window = Window::default();
        window.take(HOUR, 100, 0);
        window.slide(HOUR, 4_000_000);
        window.take(HOUR, 7, 4_000_000);
        window.replace(HOUR, 0, 100, 5_000);
        assert_eq!(window.total(), 7);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_span_of_a_window_holds_more_than_the_limit(
            steps in prop::collection::vec((0_u64..20_000, 1_u64..8), 1..300),
            limit in 1_u64..40,
        ) {
            let (mut window, mut now, mut taken) = (Window::default(), 0, Vec::new());
            for (pause, amount) in steps {
                now += pause;
                window.slide(MINUTE, now);
                if window.total() + amount <= limit {
                    window.take(MINUTE, amount, now);
                    taken.push((now, amount));
                } else if amount <= limit {
                    // The announced wait is enough, and not a piece too long.
                    let wait = u64::try_from(window.wait_for(MINUTE, limit - amount, now).as_millis()).unwrap();
                    let mut later = window.clone();
                    later.slide(MINUTE, now + wait);
                    prop_assert!(later.total() + amount <= limit);
                    let mut sooner = window.clone();
                    sooner.slide(MINUTE, now + wait - 1);
                    prop_assert!(sooner.total() + amount > limit);
                }
            }
            for (start, _) in &taken {
                let within = taken.iter().filter(|(at, _)| (*start..*start + 60_000).contains(at));
                prop_assert!(within.map(|(_, amount)| amount).sum::<u64>() <= limit);
            }
        }
    }
}
