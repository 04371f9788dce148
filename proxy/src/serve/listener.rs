//! Where clients connect: a socket of our own, or those that systemd hands over.

use std::{future::poll_fn, io, net::SocketAddr, task::Poll};

use listenfd::ListenFd;
use model::{Finding, Severity};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};

use crate::config::{Listen, codes};

/// Clients that the kernel keeps waiting while we are busy.
const BACKLOG: i32 = 4096;

/// Why nobody can connect.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address is taken, privileged or not of this machine.
    #[error("cannot listen on {address}")]
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// What systemd handed over is no listening TCP socket.
    #[error("socket {index} of systemd cannot be used")]
    Inherited {
        /// Which, from 0.
        index: usize,
        /// Why.
        source: io::Error,
    },
    /// A socket that others reach, without TLS.
    #[error("without `tls`, the socket of systemd on {address} would serve tokens and prompts in the clear")]
    Plain {
        /// Its address.
        address: SocketAddr,
    },
}

impl ListenError {
    /// The finding's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => codes::NO_LISTENER,
            Self::Inherited { .. } => codes::INHERITED_SOCKET,
            Self::Plain { .. } => codes::PLAIN_HTTP,
        }
    }

    /// What to tell the operator.
    pub fn finding(&self) -> Finding {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        Finding::new(self.code(), Severity::Error, "listen.address", format!("{self}{cause}"))
    }
}

/// The sockets that clients connect to.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
}

/// The sockets that systemd hands over (`LISTEN_FDS`, see `sd_listen_fds(3)`).
///
/// Reads and clears the variables, so it has to be called before any thread is started; nothing else reads them.
pub fn inherited_sockets() -> ListenFd {
    ListenFd::from_env()
}

impl Listener {
    /// Listens on the inherited sockets, or where there are none on the configured address. Has to be called inside
    /// the runtime.
    ///
    /// # Errors
    ///
    /// Why nobody can connect.
    pub fn open(listen: &Listen, is_encrypted: bool, inherited: ListenFd) -> Result<Self, ListenError> {
        let listener = match Self::inherited(inherited)? {
            Some(listener) => listener,
            None => Self::bind(listen.address)?,
        };
        let open = listener.addresses().into_iter().find(|address| !address.ip().is_loopback());
        match open {
            Some(address) if !is_encrypted => Err(ListenError::Plain { address }),
            _ => Ok(listener),
        }
    }

    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let socket = bind(address).map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { sockets: vec![socket] })
    }

    fn inherited(mut inherited: ListenFd) -> Result<Option<Self>, ListenError> {
        let mut sockets = Vec::new();
        for index in 0..inherited.len() {
            let socket = inherited
                .take_tcp_listener(index)
                .transpose()
                .unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
                .and_then(|socket| {
                    socket.set_nonblocking(true)?;
                    TcpListener::from_std(socket)
                })
                .map_err(|source| ListenError::Inherited { index, source })?;
            sockets.push(socket);
        }
        Ok(if sockets.is_empty() { None } else { Some(Self { sockets }) })
    }

    /// Where clients connect.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The next client.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| {
            for socket in &self.sockets {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the process before.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` serves IPv4 as well, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
