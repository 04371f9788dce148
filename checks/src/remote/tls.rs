//! The TLS handshake: what was sent is recorded first and whatever comes of it, so that names and dates are known even
//! of a chain that nobody trusts. Whether it can be trusted is judged elsewhere, or here against given roots.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::recorder::{NoClientCertificate, Record, Recorder, Tapped, provider};
use crate::Moment;

/// A stream under TLS.
pub type Secured<S> = TlsStream<Tapped<S>>;

/// Whom to believe.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Anybody: the chain is recorded and somebody else judges it. Nothing secret may be sent.
    #[default]
    Recorded,
    /// Whoever has a path to these roots, as of this moment, under the name that was asked for.
    Roots {
        /// The roots.
        roots: Arc<RootCertStore>,
        /// Now.
        now: UnixTime,
    },
}

/// What was seen of a handshake that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The certificates as sent, DER, leaf first if the server does as it should.
    pub chain: Vec<CertificateDer<'static>>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The protocol of the application that was agreed on, such as `http/1.1`.
    pub alpn: Option<String>,
    /// Whether the server asked for a client certificate.
    pub asks_for_certificate: bool,
    /// Why the server's proof that it has the key could not be checked, such as a key that is too short for us.
    pub unproven: Option<String>,
    /// Whether there was an OCSP response with it.
    pub is_stapled: bool,
    /// How long it took, without TCP.
    pub latency: Duration,
}

/// A handshake that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// What that means.
    pub kind: TlsFailure,
    /// How the library or the peer put it.
    pub detail: String,
    /// The certificates, as far as they had been sent.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFailure {
    /// Nothing more came within the deadline.
    TimedOut,
    /// The peer closed or reset the connection.
    Closed,
    /// The peer speaks something else; what, such as `HTTP`, where it can be told.
    NotTls(Option<&'static str>),
    /// It offers neither TLS 1.2 nor 1.3.
    TooOld,
    /// It shares no cipher suite, key exchange or signature with us, as servers that only know RSA key exchange.
    NothingInCommon,
    /// It insists on a client certificate.
    WantsCertificate,
    /// It serves nothing under the name that was asked for.
    UnknownName,
    /// Its chain has no path to the given roots, or is for another name, or is not valid now.
    Untrusted,
    /// The name cannot stand in a handshake.
    BadName,
    /// Something else.
    Other,
}

impl TlsFailure {
    /// One clause, to be followed by details.
    pub fn sentence(&self) -> String {
        match self {
            Self::TimedOut => "no answer to the TLS handshake".to_owned(),
            Self::Closed => "the server closed the connection during the TLS handshake".to_owned(),
            Self::NotTls(Some(spoken)) => format!("the server speaks {spoken} without TLS on this port"),
            Self::NotTls(None) => "the server does not speak TLS on this port".to_owned(),
            Self::TooOld => "the server is too old for this client: neither TLS 1.2 nor 1.3".to_owned(),
            Self::NothingInCommon => {
                "the server shares no cipher suite or key exchange with this client; it may be too old for it"
                    .to_owned()
            }
            Self::WantsCertificate => "the server wants a client certificate".to_owned(),
            Self::UnknownName => "the server serves nothing under this name".to_owned(),
            Self::Untrusted => "the server's certificate is not trusted".to_owned(),
            Self::BadName => "the name cannot be asked for in a TLS handshake".to_owned(),
            Self::Other => "the TLS handshake failed".to_owned(),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.sentence())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for TlsError {}

/// The roots in a PEM text, or Mozilla's. The error says what is wrong with the text.
pub fn roots(pem: Option<&[u8]>) -> Result<Arc<RootCertStore>, String> {
    let Some(pem) = pem else {
        return Ok(Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));
    };
    let mut store = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(pem) {
        let der = der.map_err(|error| format!("the roots are no PEM: {error:?}"))?;
        store.add(der).map_err(|error| format!("a root cannot be used: {error}"))?;
    }
    if store.is_empty() {
        Err("there is no certificate among the roots".to_owned())
    } else {
        Ok(Arc::new(store))
    }
}

/// A moment as rustls has it; what lies before 1970 is 1970.
pub fn moment(now: impl Into<Moment>) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.into().as_second()).unwrap_or(0)))
}

