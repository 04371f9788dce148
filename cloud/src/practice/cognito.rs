//! Cognito: user pools, resource servers, app clients and prefix domains.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::Secret;
use model::config::Mfa;

use crate::CallError;
use crate::hook::Access::{self, Read, Write};
use crate::port::cognito::{
    AppClient, AppClientRef, AppClientSettings, AppClientSummary, AppClientUpdate, Cognito, Domain,
    NewAppClient, NewUserPool, PoolDomain, PoolMfa, ResourceServer, ResourceServerRef, UserPool,
    UserPoolSettings, UserPoolSummary, UserPoolUpdate,
};

use super::desk::Desk;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, Client, Pool, Server, State, tick};

const INVALID: &str = "InvalidParameterException";
const MISSING: &str = "ResourceNotFoundException";
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn no_pool(id: &str) -> Refusal {
    Refusal::new(MISSING, format!("User pool {id} does not exist."))
}

fn no_client(id: &str) -> Refusal {
    Refusal::new(MISSING, format!("User pool client {id} does not exist."))
}

fn no_server(identifier: &str) -> Refusal {
    Refusal::new(MISSING, format!("Resource server {identifier} does not exist."))
}

/// Pairs of hexadecimal digits as letters and digits.
fn letters(hex: &str, count: usize) -> String {
    hex.as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| usize::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .filter_map(|value| LETTERS.get(value.checked_rem(LETTERS.len())?).copied().map(char::from))
        .take(count)
        .collect()
}

fn check_settings(settings: &UserPoolSettings) -> Answer<()> {
    demand((6..=99).contains(&settings.password_minimum_length), INVALID, || {
        "1 validation error detected: Value at 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: \
         Member must have value between 6 and 99"
            .to_owned()
    })
}

impl State {
    fn show_pool(&self, id: &str) -> Option<UserPool> {
        let pool = self.pools.get(id)?;
        Some(UserPool {
            id: id.to_owned(),
            name: pool.name.clone(),
            arn: self.arn("cognito-idp", &format!("userpool/{id}")),
            tags: pool.tags.clone(),
            settings: UserPoolSettings {
                deletion_protection: pool.protected,
                admin_create_user_only: pool.admin_create_user_only,
                password_minimum_length: pool.password_minimum_length,
                password_all_classes: pool.password_all_classes,
            },
            mfa: pool.mfa,
            domain: self.domain_of(id),
        })
    }

    fn domain_of(&self, pool_id: &str) -> Option<String> {
        let held = self.domains.iter().find(|(_, domain)| domain.pool_id.as_deref() == Some(pool_id));
        held.map(|(prefix, _)| prefix.clone())
    }

    fn pool_mut(&mut self, id: &str) -> Answer<&mut Pool> {
        self.pools.get_mut(id).ok_or_else(|| no_pool(id))
    }

    fn describe_user_pool(&mut self, id: &str) -> Option<UserPool> {
        let seen = self.pools.get_mut(id)?.unseen.look();
        self.show_pool(id).filter(|_| seen)
    }

    pub(super) fn next_pool_id(&mut self) -> String {
        let end = letters(&self.next_hex(), 9);
        format!("{}_{end}", self.region)
    }

    fn create_user_pool(&mut self, new: NewUserPool) -> Answer<String> {
        let plain = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_+=,.@-".contains(c);
        demand(
            (1..=128).contains(&new.name.chars().count()) && new.name.chars().all(plain),
            INVALID,
            || {
                "1 validation error detected: Value at 'poolName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\w\\s+=,.@-]+"
                .to_owned()
            },
        )?;
        check_settings(&new.settings)?;
        demand_tags(&new.tags, INVALID)?;
        let id = self.next_pool_id();
        let pool = Pool {
            unseen: self.unseen(),
            name: new.name,
            protected: new.settings.deletion_protection,
            admin_create_user_only: new.settings.admin_create_user_only,
            password_minimum_length: new.settings.password_minimum_length,
            password_all_classes: new.settings.password_all_classes,
            mfa: Mfa::Off,
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            tags: new.tags,
        };
        self.pools.insert(id.clone(), pool);
        Ok(id)
    }

    fn update_user_pool(&mut self, change: &UserPoolUpdate) -> Answer<()> {
        check_settings(&change.settings)?;
        let pool = self.pool_mut(&change.pool_id)?;
        pool.protected = change.settings.deletion_protection;
        pool.admin_create_user_only = change.settings.admin_create_user_only;
        pool.password_minimum_length = change.settings.password_minimum_length;
        pool.password_all_classes = change.settings.password_all_classes;
        Ok(())
    }

