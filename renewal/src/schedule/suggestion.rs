//! What an authority suggests (RFC 9773): a window, of which one moment is drawn once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An authority is asked again no sooner and no later than this, whatever it says (RFC 9773, section 4.3.2).
const SOONEST: SignedDuration = SignedDuration::from_mins(1);
const LATEST: SignedDuration = SignedDuration::from_hours(24);

/// When a certificate should be renewed, by its authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment.
    pub start: Timestamp,
    /// The last moment.
    pub end: Timestamp,
}

/// What an authority suggested for one certificate, with the moment that was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The serial number of the certificate.
    pub serial: String,
    /// The window.
    pub window: Window,
    /// The moment in it that this host took.
    pub drawn: Timestamp,
    /// The authority is not asked before this.
    pub ask_again: Timestamp,
}

impl Suggestion {
    /// Takes an answer in. The moment is drawn once for a window, else many looks would all lead to its beginning;
    /// `chance` is a number from 0 up to 1. A window that ends before it begins is none.
    pub fn taken(
        earlier: Option<&Self>,
        serial: &str,
        window: Window,
        ask_again_after: SignedDuration,
        chance: f64,
        now: Timestamp,
    ) -> Option<Self> {
        let width = window.end.duration_since(window.start);
        if width.is_negative() {
            return None;
        }
        let ask_again = now.saturating_add(ask_again_after.clamp(SOONEST, LATEST)).unwrap_or(Timestamp::MAX);
        let same = earlier.filter(|earlier| earlier.serial == serial && earlier.window == window);
        let drawn = if let Some(earlier) = same {
            earlier.drawn
        } else {
            let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.0 };
            let into = SignedDuration::try_from_secs_f64(width.as_secs_f64() * chance).unwrap_or_default();
            window.start.saturating_add(into).unwrap_or(window.end).min(window.end)
        };
        Some(Self { serial: serial.to_owned(), window, drawn, ask_again })
    }

    /// When it is due by it. A window that has passed was long ago, so that is now.
    pub fn moment(&self) -> Timestamp {
        self.drawn
    }
}
