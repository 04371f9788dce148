//! Networks that do not work, each in a network namespace of its own: dropped, unroutable, refused, reset.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use checks::remote::collect::{Look, Options, endpoints, look};
use checks::remote::connect::{Failure, Outcome, probe};
use checks::remote::target::Target;
use checks::remote::tls::TlsFailure;
use model::Severity;

use crate::parts::{Openssl, Pki, Scripted};

/// Only a namespace of these tests has this interface.
const MARK: &str = "sre-near";

/// Builds the network: a neighbour that never answers, and ways that lead nowhere. `/etc/hosts` is one of our own.
const SETUP: &str = r#"
set -e
ip link set lo up
ip link add sre-near type veth peer name sre-far
ip address add 192.0.2.1/24 dev sre-near
ip link set sre-near up
ip link set sre-far up
ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev sre-near nud permanent
ip route add unreachable 198.51.100.0/24
ip route add prohibit 203.0.113.0/24
hosts=$(mktemp)
printf '127.0.0.1 dual.example localhost\n2001:db8::1 dual.example\n' > "$hosts"
mount --bind "$hosts" /etc/hosts
rm "$hosts"
exec "$@"
"#;

/// Runs `body` in such a network. `test` is the full name of the test that calls this.
fn in_broken_network(test: &str, body: impl AsyncFnOnce()) {
    let interfaces = std::fs::read_to_string("/proc/net/dev").unwrap();
    if interfaces.contains(MARK) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body());
        return;
    }
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", "unshare", "--net", "--mount"]);
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--", "sh", "-c", SETUP, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .output()
        .expect("`timeout` is there (Debian: apt-get install coreutils)");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && said.contains("1 passed"),
        "no network namespace of its own: that takes root, or user namespaces for this user (`sysctl \
         kernel.unprivileged_userns_clone user.max_user_namespaces`), and iproute2, mount and util-linux (Debian: \
         apt-get install iproute2 mount util-linux); or the test itself failed there:\n{said}"
    );
}

#[test]
fn ways_of_failing_are_told_apart() {
    in_broken_network("namespaces::ways_of_failing_are_told_apart", async || {
        let step = Duration::from_secs(1);
        for (address, expected) in [
            ("192.0.2.9:443", Failure::TimedOut),
            ("198.51.100.1:443", Failure::Unreachable),
            ("203.0.113.1:443", Failure::Forbidden),
            ("233.252.0.1:443", Failure::NoRoute),
            ("[2001:db8::1]:443", Failure::NoRoute),
            ("127.0.0.1:1", Failure::Refused),
        ] {
            let began = Instant::now();
            let outcome = probe(address.parse().unwrap(), step).await;
            assert_eq!(outcome, Outcome::Failed(expected), "{address}");
            assert!(began.elapsed() < Duration::from_secs(2), "{address}: {:?}", began.elapsed());
        }
        // A neighbour that is not there: the kernel gives up looking for it after three seconds.
        let outcome = probe("192.0.2.10:443".parse().unwrap(), Duration::from_secs(8)).await;
        assert_eq!(outcome, Outcome::Failed(Failure::Unreachable));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let outcome = probe(listener.local_addr().unwrap(), step).await;
        assert!(matches!(outcome, Outcome::Connected(_)), "{outcome:?}");
    });
}

#[test]
fn a_connection_that_is_torn_down_is_no_silence() {
    in_broken_network("namespaces::a_connection_that_is_torn_down_is_no_silence", async || {
        // What was sent is still unread, so the kernel answers with a reset.
        let server = Scripted::start(|stream| {
            let _ = stream.peek(&mut [0; 1]);
            drop(stream);
        });
        let target: Target = server.address.to_string().parse().unwrap();
        match look(&target, server.address, Duration::from_secs(3)).await {
            Look::NotSecured(error) => {
                assert_eq!(error.kind, TlsFailure::Closed);
                assert!(error.detail.contains("reset"), "{}", error.detail);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn an_address_without_a_way_is_passed_over_where_others_answer() {
    in_broken_network(
        "namespaces::an_address_without_a_way_is_passed_over_where_others_answer",
        async || {
            let pki = Pki::new(&["dual.example"]);
            let server = Openssl::start(&pki, &["-www"]);
            let port = server.address.port();
            let options = Options { step: Duration::from_secs(2), ..Options::default() };
            let target: Target = format!("dual.example:{port}").parse().unwrap();
            let found = endpoints(&[target], &options).await;
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].items.len(), 2);
            let remark = &found[0].remarks[0];
            assert_eq!((remark.severity, remark.code.as_str()), (Severity::Info, "SRE-NET-003"));
            assert!(
                remark.message.contains("dual.example [2001:db8::1] was not looked at"),
                "{}",
                remark.message
            );
            // Where nothing answers, each address says why.
            let nowhere: Target = "dual.example:1".parse().unwrap();
            let found = endpoints(&[nowhere], &options).await;
            let severities: Vec<Severity> =
                found.iter().map(|material| material.remarks[0].severity).collect();
            assert_eq!(severities.len(), 2);
            assert!(
                severities.contains(&Severity::Error) && severities.contains(&Severity::Unknown),
                "{severities:?}"
            );
        },
    );
}
