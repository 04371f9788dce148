//! The checks of an endpoint with what each asks and what it waits for.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::FutureExt as _;
use http::{HeaderName, Method, header};
use model::Secret;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::about::{About, Site, Work};
use super::ask::Manner;
use super::facts::Outcome;
use super::security_log::{self, Mark, Watched};
use super::{answers, refusals, surroundings};
use crate::engine::{CheckId, Suite};
use crate::remote::http::{Request, Url};
use crate::remote::target::Host;
use crate::{CheckResult, Subject, SubjectKind};

/// How many checks of one endpoint run at a time: few, since the proxy limits what a caller may have in flight.
const AT_ONCE: usize = 4;
/// How many calls the latency is taken of.
const LATENCY_CALLS: usize = 5;
/// How long a line may take to appear in a log.
const LOG_PATIENCE: Duration = Duration::from_secs(10);
const LOG_POLL: Duration = Duration::from_millis(100);
/// Where the proxy serves metrics unless told otherwise.
const METRICS_PORT: u16 = 9464;
/// Nobody issues this.
const NOT_A_TOKEN: &str = "sre-agent-deploy-check-endpoint-not-a-token";

/// What the caller of the proxy is.
#[derive(Debug, Clone)]
pub enum Token {
    /// With this token or key.
    Given(Secret<String>),
    /// There is none, and why: `there is no token`.
    Missing {
        /// Completes "skipped because …".
        because: String,
        /// What to do about it.
        hint: String,
    },
}

/// What to check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the proxy is; its path is not used.
    pub url: Url,
    /// How it is asked.
    pub manner: Manner,
    /// Who asks.
    pub token: Token,
    /// Names of models that have to be there.
    pub models: BTreeSet<String>,
    /// The model to ask; without one, one of those above, or the first that is listed.
    pub model: Option<String>,
    /// The proxy's security log, where it can be read.
    pub security_log: Option<PathBuf>,
    /// Ports that must be closed from outside.
    pub backend_ports: Vec<u16>,
    /// Whether this is outside. On the machine of the proxy itself, what is open from outside cannot be seen.
    pub is_outside: bool,
}

/// What checks of one endpoint tell each other.
#[derive(Default)]
struct Told {
    first: RefCell<Option<Outcome>>,
    peer: OnceCell<SocketAddr>,
    model: RefCell<Option<String>>,
    mark: RefCell<Option<std::io::Result<Mark>>>,
    request_id: RefCell<Option<String>>,
}

struct Bench<'a> {
    options: &'a Options,
    site: &'a Site,
    told: &'a Told,
}

/// Asks the proxy everything there is to ask.
pub async fn check(options: &Options) -> CheckResult {
    let site = site(&options.url);
    let told = Told::default();
    let bench = Bench { options, site: &site, told: &told };
    let mut checks = Suite::new();
    bench.fill(&mut checks);
    let findings = checks.run(AT_ONCE).await.into_iter().flat_map(|outcome| outcome.findings).collect();
    CheckResult::new(Subject::new(SubjectKind::Endpoint, site.name.clone()), Vec::new(), findings)
}

