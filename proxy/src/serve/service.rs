//! The order of the gates that a request passes, and the one place where a refusal becomes an answer.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header, request::Parts};
use hyper::body::Incoming;

use super::{
    chat,
    context::{Serving, Shared},
    cors, embeddings, health, models,
    reply::{self, Reply},
    request_body,
    route::{self, Endpoint, Routed},
    ticket::{Closing, Origin, Ticket},
};
use crate::{
    ApiError, ErrorType,
    auth::{Caller, Denial, SecurityEvent},
    limits::{self, Refused, Standing, headers::put_standing},
    telemetry::TraceContext,
    tls::Peer,
};

/// Longer paths are not repeated to whoever sent them.
const LONGEST_PATH_CHARS: usize = 256;

/// Answers requests. Cloned for every connection.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
    snapshot: Arc<ArcSwap<Serving>>,
}

/// A request behind its gates: everything but what it asks for.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) snapshot: Arc<Serving>,
    pub(super) caller: Arc<Caller>,
    pub(super) ticket: Ticket,
    pub(super) standing: Option<Standing>,
}

impl Service {
    /// A service over parts that live on and a snapshot that is exchanged.
    pub fn new(shared: Arc<Shared>, snapshot: Arc<ArcSwap<Serving>>) -> Self {
        Self { shared, snapshot }
    }

    /// Answers one request; every refusal is OpenAI's error object.
    pub async fn answer(self, request: Request<Incoming>) -> Reply {
        let (parts, mut body) = request.into_parts();
        let snapshot = self.snapshot.load_full();
        let request_id = self.shared.ids.of_request(parts.headers.get("x-request-id"));
        let origin = parts.headers.get(header::ORIGIN).cloned();
        let id = HeaderValue::from_str(&request_id);
        let (is_head, is_http1) = (parts.method == Method::HEAD, parts.version < Version::HTTP_2);
        let waits_for_continue = parts.headers.contains_key(header::EXPECT);
        let mut reply = self.route(&snapshot, parts, &mut body, request_id).await;
        if !request_body::discard(&mut body, waits_for_continue).await && is_http1 {
            // hyper closes it either way; a client that is told does not send its next request on it.
            reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if is_head {
            reply::keep_the_head(&mut reply);
        }
        if let Ok(id) = id {
            reply.headers_mut().insert("x-request-id", id);
        }
        cors::decorate(&snapshot.config.cors, origin.as_ref(), reply.headers_mut());
        reply
    }

    async fn route(
        &self,
        snapshot: &Arc<Serving>,
        parts: Parts,
        body: &mut Incoming,
        request_id: String,
    ) -> Reply {
        let path = parts.uri.path().to_owned();
        if parts.version == Version::HTTP_11 && !parts.headers.contains_key(header::HOST) {
            let message = "The `host` header is missing.";
            let error = ApiError::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message);
            return reply::refusal(&error.code("invalid_header"));
        }
        if parts.method == Method::OPTIONS
            && let Some(methods) = route::methods(&path)
        {
            let mut answer = reply::empty(StatusCode::NO_CONTENT);
            cors::preflight(&snapshot.config.cors, &parts.headers, methods, answer.headers_mut());
            return answer;
        }
        let routed = route::route(&parts.method, &path);
        match routed {
            Routed::Live => return health::live(),
            Routed::Ready => return health::ready(&self.shared, snapshot).await,
            Routed::To(_) | Routed::MethodNotAllowed(_) | Routed::NotFound => {}
        }
        let origin = Origin {
            trace: TraceContext::of(parts.headers.get("traceparent").map(HeaderValue::as_bytes)),
            source: parts.extensions.get::<Peer>().map(|peer| peer.address.ip()),
        };
        let ticket = Ticket::open(self.shared.clone(), request_id, routed.name(), origin);
        if route::needs_caller(&path) {
            return self.pass(snapshot, routed, parts, body, ticket).await;
        }
        astray(&parts.method, &path, routed, |error| refuse(ticket, &error, None))
    }

    /// Caller, body, limits, and then the endpoint itself.
    async fn pass(
        &self,
        snapshot: &Arc<Serving>,
        routed: Routed<'_>,
        parts: Parts,
        body: &mut Incoming,
        mut ticket: Ticket,
    ) -> Reply {
        let mut credentials = parts.headers.get_all(header::AUTHORIZATION).iter();
        let authorization = credentials.next();
        if credentials.next().is_some() {
            // Whoever looked at the other one before us would have let somebody else in.
            let event = SecurityEvent::input_refused("two_credentials");
            self.shared.telemetry.security(&event, &ticket.request_id, ticket.source);
            let message = "There is more than one `authorization` header.";
            let error = ApiError::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message)
                .code("invalid_header");
            return refuse(ticket, &error, None);
        }
        let caller =
            match snapshot.parts.authenticator.authenticate(authorization, self.shared.clock.now()).await {
                Ok(caller) => caller,
                Err(denial) => return deny(&self.shared, ticket, &denial),
            };
        ticket.caller = Some(caller.clone());
        let visit =
            Visit { shared: self.shared.clone(), snapshot: snapshot.clone(), caller, ticket, standing: None };
        let Routed::To(endpoint) = routed else {
            let path = parts.uri.path();
            let counted = visit.count().await;
            return match counted {
                Ok(visit) => astray(&parts.method, path, routed, |error| visit.refuse(&error)),
                Err(limited) => limited,
            };
        };
        match endpoint {
            Endpoint::Models => visit.free(Ok(models::list(snapshot))).await,
            Endpoint::Model(id) => visit.free(models::one(snapshot, id)).await,
            Endpoint::Chat | Endpoint::Embeddings => {
                let limit = snapshot.config.requests.max_body_bytes;
                let patience = snapshot.config.timeouts.body;
                match (request_body::read(&parts.headers, body, limit, patience).await, endpoint) {
                    (Err(error), _) => visit.refuse_and_count(error).await,
                    (Ok(bytes), Endpoint::Embeddings) => embeddings::answer(visit, bytes).await,
                    (Ok(bytes), _) => chat::answer(visit, bytes).await,
                }
            }
        }
    }
}

