//! Asks: one request on a connection of its own, and what came of it as facts. Nothing is judged here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rustls::RootCertStore;
use tokio::time::{Instant, timeout_at};

use super::facts::{End, NoReply, Outcome, Reply};
use super::surroundings::Probe;
use crate::Moment;
use crate::remote::connect::{self, Failure};
use crate::remote::http::{self, HttpError, Request};
use crate::remote::tls::{TlsFailure, Trust, moment};

/// The most that is read of an answer, bytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// How somebody is asked.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Whom to believe.
    pub roots: Arc<RootCertStore>,
    /// Now, for the validity of certificates.
    pub now: Moment,
    /// Where to connect instead of looking the name up.
    pub address: Option<IpAddr>,
    /// How long a look-up, a TCP and a TLS handshake may each take.
    pub step: Duration,
    /// How long an answer may take in all, once the connection is there.
    pub answer: Duration,
}

impl Manner {
    /// 5 s a step, 30 s an answer.
    pub fn new(roots: Arc<RootCertStore>, now: Moment) -> Self {
        Self { roots, now, address: None, step: Duration::from_secs(5), answer: Duration::from_secs(30) }
    }

    fn options(&self) -> http::Options {
        let now = moment(self.now);
        http::Options {
            trust: Trust::Roots { roots: Arc::clone(&self.roots), now },
            address: self.address,
            step: self.step,
            answer: self.answer,
            body_limit: LARGEST_BODY,
        }
    }

    /// Sends a request, and waits for the end of the answer. Also says who answered.
    pub(crate) async fn ask(&self, request: &Request) -> (Outcome, Option<SocketAddr>) {
        self.ask_until(request, |_, _| false).await
    }

    /// The same, but waits no longer once `has_all` says of the head and the next piece that nothing more is wanted.
    pub(crate) async fn ask_until(
        &self,
        request: &Request,
        mut has_all: impl FnMut(&HeaderMap, &[u8]) -> bool,
    ) -> (Outcome, Option<SocketAddr>) {
        let mut answer = match http::send(request, &self.options()).await {
            Ok(answer) => answer,
            Err(error) => {
                let peer = match &error {
                    HttpError::Connect { peer, .. } | HttpError::Tls { peer, .. } => Some(*peer),
                    _ => None,
                };
                return (Err(no_reply(&error)), peer);
            }
        };
        let head_after = answer.timing.first_byte;
        let began = Instant::now();
        let passed = |now: Instant| head_after.saturating_add(now.duration_since(began));
        let deadline = began.checked_add(self.answer.saturating_sub(head_after)).unwrap_or(began);
        let mut pieces = Vec::new();
        let end = loop {
            match timeout_at(deadline, answer.body.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    let is_all = has_all(&answer.headers, &piece);
                    pieces.push((passed(Instant::now()), piece.to_vec()));
                    if is_all {
                        break End::Whole;
                    }
                }
                Ok(Ok(None)) => break End::Whole,
                Ok(Err(HttpError::TooLong { limit })) => break End::TooLarge(limit),
                Ok(Err(HttpError::TimedOut { .. })) | Err(_) => break End::TimedOut(self.answer),
                Ok(Err(other)) => break End::Broken(other.to_string()),
            }
        };
        let reply = Reply {
            status: answer.status.as_u16(),
            headers: answer.headers,
            pieces,
            end,
            head_after,
            total: passed(Instant::now()),
        };
        (Ok(reply), Some(answer.peer))
    }

    /// Tries a port.
    pub(crate) async fn probe(&self, peer: SocketAddr) -> Probe {
        match connect::probe(peer, self.step).await {
            connect::Outcome::Connected(_) => Probe::Connected,
            connect::Outcome::Failed(Failure::TimedOut) => Probe::NoAnswer(self.step),
            connect::Outcome::Failed(failure @ (Failure::Refused | Failure::Reset | Failure::NoRoute)) => {
                Probe::Refused(failure.to_string())
            }
            connect::Outcome::Failed(failure) => Probe::NotTried(failure.to_string()),
        }
    }
}

/// The same failure in the few kinds that a verdict tells apart.
fn no_reply(error: &HttpError) -> NoReply {
    match error {
        HttpError::Resolve { .. } => NoReply::Unresolved(error.to_string()),
        HttpError::Connect { failure: Failure::TimedOut, .. } | HttpError::TimedOut { .. } => {
            NoReply::TimedOut(error.to_string())
        }
        HttpError::Connect { .. } => NoReply::Unreachable(error.to_string()),
        HttpError::Tls { error, .. } => match error.kind {
            TlsFailure::TimedOut => NoReply::TimedOut(error.to_string()),
            TlsFailure::Untrusted => NoReply::Untrusted(error.to_string()),
            _ => NoReply::Tls(error.to_string()),
        },
        HttpError::TooLong { .. } | HttpError::Broken(_) => NoReply::Broken(error.to_string()),
    }
}
