//! The checks of a user pool with what each asks and what it waits for.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use http::{HeaderValue, Method, header};
use model::{Finding, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::judge::{self, Discovery, Issued};
use super::jwt::{self, KeySet, Read};
use crate::catalogue::Entry;
use crate::endpoint::Manner;
use crate::endpoint::about::{About, Site};
use crate::engine::{CheckId, Suite};
use crate::remote::http::{Request, Url};
use crate::{CheckResult, Moment, Subject, SubjectKind};

const AT_ONCE: usize = 4;
/// What a form encodes: everything but what RFC 3986, section 2.3, calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An app client, with which machines fetch tokens.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret<String>,
    /// The scopes it asks for, `RESOURCE_SERVER/SCOPE` each.
    pub scopes: Vec<String>,
    /// Where it asks, such as `https://PREFIX.auth.REGION.amazoncognito.com/oauth2/token`; without one, where the
    /// discovery document says.
    pub token_endpoint: Option<String>,
    /// How long its access tokens should live, minutes.
    pub access_token_minutes: Option<u32>,
}

/// What to check.
#[derive(Debug, Clone)]
pub struct Options {
    /// The issuer, exactly as tokens name it: `https://cognito-idp.REGION.amazonaws.com/POOL`.
    pub issuer: String,
    /// Where the pool is reached, if not under its own name: an address that takes the issuer's place in URLs.
    pub reached_at: Option<String>,
    /// The client, or why there is none: completes "skipped because …", with what to do about it.
    pub client: Result<Client, (String, String)>,
    /// How the issuer is asked.
    pub manner: Manner,
}

/// What came of it.
#[derive(Debug)]
pub struct Run {
    /// The findings.
    pub result: CheckResult,
    /// The token that the client got.
    pub token: Option<Secret<String>>,
}

/// What the checks tell each other.
#[derive(Default)]
struct Told {
    discovery: RefCell<Option<Discovery>>,
    keys: RefCell<Option<KeySet>>,
    issued: RefCell<Option<(Issued, Read)>>,
}

struct Bench<'a> {
    options: &'a Options,
    site: &'a Site,
    told: &'a Told,
}

/// Asks the issuer everything there is to ask.
pub async fn check(options: &Options) -> Run {
    let site = Site { base: options.issuer.clone(), name: options.issuer.clone() };
    let told = Told::default();
    let mut checks = Suite::new();
    Bench { options, site: &site, told: &told }.fill(&mut checks);
    let findings = checks.run(AT_ONCE).await.into_iter().flat_map(|outcome| outcome.findings).collect();
    let subject = Subject::new(SubjectKind::Endpoint, site.name.clone());
    Run {
        result: CheckResult::new(subject, Vec::new(), findings),
        token: told.issued.into_inner().map(|(issued, _)| issued.token),
    }
}

