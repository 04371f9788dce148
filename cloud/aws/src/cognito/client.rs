//! App clients for machines: the `client_credentials` grant with a generated secret.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{
    ExplicitAuthFlowsType, OAuthFlowType, PreventUserExistenceErrorTypes, TimeUnitsType,
    TokenValidityUnitsType, UserPoolClientType,
};
use cloud::port::cognito::{
    AppClient, AppClientRef, AppClientSettings, AppClientSummary, AppClientUpdate, NewAppClient,
};
use cloud::{CallError, ErrorKind};
use model::Secret;

use super::{PAGE, SERVICE};
use crate::error::{absent, failed, found};

/// What Cognito uses where a client names no lifetime.
const DEFAULT_ACCESS_TOKEN_MINUTES: u32 = 60;

pub(super) async fn list(client: &Client, pool_id: String) -> Result<Vec<AppClientSummary>, CallError> {
    const OPERATION: &str = "ListUserPoolClients";
    let mut items = client
        .list_user_pool_clients()
        .user_pool_id(pool_id)
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send();
    let mut clients = Vec::new();
    while let Some(item) = items.next().await {
        let item = item.map_err(failed(SERVICE, OPERATION))?;
        clients.push(AppClientSummary {
            id: item.client_id.ok_or_else(|| absent(SERVICE, OPERATION, "ClientId"))?,
            name: item.client_name.unwrap_or_default(),
        });
    }
    Ok(clients)
}

pub(super) async fn describe(client: &Client, which: AppClientRef) -> Result<Option<AppClient>, CallError> {
    let Some(found) = found(read(client, &which).await)? else { return Ok(None) };
    let minutes = access_token_minutes(&found);
    let client_credentials_only = found.allowed_o_auth_flows_user_pool_client() == Some(true)
        && found.allowed_o_auth_flows() == [OAuthFlowType::ClientCredentials];
    Ok(Some(AppClient {
        pool_id: which.pool_id,
        id: found.client_id.ok_or_else(|| absent(SERVICE, "DescribeUserPoolClient", "ClientId"))?,
        settings: AppClientSettings {
            name: found.client_name.unwrap_or_default(),
            scopes: found.allowed_o_auth_scopes.unwrap_or_default().into_iter().collect(),
            access_token_minutes: minutes,
        },
        client_credentials_only,
    }))
}

pub(super) async fn secret(
    client: &Client,
    which: AppClientRef,
) -> Result<Option<Secret<String>>, CallError> {
    let found = found(read(client, &which).await)?;
    Ok(found.and_then(|found| found.client_secret).map(Secret::new))
}

pub(super) async fn create(client: &Client, new: NewAppClient) -> Result<String, CallError> {
    const OPERATION: &str = "CreateUserPoolClient";
    let minutes = validity(&new.settings, OPERATION)?;
    let answer = client
        .create_user_pool_client()
        .user_pool_id(new.pool_id)
        .client_name(new.settings.name)
        .generate_secret(true)
        .allowed_o_auth_flows(OAuthFlowType::ClientCredentials)
        .allowed_o_auth_flows_user_pool_client(true)
        .set_allowed_o_auth_scopes(Some(new.settings.scopes.into_iter().collect()))
        // Left out, it means that people may sign in with a password; refresh tokens alone never start a session.
        .explicit_auth_flows(ExplicitAuthFlowsType::AllowRefreshTokenAuth)
        .prevent_user_existence_errors(PreventUserExistenceErrorTypes::Enabled)
        .enable_token_revocation(true)
        .access_token_validity(minutes)
        .token_validity_units(TokenValidityUnitsType::builder().access_token(TimeUnitsType::Minutes).build())
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    let id = answer.user_pool_client.and_then(|client| client.client_id);
    id.ok_or_else(|| absent(SERVICE, OPERATION, "UserPoolClient.ClientId"))
}

