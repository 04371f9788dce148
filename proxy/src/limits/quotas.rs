//! Which quota counts for a caller: the first override that matches among callers, then client ids, then groups, else
//! the default.

use std::collections::HashMap;

use crate::{
    auth::Caller,
    config::{Auth, Limits, Quota, Who},
};

/// The quotas of the configuration, to be looked up by caller.
#[derive(Debug, Clone)]
pub struct Quotas {
    default: Quota,
    callers: HashMap<String, Quota>,
    clients: HashMap<String, Quota>,
    groups: Vec<(String, Quota)>,
}

impl Quotas {
    /// An override for `caller: NAME` means the API key of that name where there is one, else the `sub` NAME of any
    /// issuer. `key:NAME`, `sub:NAME` and `sub:NAME@ISSUER` say exactly who is meant, as in [`Caller::id`].
    pub fn new(limits: &Limits, auth: &Auth) -> Self {
        let mut quotas = Self {
            default: limits.default,
            callers: HashMap::new(),
            clients: HashMap::new(),
            groups: Vec::new(),
        };
        for entry in &limits.overrides {
            match &entry.who {
                Who::Caller(name) => {
                    quotas.callers.entry(caller_id(name, auth)).or_insert(entry.quota);
                }
                Who::ClientId(id) => {
                    quotas.clients.entry(id.clone()).or_insert(entry.quota);
                }
                // Few, and their order decides for a caller who is in several.
                Who::Group(name) => quotas.groups.push((name.clone(), entry.quota)),
            }
        }
        quotas
    }

    /// What this caller may use.
    pub fn of(&self, caller: &Caller) -> Quota {
        let by_caller = || self.callers.get(&*caller.id).or_else(|| self.callers.get(anywhere(&caller.id)));
        let by_client = || self.clients.get(&**caller.client_id.as_ref()?);
        let by_group = || {
            let first = self.groups.iter().find(|(group, _)| caller.groups.contains(group));
            first.map(|(_, quota)| quota)
        };
        by_caller().or_else(by_client).or_else(by_group).copied().unwrap_or(self.default)
    }
}

/// The id without the issuer. A `sub` has no `@` of its own in an id; a key's name may.
fn anywhere(id: &str) -> &str {
    match id.split_once('@') {
        Some((subject, _)) if id.starts_with("sub:") => subject,
        _ => id,
    }
}

fn caller_id(name: &str, auth: &Auth) -> String {
    if name.starts_with("key:") || name.starts_with("sub:") {
        name.to_owned()
    } else if auth.api_keys.iter().any(|key| key.name == name) {
        Caller::id_of_key(name)
    } else {
        Caller::id_of_subject(name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{ApiKey, LimitStore, Override};

    fn quota(requests_per_minute: u32) -> Quota {
        Quota { requests_per_minute, tokens_per_hour: 1, concurrent_requests: 1 }
    }

    fn caller(id: &str, client_id: Option<&str>, groups: &[&str]) -> Caller {
        Caller {
            id: id.into(),
            client_id: client_id.map(Into::into),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn the_most_specific_override_counts() {
        let entry = |who, requests| Override { who, quota: quota(requests) };
        let limits = Limits {
            default: quota(100),
            overrides: vec![
                entry(Who::Group("admins".to_owned()), 1),
                entry(Who::Group("robots".to_owned()), 2),
                entry(Who::ClientId("app".to_owned()), 3),
                entry(Who::Caller("alice".to_owned()), 4),
                entry(Who::Caller("ci".to_owned()), 5),
                entry(Who::Caller("sub:bob@https://b.example".to_owned()), 6),
                entry(Who::Caller("alice".to_owned()), 99),
            ],
            store: LimitStore::Memory,
        };
        let auth = Auth {
            issuers: Vec::new(),
            api_keys: vec![ApiKey { name: "ci".to_owned(), sha256: [0; 32], groups: Vec::new() }],
            leeway: Duration::ZERO,
        };
        let quotas = Quotas::new(&limits, &auth);
        for (caller, expected) in [
            (caller("sub:x", None, &[]), 100),
            (caller("sub:x", None, &["robots", "admins"]), 1),
            (caller("sub:x", Some("app"), &["admins"]), 3),
            (caller("sub:alice", Some("app"), &["admins"]), 4),
            (caller("sub:alice@https://b.example", None, &[]), 4),
            (caller("key:ci", None, &[]), 5),
            // A subject that is called like a key is not the key.
            (caller("sub:ci", None, &[]), 100),
            (caller("sub:bob@https://b.example", None, &[]), 6),
            (caller("sub:bob", None, &[]), 100),
        ] {
            assert_eq!(quotas.of(&caller).requests_per_minute, expected, "{caller:?}");
        }
    }
}
