//! `POST /v1/chat/completions`: from the parsed request to the completion or the stream.

use bytes::Bytes;
use http::StatusCode;

use super::{
    ask::{Prepare, whole_answer},
    context::Serving,
    reply::{self, Reply},
    service::Visit,
    sse::{Patience, SseBody},
    ticket::Closing,
};
use crate::{
    ApiError,
    config::{Route, Target, Upstream},
    ledger::Outcome,
    mapping::{self, Answer, Options, Prepared, ReplyShape, Translate},
    openai::{self, ChatRequest},
    upstream::{self, BoxFuture, OpenAiTranslator, Operation},
};

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
    let route = match visit.route(&snapshot, request.model.as_str()) {
        Ok(route) => route,
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

async fn whole(
    visit: Visit,
    request: &ChatRequest<'_>,
    reply: upstream::Reply,
    shape: &ReplyShape,
    dialect: Dialect,
) -> Reply {
    let envelope = visit.envelope(request.model.as_str());
    let answer = whole_answer(reply.body).await.and_then(|body| match dialect {
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
