//! Requests that are not what they seem, and clients that take their time.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

/// Sends bytes and reads until the server closes the connection, or is silent because it waits for more.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|rest| rest.get(..3))
        .filter(|text| text.parse::<u16>().is_ok())
        .collect()
}

#[tokio::test]
async fn a_plain_request_is_answered() {
    let running = start(None, LIMITS);
    let answer = exchange(
        running.address,
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi",
    )
    .await;
    assert!(answer.ends_with("HTTP/1.1 encrypted=false certificate=false body=hi\n"), "{answer}");
    assert_eq!(running.stop().await, Served { cut: 0 });
}

/// Shapes that two servers in a row may read differently (RFC 9112 section 11.2), each followed by a request that must
/// not be taken for one.
#[tokio::test]
async fn ambiguous_requests_are_refused_and_nothing_behind_them_is_read() {
    let headers = Duration::from_millis(500);
    let running = start(None, Limits { headers, ..LIMITS });
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    for head in [
        "content-length: 0\r\ncontent-length: 40\r\n\r\n",
        "content-length: 0, 40\r\n\r\n",
        "content-length: +0\r\n\r\n",
        "content-length: -1\r\n\r\n",
        "content-length: 0x0\r\n\r\n",
        "content-length: 99999999999999999999999\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: identity\r\n\r\n",
        "x-folded: a\r\n b\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        " transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "x: a\0b\r\n\r\n",
        "x: a\rtransfer-encoding: chunked\r\n\r\n",
        "no colon\r\n\r\n",
    ] {
        let before = running.requests();
        let answer =
            exchange(running.address, format!("POST / HTTP/1.1\r\nhost: x\r\n{head}{smuggled}").as_bytes())
                .await;
        let statuses = statuses(&answer);
        assert!(statuses.iter().all(|status| *status == "400"), "{head:?}: {answer}");
        assert_eq!(running.requests(), before, "{head:?}");
    }
    for line in
        ["GET / HTTP/1.1 \r\n", "GET  / HTTP/1.1\r\n", "GET / HTTP/9.9\r\n", "\0\r\n", "G@T / HTTP/1.1\r\n"]
    {
        let answer = exchange(running.address, format!("{line}host: x\r\n\r\n").as_bytes()).await;
        assert!(statuses(&answer).iter().all(|status| *status == "400"), "{line:?}: {answer}");
    }
    assert_eq!(running.requests(), 0);
}

/// Which of the two lengths counts, a server before us may have decided otherwise.
#[tokio::test]
async fn nothing_is_read_behind_a_request_with_two_lengths() {
    let running = start(None, LIMITS);
    for head in [
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        let before = running.requests();
        let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
        let text = format!("POST / HTTP/1.1\r\nhost: x\r\n{head}\r\n0\r\n\r\n{smuggled}");
        let answer = exchange(running.address, text.as_bytes()).await;
        assert_eq!(statuses(&answer), ["200"], "{head:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(running.requests(), before + 1, "{head:?}");
    }
}

#[tokio::test]
async fn bad_chunks_end_the_connection() {
    let running = start(None, Limits { headers: Duration::from_millis(500), ..LIMITS });
    for body in [
        "g\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello!!0\r\n\r\n",
        "5;\nx\r\nhello\r\n0\r\n\r\n",
    ] {
        let head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
        let answer = exchange(running.address, format!("{head}{body}{smuggled}").as_bytes()).await;
        assert!(!answer.contains("body=hello"), "{body:?}: {answer}");
        assert!(statuses(&answer).len() <= 1, "{body:?}: {answer}");
    }
    assert_eq!(running.requests(), 7, "each is one request with an unreadable body");
}

#[tokio::test]
async fn large_heads_are_refused() {
    let running = start(None, LIMITS);
    let many = "x: y\r\n".repeat(101);
    let long = format!("x: {}\r\n", "y".repeat(40 * 1024));
    for (head, wanted) in [(many.as_str(), "431"), (&long, "431")] {
        let answer =
            exchange(running.address, format!("GET / HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes()).await;
        assert_eq!(statuses(&answer), [wanted]);
    }
    let uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(40 * 1024));
    let answer = exchange(running.address, uri.as_bytes()).await;
    assert!(["414", "431"].contains(&statuses(&answer)[0]), "{answer}");
    assert_eq!(running.requests(), 0);
}

#[tokio::test]
async fn slow_heads_and_silent_clients_lose_their_connection() {
    let running = start(None, Limits { headers: Duration::from_millis(300), ..LIMITS });
    for bytes in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: x\r\n", b"PRI * HTTP/2.0\r\n"] {
        assert_eq!(exchange(running.address, bytes).await, "", "{bytes:?}");
    }
    // A head that trickles in is as slow as one that stops.
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let trickle = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trickle).await.unwrap();
    assert_eq!(running.requests(), 0);
}

#[tokio::test]
async fn an_idle_connection_outlives_the_limit_for_heads() {
    let running = start(None, Limits { headers: Duration::from_millis(100), ..LIMITS });
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4096];
        let length = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        // Three times the limit for heads, in which nothing may arrive, not even an end.
        let idle = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer)).await;
        assert!(idle.is_err(), "{idle:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_request() {
    let mut running = start(None, LIMITS);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The other direction is open, but nobody would send a request like this and wait.
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.is_empty());
    running.ending.stop.cancel();
    assert_eq!(running.ended().await.cut, 0);
}

#[tokio::test]
async fn no_more_connections_are_accepted_than_allowed() {
    let running = start(None, Limits { max_connections: 1, ..LIMITS });
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, first.read(&mut buffer)).await.unwrap().unwrap();
    assert!(read > 0);
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(200), second.read(&mut buffer)).await;
    assert!(waiting.is_err());
    drop(first);
    let read = tokio::time::timeout(PATIENCE, second.read(&mut buffer)).await.unwrap().unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
}

mod activity {
    use super::super::super::activity::{Activity, Due};
    use super::*;

    fn seconds(activity: &Activity) -> (bool, u64) {
        let due = activity.due();
        (matches!(due, Due::Goodbye(_)), due.at().duration_since(tokio::time::Instant::now()).as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_depends_on_what_is_going_on() {
        let activity = Activity::new(Duration::from_secs(10), false);
        assert_eq!(seconds(&activity), (true, 10), "nothing came yet");
        let request = activity.request();
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert!(seconds(&activity).1 >= 59, "an answer may take as long as it takes");
        drop(request);
        assert_eq!(seconds(&activity), (true, 75), "idle connections are kept");
    }
}