/// The refusal of a path that does not exist, or not for this method.
fn astray(method: &Method, path: &str, routed: Routed<'_>, refuse: impl FnOnce(ApiError) -> Reply) -> Reply {
    let path: String = path.chars().take(LONGEST_PATH_CHARS).collect();
    let error = |status, what: &str, code: &'static str| {
        ApiError::new(status, ErrorType::InvalidRequest, format!("{what}: {method} {path}.")).code(code)
    };
    if let Routed::MethodNotAllowed(allow) = routed {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut answer = refuse(error(status, "Not allowed", "method_not_allowed"));
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        return answer;
    }
    refuse(error(StatusCode::NOT_FOUND, "Unknown path", "unknown_url"))
}

/// A refused credential: security log, metrics, and the challenge of RFC 6750.
fn deny(shared: &Shared, ticket: Ticket, denial: &Denial) -> Reply {
    let challenge = denial.www_authenticate();
    shared.telemetry.security(&denial.event, &ticket.request_id, ticket.source);
    let mut answer = refuse(ticket, &denial.error, None);
    if let Some(challenge) = challenge {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    answer
}

/// A refusal as the answer; its ticket is closed.
fn refuse(mut ticket: Ticket, error: &ApiError, standing: Option<Standing>) -> Reply {
    ticket.status = error.status.as_u16();
    ticket.refuse(error);
    let mut answer = reply::refusal(error);
    if let Some(standing) = standing {
        put_standing(&standing, answer.headers_mut());
    }
    // Whoever was asked for it has failed.
    let closing = if ticket.asked.is_some() { Closing::failed() } else { Closing::refused() };
    ticket.close(closing);
    answer
}

impl Visit {
    /// Takes one request and `tokens` of what the caller may use.
    pub(super) async fn admit(&mut self, tokens: u64) -> Result<(), ApiError> {
        let quota = self.snapshot.parts.quotas.of(&self.caller);
        let now = self.shared.clock.now();
        let admission = match self.shared.limiter.admit(&self.caller.id, quota, tokens, now).await {
            Ok(admission) => admission,
            Err(Refused { error, standing }) => {
                self.standing = standing;
                return Err(error);
            }
        };
        self.standing = Some(admission.standing);
        self.ticket.reservation = Some(admission.reservation);
        Ok(())
    }

    /// Answers with a refusal.
    pub(super) fn refuse(self, error: &ApiError) -> Reply {
        refuse(self.ticket, error, self.standing)
    }

    /// Answers with the refusal of a limit.
    pub(super) fn refuse_over_limit(self, error: &ApiError) -> Reply {
        if let Some(which) = limits::refused_by(error) {
            let event = SecurityEvent::limit_exceeded(which, &self.caller);
            self.shared.telemetry.over_limit(&event, &self.ticket.request_id, self.ticket.source);
        }
        self.refuse(error)
    }

    /// Takes one request without tokens, or answers that there is none left.
    async fn count(mut self) -> Result<Self, Reply> {
        match self.admit(0).await {
            Ok(()) => Ok(self),
            Err(limited) => Err(self.refuse_over_limit(&limited)),
        }
    }

    /// Answers with a refusal that counts as a request all the same: nobody sends nonsense for nothing.
    pub(super) async fn refuse_and_count(self, error: ApiError) -> Reply {
        match self.count().await {
            Ok(visit) => visit.refuse(&error),
            Err(limited) => limited,
        }
    }

    /// Answers what needs no upstream.
    async fn free(self, answer: Result<Bytes, ApiError>) -> Reply {
        match (self.count().await, answer) {
            (Err(limited), _) => limited,
            (Ok(visit), Ok(body)) => visit.whole(body, Closing::plain()),
            (Ok(visit), Err(error)) => visit.refuse(&error),
        }
    }

    /// Answers with JSON of one piece.
    pub(super) fn whole(mut self, body: impl Into<Bytes>, closing: Closing) -> Reply {
        let mut answer = reply::whole(StatusCode::OK, reply::JSON, body);
        self.describe(answer.headers_mut());
        self.ticket.status = StatusCode::OK.as_u16();
        self.ticket.first_byte();
        self.ticket.close(closing);
        answer
    }

    /// Headers of an answer that is no refusal.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        if let Some(standing) = &self.standing {
            put_standing(standing, headers);
        }
        reply::name_ignored(headers, &self.ticket.ignored);
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
