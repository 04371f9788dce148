//! `POST /v1/chat/completions`: from the parsed request to the completion or the stream.

use std::{borrow::Cow, time::Duration};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::{
    context::{Serving, Shared},
    reply::{self, Reply},
    service::Visit,
    sse::{Patience, SseBody, later},
    ticket::{Asked, Closing},
};
use crate::{
    ApiError,
    config::{Route, Target, Upstream},
    ledger::Outcome,
    mapping::{self, Answer, Envelope, Options, Prepared, ReplyShape, Translate},
    openai::{self, ChatRequest},
    upstream::{self, Attempt, BoxFuture, OpenAiTranslator, Operation},
};

/// A completion is text; a larger one is not one.
pub(super) const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Answers a chat.
pub(super) fn answer(visit: Visit, body: Bytes) -> BoxFuture<'static, Reply> {
    // In a box: a chat waits long, and most of what it needs is not needed by anything else.
    Box::pin(async move { converse(visit, &body).await })
}

async fn converse(mut visit: Visit, body: &Bytes) -> Reply {
    let request = match ChatRequest::parse(body, &visit.snapshot.config.requests) {
        Ok(request) => request,
        Err(error) => return visit.refuse_and_count(error).await,
    };
    let snapshot = visit.snapshot.clone();
    let route = match route(&snapshot, request.model.as_str()) {
        Ok((route, is_configured)) => {
            // Only names that somebody configured become labels of metrics.
            visit.ticket.model = is_configured.then(|| request.model.as_str().to_owned());
            route
        }
        Err(error) => return visit.refuse_and_count(error).await,
    };
    let estimate = request.estimate();
    visit.ticket.prompt_estimate = estimate.input_tokens;
    let output_tokens = estimate.max_output_tokens.unwrap_or_else(|| longest_answer(&snapshot, &route));
    let tokens = estimate.input_tokens.saturating_add(u64::from(output_tokens));
    if let Err(limited) = visit.admit(tokens).await {
        return visit.refuse_over_limit(&limited);
    }
    visit.shared.telemetry.prompt(&visit.ticket.request_id, "request", body);
    match ask(&mut visit, &snapshot, &route, &request, body).await {
        Ok((reply, shape, kind)) if request.stream => stream(visit, &request, reply, shape, kind),
        Ok((reply, shape, kind)) => whole(visit, &request, reply, &shape, kind).await,
        Err(error) => visit.refuse(&error),
    }
}

/// How long an answer may get where the client does not say.
fn longest_answer(snapshot: &Serving, route: &Route) -> u32 {
    let default = snapshot.config.requests.default_max_tokens;
    route.targets.iter().map(|target| target.max_tokens.unwrap_or(default)).max().unwrap_or(default)
}

/// The configured route of a name, or one made up for a raw model id where that is allowed, and which of both it is.
pub(super) fn route<'a>(snapshot: &'a Serving, name: &str) -> Result<(Cow<'a, Route>, bool), ApiError> {
    let config = &snapshot.config;
    if let Some(route) = config.models.get(name) {
        return Ok((Cow::Borrowed(route), true));
    }
    let bedrock = config.upstreams.iter().find(|(_, upstream)| matches!(upstream, Upstream::Bedrock(_)));
    match bedrock {
        Some((upstream, _))
            if config.requests.allow_raw_models && model::bedrock::base_id(name).is_some() =>
        {
            let target = Target {
                upstream: upstream.clone(),
                model: name.to_owned(),
                region: None,
                role: None,
                max_tokens: None,
            };
            Ok((Cow::Owned(Route { targets: vec![target] }), false))
        }
        _ => Err(ApiError::model_not_found(name)),
    }
}

/// Whose dialect the answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Converse,
    OpenAi,
}

/// What a chat is made from, for whichever target is asked.
struct Preparing<'a> {
    snapshot: &'a Serving,
    request: &'a ChatRequest<'a>,
    body: &'a Bytes,
}

impl Prepare for Preparing<'_> {
    type Kept = (ReplyShape, Vec<String>, Dialect);

    fn prepare(&self, target: &Target) -> Result<(Bytes, Self::Kept), ApiError> {
        let Self { snapshot, request, body } = self;
        if let Some(Upstream::OpenAi(_)) = snapshot.config.upstreams.get(&target.upstream) {
            let body = openai::with_model(body, &target.model, request.stream)?;
            let shape = ReplyShape { include_usage: request.include_usage, ..ReplyShape::default() };
            return Ok((body, (shape, Vec::new(), Dialect::OpenAi)));
        }
        let facts = model::bedrock::facts(&target.model);
        let options = options(snapshot, target);
        let Prepared { body, ignored, shape } =
            mapping::request::to_converse(request, facts, target.max_tokens, &options)?;
        Ok((body, (shape, ignored, Dialect::Converse)))
    }
}

async fn ask(
    visit: &mut Visit,
    snapshot: &Serving,
    route: &Route,
    request: &ChatRequest<'_>,
    body: &Bytes,
) -> Result<(upstream::Reply, ReplyShape, Dialect), ApiError> {
    let operation = if request.stream { Operation::ChatStream } else { Operation::Chat };
    let preparing = Preparing { snapshot, request, body };
    let deadline = snapshot.config.timeouts.first_byte;
    let asked = visit.ask(snapshot, route, operation, deadline, &preparing).await?;
    let (reply, (shape, ignored, dialect)) = asked;
    visit.ticket.ignored = ignored;
    Ok((reply, shape, dialect))
}