    fn delete_user_pool(&mut self, id: &str) -> Answer<()> {
        let protected = self.pool_mut(id)?.protected;
        demand(!protected, INVALID, || {
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be \
             inactivated first."
                .to_owned()
        })?;
        demand(self.domain_of(id).is_none(), INVALID, || {
            "User pool cannot be deleted. It has a domain configured that should be deleted first.".to_owned()
        })?;
        self.pools.remove(id);
        Ok(())
    }

    fn describe_resource_server(&mut self, wanted: &ResourceServerRef) -> Option<ResourceServer> {
        let server = self.pools.get_mut(&wanted.pool_id)?.servers.get_mut(&wanted.identifier)?;
        server.unseen.look().then(|| ResourceServer {
            pool_id: wanted.pool_id.clone(),
            identifier: wanted.identifier.clone(),
            scopes: server.scopes.clone(),
        })
    }

    fn create_resource_server(&mut self, new: ResourceServer) -> Answer<()> {
        check_server(&new)?;
        let unseen = self.unseen();
        let pool = self.pool_mut(&new.pool_id)?;
        demand(!pool.servers.contains_key(&new.identifier), INVALID, || {
            format!("{} already exists in user pool {}.", new.identifier, new.pool_id)
        })?;
        pool.servers.insert(new.identifier, Server { unseen, scopes: new.scopes });
        Ok(())
    }

    fn update_resource_server(&mut self, change: ResourceServer) -> Answer<()> {
        check_server(&change)?;
        let pool = self.pool_mut(&change.pool_id)?;
        let server = pool.servers.get_mut(&change.identifier).ok_or_else(|| no_server(&change.identifier))?;
        server.scopes = change.scopes;
        Ok(())
    }

    fn check_client(&self, pool_id: &str, settings: &AppClientSettings) -> Answer<()> {
        let pool = self.pools.get(pool_id).ok_or_else(|| no_pool(pool_id))?;
        let plain = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_+=,.@-".contains(c);
        let name = &settings.name;
        demand((1..=128).contains(&name.chars().count()) && name.chars().all(plain), INVALID, || {
            "1 validation error detected: Value at 'clientName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\w\\s+=,.@-]+"
                .to_owned()
        })?;
        demand((5..=1440).contains(&settings.access_token_minutes), INVALID, || {
            "Invalid range for token validity.".to_owned()
        })?;
        demand(!settings.scopes.is_empty(), "InvalidOAuthFlowException", || {
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth \
             flows."
                .to_owned()
        })?;
        for scope in &settings.scopes {
            let known = scope.rsplit_once('/').is_some_and(|(identifier, name)| {
                pool.servers.get(identifier).is_some_and(|server| server.scopes.contains(name))
            });
            demand(known, "ScopeDoesNotExistException", || format!("Invalid scope requested: {scope}"))?;
        }
        Ok(())
    }

    fn create_app_client(&mut self, new: NewAppClient) -> Answer<String> {
        self.check_client(&new.pool_id, &new.settings)?;
        let unseen = self.unseen();
        // Client ids have no upper case, so that they survive what does not keep it.
        let id = letters(&self.next_hex(), 26).to_ascii_lowercase();
        let client = Client {
            unseen,
            name: new.settings.name,
            scopes: new.settings.scopes,
            access_token_minutes: new.settings.access_token_minutes,
        };
        self.pool_mut(&new.pool_id)?.clients.insert(id.clone(), client);
        Ok(id)
    }

    fn describe_app_client(&mut self, wanted: &AppClientRef) -> Option<AppClient> {
        let client = self.pools.get_mut(&wanted.pool_id)?.clients.get_mut(&wanted.id)?;
        client.unseen.look().then(|| AppClient {
            pool_id: wanted.pool_id.clone(),
            id: wanted.id.clone(),
            settings: AppClientSettings {
                name: client.name.clone(),
                scopes: client.scopes.clone(),
                access_token_minutes: client.access_token_minutes,
            },
            client_credentials_only: true,
        })
    }