/// Whether a recorded chain leads to a root, under a name, at a moment; else why not, in rustls' words.
pub fn verify(
    chain: &[CertificateDer<'_>],
    server: &ServerName<'_>,
    roots: &Arc<RootCertStore>,
    now: UnixTime,
) -> Result<(), String> {
    let (leaf, rest) = chain.split_first().ok_or("no certificate was sent")?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider())
        .build()
        .map_err(|error| error.to_string())?;
    verifier.verify_server_cert(leaf, rest, server, &[], now).map(|_| ()).map_err(|error| error.to_string())
}

/// Speaks TLS over a connected stream. `server` goes into SNI where it is a name; addresses never do (RFC 6066).
///
/// `alpn` are the protocols to offer, such as `http/1.1`; none offers nothing.
pub async fn handshake<S>(
    stream: S,
    server: Option<ServerName<'static>>,
    trust: &Trust,
    alpn: &[&str],
    deadline: Duration,
) -> Result<(Secured<S>, Handshake), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let record = Record::shared();
    let failed = |kind, detail: String| TlsError { kind, detail, chain: record.chain() };
    let Some(server) = server else { return Err(failed(TlsFailure::BadName, String::new())) };
    let config = client_config(&record, trust, alpn).map_err(|error| failed(TlsFailure::Other, error))?;
    let connector = TlsConnector::from(Arc::new(config));
    let began = Instant::now();
    let tapped = Tapped::new(stream, Arc::clone(&record));
    let secured = match timeout(deadline, connector.connect(server, tapped)).await {
        Err(_) => return Err(failed(waited_in_vain(&record), String::new())),
        Ok(Err(error)) => {
            let (kind, detail) = explain(&error, &record);
            return Err(failed(kind, detail));
        }
        Ok(Ok(secured)) => secured,
    };
    let (_, session) = secured.get_ref();
    let handshake = Handshake {
        chain: record.chain(),
        version: session.protocol_version().and_then(|version| version.as_str()).map_or("", version_name),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        alpn: session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        asks_for_certificate: record.asks_for_certificate(),
        unproven: record.unproven(),
        is_stapled: record.is_stapled(),
        latency: began.elapsed(),
    };
    Ok((secured, handshake))
}

fn client_config(record: &Arc<Record>, trust: &Trust, alpn: &[&str]) -> Result<ClientConfig, String> {
    let provider = provider();
    let judge = match trust {
        Trust::Recorded => None,
        Trust::Roots { roots, now } => {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| error.to_string())?;
            Some((verifier, *now))
        }
    };
    let recorder = Recorder::new(Arc::clone(record), Arc::clone(&provider), judge);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(recorder))
        .with_client_cert_resolver(Arc::new(NoClientCertificate::new(Arc::clone(record))));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    // A handshake that is resumed shows no chain.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn version_name(version: &'static str) -> &'static str {
    match version {
        "TLSv1_3" => "TLSv1.3",
        "TLSv1_2" => "TLSv1.2",
        other => other,
    }
}

/// A server that speaks first, and not TLS, waits for us as we wait for it.
fn waited_in_vain(record: &Record) -> TlsFailure {
    match record.spoken() {
        Some(spoken) => TlsFailure::NotTls(Some(spoken)),
        None => TlsFailure::TimedOut,
    }
}

/// What an error of the handshake means, with what was seen until then.
fn explain(error: &io::Error, record: &Record) -> (TlsFailure, String) {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => (TlsFailure::Closed, "end of stream".to_owned()),
            _ => (TlsFailure::Closed, error.to_string()),
        };
    };
    (meaning(error, record), error.to_string())
}

fn meaning(error: &rustls::Error, record: &Record) -> TlsFailure {
    use rustls::{AlertDescription as Alert, Error, InvalidMessage, PeerIncompatible};

    if !record.began_as_tls() && matches!(error, Error::InvalidMessage(_)) {
        return TlsFailure::NotTls(record.spoken());
    }
    match error {
        Error::AlertReceived(Alert::CertificateRequired) => TlsFailure::WantsCertificate,
        Error::AlertReceived(
            Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::NoCertificate
            | Alert::CertificateUnknown,
        ) if record.asks_for_certificate() => TlsFailure::WantsCertificate,
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => TlsFailure::TooOld,
        Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
        | Error::PeerIncompatible(_) => TlsFailure::NothingInCommon,
        Error::AlertReceived(Alert::UnrecognisedName) => TlsFailure::UnknownName,
        Error::InvalidCertificate(_) => TlsFailure::Untrusted,
        _ => TlsFailure::Other,
    }
}