pub(super) async fn update(client: &Client, update: AppClientUpdate) -> Result<(), CallError> {
    const OPERATION: &str = "UpdateUserPoolClient";
    let minutes = validity(&update.settings, OPERATION)?;
    let now = read(client, &AppClientRef { pool_id: update.pool_id.clone(), id: update.id.clone() }).await?;
    let units = now.token_validity_units();
    let units = TokenValidityUnitsType::builder()
        .access_token(TimeUnitsType::Minutes)
        .set_id_token(units.and_then(|units| units.id_token().cloned()))
        .set_refresh_token(units.and_then(|units| units.refresh_token().cloned()))
        .build();
    client
        .update_user_pool_client()
        .user_pool_id(update.pool_id)
        .client_id(update.id)
        .client_name(update.settings.name)
        .allowed_o_auth_flows(OAuthFlowType::ClientCredentials)
        .allowed_o_auth_flows_user_pool_client(true)
        .set_allowed_o_auth_scopes(Some(update.settings.scopes.into_iter().collect()))
        .access_token_validity(minutes)
        .token_validity_units(units)
        // From here on: what is not ours, as it is.
        .set_refresh_token_validity(Some(now.refresh_token_validity).filter(|validity| *validity > 0))
        .set_id_token_validity(now.id_token_validity)
        .set_read_attributes(now.read_attributes)
        .set_write_attributes(now.write_attributes)
        .set_explicit_auth_flows(now.explicit_auth_flows)
        .set_supported_identity_providers(now.supported_identity_providers)
        .set_callback_urls(now.callback_urls)
        .set_logout_urls(now.logout_urls)
        .set_default_redirect_uri(now.default_redirect_uri)
        .set_analytics_configuration(now.analytics_configuration)
        .set_prevent_user_existence_errors(now.prevent_user_existence_errors)
        .set_enable_token_revocation(now.enable_token_revocation)
        .set_enable_propagate_additional_user_context_data(now.enable_propagate_additional_user_context_data)
        .set_auth_session_validity(now.auth_session_validity)
        .set_refresh_token_rotation(now.refresh_token_rotation)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn delete(client: &Client, which: AppClientRef) -> Result<(), CallError> {
    client
        .delete_user_pool_client()
        .user_pool_id(which.pool_id)
        .client_id(which.id)
        .send()
        .await
        .map_err(failed(SERVICE, "DeleteUserPoolClient"))?;
    Ok(())
}

async fn read(client: &Client, which: &AppClientRef) -> Result<UserPoolClientType, CallError> {
    const OPERATION: &str = "DescribeUserPoolClient";
    let answer = client
        .describe_user_pool_client()
        .user_pool_id(&which.pool_id)
        .client_id(&which.id)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    answer.user_pool_client.ok_or_else(|| absent(SERVICE, OPERATION, "UserPoolClient"))
}

fn validity(settings: &AppClientSettings, operation: &str) -> Result<i32, CallError> {
    i32::try_from(settings.access_token_minutes).map_err(|_| {
        CallError::new(SERVICE, operation, ErrorKind::Invalid, "the access token lives too long")
    })
}

fn access_token_minutes(client: &UserPoolClientType) -> u32 {
    let number =
        client.access_token_validity().and_then(|number| u32::try_from(number).ok()).filter(|n| *n > 0);
    let Some(number) = number else { return DEFAULT_ACCESS_TOKEN_MINUTES };
    match client.token_validity_units().and_then(TokenValidityUnitsType::access_token) {
        Some(TimeUnitsType::Seconds) => number / 60,
        Some(TimeUnitsType::Minutes) => number,
        Some(TimeUnitsType::Days) => number.saturating_mul(24 * 60),
        // Cognito counts hours where no unit is named.
        _ => number.saturating_mul(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_in_whatever_unit_they_come() {
        let minutes = |number, unit: Option<TimeUnitsType>| {
            let units = TokenValidityUnitsType::builder().set_access_token(unit).build();
            access_token_minutes(
                &UserPoolClientType::builder()
                    .set_access_token_validity(number)
                    .token_validity_units(units)
                    .build(),
            )
        };
        assert_eq!(minutes(None, None), 60);
        assert_eq!(minutes(Some(2), None), 120);
        assert_eq!(minutes(Some(300), Some(TimeUnitsType::Seconds)), 5);
        assert_eq!(minutes(Some(30), Some(TimeUnitsType::Minutes)), 30);
        assert_eq!(minutes(Some(1), Some(TimeUnitsType::Days)), 1440);
        assert_eq!(minutes(Some(-1), Some(TimeUnitsType::Hours)), 60);
        assert_eq!(minutes(Some(i32::MAX), Some(TimeUnitsType::Days)), u32::MAX);
    }
}
