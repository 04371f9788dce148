//! What exists, told so that it does not depend on how it came to be.

use std::collections::BTreeSet;

use model::first_boot::Progress;
use model::tags::{KEY, Tags};
use serde_json::{Value, json};

use crate::port::ec2::Rule;

use super::agentcore::record::{Course, Gateway};
use super::state::{Address, Bucket, Certificate, Instance, Pool, State, TxtSet};

/// Everything that a port can change, one value for each thing, sorted by its text.
pub(super) fn of(state: &State) -> Vec<Value> {
    let groups = state.groups.values().map(|group| {
        json!({"type": "security-group", "name": group.name, "vpc": vpc(state, &group.vpc_id),
               "ingress": rules(&group.ingress), "egress": rules(&group.egress), "tags": group.tags})
    });
    let instances = state.instances.values().filter(|i| i.alive()).map(|i| instance(state, i));
    let addresses = state.addresses.values().map(|one| address(state, one));
    let roles = state.roles.iter().map(|(name, role)| {
        let policies: serde_json::Map<String, Value> = role
            .policies
            .iter()
            .map(|(name, one)| (name.clone(), plain_policy(state, &one.document)))
            .collect();
        json!({"type": "role", "name": name, "path": role.path, "trust": role.trust, "policies": policies,
               "attached": role.attached, "tags": role.tags})
    });
    let profiles = state.profiles.iter().map(|(name, profile)| {
        json!({"type": "instance-profile", "name": name, "path": profile.path, "role": profile.role,
               "tags": profile.tags})
    });
    let pools = state.pools.iter().map(|(id, one)| pool(state, id, one));
    let domains = state.domains.iter().map(|(prefix, domain)| {
        let holder = domain.pool_id.as_ref().map(|id| state.pools.get(id).map(|pool| pool.name.clone()));
        json!({"type": "domain", "name": prefix, "pool": holder})
    });
    let certificates = state.certificates.values().map(certificate);
    let buckets =
        state.buckets.iter().filter(|(_, one)| one.owner.is_none()).map(|(name, one)| bucket(name, one));
    let parameters = state.own_parameters.iter().map(|(name, one)| {
        let phase = Progress::parse(&one.value).map(|progress| progress.phase);
        json!({"type": "parameter", "name": name, "phase": phase, "tags": one.tags})
    });
    let records = state.zones.values().flat_map(|zone| {
        let record = |(name, set): (&String, &TxtSet)| {
            json!({"type": "text-record", "zone": zone.name, "name": name, "values": set.values})
        };
        zone.txt.iter().map(record).collect::<Vec<_>>()
    });
    let providers = state
        .providers
        .iter()
        .map(|(name, one)| json!({"type": "credential-provider", "name": name, "tags": one.tags}));
    let gateways =
        state.gateways.values().filter(|one| one.course != Course::Deleting).map(|one| gateway(state, one));
    let memories = state.memories.values().filter(|one| one.course != Course::Deleting).map(|one| {
        json!({"type": "memory", "name": one.name, "condition": condition(&one.course),
               "event_expiry_days": one.event_expiry_days,
               "strategies": one.strategies.iter().map(|(one, course)| json!([one, condition(course)])).collect::<Vec<_>>(), "tags": one.tags})
    });
    let runtimes = state.runtimes.values().filter(|one| one.course != Course::Deleting).map(|one| {
        json!({"type": "runtime", "name": one.name, "condition": condition(&one.course), "role": one.role_arn,
               "artifact": one.artifact, "environment": one.environment.keys().collect::<Vec<_>>(),
               "description": one.description, "tags": one.tags})
    });
    let mut all: Vec<Value> = groups
        .chain(buckets)
        .chain(parameters)
        .chain(instances)
        .chain(addresses)
        .chain(roles)
        .chain(profiles)
        .chain(pools)
        .chain(domains)
        .chain(certificates)
        .chain(records)
        .chain(providers)
        .chain(gateways)
        .chain(memories)
        .chain(runtimes)
        .collect();
    all.sort_by_cached_key(Value::to_string);
    all
}

fn name_tag(tags: &Tags) -> Option<&String> {
    tags.get("Name")
}

fn vpc<'a>(state: &State, id: &'a str) -> &'a str {
    if state.vpcs.get(id).is_some_and(|vpc| vpc.is_default) { "default" } else { id }
}

fn rules(rules: &BTreeSet<Rule>) -> Vec<String> {
    rules.iter().map(Rule::to_string).collect()
}

