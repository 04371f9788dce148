//! User pools, resource servers, app clients and domains.

use std::collections::BTreeSet;

use model::config::Mfa;

use crate::port::cognito::{
    AppClientRef, AppClientSettings, AppClientUpdate, NewAppClient, NewUserPool, PoolDomain, PoolMfa,
    ResourceServer, ResourceServerRef, UserPool, UserPoolSettings, UserPoolUpdate,
};
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

fn settings() -> UserPoolSettings {
    UserPoolSettings {
        deletion_protection: false,
        admin_create_user_only: true,
        password_minimum_length: 14,
        password_all_classes: true,
    }
}

async fn pool(cloud: &Cloud, fixture: &Fixture, what: &str) -> String {
    let new = NewUserPool { name: fixture.name(what), tags: fixture.tags(what), settings: settings() };
    cloud.cognito.create_user_pool(new).await.expect("a pool is made")
}

async fn see_pool(cloud: &Cloud, fixture: &Fixture, id: &str) -> UserPool {
    fixture
        .until("the pool is seen", async || {
            cloud.cognito.describe_user_pool(id.to_owned()).await.expect("pools can be read")
        })
        .await
}

/// Makes a pool, reads it back, changes its settings and its second factor, deletes it.
pub async fn user_pools(cloud: &Cloud, fixture: &Fixture) {
    let cognito = &cloud.cognito;
    let id = pool(cloud, fixture, "pool").await;
    let read = see_pool(cloud, fixture, &id).await;
    assert_eq!((&read.id, &read.name), (&id, &fixture.name("pool")));
    assert_eq!(read.tags, fixture.tags("pool"));
    assert_eq!(read.settings, settings());
    assert_eq!((read.mfa, &read.domain), (Mfa::Off, &None));
    assert!(read.arn.ends_with(&format!(":userpool/{id}")), "{}", read.arn);
    fixture
        .until("the pool is listed", async || {
            let listed = cognito.list_user_pools(()).await.expect("pools can be listed");
            listed.into_iter().find(|pool| pool.id == id && pool.name == fixture.name("pool"))
        })
        .await;

    cognito
        .set_user_pool_mfa(PoolMfa { pool_id: id.clone(), mfa: Mfa::Optional })
        .await
        .expect("the second factor is set");
    assert_eq!(see_pool(cloud, fixture, &id).await.mfa, Mfa::Optional);
    let changed =
        UserPoolSettings { password_minimum_length: 20, admin_create_user_only: false, ..settings() };
    cognito
        .update_user_pool(UserPoolUpdate { pool_id: id.clone(), settings: changed.clone() })
        .await
        .expect("the settings are replaced");
    let read = see_pool(cloud, fixture, &id).await;
    assert_eq!(read.settings, changed);
    assert_eq!(read.tags, fixture.tags("pool"), "an update keeps the tags");
    assert_eq!(read.mfa, Mfa::Optional, "an update keeps the second factor");

    cognito.delete_user_pool(id.clone()).await.expect("the pool is deleted");
    refused(cognito.delete_user_pool(id.clone()).await, ErrorKind::NotFound, "DeleteUserPool");
    assert_eq!(cognito.describe_user_pool(id).await.expect("read"), None);
}

