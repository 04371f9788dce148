//! What endpoints serve, address by address, STARTTLS included.

use std::time::{Duration, Instant};

use checks::cert::facts::Material;
use checks::remote::collect::{Options, endpoints};
use checks::remote::target::Target;
use checks::{Subject, SubjectKind};
use model::Severity;

use crate::names::NameServer;
use crate::parts::{Openssl, Pki, Scripted};
use crate::services::{mail, postgres, slapd};

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

async fn collect(targets: &[Target]) -> Vec<Material> {
    let options = Options { step: Duration::from_secs(3), ..Options::default() };
    endpoints(targets, &options).await
}

/// Its findings as `CODE severity message`.
fn remarks(material: &Material) -> Vec<String> {
    let said =
        |finding: &model::Finding| format!("{} {:?} {}", finding.code, finding.severity, finding.message);
    material.remarks.iter().map(said).collect()
}

fn chain(material: &Material) -> Vec<Vec<u8>> {
    material.certificates().map(|(_, certificate)| certificate.der.to_vec()).collect()
}

#[tokio::test]
async fn what_is_served_is_collected_with_its_names() {
    let pki = Pki::new(&["api.example.com", "127.0.0.1"]);
    let server = Openssl::start(&pki, &["-www"]);
    let port = server.address.port();
    let targets = [
        target(&format!("127.0.0.1:{port}")),
        target(&format!("bücher.example:{port},address=127.0.0.1")),
        target(&format!("127.0.0.1:{port},sni=api.example.com")),
    ];
    let found = collect(&targets).await;
    assert_eq!(found.len(), 3);
    for (material, (target, expected)) in
        found.iter().zip(targets.iter().zip(["127.0.0.1", "bücher.example", "api.example.com"]))
    {
        assert_eq!(material.subject, Subject::new(SubjectKind::Endpoint, target.to_string()));
        assert_eq!(material.expected_names, [expected]);
        assert_eq!(chain(material), pki.chain);
        assert!(material.is_served && material.remarks.is_empty() && material.caa.is_none());
    }
}

#[tokio::test]
async fn every_address_of_a_name_has_a_result_of_its_own() {
    let pki = Pki::new(&["localhost"]);
    let server = Openssl::start(&pki, &["-www"]);
    let targets = [target(&format!("localhost:{}", server.address.port()))];
    let found = collect(&targets).await;
    let reached: Vec<&Material> = found.iter().filter(|material| !material.items.is_empty()).collect();
    assert_eq!(reached.len(), 1);
    assert_eq!(reached[0].expected_names, ["localhost"]);
    // Whether this machine has `::1` is its own affair; where it has, nothing listens there.
    if found.len() == 1 {
        assert!(remarks(&found[0]).iter().all(|said| said.contains("was not looked at")), "{found:?}");
        return;
    }
    assert_eq!(reached[0].subject.name, format!("{} [127.0.0.1]", targets[0]));
    let other = found.iter().find(|material| material.items.is_empty()).unwrap();
    assert_eq!(other.subject.name, format!("{} [::1]", targets[0]));
    assert_eq!(other.remarks[0].severity, Severity::Error);
}

#[tokio::test]
async fn what_fails_is_a_remark_with_its_code() {
    let server = NameServer::start();
    let http = Scripted::answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let gone = Scripted::saying(b"").address;
    let options = Options {
        step: Duration::from_secs(3),
        name_servers: Some(server.asked()),
        caa: true,
        ..Options::default()
    };
    let targets = [
        target("missing.example:443"),
        target("broken.example:443"),
        target(&gone.to_string()),
        target(&http.address.to_string()),
        target(&format!("smtp://{}", http.address)),
        target(&format!("api.example:{},address=127.0.0.1", http.address.port())),
        target(&format!("caa.broken.example:{},address=127.0.0.1", http.address.port())),
    ];
    let found = endpoints(&targets, &options).await;
    let said: Vec<Vec<String>> = found.iter().map(remarks).collect();
    assert_eq!(
        said[0],
        ["SRE-NET-001 Error `missing.example` does not resolve: there is no such name (NXDOMAIN)"]
    );
    assert_eq!(
        said[1],
        ["SRE-NET-001 Unknown `broken.example` does not resolve: the name server failed (SERVFAIL)"]
    );
    assert!(said[2][0].starts_with("SRE-NET-003 Error 127.0.0.1: the connection is refused"), "{said:?}");
    assert!(said[3][0].starts_with("SRE-NET-005 Error") && said[3][0].contains("speaks HTTP"), "{said:?}");
    assert!(said[4][0].starts_with("SRE-NET-004 Error"), "{said:?}");
    assert_eq!(
        found[5].caa,
        Some(vec!["issue \"letsencrypt.org\"".to_owned(), "issuewild \";\"".to_owned()])
    );
    assert!(said[6][1].starts_with("SRE-NET-012 Warning"), "{said:?}");
    assert!(found.iter().all(|material| material.items.is_empty() && material.is_served));
}

#[tokio::test]
async fn tls_begins_after_the_words_of_each_protocol() {
    let pki = Pki::new(&["127.0.0.1"]);
    let servers = [
        ("smtp", mail(&pki, "smtp")),
        ("imap", mail(&pki, "imap")),
        ("pop3", mail(&pki, "pop3")),
        ("ldap", slapd(&pki, true)),
        ("postgres", postgres(&pki, true)),
    ];
    let targets: Vec<Target> =
        servers.iter().map(|(scheme, server)| target(&format!("{scheme}://{}", server.address))).collect();
    for (material, (scheme, _)) in collect(&targets).await.iter().zip(&servers) {
        assert_eq!(remarks(material), [""; 0], "{scheme}");
        assert_eq!(chain(material), pki.chain, "{scheme}");
    }
    // Without the words the same ports are no TLS, and that is said in time.
    let plain: Vec<Target> = servers.iter().map(|(_, server)| target(&server.address.to_string())).collect();
    for (material, (scheme, _)) in collect(&plain).await.iter().zip(&servers) {
        assert_eq!(material.remarks[0].code, "SRE-NET-005", "{scheme}: {:?}", remarks(material));
        let hint = material.remarks[0].hint.clone().unwrap();
        if matches!(*scheme, "smtp" | "imap" | "pop3") {
            assert!(hint.contains(&format!("{scheme}://")), "{hint}");
        }
    }
}

#[tokio::test]
async fn servers_without_tls_refuse_to_begin_it() {
    let pki = Pki::new(&["127.0.0.1"]);
    let (directory, database) = (slapd(&pki, false), postgres(&pki, false));
    let targets = [
        target(&format!("ldap://{}", directory.address)),
        target(&format!("postgres://{}", database.address)),
    ];
    let found = collect(&targets).await;
    for material in &found {
        let said = remarks(material);
        assert!(said[0].starts_with("SRE-NET-004 Error"), "{said:?}");
        assert!(said[0].contains("the server refuses to begin TLS"), "{said:?}");
    }
}

#[tokio::test]
async fn no_more_sockets_are_open_than_was_said() {
    // A server that keeps everybody waiting, and counts.
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Scripted::start(move |stream| sender.send(stream).unwrap());
    let targets: Vec<Target> = (0..12).map(|_| target(&server.address.to_string())).collect();
    let options = Options { step: Duration::from_millis(400), at_once: 4, ..Options::default() };
    let began = Instant::now();
    let found = endpoints(&targets, &options).await;
    assert_eq!(found.len(), 12);
    // Three rounds of four.
    assert!(began.elapsed() >= Duration::from_millis(1100), "{:?}", began.elapsed());
    drop(receiver);
}
