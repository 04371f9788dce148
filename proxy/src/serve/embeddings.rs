//! `POST /v1/embeddings`: one list of vectors, from as many calls as the model needs.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::HeaderMap;

use super::{
    ask::{Prepare, ask_targets, whole_answer},
    context::{Serving, Shared},
    reply::Reply,
    service::Visit,
    ticket::Closing,
};
use crate::{
    ApiError,
    config::{Route, Target, Upstream},
    ledger::Outcome,
    mapping::{self, Answer},
    openai::{self, EmbeddingsRequest},
    upstream::{self, BoxFuture, Operation},
};

/// Inputs that are asked about at the same time. Embedding models take one input a call, clients send hundreds.
const AT_ONCE: usize = 8;

/// Answers with vectors.
pub(super) fn answer(visit: Visit, body: Bytes) -> BoxFuture<'static, Reply> {
    Box::pin(async move { embed(visit, &body).await })
}

async fn embed(mut visit: Visit, body: &Bytes) -> Reply {
    let request = match EmbeddingsRequest::parse(body, &visit.snapshot.config.requests) {
        Ok(request) => request,
        Err(error) => return visit.refuse_and_count(error).await,
    };
    let snapshot = visit.snapshot.clone();
    let route = match visit.route(&snapshot, request.model.as_str()) {
        Ok(route) => route,
        Err(error) => return visit.refuse_and_count(error).await,
    };
    let estimate = request.estimate();
    visit.ticket.prompt_estimate = estimate;
    if let Err(limited) = visit.admit(estimate).await {
        return visit.refuse_over_limit(&limited);
    }
    match ask(&mut visit, &snapshot, &route, &request, body).await {
        Ok(Answer { body, usage }) => {
            let closing = Closing { outcome: Outcome::Completed, usage: Some(usage), characters: 0 };
            visit.whole(body, closing)
        }
        Err(error) => visit.refuse(&error),
    }
}

/// The client's own body, for OpenAI.
struct Rewritten<'a>(&'a Bytes);

impl Prepare for Rewritten<'_> {
    type Kept = ();

    fn prepare(&self, target: &Target) -> Result<(Bytes, ()), ApiError> {
        Ok((openai::with_model(self.0, &target.model, false)?, ()))
    }
}

/// A body that has been made.
struct Invocation(Bytes);

impl Prepare for Invocation {
    type Kept = ();

    fn prepare(&self, _: &Target) -> Result<(Bytes, ()), ApiError> {
        Ok((self.0.clone(), ()))
    }
}

async fn ask(
    visit: &mut Visit,
    snapshot: &Serving,
    route: &Route,
    request: &EmbeddingsRequest<'_>,
    body: &Bytes,
) -> Result<Answer, ApiError> {
    let patience = snapshot.config.timeouts.first_byte;
    let first = route.targets.first().ok_or_else(|| ApiError::model_not_found(request.model.as_str()))?;
    if let Some(Upstream::OpenAi(_)) = snapshot.config.upstreams.get(&first.upstream) {
        let prepare = Rewritten(body);
        let (reply, ()) = visit.ask(snapshot, route, Operation::Embeddings, patience, &prepare).await?;
        let envelope = visit.envelope(request.model.as_str());
        return upstream::openai_completion(&whole_answer(reply.body).await?, &envelope);
    }
    // Vectors of two models cannot be compared, so there is no falling back in the middle of a list.
    let route = Route { targets: vec![first.clone()] };
    let facts = model::bedrock::facts(&first.model);
    visit.begin(&route);
    let invocations = mapping::embeddings::to_invocations(request, facts)?;
    let shared = &visit.shared;
    let asking = invocations.into_iter().map(|body| invoke(shared, snapshot, &route, patience, body));
    let answers: Vec<(Bytes, Option<u64>)> = stream::iter(asking).buffered(AT_ONCE).try_collect().await?;
    let counted = answers.iter().filter_map(|(_, tokens)| *tokens).reduce(u64::saturating_add);
    let bodies: Vec<Bytes> = answers.into_iter().map(|(body, _)| body).collect();
    mapping::embeddings::to_list(&bodies, request.encoding, request.model.as_str(), counted)
}

/// One input: the body of its answer, and the tokens where a header counts them.
async fn invoke(
    shared: &Shared,
    snapshot: &Serving,
    route: &Route,
    patience: Duration,
    body: Bytes,
) -> Result<(Bytes, Option<u64>), ApiError> {
    let invocation = Invocation(body);
    let asked = ask_targets(shared, snapshot, route, Operation::Embeddings, patience, &invocation);
    let (reply, (), _) = asked.await?;
    let tokens = input_tokens(&reply.headers);
    Ok((whole_answer(reply.body).await?, tokens))
}

/// What Bedrock counted, where the body does not say.
fn input_tokens(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-amzn-bedrock-input-token-count")?.to_str().ok()?.parse().ok()
}
