//! Amazon Cognito user pools: the pool, its resource server, its app client and its domain.

use std::collections::BTreeSet;

use model::Secret;
use model::config::Mfa;
use model::tags::Tags;

use crate::hook::port;

/// The settings of a user pool that we look after. `UpdateUserPool` resets what it is not told, so they travel
/// together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPoolSettings {
    /// Whether `DeleteUserPool` is refused.
    pub deletion_protection: bool,
    /// Whether only administrators make users; without it anybody may sign up.
    pub admin_create_user_only: bool,
    /// Shortest password, characters.
    pub password_minimum_length: u32,
    /// Whether passwords need upper case, lower case, digits and symbols.
    pub password_all_classes: bool,
}

/// A user pool to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUserPool {
    /// Not unique.
    pub name: String,
    /// Put on at creation.
    pub tags: Tags,
    /// The rest.
    pub settings: UserPoolSettings,
}

/// A user pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPool {
    /// Such as `us-east-1_AbCdEfGhI`.
    pub id: String,
    /// Not unique.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// The settings that we look after.
    pub settings: UserPoolSettings,
    /// Whether people need a second factor.
    pub mfa: Mfa,
    /// The prefix of its Amazon Cognito domain.
    pub domain: Option<String>,
}

/// A user pool in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPoolSummary {
    /// Its id.
    pub id: String,
    /// Not unique.
    pub name: String,
}

/// New settings for a user pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPoolUpdate {
    /// The pool.
    pub pool_id: String,
    /// Replaces all settings; what a pool has beyond them (such as its tags) is read and sent back by the adapter.
    pub settings: UserPoolSettings,
}

/// A pool and whether people need a second factor (software token).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolMfa {
    /// The pool.
    pub pool_id: String,
    /// Off, optional or required.
    pub mfa: Mfa,
}

/// A resource server: the prefix of every scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceServer {
    /// The pool.
    pub pool_id: String,
    /// Such as `sre-agent-api`.
    pub identifier: String,
    /// Scope names without the identifier.
    pub scopes: BTreeSet<String>,
}

/// Names a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceServerRef {
    /// The pool.
    pub pool_id: String,
    /// Its identifier.
    pub identifier: String,
}

/// The settings of an app client for machines: the `client_credentials` grant with a generated secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClientSettings {
    /// Not unique.
    pub name: String,
    /// Full scopes, `identifier/scope`.
    pub scopes: BTreeSet<String>,
    /// Life of an access token, minutes.
    pub access_token_minutes: u32,
}

/// An app client to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAppClient {
    /// The pool.
    pub pool_id: String,
    /// The rest.
    pub settings: AppClientSettings,
}

/// An app client, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClient {
    /// The pool.
    pub pool_id: String,
    /// The client id.
    pub id: String,
    /// The settings that we look after.
    pub settings: AppClientSettings,
    /// Whether `client_credentials` is its one grant.
    pub client_credentials_only: bool,
}

/// Names an app client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClientRef {
    /// The pool.
    pub pool_id: String,
    /// The client id.
    pub id: String,
}

/// An app client in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClientSummary {
    /// The client id.
    pub id: String,
    /// Not unique.
    pub name: String,
}

/// New settings for an app client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClientUpdate {
    /// The pool.
    pub pool_id: String,
    /// The client id.
    pub id: String,
    /// Replaces all settings.
    pub settings: AppClientSettings,
}

/// A prefix domain, `https://PREFIX.auth.REGION.amazoncognito.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The prefix.
    pub prefix: String,
    /// The pool it belongs to. A prefix of another account has none that we can see.
    pub pool_id: Option<String>,
    /// As Cognito spells it: `CREATING`, `ACTIVE`, `DELETING`, `FAILED`, ...
    pub status: String,
}

/// A prefix for a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolDomain {
    /// The pool.
    pub pool_id: String,
    /// The prefix.
    pub prefix: String,
}

port! {
    /// Amazon Cognito user pools.
    "cognito-idp" Cognito {
        /// All pools of the Region. Use the tagging API first: this list grows with the account.
        Read "ListUserPools" list_user_pools(()) -> Vec<UserPoolSummary>;
        /// A pool by id.
        Read "DescribeUserPool" describe_user_pool(String) -> Option<UserPool>;
        /// Makes a pool; its id is the answer. There is no token and names are not unique: never repeat blindly.
        Write "CreateUserPool" create_user_pool(NewUserPool) -> String;
        /// Replaces the settings of a pool.
        Write "UpdateUserPool" update_user_pool(UserPoolUpdate) -> ();
        /// Sets the second factor of a pool.
        Write "SetUserPoolMfaConfig" set_user_pool_mfa(PoolMfa) -> ();
        /// Deletes a pool that has no domain and is not protected.
        Write "DeleteUserPool" delete_user_pool(String) -> ();
        /// A resource server of a pool.
        Read "DescribeResourceServer" describe_resource_server(ResourceServerRef) -> Option<ResourceServer>;
        /// Makes a resource server.
        Write "CreateResourceServer" create_resource_server(ResourceServer) -> ();
        /// Replaces the scopes of a resource server.
        Write "UpdateResourceServer" update_resource_server(ResourceServer) -> ();
        /// Deletes a resource server.
        Write "DeleteResourceServer" delete_resource_server(ResourceServerRef) -> ();
        /// App clients of a pool; `NotFound` for a pool that does not exist.
        Read "ListUserPoolClients" list_app_clients(String) -> Vec<AppClientSummary>;
        /// An app client by id.
        Read "DescribeUserPoolClient" describe_app_client(AppClientRef) -> Option<AppClient>;
        /// The secret of an app client, for whoever fetches a token in its name; none of a client without one.
        Read "DescribeUserPoolClient" app_client_secret(AppClientRef) -> Option<Secret<String>>;
        /// Makes an app client with a secret; its id is the answer. No token, no tags: never repeat blindly.
        Write "CreateUserPoolClient" create_app_client(NewAppClient) -> String;
        /// Replaces the settings of an app client.
        Write "UpdateUserPoolClient" update_app_client(AppClientUpdate) -> ();
        /// Deletes an app client.
        Write "DeleteUserPoolClient" delete_app_client(AppClientRef) -> ();
        /// A prefix domain. A free prefix is `None`, whether the service answers with an empty description (AWS) or
        /// an error (some emulators).
        Read "DescribeUserPoolDomain" describe_domain(String) -> Option<Domain>;
        /// Takes a prefix for a pool.
        Write "CreateUserPoolDomain" create_domain(PoolDomain) -> ();
        /// Gives a prefix back.
        Write "DeleteUserPoolDomain" delete_domain(PoolDomain) -> ();
    }
}
