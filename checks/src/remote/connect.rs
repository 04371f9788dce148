//! TCP to one address: connected, refused, silent, reset and unroutable told apart, since each has another remedy.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// What came of a connection attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stands; how long the handshake took, which is one round trip.
    Connected(Duration),
    /// It does not.
    Failed(Failure),
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The host answered that nothing listens there (or a firewall that rejects did).
    Refused,
    /// No answer within the deadline: something on the way drops packets, such as a security group.
    TimedOut,
    /// The connection was there and was torn down at once.
    Reset,
    /// This machine knows no way there, as to IPv6 addresses where it has none itself.
    NoRoute,
    /// A router on the way, or the last one, cannot reach the host.
    Unreachable,
    /// This machine does not let the packet out.
    Forbidden,
    /// Something else, as the system calls it.
    Other(String),
}

impl Failure {
    /// What an error of the system means.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Self::Reset
            }
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => Self::NoRoute,
            io::ErrorKind::HostUnreachable => Self::Unreachable,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::TimedOut => "no answer",
            Self::Reset => "reset",
            Self::NoRoute => "no route from here",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden by this machine",
            Self::Other(text) => text,
        })
    }
}

/// Connects to an address, within `deadline`.
pub async fn tcp(address: SocketAddr, deadline: Duration) -> Result<(TcpStream, Duration), Failure> {
    let began = Instant::now();
    match timeout(deadline, TcpStream::connect(address)).await {
        Err(_) => Err(Failure::TimedOut),
        Ok(Err(error)) => Err(Failure::of(&error)),
        Ok(Ok(stream)) => {
            // Handshakes are small messages to and fro. A socket that refuses the option works all the same.
            let _ = stream.set_nodelay(true);
            Ok((stream, began.elapsed()))
        }
    }
}

/// Connects to an address and hangs up.
pub async fn probe(address: SocketAddr, deadline: Duration) -> Outcome {
    match tcp(address, deadline).await {
        Ok((_, latency)) => Outcome::Connected(latency),
        Err(failure) => Outcome::Failed(failure),
    }
}
