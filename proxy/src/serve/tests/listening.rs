//! Where clients connect.

use std::{net::TcpListener as StdListener, os::fd::OwnedFd, process::Stdio};

use listenfd::ListenFd;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use super::*;
use crate::config::{Listen, codes};

fn listen(address: &str) -> Listen {
    Listen { address: address.parse().unwrap(), max_connections: 1, drain: Duration::ZERO }
}

async fn get(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn both_families_are_served() {
    for (address, connect) in
        [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1"), ("[::]:0", "::1")]
    {
        let listener = Listener::bind(address.parse().unwrap()).unwrap();
        let port = listener.addresses()[0].port();
        let running = start_on(listener, None, LIMITS);
        assert!(
            get(SocketAddr::new(connect.parse().unwrap(), port)).await.starts_with("HTTP/1.1 200"),
            "{address}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn plain_http_stays_on_the_machine_and_a_taken_address_is_named() {
    let refused = Listener::open(&listen("0.0.0.0:0"), false, ListenFd::empty()).unwrap_err();
    assert_eq!(refused.code(), codes::PLAIN_HTTP);
    assert!(Listener::open(&listen("0.0.0.0:0"), true, ListenFd::empty()).is_ok());
    let first = Listener::open(&listen("127.0.0.1:0"), false, ListenFd::empty()).unwrap();
    let taken = first.addresses()[0].to_string();
    let refused = Listener::open(&listen(&taken), false, ListenFd::empty()).unwrap_err();
    assert_eq!(refused.code(), codes::NO_LISTENER);
    let finding = refused.finding();
    assert!(finding.message.contains(&taken) && finding.message.contains("in use"), "{finding:?}");
}

/// Starts itself again as systemd would start a service: with a listening socket as descriptor 3.
#[tokio::test]
async fn sockets_of_systemd_are_used() {
    let inherited = inherited_sockets();
    if inherited.len() > 0 {
        // This is the service. The configured address would not be allowed, and is not used.
        let listener = Listener::open(&listen("192.0.2.1:1"), false, inherited).unwrap();
        let running = start_on(listener, None, LIMITS);
        while running.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.stop().await;
        return;
    }
    let socket = StdListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut service = Command::new("sh")
        .args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\" 3<&0 < /dev/null", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "serve::tests::listening::sockets_of_systemd_are_used"])
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    assert!(get(address).await.starts_with("HTTP/1.1 200"));
    assert!(tokio::time::timeout(PATIENCE, service.wait()).await.unwrap().unwrap().success());
}
