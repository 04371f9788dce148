//! What systemd hears.

use std::{collections::BTreeMap, os::unix::net::UnixDatagram};

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn each_stage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let notifier = Notifier::from_environment(&environment(&[("NOTIFY_SOCKET", path.to_str().unwrap())]), 7);
    notifier.ready("serving\nREADY=0");
    assert_eq!(heard(&socket), "READY=1\nSTATUS=serving READY=0\n");
    notifier.reloading();
    let text = heard(&socket);
    let (first, second) = text.split_once('\n').unwrap();
    assert_eq!(first, "RELOADING=1");
    assert!(second.trim().strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap() > 0);
    notifier.stopping("draining");
    assert_eq!(heard(&socket), "STOPPING=1\nSTATUS=draining\n");
    notifier.alive();
    assert_eq!(heard(&socket), "WATCHDOG=1\n");
    assert_eq!(notifier.watchdog_interval(), None);
}

#[test]
fn the_watchdog_is_fed_twice_in_its_time_and_only_by_its_process() {
    for (id, wanted) in [(Some("7"), Some(15)), (Some("8"), None), (None, Some(15))] {
        let mut variables = environment(&[("WATCHDOG_USEC", "30000000")]);
        variables.extend(id.map(|id| ("WATCHDOG_PID".to_owned(), id.to_owned())));
        let notifier = Notifier::from_environment(&variables, 7);
        assert_eq!(notifier.watchdog_interval(), wanted.map(Duration::from_secs));
    }
    for nonsense in ["", "0", "1", "soon"] {
        let notifier = Notifier::from_environment(&environment(&[("WATCHDOG_USEC", nonsense)]), 7);
        assert_eq!(notifier.watchdog_interval(), None);
        notifier.alive();
    }
}

#[tokio::test]
async fn the_accepting_task_feeds_the_watchdog() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let variables = environment(&[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "20000")]);
    let notifier = Notifier::from_environment(&variables, 7);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let ending = Ending::default();
    let seen = Arc::new(Seen::default());
    let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&seen)));
    let serving = serve(listener, None, LIMITS, service, &ending, &notifier);
    let listening = async {
        for _ in 0..5 {
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], b"WATCHDOG=1\n");
        }
        ending.stop.cancel();
    };
    let (served, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(serving, listening) }).await.unwrap();
    assert_eq!(served.cut, 0);
}
