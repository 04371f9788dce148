//! What is said of names, against a name server on loopback.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use checks::gateway::{self, Route};
use checks::remote::dns::{NameServers, Trouble};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use model::Severity;

/// A name server for `example`.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stopped.load(Ordering::SeqCst) {
                if let Ok((length, client)) = socket.recv_from(&mut buffer)
                    && let Some(answer) = buffer.get(..length).and_then(answer)
                {
                    socket.send_to(&answer, client).unwrap();
                }
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    pub(crate) fn asked(&self) -> NameServers {
        NameServers::at(self.address, Duration::from_secs(2)).unwrap()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// What this server knows.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).unwrap();
    let question = query.queries.first()?.clone();
    let (asked, kind) = (question.name().to_ascii().to_ascii_lowercase(), question.query_type());
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message.add_query(question);
    let mut add = |owner: &str, data: RData| {
        message.add_answer(Record::from_rdata(name(owner), 60, data));
    };
    let caa = |tag: &str, value: &str| {
        let mut caa = CAA::new_issue(false, None, Vec::new());
        (caa.tag, caa.value) = (tag.to_owned(), value.as_bytes().to_vec());
        RData::CAA(caa)
    };
    match (asked.as_str(), kind) {
        ("silent.example.", _) => return None,
        ("broken.example." | "caa.broken.example.", _) => {
            message.metadata.response_code = ResponseCode::ServFail;
        }
        ("closed.example.", _) => message.metadata.response_code = ResponseCode::Refused,
        ("api.example.", RecordType::A) => add("api.example.", RData::A(A::new(127, 0, 0, 1))),
        ("api.example.", RecordType::AAAA) => {
            add("api.example.", RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 1)));
        }
        ("public.example.", RecordType::A) => add("public.example.", RData::A(A::new(203, 0, 113, 7))),
        ("private.example.", RecordType::A) => add("private.example.", RData::A(A::new(10, 0, 0, 7))),
        ("mixed.example.", RecordType::A) => {
            add("mixed.example.", RData::A(A::new(100, 64, 0, 7)));
            add("mixed.example.", RData::A(A::new(127, 0, 0, 1)));
        }
        ("www.example.", RecordType::A) => {
            add("www.example.", RData::CNAME(CNAME(name("cdn.example."))));
            add("cdn.example.", RData::CNAME(CNAME(name("api.example."))));
            add("api.example.", RData::A(A::new(127, 0, 0, 1)));
        }
        ("dangling.example.", RecordType::CNAME) => {
            add("dangling.example.", RData::CNAME(CNAME(name("gone.elsewhere."))));
        }
        ("example.", RecordType::CAA) => {
            add("example.", caa("issue", "letsencrypt.org"));
            add("example.", caa("issuewild", ";"));
        }
        ("own.example.", RecordType::CAA) => add("own.example.", caa("issue", "amazon.com")),
        (
            "api.example." | "www.example." | "own.example." | "sub.api.example." | "public.example."
            | "private.example." | "mixed.example.",
            _,
        ) => {}
        (known, _) if known.ends_with(".example.") => message.metadata.response_code = ResponseCode::NXDomain,
        _ => {}
    }
    Some(message.to_vec().unwrap())
}

#[tokio::test]
async fn names_addresses_and_the_way_there() {
    let server = NameServer::start();
    let servers = server.asked();
    let hosts = "10.9.9.9 www.example";
    let facts = servers.look_up("www.example", hosts).await;
    assert_eq!(facts.aliases, ["cdn.example", "api.example"]);
    assert_eq!(facts.v4, Ok(vec!["127.0.0.1".parse::<IpAddr>().unwrap()]));
    assert_eq!(facts.v6, Err(Trouble::NoRecords));
    assert_eq!(facts.hosts_file, ["10.9.9.9".parse::<IpAddr>().unwrap()]);
    // The machine itself knows nothing of the server on loopback.
    assert!(facts.local.is_err());
    let facts = servers.look_up("api.example", "").await;
    assert_eq!(facts.addresses().len(), 2);
    assert_eq!(servers.look_up("dangling.example", "").await.aliases, ["gone.elsewhere"]);
    let local = servers.look_up("localhost", "").await.local.unwrap();
    assert!(local.contains(&"127.0.0.1".parse().unwrap()), "{local:?}");
}

