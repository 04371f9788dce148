//! How the server ends.

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::tls::testing::{Authority, Folder, now};

type Sender1 = hyper::client::conn::http1::SendRequest<Empty<Bytes>>;
type Sender2 = hyper::client::conn::http2::SendRequest<Empty<Bytes>>;

async fn http1(address: SocketAddr, tasks: &mut JoinSet<()>) -> Sender1 {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tasks.spawn(async { drop(connection.await) });
    sender
}

async fn http2(address: SocketAddr, tasks: &mut JoinSet<()>) -> Sender2 {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tasks.spawn(async { drop(connection.await) });
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://x{path}")).header("host", "x").body(Empty::new()).unwrap()
}

async fn piece(body: &mut Incoming) -> Option<Bytes> {
    tokio::time::timeout(PATIENCE, body.frame()).await.unwrap()?.ok()?.into_data().ok()
}

#[tokio::test]
async fn open_answers_end_and_no_new_request_is_taken() {
    let mut running = start(None, LIMITS);
    let mut tasks = JoinSet::new();
    let mut one = http1(running.address, &mut tasks).await;
    let mut two = http2(running.address, &mut tasks).await;
    let mut idle = http1(running.address, &mut tasks).await;
    assert!(idle.send_request(get("/")).await.is_ok());
    let mut first = one.send_request(get("/stream")).await.unwrap().into_body();
    let mut second = two.send_request(get("/stream")).await.unwrap().into_body();
    assert_eq!(piece(&mut first).await.unwrap(), "piece 0\n");
    assert_eq!(piece(&mut second).await.unwrap(), "piece 0\n");
    running.ending.obey(Signal::Drain);
    // The idle connection is closed at once, so no request can be sent on it.
    tokio::time::timeout(PATIENCE, async {
        while idle.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(TcpStream::connect(running.address).await.is_err() || two.send_request(get("/")).await.is_err());
    running.seen.go_on.notify_waiters();
    running.seen.go_on.notify_one();
    running.seen.go_on.notify_one();
    assert_eq!(piece(&mut first).await.unwrap(), "piece 1\n");
    running.seen.go_on.notify_one();
    assert_eq!(piece(&mut second).await.unwrap(), "piece 1\n");
    assert!(first.frame().await.is_none_or(|frame| frame.is_ok()));
    assert_eq!(running.ended().await, Served { cut: 0 });
    assert_eq!(running.requests(), 3);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_and_counted() {
    let mut running = start(None, Limits { drain: Duration::from_millis(200), ..LIMITS });
    let mut tasks = JoinSet::new();
    let mut senders = Vec::new();
    for _ in 0..3 {
        let mut sender = http1(running.address, &mut tasks).await;
        let mut body = sender.send_request(get("/stream")).await.unwrap().into_body();
        assert_eq!(piece(&mut body).await.unwrap(), "piece 0\n");
        senders.push((sender, body));
    }
    let cut = running.ending.cut.clone();
    running.ending.obey(Signal::Drain);
    assert_eq!(running.ended().await, Served { cut: 3 });
    assert!(cut.is_cancelled(), "streams are told that they are cut");
    for (_, mut body) in senders {
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()), "a cut stream is no whole one");
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let mut running = start(None, Limits { drain: Duration::from_hours(1), ..LIMITS });
    let mut tasks = JoinSet::new();
    let mut two = http2(running.address, &mut tasks).await;
    let mut body = two.send_request(get("/stream")).await.unwrap().into_body();
    assert_eq!(piece(&mut body).await.unwrap(), "piece 0\n");
    running.ending.obey(Signal::Drain);
    running.ending.obey(Signal::Cut);
    assert_eq!(running.ended().await, Served { cut: 1 });
}

#[tokio::test]
async fn the_second_signal_of_the_system_cuts() {
    let mut signals = Signals::new().unwrap();
    let id = std::process::id().to_string();
    let send = |name: &str| {
        let status = std::process::Command::new("kill").args([name, &id]).status().unwrap();
        assert!(status.success());
    };
    send("-HUP");
    assert_eq!(signals.next().await, Signal::Reload);
    send("-TERM");
    assert_eq!(signals.next().await, Signal::Drain);
    send("-INT");
    assert_eq!(signals.next().await, Signal::Cut);
}

/// Two connections that are there when the end comes, the first with nothing sent and the second with TLS settled, each
/// ask once: what they are answered.
async fn asked_at_the_end() -> Vec<String> {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    let server = Arc::new(Server::new(&folder.settings(), now()).unwrap());
    let mut running = start(Some(server), LIMITS);
    let connector = TlsConnector::from(authority.client(None, &[b"http/1.1"]));
    let connect = async |stream| connector.connect("localhost".try_into().unwrap(), stream).await;
    let first = TcpStream::connect(running.address).await.unwrap();
    let second = connect(TcpStream::connect(running.address).await.unwrap()).await.unwrap();
    running.ending.stop.cancel();
    let mut answers = Vec::new();
    for stream in [connect(first).await, Ok(second)] {
        let Ok(mut stream) = stream else { continue };
        let mut answer = String::new();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let _ = stream.read_to_string(&mut answer).await;
        answers.push(answer);
    }
    assert_eq!(running.ended().await.cut, 0);
    answers
}

#[tokio::test]
async fn who_was_let_in_before_the_end_is_still_served() {
    // They have a second, which a busy machine may not have.
    const TRIES: usize = 10;
    let mut answers = Vec::new();
    for _ in 0..TRIES {
        answers = asked_at_the_end().await;
        let is_served = |answer: &String| answer.starts_with("HTTP/1.1 200");
        if answers.len() == 2 && answers.iter().all(is_served) {
            return;
        }
    }
    panic!("{answers:?}");
}
