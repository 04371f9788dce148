//! How the server ends.

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::*;

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
