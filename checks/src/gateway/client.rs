//! A small client of MCP over streamable HTTP. What comes of each request is a fact, kept with its status and headers.
//!
//! The crate `rmcp` is not used: it starts tasks of its own and keeps status and headers to itself, which are half of
//! what there is to judge.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use http::{HeaderName, Method, header};
use model::Secret;
use serde_json::{Value, json};

use super::message::{self, Outcome, Said};
use crate::endpoint::Manner;
use crate::endpoint::facts::{End, NoReply, Reply};
use crate::remote::http::{Request, Url};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The most pages of tools that are turned: a gateway has 100 targets at most, and far fewer here.
pub(super) const MOST_PAGES: usize = 64;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// Nothing came, or not all of it.
    NoReply(NoReply),
    /// Another status than 200.
    Status(Box<Reply>),
    /// An answer that did not come to its end.
    Unended(Box<Reply>),
    /// What came is no MCP.
    NoMcp {
        /// Why.
        why: String,
        /// Its beginning.
        excerpt: String,
    },
    /// An error of JSON-RPC.
    Error {
        /// Its code.
        code: i64,
        /// In the server's words.
        message: String,
    },
    /// Pages of tools without an end.
    Endless {
        /// How many were turned.
        pages: usize,
    },
}

/// A request that a stranger sends first.
pub(super) fn first(url: &Url) -> Request {
    post(url, message::request(0, "initialize", &message::hello()))
}

fn post(url: &Url, body: Vec<u8>) -> Request {
    Request::new(Method::POST, url.clone(), body)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
}

/// A session with a server.
pub(super) struct Client<'a> {
    manner: &'a Manner,
    url: &'a Url,
    token: &'a Secret<String>,
    next: Cell<u64>,
    version: Cell<Option<&'static str>>,
    session: RefCell<Option<String>>,
}

impl<'a> Client<'a> {
    pub(super) fn new(manner: &'a Manner, url: &'a Url, token: &'a Secret<String>) -> Self {
        Self { manner, url, token, next: Cell::new(1), version: Cell::new(None), session: RefCell::new(None) }
    }

    /// Begins the session; which version both speak.
    pub(super) async fn initialize(&self) -> Result<&'static str, Trouble> {
        let (result, reply) = self.request("initialize", &message::hello()).await?;
        let version = message::version(&result).map_err(|why| no_mcp(why, &reply))?;
        self.version.set(Some(version));
        let session = reply.headers.get(&SESSION).and_then(|value| value.to_str().ok());
        self.session.replace(session.map(str::to_owned));
        let told = self.headed(post(self.url, message::notification("notifications/initialized")));
        match self.manner.ask(&told).await.0 {
            Ok(reply) if (200..300).contains(&reply.status) => Ok(version),
            Ok(reply) => Err(Trouble::Status(Box::new(reply))),
            Err(no_reply) => Err(Trouble::NoReply(no_reply)),
        }
    }

    /// All tools, page by page.
    pub(super) async fn tools(&self) -> Result<(BTreeSet<String>, usize), Trouble> {
        let mut tools = BTreeSet::new();
        let mut cursor: Option<String> = None;
        for turned in 1..=MOST_PAGES {
            let params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
            let (result, reply) = self.request("tools/list", &params).await?;
            let mut page = message::page(&result).map_err(|why| no_mcp(why, &reply))?;
            tools.append(&mut page.tools);
            match page.next {
                None => return Ok((tools, turned)),
                // The same page again would be the same for ever.
                Some(next) if cursor.as_ref() == Some(&next) => {
                    return Err(Trouble::Endless { pages: turned });
                }
                next => cursor = next,
            }
        }
        Err(Trouble::Endless { pages: MOST_PAGES })
    }

    /// Calls a tool without arguments.
    pub(super) async fn call(&self, tool: &str) -> Result<Outcome, Trouble> {
        let (result, reply) = self.request("tools/call", &json!({"name": tool, "arguments": {}})).await?;
        message::outcome(&result).map_err(|why| no_mcp(why, &reply))
    }

    /// Ends the session, where there is one. A server that does not want to be told is right, too.
    pub(super) async fn end(&self) {
        if self.session.borrow().is_some() {
            let request = self.headed(Request::new(Method::DELETE, self.url.clone(), Vec::new()));
            let _ = self.manner.ask(&request).await;
        }
    }

    async fn request(&self, method: &str, params: &Value) -> Result<(Value, Reply), Trouble> {
        let id = self.next.get();
        self.next.set(id.saturating_add(1));
        let request = self.headed(post(self.url, message::request(id, method, params)));
        let reply = self.manner.ask_until(&request, message::watch(id)).await.0.map_err(Trouble::NoReply)?;
        if reply.status != 200 {
            return Err(Trouble::Status(Box::new(reply)));
        }
        match message::answer(&reply, id) {
            Ok(Said::Result(result)) => Ok((result, reply)),
            Ok(Said::Error { code, message }) => Err(Trouble::Error { code, message }),
            Err(_) if reply.end != End::Whole => Err(Trouble::Unended(Box::new(reply))),
            Err(why) => Err(no_mcp(why, &reply)),
        }
    }

    /// With what goes with every request of the session.
    fn headed(&self, request: Request) -> Request {
        let mut request = request.bearer(self.token);
        if let Some(version) = self.version.get() {
            request = request.header(VERSION, version);
        }
        if let Some(session) = self.session.borrow().as_deref() {
            request = request.header(SESSION, session);
        }
        request
    }
}

fn no_mcp(why: String, reply: &Reply) -> Trouble {
    Trouble::NoMcp { why, excerpt: reply.excerpt() }
}
