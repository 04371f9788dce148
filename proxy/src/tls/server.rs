//! The server's side of TLS, with a certificate that can be exchanged between two handshakes.

use std::{
    fmt, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::Acceptor,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

use super::{
    TlsError,
    challenge::{self, Name, Unanswered},
    pair,
};
use crate::config::{ClientAuth, Tls, TlsVersion, codes};

/// What is spoken inside, the better first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// Tickets of a TLS 1.3 handshake. Clients with a pool resume one connection at a time, and each ticket costs a write.
const TICKETS: usize = 1;

/// How a client came in, as far as TLS knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether the client has shown a certificate of a trusted authority.
    pub has_certificate: bool,
}

/// The pair that the next handshake uses.
struct Resolver(ArcSwap<CertifiedKey>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    /// Every name gets the one certificate: a client that wanted another says so in better words than an alert could.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The server's side of TLS. Cheap to share; everything in it can be exchanged while connections are open, and each
/// connection goes on with what it began with.
pub struct Server {
    resolver: Arc<Resolver>,
    settings: ArcSwap<Settings>,
    /// Who hears of clients with whom nothing was settled.
    failed: OnceLock<Failed>,
}

/// Hears of a client with whom no TLS was settled.
type Failed = Box<dyn Fn(SocketAddr, &io::Error) + Send + Sync>;

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a handshake is made with.
#[derive(Debug)]
struct Settings {
    config: Arc<ServerConfig>,
    /// The folder of answers to challenges.
    challenges: Option<Arc<Path>>,
}

impl Server {
    /// A server with the certificate and the settings that the configuration names.
    ///
    /// # Errors
    ///
    /// Why these cannot be used.
    pub fn new(tls: &Tls, now: Timestamp) -> Result<Self, TlsError> {
        let resolver = Arc::new(Resolver(ArcSwap::new(pair::load_pair(tls, now)?)));
        let settings = ArcSwap::from_pointee(Settings::of(tls, Arc::clone(&resolver))?);
        Ok(Self { resolver, settings, failed: OnceLock::new() })
    }

    /// Takes over other settings and another pair, or nothing of them.
    ///
    /// # Errors
    ///
    /// Why these cannot be used; the old ones go on.
    pub fn reload(&self, tls: &Tls, now: Timestamp) -> Result<(), TlsError> {
        let pair = pair::load_pair(tls, now)?;
        let settings = Settings::of(tls, Arc::clone(&self.resolver))?;
        self.exchange(pair);
        self.settings.store(Arc::new(settings));
        Ok(())
    }

    /// Shows this pair from the next handshake on.
    pub fn exchange(&self, pair: Arc<CertifiedKey>) {
        self.resolver.0.store(pair);
    }

    /// The pair that is shown now.
    pub fn pair(&self) -> Arc<CertifiedKey> {
        self.resolver.0.load_full()
    }

    /// Has somebody told of every client with whom no TLS was settled. Only the first who asks for it is.
    pub fn telling(&self, failed: impl Fn(SocketAddr, &io::Error) + Send + Sync + 'static) {
        let _ = self.failed.set(Box::new(failed));
    }

    /// Nothing was settled with this client, for this reason.
    pub fn failed(&self, address: SocketAddr, error: &io::Error) {
        if let Some(failed) = self.failed.get() {
            failed(address, error);
        }
    }

    /// Settles TLS with a client. There is no stream where the client was an authority that has got its answer.
    ///
    /// # Errors
    ///
    /// Why nothing was settled; the client knows it too.
    pub async fn accept(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let settings = self.settings.load_full();
        let config = Arc::clone(&settings.config);
        let Some(folder) = &settings.challenges else {
            return TlsAcceptor::from(config).accept(stream).await.map(Some);
        };
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let Some(name) = challenge::asked(&start.client_hello()) else {
            return start.into_stream(config).await.map(Some);
        };
        match find(Arc::clone(folder), name, Arc::clone(config.crypto_provider()), address).await {
            Some(answer) => {
                let mut stream = start.into_stream(answer).await?;
                stream.shutdown().await?;
                Ok(None)
            }
            // The protocol is none of ours, which ends it with the alert that every server sends there.
            None => start.into_stream(config).await.map(Some),
        }
    }
}

/// The answer to a challenge, away from the threads that serve, since it lies in a file.
async fn find(
    folder: Arc<Path>,
    name: Name,
    provider: Arc<CryptoProvider>,
    address: SocketAddr,
) -> Option<Arc<ServerConfig>> {
    let shown = name.as_str().to_owned();
    let answer = tokio::task::spawn_blocking(move || challenge::answer(&folder, &name, provider)).await;
    let source_ip = address.ip();
    match answer.ok()? {
        Ok(config) => {
            tracing::info!(name = shown, %source_ip, "an ACME challenge is answered");
            Some(Arc::new(config))
        }
        // Anybody may ask, for any name.
        Err(Unanswered::Absent) => {
            tracing::debug!(name = shown, %source_ip, "an ACME challenge that nobody waits for");
            None
        }
        Err(error) => {
            let code = codes::NO_CHALLENGE;
            tracing::warn!(code, name = shown, %source_ip, %error, "an ACME challenge cannot be answered");
            None
        }
    }
}

impl Settings {
    fn of(tls: &Tls, resolver: Arc<Resolver>) -> Result<Self, TlsError> {
        let challenges = tls.acme_challenges.as_deref().map(Arc::from);
        Ok(Self { config: server_config(tls, resolver)?, challenges })
    }
}

fn server_config(tls: &Tls, resolver: Arc<Resolver>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[&SupportedProtocolVersion] = match tls.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let verifier = match &tls.client_auth {
        Some(client_auth) => client_verifier(client_auth, &provider)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsError::Settings)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(resolver);
    config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    // Tickets are self-contained, so that resumption needs no memory for each client.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Settings)?;
    config.send_tls13_tickets = TICKETS;
    Ok(Arc::new(config))
}

/// Whether the authorities of client certificates can be used.
///
/// # Errors
///
/// Why not.
pub fn check_client_auth(tls: &Tls) -> Result<(), TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    tls.client_auth.as_ref().map_or(Ok(()), |client_auth| client_verifier(client_auth, &provider).map(|_| ()))
}

fn client_verifier(
    client_auth: &ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &client_auth.ca_path;
    let unusable = |reason: String| TlsError::ClientCa { path: path.clone(), reason };
    let text = pair::read(path).map_err(|error| unusable(error.to_string()))?;
    let authorities = pair::chain(path, &text).map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if client_auth.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| unusable(error.to_string()))
}
