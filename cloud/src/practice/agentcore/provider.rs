//! Credential providers, and the secrets in which the service keeps their keys: with the rights of whoever calls.

use async_trait::async_trait;
use model::Secret;
use model::agent::API_KEY_FIELD;
use serde_json::json;

use crate::CallError;
use crate::hook::Access::Read;
use crate::port::agentcore::{ApiKeyChange, CredentialProvider, NewCredentialProvider};
use crate::port::secrets::Secrets;
use crate::practice::desk::{Desk, permit};
use crate::practice::refusal::{Answer, Refusal, demand, demand_tags};
use crate::practice::state::State;

use super::record::Provider;
use super::{CONFLICT, SERVICE, VALIDATION};

const SECRETS: &str = "secretsmanager";

fn no_provider(name: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Resource not found exception. Credential provider {name} not found."),
    )
}

fn demand_key(key: &Secret<String>) -> Answer<()> {
    demand((1..=65_536).contains(&key.expose().len()), VALIDATION, || {
        "1 validation error detected: Value at 'apiKey' failed to satisfy constraint".to_owned()
    })
}

impl State {
    pub(in crate::practice) fn provider_arn(&self, name: &str) -> String {
        self.arn(SERVICE, &format!("token-vault/default/apikeycredentialprovider/{name}"))
    }

    /// The secret of a provider's key, without the six characters that make it unique in time.
    pub(super) fn secret_of_provider(&self, name: &str) -> String {
        self.arn(SECRETS, &format!("secret:bedrock-agentcore-identity!default/apikey/{name}"))
    }

    fn show_provider(&self, name: &str, one: &Provider) -> CredentialProvider {
        CredentialProvider {
            name: name.to_owned(),
            arn: self.provider_arn(name),
            secret_arn: one.secret_arn.clone(),
            tags: one.tags.clone(),
        }
    }

    pub(super) fn get_credential_provider(&mut self, name: &str) -> Option<CredentialProvider> {
        if !self.providers.get_mut(name)?.unseen.look() {
            return None;
        }
        self.providers.get(name).map(|one| self.show_provider(name, one))
    }

    pub(super) fn create_credential_provider(
        &mut self,
        new: NewCredentialProvider,
    ) -> Answer<CredentialProvider> {
        let name = &new.name;
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        demand((1..=128).contains(&name.len()) && name.bytes().all(word), VALIDATION, || {
            "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [a-zA-Z0-9\\-_]+"
                .to_owned()
        })?;
        demand_key(&new.api_key)?;
        demand_tags(&new.tags, VALIDATION)?;
        demand(!self.providers.contains_key(name), CONFLICT, || {
            format!("Credential provider with name: {name} already exists")
        })?;
        let secret = self.secret_of_provider(name);
        permit(self, SECRETS, "CreateSecret", &secret)?;
        let hex = self.next_hex();
        let provider = Provider {
            unseen: self.unseen(),
            api_key: new.api_key.expose().clone(),
            secret_arn: format!("{secret}-{}", hex.get(..6).unwrap_or_default()),
            tags: new.tags,
        };
        let shown = self.show_provider(name, &provider);
        self.providers.insert(new.name, provider);
        Ok(shown)
    }

    pub(super) fn update_credential_provider(&mut self, change: &ApiKeyChange) -> Answer<()> {
        demand_key(&change.api_key)?;
        let provider = self.providers.get(&change.name).ok_or_else(|| no_provider(&change.name))?;
        permit(self, SECRETS, "PutSecretValue", &provider.secret_arn)?;
        let provider = self.providers.get_mut(&change.name).ok_or_else(|| no_provider(&change.name))?;
        change.api_key.expose().clone_into(&mut provider.api_key);
        Ok(())
    }

    pub(super) fn delete_credential_provider(&mut self, name: &str) -> Answer<()> {
        let provider = self.providers.get(name).ok_or_else(|| no_provider(name))?;
        permit(self, SECRETS, "DeleteSecret", &provider.secret_arn)?;
        self.providers.remove(name);
        Ok(())
    }

    pub(super) fn list_credential_providers(&mut self) -> Vec<String> {
        let seen = |(name, one): (&String, &mut Provider)| one.unseen.look().then(|| name.clone());
        self.providers.iter_mut().filter_map(seen).collect()
    }

    fn get_secret_value(&self, arn: &str) -> Option<Secret<String>> {
        let provider = self.providers.values().find(|one| one.secret_arn == arn)?;
        Some(Secret::new(json!({API_KEY_FIELD: provider.api_key}).to_string()))
    }
}

#[async_trait]
impl Secrets for Desk {
    async fn get_secret_value(&self, arn: String) -> Result<Option<Secret<String>>, CallError> {
        self.call(SECRETS, "GetSecretValue", Read, &arn, |state| Ok(state.get_secret_value(&arn)))
    }
}
