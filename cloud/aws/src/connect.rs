//! Builds the ports from the standard chain of configuration.
//!
//! Nothing is sent here, except what a chain needs to find a Region on an EC2 instance: credentials are loaded with
//! the first call, and their failure is that call's error.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use cloud::Cloud;
use model::Region;

use crate::acm::AwsAcm;
use crate::agentcore::AwsAgentCore;
use crate::bedrock::{AwsBedrock, AwsBedrockRuntime};
use crate::cognito::AwsCognito;
use crate::ec2::AwsEc2;
use crate::iam::AwsIam;
use crate::quotas::AwsQuotas;
use crate::route53::AwsRoute53;
use crate::s3::AwsS3;
use crate::secrets::AwsSecrets;
use crate::ssm::AwsSsm;
use crate::sts::AwsSts;
use crate::tagging::AwsTagging;

/// A connection that takes longer than this is not coming: AWS's own clients give up after 3.1 seconds, and a
/// tunnel to a far Region may need a little more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Loading credentials may take a web page's worth of round trips (SSO, `credential_process`), but must end before
/// the attempt that waits for them does, so that the error can say what was waited for.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);

/// How an account is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The Region; from the environment or profile where it is not given.
    pub region: Option<Region>,
    /// The profile whose credentials are used, even where the environment holds others.
    pub profile: Option<String>,
    /// The control plane of AgentCore, where it is another than the Region's own or the environment's.
    pub agentcore_endpoint: Option<String>,
    /// How long one attempt of a call may take.
    pub attempt_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            region: None,
            profile: None,
            agentcore_endpoint: None,
            attempt_timeout: Duration::from_secs(30),
        }
    }
}

/// Why no account could be reached for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No Region was given and none was found.
    #[error("no AWS Region is set in the options, the environment or the profile")]
    NoRegion,
    /// The environment or profile names something that cannot be a Region.
    #[error("the Region `{found}` of the environment or profile {rule}")]
    InvalidRegion {
        /// What was found.
        found: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// Reaches the account that the standard chain of configuration names.
///
/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are honoured. Credentials are loaded with the first call.
pub async fn connect(mut options: ConnectOptions) -> Result<Cloud, ConnectError> {
    let agentcore_endpoint = options.agentcore_endpoint.take();
    let config = load(options).await?;
    Ok(Cloud {
        sts: Arc::new(AwsSts::new(&config)),
        ec2: Arc::new(AwsEc2::new(&config)),
        ssm: Arc::new(AwsSsm::new(&config)),
        iam: Arc::new(AwsIam::new(&config)),
        cognito: Arc::new(AwsCognito::new(&config)),
        acm: Arc::new(AwsAcm::new(&config)),
        tagging: Arc::new(AwsTagging::new(&config)),
        quotas: Arc::new(AwsQuotas::new(&config)),
        route53: Arc::new(AwsRoute53::new(&config)),
        s3: Arc::new(AwsS3::new(&config)),
        bedrock: Arc::new(AwsBedrock::new(&config)),
        bedrock_runtime: Arc::new(AwsBedrockRuntime::new(&config)),
        agentcore: Arc::new(AwsAgentCore::new(&config, agentcore_endpoint)),
        secrets: Arc::new(AwsSecrets::new(&config)),
    })
}

/// The Region that the environment, the profile or, on an EC2 instance, the metadata service names.
pub async fn default_region(profile: Option<&str>) -> Option<Region> {
    let mut builder = aws_config::default_provider::region::Builder::default();
    if let Some(profile) = profile {
        builder = builder.profile_name(profile);
    }
    let region = aws_config::meta::region::ProvideRegion::region(&builder.build()).await?;
    Region::parse(region.as_ref()).ok()
}

/// The configuration that all clients share.
async fn load(options: ConnectOptions) -> Result<SdkConfig, ConnectError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(options.attempt_timeout))
        .operation_attempt_timeout(options.attempt_timeout)
        .build();
    let cache = IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT.min(options.attempt_timeout)).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .identity_cache(cache);
    if let Some(region) = &options.region {
        loader = loader.region(aws_config::Region::new(region.as_str().to_owned()));
    }
    if let Some(profile) = &options.profile {
        // A profile that was asked for by name beats credentials in the environment, as it does in the AWS CLI;
        // the chain alone would take the environment's and reach another account.
        let region = match &options.region {
            Some(region) => Some(region.clone()),
            None => default_region(Some(profile)).await,
        };
        let provider = ProviderConfig::without_region()
            .with_region(region.map(|region| aws_config::Region::new(region.as_str().to_owned())));
        let provider =
            ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
        // A chain of one, because the provider alone does not name the profile that it did not find.
        let chain = CredentialsProviderChain::first_try(format!("profile `{profile}`"), provider);
        loader = loader.profile_name(profile).credentials_provider(chain);
    }
    let config = loader.load().await;
    let found = config.region().ok_or(ConnectError::NoRegion)?.as_ref();
    match Region::parse(found) {
        Ok(_) => Ok(config),
        Err(invalid) => Err(ConnectError::InvalidRegion { found: found.to_owned(), rule: invalid.rule }),
    }
}
