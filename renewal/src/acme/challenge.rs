//! Answers to challenges: shown while an order is open, and gone afterwards, whatever comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use instant_acme::{ChallengeType, KeyAuthorization};
use model::config::AcmeChallenge;
use model::{Finding, Severity};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Place;
use crate::disk::{self, Disk, gone};
use crate::records::{TxtRecords, place_of};
use crate::trouble::{Trouble, codes};

/// The proxy's group reads them.
const MODE: u32 = 0o640;
/// Where HTTP-01 is asked for (RFC 8555, section 8.3).
const WELL_KNOWN: &str = "/.well-known/acme-challenge/";
/// One question over HTTP.
const QUESTION: Duration = Duration::from_secs(10);
/// Requests of authorities have a few hundred bytes.
const LARGEST_QUESTION: usize = 8 << 10;

/// The answers of one order.
pub(super) struct Answers<'a> {
    place: Place<'a>,
    files: Vec<PathBuf>,
    /// Token to answer, for HTTP-01.
    tokens: Mutex<BTreeMap<String, String>>,
    listener: Option<TcpListener>,
    /// Name and value of text records, for DNS-01.
    published: Vec<(String, String)>,
}

impl<'a> Answers<'a> {
    /// None yet.
    pub(super) fn new(place: Place<'a>) -> Self {
        let (files, tokens, published) = (Vec::new(), Mutex::default(), Vec::new());
        Self { place, files, tokens, listener: None, published }
    }

    /// Makes ready for answers of this kind for these names; none is shown yet.
    pub(super) async fn open(&mut self, challenge: AcmeChallenge, names: &[String]) -> Result<(), Trouble> {
        let place = self.place;
        match challenge {
            AcmeChallenge::TlsAlpn01 => {}
            AcmeChallenge::Http01 => {
                let bound = bind(place.http).await.map_err(|error| {
                    Trouble::new(
                        codes::PORT,
                        place.http.to_string(),
                        format!("HTTP-01 is answered on port {}, which is not free", place.http.port()),
                    )
                    .evidence(error.to_string())
                    .hint(format!(
                        "see who has it: ss -ltnp 'sport = :{}'; or set `tls.acme.challenge: tls-alpn-01`, which needs \
                         port 443 only",
                        place.http.port()
                    ))
                })?;
                self.listener = Some(bound);
            }
            AcmeChallenge::Dns01 => {
                let records = self.records()?;
                let places: BTreeSet<String> = names.iter().map(|name| place_of(name)).collect();
                for name in &places {
                    records.look(name).await.map_err(Trouble::of_finding)?;
                }
            }
        }
        Ok(())
    }