    fn update_app_client(&mut self, change: AppClientUpdate) -> Answer<()> {
        let pool = self.pools.get(&change.pool_id).ok_or_else(|| no_pool(&change.pool_id))?;
        demand(pool.clients.contains_key(&change.id), MISSING, || {
            format!("User pool client {} does not exist.", change.id)
        })?;
        self.check_client(&change.pool_id, &change.settings)?;
        if let Some(client) = self.pool_mut(&change.pool_id)?.clients.get_mut(&change.id) {
            client.name = change.settings.name;
            client.scopes = change.settings.scopes;
            client.access_token_minutes = change.settings.access_token_minutes;
        }
        Ok(())
    }

    fn describe_domain(&mut self, prefix: &str) -> Option<Domain> {
        let domain = self.domains.get_mut(prefix)?;
        if !domain.unseen.look() {
            return None;
        }
        let status = if tick(&mut domain.settle) { "ACTIVE" } else { "CREATING" };
        Some(Domain { prefix: prefix.to_owned(), pool_id: domain.pool_id.clone(), status: status.to_owned() })
    }

    fn create_domain(&mut self, pair: PoolDomain) -> Answer<()> {
        let prefix = &pair.prefix;
        demand(self.pools.contains_key(&pair.pool_id), MISSING, || {
            format!("User pool {} does not exist.", pair.pool_id)
        })?;
        for word in ["aws", "amazon", "cognito"] {
            demand(!prefix.contains(word), INVALID, || {
                format!("Domain cannot contain reserved word: {word}")
            })?;
        }
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let edges = !prefix.starts_with('-') && !prefix.ends_with('-');
        demand((1..=63).contains(&prefix.len()) && edges && prefix.bytes().all(plain), INVALID, || {
            "1 validation error detected: Value at 'domain' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^[a-z0-9](?:[a-z0-9\\-]{0,61}[a-z0-9])?$"
                .to_owned()
        })?;
        demand(!self.domains.contains_key(prefix), INVALID, || {
            "Domain already associated with another user pool.".to_owned()
        })?;
        demand(self.domain_of(&pair.pool_id).is_none(), INVALID, || {
            "User pool already has a domain configured.".to_owned()
        })?;
        let domain =
            state::Domain { unseen: self.unseen(), pool_id: Some(pair.pool_id), settle: self.pace.settle };
        self.domains.insert(pair.prefix, domain);
        Ok(())
    }

    fn delete_domain(&mut self, pair: &PoolDomain) -> Answer<()> {
        let domain = self.domains.get(&pair.prefix);
        let held = domain.is_some_and(|domain| domain.pool_id.as_ref() == Some(&pair.pool_id));
        demand(held, INVALID, || "No such domain or user pool exists.".to_owned())?;
        self.domains.remove(&pair.prefix);
        Ok(())
    }
}

fn check_server(server: &ResourceServer) -> Answer<()> {
    let plain = |b: u8| (0x21..=0x7e).contains(&b) && b != b'"' && b != b'\\';
    let fits = |text: &str| (1..=256).contains(&text.len()) && text.bytes().all(plain);
    demand(fits(&server.identifier), INVALID, || "Invalid resource server identifier.".to_owned())?;
    let named = server.scopes.iter().all(|scope| fits(scope) && !scope.contains('/'));
    demand(named && server.scopes.len() <= 100, INVALID, || "Invalid scope name.".to_owned())
}

impl Desk {
    fn cognito<T>(
        &self,
        operation: &'static str,
        access: Access,
        pool_id: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let arn = self.look(|state| state.arn("cognito-idp", &format!("userpool/{pool_id}")));
        self.call("cognito-idp", operation, access, &arn, act)
    }
}

#[async_trait]
impl Cognito for Desk {
    async fn list_user_pools(&self, (): ()) -> Result<Vec<UserPoolSummary>, CallError> {
        self.cognito("ListUserPools", Read, "*", |state| {
            let show = |(id, pool): (&String, &mut Pool)| {
                pool.unseen.look().then(|| UserPoolSummary { id: id.clone(), name: pool.name.clone() })
            };
            Ok(state.pools.iter_mut().filter_map(show).collect())
        })
    }

    async fn describe_user_pool(&self, id: String) -> Result<Option<UserPool>, CallError> {
        self.cognito("DescribeUserPool", Read, &id, |state| Ok(state.describe_user_pool(&id)))
    }

    async fn create_user_pool(&self, new: NewUserPool) -> Result<String, CallError> {
        self.cognito("CreateUserPool", Write, "*", |state| state.create_user_pool(new))
    }

    async fn update_user_pool(&self, change: UserPoolUpdate) -> Result<(), CallError> {
        self.cognito("UpdateUserPool", Write, &change.pool_id, |state| state.update_user_pool(&change))
    }

