//! Amazon Cognito user pools. The port is one trait; its areas are files: the pool, its resource servers, its app
//! clients and its prefix domain.
//!
//! `UpdateUserPool` and `UpdateUserPoolClient` reset what they are not told, so both read first and send back all of
//! it. The secret of an app client arrives in answers of the SDK; nothing here reads it.

mod client;
mod pool;
mod resources;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::Client;
use cloud::CallError;
use cloud::port::cognito::{
    AppClient, AppClientRef, AppClientSummary, AppClientUpdate, Cognito, Domain, NewAppClient, NewUserPool,
    PoolDomain, PoolMfa, ResourceServer, ResourceServerRef, UserPool, UserPoolSummary, UserPoolUpdate,
};
use model::Secret;

const SERVICE: &str = "cognito-idp";

/// The largest page that lists of pools and clients allow.
const PAGE: i32 = 60;

/// The port over `aws-sdk-cognitoidentityprovider`.
pub(crate) struct AwsCognito(Client);

impl AwsCognito {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Cognito for AwsCognito {
    async fn list_user_pools(&self, (): ()) -> Result<Vec<UserPoolSummary>, CallError> {
        pool::list(&self.0).await
    }
    async fn describe_user_pool(&self, id: String) -> Result<Option<UserPool>, CallError> {
        pool::describe(&self.0, id).await
    }
    async fn create_user_pool(&self, new: NewUserPool) -> Result<String, CallError> {
        pool::create(&self.0, new).await
    }
    async fn update_user_pool(&self, update: UserPoolUpdate) -> Result<(), CallError> {
        pool::update(&self.0, update).await
    }
    async fn set_user_pool_mfa(&self, mfa: PoolMfa) -> Result<(), CallError> {
        pool::set_mfa(&self.0, mfa).await
    }
    async fn delete_user_pool(&self, id: String) -> Result<(), CallError> {
        pool::delete(&self.0, id).await
    }
    async fn describe_resource_server(
        &self,
        server: ResourceServerRef,
    ) -> Result<Option<ResourceServer>, CallError> {
        resources::describe_server(&self.0, server).await
    }
    async fn create_resource_server(&self, server: ResourceServer) -> Result<(), CallError> {
        resources::create_server(&self.0, server).await
    }
    async fn update_resource_server(&self, server: ResourceServer) -> Result<(), CallError> {
        resources::update_server(&self.0, server).await
    }
    async fn delete_resource_server(&self, server: ResourceServerRef) -> Result<(), CallError> {
        resources::delete_server(&self.0, server).await
    }
    async fn list_app_clients(&self, pool_id: String) -> Result<Vec<AppClientSummary>, CallError> {
        client::list(&self.0, pool_id).await
    }
    async fn describe_app_client(&self, client: AppClientRef) -> Result<Option<AppClient>, CallError> {
        client::describe(&self.0, client).await
    }
    async fn app_client_secret(&self, client: AppClientRef) -> Result<Option<Secret<String>>, CallError> {
        client::secret(&self.0, client).await
    }
    async fn create_app_client(&self, new: NewAppClient) -> Result<String, CallError> {
        client::create(&self.0, new).await
    }
    async fn update_app_client(&self, update: AppClientUpdate) -> Result<(), CallError> {
        client::update(&self.0, update).await
    }
    async fn delete_app_client(&self, client: AppClientRef) -> Result<(), CallError> {
        client::delete(&self.0, client).await
    }
    async fn describe_domain(&self, prefix: String) -> Result<Option<Domain>, CallError> {
        resources::describe_domain(&self.0, prefix).await
    }
    async fn create_domain(&self, domain: PoolDomain) -> Result<(), CallError> {
        resources::create_domain(&self.0, domain).await
    }
    async fn delete_domain(&self, domain: PoolDomain) -> Result<(), CallError> {
        resources::delete_domain(&self.0, domain).await
    }
}
