//! What is known of an HTTP exchange, to be judged.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;

/// How much of a text that a server sent is shown as evidence, characters.
const SHOWN_CHARS: usize = 200;

/// An answer, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body in the pieces in which it came; each with the time since the request was sent.
    pub(crate) pieces: Vec<(Duration, Vec<u8>)>,
    /// How the body ended.
    pub(crate) end: End,
    /// From the request to the head of the answer.
    pub(crate) head_after: Duration,
    /// From the request to the end.
    pub(crate) total: Duration,
}

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// As HTTP says that it has to.
    Whole,
    /// It is longer than what is read of it; bytes.
    TooLarge(usize),
    /// The connection broke; in the words of the system.
    Broken(String),
    /// It did not end in time.
    TimedOut(Duration),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// The name leads nowhere.
    Unresolved(String),
    /// No connection: refused, no route, reset.
    Unreachable(String),
    /// Nobody answered in time; what was waited for.
    TimedOut(String),
    /// The server showed a certificate that is not trusted for the name.
    Untrusted(String),
    /// There is no TLS to be had.
    Tls(String),
    /// What came was no HTTP, or the connection broke before the head of an answer was there.
    Broken(String),
}

/// What came of a request.
pub(crate) type Outcome = Result<Reply, NoReply>;

impl Reply {
    /// The body as one.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, piece)| piece).copied().collect()
    }

    /// A header as text, where it is there and is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the proxy calls this request in its logs.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }

    /// The beginning of the body, to be shown.
    pub(crate) fn excerpt(&self) -> String {
        excerpt(&self.body())
    }
}

impl NoReply {
    /// What happened, in a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Unresolved(why) => format!("the name leads nowhere: {why}"),
            Self::Unreachable(why) => format!("no connection: {why}"),
            Self::TimedOut(what) => format!("no answer in time: {what}"),
            Self::Untrusted(why) => format!("the certificate is not trusted: {why}"),
            Self::Tls(why) => format!("no TLS: {why}"),
            Self::Broken(why) => format!("the answer broke off or is no HTTP: {why}"),
        }
    }
}

/// The beginning of a text from a stranger on one line, without anything that a terminal obeys.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let head = bytes.get(..SHOWN_CHARS.saturating_mul(4)).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let mut shown: String =
        text.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() || head.len() < bytes.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_sent_is_shown_on_one_line_and_in_part() {
        assert_eq!(excerpt(b"a\r\n\x1b[2Jb"), "a   [2Jb");
        let long = "ä".repeat(100_000);
        let shown = excerpt(long.as_bytes());
        assert_eq!(shown.chars().count(), SHOWN_CHARS + 1);
        assert!(shown.ends_with('…'));
        assert_eq!(excerpt(&[0xff, 0xfe]), "\u{fffd}\u{fffd}");
    }
}