    async fn set_user_pool_mfa(&self, change: PoolMfa) -> Result<(), CallError> {
        self.cognito("SetUserPoolMfaConfig", Write, &change.pool_id, |state| {
            state.pool_mut(&change.pool_id)?.mfa = change.mfa;
            Ok(())
        })
    }

    async fn delete_user_pool(&self, id: String) -> Result<(), CallError> {
        self.cognito("DeleteUserPool", Write, &id, |state| state.delete_user_pool(&id))
    }

    async fn describe_resource_server(
        &self,
        wanted: ResourceServerRef,
    ) -> Result<Option<ResourceServer>, CallError> {
        let act = |state: &mut State| Ok(state.describe_resource_server(&wanted));
        self.cognito("DescribeResourceServer", Read, &wanted.pool_id, act)
    }

    async fn create_resource_server(&self, new: ResourceServer) -> Result<(), CallError> {
        let pool_id = new.pool_id.clone();
        self.cognito("CreateResourceServer", Write, &pool_id, |state| state.create_resource_server(new))
    }

    async fn update_resource_server(&self, change: ResourceServer) -> Result<(), CallError> {
        let pool_id = change.pool_id.clone();
        self.cognito("UpdateResourceServer", Write, &pool_id, |state| state.update_resource_server(change))
    }

    async fn delete_resource_server(&self, gone: ResourceServerRef) -> Result<(), CallError> {
        self.cognito("DeleteResourceServer", Write, &gone.pool_id, |state| {
            let removed = state.pool_mut(&gone.pool_id)?.servers.remove(&gone.identifier);
            removed.map(|_| ()).ok_or_else(|| no_server(&gone.identifier))
        })
    }

    async fn list_app_clients(&self, pool_id: String) -> Result<Vec<AppClientSummary>, CallError> {
        self.cognito("ListUserPoolClients", Read, &pool_id, |state| {
            let show = |(id, client): (&String, &mut Client)| {
                client.unseen.look().then(|| AppClientSummary { id: id.clone(), name: client.name.clone() })
            };
            Ok(state.pool_mut(&pool_id)?.clients.iter_mut().filter_map(show).collect())
        })
    }

    async fn describe_app_client(&self, wanted: AppClientRef) -> Result<Option<AppClient>, CallError> {
        let act = |state: &mut State| Ok(state.describe_app_client(&wanted));
        self.cognito("DescribeUserPoolClient", Read, &wanted.pool_id, act)
    }

    async fn app_client_secret(&self, wanted: AppClientRef) -> Result<Option<Secret<String>>, CallError> {
        let act = |state: &mut State| Ok(state.describe_app_client(&wanted));
        let client = self.cognito("DescribeUserPoolClient", Read, &wanted.pool_id, act)?;
        // Nobody checks it; it only has to look like one and stay the same.
        Ok(client.map(|client| Secret::new(format!("practice-secret-of-{}", client.id))))
    }

    async fn create_app_client(&self, new: NewAppClient) -> Result<String, CallError> {
        let pool_id = new.pool_id.clone();
        self.cognito("CreateUserPoolClient", Write, &pool_id, |state| state.create_app_client(new))
    }

    async fn update_app_client(&self, change: AppClientUpdate) -> Result<(), CallError> {
        let pool_id = change.pool_id.clone();
        self.cognito("UpdateUserPoolClient", Write, &pool_id, |state| state.update_app_client(change))
    }

    async fn delete_app_client(&self, gone: AppClientRef) -> Result<(), CallError> {
        self.cognito("DeleteUserPoolClient", Write, &gone.pool_id, |state| {
            let removed = state.pool_mut(&gone.pool_id)?.clients.remove(&gone.id);
            removed.map(|_| ()).ok_or_else(|| no_client(&gone.id))
        })
    }

    async fn describe_domain(&self, prefix: String) -> Result<Option<Domain>, CallError> {
        self.cognito("DescribeUserPoolDomain", Read, "*", |state| Ok(state.describe_domain(&prefix)))
    }

    async fn create_domain(&self, pair: PoolDomain) -> Result<(), CallError> {
        let pool_id = pair.pool_id.clone();
        self.cognito("CreateUserPoolDomain", Write, &pool_id, |state| state.create_domain(pair))
    }

    async fn delete_domain(&self, pair: PoolDomain) -> Result<(), CallError> {
        self.cognito("DeleteUserPoolDomain", Write, &pair.pool_id, |state| state.delete_domain(&pair))
    }
}
