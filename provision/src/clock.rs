//! Time and chance come in from outside, so that a run can be repeated exactly.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time for journals, events and reports.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// Chance, for jitter and lineages.
pub struct Entropy(Mutex<fastrand::Rng>);

impl Entropy {
    /// The same seed gives the same sequence.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Between half of `most` and `most`: spreads clients without ever retrying at once.
    pub fn jitter(&self, most: Duration) -> Duration {
        let share = self.with(|rng| 0.5 + rng.f64() / 2.0);
        most.mul_f64(share)
    }

    /// 32 lower-case hexadecimal digits.
    pub fn lineage(&self) -> String {
        self.with(|rng| format!("{:032x}", rng.u128(..)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        let mut rng = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        draw(&mut rng)
    }
}
