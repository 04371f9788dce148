//! HTTP itself: what is not an endpoint, not a method, not JSON, too large or too slow.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rig::Rig;

fn hello() -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]})
}

#[test]
fn every_refusal_is_an_error_object() {
    let rig = Rig::start();
    let bearer = rig.bearer();
    let check = |what: &str, curl: crate::curl::Curl, status: u16| {
        let reply = curl.reply();
        assert_eq!(reply.status, status, "{what}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/json"), "{what}");
        assert!(reply.header("x-request-id").is_some(), "{what}: {}", reply.head);
        reply.error_code();
        reply
    };
    check("no such page", rig.curl("/v1/nothing").header(&bearer), 404);
    check("no such page either", rig.curl("/").header(&bearer), 404);
    let reply = check("a wrong method", rig.curl("/v1/chat/completions").header(&bearer), 405);
    assert!(reply.header("allow").is_some_and(|methods| methods.contains("POST")), "{}", reply.head);
    let form = rig.curl("/v1/chat/completions").header(&bearer).header("Content-Type: text/plain");
    check("no JSON by its name", form.body(b"hello".to_vec()), 415);
    let broken = rig.curl("/v1/chat/completions").header(&bearer).header("Content-Type: application/json");
    check("no JSON at all", broken.body(b"{\"model\":".to_vec()), 400);
    let other = rig.curl("/v1/chat/completions").header(&bearer).header("Content-Type: application/json");
    check("JSON of another shape", other.body(b"[1, 2]".to_vec()), 400);
    assert!(rig.bedrock.requests().is_empty());
}

#[test]
fn health_needs_no_token_and_says_what_it_is() {
    let rig = Rig::start();
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(rig.curl(path).reply().status, 200, "{path}");
    }
}

#[test]
fn head_is_the_head_and_nothing_else_over_both_versions_of_http() {
    let rig = Rig::start();
    let bearer = rig.bearer();
    for path in ["/health/live", "/v1/models"] {
        for version in ["--http1.1", "--http2"] {
            let output = Command::new("curl")
                .args(["--silent", "--show-error", "--head", version, "--max-time", "20", "--noproxy", "*"])
                .args(["--header", &bearer, "--cacert"])
                .arg(rig.pki.ca())
                .arg(rig.url(path))
                .output()
                .unwrap();
            let head = String::from_utf8_lossy(&output.stdout).to_lowercase();
            assert!(output.status.success(), "{path} {version}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(head.contains("200") && head.contains("content-length:"), "{path} {version}: {head}");
        }
    }
}

#[test]
fn a_refusal_before_the_body_is_read_leaves_the_connection_usable() {
    let rig = Rig::start();
    let big = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(big.path(), vec![b'a'; 1_000_000]).unwrap();
    for (path, header, status) in [
        ("/v1/chat/completions", "X-Nothing: 1".to_owned(), "401"),
        ("/v1/chat/completions", format!("{}\r\nContent-Type: text/plain", rig.bearer()), "415"),
        ("/nothing", rig.bearer(), "404"),
    ] {
        for version in ["--http1.1", "--http2"] {
            let mut curl = Command::new("curl");
            for url in [path, "/health/live"] {
                curl.args(["--silent", "--show-error", version, "--max-time", "20", "--noproxy", "*"]);
                curl.args(["--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\n"]);
                curl.args(["--header", "Expect:", "--cacert"]).arg(rig.pki.ca());
                if url == path {
                    for header in header.split("\r\n") {
                        curl.args(["--header", header]);
                    }
                    curl.arg("--data-binary").arg(format!("@{}", big.path().display()));
                }
                curl.arg(rig.url(url));
                if url == path {
                    curl.arg("--next");
                }
            }
            let output = curl.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said, format!("{status} 1\n200 0\n"), "{version}: {output:?}");
        }
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let rig = Rig::start();
    let mut body = br#"{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": ""#.to_vec();
    body.resize(50 * 1024 * 1024, b'a');
    body.extend_from_slice(br#""}]}"#);
    let send = |more: &str| {
        let curl =
            rig.curl("/v1/chat/completions").header(&rig.bearer()).header("Content-Type: application/json");
        // The proxy need not read what it refuses, and curl may find the connection closed while it sends.
        match curl.header(more).body(body.clone()).attempt() {
            Ok(reply) => {
                assert_eq!(reply.status, 413, "{}", reply.body);
                reply.error_code();
            }
            Err(said) => assert!(said.contains("HTTP/1.1 413"), "{said}"),
        }
    };
    send("Accept: */*");
    send("Transfer-Encoding: chunked");
    assert!(rig.bedrock.requests().is_empty());
    assert_eq!(rig.post("/v1/chat/completions", &hello()).reply().status, 200);
}

#[test]
fn a_large_body_within_the_limit_is_answered() {
    let rig = Rig::with(|config| config["requests"] = json!({"max_body_bytes": "64MiB"}));
    let text = "word ".repeat(10 * 1024 * 1024);
    let mut body = hello();
    body["messages"][0]["content"] = text.into();
    body["max_tokens"] = json!(5);
    // The stand-in takes no more than Bedrock does: the refusal shows that everything was sent on.
    let reply = rig.post("/v1/chat/completions", &body).reply();
    assert_ne!(reply.status, 500, "{}", reply.body);
    assert_eq!(rig.post("/v1/chat/completions", &hello()).reply().status, 200);
}

#[test]
fn a_client_that_dawdles_is_let_go() {
    let rig = Rig::with(|config| config["timeouts"] = json!({"headers": "1s", "body": "1s"}));
    // Before TLS, in the middle of the headers, in the middle of the body.
    let mut silent = TcpStream::connect(rig.address).unwrap();
    let started = Instant::now();
    assert_eq!(crate::stream::run(dawdle(&rig, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-A: ")), Gone);
    let half = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{\"model\"",
        rig.bearer()
    );
    assert_eq!(crate::stream::run(dawdle(&rig, &half)), Gone);
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    silent.write_all(b"\x16").ok();
    let mut rest = Vec::new();
    let ended = silent.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_eq!(rig.post("/v1/chat/completions", &hello()).reply().status, 200);
}

/// The connection was closed.
#[derive(Debug, PartialEq, Eq)]
struct Gone;

/// Sends a part of a request and waits until the proxy has had enough, with or without an answer.
async fn dawdle(rig: &Rig, part: &str) -> Gone {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = crate::stream::Connector::new(rig).connect().await.unwrap();
    stream.write_all(part.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    // That it closes is what is waited for; whether it says good-bye is up to it.
    let _ = stream.read_to_end(&mut rest).await;
    Gone
}

#[test]
fn only_listed_origins_may_call_from_a_browser() {
    let rig = Rig::with(|config| config["cors"] = json!({"allowed_origins": ["https://app.example.com"]}));
    let preflight = |origin: &str| {
        rig.curl("/v1/chat/completions")
            .method("OPTIONS")
            .header(&format!("Origin: {origin}"))
            .header("Access-Control-Request-Method: POST")
            .header("Access-Control-Request-Headers: authorization,content-type")
            .reply()
    };
    let allowed = preflight("https://app.example.com");
    assert!((200..300).contains(&allowed.status), "{}", allowed.head);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    let headers = allowed.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
    assert_eq!(preflight("https://evil.example.com").header("access-control-allow-origin"), None);
    let reply = rig.post("/v1/chat/completions", &hello()).header("Origin: https://app.example.com").reply();
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, Some("https://app.example.com"))
    );
}
