//! The body of a stream: each write on its own, with the pauses of the script between them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::frames::End;
use crate::server::{Cut, ResetSwitch};

/// How many streams there are and were.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) open: AtomicU64,
    pub(crate) abandoned: AtomicU64,
}

/// A stream on its way.
pub(crate) struct Paced {
    writes: Arc<[Bytes]>,
    next: usize,
    between: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the last write had its turn to leave before the next one is handed over.
    flushed: bool,
    end: End,
    switch: ResetSwitch,
    streams: Arc<Streams>,
}

impl Paced {
    pub(crate) fn new(
        writes: Arc<[Bytes]>,
        end: End,
        between: Duration,
        switch: ResetSwitch,
        streams: Arc<Streams>,
    ) -> Self {
        streams.open.fetch_add(1, Ordering::Relaxed);
        Self { writes, next: 0, between, pause: None, flushed: true, end, switch, streams }
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.flushed {
            return Poll::Ready(());
        }
        if self.between.is_zero() {
            // Pending is what makes the server send what it has; awake again at once.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let between = self.between;
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(between)));
        if pause.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.pause = None;
        self.flushed = true;
        Poll::Ready(())
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.poll_pause(context).is_pending() {
            return Poll::Pending;
        }
        if let Some(bytes) = self.writes.get(self.next).cloned() {
            self.next = self.next.saturating_add(1);
            self.flushed = false;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.end {
            End::Proper => Poll::Ready(None),
            End::Cut => Poll::Ready(Some(Err(Cut))),
            End::Reset => {
                self.switch.reset_at_close();
                Poll::Ready(Some(Err(Cut)))
            }
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
        if self.next < self.writes.len() {
            self.streams.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}