/// The server of a URL.
pub(crate) fn site(url: &Url) -> Site {
    let host = match &url.host {
        Host::Address(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        host => host.to_string(),
    };
    let base = url.at("/").to_string();
    Site { base: base.trim_end_matches('/').to_owned(), name: format!("{host}:{}", url.port) }
}

impl<'a> Bench<'a> {
    fn fill(&self, suite: &mut Suite<'a>) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        let reachable = self.site.add(suite, &super::REACHABLE, &[], move |about| {
            async move {
                let (outcome, peer) = manner.ask(&get(options, surroundings::LIVE)).await;
                if let Some(peer) = peer {
                    let _ = told.peer.set(peer);
                }
                let findings = surroundings::reachable(&about, &outcome);
                told.first.replace(Some(outcome));
                findings
            }
            .boxed_local()
        });
        let trusted = self.site.add(suite, &super::TRUSTED, &[reachable], move |about| {
            let first = told.first.borrow();
            let findings = match first.as_ref() {
                Some(outcome) => surroundings::trusted(&about, outcome),
                None => vec![about.unknown("no certificate was seen")],
            };
            async move { findings }.boxed_local()
        });
        let live = self.site.add(suite, &super::LIVE, &[trusted], move |about| {
            let first = told.first.borrow();
            let findings = match first.as_ref() {
                Some(outcome) => surroundings::healthy(&about, outcome, surroundings::LIVE),
                None => vec![about.unknown("it was not asked")],
            };
            async move { findings }.boxed_local()
        });
        self.site.add(suite, &super::READY, &[trusted], move |about| {
            async move {
                let (outcome, _) = manner.ask(&get(options, surroundings::READY)).await;
                surroundings::healthy(&about, &outcome, surroundings::READY)
            }
            .boxed_local()
        });
        self.strangers(suite, trusted);
        self.caller(suite, trusted);
        self.site.add(suite, &super::PREFLIGHT, &[trusted], move |about| {
            async move {
                let request = at(options, Method::OPTIONS, answers::CHAT, Vec::new())
                    .header(header::ORIGIN, surroundings::FOREIGN_ORIGIN)
                    .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
                    .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
                let (outcome, _) = manner.ask(&request).await;
                surroundings::preflight(&about, &outcome, surroundings::FOREIGN_ORIGIN)
            }
            .boxed_local()
        });
        self.site.add(suite, &super::LATENCY, &[live], move |about| {
            async move {
                let mut times = Vec::new();
                for _ in 0..LATENCY_CALLS {
                    let began = Instant::now();
                    if manner.ask(&get(options, surroundings::LIVE)).await.0.is_ok() {
                        times.push(began.elapsed());
                    }
                }
                surroundings::latency(&about, &times, LATENCY_CALLS)
            }
            .boxed_local()
        });
        self.outside(suite, reachable, trusted);
    }

    /// What nobody may have without a token.
    fn strangers(&self, suite: &mut Suite<'a>, trusted: CheckId) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        self.site.add(suite, &super::NO_TOKEN, &[trusted], move |about| {
            async move {
                let (outcome, _) = manner.ask(&get(options, refusals::NO_TOKEN.path)).await;
                refusals::judge(&about, &refusals::NO_TOKEN, &outcome)
            }
            .boxed_local()
        });
        let wrong = self.site.add(suite, &super::WRONG_TOKEN, &[trusted], move |about| {
            async move {
                told.mark.replace(options.security_log.as_deref().map(Mark::end_of));
                let request =
                    get(options, refusals::WRONG_TOKEN.path).bearer(&Secret::new(NOT_A_TOKEN.to_owned()));
                let (outcome, _) = manner.ask(&request).await;
                let id = outcome.as_ref().ok().and_then(|reply| reply.request_id()).map(str::to_owned);
                told.request_id.replace(id);
                refusals::judge(&about, &refusals::WRONG_TOKEN, &outcome)
            }
            .boxed_local()
        });
        let Some(path) = &options.security_log else { return };
        self.site.add(suite, &super::LOGGED, &[wrong], move |about| {
            async move {
                let id = told.request_id.borrow().clone();
                let mark = told.mark.borrow_mut().take();
                let watched = match mark {
                    Some(Ok(mark)) => watch(path, mark, id.as_deref()).await,
                    Some(Err(error)) => Watched::Unreadable(error.to_string()),
                    None => Watched::Unreadable("its end was not seen before the request".to_owned()),
                };
                security_log::judge(&about, path, &watched, id.as_deref())
            }
            .boxed_local()
        });
    }

    /// What a caller with a token gets.
    fn caller(&self, suite: &mut Suite<'a>, trusted: CheckId) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        let token = match &options.token {
            Token::Given(token) => token,
            Token::Missing { because, hint } => {
                for entry in
                    [&super::MODELS, &super::CHAT, &super::STREAM, &super::UNKNOWN_MODEL, &super::MALFORMED]
                {
                    self.site.add(suite, entry, &[], skipped(because, hint));
                }
                return;
            }
        };
        let models = self.site.add(suite, &super::MODELS, &[trusted], move |about| {
            async move {
                let (outcome, _) = manner.ask(&get(options, answers::MODELS).bearer(token)).await;
                let (listed, findings) = match answers::models(&about, &outcome, &options.models) {
                    Ok(found) => found,
                    Err(findings) => return findings,
                };
                let model = options.model.clone().or_else(|| answers::model_to_ask(&listed, &options.models));
                told.model.replace(model);
                findings
            }
            .boxed_local()
        });
        self.site.add(suite, &super::CHAT, &[models], move |about| {
            async move {
                let model = told.model.borrow().clone().unwrap_or_default();
                let (outcome, _) = manner.ask(&chat(options, token, &question(&model, false))).await;
                answers::chat(&about, &outcome, &model)
            }
            .boxed_local()
        });
        self.site.add(suite, &super::STREAM, &[models], move |about| {
            async move {
                let model = told.model.borrow().clone().unwrap_or_default();
                let (outcome, _) = manner.ask(&chat(options, token, &question(&model, true))).await;
                answers::stream(&about, &outcome, &model)
            }
            .boxed_local()
        });
        self.site.add(suite, &super::UNKNOWN_MODEL, &[models], move |about| {
            async move {
                let body = question("sre-agent-deploy-no-such-model", false);
                let (outcome, _) = manner.ask(&chat(options, token, &body)).await;
                refusals::judge(&about, &refusals::UNKNOWN_MODEL, &outcome)
            }
            .boxed_local()
        });
        self.site.add(suite, &super::MALFORMED, &[models], move |about| {
            async move {
                let request = at(options, Method::POST, answers::CHAT, b"{\"model\": ".to_vec())
                    .header(header::CONTENT_TYPE, "application/json")
                    .bearer(token);
                let (outcome, _) = manner.ask(&request).await;
                refusals::judge(&about, &refusals::MALFORMED_BODY, &outcome)
            }
            .boxed_local()
        });
    }

    /// What must not be there for the world.
    fn outside(&self, suite: &mut Suite<'a>, reachable: CheckId, trusted: CheckId) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        self.site.add(suite, &super::METRICS, &[trusted], move |about| {
            async move {
                let (outcome, _) = manner.ask(&get(options, surroundings::METRICS)).await;
                let mut findings = surroundings::no_metrics(&about, &outcome);
                if let (true, Some(peer)) = (options.is_outside, told.peer.get()) {
                    let probe = manner.probe(SocketAddr::new(peer.ip(), METRICS_PORT)).await;
                    let what = "it serves the proxy's metrics";
                    findings.extend(surroundings::closed(&about, METRICS_PORT, what, &probe));
                }
                findings
            }
            .boxed_local()
        });
        if !options.is_outside {
            let here =
                "this runs on the machine of the proxy, where it cannot be seen what is open from outside";
            let hint = "run it on another machine, outside of the VPC";
            self.site.add(suite, &super::PLAIN, &[], skipped(here, hint));
            self.site.add(suite, &super::BACKEND, &[], skipped(here, hint));
            return;
        }
        self.site.add(suite, &super::PLAIN, &[reachable], move |about| {
            async move {
                let url = Url { is_secure: false, port: 80, ..options.url.at(answers::MODELS) };
                let (outcome, _) = manner.ask(&Request::get(url)).await;
                surroundings::plain(&about, &outcome)
            }
            .boxed_local()
        });
        for &port in &options.backend_ports {
            self.site.add(suite, &super::BACKEND, &[reachable], move |about| {
                async move {
                    let Some(peer) = told.peer.get() else {
                        return vec![about.unknown("the address of the endpoint is not known")];
                    };
                    let probe = manner.probe(SocketAddr::new(peer.ip(), port)).await;
                    surroundings::closed(
                        &about,
                        port,
                        "the backend behind the proxy is for the VPC only",
                        &probe,
                    )
                }
                .boxed_local()
            });
        }
    }
}

