//! `check network`: asks about servers step by step, about the endpoints of AWS and about instance metadata, each as
//! checks that wait for one another.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use model::{Finding, Severity};
use rustls::RootCertStore;

use super::clock::{self, ClockFacts};
use super::services::Service;
use super::{
    AGREES, ANSWERS, CLOCK, CONNECTS, HANDSHAKE, METADATA, RESOLVES, STARTTLS, TRUSTED, aws, findings,
    metadata,
};
use crate::engine::{CheckId, Outcome, Suite, Verdict};
use crate::remote::collect::{Look, look};
use crate::remote::connect::{self, Failure};
use crate::remote::dns::{self, NameFacts, NameServers};
use crate::remote::http::{self, HttpError, Request, StatusCode, Url, fetch};
use crate::remote::starttls;
use crate::remote::target::{Protocol, Target};
use crate::remote::tls::{self, Handshake, Trust};
use crate::{CheckResult, Subject, SubjectKind};

/// A name with more addresses is looked at in part.
const MOST_ADDRESSES: usize = 16;

/// How to go about it.
pub struct Options<'a> {
    /// How long a look-up, a connection or a handshake may take.
    pub step: Duration,
    /// How long an answer over HTTP may take.
    pub answer: Duration,
    /// Whom to trust.
    pub roots: Arc<RootCertStore>,
    /// The clock.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Whom to ask about names; an error says why nobody can be asked.
    pub name_servers: Result<NameServers, String>,
    /// The text of `/etc/hosts`.
    pub hosts_file: String,
}

/// A server to ask about.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where it is.
    pub target: Target,
    /// The path to ask for, such as `/`; none where there is no HTTP.
    pub path: Option<String>,
    /// The status that this path must have; none takes any that is no failure of the server.
    pub status: Option<u16>,
}

impl Question {
    /// What can be asked of any server: `/` where there is TLS at once, as far as the port does not say otherwise.
    pub fn about(target: Target) -> Self {
        let is_mail_or_directory = matches!(target.port, 465 | 636 | 993 | 995);
        let path = (target.protocol == Protocol::Tls && !is_mail_or_directory).then(|| "/".to_owned());
        Self { target, path, status: None }
    }
}

/// Asks all of it and gives one result a subject, in the order of the questions.
///
/// `metadata` is where instance metadata is expected; none where this is not an instance.
pub async fn run(
    questions: &[Question],
    services: &[Service],
    metadata: Option<&Url>,
    options: &Options<'_>,
) -> Vec<CheckResult> {
    let mut suite = Suite::new();
    for question in questions {
        add_server(&mut suite, question, options);
    }
    for (index, service) in services.iter().enumerate() {
        let id = aws::add(&mut suite, service, options);
        // One clock of AWS is enough: STS comes first, and is who refuses.
        if index == 0 {
            aws::add_clock(&mut suite, service, id, options);
        }
    }
    if let Some(base) = metadata {
        suite.add(&METADATA, "instance metadata", &[], move || {
            Box::pin(async move {
                let facts = metadata::collect(base, options.step).await;
                Verdict::Final(metadata::judge(&facts, "instance metadata"))
            })
        });
    }
    results(suite.run(32).await)
}

/// Outcomes by subject.
fn results(outcomes: Vec<Outcome>) -> Vec<CheckResult> {
    let mut subjects: Vec<(String, Vec<Finding>)> = Vec::new();
    for outcome in outcomes {
        match subjects.iter_mut().find(|(subject, _)| *subject == outcome.subject) {
            Some((_, findings)) => findings.extend(outcome.findings),
            None => subjects.push((outcome.subject, outcome.findings)),
        }
    }
    subjects
        .into_iter()
        .map(|(subject, findings)| {
            CheckResult::new(Subject::new(SubjectKind::Network, subject), Vec::new(), findings)
        })
        .collect()
}

/// What the steps of one server hand to one another.
#[derive(Default)]
struct Known {
    name: Option<NameFacts>,
    addresses: Vec<SocketAddr>,
    connected: Vec<SocketAddr>,
    secured: Vec<(SocketAddr, Handshake)>,
    clock: Option<ClockFacts>,
}

type Shared = Rc<RefCell<Known>>;

