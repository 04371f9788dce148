//! The checks of a gateway with what each asks and what it waits for.

use std::cell::{OnceCell, RefCell};

use futures::FutureExt as _;
use model::Secret;
use model::agent::Backend;

use super::client::{self, Client};
use super::judge::{self, Caller};
use crate::endpoint::about::{About, Site, Work};
use crate::endpoint::facts::Outcome;
use crate::endpoint::{Manner, Token, site};
use crate::engine::{CheckId, Suite};
use crate::remote::http::{Request, Url};
use crate::{CheckResult, Subject, SubjectKind};

/// The gateway runs a few calls at a time for each of its clients.
const AT_ONCE: usize = 4;
/// Nobody issues this.
const NOT_A_TOKEN: &str = "sre-agent-deploy-check-gateway-not-a-token";

/// What to check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where MCP is spoken to it; ends in `/mcp`.
    pub url: Url,
    /// How it is asked.
    pub manner: Manner,
    /// Who asks.
    pub token: Token,
    /// The issuer of the tokens that it has to take; without one any will do.
    pub issuer: Option<String>,
    /// What it has to have.
    pub targets: Vec<Backend>,
}

/// What the checks tell each other.
#[derive(Default)]
struct Told {
    first: RefCell<Option<Outcome>>,
}

/// Asks the gateway everything there is to ask.
pub async fn check(options: &Options) -> CheckResult {
    let site = site(&options.url);
    let targets: Vec<Site> = options
        .targets
        .iter()
        .map(|backend| Site { base: site.base.clone(), name: backend.target().to_owned() })
        .collect();
    let told = Told::default();
    let session = OnceCell::new();
    let mut checks = Suite::new();
    let bench = Bench { options, site: &site, targets: &targets, told: &told };
    let reachable = bench.strangers(&mut checks);
    match &options.token {
        Token::Given(token) => bench.caller(&mut checks, reachable, token, &session),
        Token::Missing { because, hint } => bench.nobody(&mut checks, because, hint),
    }
    let findings = checks.run(AT_ONCE).await.into_iter().flat_map(|outcome| outcome.findings).collect();
    if let Some(session) = session.get() {
        let session: &Client<'_> = session;
        session.end().await;
    }
    CheckResult::new(Subject::new(SubjectKind::Endpoint, site.name.clone()), Vec::new(), findings)
}

struct Bench<'a> {
    options: &'a Options,
    site: &'a Site,
    /// One for each target, in the order of the options.
    targets: &'a [Site],
    told: &'a Told,
}

impl<'a> Bench<'a> {
    /// What nobody may have without a token.
    fn strangers(&self, suite: &mut Suite<'a>) -> CheckId {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        let reachable = self.site.add(suite, &super::REACHABLE, &[], move |about| {
            async move {
                let (outcome, _) = manner.ask(&client::first(&options.url)).await;
                let findings = judge::reachable(&about, &outcome);
                told.first.replace(Some(outcome));
                findings
            }
            .boxed_local()
        });
        self.site.add(suite, &super::NO_TOKEN, &[reachable], move |about| {
            let first = told.first.borrow();
            let findings = match first.as_ref() {
                Some(outcome) => judge::no_token(&about, outcome),
                None => vec![about.unknown("it was not asked")],
            };
            async move { findings }.boxed_local()
        });
        self.site.add(suite, &super::METADATA, &[reachable], move |about| {
            async move {
                let url = judge::metadata_url(&options.url, told.first.borrow().as_ref());
                let path = url.path.clone();
                let (outcome, _) = manner.ask(&Request::get(url)).await;
                judge::metadata(&about, &outcome, &path, options.issuer.as_deref())
            }
            .boxed_local()
        });
        self.site.add(suite, &super::WRONG_TOKEN, &[reachable], move |about| {
            async move {
                let request = client::first(&options.url).bearer(&Secret::new(NOT_A_TOKEN.to_owned()));
                let (outcome, _) = manner.ask(&request).await;
                judge::wrong_token(&about, &outcome)
            }
            .boxed_local()
        });
        reachable
    }

    /// What a caller with a token gets.
    fn caller(
        &self,
        suite: &mut Suite<'a>,
        reachable: CheckId,
        token: &'a Secret<String>,
        session: &'a OnceCell<Client<'a>>,
    ) {
        let options = self.options;
        let manner = &options.manner;
        let caller = Caller { token, now: manner.now };
        let begun = self.site.add(suite, &super::SESSION, &[reachable], move |about| {
            async move {
                let client = session.get_or_init(|| Client::new(manner, &options.url, token));
                match client.initialize().await {
                    Ok(version) => judge::session(&about, version),
                    Err(trouble) => vec![judge::trouble(&about, &trouble, "initialize", &caller)],
                }
            }
            .boxed_local()
        });
        self.site.add(suite, &super::TOOLS, &[begun], move |about| {
            async move {
                let Some(client) = session.get() else { return vec![about.unknown("no session began")] };
                match client.tools().await {
                    Ok((tools, pages)) => judge::tools(&about, &tools, pages, &options.targets),
                    Err(trouble) => vec![judge::trouble(&about, &trouble, "tools/list", &caller)],
                }
            }
            .boxed_local()
        });
        for (site, backend) in self.targets.iter().zip(&options.targets) {
            site.add(suite, &super::CALLS, &[begun], move |about| {
                async move {
                    let Some(client) = session.get() else { return vec![about.unknown("no session began")] };
                    let tool = backend.tool(backend.proof());
                    match client.call(&tool).await {
                        Ok(outcome) => judge::call(&about, &tool, &outcome),
                        Err(trouble) => vec![judge::trouble(&about, &trouble, &tool, &caller)],
                    }
                }
                .boxed_local()
            });
        }
    }

    /// The same without a caller.
    fn nobody(&self, suite: &mut Suite<'a>, because: &'a str, hint: &'a str) {
        // The calls are the proof: without them nothing is in order.
        self.site.add(suite, &super::SESSION, &[], move |about| {
            let finding = about.unknown(format!("whether the tools can be called is not known: {because}"));
            let finding = finding.hint(hint);
            async move { vec![finding] }.boxed_local()
        });
        let skipped = move |about: About<'a>| -> Work<'a> {
            let finding = about.skipped(because).hint(hint);
            async move { vec![finding] }.boxed_local()
        };
        self.site.add(suite, &super::TOOLS, &[], skipped);
        for site in self.targets {
            site.add(suite, &super::CALLS, &[], skipped);
        }
    }
}