fn options(snapshot: &Serving, target: &Target) -> Options {
    let requests = &snapshot.config.requests;
    let guardrail = match snapshot.config.upstreams.get(&target.upstream) {
        Some(Upstream::Bedrock(bedrock)) => bedrock.guardrail.as_ref(),
        _ => None,
    };
    Options {
        strict_params: requests.strict_params,
        default_max_tokens: requests.default_max_tokens,
        thinking: requests.thinking,
        guardrail: guardrail.map(|guardrail| (guardrail.id.clone(), guardrail.version.clone())),
    }
}

/// Makes bodies for targets. A trait and no closure, since the compiler cannot prove a future that holds a closure with
/// borrowed arguments to be `Send`.
pub(super) trait Prepare: Sync {
    /// What will be needed to read the answer.
    type Kept: Send;

    /// The body for a target.
    fn prepare(&self, target: &Target) -> Result<(Bytes, Self::Kept), ApiError>;
}

impl Visit {
    /// Asks the targets of a route in their order and notes who answered.
    pub(super) async fn ask<P: Prepare>(
        &mut self,
        snapshot: &Serving,
        route: &Route,
        operation: Operation,
        patience: Duration,
        prepare: &P,
    ) -> Result<(upstream::Reply, P::Kept), ApiError> {
        self.begin(route);
        let (reply, prepared, asked) =
            ask_targets(&self.shared, snapshot, route, operation, patience, prepare).await?;
        self.ticket.asked = Some(asked);
        Ok((reply, prepared))
    }

    /// Should the client leave now, the first of the targets is who was asked.
    pub(super) fn begin(&mut self, route: &Route) {
        self.ticket.asked = route.targets.first().map(asked);
    }

    /// What every chunk of the answer carries.
    pub(super) fn envelope(&self, model: &str) -> Envelope {
        Envelope {
            id: self.shared.ids.with_prefix("chatcmpl-"),
            created: self.shared.clock.now().as_second(),
            model: model.to_owned(),
        }
    }
}

/// Asks the targets of a route in their order until one answers.
pub(super) async fn ask_targets<P: Prepare>(
    shared: &Shared,
    snapshot: &Serving,
    route: &Route,
    operation: Operation,
    patience: Duration,
    prepare: &P,
) -> Result<(upstream::Reply, P::Kept, Asked), ApiError> {
    let candidates = snapshot.parts.upstreams.candidates(route);
    let deadline = later(Instant::now(), patience);
    let attempt = Attempt { operation, deadline, observe: shared.telemetry.as_ref() };
    let mut random = shared.fork_random();
    let answered =
        upstream::first_answer(&candidates, &attempt, &mut random, |target| prepare.prepare(target)).await;
    let (reply, prepared, target) = answered?;
    let asked = Asked { request_id: reply.request_id.clone(), ..asked(target) };
    Ok((reply, prepared, asked))
}

fn asked(target: &Target) -> Asked {
    Asked { upstream: target.upstream.clone(), model: target.model.clone(), request_id: None }
}

/// Reads an answer of one piece.
pub(super) async fn collect(mut body: upstream::Body) -> Result<Bytes, ApiError> {
    let unreadable = |why: String| {
        let message = "The answer of the model could not be read.";
        ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", message).log(why)
    };
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(|error| unreadable(error.to_string()))?.into_data() else { continue };
        if first.len().saturating_add(rest.len()).saturating_add(bytes.len()) > MAX_ANSWER_BYTES {
            return Err(unreadable(format!("more than {MAX_ANSWER_BYTES} bytes")));
        }
        // Most answers come in one piece, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = bytes;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&bytes);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

async fn whole(
    visit: Visit,
    request: &ChatRequest<'_>,
    reply: upstream::Reply,
    shape: &ReplyShape,
    dialect: Dialect,
) -> Reply {
    let envelope = visit.envelope(request.model.as_str());
    let answer = collect(reply.body).await.and_then(|body| match dialect {
        Dialect::Converse => mapping::response::to_completion(&body, shape, &envelope),
        Dialect::OpenAi => upstream::openai_completion(&body, &envelope),
    });
    match answer {
        Ok(Answer { body, usage }) => {
            visit.shared.telemetry.prompt(&visit.ticket.request_id, "answer", &body);
            let closing = Closing { outcome: Outcome::Completed, usage: Some(usage), characters: 0 };
            visit.whole(body, closing)
        }
        Err(error) => visit.refuse(&error),
    }
}

fn stream(
    mut visit: Visit,
    request: &ChatRequest<'_>,
    reply: upstream::Reply,
    shape: ReplyShape,
    dialect: Dialect,
) -> Reply {
    let envelope = visit.envelope(request.model.as_str());
    let translate: Box<dyn Translate> = match dialect {
        Dialect::Converse => Box::new(mapping::stream::ConverseTranslator::new(shape, &envelope)),
        Dialect::OpenAi => Box::new(OpenAiTranslator::new(&envelope, shape.include_usage)),
    };
    let timeouts = &visit.snapshot.config.timeouts;
    let patience = Patience { heartbeat: timeouts.heartbeat, idle: timeouts.idle };
    visit.ticket.status = StatusCode::OK.as_u16();
    visit.ticket.first_byte();
    let mut headers = http::HeaderMap::new();
    visit.describe(&mut headers);
    let cut = visit.shared.ending.cut.clone().cancelled_owned();
    let mut answer = reply::events(SseBody::new(reply.body, translate, visit.ticket, patience, cut));
    answer.headers_mut().extend(headers);
    answer
}