/// The checks of one server.
fn add_server<'a>(suite: &mut Suite<'a>, question: &'a Question, options: &'a Options<'a>) {
    let target = &question.target;
    let subject = target.to_string();
    let known: Shared = Rc::default();
    let mut last: Vec<CheckId> = Vec::new();
    if let Some(address) = target.literal() {
        known.borrow_mut().addresses = vec![address];
    } else if let Some(name) = target.host.name() {
        let (shared, about) = (Rc::clone(&known), subject.clone());
        let id = suite.add(&RESOLVES, &subject, &[], move || {
            let (shared, about) = (Rc::clone(&shared), about.clone());
            Box::pin(async move { resolve(target, name, options, &shared, &about).await })
        });
        last = vec![id];
        let (shared, about) = (Rc::clone(&known), subject.clone());
        suite.add(&AGREES, &subject, &[id], move || {
            let found = shared.borrow().name.as_ref().map(|facts| findings::agrees(facts, &about));
            Box::pin(std::future::ready(Verdict::Final(found.unwrap_or_default())))
        });
    }
    let mut step = |suite: &mut Suite<'a>,
                    entry,
                    work: fn(&'a Question, &'a Options<'a>, Shared, String) -> Asked<'a>| {
        let (shared, about) = (Rc::clone(&known), subject.clone());
        let id = suite
            .add(entry, &subject, &last, move || work(question, options, Rc::clone(&shared), about.clone()));
        last = vec![id];
    };
    step(suite, &CONNECTS, |question, options, known, subject| {
        Box::pin(async move { connect(&question.target, options, &known, &subject).await })
    });
    if target.protocol != Protocol::Tls {
        step(suite, &STARTTLS, |question, options, known, subject| {
            Box::pin(async move { upgrade(&question.target, options, &known, &subject).await })
        });
    }
    step(suite, &HANDSHAKE, |question, options, known, subject| {
        Box::pin(async move { secure(&question.target, options, &known, &subject).await })
    });
    step(suite, &TRUSTED, |question, options, known, subject| {
        Box::pin(async move { trust(&question.target, options, &known.borrow().secured, &subject) })
    });
    if question.path.is_some() {
        step(suite, &ANSWERS, |question, options, known, subject| {
            Box::pin(async move { answer(question, options, &known, &subject).await })
        });
        step(suite, &CLOCK, |question, _, known, subject| {
            let verdict = match known.borrow().clock {
                Some(facts) => clock::judge(facts, &question.target.host.to_string(), &subject),
                None => undated(&subject),
            };
            Box::pin(std::future::ready(Verdict::Final(vec![verdict])))
        });
    }
}

type Asked<'a> = futures::future::LocalBoxFuture<'a, Verdict>;

pub(super) fn undated(subject: &str) -> Finding {
    Finding::new(CLOCK.code, Severity::Info, subject, "the server does not say what time it has")
}

/// What can be better in a moment is asked again.
pub(super) fn verdict(findings: Vec<Finding>) -> Verdict {
    let may_heal =
        findings.iter().any(|finding| matches!(finding.severity, Severity::Error | Severity::Unknown));
    if may_heal { Verdict::MayHeal(findings) } else { Verdict::Final(findings) }
}

async fn resolve(
    target: &Target,
    name: &str,
    options: &Options<'_>,
    known: &Shared,
    subject: &str,
) -> Verdict {
    let facts = match &options.name_servers {
        Ok(servers) => servers.look_up(name, &options.hosts_file).await,
        Err(why) => {
            let trouble = dns::Trouble::Other(why.clone());
            NameFacts {
                name: name.to_owned(),
                aliases: Vec::new(),
                v4: Err(trouble.clone()),
                v6: Err(trouble),
                local: dns::local(name, options.step).await,
                hosts_file: dns::in_hosts_file(&options.hosts_file, name),
            }
        }
    };
    let mut found = facts.addresses();
    for address in facts.local.iter().flatten() {
        if !found.contains(address) {
            found.push(*address);
        }
    }
    let verdict = verdict(findings::resolves(&facts, subject));
    let mut known = known.borrow_mut();
    known.addresses =
        found.into_iter().take(MOST_ADDRESSES).map(|address| SocketAddr::new(address, target.port)).collect();
    known.name = Some(facts);
    verdict
}

async fn connect(target: &Target, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let addresses = known.borrow().addresses.clone();
    let outcomes = join_all(addresses.iter().map(|address| connect::probe(*address, options.step))).await;
    let (mut failed, mut passed_over, mut connected, mut fastest) =
        (Vec::new(), Vec::new(), Vec::new(), None);
    let is_reached = outcomes.iter().any(|outcome| matches!(outcome, connect::Outcome::Connected(_)));
    for (address, outcome) in addresses.into_iter().zip(outcomes) {
        match outcome {
            connect::Outcome::Connected(latency) => {
                connected.push(address);
                fastest = Some(fastest.map_or(latency, |fastest: Duration| fastest.min(latency)));
            }
            connect::Outcome::Failed(Failure::NoRoute) if is_reached && address.is_ipv6() => {
                passed_over.push(findings::passed_over(target, address.ip(), subject));
            }
            connect::Outcome::Failed(failure) => {
                failed.push(findings::unconnected(target, address, &failure, subject));
            }
        }
    }
    let mut all = Vec::new();
    if let (true, Some(fastest)) = (failed.is_empty(), fastest) {
        let addresses: Vec<_> = connected.iter().map(SocketAddr::ip).collect();
        let message = format!(
            "{} accepts connections, within {} ms",
            findings::listed(&addresses),
            fastest.as_millis()
        );
        all.push(Finding::new(CONNECTS.code, Severity::Ok, subject, message));
    }
    all.extend(findings::softened(failed, is_reached));
    all.extend(passed_over);
    known.borrow_mut().connected = connected;
    verdict(all)
}