    fn records(&self) -> Result<&'a dyn TxtRecords, Trouble> {
        self.place.records.ok_or_else(|| {
            Trouble::new(
                codes::CHALLENGE,
                "tls.acme.challenge",
                "dns-01 is answered with a text record, and no DNS can be written from here",
            )
            .hint("set `tls.acme.challenge: tls-alpn-01`, and then: sre-agent-deploy host renew")
        })
    }

    /// Shows an answer of this kind. Afterwards it can be seen.
    pub(super) async fn show(
        &mut self,
        challenge: AcmeChallenge,
        name: &str,
        token: &str,
        key: &KeyAuthorization,
    ) -> Result<(), Trouble> {
        match challenge {
            AcmeChallenge::Dns01 => {
                let (records, name, value) = (self.records()?, place_of(name), key.dns_value());
                // Known before it is published, so that it is taken back also where nobody knows whether it was.
                self.published.push((name.clone(), value.clone()));
                records.publish(&name, &value).await.map_err(Trouble::of_finding)
            }
            AcmeChallenge::Http01 | AcmeChallenge::TlsAlpn01 => self.show_here(name, token, key),
        }
    }

    fn show_here(&mut self, name: &str, token: &str, key: &KeyAuthorization) -> Result<(), Trouble> {
        if self.listener.is_some() {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.insert(token.to_owned(), key.as_str().to_owned());
            return Ok(());
        }
        let path = self.place.answers.join(format!("{}.pem", name.to_ascii_lowercase()));
        let pem = certificate(name, key.digest().as_ref()).map_err(|error| {
            Trouble::new(codes::CHALLENGE, name, "no answer to tls-alpn-01 can be made for this name")
                .evidence(error.to_string())
        })?;
        // Known before it is written, so that it is removed also where half of it was.
        self.files.push(path.clone());
        disk::replace(self.place.disk, &path, pem.as_bytes(), MODE, self.place.owner)
            .map_err(|error| Trouble::of_file("write", &path, &error))
    }

    /// Takes down what is shown on this host.
    pub(super) fn close(&mut self) {
        self.listener = None;
        for path in self.files.drain(..) {
            // What cannot be removed now is removed by the next run.
            let _ = self.place.disk.remove(&path);
        }
    }

    /// Takes back what is shown elsewhere. What stays is said, and is taken back by the next run.
    pub(super) async fn take_back(&mut self) -> Vec<Finding> {
        let mut left = Vec::new();
        let Some(records) = self.place.records else { return left };
        for (name, value) in std::mem::take(&mut self.published) {
            if let Err(finding) = records.withdraw(&name, &value).await {
                left.push(Finding { severity: Severity::Warning, ..*finding });
            }
        }
        left
    }

    /// Answers over HTTP until nobody waits for it any more; for the other kinds it waits for ever.
    pub(super) async fn serve(&self) {
        let Some(listener) = &self.listener else { return std::future::pending().await };
        loop {
            // A connection that breaks is asked for again by the authority.
            if let Ok((stream, _)) = listener.accept().await {
                let _ = tokio::time::timeout(QUESTION, self.answer(stream)).await;
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut question = Vec::new();
        while !question.windows(4).any(|end| end == b"\r\n\r\n") && question.len() < LARGEST_QUESTION {
            if stream.read_buf(&mut question).await? == 0 {
                break;
            }
        }
        let text = String::from_utf8_lossy(&question);
        let token = text
            .strip_prefix("GET ")
            .and_then(|rest| rest.split([' ', '\r', '?']).next())
            .and_then(|path| path.strip_prefix(WELL_KNOWN));
        let found = token
            .and_then(|token| self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned());
        let (status, body) = match found {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    }
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Removes the answers that a killed run has left. The lock of the run says that nobody needs them.
pub fn remove_answers(disk: &dyn Disk, folder: &Path) -> Result<usize, Trouble> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(|error| Trouble::of_file("look into", folder, &error))?,
    };
    let mut removed = 0_usize;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".pem") || name.ends_with(".pem.new") {
            let path = entry.path();
            gone(disk.remove(&path)).map_err(|error| Trouble::of_file("remove", &path, &error))?;
            removed = removed.saturating_add(1);
        }
    }
    Ok(removed)
}

/// Listens. Where this host has no IPv6, "everywhere" is everywhere in IPv4.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error)
            if address.is_ipv6()
                && address.ip().is_unspecified()
                && error.kind() != io::ErrorKind::AddrInUse =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// What the authority calls it.
pub(super) fn kind(challenge: AcmeChallenge) -> ChallengeType {
    match challenge {
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        AcmeChallenge::Http01 => ChallengeType::Http01,
        AcmeChallenge::Dns01 => ChallengeType::Dns01,
    }
}

/// What the configuration calls it.
pub(super) fn word(challenge: AcmeChallenge) -> &'static str {
    match challenge {
        AcmeChallenge::TlsAlpn01 => "tls-alpn-01",
        AcmeChallenge::Http01 => "http-01",
        AcmeChallenge::Dns01 => "dns-01",
    }
}

/// A self-signed certificate with the digest in it (RFC 8737, section 3), and its key, PEM. The key has no other use
/// and is gone with the file.
fn certificate(name: &str, digest: &[u8]) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}
