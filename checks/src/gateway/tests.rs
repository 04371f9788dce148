//! A gateway on loopback that does as AgentCore does, and one that fails in each way that people met; and a server of
//! MCP that nobody here wrote.

mod runtime;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use cloud_loopback::{Authority, GatewayFault, GatewayStage, GatewayStageOptions, Issuer, IssuerOptions};
use model::agent::{Backend, SEARCH_TOOL};
use model::{Finding, Secret, Severity};
use serde_json::json;
use test_support::McpServer;

use super::message::Outcome;
use super::{Backends, Options, judge};
use crate::endpoint::about::{About, Site};
use crate::endpoint::{Manner, Token};
use crate::remote::http::Url;
use crate::remote::tls;
use crate::{CheckResult, Moment};

const DOMAIN: &str = "localhost";
const KEY: &str = "the-key-of-the-backends-that-nobody-may-see";

struct Stage {
    issuer: Issuer,
    running: GatewayStage,
    manner: Manner,
}

#[expect(clippy::disallowed_methods, reason = "certificates are of the time of the test")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn stage() -> Stage {
    let now = now();
    let authority = Authority::new("A root for tests", now).unwrap();
    let pair = authority.issue(&[DOMAIN.to_owned(), "127.0.0.1".to_owned()], now).unwrap();
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let options = GatewayStageOptions {
        domain: DOMAIN.to_owned(),
        pair,
        roots_pem: authority.root_pem(),
        api_key: Secret::new(KEY.to_owned()),
        allowed_clients: [issuer.clients()[0].id.clone()].into(),
        allowed_scopes: BTreeSet::new(),
    };
    let running = GatewayStage::start(options, &issuer).unwrap();
    let roots = tls::roots(Some(authority.root_pem().as_bytes())).unwrap();
    Stage { issuer, running, manner: manner(roots) }
}

fn manner(roots: std::sync::Arc<rustls::RootCertStore>) -> Manner {
    let mut manner = Manner::new(roots, Moment::from(jiff::Timestamp::try_from(now()).unwrap()));
    (manner.step, manner.answer) = (Duration::from_secs(10), Duration::from_secs(10));
    manner
}

impl Stage {
    fn options(&self) -> Options {
        Options {
            url: self.running.gateway.url().parse().unwrap(),
            manner: self.manner.clone(),
            token: Token::Given(Secret::new(self.issuer.mint(&self.issuer.claims()))),
            issuer: Some(self.issuer.url()),
            targets: Backend::ALL.to_vec(),
        }
    }

    fn backends(&self, key: Option<&str>) -> Backends {
        let urls = self.running.places().into_iter().map(|(backend, place)| {
            let url: Url = format!("https://localhost:{}", place.port()).parse().unwrap();
            (backend, url)
        });
        let key = key.map(|key| Secret::new(key.to_owned())).ok_or_else(|| "nobody gave it".to_owned());
        Backends {
            urls: urls.collect(),
            manner: Manner { address: Some([127, 0, 0, 1].into()), ..self.manner.clone() },
            key,
        }
    }

