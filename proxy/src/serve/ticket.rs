//! What is owed for a request: the limit is settled, the ledger and the log are written, once, however it ends.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::context::Shared;
use crate::{
    ApiError, Usage,
    auth::Caller,
    ledger::{Entry, Outcome},
    limits::Reservation,
    telemetry::{Access, Observe as _, Observed, TraceContext},
};

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The trace that it belongs to.
    pub(super) trace: TraceContext,
    /// The address of the connection's other end.
    pub(super) source: Option<IpAddr>,
}

/// A model and the upstream that was asked for it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The upstream's name in the configuration.
    pub(super) upstream: String,
    /// What the upstream calls the model.
    pub(super) model: String,
    /// The upstream's id of the request.
    pub(super) request_id: Option<String>,
}

/// One request from its headers to its end. Dropped before [`Ticket::close`], it closes itself as abandoned: that is
/// how a client that leaves is noticed.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    /// `x-request-id`
    pub(super) request_id: String,
    endpoint: &'static str,
    /// The trace that the request belongs to.
    pub(super) trace: TraceContext,
    /// Where the connection comes from.
    pub(super) source: Option<IpAddr>,
    started: Instant,
    started_at: Timestamp,
    first_byte: Option<Duration>,
    /// Who calls, once that is known.
    pub(super) caller: Option<Arc<Caller>>,
    /// The name of the model, once it is known to be one.
    pub(super) model: Option<String>,
    /// Whom was asked, once somebody was.
    pub(super) asked: Option<Asked>,
    /// Names of parameters without effect.
    pub(super) ignored: Vec<String>,
    /// Estimated tokens of the prompt.
    pub(super) prompt_estimate: u64,
    /// HTTP status, once it is decided.
    pub(super) status: u16,
    /// `error.code` or `error.type` of a refusal, and what only the log may know.
    pub(super) refused: Option<(String, Option<String>)>,
    /// Taken from the limits and not settled yet.
    pub(super) reservation: Option<Reservation>,
    closed: bool,
}

/// How a request ended and what it used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// How.
    pub(super) outcome: Outcome,
    /// What the upstream said, if it did.
    pub(super) usage: Option<Usage>,
    /// Characters of the answer that were passed on: the estimate where the upstream said nothing.
    pub(super) characters: u64,
}

impl Closing {
    /// A request that was refused before anybody was asked.
    pub(super) fn refused() -> Self {
        Self { outcome: Outcome::Refused, usage: Some(Usage::default()), characters: 0 }
    }

    /// A request that was answered without an upstream.
    pub(super) fn plain() -> Self {
        Self { outcome: Outcome::Completed, usage: Some(Usage::default()), characters: 0 }
    }

    /// The upstream gave no answer; nothing is billed.
    pub(super) fn failed() -> Self {
        Self { outcome: Outcome::Failed, usage: Some(Usage::default()), characters: 0 }
    }
}

impl Ticket {
    /// A request whose headers have been read.
    pub(super) fn open(
        shared: Arc<Shared>,
        request_id: String,
        endpoint: &'static str,
        origin: Origin,
    ) -> Self {
        let started_at = shared.clock.now();
        Self {
            shared,
            request_id,
            endpoint,
            trace: origin.trace,
            source: origin.source,
            started: Instant::now(),
            started_at,
            first_byte: None,
            caller: None,
            model: None,
            asked: None,
            ignored: Vec::new(),
            prompt_estimate: 0,
            status: 0,
            refused: None,
            reservation: None,
            closed: false,
        }
    }

    /// The answer begins now.
    pub(super) fn first_byte(&mut self) {
        self.first_byte.get_or_insert_with(|| self.started.elapsed());
    }

    /// A refusal is the answer, or the end of a stream.
    pub(super) fn refuse(&mut self, error: &ApiError) {
        let code = error.code.as_deref().unwrap_or(error.type_name.unwrap_or(error.kind.as_str()));
        self.refused = Some((code.to_owned(), error.log.clone()));
    }

    /// Counts an open stream; [`Ticket::stream_closed`] counts it back.
    pub(super) fn stream_opened(&self) {
        self.shared.telemetry.streams(1);
    }

    /// See [`Ticket::stream_opened`].
    pub(super) fn stream_closed(&self) {
        self.shared.telemetry.streams(-1);
    }

    /// The one regular end.
    pub(super) fn close(mut self, closing: Closing) {
        self.end(closing);
    }

    fn end(&mut self, closing: Closing) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let now = self.shared.clock.now();
        let duration = self.started.elapsed();
        let estimated = closing.usage.is_none();
        let usage = closing.usage.unwrap_or(Usage {
            input_tokens: self.prompt_estimate,
            output_tokens: closing.characters.div_ceil(4),
            ..Usage::default()
        });
        if let Some(reservation) = self.reservation.take() {
            self.shared.limiter.settle_detached(reservation, usage.total_tokens(), now);
        }
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let model = self.model.as_deref().unwrap_or_default();
        let upstream = self.asked.as_ref().map_or("", |asked| asked.upstream.as_str());
        let first_byte = self.first_byte.unwrap_or(duration);
        let refused = self.refused.as_ref();
        self.shared.telemetry.finished(&Access {
            observed: Observed {
                endpoint: self.endpoint,
                model,
                upstream,
                status: self.status,
                outcome: closing.outcome,
                duration,
                first_byte,
                usage,
            },
            request_id: &self.request_id,
            caller: self.caller.as_ref().map_or("", |caller| &*caller.id),
            client_id: self.caller.as_ref().and_then(|caller| caller.client_id.as_deref()),
            source: self.source,
            trace: self.trace,
            started: self.started_at,
            upstream_request_id: self.asked.as_ref().and_then(|asked| asked.request_id.as_deref()),
            ignored: &self.ignored,
            error_code: refused.map(|(code, _)| code.as_str()),
            error: refused.and_then(|(_, detail)| detail.as_deref()),
        });
        if let (Some(caller), Some(asked)) = (self.caller.take(), self.asked.take()) {
            self.shared.ledger.record(Entry {
                at: now,
                request_id: std::mem::take(&mut self.request_id),
                caller: caller.id.to_string(),
                client_id: caller.client_id.as_deref().map(str::to_owned),
                model: self.model.take().unwrap_or_default(),
                upstream_model: asked.model,
                upstream: asked.upstream,
                usage,
                estimated,
                outcome: closing.outcome,
                duration_ms,
            });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Nobody closed it: the client has left before there was an answer. Whoever was asked bills the prompt.
        let usage = self.asked.is_none().then(Usage::default);
        self.end(Closing { outcome: Outcome::Abandoned, usage, characters: 0 });
    }
}
