//! What a finished deployment knows: the outputs of its steps, and the secrets that only the account has.

use agent::Wanted;
use cloud::port::cognito::AppClientRef;
use cloud::{CallError, Cloud};
use model::agent::API_KEY_FIELD;
use model::config::Config;
use model::plan::StepId;
use model::{Region, Secret};
use provision::journal::State;

use crate::failure::{Failure, codes};
use crate::session::Session;

/// Everything that is not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deployed {
    account: String,
    region: Region,
    domain: String,
    role_arn: String,
    pool_id: String,
    client_id: String,
    cognito_domain: String,
    gateway_name: String,
    gateway_url: String,
    provider_arn: String,
    key_secret_arn: String,
    runtime_arn: Option<String>,
    bucket: String,
    prefix: String,
    memory_id: Option<String>,
}

impl Deployed {
    /// Reads it out of the state file; everything that is missing is named at once.
    pub(super) fn of(state: &State, config: &Config) -> Result<Self, Box<Failure>> {
        let output = |step: StepId, name: &str| state.step(step).outputs.get(name).cloned();
        Self::from(
            state.header.account_id.as_str(),
            &state.header.region,
            config.tls.domain.as_deref(),
            &output,
        )
    }

    fn from(
        account: &str,
        region: &Region,
        domain: Option<&str>,
        output: &dyn Fn(StepId, &str) -> Option<String>,
    ) -> Result<Self, Box<Failure>> {
        let mut missing: Vec<String> = Vec::new();
        let mut get = |step: StepId, name: &str| {
            let value = output(step, name);
            if value.is_none() && !missing.iter().any(|known| known == step.as_str()) {
                missing.push(step.to_string());
            }
            value.unwrap_or_default()
        };
        let token_endpoint = get(StepId::Domain, "token_endpoint");
        let deployed = Self {
            account: account.to_owned(),
            region: region.clone(),
            domain: domain.unwrap_or_default().to_owned(),
            role_arn: get(StepId::GatewayRole, "arn"),
            pool_id: get(StepId::UserPool, "id"),
            client_id: get(StepId::AppClient, "id"),
            cognito_domain: token_endpoint.trim_end_matches("/oauth2/token").to_owned(),
            gateway_name: get(StepId::Gateway, "name"),
            gateway_url: get(StepId::Gateway, "url"),
            provider_arn: get(StepId::CredentialProvider, "arn"),
            key_secret_arn: get(StepId::CredentialProvider, "secret_arn"),
            runtime_arn: output(StepId::Runtime, "arn"),
            bucket: get(StepId::Schemas, "bucket"),
            prefix: get(StepId::Schemas, "prefix"),
            memory_id: output(StepId::Memory, "id"),
        };
        if domain.is_none() {
            missing.push("tls.domain".to_owned());
        }
        if missing.is_empty() {
            return Ok(deployed);
        }
        let message = format!("the deployment has not made what the SRE agent needs: {}", missing.join(", "));
        Err(Failure::new(codes::NO_GATEWAY, "deployment", message).hint(
            "deploy with a `gateway` section in the configuration, to its end; `sre-agent-deploy status` shows how far it is",
        ))
    }

    /// With the secrets, which are asked for here and kept nowhere.
    pub(super) async fn wanted(self, session: &Session<'_>, cloud: &Cloud) -> Result<Wanted, Box<Failure>> {
        let client = AppClientRef { pool_id: self.pool_id.clone(), id: self.client_id.clone() };
        let secret = timely(session, "cognito.app-client", cloud.cognito.app_client_secret(client)).await?;
        let client_secret = secret.ok_or_else(|| {
            Failure::new(codes::NO_GATEWAY, "cognito.app-client", "the app client is gone, or has no secret")
                .hint("a deploy with this configuration makes it again")
        })?;
        let value = cloud.secrets.get_secret_value(self.key_secret_arn.clone());
        let value = timely(session, "gateway.credential-provider", value).await?;
        let api_key = value.as_ref().and_then(api_key).ok_or_else(|| {
            let message =
                format!("the credential provider's secret is gone, or has no field {API_KEY_FIELD}");
            Failure::new(codes::NO_GATEWAY, "gateway.credential-provider", message)
                .hint("a deploy with this configuration makes it again")
        })?;
        Ok(self.with(client_secret, api_key))
    }