    fn asked(&self) -> CheckResult {
        asked(&self.options())
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn asked(options: &Options) -> CheckResult {
    wait(super::check(options))
}

/// What is not in order, by code and subject.
fn complaints(findings: &[Finding]) -> BTreeMap<(String, String), &Finding> {
    let bad = findings.iter().filter(|finding| finding.severity > Severity::Info);
    bad.map(|finding| ((finding.code.clone(), finding.subject.clone()), finding)).collect()
}

fn codes(findings: &[Finding]) -> Vec<(String, Severity)> {
    complaints(findings).into_values().map(|finding| (finding.code.clone(), finding.severity)).collect()
}

#[track_caller]
fn says(findings: &[Finding], code: &str, words: &str) {
    let all: Vec<_> = findings.iter().filter(|finding| finding.code == code).collect();
    let text = format!("{all:?}");
    assert!(text.contains(words), "{code} does not say {words:?}: {text}");
}

#[test]
fn a_gateway_that_works_is_proved_by_one_call_of_each_target() {
    let stage = stage();
    let result = stage.asked();
    assert_eq!(codes(&result.findings), []);
    let proved: Vec<&str> = result
        .findings
        .iter()
        .filter(|finding| finding.code == "SRE-GW-007")
        .map(|finding| finding.subject.as_str())
        .collect();
    assert_eq!(proved, ["k8s-api", "logs-api", "metrics-api", "runbooks-api"]);
    says(&result.findings, "SRE-GW-006", "21 tools listed, the search tool among them, in 3 pages");
    assert!(stage.running.backends.values().all(|backend| backend.calls() == 1), "each was asked once");
    let results = wait(super::backends(&stage.backends(Some(KEY))));
    for result in &results {
        assert_eq!(codes(&result.findings), []);
        assert_eq!(result.findings.len(), 2);
    }
    assert!(!format!("{results:?}").contains(KEY));
}

/// A fault, what is said of it, and words of the first.
type Faulty = (GatewayFault, &'static [(&'static str, Severity)], &'static str);

#[test]
fn each_fault_is_seen_by_the_check_that_is_there_for_it() {
    let stage = stage();
    let proof = Backend::Logs;
    let faults: [Faulty; 9] = [
        (
            GatewayFault::NoTools(proof),
            &[("SRE-GW-006", Severity::Error), ("SRE-GW-007", Severity::Error)],
            "the target logs-api has no tools",
        ),
        (
            GatewayFault::ForeignTool(proof),
            &[("SRE-GW-006", Severity::Warning)],
            "logs-api___delete_everything",
        ),
        (GatewayFault::WrongKey, &[("SRE-GW-007", Severity::Error); 4], "GetResourceApiKey"),
        (GatewayFault::NoReason(proof), &[("SRE-GW-007", Severity::Error)], "GetResourceApiKey"),
        (GatewayFault::EndlessPages, &[("SRE-GW-006", Severity::Error)], "has no end"),
        (GatewayFault::NoChallenge, &[("SRE-GW-002", Severity::Error)], "WWW-Authenticate"),
        (
            GatewayFault::OpenDoor,
            &[("SRE-GW-002", Severity::Error), ("SRE-GW-004", Severity::Error)],
            "anybody can use the tools",
        ),
        (GatewayFault::ForeignIssuer, &[("SRE-GW-003", Severity::Error)], "us-east-1_other0000"),
        (GatewayFault::NoMcp, &[("SRE-GW-007", Severity::Error); 4], "is no MCP"),
    ];
    for (fault, wanted, words) in faults {
        stage.running.gateway.heal();
        stage.running.gateway.fault(fault);
        let findings = stage.asked().findings;
        let wanted: Vec<(String, Severity)> =
            wanted.iter().map(|(code, severity)| ((*code).to_owned(), *severity)).collect();
        assert_eq!(codes(&findings), wanted, "{fault:?}: {findings:#?}");
        says(&findings, &wanted[0].0, words);
        assert!(complaints(&findings).into_values().all(|finding| finding.hint.is_some()), "{findings:#?}");
    }
}

#[test]
fn a_token_that_is_refused_is_described_and_never_shown() {
    let stage = stage();
    let mut late = stage.issuer.claims();
    late["exp"] = json!(1_000_000_000);
    let mut other = stage.issuer.claims();
    other["client_id"] = json!("somebody-else");
    for (token, words) in [
        (stage.issuer.mint(&late), "ended at 2001-09-09"),
        (stage.issuer.mint(&other), "is of client `somebody-else`"),
        ("an-opaque-text".to_owned(), "is no JWT"),
    ] {
        let token_text = token.clone();
        let options = Options { token: Token::Given(Secret::new(token)), ..stage.options() };
        let findings = asked(&options).findings;
        says(&findings, "SRE-GW-005", words);
        says(&findings, "SRE-GW-007", "skipped because SRE-GW-005 failed");
        assert!(!format!("{findings:?}").contains(&token_text));
    }
}

#[test]
fn without_a_token_the_door_is_still_looked_at() {
    let stage = stage();
    let token = Token::Missing { because: "there is no token".to_owned(), hint: "name one".to_owned() };
    let findings = asked(&Options { token, ..stage.options() }).findings;
    let skipped = findings.iter().filter(|finding| finding.severity == Severity::Skipped).count();
    assert_eq!((skipped, findings.len()), (5, 10), "{findings:#?}");
    assert_eq!(codes(&findings)[0], ("SRE-GW-005".to_owned(), Severity::Unknown));
    says(&findings, "SRE-GW-005", "not known: there is no token");
}

/// A server that is not a backend as it should be.
#[derive(Clone, Copy)]
enum Strange {
    /// It refuses as a server does that wants another login.
    Challenge,
    /// It takes whatever is in the header.
    AnyKey,
}

/// Where it listens. It ends with the test's process.
fn strange(how: Strange) -> std::net::SocketAddr {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let head: Vec<String> = BufReader::new(connection.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let has_key = head.iter().any(|line| line.to_ascii_lowercase().starts_with("x-api-key:"));
            let answer = match how {
                Strange::AnyKey if has_key => "200 OK\r\n",
                Strange::AnyKey => "401 Unauthorized\r\n",
                Strange::Challenge => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n",
            };
            let _ = connection.write_all(
                format!("HTTP/1.1 {answer}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}").as_bytes(),
            );
        }
    });
    address
}

