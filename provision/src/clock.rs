//! Time, chance and secrets come in from outside, so that a run can be repeated exactly.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use model::Secret;

use crate::error::StepError;

/// Tells the time for journals, events and reports.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// What makes secrets: fills the bytes from a cryptographic source, or says that it cannot.
pub type SecretSource = Box<dyn Fn(&mut [u8]) -> bool + Send + Sync>;

/// Chance: for jitter and lineages, which may be guessed, and for secrets, which may not.
pub struct Entropy {
    rng: Mutex<fastrand::Rng>,
    secrets: SecretSource,
}

impl Entropy {
    /// The seed is for what may be guessed.
    pub fn new(seed: u64, secrets: SecretSource) -> Self {
        Self { rng: Mutex::new(fastrand::Rng::with_seed(seed)), secrets }
    }

    /// The same seed gives the same sequence, of secrets as well: nothing for a real account.
    pub fn seeded(seed: u64) -> Self {
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        let fill = move |bytes: &mut [u8]| {
            rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill(bytes);
            true
        };
        Self::new(seed, Box::new(fill))
    }

    /// A key of 256 bits as 64 hexadecimal digits.
    pub(crate) fn api_key(&self) -> Result<Secret<String>, StepError> {
        let mut bytes = [0_u8; 32];
        if !(self.secrets)(&mut bytes) {
            return Err(StepError::Bug("the operating system gives no random bytes".to_owned()));
        }
        Ok(Secret::new(model::hex::encode(&bytes)))
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
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        draw(&mut rng)
    }
}
