//! All upstreams of a configuration, with their circuit breakers; what has not changed survives a reload.

use std::{collections::BTreeMap, sync::Arc};

use model::{Finding, Region};

use super::{
    Environment, HttpClient, NotReady, Upstream,
    attempt::Candidate,
    aws_json::AwsJson,
    bedrock::Bedrock,
    breaker::Breaker,
    credentials_book::CredentialsBook,
    dynamo::SignedDynamo,
    endpoint,
    openai::OpenAi,
    openai_secret::{Place, SecretReader},
    practice::Practice,
};
use crate::{
    clock::Clock,
    config::{self, Config, Route, Table, Target},
    dynamo::DynamoCalls,
};

/// Breakers of the models that the configuration does not name.
const OTHERS: usize = 32;

/// Whom requests can be sent to. Immutable; a reload makes another one with [`UpstreamSet::rebuilt`].
pub struct UpstreamSet {
    entries: BTreeMap<String, Entry>,
    book: Arc<CredentialsBook>,
    environment: Arc<Environment>,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

/// One upstream.
#[derive(Clone)]
struct Entry {
    config: config::Upstream,
    upstream: Arc<dyn Upstream>,
    /// One for each target: that one model fails says little about the others.
    breakers: Vec<(Target, Arc<Breaker>)>,
    /// For targets that the configuration does not name (`allow_raw_models`).
    others: Arc<[Breaker; OTHERS]>,
}

impl UpstreamSet {
    /// Builds all upstreams. Nothing is asked and no credentials are loaded before the first request.
    pub fn new(config: &Config, environment: Environment, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let nothing = Self {
            entries: BTreeMap::new(),
            book: Arc::new(CredentialsBook::new(Arc::clone(&clock))),
            environment: Arc::new(environment),
            http,
            clock,
        };
        nothing.rebuilt(config)
    }

    /// The set of another configuration. Upstreams that are the same keep their connections, credentials and secrets;
    /// targets that are the same keep the state of their breakers.
    #[must_use]
    pub fn rebuilt(&self, config: &Config) -> Self {
        let http = self.http.with_connect(config.timeouts.connect);
        let mut new = Self {
            entries: BTreeMap::new(),
            book: Arc::clone(&self.book),
            environment: Arc::clone(&self.environment),
            http,
            clock: Arc::clone(&self.clock),
        };
        for (name, upstream) in &config.upstreams {
            let targets: Vec<&Target> = targets_of(config, name).collect();
            let old = self.entries.get(name).filter(|old| {
                let same_targets = targets.iter().all(|target| old.breaker_of(target).is_some());
                old.config == *upstream && same_targets && new.http.shares_pools_with(&self.http)
            });
            let built = match old {
                Some(old) => Arc::clone(&old.upstream),
                None => new.build(upstream, &targets),
            };
            let breakers = targets
                .iter()
                .map(|target| ((*target).clone(), self.breaker_of(name, upstream, target)))
                .collect();
            let same = self.entries.get(name).filter(|old| old.config == *upstream);
            let others = same.map_or_else(Arc::default, |old| Arc::clone(&old.others));
            new.entries
                .insert(name.clone(), Entry { config: upstream.clone(), upstream: built, breakers, others });
        }
        new.book.prune();
        new
    }

    /// Whom to ask for a route, in its order.
    pub fn candidates<'a>(&'a self, route: &'a Route) -> Vec<Candidate<'a>> {
        route.targets.iter().filter_map(|target| self.candidate(target)).collect()
    }

    /// A target as a candidate; `None` where its upstream is not configured.
    pub fn candidate<'a>(&'a self, target: &'a Target) -> Option<Candidate<'a>> {
        let entry = self.entries.get(&target.upstream)?;
        let breaker =
            entry.breaker_of(target).map(AsRef::as_ref).or_else(|| entry.shared_breaker(&target.model))?;
        Some(Candidate { target, upstream: entry.upstream.as_ref(), breaker })
    }