impl<'a> Bench<'a> {
    /// Adds a check of the token's claims.
    fn claim(
        &self,
        suite: &mut Suite<'a>,
        entry: &'static Entry,
        after: &[CheckId],
        work: impl Fn(&About<'a>, &Issued, &Read) -> Vec<Finding> + 'a,
    ) {
        let told = self.told;
        self.site.add(suite, entry, after, move |about| {
            let findings = match told.issued.borrow().as_ref() {
                Some((issued, read)) => work(&about, issued, read),
                None => vec![about.unknown("there is no token to look at")],
            };
            async move { findings }.boxed_local()
        });
    }

    fn fill(&self, suite: &mut Suite<'a>) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        let discovery = self.site.add(suite, &super::DISCOVERY, &[], move |about| {
            async move {
                let text = format!("{}/.well-known/openid-configuration", options.issuer);
                let url = match url(options, &text) {
                    Ok(url) => url,
                    Err(why) => return vec![about.error("the issuer is no URL").evidence(why)],
                };
                let (outcome, _) = manner.ask(&Request::get(url)).await;
                match judge::discovery(&about, &outcome, &options.issuer) {
                    Ok(found) => {
                        told.discovery.replace(Some(found));
                        Vec::new()
                    }
                    Err(findings) => findings,
                }
            }
            .boxed_local()
        });
        let keys = self.site.add(suite, &super::KEYS, &[discovery], move |about| {
            async move {
                let text = told.discovery.borrow().as_ref().map(|found| found.jwks_uri.clone());
                let url = match url(options, &text.unwrap_or_default()) {
                    Ok(url) => url,
                    Err(why) => {
                        return vec![
                            about.error("the discovery document's `jwks_uri` is no URL").evidence(why),
                        ];
                    }
                };
                let (outcome, _) = manner.ask(&Request::get(url)).await;
                match judge::keys(&about, &outcome) {
                    Ok((found, findings)) => {
                        told.keys.replace(Some(found));
                        findings
                    }
                    Err(findings) => findings,
                }
            }
            .boxed_local()
        });
        match &options.client {
            Ok(client) => self.round_trip(suite, client, discovery, keys),
            Err((because, hint)) => {
                for entry in [
                    &super::TOKEN,
                    &super::ISSUER,
                    &super::CLIENT,
                    &super::SCOPES,
                    &super::LIFETIME,
                    &super::SIGNATURE,
                ] {
                    self.site.add(suite, entry, &[], move |about| {
                        let finding = about.skipped(because).hint(hint);
                        async move { vec![finding] }.boxed_local()
                    });
                }
            }
        }
    }

    fn round_trip(&self, suite: &mut Suite<'a>, client: &'a Client, discovery: CheckId, keys: CheckId) {
        let Bench { options, told, .. } = *self;
        let manner = &options.manner;
        // Where the address is known, a token can be had whatever the issuer says of itself.
        let first: &[CheckId] = if client.token_endpoint.is_some() { &[] } else { &[discovery] };
        let token = self.site.add(suite, &super::TOKEN, first, move |about| {
            async move {
                let found = told.discovery.borrow().as_ref().map(|found| found.token_endpoint.clone());
                let text = client.token_endpoint.clone().or(found).filter(|text| !text.is_empty());
                let Some(text) = text else {
                    return vec![
                        about
                            .error("the user pool has no token endpoint")
                            .hint("it needs a domain: a deploy makes one from `cognito.domain_prefix`"),
                    ];
                };
                let url = match url(options, &text) {
                    Ok(url) => url,
                    Err(why) => return vec![about.error("the token endpoint is no URL").evidence(why)],
                };
                let (outcome, _) = manner.ask(&token_request(url, client)).await;
                let issued = match judge::token(&about, &outcome, &client.id) {
                    Ok(issued) => issued,
                    Err(findings) => return findings,
                };
                match jwt::read(issued.token.expose()) {
                    Ok(read) => {
                        told.issued.replace(Some((issued, read)));
                        Vec::new()
                    }
                    Err(why) => vec![about.error("what the token endpoint gives is no JWT").evidence(why)],
                }
            }
            .boxed_local()
        });
        self.claim(suite, &super::ISSUER, &[token], |about, _, read| {
            judge::issuer(about, &read.claims, &options.issuer)
        });
        self.claim(suite, &super::CLIENT, &[token], |about, _, read| {
            judge::client(about, &read.claims, &client.id)
        });
        self.claim(suite, &super::SCOPES, &[token], |about, _, read| {
            judge::scopes(about, &read.claims, &client.scopes)
        });
        self.claim(suite, &super::LIFETIME, &[token], |about, issued, read| {
            let now: Moment = options.manner.now;
            judge::lifetime(about, &read.claims, issued.expires_in, client.access_token_minutes, now)
        });
        self.claim(suite, &super::SIGNATURE, &[token, keys], |about, issued, _| {
            let keys = told.keys.borrow();
            let verified = match keys.as_ref() {
                Some(keys) => jwt::verify(issued.token.expose(), keys),
                None => Err("no keys were seen"),
            };
            judge::signature(about, verified)
        });
    }
}

/// A URL of the issuer, where it is reached. Without TLS only the machine itself is asked.
fn url(options: &Options, text: &str) -> Result<Url, String> {
    let text = match &options.reached_at {
        Some(place) => match text.strip_prefix(options.issuer.as_str()) {
            Some(rest) => format!("{place}{rest}"),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    };
    let url: Url = text.parse()?;
    let is_here = url.host.to_string() == "localhost"
        || matches!(&url.host, crate::remote::target::Host::Address(address) if address.is_loopback());
    if url.is_secure || is_here { Ok(url) } else { Err("it has no TLS: `https://` is missing".to_owned()) }
}

/// The grant `client_credentials` (RFC 6749, section 4.4) with Basic authentication (section 2.3.1).
fn token_request(url: Url, client: &Client) -> Request {
    let form = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let scope = form(&client.scopes.join(" "));
    let body = if scope.is_empty() {
        "grant_type=client_credentials".to_owned()
    } else {
        format!("grant_type=client_credentials&scope={scope}")
    };
    let mut request = Request::new(Method::POST, url, body.into_bytes())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let pair = STANDARD.encode(format!("{}:{}", form(&client.id), form(client.secret.expose())));
    // Base64 can always stand in a header.
    if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {pair}")) {
        value.set_sensitive(true);
        request.headers.insert(header::AUTHORIZATION, value);
    }
    request
}
