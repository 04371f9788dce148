//! Exchanging certificates under load.

use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::tls::{
    CertificateWatch, Look,
    testing::{Authority, Folder, now},
};

/// Requests that each open connection sends after every exchange.
const CONNECTIONS: usize = 200;
const EXCHANGES: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_connections_survive_every_exchange_and_new_ones_see_it() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    let server = Arc::new(Server::new(&folder.settings(), now()).unwrap());
    let mut watch = CertificateWatch::new(Arc::clone(&server), &folder.settings());
    let running = start(Some(server), LIMITS);
    let client = authority.client(None, &[b"http/1.1"]);
    let connect = async || {
        let stream = TcpStream::connect(running.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::clone(&client)).connect(name, stream).await.unwrap()
    };
    let mut tasks = JoinSet::new();
    let mut senders = Vec::new();
    for _ in 0..CONNECTIONS {
        let io = TokioIo::new(connect().await);
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tasks.spawn(async { drop(connection.await) });
        senders.push(sender);
    }
    for exchange in 0..EXCHANGES {
        let pair = authority.issue();
        folder.put(&pair);
        assert!(matches!(watch.look(&folder.settings(), now()), Look::Exchanged));
        // A fourth of the connections in turn, so that each is used in between and all of them at the end.
        let is_last = exchange + 1 == EXCHANGES;
        for sender in senders.iter_mut().skip(exchange % 4).step_by(if is_last { 1 } else { 4 }) {
            let request = Request::get("/").header("host", "x").body(Empty::<Bytes>::new()).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap();
        }
        // A full handshake, since a resumed one shows no certificate.
        let mut fresh = (*client).clone();
        fresh.resumption = rustls::client::Resumption::disabled();
        let stream = TcpStream::connect(running.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(fresh)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], pair.leaf());
    }
    for sender in &mut senders {
        assert!(sender.ready().await.is_ok());
    }
}