async fn upgrade(target: &Target, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let addresses = known.borrow().connected.clone();
    let tried = join_all(addresses.iter().map(async |address| {
        let mut stream = match connect::tcp(*address, options.step).await {
            Ok((stream, _)) => stream,
            Err(failure) => return Some(findings::unconnected(target, *address, &failure, subject)),
        };
        let upgraded = starttls::upgrade(&mut stream, target.protocol, options.step).await;
        upgraded.err().map(|error| findings::not_upgraded(target, *address, &error, subject))
    }))
    .await;
    let some_work = tried.iter().any(Option::is_none);
    Verdict::Final(findings::softened(tried.into_iter().flatten().collect(), some_work))
}

async fn secure(target: &Target, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let addresses = known.borrow().connected.clone();
    let looks = join_all(addresses.iter().map(|address| look(target, *address, options.step))).await;
    let mut failed = Vec::new();
    let mut secured = Vec::new();
    for (address, look) in addresses.into_iter().zip(looks) {
        failed.extend(look.findings(target, address, subject));
        if let Look::Secured(handshake) = look {
            secured.push((address, handshake));
        }
    }
    let mut all = Vec::new();
    if let (Some((_, first)), true) = (secured.first(), failed.is_empty()) {
        let message = format!("TLS works: {}, {}", first.version, first.cipher);
        all.push(Finding::new(HANDSHAKE.code, Severity::Ok, subject, message));
        if secured.iter().any(|(_, other)| other.chain.first() != first.chain.first()) {
            let message = "its addresses serve different certificates";
            all.push(
                Finding::new(HANDSHAKE.code, Severity::Info, subject, message)
                    .hint(format!("`check certs --endpoint {target}` shows each")),
            );
        }
    }
    all.extend(findings::softened(failed, !secured.is_empty()));
    known.borrow_mut().secured = secured;
    Verdict::Final(all)
}

fn trust(
    target: &Target,
    options: &Options<'_>,
    secured: &[(SocketAddr, Handshake)],
    subject: &str,
) -> Verdict {
    let Some(server) = target.server().server_name() else { return Verdict::Final(Vec::new()) };
    let now = tls::moment((options.now)());
    let mut refused = Vec::new();
    for (address, handshake) in secured {
        if let Err(why) = tls::verify(&handshake.chain, &server, &options.roots, now) {
            let message = format!("{} [{}]: clients do not trust the certificate", target.host, address.ip());
            refused.push(Finding::new(TRUSTED.code, Severity::Error, subject, message).evidence(why).hint(
                format!("`sre-agent-deploy check certs --endpoint {target}` says what is wrong with it"),
            ));
        }
    }
    let some_work = refused.len() < secured.len();
    Verdict::Final(findings::softened(refused, some_work))
}

async fn answer(question: &Question, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let target = &question.target;
    let Some(address) = known.borrow().secured.first().map(|(address, _)| address.ip()) else {
        return Verdict::Final(Vec::new());
    };
    let path = question.path.clone().unwrap_or_else(|| "/".to_owned());
    let url = Url { is_secure: true, host: target.server(), port: target.port, path };
    let sent = (options.now)();
    let result = fetch(&Request::get(url.clone()), &http_options(options, Some(address))).await;
    let received = (options.now)();
    let whole = match result {
        Ok(whole) => whole,
        // Not every service behind TLS speaks HTTP.
        Err(error @ HttpError::Broken(_)) if question.status.is_none() => {
            let message = "the server does not answer as HTTP does";
            return Verdict::Final(vec![
                Finding::new(ANSWERS.code, Severity::Info, subject, message).evidence(error.to_string()),
            ]);
        }
        Err(error) => {
            let message = format!("no answer to GET {}", url.path);
            return Verdict::MayHeal(vec![
                Finding::new(ANSWERS.code, Severity::Error, subject, message)
                    .evidence(error.to_string())
                    .hint(format!(
                        "`curl -sv --max-time 10 {url} -o /dev/null`; then the log of the service"
                    )),
            ]);
        }
    };
    known.borrow_mut().clock = http::date(&whole.headers).map(|theirs| ClockFacts { theirs, sent, received });
    verdict(vec![answered(question, whole.status, whole.timing.first_byte, &url, subject)])
}

/// What a status means.
fn answered(question: &Question, status: StatusCode, after: Duration, url: &Url, subject: &str) -> Finding {
    let is_wrong = match question.status {
        Some(expected) => status.as_u16() != expected,
        None => status.is_server_error(),
    };
    let message =
        format!("GET {} is answered with {} after {} ms", url.path, status.as_u16(), after.as_millis());
    if is_wrong {
        let hint = format!(
            "the server is reached, and fails itself: look at its log; `curl -sv {url}` shows the answer"
        );
        Finding::new(ANSWERS.code, Severity::Error, subject, message).hint(hint)
    } else {
        Finding::new(ANSWERS.code, Severity::Ok, subject, message)
    }
}

pub(super) fn http_options(options: &Options<'_>, address: Option<std::net::IpAddr>) -> http::Options {
    http::Options {
        trust: Trust::Roots { roots: Arc::clone(&options.roots), now: tls::moment((options.now)()) },
        address,
        step: options.step,
        answer: options.answer,
        ..http::Options::default()
    }
}
