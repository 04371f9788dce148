//! The backends behind the gateway. A request without a key that is refused with 401 shows three things at once: the
//! backend is up, its TLS is good, and it wants its key.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use futures::future::join_all;
use http::{HeaderValue, header};
use model::agent::{API_KEY_HEADER, Backend};
use model::{Finding, Secret, Severity};

use crate::endpoint::about::About;
use crate::endpoint::facts::{NoReply, Outcome};
use crate::endpoint::{Manner, site};
use crate::engine::Suite;
use crate::remote::http::{HeaderName, Request, Url};
use crate::{CheckResult, Subject, SubjectKind};

/// What a backend does not ask for.
const LOGINS: [&str; 4] = ["basic", "bearer", "digest", "negotiate"];
/// Nobody has this key.
const NOT_A_KEY: &str = "sre-agent-deploy-check-gateway-not-a-key";
/// What to do about a backend that is open.
const CLOSE: &str = "close its port, then look at how it was started: it has to have its API key";

/// What to check.
#[derive(Debug, Clone)]
pub struct Backends {
    /// Where each is: scheme, host and port.
    pub urls: BTreeMap<Backend, Url>,
    /// How they are asked.
    pub manner: Manner,
    /// Their key, or why it is not at hand: completes "skipped because …".
    pub key: Result<Secret<String>, String>,
}

/// Asks each backend for its health, without its key and, where there is one, with it.
pub async fn backends(options: &Backends) -> Vec<CheckResult> {
    join_all(options.urls.iter().map(|(backend, url)| one(options, *backend, url))).await
}

async fn one(options: &Backends, backend: Backend, url: &Url) -> CheckResult {
    let site = site(url);
    let manner = &options.manner;
    let mut checks = Suite::new();
    let keyless = site.add(&mut checks, &super::KEYLESS, &[], move |about| {
        async move {
            let (outcome, _) = manner.ask(&Request::get(url.at("/"))).await;
            let findings = refused(&about, backend, &outcome);
            if findings.iter().any(|finding| finding.severity > Severity::Ok) {
                return findings;
            }
            let wrong = Secret::new(NOT_A_KEY.to_owned());
            let (outcome, _) = manner.ask(&keyed(url, &wrong)).await;
            if outcome.is_ok_and(|reply| (200..300).contains(&reply.status)) {
                let message = format!("the {} backend takes any key: anybody can read it", backend.title());
                return vec![about.error(message).hint(CLOSE)];
            }
            findings
        }
        .boxed_local()
    });
    site.add(&mut checks, &super::KEYED, &[keyless], move |about| {
        async move {
            match &options.key {
                Ok(key) => taken(&about, backend, &manner.ask(&keyed(url, key)).await.0),
                Err(because) => vec![about.skipped(because)],
            }
        }
        .boxed_local()
    });
    let findings = checks.run(1).await.into_iter().flat_map(|outcome| outcome.findings).collect();
    CheckResult::new(Subject::new(SubjectKind::Endpoint, site.name.clone()), Vec::new(), findings)
}

fn keyed(url: &Url, key: &Secret<String>) -> Request {
    let mut request = Request::get(url.at("/"));
    let name = HeaderName::from_bytes(API_KEY_HEADER.as_bytes());
    if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(key.expose())) {
        value.set_sensitive(true);
        request.headers.insert(name, value);
    }
    request
}

fn on_the_host(backend: Backend) -> String {
    format!("see on the host whether it runs, and what it logged: ss -ltnp 'sport = :{}'", backend.port())
}

/// Whether whoever has no key is refused.
fn refused(about: &About<'_>, backend: Backend, outcome: &Outcome) -> Vec<Finding> {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(no_reply) => {
            let message = format!("the {} backend does not answer", backend.title());
            let hint = match no_reply {
                NoReply::Untrusted(_) | NoReply::Tls(_) => {
                    format!("see what it shows: sre-agent-deploy check certs --endpoint {}", about.site.name)
                }
                NoReply::Unresolved(_) => "create the name's record at your DNS provider".to_owned(),
                NoReply::TimedOut(_) => format!(
                    "port {} is open inside the VPC only, so check on the instance: sre-agent-deploy check gateway; from there, see the rules of the security group, and whether the backend runs",
                    backend.port()
                ),
                NoReply::Unreachable(_) => on_the_host(backend),
                NoReply::Broken(_) => {
                    format!("it may speak plain HTTP where TLS is due; {}", on_the_host(backend))
                }
            };
            let finding = match no_reply {
                // From outside the VPC its port is closed, as it should be.
                NoReply::TimedOut(_) => about.unknown(message),
                _ => about.error(message),
            };
            return vec![finding.evidence(no_reply.words()).hint(hint)];
        }
    };
    let scheme = reply.header(&header::WWW_AUTHENTICATE).and_then(|text| text.split(' ').next());
    let is_other = scheme.is_some_and(|scheme| LOGINS.iter().any(|one| scheme.eq_ignore_ascii_case(one)));
    match reply.status {
        401 if is_other => {
            let message = format!("something else answers at the port of the {} backend", backend.title());
            let evidence =
                format!("it wants a login of the kind {}, and not a key", scheme.unwrap_or_default());
            vec![about.error(message).evidence(evidence).hint(on_the_host(backend))]
        }
        401 => {
            let message =
                format!("the {} backend is up, its TLS is good, and it wants its key", backend.title());
            vec![about.ok(message)]
        }
        200..=299 => vec![
            about
                .error(format!("the {} backend answers without a key: anybody can read it", backend.title()))
                .evidence(reply.excerpt())
                .hint(CLOSE),
        ],
        status => vec![
            about
                .error(format!("the {} backend answered {status} where 401 is due", backend.title()))
                .evidence(reply.excerpt())
                .hint(on_the_host(backend)),
        ],
    }
}

/// Whether the key is taken.
fn taken(about: &About<'_>, backend: Backend, outcome: &Outcome) -> Vec<Finding> {
    let reply = match about.reply(outcome, "/") {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    match reply.status {
        200 => vec![about.ok(format!("the {} backend takes the key", backend.title()))],
        401 => vec![
            about
                .error(format!("the {} backend refuses the key", backend.title()))
                .evidence(reply.excerpt())
                .hint("it read another key when it started: restart it, so that it reads that of the credential provider"),
        ],
        status => vec![
            about
                .error(format!("the {} backend answered {status} with its key", backend.title()))
                .evidence(reply.excerpt())
                .hint(on_the_host(backend)),
        ],
    }
}
