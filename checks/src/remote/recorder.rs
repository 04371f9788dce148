//! Keeps what a peer shows during a handshake: its first bytes, its chain, its wishes. It refuses nobody by itself, so
//! that there is something to show of every peer; only where roots are given it asks them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The one crypto provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// How many of a peer's first bytes are kept: enough for a status line.
const KEPT: usize = 64;

/// What a peer showed.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    first: Vec<u8>,
    chain: Vec<CertificateDer<'static>>,
    asks_for_certificate: bool,
    unproven: Option<String>,
    is_stapled: bool,
}

impl Record {
    pub(super) fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // Plain values: whoever panicked while holding it has broken none of them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.shown().chain.clone()
    }

    pub(super) fn asks_for_certificate(&self) -> bool {
        self.shown().asks_for_certificate
    }

    pub(super) fn unproven(&self) -> Option<String> {
        self.shown().unproven.clone()
    }

    pub(super) fn is_stapled(&self) -> bool {
        self.shown().is_stapled
    }

    /// Whether the first byte is that of a TLS record: handshake or alert.
    pub(super) fn began_as_tls(&self) -> bool {
        matches!(self.shown().first.first(), Some(0x16 | 0x15))
    }

    /// What the peer speaks instead of TLS, by its first words.
    pub(super) fn spoken(&self) -> Option<&'static str> {
        spoken(&self.shown().first)
    }
}

/// The protocol of a greeting or an answer.
fn spoken(first: &[u8]) -> Option<&'static str> {
    const GREETINGS: [(&[u8], &str); 8] = [
        (b"HTTP/", "HTTP"),
        (b"<!", "HTTP"),
        (b"SSH-", "SSH"),
        (b"* OK", "IMAP"),
        (b"+OK", "POP3"),
        (b"220 ", "SMTP or FTP"),
        (b"220-", "SMTP or FTP"),
        (b"554 ", "SMTP"),
    ];
    GREETINGS.iter().find(|(greeting, _)| first.starts_with(greeting)).map(|(_, name)| *name)
}

/// Takes every chain down, and asks the roots only if there are some.
#[derive(Debug)]
pub(super) struct Recorder {
    record: Arc<Record>,
    provider: Arc<CryptoProvider>,
    judge: Option<(Arc<WebPkiServerVerifier>, UnixTime)>,
}

impl Recorder {
    pub(super) fn new(
        record: Arc<Record>,
        provider: Arc<CryptoProvider>,
        judge: Option<(Arc<WebPkiServerVerifier>, UnixTime)>,
    ) -> Self {
        Self { record, provider, judge }
    }

    /// A proof that cannot be checked is a fact where nobody is to be believed, and a refusal where somebody is.
    fn proven(
        &self,
        result: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match result {
            Err(error) if self.judge.is_none() => {
                self.record.shown().unproven = Some(error.to_string());
                Ok(HandshakeSignatureValid::assertion())
            }
            other => other,
        }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _system_clock: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        {
            let mut shown = self.record.shown();
            shown.chain = std::iter::once(end_entity)
                .chain(intermediates)
                .map(|der| der.clone().into_owned())
                .collect();
            shown.is_stapled = !ocsp_response.is_empty();
        }
        match &self.judge {
            None => Ok(ServerCertVerified::assertion()),
            Some((judge, now)) => {
                judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, *now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proven(verify_tls12_signature(message, certificate, signed, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proven(verify_tls13_signature(message, certificate, signed, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes down that a client certificate was asked for; there is none.
#[derive(Debug)]
pub(super) struct NoClientCertificate {
    record: Arc<Record>,
}

impl NoClientCertificate {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self { record }
    }
}

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.record.shown().asks_for_certificate = true;
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// A stream whose first bytes are kept.
#[derive(Debug)]
pub struct Tapped<S> {
    stream: S,
    record: Arc<Record>,
    is_full: bool,
}

impl<S> Tapped<S> {
    pub(super) fn new(stream: S, record: Arc<Record>) -> Self {
        Self { stream, record, is_full: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.is_full && matches!(polled, Poll::Ready(Ok(()))) {
            let is_full = {
                let mut shown = self.record.shown();
                let room = KEPT.saturating_sub(shown.first.len());
                shown.first.extend(buf.filled().iter().skip(before).take(room));
                shown.first.len() >= KEPT
            };
            self.is_full = is_full;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
