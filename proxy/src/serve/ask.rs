//! Asks the upstreams of a model, for whatever endpoint: the route of its name, the targets in their order, the answer.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

use super::{
    context::{Serving, Shared},
    service::Visit,
    sse::later,
    ticket::Asked,
};
use crate::{
    ApiError,
    body::collect,
    chain::chain,
    config::{Route, Target, Upstream},
    mapping::Envelope,
    upstream::{self, Attempt, Operation},
};

/// A completion is text; a larger one is not one.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Makes bodies for targets. A trait and no closure, since the compiler cannot prove a future that holds a closure with
/// borrowed arguments to be `Send`.
pub(super) trait Prepare: Sync {
    /// What will be needed to read the answer.
    type Kept: Send;

    /// The body for a target.
    fn prepare(&self, target: &Target) -> Result<(Bytes, Self::Kept), ApiError>;
}

impl Visit {
    /// The route of the model that the client names.
    pub(super) fn route<'a>(
        &mut self,
        snapshot: &'a Serving,
        name: &str,
    ) -> Result<Cow<'a, Route>, ApiError> {
        let route = route(snapshot, name)?;
        self.ticket.model = Some(name.to_owned());
        Ok(route)
    }

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

/// The configured route of a name, or one made up for a raw model id where that is allowed.
pub(super) fn route<'a>(snapshot: &'a Serving, name: &str) -> Result<Cow<'a, Route>, ApiError> {
    let config = &snapshot.config;
    if let Some(route) = config.models.get(name) {
        return Ok(Cow::Borrowed(route));
    }
    let bedrock = config.upstreams.iter().find(|(_, upstream)| matches!(upstream, Upstream::Bedrock(_)));
    match bedrock {
        Some((upstream, _))
            if config.requests.allow_raw_models && model::bedrock::base_id(name).is_some() =>
        {
            if let Some(end) = &model::bedrock::facts(name).retired {
                let mut error = ApiError::model_not_found(name);
                error.message =
                    format!("The model `{name}` ended on {}; {}.", end.date, end.successor).into();
                return Err(error);
            }
            let target = Target {
                upstream: upstream.clone(),
                model: name.to_owned(),
                region: None,
                role: None,
                max_tokens: None,
            };
            Ok(Cow::Owned(Route { targets: vec![target] }))
        }
        _ => Err(ApiError::model_not_found(name)),
    }
}

/// Reads an answer of one piece.
pub(super) async fn whole_answer(body: upstream::Body) -> Result<Bytes, ApiError> {
    collect(body, MAX_ANSWER_BYTES).await.map_err(|error| {
        let message = "The answer of the model could not be read.";
        ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", message).log(chain(&error))
    })
}
