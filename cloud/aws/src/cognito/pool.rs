//! The user pool itself.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::http::HttpRequest;
use aws_sdk_cognitoidentityprovider::types::{
    AdminCreateUserConfigType, DeletionProtectionType, PasswordPolicyType, SoftwareTokenMfaConfigType,
    UserPoolMfaType, UserPoolPolicyType, UserPoolType,
};
use aws_smithy_types::body::SdkBody;
use cloud::port::cognito::{
    NewUserPool, PoolMfa, UserPool, UserPoolSettings, UserPoolSummary, UserPoolUpdate,
};
use cloud::{CallError, ErrorKind};
use model::config::Mfa;
use serde_json::Value;

use super::{PAGE, SERVICE};
use crate::error::{absent, failed, found};

/// Cognito's own default, said aloud because the SDK would send 0.
const TEMPORARY_PASSWORD_DAYS: i32 = 7;

pub(super) async fn list(client: &Client) -> Result<Vec<UserPoolSummary>, CallError> {
    const OPERATION: &str = "ListUserPools";
    let mut items = client.list_user_pools().max_results(PAGE).into_paginator().items().send();
    let mut pools = Vec::new();
    while let Some(pool) = items.next().await {
        let pool = pool.map_err(failed(SERVICE, OPERATION))?;
        pools.push(UserPoolSummary {
            id: pool.id.ok_or_else(|| absent(SERVICE, OPERATION, "Id"))?,
            name: pool.name.unwrap_or_default(),
        });
    }
    Ok(pools)
}

pub(super) async fn describe(client: &Client, id: String) -> Result<Option<UserPool>, CallError> {
    let Some(pool) = found(read(client, id).await)? else { return Ok(None) };
    let settings = from_settings(&pool);
    let missing = |field: &str| absent(SERVICE, "DescribeUserPool", field);
    Ok(Some(UserPool {
        id: pool.id.ok_or_else(|| missing("Id"))?,
        name: pool.name.ok_or_else(|| missing("Name"))?,
        arn: pool.arn.ok_or_else(|| missing("Arn"))?,
        tags: pool.user_pool_tags.unwrap_or_default().into_iter().collect(),
        settings,
        mfa: match pool.mfa_configuration {
            Some(UserPoolMfaType::On) => Mfa::Required,
            Some(UserPoolMfaType::Optional) => Mfa::Optional,
            _ => Mfa::Off,
        },
        domain: pool.domain.filter(|domain| !domain.is_empty()),
    }))
}

pub(super) async fn create(client: &Client, new: NewUserPool) -> Result<String, CallError> {
    const OPERATION: &str = "CreateUserPool";
    let admin = AdminCreateUserConfigType::builder()
        .allow_admin_create_user_only(new.settings.admin_create_user_only)
        .build();
    let answer = client
        .create_user_pool()
        .pool_name(new.name)
        .policies(
            UserPoolPolicyType::builder().password_policy(password_policy(None, &new.settings)?).build(),
        )
        .deletion_protection(protection(&new.settings))
        .admin_create_user_config(admin)
        .set_user_pool_tags(Some(new.tags.into_iter().collect()))
        .customize()
        .mutate_request(without_unused_account_days)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    let id = answer.user_pool.and_then(|pool| pool.id);
    id.ok_or_else(|| absent(SERVICE, OPERATION, "UserPool.Id"))
}

