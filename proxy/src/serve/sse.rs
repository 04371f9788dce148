//! The body of a streamed answer: the upstream's bytes in, server-sent events out, without a task or channel between.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::ticket::{Closing, Ticket};
use crate::{
    ApiError,
    ledger::Outcome,
    mapping::{Progress, Translate},
    upstream::{self, BoxError},
};

/// A comment: openai-python and every `EventSource` skip it, and no middlebox sees an idle connection.
const HEARTBEAT: &[u8] = b": ping\n\n";
/// What is waiting is sent once it is this long, so that an upstream that is faster than the client fills no memory.
const ENOUGH_BYTES: usize = 16 * 1024;

/// hyper polls a body that is not ready twice before anybody else has a turn.
const LOOKS: u8 = 2;

/// How long a stream may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A comment is sent after this long without an event.
    pub(super) heartbeat: Duration,
    /// The upstream is given up after this long without a byte.
    pub(super) idle: Duration,
}

/// Events of one answer. Dropped before its end, the upstream's connection is closed and the ticket records what was
/// used until then.
pub(super) struct SseBody {
    upstream: Option<upstream::Body>,
    translate: Box<dyn Translate>,
    ticket: Option<Ticket>,
    /// Written and not sent yet.
    out: Vec<u8>,
    /// How much was in `out` when it last grew.
    seen: usize,
    /// How often to look again before that is sent.
    looks: u8,
    /// Whether anything was sent.
    has_begun: bool,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    heard: Instant,
    spoke: Instant,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl SseBody {
    /// A stream whose first bytes are in `upstream`. `cut` ends it with an error event, for a server that must stop.
    pub(super) fn new(
        upstream: upstream::Body,
        translate: Box<dyn Translate>,
        ticket: Ticket,
        patience: Patience,
        cut: WaitForCancellationFutureOwned,
    ) -> Self {
        let now = Instant::now();
        ticket.stream_opened();
        Self {
            upstream: Some(upstream),
            translate,
            ticket: Some(ticket),
            out: Vec::new(),
            seen: 0,
            looks: 0,
            has_begun: false,
            patience,
            timer: Box::pin(tokio::time::sleep(patience.heartbeat.min(patience.idle))),
            heard: now,
            spoke: now,
            cut: Box::pin(cut),
        }
    }

    /// Ends the stream: nothing more is read, and what is in `out` is the last that is sent.
    fn finish(&mut self, outcome: Outcome) {
        self.upstream = None;
        if let Some(ticket) = self.ticket.take() {
            ticket.stream_closed();
            ticket.close(Closing {
                outcome,
                usage: self.translate.usage(),
                characters: self.translate.characters(),
            });
        }
    }

    fn fail(&mut self, error: &ApiError) {
        self.out.extend_from_slice(b"data: ");
        self.out.extend_from_slice(&error.body());
        self.out.extend_from_slice(b"\n\n");
        self.note(error);
        self.finish(Outcome::Failed);
    }

    fn note(&mut self, error: &ApiError) {
        if let Some(ticket) = &mut self.ticket {
            ticket.refuse(error);
        }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Open => {}
            Progress::Complete => self.finish(Outcome::Completed),
            Progress::Failed(error) => {
                self.note(&error);
                self.finish(Outcome::Failed);
            }
        }
    }

    /// Reads what the upstream has. Returns whether it has nothing more for now.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(upstream) = &mut self.upstream {
            if self.out.len() >= ENOUGH_BYTES {
                return false;
            }
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Pending => return true,
                Poll::Ready(None) => {
                    let progress = self.translate.end(&mut self.out);
                    self.progress(progress);
                }
                Poll::Ready(Some(Err(error))) => self.fail(&broken(&error)),
                Poll::Ready(Some(Ok(frame))) => {
                    self.heard = Instant::now();
                    if let Ok(bytes) = frame.into_data() {
                        let progress = self.translate.push(&bytes, &mut self.out);
                        self.progress(progress);
                    }
                }
            }
        }
        false
    }

    /// Whether to look again for what the upstream's connection has read already, before what is there is sent.
    ///
    /// That connection hands over one chunk at a time and needs a turn of its own between two. Events that came
    /// together go on together, in one TLS record and one call of the system, which are most of what a delta costs.
    /// The first event never waits, and the others wait for as long as more comes in each turn, up to `ENOUGH_BYTES`.
    fn gathers(&mut self) -> bool {
        if self.has_begun && self.out.len() > self.seen {
            self.seen = self.out.len();
            self.looks = LOOKS;
        }
        let looks_again = self.looks > 0;
        self.looks = self.looks.saturating_sub(1);
        looks_again
    }

    /// Looks at the clock: a heartbeat, or the end of patience.
    fn watch(&mut self, cx: &mut Context<'_>) {
        while self.upstream.is_some() && self.out.is_empty() && self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now.duration_since(self.heard) >= self.patience.idle {
                let message = "The model has been silent for too long.";
                self.fail(&ApiError::server(StatusCode::GATEWAY_TIMEOUT, "timeout", message));
                return;
            }
            if now.duration_since(self.spoke) >= self.patience.heartbeat {
                self.out.extend_from_slice(HEARTBEAT);
            }
            // The timer is not moved with every event; when it fires, the moments that were noted say how long is left.
            let spoke = if self.out.is_empty() { self.spoke } else { now };
            let beat = later(spoke, self.patience.heartbeat);
            let end = later(self.heard, self.patience.idle);
            self.timer.as_mut().reset(beat.min(end));
        }
    }
}

/// A moment after another. A century is as good as never where the clock ends before.
pub(super) fn later(from: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
    from.checked_add(by.min(CENTURY)).unwrap_or(from)
}

/// The connection to the upstream broke in the middle of the answer.
fn broken(error: &BoxError) -> ApiError {
    ApiError::server(StatusCode::BAD_GATEWAY, "stream_error", "The connection to the model broke.")
        .log(error.to_string())
}

impl Body for SseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.upstream.is_some() && this.cut.as_mut().poll(cx).is_ready() {
            let message = "The server is shutting down.";
            this.fail(&ApiError::server(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", message));
        }
        if this.read(cx) {
            if this.gathers() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.watch(cx);
        }
        if !this.out.is_empty() {
            this.has_begun = true;
            (this.seen, this.looks) = (0, 0);
            this.spoke = Instant::now();
            // The buffer goes with the piece: a stream that waits for its model holds none.
            let piece = std::mem::take(&mut this.out);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))));
        }
        if this.upstream.is_none() { Poll::Ready(None) } else { Poll::Pending }
    }

    fn is_end_stream(&self) -> bool {
        self.upstream.is_none() && self.out.is_empty()
    }
}

impl Drop for SseBody {
    fn drop(&mut self) {
        // The end was not reached: the client has left.
        self.finish(Outcome::Abandoned);
    }
}
