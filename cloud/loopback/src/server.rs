//! An HTTP/1.1 server on a loopback port, on a thread of its own, that ends with the value that started it.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::authority::Pair;
use crate::tls;

/// More than a test or a benchmark opens; beyond it a connection is closed at once.
const MAX_CONNECTIONS: usize = 8192;
/// Out of file descriptors, say: later it may work.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The connection ends here, in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is cut here")]
pub(crate) struct Cut;

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;

/// A body that is there in full.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or may not be used.
    #[error("port {port} of 127.0.0.1 cannot be bound")]
    Bind {
        /// The port that was asked for; 0 is any free one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// No thread or no event loop to serve in.
    #[error("no thread to serve in can be started")]
    Thread(#[source] io::Error),
    /// The keys to sign tokens with could not be made.
    #[error("no signing key can be made")]
    Keys,
    /// A certificate, its key or a root cannot be used.
    #[error("no TLS can be served or spoken: {0}")]
    Tls(String),
}

/// Decides whether the connection ends as it should or with a TCP reset.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResetSwitch(Arc<AtomicBool>);

impl ResetSwitch {
    pub(crate) fn reset_at_close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What answers requests.
pub(crate) trait Site: Send + Sync + 'static {
    /// Answers, or cuts the connection without a word.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        switch: ResetSwitch,
    ) -> impl Future<Output = Result<Response<Body>, Cut>> + Send;
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds the port and starts to serve what `site` makes of the address.
    pub(crate) fn start<S: Site>(
        name: &str,
        port: u16,
        site: impl FnOnce(SocketAddr) -> Arc<S>,
    ) -> Result<Self, StartError> {
        Self::start_with(name, port, None, site)
    }

    /// The same under TLS, where there is a certificate for it.
    pub(crate) fn start_with<S: Site>(
        name: &str,
        port: u16,
        pair: Option<&Pair>,
        site: impl FnOnce(SocketAddr) -> Arc<S>,
    ) -> Result<Self, StartError> {
        let acceptor = pair.map(tls::acceptor).transpose()?;
        let bound = StdListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        let (listener, address) = bound.map_err(|source| StartError::Bind { port, source })?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let site = site(address);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(serve(listener, acceptor, site, stopped)))
            .map_err(StartError::Thread)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed there; here there is nobody to tell.
            let _ = thread.join();
        }
    }
}

/// Accepts until `stopped` resolves; the connections end with the set that owns them.
async fn serve<S: Site>(
    listener: StdListener,
    acceptor: Option<TlsAcceptor>,
    site: Arc<S>,
    mut stopped: oneshot::Receiver<()>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(converse(stream, acceptor.clone(), Arc::clone(&site)));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN_AFTER).await,
            }
        }
    }
}

async fn converse<S: Site>(stream: TcpStream, acceptor: Option<TlsAcceptor>, site: Arc<S>) {
    // Without it the second small write of an answer waits for the acknowledgement of the first.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let switch = ResetSwitch::default();
    let socket = Socket { stream, switch: switch.clone() };
    match acceptor {
        None => exchange(socket, site, switch).await,
        // Who does not trust the certificate hangs up here, which is nothing to report.
        Some(acceptor) => {
            if let Ok(secured) = acceptor.accept(socket).await {
                exchange(secured, site, switch).await;
            }
        }
    }
}

async fn exchange<S: Site>(stream: impl AsyncRead + AsyncWrite + Unpin, site: Arc<S>, switch: ResetSwitch) {
    let service = service_fn(move |request| Arc::clone(&site).answer(request, switch.clone()));
    // How a connection ends is the client's business, or was asked for by a script.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A connection that can be told to end with a reset.
struct Socket {
    stream: TcpStream,
    switch: ResetSwitch,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.switch.0.load(Ordering::Relaxed) {
            // Where that cannot be had, the connection ends without it.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.switch.0.load(Ordering::Relaxed) {
            // A proper end would be sent before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
