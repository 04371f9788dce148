//! ACME's challenge TLS-ALPN-01, asked by openssl.

use super::{tls::tool, *};
use crate::{
    config::Tls,
    tls::testing::{Authority, Folder, challenge, now, replace},
};

const HOST: &str = "api.example.com";
const ANSWERED: &str = "ALPN protocol: acme-tls/1";

/// A server with a folder of challenges beside its pair.
struct Rig {
    folder: Folder,
    authority: Authority,
    server: Arc<Server>,
    running: Running,
}

impl Rig {
    fn start() -> Self {
        let authority = Authority::new();
        let folder = Folder::with(&authority.issue());
        std::fs::create_dir(folder.path("challenges")).unwrap();
        let server = Arc::new(Server::new(&with_challenges(&folder, "challenges"), now()).unwrap());
        let running = start(Some(Arc::clone(&server)), LIMITS);
        Self { folder, authority, server, running }
    }

    fn put(&self, name: &str, text: &str) {
        replace(&self.folder.path(&format!("challenges/{name}.pem")), text);
    }

    /// What openssl sees when it offers these protocols under this name.
    async fn asked(&self, name: &str, protocols: &str) -> String {
        let at = self.running.address.to_string();
        tool("openssl", &["s_client", "-connect", &at, "-servername", name, "-alpn", protocols, "-showcerts"])
            .await
    }

    /// Nothing was settled and no certificate was seen.
    async fn is_refused(&self, name: &str) {
        let shown = self.asked(name, "acme-tls/1").await;
        assert!(!shown.contains(ANSWERED), "{name}: {shown}");
        assert!(!shown.contains("BEGIN CERTIFICATE"), "{name}: {shown}");
        assert!(shown.contains("alert"), "{name}: {shown}");
    }
}

fn with_challenges(folder: &Folder, name: &str) -> Tls {
    Tls { acme_challenges: Some(folder.path(name)), ..folder.settings() }
}

/// The first certificate in an output, as its base64 lines.
fn certificate(text: &str) -> &str {
    let from = text.find("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("{text}"));
    let to = text.find("-----END CERTIFICATE-----").unwrap();
    &text[from..to]
}

#[tokio::test]
async fn an_authority_is_shown_the_answer_and_nobody_else_is() {
    let rig = Rig::start();
    let text = challenge(HOST);
    rig.put(HOST, &text);
    for version in ["-tls1_2", "-tls1_3"] {
        let at = rig.running.address.to_string();
        let options =
            ["-connect", &at, "-servername", "API.Example.COM", "-alpn", "acme-tls/1", "-showcerts"];
        let shown = tool("openssl", &[&["s_client", version][..], &options].concat()).await;
        assert!(shown.contains(ANSWERED), "{shown}");
        assert_eq!(certificate(&shown), certificate(&text), "{shown}");
    }
    // Whoever offers another protocol as well, or none, is a client.
    for (protocols, settled) in [("h2", "h2"), ("http/1.1,acme-tls/1", "http/1.1"), ("acme-tls/1,h2", "h2")] {
        let shown = rig.asked(HOST, protocols).await;
        assert!(shown.contains(&format!("ALPN protocol: {settled}")), "{shown}");
        assert_ne!(certificate(&shown), certificate(&text), "{shown}");
    }
    let at = rig.running.address.to_string();
    let shown = tool("openssl", &["s_client", "-connect", &at, "-noservername", "-alpn", "acme-tls/1"]).await;
    assert!(shown.contains("no application protocol") && !shown.contains("BEGIN"), "{shown}");
    assert_eq!(rig.running.requests(), 0);
}

#[tokio::test]
async fn a_client_that_trusts_our_authority_is_served_beside_it() {
    let rig = Rig::start();
    let client = rig.authority.client(None, &[b"acme-tls/1", b"http/1.1"]);
    let answer = super::tls::ask(rig.running.address, client, "localhost").await.unwrap();
    assert!(answer.contains("encrypted=true"), "{answer}");
}

#[tokio::test]
async fn what_is_not_there_or_not_right_ends_in_an_alert() {
    let rig = Rig::start();
    let text = challenge(HOST);
    rig.put(HOST, &text);
    rig.is_refused("www.example.com").await;
    rig.is_refused("example.com").await;
    for name in [
        "../challenges/api.example.com",
        "x/../api.example.com",
        "/etc/passwd",
        "..",
        "api.example.com.",
        ".api.example.com",
        "api..example.com",
        "api.example.com.pem",
        "api.example.com%00",
        "bücher.example",
        "127.0.0.1",
    ] {
        rig.is_refused(name).await;
    }
    let pair = rig.authority.issue();
    for text in
        [&text[..text.len() / 3], "", &format!("{}{}", pair.certificate, pair.key), &"x".repeat(10_000_000)]
    {
        rig.put(HOST, text);
        rig.is_refused(HOST).await;
    }
    std::fs::remove_dir_all(rig.folder.path("challenges")).unwrap();
    rig.is_refused(HOST).await;
    // Clients are none the wiser.
    let shown = rig.asked(HOST, "h2").await;
    assert!(shown.contains("ALPN protocol: h2"), "{shown}");
}

#[tokio::test]
async fn names_beyond_ascii_are_asked_about_in_their_other_form() {
    let rig = Rig::start();
    rig.put("xn--bcher-kva.example", &challenge("xn--bcher-kva.example"));
    let shown = rig.asked("xn--bcher-kva.example", "acme-tls/1").await;
    assert!(shown.contains(ANSWERED), "{shown}");
}

#[tokio::test]
async fn a_reload_changes_the_folder() {
    let rig = Rig::start();
    std::fs::create_dir(rig.folder.path("other")).unwrap();
    replace(&rig.folder.path("other/api.example.com.pem"), &challenge(HOST));
    rig.is_refused(HOST).await;
    rig.server.reload(&with_challenges(&rig.folder, "other"), now()).unwrap();
    assert!(rig.asked(HOST, "acme-tls/1").await.contains(ANSWERED));
    rig.server.reload(&rig.folder.settings(), now()).unwrap();
    rig.is_refused(HOST).await;
}

#[tokio::test]
async fn a_server_that_insists_on_client_certificates_answers_authorities_all_the_same() {
    let rig = Rig::start();
    rig.put(HOST, &challenge(HOST));
    std::fs::write(rig.folder.path("ca.pem"), &rig.authority.certificate).unwrap();
    let client_auth = Some(crate::config::ClientAuth { ca_path: rig.folder.path("ca.pem"), required: true });
    let settings = Tls { client_auth, ..with_challenges(&rig.folder, "challenges") };
    rig.server.reload(&settings, now()).unwrap();
    assert!(rig.asked(HOST, "acme-tls/1").await.contains(ANSWERED));
}
