//! Resource servers and the prefix domain.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::ResourceServerScopeType;
use cloud::port::cognito::{Domain, PoolDomain, ResourceServer, ResourceServerRef};
use cloud::{CallError, ErrorKind};

use super::SERVICE;
use crate::error::{absent, failed, found};

pub(super) async fn describe_server(
    client: &Client,
    server: ResourceServerRef,
) -> Result<Option<ResourceServer>, CallError> {
    const OPERATION: &str = "DescribeResourceServer";
    let answer = client
        .describe_resource_server()
        .user_pool_id(server.pool_id)
        .identifier(server.identifier)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION));
    let Some(answer) = found(answer)? else { return Ok(None) };
    let server = answer.resource_server.ok_or_else(|| absent(SERVICE, OPERATION, "ResourceServer"))?;
    let scopes = server.scopes().iter().map(|scope| scope.scope_name().to_owned()).collect();
    Ok(Some(ResourceServer {
        pool_id: server.user_pool_id.ok_or_else(|| absent(SERVICE, OPERATION, "UserPoolId"))?,
        identifier: server.identifier.ok_or_else(|| absent(SERVICE, OPERATION, "Identifier"))?,
        scopes,
    }))
}

pub(super) async fn create_server(client: &Client, server: ResourceServer) -> Result<(), CallError> {
    const OPERATION: &str = "CreateResourceServer";
    let scopes = to_scopes(&server, OPERATION)?;
    client
        .create_resource_server()
        .user_pool_id(server.pool_id)
        .name(&server.identifier)
        .identifier(server.identifier)
        .set_scopes(Some(scopes))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn update_server(client: &Client, server: ResourceServer) -> Result<(), CallError> {
    const OPERATION: &str = "UpdateResourceServer";
    let scopes = to_scopes(&server, OPERATION)?;
    client
        .update_resource_server()
        .user_pool_id(server.pool_id)
        .name(&server.identifier)
        .identifier(server.identifier)
        .set_scopes(Some(scopes))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn delete_server(client: &Client, server: ResourceServerRef) -> Result<(), CallError> {
    client
        .delete_resource_server()
        .user_pool_id(server.pool_id)
        .identifier(server.identifier)
        .send()
        .await
        .map_err(failed(SERVICE, "DeleteResourceServer"))?;
    Ok(())
}

pub(super) async fn describe_domain(client: &Client, prefix: String) -> Result<Option<Domain>, CallError> {
    const OPERATION: &str = "DescribeUserPoolDomain";
    let answer =
        client.describe_user_pool_domain().domain(prefix).send().await.map_err(failed(SERVICE, OPERATION));
    let Some(description) = found(answer)?.and_then(|answer| answer.domain_description) else {
        return Ok(None);
    };
    // AWS answers for a free prefix with a description that is there and empty.
    let Some(prefix) = description.domain.filter(|domain| !domain.is_empty()) else { return Ok(None) };
    Ok(Some(Domain {
        prefix,
        pool_id: description.user_pool_id.filter(|id| !id.is_empty()),
        status: description.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
    }))
}

pub(super) async fn create_domain(client: &Client, domain: PoolDomain) -> Result<(), CallError> {
    client
        .create_user_pool_domain()
        .user_pool_id(domain.pool_id)
        .domain(domain.prefix)
        .send()
        .await
        .map_err(failed(SERVICE, "CreateUserPoolDomain"))?;
    Ok(())
}

pub(super) async fn delete_domain(client: &Client, domain: PoolDomain) -> Result<(), CallError> {
    client
        .delete_user_pool_domain()
        .user_pool_id(domain.pool_id)
        .domain(domain.prefix)
        .send()
        .await
        .map_err(failed(SERVICE, "DeleteUserPoolDomain"))?;
    Ok(())
}

fn to_scopes(server: &ResourceServer, operation: &str) -> Result<Vec<ResourceServerScopeType>, CallError> {
    server
        .scopes
        .iter()
        .map(|scope| {
            ResourceServerScopeType::builder()
                .scope_name(scope)
                // Cognito wants a description; the name says all there is.
                .scope_description(scope)
                .build()
                .map_err(|error| CallError::new(SERVICE, operation, ErrorKind::Invalid, error.to_string()))
        })
        .collect()
}