#[tokio::test]
async fn troubles_are_told_apart() {
    let server = NameServer::start();
    let servers = server.asked();
    let began = Instant::now();
    for (name, trouble) in [
        ("missing.example", Some(Trouble::NoSuchName)),
        ("own.example", Some(Trouble::NoRecords)),
        ("broken.example", Some(Trouble::ServerFailed)),
        ("closed.example", Some(Trouble::Refused)),
        ("silent.example", Some(Trouble::TimedOut)),
        ("api.example", None),
        ("www.example", None),
    ] {
        assert_eq!(servers.trouble(name).await, trouble, "{name}");
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_nearest_caa_records_apply() {
    let server = NameServer::start();
    let servers = server.asked();
    let above = vec!["issue \"letsencrypt.org\"".to_owned(), "issuewild \";\"".to_owned()];
    for name in ["api.example", "sub.api.example", "*.api.example", "missing.example", "a.b.c.example"] {
        assert_eq!(servers.caa(name).await, Ok(above.clone()), "{name}");
    }
    assert_eq!(servers.caa("own.example").await, Ok(vec!["issue \"amazon.com\"".to_owned()]));
    assert_eq!(servers.caa("www.elsewhere").await, Ok(Vec::new()));
    assert_eq!(servers.caa("caa.broken.example").await, Err(Trouble::ServerFailed));
    assert_eq!(servers.caa("silent.example").await, Err(Trouble::TimedOut));
}

/// A name, the one in its place, the Elastic IP address, and what is said of where it leads.
type Way = (&'static str, Option<&'static str>, Option<[u8; 4]>, Severity, &'static str);

#[tokio::test]
async fn where_the_targets_of_a_gateway_are_sent() {
    let server = NameServer::start();
    let ways: [Way; 7] = [
        ("private.example", None, None, Severity::Ok, "leads to a private address"),
        (
            "public.example",
            None,
            Some([203, 0, 113, 7]),
            Severity::Warning,
            "public.example leads to the Elastic IP address of this deployment, which the targets' interfaces in the VPC may not reach",
        ),
        ("public.example", None, None, Severity::Warning, "leads to an address that is not private"),
        ("mixed.example", None, None, Severity::Warning, "leads to an address that is not private"),
        ("public.example", Some("private.example"), None, Severity::Ok, "leads to a private address"),
        ("private.example", Some("public.example"), None, Severity::Warning, "public.example leads to"),
        (
            "private.example",
            Some("missing.example"),
            None,
            Severity::Unknown,
            "could not see where missing.example",
        ),
    ];
    for (domain, routing, elastic_ip, severity, words) in ways {
        let route = Route {
            domain: domain.to_owned(),
            routing_domain: routing.map(str::to_owned),
            elastic_ip: elastic_ip.map(Into::into),
            name_servers: Ok(server.asked()),
        };
        let result = gateway::route(&route).await;
        let [finding] = result.findings.as_slice() else { panic!("{result:#?}") };
        assert_eq!((finding.code.as_str(), finding.severity), ("SRE-GW-017", severity), "{result:#?}");
        assert!(finding.message.contains(words), "{result:#?}");
        assert_eq!(finding.hint.is_some(), severity > Severity::Ok, "{result:#?}");
    }
    let route = Route {
        domain: "private.example".to_owned(),
        routing_domain: None,
        elastic_ip: None,
        name_servers: Err("there is no resolv.conf".to_owned()),
    };
    assert_eq!(gateway::route(&route).await.findings[0].severity, Severity::Unknown);
}
