//! The checks of one server, each standing on the one before: name, addresses, STARTTLS, TLS, trust, HTTP, clock.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{LocalBoxFuture, join_all};
use model::{Finding, Severity};
use rustls_pki_types::CertificateDer;

use super::clock::{self, ClockFacts};
use super::suite::{Options, Question, http_options, undated, verdict};
use super::{AGREES, ANSWERS, CLOCK, CONNECTS, HANDSHAKE, RESOLVES, STARTTLS, TRUSTED, findings};
use crate::catalogue::Entry;
use crate::engine::{CheckId, Suite, Verdict};
use crate::remote::collect::{Look, look};
use crate::remote::connect::{self, Failure};
use crate::remote::dns::{self, NameFacts};
use crate::remote::http::{self, HttpError, Request, StatusCode, Url, fetch};
use crate::remote::starttls;
use crate::remote::target::{Protocol, Target};
use crate::remote::tls::{self, Handshake};

/// A name with more addresses is looked at in part.
const MOST_ADDRESSES: usize = 16;

/// What the steps of one server hand to one another.
#[derive(Default)]
struct Known {
    name: Option<NameFacts>,
    addresses: Vec<SocketAddr>,
    connected: Vec<SocketAddr>,
    /// What was sent, by address; of addresses that want a client certificate as well.
    chains: Vec<(SocketAddr, Vec<CertificateDer<'static>>)>,
    secured: Vec<(SocketAddr, Handshake)>,
    trusted: Vec<SocketAddr>,
    clock: Option<ClockFacts>,
}

type Shared = Rc<RefCell<Known>>;

/// The checks of one server.
pub(super) fn add<'a>(suite: &mut Suite<'a>, question: &'a Question, options: &'a Options<'a>) {
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
        Box::pin(async move { trust(&question.target, options, &known, &subject) })
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

type Asked<'a> = LocalBoxFuture<'a, Verdict>;

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
    let mut said = findings::resolves(&facts, subject);
    if found.len() > MOST_ADDRESSES {
        let message = format!("only {MOST_ADDRESSES} of its {} addresses are looked at", found.len());
        said.push(Finding::new(RESOLVES.code, Severity::Info, subject, message));
    }
    let verdict = verdict(said);
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
    observed(&CONNECTS, all, subject)
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
    if tried.is_empty() {
        return unobserved(&STARTTLS, subject);
    }
    let some_work = tried.iter().any(Option::is_none);
    Verdict::Final(findings::softened(tried.into_iter().flatten().collect(), some_work))
}

async fn secure(target: &Target, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let addresses = known.borrow().connected.clone();
    let looks = join_all(addresses.iter().map(|address| look(target, *address, options.step))).await;
    let mut failed = Vec::new();
    let (mut secured, mut chains) = (Vec::new(), Vec::new());
    for (address, look) in addresses.into_iter().zip(looks) {
        failed.extend(look.findings(target, address, subject));
        if !look.chain().is_empty() {
            chains.push((address, look.chain().to_vec()));
        }
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
    let mut known = known.borrow_mut();
    (known.secured, known.chains) = (secured, chains);
    if all.is_empty() { unobserved(&HANDSHAKE, subject) } else { Verdict::Final(all) }
}

fn trust(target: &Target, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let mut known = known.borrow_mut();
    let (Some(server), false) = (target.server().server_name(), known.chains.is_empty()) else {
        return unobserved(&TRUSTED, subject);
    };
    let now = tls::moment((options.now)());
    let (mut trusted, mut refused) = (Vec::new(), Vec::new());
    for (address, chain) in &known.chains {
        match tls::verify(chain, &server, &options.roots, now) {
            Ok(()) => trusted.push(*address),
            Err(why) => {
                let message = format!("{}: clients do not trust the certificate", target.place(address.ip()));
                refused.push(
                    Finding::new(TRUSTED.code, Severity::Error, subject, message).evidence(why).hint(
                        format!(
                            "`sre-agent-deploy check certs --endpoint {target}` says what is wrong with it"
                        ),
                    ),
                );
            }
        }
    }
    known.trusted = trusted;
    Verdict::Final(findings::softened(refused, !known.trusted.is_empty()))
}

async fn answer(question: &Question, options: &Options<'_>, known: &Shared, subject: &str) -> Verdict {
    let target = &question.target;
    let reachable = {
        let known = known.borrow();
        let mut secured = known.secured.iter().filter(|(address, _)| known.trusted.contains(address));
        secured.next().map(|(address, handshake)| (address.ip(), handshake.asks_for_certificate))
    };
    let Some((address, asks_for_certificate)) = reachable else { return behind_certificate(subject) };
    let path = question.path.clone().unwrap_or_else(|| "/".to_owned());
    let url = Url { is_secure: true, host: target.server(), port: target.port, path };
    let sent = (options.now)();
    let result = fetch(&Request::get(url.clone()), &http_options(options, Some(address))).await;
    let received = (options.now)();
    let whole = match result {
        Ok(whole) => whole,
        // Under TLS 1.3 who insists on one says so only now.
        Err(HttpError::Broken(_)) if asks_for_certificate => return behind_certificate(subject),
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

/// What lies behind a client certificate was not asked, and did not pass.
fn behind_certificate(subject: &str) -> Verdict {
    let message = "not asked, because the server wants a client certificate";
    let finding = Finding::new(ANSWERS.code, Severity::Skipped, subject, message);
    Verdict::Final(vec![finding.evidence(HANDSHAKE.code)])
}

/// What was seen, or that nothing was.
fn observed(entry: &'static Entry, findings: Vec<Finding>, subject: &str) -> Verdict {
    if findings.is_empty() { unobserved(entry, subject) } else { verdict(findings) }
}

/// Nothing was looked at, so nothing passed. The checks before this one do not let it come to this.
fn unobserved(entry: &'static Entry, subject: &str) -> Verdict {
    Verdict::Final(vec![Finding::new(entry.code, Severity::Unknown, subject, "there was nothing to look at")])
}
