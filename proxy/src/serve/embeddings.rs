//! `POST /v1/embeddings`: one list of vectors, from as many calls as the model needs.

use bytes::Bytes;

use super::{
    chat::{collect, route},
    context::Snapshot,
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
    upstream::{self, Operation},
};

/// Answers with vectors.
pub(super) async fn answer(mut visit: Visit, body: &Bytes) -> Reply {
    let request = match EmbeddingsRequest::parse(body, &visit.snapshot.config.requests) {
        Ok(request) => request,
        Err(error) => return visit.refuse_and_count(error).await,
    };
    let snapshot = visit.snapshot.clone();
    let route = match route(&snapshot, request.model.as_str()) {
        Ok((route, is_configured)) => {
            visit.ticket.model = is_configured.then(|| request.model.as_str().to_owned());
            route
        }
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

async fn ask(
    visit: &mut Visit,
    snapshot: &Snapshot,
    route: &Route,
    request: &EmbeddingsRequest<'_>,
    body: &Bytes,
) -> Result<Answer, ApiError> {
    let patience = snapshot.config.timeouts.first_byte;
    let first = route.targets.first().ok_or_else(|| ApiError::model_not_found(request.model.as_str()))?;
    if let Some(Upstream::OpenAi(_)) = snapshot.config.upstreams.get(&first.upstream) {
        let prepare = |target: &Target| Ok((openai::with_model(body, &target.model, false)?, ()));
        let (reply, ()) = visit.ask(snapshot, route, Operation::Embeddings, patience, prepare).await?;
        let envelope = visit.envelope(request.model.as_str());
        return upstream::openai_completion(&collect(reply.body).await?, &envelope);
    }
    // Vectors of two models cannot be compared, so there is no falling back in the middle of a list.
    let route = Route { targets: vec![first.clone()] };
    let facts = model::bedrock::facts(&first.model);
    let mut answers = Vec::new();
    for invocation in mapping::embeddings::to_invocations(request, facts)? {
        let prepare = |_: &Target| Ok((invocation.clone(), ()));
        let (reply, ()) = visit.ask(snapshot, &route, Operation::Embeddings, patience, prepare).await?;
        answers.push((collect(reply.body).await?, reply.headers));
    }
    mapping::embeddings::to_list(request, facts, &answers)
}