    /// Whether any upstream could be called; the reason of the last that could not otherwise.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let mut reason = NotReady("no upstream is configured".to_owned());
        for entry in self.entries.values() {
            match entry.upstream.ready().await {
                Ok(()) => return Ok(()),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    /// Signed calls of a table, with the credentials of the standard chain.
    pub fn table(&self, table: &Table) -> Arc<dyn DynamoCalls> {
        Arc::new(SignedDynamo::new(self.aws_json(&table.region), table.clone()))
    }

    /// Signed calls of other AWS services, with the credentials of the standard chain.
    fn aws_json(&self, region: &Region) -> AwsJson {
        let credentials = self.book.of(None, None, region);
        AwsJson::new(self.http.clone(), credentials, Arc::clone(&self.clock), Arc::clone(&self.environment))
    }

    /// What an operator should know about the upstreams of a configuration, for the start and for `check-config`.
    pub fn findings(config: &Config, environment: &Environment) -> Vec<Finding> {
        let of = |(name, upstream): (&String, &config::Upstream)| match upstream {
            config::Upstream::Bedrock(bedrock) => {
                vec![Bedrock::finding(&format!("upstreams.{name}.endpoint_url"), bedrock, environment)]
            }
            config::Upstream::OpenAi(openai) => {
                let secrets = openai.secrets_endpoint_url.as_ref();
                let secrets = secrets.or(environment.secrets_manager_endpoint_url.as_ref());
                let secrets = secrets.or(environment.endpoint_url.as_ref());
                let subject = format!("upstreams.{name}.secrets_endpoint_url");
                vec![
                    OpenAi::finding(&format!("upstreams.{name}.base_url"), &openai.base_url),
                    secrets.and_then(|endpoint| endpoint::foreign(&subject, endpoint)),
                ]
            }
            config::Upstream::Practice => Vec::new(),
        };
        config.upstreams.iter().flat_map(of).flatten().collect()
    }

    fn build(&self, upstream: &config::Upstream, targets: &[&Target]) -> Arc<dyn Upstream> {
        let (http, clock) = (self.http.clone(), Arc::clone(&self.clock));
        match upstream {
            config::Upstream::Bedrock(bedrock) => {
                let targets = targets.iter().copied();
                Arc::new(Bedrock::new(bedrock, targets, &self.environment, &self.book, http, clock))
            }
            config::Upstream::OpenAi(openai) => {
                let place = Place {
                    secret_id: openai.secret_id.clone(),
                    region: openai.region.clone(),
                    endpoint: openai.secrets_endpoint_url.clone(),
                };
                let aws = self.aws_json(&openai.region);
                Arc::new(OpenAi::new(&openai.base_url, SecretReader::new(place, aws, clock), http))
            }
            config::Upstream::Practice => Arc::new(Practice),
        }
    }

    /// The breaker that a target has had, if its upstream is still the same; else a new one.
    fn breaker_of(&self, name: &str, upstream: &config::Upstream, target: &Target) -> Arc<Breaker> {
        let old = self.entries.get(name).filter(|old| old.config == *upstream);
        old.and_then(|old| old.breaker_of(target)).map_or_else(Arc::default, Arc::clone)
    }
}

impl Entry {
    /// The breaker of a model that the configuration does not name. Clients can make up as many names as they like, so
    /// some of them share one.
    fn shared_breaker(&self, model: &str) -> Option<&Breaker> {
        let bucket = model.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.others.get(bucket.checked_rem(OTHERS)?)
    }

    fn breaker_of(&self, target: &Target) -> Option<&Arc<Breaker>> {
        self.breakers.iter().find(|(known, _)| known == target).map(|(_, breaker)| breaker)
    }
}

/// The different targets of an upstream, over all models.
fn targets_of<'a>(config: &'a Config, upstream: &'a str) -> impl Iterator<Item = &'a Target> {
    config.models.values().flat_map(|route| &route.targets).filter(move |target| target.upstream == upstream)
}

#[cfg(test)]
pub(super) mod tests;
