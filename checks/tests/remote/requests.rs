//! HTTP over TCP and TLS.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use checks::remote::connect::Failure;
use checks::remote::http::{self, HttpError, Method, Options, Request, Url, fetch, send};
use checks::remote::tls::Trust;
use rustls_pki_types::UnixTime;

use crate::parts::{Openssl, Pki, Scripted};

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_page_is_fetched_over_tls_and_with_trust() {
    let pki = Pki::new(&["api.example.com"]);
    let server = Openssl::start(&pki, &["-www"]);
    let now = UnixTime::since_unix_epoch(Duration::from_hours(500_000));
    let options = Options {
        trust: Trust::Roots { roots: pki.roots(), now },
        address: Some(server.address.ip()),
        ..Options::default()
    };
    let to = url(&format!("https://api.example.com:{}/", server.address.port()));
    let whole = fetch(&Request::get(to), &options).await.unwrap();
    assert_eq!(whole.status, 200);
    assert!(whole.text().contains("s_server"), "{}", whole.text());
    assert_eq!(whole.handshake.unwrap().chain.len(), 2);
    assert!(whole.timing.tls.is_some());
    // Without trust it is not asked at all.
    let wrong = url(&format!("https://other.example.com:{}/", server.address.port()));
    let error = fetch(&Request::get(wrong), &options).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn what_is_sent_arrives() {
    let (sender, receiver) = mpsc::channel();
    let server = Scripted::start(move |mut stream| {
        let mut request = Vec::new();
        while !request.ends_with(b"hello") {
            let mut piece = [0; 512];
            let count = stream.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..count]);
        }
        sender.send(String::from_utf8(request).unwrap()).unwrap();
        stream
            .write_all(
                b"HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok",
            )
            .unwrap();
    });
    let to = url(&format!("http://{}/v1/models?x=1", server.address));
    let token = model::Secret::new("not-a-secret".to_owned());
    let request = Request::new(Method::PUT, to, "hello").bearer(&token);
    let whole = fetch(&request, &Options::default()).await.unwrap();
    assert_eq!((whole.status.as_u16(), whole.text().as_str()), (201, "ok"));
    assert_eq!(http::date(&whole.headers).unwrap().as_second(), 784_111_777);
    let sent = receiver.recv().unwrap();
    assert!(sent.starts_with("PUT /v1/models?x=1 HTTP/1.1\r\n"), "{sent}");
    for line in [
        format!("host: {}", server.address),
        "authorization: Bearer not-a-secret".to_owned(),
        "content-length: 5".to_owned(),
        "connection: close".to_owned(),
    ] {
        assert!(sent.contains(&format!("{line}\r\n")), "{line} in {sent}");
    }
    assert!(!format!("{:?}", request.headers).contains("not-a-secret"));
}

#[tokio::test]
async fn a_stream_comes_in_pieces() {
    let (go, wait) = mpsc::channel::<()>();
    let server = Scripted::start(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n").unwrap();
        // The second piece is not written before the first was read.
        wait.recv().unwrap();
        stream.write_all(b"7\r\ndata: 2\r\n0\r\n\r\n").unwrap();
    });
    let to = url(&format!("http://{}/", server.address));
    let mut answer = send(&Request::get(to), &Options::default()).await.unwrap();
    assert_eq!(answer.body.chunk().await.unwrap().unwrap().as_ref(), b"data: 1");
    go.send(()).unwrap();
    assert_eq!(answer.body.chunk().await.unwrap().unwrap().as_ref(), b"data: 2");
    assert_eq!(answer.body.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn every_wait_and_every_body_is_bounded() {
    let options = Options { answer: Duration::from_millis(300), body_limit: 1000, ..Options::default() };
    let (held, silent) = mpsc::channel();
    let silence = Scripted::start(move |stream| held.send(stream).unwrap());
    let began = Instant::now();
    let to = url(&format!("http://{}/", silence.address));
    let error = fetch(&Request::get(to), &options).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer within 0.3 s");
    let stalls = Scripted::start(|mut stream| {
        // An answer that comes before its request is no answer.
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1").unwrap();
        // Until the client has gone.
        while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    });
    let to = url(&format!("http://{}/", stalls.address));
    let error = fetch(&Request::get(to), &options).await.unwrap_err();
    assert_eq!(error.to_string(), "no more of the body within 0.3 s");
    let floods = Scripted::start(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let to = url(&format!("http://{}/", floods.address));
    // What ends this one is the length and no wait.
    let options = Options { answer: Duration::from_secs(30), ..options };
    let error = fetch(&Request::get(to), &options).await.unwrap_err();
    assert_eq!(error, HttpError::TooLong { limit: 1000 });
    assert!(began.elapsed() < Duration::from_secs(20));
    drop(silent);
}

#[tokio::test]
async fn what_is_no_http_is_said() {
    let noise = Scripted::answering(b"220 mail.example.com\r\n");
    let to = url(&format!("http://{}/", noise.address));
    let error = fetch(&Request::get(to), &Options::default()).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken(_)), "{error}");
    let address = noise.address;
    drop(noise);
    let error =
        fetch(&Request::get(url(&format!("http://{address}/"))), &Options::default()).await.unwrap_err();
    assert_eq!(error, HttpError::Connect { peer: address, failure: Failure::Refused });
}

#[test]
fn urls_are_read() {
    for (text, shown) in [
        ("https://api.example.com", "https://api.example.com/"),
        ("https://API.example.com:8443/v1/models?a=b#c", "https://api.example.com:8443/v1/models?a=b"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("http://169.254.169.254?x", "http://169.254.169.254/?x"),
    ] {
        assert_eq!(url(text).to_string(), shown);
    }
    for bad in [
        "api.example.com",
        "ftp://a.example",
        "https://",
        "https://u@a.example",
        "https://a.example:x",
        "https://a.example/a b",
    ] {
        assert!(bad.parse::<Url>().is_err(), "{bad}");
    }
}
