//! AWS credentials, ready when a request needs them: loaded once, refreshed before they expire, by one request at a time.

use std::{sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, meta::credentials::CredentialsProviderChain,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp};
use model::Region;
use tokio::sync::OnceCell;

use super::{
    refreshing::{Age, Refreshing},
    sign::SigningKeys,
};
use crate::{chain::chain, clock::Clock, config::Role};

/// What the log says when no credentials can be had.
const UNAVAILABLE: &str = "SRE-PROXY-052";

/// From here on one request at a time tries to get new credentials while the others use the old ones. AWS hands out
/// new ones of an instance five minutes before the old ones end.
const REFRESH_BEFORE_EXPIRY: SignedDuration = SignedDuration::from_secs(300);

/// A request that is signed must also arrive.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Several round trips: metadata service, SSO, then `AssumeRole`.
const LOAD_TIMEOUT: Duration = Duration::from_secs(20);

/// Credentials younger than this are not thrown away because AWS refused a request: that would be asked for in vain
/// with every request.
const MIN_AGE_OF_DISTRUST: SignedDuration = SignedDuration::from_secs(30);

/// Session name of assumed roles; `CloudTrail` shows it.
const SESSION_NAME: &str = "bedrock-nova-proxy";

/// Whose credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// A profile of the shared AWS configuration; else the standard chain.
    pub profile: Option<String>,
    /// A role to assume with them.
    pub role: Option<Role>,
    /// Where the role is assumed.
    pub region: Region,
}

/// No credentials. The text is for the log; it names providers and their errors, never keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no AWS credentials: {0}")]
pub(crate) struct NoCredentials(pub(crate) String);

/// Credentials that are at hand.
pub(crate) struct Loaded {
    pub keys: SigningKeys,
    expires: Option<Timestamp>,
    since: Timestamp,
}

/// One identity's credentials.
pub(crate) struct Credentials {
    identity: Identity,
    provider: OnceCell<SharedCredentialsProvider>,
    clock: Arc<dyn Clock>,
    loaded: Refreshing<Loaded, NoCredentials>,
}

impl Loaded {
    fn age(&self, now: Timestamp) -> Age {
        match self.expires.map(|expires| expires.duration_since(now)) {
            Some(left) if left <= EXPIRY_MARGIN => Age::Expired,
            Some(left) if left <= REFRESH_BEFORE_EXPIRY => Age::Ageing,
            Some(_) | None => Age::Fresh,
        }
    }
}

impl Credentials {
    /// The credentials of an identity; nothing is read or asked until they are needed.
    pub(crate) fn of(identity: Identity, clock: Arc<dyn Clock>) -> Self {
        Self { identity, provider: OnceCell::new(), clock, loaded: Refreshing::new() }
    }

    /// Credentials that are valid now; normally without waiting.
    pub(crate) async fn get(&self) -> Result<Arc<Loaded>, NoCredentials> {
        let now = self.clock.now();
        self.loaded.get(|loaded| loaded.age(now), || self.load(now)).await
    }

    /// AWS refused these. Where they have no expiry, such as in a file that somebody has changed since, they are read again.
    pub(crate) fn distrust(&self, refused: &Arc<Loaded>) {
        if self.clock.now().duration_since(refused.since) >= MIN_AGE_OF_DISTRUST {
            self.loaded.discard(refused);
        }
    }

    async fn load(&self, now: Timestamp) -> Result<Loaded, NoCredentials> {
        let asked = tokio::time::timeout(LOAD_TIMEOUT, self.ask(now)).await;
        let result = asked.unwrap_or_else(|_| Err(NoCredentials(format!("none within {LOAD_TIMEOUT:?}"))));
        if let Err(error) = &result {
            tracing::error!(code = UNAVAILABLE, %error, "AWS credentials could not be loaded");
        }
        result
    }

    async fn ask(&self, now: Timestamp) -> Result<Loaded, NoCredentials> {
        let provider = self.provider.get_or_init(|| build(&self.identity)).await;
        let credentials =
            provider.provide_credentials().await.map_err(|error| NoCredentials(chain(&error)))?;
        let expires = credentials.expiry().and_then(|expiry| Timestamp::try_from(expiry).ok());
        let keys = SigningKeys::new(&credentials)
            .map_err(|_| NoCredentials("the session token cannot be sent in a header".to_owned()))?;
        Ok(Loaded { keys, expires, since: now })
    }
}

/// The provider of an identity. Reads the environment and the shared configuration, as every AWS program does.
async fn build(identity: &Identity) -> SharedCredentialsProvider {
    let region = aws_config::Region::new(identity.region.as_str().to_owned());
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).region(region.clone());
    if let Some(profile) = &identity.profile {
        // A profile that was asked for by name beats credentials in the environment; the chain alone would take those.
        let provider = ProviderConfig::without_region().with_region(Some(region));
        let provider =
            ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
        // A chain of one, because the provider alone does not name the profile that it did not find.
        let chain = CredentialsProviderChain::first_try(format!("profile `{profile}`"), provider);
        loader = loader.profile_name(profile).credentials_provider(chain);
    }
    let config = loader.load().await;
    match &identity.role {
        Some(role) => SharedCredentialsProvider::new(assume(role, &config).await),
        None => config.credentials_provider().unwrap_or_else(|| SharedCredentialsProvider::new(Nobody)),
    }
}

async fn assume(role: &Role, config: &SdkConfig) -> AssumeRoleProvider {
    let mut builder = AssumeRoleProvider::builder(&role.arn).session_name(SESSION_NAME).configure(config);
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(external_id);
    }
    builder.build().await
}

/// The provider of a configuration that has none.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = aws_credential_types::provider::error::CredentialsError::not_loaded_no_source();
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod tests;