pub(super) async fn update(client: &Client, update: UserPoolUpdate) -> Result<(), CallError> {
    let now = read(client, update.pool_id.clone()).await?;
    let policies = now.policies().cloned();
    let passwords =
        password_policy(policies.as_ref().and_then(UserPoolPolicyType::password_policy), &update.settings)?;
    let sign_in = policies.and_then(|policies| policies.sign_in_policy);
    let policies =
        UserPoolPolicyType::builder().password_policy(passwords).set_sign_in_policy(sign_in).build();
    let admin = AdminCreateUserConfigType::builder()
        .allow_admin_create_user_only(update.settings.admin_create_user_only)
        .set_invite_message_template(
            now.admin_create_user_config.and_then(|admin| admin.invite_message_template),
        )
        .build();
    client
        .update_user_pool()
        .user_pool_id(update.pool_id)
        .policies(policies)
        .deletion_protection(protection(&update.settings))
        .admin_create_user_config(admin)
        // From here on: what is not ours, as it is.
        .set_pool_name(now.name)
        .set_user_pool_tags(now.user_pool_tags)
        .set_mfa_configuration(now.mfa_configuration)
        .set_lambda_config(now.lambda_config)
        .set_auto_verified_attributes(now.auto_verified_attributes)
        .set_sms_verification_message(now.sms_verification_message)
        .set_email_verification_message(now.email_verification_message)
        .set_email_verification_subject(now.email_verification_subject)
        .set_verification_message_template(now.verification_message_template)
        .set_sms_authentication_message(now.sms_authentication_message)
        .set_user_attribute_update_settings(now.user_attribute_update_settings)
        .set_device_configuration(now.device_configuration)
        .set_email_configuration(now.email_configuration)
        .set_sms_configuration(now.sms_configuration)
        .set_user_pool_add_ons(now.user_pool_add_ons)
        .set_account_recovery_setting(now.account_recovery_setting)
        .set_user_pool_tier(now.user_pool_tier)
        .set_key_configuration(now.key_configuration)
        .set_issuer_configuration(now.issuer_configuration)
        .set_acr_configuration(now.acr_configuration)
        .customize()
        .mutate_request(without_unused_account_days)
        .send()
        .await
        .map_err(failed(SERVICE, "UpdateUserPool"))?;
    Ok(())
}

pub(super) async fn set_mfa(client: &Client, wanted: PoolMfa) -> Result<(), CallError> {
    let mode = match wanted.mfa {
        Mfa::Off => UserPoolMfaType::Off,
        Mfa::Optional => UserPoolMfaType::Optional,
        Mfa::Required => UserPoolMfaType::On,
    };
    // Cognito refuses to switch the second factor off and to configure one in the same call.
    let token = (wanted.mfa != Mfa::Off).then(|| SoftwareTokenMfaConfigType::builder().enabled(true).build());
    client
        .set_user_pool_mfa_config()
        .user_pool_id(wanted.pool_id)
        .mfa_configuration(mode)
        .set_software_token_mfa_configuration(token)
        .send()
        .await
        .map_err(failed(SERVICE, "SetUserPoolMfaConfig"))?;
    Ok(())
}

pub(super) async fn delete(client: &Client, id: String) -> Result<(), CallError> {
    client.delete_user_pool().user_pool_id(id).send().await.map_err(failed(SERVICE, "DeleteUserPool"))?;
    Ok(())
}

async fn read(client: &Client, id: String) -> Result<UserPoolType, CallError> {
    const OPERATION: &str = "DescribeUserPool";
    let answer =
        client.describe_user_pool().user_pool_id(id).send().await.map_err(failed(SERVICE, OPERATION))?;
    answer.user_pool.ok_or_else(|| absent(SERVICE, OPERATION, "UserPool"))
}

fn from_settings(pool: &UserPoolType) -> UserPoolSettings {
    let passwords = pool.policies().and_then(UserPoolPolicyType::password_policy);
    UserPoolSettings {
        deletion_protection: pool.deletion_protection() == Some(&DeletionProtectionType::Active),
        admin_create_user_only: pool
            .admin_create_user_config()
            .is_some_and(AdminCreateUserConfigType::allow_admin_create_user_only),
        password_minimum_length: passwords
            .and_then(PasswordPolicyType::minimum_length)
            .and_then(|length| u32::try_from(length).ok())
            .unwrap_or_default(),
        password_all_classes: passwords.is_some_and(all_classes),
    }
}

fn all_classes(policy: &PasswordPolicyType) -> bool {
    policy.require_uppercase()
        && policy.require_lowercase()
        && policy.require_numbers()
        && policy.require_symbols()
}

