//! Refusals as security events, and as the challenge that RFC 6750 wants beside a 401 or 403.

use std::net::IpAddr;

use http::{HeaderValue, StatusCode};
use model::security::{Event, Kind};

use super::{Caller, Denial, SecurityEvent, reason::Reason};

/// More of a fact than this says nothing to whoever reads the log.
const FACT_CHARS: usize = 128;

/// The beginning of a text, as a fact.
pub(super) fn fact(text: &str) -> String {
    text.chars().take(FACT_CHARS).collect()
}

impl SecurityEvent {
    /// A request that a limit refused; `which` is `requests`, `tokens` or `concurrent_requests`.
    pub fn limit_exceeded(which: &'static str, caller: &Caller) -> Self {
        Self {
            kind: Kind::ExcessRateLimitExceeded,
            reason: which,
            facts: vec![("caller", caller.id.as_ref().to_owned())],
        }
    }

    /// Input that a client of good will does not send, such as a body that is no JSON; `reason` is a word of the
    /// program, never text of the client.
    pub fn input_refused(reason: &'static str) -> Self {
        Self { kind: Kind::InputValidationFail, reason, facts: Vec::new() }
    }

    /// The event with where it came from. A peer that came as an IPv4-mapped IPv6 address is written as IPv4, which is what
    /// a firewall has to block.
    ///
    /// fail2ban reads the line of it: reason, address and request come first, in this order, and are ours.
    pub fn event(&self, peer: IpAddr, request_id: &str) -> Event {
        let event = Event::new(self.kind)
            .with("reason", self.reason)
            .with("peer", peer.to_canonical())
            .with("request", request_id);
        self.facts.iter().fold(event, |event, (name, value)| event.with(name, value))
    }
}

impl Denial {
    /// A refusal with these facts.
    pub(super) fn new(reason: Reason, facts: Vec<(&'static str, String)>) -> Self {
        Self {
            error: reason.error(),
            event: SecurityEvent { kind: reason.event(), reason: reason.as_str(), facts },
        }
    }

    /// The value of `WWW-Authenticate` for this refusal, RFC 6750 section 3; nothing for a 503.
    ///
    /// Without a credential it carries no error code (section 3.1).
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        match (self.error.status, self.event.reason) {
            (StatusCode::UNAUTHORIZED, "missing_credential") => Some(HeaderValue::from_static("Bearer")),
            (StatusCode::UNAUTHORIZED, _) => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
            (StatusCode::FORBIDDEN, _) => Some(self.scope_challenge()),
            _ => None,
        }
    }

    fn scope_challenge(&self) -> HeaderValue {
        let plain = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
        let scopes = self.event.facts.iter().find(|(name, _)| *name == "required_scopes");
        match scopes {
            // A scope has neither quotes nor backslashes (RFC 6749 section 3.3); one that does is not quoted here.
            Some((_, scopes)) if !scopes.contains(['"', '\\']) => {
                HeaderValue::try_from(format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\""))
                    .unwrap_or(plain)
            }
            _ => plain,
        }
    }
}