    fn with(self, client_secret: Secret<String>, api_key: Secret<String>) -> Wanted {
        Wanted {
            account: self.account,
            region: self.region,
            role_arn: self.role_arn,
            pool_id: self.pool_id,
            client_id: self.client_id,
            client_secret,
            cognito_domain: self.cognito_domain,
            domain: self.domain,
            gateway_name: self.gateway_name,
            gateway_url: self.gateway_url,
            provider_arn: self.provider_arn,
            runtime_arn: self.runtime_arn,
            bucket: self.bucket,
            prefix: self.prefix,
            memory_id: self.memory_id,
            api_key,
            token: None,
        }
    }
}

/// The key in the credential provider's secret.
fn api_key(value: &Secret<String>) -> Option<Secret<String>> {
    let value: serde_json::Value = serde_json::from_str(value.expose()).ok()?;
    let key = value.get(API_KEY_FIELD)?.as_str()?;
    Some(Secret::new(key.to_owned()))
}

pub(super) async fn timely<T>(
    session: &Session<'_>,
    subject: &str,
    question: impl Future<Output = Result<T, CallError>>,
) -> Result<T, Box<Failure>> {
    let timely = tokio::time::timeout(session.limits.operation, question);
    session
        .look(async {
            match timely.await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => {
                    Err(Failure::of_findings(vec![provision::advice::of_call(subject, &error)]))
                }
                Err(_) => Err(Failure::new(codes::NO_ANSWER, subject, "no answer in time")),
            }
        })
        .await
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A deployment that is finished.
    pub(in super::super) fn wanted() -> Wanted {
        let output = |step: StepId, name: &str| {
            match (step.as_str(), name) {
            ("cognito.domain", "token_endpoint") => {
                Some("https://sre.auth.eu-west-1.amazoncognito.com/oauth2/token".to_owned())
            }
            ("gateway.role", _) => Some("arn:aws:iam::123456789012:role/p/sre-BedrockAgentCoreGateway".to_owned()),
            ("gateway.gateway", "url") => {
                Some("https://sre-gateway-abcdefghij.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp".to_owned())
            }
            ("gateway.credential-provider", "arn") => Some("arn:aws:bedrock-agentcore:eu-west-1:123456789012:token-vault/default/apikeycredentialprovider/sre-agent-api-key-credential-provider".to_owned()),
            (_, name) => Some(format!("the-{name}")),
        }
        };
        let region = Region::parse("eu-west-1").expect("a Region");
        Deployed::from("123456789012", &region, Some("api.example.com"), &output)
            .expect("nothing is missing")
            .with(Secret::new("s3cretofclient".to_owned()), Secret::new("k3yofbackends".to_owned()))
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let region = Region::parse("eu-west-1").expect("a Region");
        let output = |step: StepId, _: &str| step.as_str().starts_with("cognito.").then(String::new);
        let failure = Deployed::from("123456789012", &region, None, &output).unwrap_err();
        assert_eq!(
            failure.findings[0].message,
            "the deployment has not made what the SRE agent needs: gateway.role, gateway.gateway, \
             gateway.credential-provider, gateway.schemas, tls.domain"
        );
    }

    #[test]
    fn the_domain_of_cognito_is_its_token_endpoint_without_the_path() {
        assert_eq!(wanted().cognito_domain, "https://sre.auth.eu-west-1.amazoncognito.com");
    }

    #[test]
    fn the_key_is_in_its_field_and_nowhere_else() {
        let read = |text: &str| api_key(&Secret::new(text.to_owned())).map(|key| key.expose().clone());
        assert_eq!(read(r#"{"api_key_value":"k"}"#).as_deref(), Some("k"));
        for other in ["k", "{}", r#"{"api_key_value":1}"#, r#"["k"]"#] {
            assert_eq!(read(other), None);
        }
    }
}