fn protection(settings: &UserPoolSettings) -> DeletionProtectionType {
    if settings.deletion_protection {
        DeletionProtectionType::Active
    } else {
        DeletionProtectionType::Inactive
    }
}

/// Our settings over what the pool has.
fn password_policy(
    now: Option<&PasswordPolicyType>,
    settings: &UserPoolSettings,
) -> Result<PasswordPolicyType, CallError> {
    let length = i32::try_from(settings.password_minimum_length).map_err(|_| {
        CallError::new(SERVICE, "UpdateUserPool", ErrorKind::Invalid, "the shortest password is too long")
    })?;
    // A pool that asks for some classes already is "not all": wanting no more than that changes none of them.
    let kept = now.filter(|now| !settings.password_all_classes && !all_classes(now));
    let class = |of: fn(&PasswordPolicyType) -> bool| kept.map_or(settings.password_all_classes, of);
    let days = now.map(PasswordPolicyType::temporary_password_validity_days).filter(|days| *days > 0);
    Ok(PasswordPolicyType::builder()
        .minimum_length(length)
        .require_uppercase(class(PasswordPolicyType::require_uppercase))
        .require_lowercase(class(PasswordPolicyType::require_lowercase))
        .require_numbers(class(PasswordPolicyType::require_numbers))
        .require_symbols(class(PasswordPolicyType::require_symbols))
        .set_password_history_size(now.and_then(PasswordPolicyType::password_history_size))
        .temporary_password_validity_days(days.unwrap_or(TEMPORARY_PASSWORD_DAYS))
        .build())
}

/// Takes `UnusedAccountValidityDays` out of a request.
///
/// The SDK always writes the field, 0 where nothing is set. Cognito refuses any request that holds it beside its
/// successor in the password policy: "Please use `TemporaryPasswordValidityDays`".
fn without_unused_account_days(request: &mut HttpRequest) {
    let Some(mut body) = request.body().bytes().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
    else {
        return;
    };
    let removed = body
        .get_mut("AdminCreateUserConfig")
        .and_then(Value::as_object_mut)
        .and_then(|admin| admin.remove("UnusedAccountValidityDays"));
    if removed.is_some() {
        let text = body.to_string();
        request.headers_mut().insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: bool) -> UserPoolSettings {
        UserPoolSettings {
            deletion_protection: true,
            admin_create_user_only: true,
            password_minimum_length: 12,
            password_all_classes: all,
        }
    }

    #[test]
    fn the_retired_field_leaves_the_request_and_nothing_else_does() {
        let body = r#"{"PoolName":"a","AdminCreateUserConfig":{"AllowAdminCreateUserOnly":true,"UnusedAccountValidityDays":0}}"#;
        let mut request = HttpRequest::new(SdkBody::from(body));
        without_unused_account_days(&mut request);
        let sent: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        assert_eq!(
            sent,
            serde_json::json!({"PoolName": "a", "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true}})
        );
        assert_eq!(
            request.headers().get("content-length"),
            Some(request.body().bytes().unwrap().len().to_string().as_str())
        );
    }

    #[test]
    fn a_password_policy_keeps_what_is_not_ours() {
        let now = PasswordPolicyType::builder()
            .minimum_length(8)
            .require_numbers(true)
            .password_history_size(5)
            .temporary_password_validity_days(3)
            .build();
        let policy = password_policy(Some(&now), &settings(false)).unwrap();
        assert_eq!(policy.minimum_length(), Some(12));
        assert!(policy.require_numbers() && !policy.require_symbols());
        assert_eq!((policy.password_history_size(), policy.temporary_password_validity_days()), (Some(5), 3));
        assert!(all_classes(&password_policy(Some(&now), &settings(true)).unwrap()));
        let strict = password_policy(None, &settings(true)).unwrap();
        assert!(all_classes(&strict));
        assert!(!password_policy(Some(&strict), &settings(false)).unwrap().require_symbols());
    }
}