/// Makes a resource server and a client that uses its scopes, changes and deletes both.
pub async fn app_clients(cloud: &Cloud, fixture: &Fixture) {
    let cognito = &cloud.cognito;
    let pool_id = pool(cloud, fixture, "clients").await;
    let scopes = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let server = ResourceServer {
        pool_id: pool_id.clone(),
        identifier: "contract-api".to_owned(),
        scopes: scopes(&["read", "write"]),
    };
    let server_ref = ResourceServerRef { pool_id: pool_id.clone(), identifier: server.identifier.clone() };
    assert_eq!(cognito.describe_resource_server(server_ref.clone()).await.expect("read"), None);
    cognito.create_resource_server(server.clone()).await.expect("a resource server is made");
    let see_server = async || {
        fixture
            .until("the resource server is seen", async || {
                cognito.describe_resource_server(server_ref.clone()).await.expect("it can be read")
            })
            .await
    };
    assert_eq!(see_server().await, server);

    let settings = AppClientSettings {
        name: fixture.name("client"),
        scopes: scopes(&["contract-api/read"]),
        access_token_minutes: 60,
    };
    let new = NewAppClient { pool_id: pool_id.clone(), settings: settings.clone() };
    let id = cognito.create_app_client(new).await.expect("a client is made");
    let client_ref = AppClientRef { pool_id: pool_id.clone(), id: id.clone() };
    let see_client = async || {
        fixture
            .until("the client is seen", async || {
                cognito.describe_app_client(client_ref.clone()).await.expect("it can be read")
            })
            .await
    };
    let client = see_client().await;
    assert_eq!((&client.id, &client.pool_id, &client.settings), (&id, &pool_id, &settings));
    assert!(client.client_credentials_only, "{client:?}");
    fixture
        .until("the client is listed", async || {
            let listed = cognito.list_app_clients(pool_id.clone()).await.expect("clients can be listed");
            listed.into_iter().find(|client| client.id == id && client.name == settings.name)
        })
        .await;

    let secret = cognito.app_client_secret(client_ref.clone()).await.expect("the secret can be read");
    assert!(secret.is_some_and(|secret| secret.expose().len() > 15), "a generated client has a secret");

    let changed = AppClientSettings {
        scopes: scopes(&["contract-api/read", "contract-api/write"]),
        access_token_minutes: 30,
        ..settings
    };
    cognito
        .update_app_client(AppClientUpdate { pool_id: pool_id.clone(), id, settings: changed.clone() })
        .await
        .expect("the client is changed");
    let client = see_client().await;
    assert_eq!(client.settings, changed);
    assert!(client.client_credentials_only, "an update keeps the grant");

    cognito.delete_app_client(client_ref.clone()).await.expect("the client is deleted");
    refused(cognito.delete_app_client(client_ref.clone()).await, ErrorKind::NotFound, "DeleteUserPoolClient");
    assert!(cognito.app_client_secret(client_ref.clone()).await.expect("read").is_none());
    assert_eq!(cognito.describe_app_client(client_ref).await.expect("read"), None);
    if fixture.has("UpdateResourceServer") {
        let wider = ResourceServer { scopes: scopes(&["admin", "read", "write"]), ..server };
        cognito.update_resource_server(wider.clone()).await.expect("the scopes are replaced");
        assert_eq!(see_server().await, wider);
    }
    if fixture.has("DeleteResourceServer") {
        cognito.delete_resource_server(server_ref.clone()).await.expect("the resource server is deleted");
        let again = cognito.delete_resource_server(server_ref.clone()).await;
        refused(again, ErrorKind::NotFound, "DeleteResourceServer");
        assert_eq!(cognito.describe_resource_server(server_ref).await.expect("read"), None);
    }
    cognito.delete_user_pool(pool_id).await.expect("the pool is deleted");
}

/// Takes a prefix for a pool and gives it back.
pub async fn domains(cloud: &Cloud, fixture: &Fixture) {
    let cognito = &cloud.cognito;
    let pool_id = pool(cloud, fixture, "domain").await;
    let prefix = fixture.name("contract");
    assert_eq!(cognito.describe_domain(prefix.clone()).await.expect("read"), None, "a free prefix is None");
    let pair = PoolDomain { pool_id: pool_id.clone(), prefix: prefix.clone() };
    cognito.create_domain(pair.clone()).await.expect("the prefix is taken");
    let domain = fixture
        .until("the domain is active", async || {
            let domain = cognito.describe_domain(prefix.clone()).await.expect("domains can be read");
            domain.filter(|domain| domain.status == "ACTIVE")
        })
        .await;
    assert_eq!((&domain.prefix, domain.pool_id.as_ref()), (&prefix, Some(&pool_id)));
    assert_eq!(see_pool(cloud, fixture, &pool_id).await.domain.as_ref(), Some(&prefix));

    cognito.delete_domain(pair.clone()).await.expect("the prefix is given back");
    refused(cognito.delete_domain(pair).await, ErrorKind::NotFound, "DeleteUserPoolDomain");
    assert_eq!(cognito.describe_domain(prefix).await.expect("read"), None);
    cognito.delete_user_pool(pool_id).await.expect("the pool is deleted");
}