#[test]
fn backends_that_are_open_gone_or_have_another_key_are_told_apart() {
    let mut stage = stage();
    let findings = |stage: &Stage, key| -> Vec<Finding> {
        wait(super::backends(&stage.backends(key))).into_iter().flat_map(|result| result.findings).collect()
    };
    let other = findings(&stage, Some("another-key"));
    assert_eq!(codes(&other).len(), 4);
    says(&other, "SRE-GW-009", "refuses the key");
    stage.running.backends[&Backend::K8s].open(true);
    says(&findings(&stage, None), "SRE-GW-008", "the Kubernetes backend answers without a key");
    stage.running.backends[&Backend::K8s].open(false);
    for (place, words) in [
        (Strange::Challenge, "something else answers at the port of the logs backend"),
        (Strange::AnyKey, "the logs backend takes any key"),
    ] {
        let stranger = strange(place);
        let mut options = stage.backends(Some(KEY));
        options.urls = [(Backend::Logs, format!("http://{stranger}").parse().unwrap())].into();
        let result = wait(super::backends(&options)).remove(0);
        let wanted = [("SRE-GW-008", Severity::Error), ("SRE-GW-009", Severity::Skipped)];
        assert_eq!(codes(&result.findings), wanted.map(|(code, how)| (code.to_owned(), how)), "{result:#?}");
        says(&result.findings, "SRE-GW-008", words);
        says(&result.findings, "SRE-GW-009", "skipped because");
    }
    let mut options = stage.backends(None);
    options.manner.roots = tls::roots(None).unwrap();
    let strange: Vec<Finding> =
        wait(super::backends(&options)).into_iter().flat_map(|result| result.findings).collect();
    says(&strange, "SRE-GW-008", "the certificate is not trusted");
    let options = stage.backends(None);
    stage.running.backends.remove(&Backend::Logs);
    let gone: Vec<Finding> =
        wait(super::backends(&options)).into_iter().flat_map(|result| result.findings).collect();
    says(&gone, "SRE-GW-008", "the logs backend does not answer");
}

/// Each row of what people met has its own advice, whatever else the words hold.
#[test]
fn what_a_failed_call_says_leads_to_its_cause() {
    let site = Site { base: "https://localhost".to_owned(), name: "k8s-api".to_owned() };
    let about = About { entry: &super::CALLS, site: &site };
    for (said, words) in [
        ("An internal error occurred. Please retry later.", "GetResourceApiKey"),
        ("User is not authorized to access workload-identity/x", "whose name is in lower case"),
        ("AccessDeniedException: secretsmanager:GetSecretValue", "GetSecretValue on the secret"),
        ("OpenAPIClientException: 401 Unauthorized", "have different ones"),
        ("SSL certificate problem: unable to get local issuer", "public authority"),
        ("Connection timed out", "SRE-GW-017"),
        ("something that nobody met before", "journalctl"),
    ] {
        let outcome = Outcome { is_error: true, text: said.to_owned() };
        let findings = judge::call(&about, "k8s-api___get_pod_status", &outcome);
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Error));
        assert!(findings[0].hint.as_ref().unwrap().contains(words), "{said}: {findings:?}");
    }
    let success = |text: &str| {
        let outcome = Outcome { is_error: false, text: text.to_owned() };
        judge::call(&about, "a", &outcome).remove(0)
    };
    for text in [" ", "An internal error occurred. Please retry later."] {
        assert_eq!(success(text).severity, Severity::Warning, "{text}");
    }
    // What a log says is no failure of the call.
    for text in [r#"{"events": ["Connection timed out"]}"#, "3 pods run"] {
        assert_eq!(success(text).severity, Severity::Ok, "{text}");
    }
}

/// A server that answers plain JSON, and one that streams and keeps sessions: both of the project that MCP is of.
#[test]
fn our_client_speaks_with_a_server_that_others_wrote() {
    let mut tools: Vec<String> = Backend::ALL
        .into_iter()
        .flat_map(|backend| backend.operations().map(|name| backend.tool(name)))
        .collect();
    tools.push(SEARCH_TOOL.to_owned());
    for is_streaming in [false, true] {
        let server = McpServer::start(&tools, is_streaming);
        let options = Options {
            url: server.url().parse().unwrap(),
            manner: manner(tls::roots(None).unwrap()),
            token: Token::Given(Secret::new("nobody looks at it".replace(' ', "-"))),
            issuer: None,
            targets: Backend::ALL.to_vec(),
        };
        let findings = asked(&options).findings;
        // It has no door, which is all that may be said of it.
        assert_eq!(
            codes(&findings),
            ["SRE-GW-002", "SRE-GW-003", "SRE-GW-004"].map(|code| (code.to_owned(), Severity::Error)),
            "{findings:#?}"
        );
        says(&findings, "SRE-GW-005", "the gateway speaks MCP 2025-06-18");
        says(&findings, "SRE-GW-006", "21 tools listed");
        says(&findings, "SRE-GW-007", "k8s-api___get_pod_status was called");
    }
}