fn skipped<'a>(because: &str, hint: &str) -> impl Fn(About<'a>) -> Work<'a> + use<'a> {
    let (because, hint) = (because.to_owned(), hint.to_owned());
    move |about| {
        let finding = about.skipped(&because).hint(hint.clone());
        async move { vec![finding] }.boxed_local()
    }
}

fn at(options: &Options, method: Method, path: &str, body: Vec<u8>) -> Request {
    Request::new(method, options.url.at(path), body)
}

fn get(options: &Options, path: &str) -> Request {
    Request::get(options.url.at(path))
}

fn chat(options: &Options, token: &Secret<String>, body: &Value) -> Request {
    let json: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");
    at(options, Method::POST, answers::CHAT, body.to_string().into_bytes())
        .header(json.0, json.1)
        .bearer(token)
}

/// As short as a question can be, since its answer costs.
fn question(model: &str, is_stream: bool) -> Value {
    let mut question = json!({
        "model": model,
        "messages": [{"role": "user", "content": "Answer with one word: ready"}],
        "max_completion_tokens": 16,
    });
    if let (true, Some(members)) = (is_stream, question.as_object_mut()) {
        members.insert("stream".to_owned(), json!(true));
        members.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    question
}

/// Watches the log until the line is there.
async fn watch(path: &std::path::Path, mark: Mark, request_id: Option<&str>) -> Watched {
    let began = Instant::now();
    loop {
        match mark.since(path) {
            Ok(written) => {
                if let Some(line) = security_log::line_of(&written, request_id) {
                    return Watched::Seen(line);
                }
            }
            // A log that is being rotated is gone for a moment.
            Err(error) if began.elapsed() > LOG_PATIENCE => return Watched::Unreadable(error.to_string()),
            Err(_) => {}
        }
        if began.elapsed() > LOG_PATIENCE {
            return Watched::Silent(LOG_PATIENCE);
        }
        sleep(LOG_POLL).await;
    }
}
