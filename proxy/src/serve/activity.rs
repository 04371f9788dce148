//! What a connection is doing, so that clients who only hold it open lose it.
//!
//! hyper's own limit for headers begins when it waits for the next request and so ends idle connections as well. Load
//! balancers keep idle connections for a minute and answer 502 when the other side was quicker, so the two need
//! different limits, and that is what this is for. It costs a clock reading for each request and nothing for each piece
//! of a stream.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// How long a connection without a request stays open. Longer than the minute of AWS's load balancers.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take nothing of what is sent to it.
const STALLED: Duration = Duration::from_mins(1);
/// What HTTP/2 begins with where TLS has not settled it (RFC 9113 section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI ";

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// From the first byte of a request to the end of its headers.
    headers: Duration,
    is_http2: AtomicBool,
    /// Requests whose answer has not been sent to its end.
    pending: AtomicUsize,
    /// When the last of them ended.
    idle_since: AtomicU64,
    /// Whether there has been a request at all.
    has_begun: AtomicBool,
    /// When the first byte after the last request came; 0 for none.
    first_byte: AtomicU64,
    /// Since when nothing could be written; 0 where it could.
    blocked_since: AtomicU64,
}

/// What happens when nothing else happens until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The client is told that the connection ends.
    Goodbye(Instant),
    /// The connection is cut.
    Cut(Instant),
}

impl Due {
    pub(super) fn at(self) -> Instant {
        match self {
            Self::Goodbye(at) | Self::Cut(at) => at,
        }
    }
}

impl Activity {
    pub(super) fn new(headers: Duration, is_http2: bool) -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            headers,
            is_http2: AtomicBool::new(is_http2),
            pending: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
            first_byte: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
        })
    }

    /// Whether there has been a request at all.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Relaxed)
    }

    /// Milliseconds since the connection was opened, never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn at(&self, since: u64, wait: Duration) -> Instant {
        let since = Duration::from_millis(since);
        self.opened.checked_add(since.saturating_add(wait)).unwrap_or(self.opened)
    }

    /// What is due next as things are. Never earlier later on, except where a request begins to come.
    pub(super) fn due(&self) -> Due {
        if self.pending.load(Relaxed) > 0 {
            return match self.blocked_since.load(Relaxed) {
                // Whether something blocks is only looked at from time to time.
                0 => Due::Cut(self.at(self.now(), STALLED)),
                since => Due::Cut(self.at(since, STALLED)),
            };
        }
        match self.first_byte.load(Relaxed) {
            0 if self.has_begun.load(Relaxed) => {
                Due::Goodbye(self.at(self.idle_since.load(Relaxed), KEEP_ALIVE))
            }
            0 => Due::Goodbye(self.at(0, self.headers)),
            since => Due::Cut(self.at(since, self.headers)),
        }
    }

    fn has_read(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.pending.load(Relaxed) > 0 || self.first_byte.load(Relaxed) != 0 {
            return;
        }
        if !self.has_begun.load(Relaxed) && bytes.starts_with(HTTP2_PREFACE) {
            self.is_http2.store(true, Relaxed);
        }
        if !self.is_http2.load(Relaxed) {
            self.first_byte.store(self.now(), Relaxed);
        }
    }

    fn has_written(&self, could: bool) {
        if could {
            self.blocked_since.store(0, Relaxed);
        } else if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since.store(self.now(), Relaxed);
        }
    }

    /// Marks a request as open until the mark is dropped.
    pub(super) fn request(self: &Arc<Self>) -> Pending {
        self.pending.fetch_add(1, Relaxed);
        self.has_begun.store(true, Relaxed);
        self.first_byte.store(0, Relaxed);
        Pending(Arc::clone(self))
    }
}

/// A request that is not yet answered to its end.
#[derive(Debug)]
pub(super) struct Pending(Arc<Activity>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Relaxed);
        self.0.pending.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer, which keeps its request open until it has been sent.
#[derive(Debug)]
pub struct Answer<B> {
    body: B,
    _pending: Pending,
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, pending: Pending) -> Self {
        Self { body, _pending: pending }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream of bytes that notes what passes through it.
#[derive(Debug)]
pub(super) struct Noted<T> {
    io: T,
    activity: Arc<Activity>,
}

impl<T> Noted<T> {
    pub(super) fn new(io: T, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.activity.has_read(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.activity.has_written(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.activity.has_written(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
