//! TLS against `openssl s_server`, and against what is no TLS.

use std::time::Duration;

use checks::remote::connect;
use checks::remote::target::Host;
use checks::remote::tls::{self, Handshake, TlsError, TlsFailure, Trust};
use rustls_pki_types::UnixTime;

use crate::parts::{Openssl, Pki, Scripted};

const STEP: Duration = Duration::from_secs(5);

async fn shake(address: std::net::SocketAddr, name: &str, trust: &Trust) -> Result<Handshake, TlsError> {
    let (stream, _) = connect::tcp(address, STEP).await.unwrap();
    let name = Host::parse(name).unwrap().server_name();
    tls::handshake(stream, name, trust, &["http/1.1"], Duration::from_secs(2)).await.map(|(_, seen)| seen)
}

async fn fails(address: std::net::SocketAddr) -> TlsFailure {
    shake(address, "api.example.com", &Trust::Recorded).await.unwrap_err().kind
}

#[tokio::test]
async fn what_was_sent_is_recorded_whoever_signed_it() {
    let pki = Pki::new(&["api.example.com"]);
    let server = Openssl::start(&pki, &["-www", "-alpn", "http/1.1"]);
    let seen = shake(server.address, "somebody-else.example.com", &Trust::Recorded).await.unwrap();
    let chain: Vec<Vec<u8>> = seen.chain.iter().map(|der| der.to_vec()).collect();
    assert_eq!(chain, pki.chain);
    assert_eq!((seen.version, seen.cipher.as_str()), ("TLSv1.3", "TLS13_AES_256_GCM_SHA384"));
    assert_eq!(
        (seen.alpn.as_deref(), seen.unproven, seen.asks_for_certificate),
        (Some("http/1.1"), None, false)
    );
    let old = Openssl::start(&pki, &["-www", "-tls1_2"]);
    assert_eq!(shake(old.address, "127.0.0.1", &Trust::Recorded).await.unwrap().version, "TLSv1.2");
}

#[tokio::test]
async fn roots_are_asked_where_there_are_some() {
    let pki = Pki::new(&["api.example.com"]);
    let server = Openssl::start(&pki, &["-www"]);
    // 2027, when the certificate of this test is valid whenever it was made.
    let now = UnixTime::since_unix_epoch(Duration::from_hours(500_000));
    let trust = |pki: &Pki, now| Trust::Roots { roots: pki.roots(), now };
    assert!(shake(server.address, "api.example.com", &trust(&pki, now)).await.is_ok());
    let long_after = UnixTime::since_unix_epoch(Duration::from_hours(83_000_000));
    for (name, trust) in [
        ("other.example.com", trust(&pki, now)),
        ("api.example.com", trust(&Pki::new(&["api.example.com"]), now)),
        ("api.example.com", trust(&pki, long_after)),
    ] {
        let error = shake(server.address, name, &trust).await.unwrap_err();
        assert_eq!(error.kind, TlsFailure::Untrusted, "{error}");
        assert_eq!(error.chain.len(), 2, "the chain is there all the same");
    }
}

#[tokio::test]
async fn no_name_is_asked_for_where_the_host_is_an_address() {
    let pki = Pki::new(&["127.0.0.1"]);
    // It refuses whoever asks for another name, and whoever asks for none gets in.
    let server = Openssl::start(
        &pki,
        &[
            "-www",
            "-servername",
            "api.example.com",
            "-servername_fatal",
            "-cert2",
            &pki.path("leaf.pem"),
            "-key2",
            &pki.path("key.pem"),
        ],
    );
    assert!(shake(server.address, "127.0.0.1", &Trust::Recorded).await.is_ok());
    assert!(shake(server.address, "api.example.com", &Trust::Recorded).await.is_ok());
    let error = shake(server.address, "other.example.com", &Trust::Recorded).await.unwrap_err();
    assert_eq!(error.kind, TlsFailure::UnknownName, "{error}");
}

#[tokio::test]
async fn a_server_of_the_last_century_is_too_old_and_not_down() {
    let pki = Pki::new(&["api.example.com"]);
    let server = Openssl::start(&pki, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    let error = shake(server.address, "api.example.com", &Trust::Recorded).await.unwrap_err();
    assert_eq!(error.kind, TlsFailure::TooOld, "{error}");
    assert!(error.to_string().contains("too old for this client"), "{error}");
    // Only ciphers that rustls has never had.
    let server = Openssl::start(&pki, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]);
    assert_eq!(fails(server.address).await, TlsFailure::NothingInCommon);
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_says_so() {
    let pki = Pki::new(&["api.example.com"]);
    let root = pki.path("root.pem");
    let asks = Openssl::start(&pki, &["-www", "-verify", "2", "-CAfile", &root]);
    assert!(shake(asks.address, "api.example.com", &Trust::Recorded).await.unwrap().asks_for_certificate);
    let insists = Openssl::start(&pki, &["-tls1_2", "-Verify", "2", "-CAfile", &root]);
    let error = shake(insists.address, "api.example.com", &Trust::Recorded).await.unwrap_err();
    assert_eq!(error.kind, TlsFailure::WantsCertificate, "{error}");
    assert_eq!(error.chain.len(), 2);
}

#[tokio::test]
async fn what_is_no_tls_is_named() {
    let http = Scripted::answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(fails(http.address).await, TlsFailure::NotTls(Some("HTTP")));
    let smtp = Scripted::saying(b"220 mail.example.com ESMTP\r\n");
    assert_eq!(fails(smtp.address).await, TlsFailure::NotTls(Some("SMTP or FTP")));
    let ssh = Scripted::saying(b"SSH-2.0-OpenSSH_9.2\r\n");
    assert_eq!(fails(ssh.address).await, TlsFailure::NotTls(Some("SSH")));
    let noise = Scripted::saying(b"\x00\x01\x02\x03\x04\x05\x06\x07");
    assert_eq!(fails(noise.address).await, TlsFailure::NotTls(None));
    let closes = Scripted::answering(b"");
    assert_eq!(fails(closes.address).await, TlsFailure::Closed);
    let (held, silent) = std::sync::mpsc::channel();
    let silence = Scripted::start(move |stream| held.send(stream).unwrap());
    assert_eq!(fails(silence.address).await, TlsFailure::TimedOut);
    drop(silent);
}
