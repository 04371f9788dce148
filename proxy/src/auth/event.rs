//! Refusals as lines of the security log, and as the challenge that RFC 6750 wants beside a 401 or 403.

use std::{fmt::Write as _, net::IpAddr};

use http::{HeaderValue, StatusCode};

use super::{Caller, Denial, SecurityEvent, reason::Reason};

/// More of a fact than this says nothing to whoever reads the log.
const FACT_CHARS: usize = 128;

/// The beginning of a text, as a fact.
pub(super) fn fact(text: &str) -> String {
    text.chars().take(FACT_CHARS).collect()
}

/// `failregex` for fail2ban, to be put below `[Definition]`. It counts credentials that no honest client sends; an
/// expired token, a missing one or an issuer that is down is nobody's attack. fail2ban finds the time in the line by
/// itself and cuts it out before it matches. Good for both formats of the log.
///
/// ```ini
/// [Definition]
/// failregex = ^(?:\{"timestamp":"[^"]*","level":"WARN","message":"|\S*\s+WARN security: )security event=authn_login_fail reason=(?:...) peer=<HOST> request=
/// ```
///
/// It is anchored, and values are percent-encoded, so no token can put ` peer=` into a line.
pub const FAIL2BAN_FAILREGEX: &str = r#"^(?:\{"timestamp":"[^"]*","level":"WARN","message":"|\S*\s+WARN security: )security event=authn_login_fail reason=(?:bad_header|too_large|unknown_key|malformed|bad_algorithm|critical_header|wrong_type|missing_kid|unknown_kid|wrong_issuer|bad_signature|missing_exp|missing_sub) peer=<HOST> request="#;

impl SecurityEvent {
    /// A request that a limit refused; `which` is `requests`, `tokens` or `concurrent_requests`.
    pub fn limit_exceeded(which: &'static str, caller: &Caller) -> Self {
        Self {
            name: "excess_rate_limit_exceeded",
            reason: which,
            facts: vec![("caller", caller.id.as_ref().to_owned())],
        }
    }

    /// Input that a client of good will does not send, such as a body that is no JSON; `reason` is a word of the
    /// program, never text of the client.
    pub fn input_refused(reason: &'static str) -> Self {
        Self { name: "input_validation_fail", reason, facts: Vec::new() }
    }

    /// The text of a line of the log, members always in this order:
    ///
    /// ```text
    /// security event=authn_login_fail reason=unknown_kid peer=203.0.113.7 request=req-1 kid=abc
    /// ```
    ///
    /// Facts are cut to 128 characters; whatever is not a letter, a digit or one of `-._~:/@+` is percent-encoded.
    /// A peer that came as an IPv4-mapped IPv6 address is written as IPv4, which is what a firewall has to block.
    pub fn line(&self, peer: IpAddr, request_id: &str) -> String {
        let mut line = String::with_capacity(192);
        // Writing into a string cannot fail.
        let _ = write!(
            line,
            "security event={} reason={} peer={} request=",
            self.name,
            self.reason,
            peer.to_canonical()
        );
        escape(&mut line, request_id);
        for (name, value) in &self.facts {
            let _ = write!(line, " {name}=");
            escape(&mut line, value);
        }
        line
    }
}

/// Appends the beginning of a text in a form that holds no blank, no `=` and nothing that a terminal obeys.
fn escape(line: &mut String, text: &str) {
    for character in text.chars().take(FACT_CHARS) {
        if character.is_ascii_alphanumeric() || "-._~:/@+".contains(character) {
            line.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(line, "%{byte:02X}");
            }
        }
    }
}

impl Denial {
    /// A refusal with these facts.
    pub(super) fn new(reason: Reason, facts: Vec<(&'static str, String)>) -> Self {
        Self {
            error: reason.error(),
            event: SecurityEvent { name: reason.event(), reason: reason.as_str(), facts },
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