fn instance(state: &State, one: &Instance) -> Value {
    let groups: BTreeSet<&str> = one
        .group_ids
        .iter()
        .map(|id| state.groups.get(id).map_or(id.as_str(), |group| group.name.as_str()))
        .collect();
    let volume = state.volumes.get(&one.volume_id).map(|volume| {
        json!({"size_gb": volume.size_gb, "type": volume.kind, "encrypted": volume.encrypted,
               "tags": plain_tags(&volume.tags)})
    });
    let image = state.parameters.iter().find(|(_, id)| **id == one.image_id);
    let image = image.map_or(&one.image_id, |(parameter, _)| parameter);
    let subnet = state.subnets.get(&one.subnet_id).map(|subnet| {
        let side = if subnet.public_ips { "public" } else { "private" };
        format!("{side} {}", subnet.zone)
    });
    json!({"type": "instance", "name": name_tag(&one.tags), "instance_type": one.kind,
           "image": image, "vpc": vpc(state, &one.vpc_id), "subnet": subnet, "groups": groups,
           "profile": one.profile_arn, "imds_tokens_required": one.tokens_required,
           "imds_hop_limit": one.hop_limit, "protected": one.protected, "first_boot": one.boot.as_ref().map(|boot| &boot.parameter),
           "volume": volume, "tags": plain_tags(&one.tags)})
}

fn address(state: &State, one: &Address) -> Value {
    let holder = one
        .association
        .as_ref()
        .and_then(|association| state.instances.get(&association.instance_id))
        .filter(|instance| instance.alive())
        .map(|instance| name_tag(&instance.tags));
    json!({"type": "address", "name": name_tag(&one.tags), "instance": holder, "tags": one.tags})
}

fn pool(state: &State, id: &str, one: &Pool) -> Value {
    let servers: serde_json::Map<String, Value> =
        one.servers.iter().map(|(identifier, server)| (identifier.clone(), json!(server.scopes))).collect();
    let mut clients: Vec<Value> = one
        .clients
        .values()
        .map(|client| {
            json!({"name": client.name, "scopes": client.scopes,
                   "access_token_minutes": client.access_token_minutes})
        })
        .collect();
    clients.sort_by_cached_key(Value::to_string);
    let domain = state.domains.iter().find(|(_, domain)| domain.pool_id.as_deref() == Some(id));
    json!({"type": "user-pool", "name": one.name, "deletion_protection": one.protected,
           "admin_create_user_only": one.admin_create_user_only,
           "password_minimum_length": one.password_minimum_length,
           "password_all_classes": one.password_all_classes, "mfa": one.mfa, "resource_servers": servers,
           "clients": clients, "domain": domain.map(|(prefix, _)| prefix), "tags": one.tags})
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tags without digests of content, which may name what has another id in every history. Keys of attempts stay.
fn plain_tags(tags: &Tags) -> Tags {
    let plain = |(key, value): (&String, &String)| {
        let value = if key != KEY && is_digest(value) { "SHA256" } else { value };
        (key.clone(), value.to_owned())
    };
    tags.iter().map(plain).collect()
}

/// Keys without the digests in them, for the same reason.
fn plain_key(key: &str) -> String {
    key.split('/').map(|part| if is_digest(part) { "SHA256" } else { part }).collect::<Vec<_>>().join("/")
}

fn bucket(name: &str, one: &Bucket) -> Value {
    let objects: Vec<Value> =
        one.objects.iter().map(|(key, object)| json!({"key": plain_key(key), "size": object.size})).collect();
    json!({"type": "bucket", "name": name, "encryption": one.encryption, "blocked": one.blocked,
           "policy": one.policy, "objects": objects, "tags": one.tags})
}

/// A policy with the names of certificates in place of their ARNs, which are others in every history.
fn plain_policy(state: &State, document: &Value) -> Value {
    let mut text = document.to_string();
    for (arn, one) in &state.certificates {
        text = text.replace(arn.as_str(), &format!("certificate of {}", one.domain));
    }
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn certificate(one: &Certificate) -> Value {
    json!({"type": "certificate", "name": one.domain, "status": one.status, "in_use_by": one.in_use_by,
           "tags": one.tags})
}

/// What is on its way to be ready counts as ready.
fn condition(course: &Course) -> &str {
    if let Course::Failed(reason) = course { reason } else { "READY" }
}

fn gateway(state: &State, one: &Gateway) -> Value {
    let mut targets: Vec<Value> = one
        .targets
        .values()
        .filter(|target| target.course != Course::Deleting)
        .map(|target| {
            let settings = &target.settings;
            json!({"name": target.name, "condition": condition(&target.course), "schema": plain_key(&settings.schema_uri),
                   "provider": settings.provider_arn, "header": settings.header,
                   "private": settings.private_endpoint.is_some()})
        })
        .collect();
    targets.sort_by_cached_key(Value::to_string);
    let clients: BTreeSet<&str> = one
        .settings
        .allowed_clients
        .iter()
        .map(|id| {
            let client = state.pools.values().find_map(|pool| pool.clients.get(id));
            client.map_or(id.as_str(), |client| client.name.as_str())
        })
        .collect();
    let pool = state.pools.iter().find(|(id, _)| one.settings.discovery_url.contains(id.as_str()));
    json!({"type": "gateway", "name": one.name, "condition": condition(&one.course), "targets": targets,
           "role": one.settings.role_arn, "clients": clients, "scopes": one.settings.allowed_scopes,
           "issuer": pool.map(|(_, pool)| &pool.name), "tags": one.tags})
}
