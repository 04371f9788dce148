//! A commented configuration file with every key, for `config init`.

use std::fmt::Write;

use super::keys::{Fallback, KEYS, Key, Kind};
use crate::{
    AccountId, DeploymentId, Region,
    ids::{SubnetId, VpcId},
};

/// What could be found out about the account before there is a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// An id that somebody chose.
    pub deployment_id: Option<DeploymentId>,
    /// The Region of the profile or the environment.
    pub region: Option<Region>,
    /// The account that the credentials are of.
    pub account_id: Option<AccountId>,
    /// The default VPC.
    pub vpc_id: Option<VpcId>,
    /// A public subnet of it.
    pub subnet_id: Option<SubnetId>,
}

/// The file as text. What is required and was not discovered is left empty and says so.
pub fn template(discovered: &Discovered) -> String {
    let mut out = String::from(
        "# Configuration of sre-agent-deploy. Every key is here with its default.\n\
         # Flags win over environment variables, those over this file, and this file over the defaults.\n\
         # `sre-agent-deploy --validate-only --config FILE` checks it without touching anything.\n\
         # Secrets do not belong here: they are made where they are used or read from AWS.\n",
    );
    let mut open: Vec<&str> = Vec::new();
    for key in KEYS {
        let parts: Vec<&str> = key.path.split('.').collect();
        let Some((name, sections)) = parts.split_last() else { continue };
        if sections != open.as_slice() {
            let shared = sections.iter().zip(&open).take_while(|(new, old)| new == old).count();
            for (depth, section) in sections.iter().enumerate().skip(shared) {
                // `gateway: null` has been written; what could stand in it follows as comments.
                if *section != "gateway" {
                    let gap = if depth == 0 { "\n" } else { "" };
                    line(&mut out, gap, depth, &format!("{section}:"));
                }
            }
            if sections.is_empty() {
                out.push('\n');
            }
            open = sections.to_vec();
        } else if sections.is_empty() {
            out.push('\n');
        }
        write_key(&mut out, key, name, sections.len(), discovered);
    }
    out
}

fn write_key(out: &mut String, key: &Key, name: &str, depth: usize, discovered: &Discovered) {
    line(out, "", depth, &format!("# {}", key.description));
    if let Some(note) = note(key) {
        line(out, "", depth, &format!("# {note}"));
    }
    if key.path.starts_with("gateway.") {
        line(out, "", depth, &format!("# {name}: {}", key.example));
        return;
    }
    let value = value(key, discovered);
    match value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        // One line for each entry, so that they can be edited apart.
        Some(entries) => {
            line(out, "", depth, &format!("{name}:"));
            for entry in entries.split(", ") {
                line(out, "", depth.saturating_add(1), entry);
            }
        }
        None => line(out, "", depth, &format!("{name}: {value}")),
    }
    if key.kind == Kind::Section {
        line(out, "", depth, "# To have one, put the keys below that you need in place of `null`:");
    }
}

fn line(out: &mut String, gap: &str, depth: usize, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{gap}{:indent$}{text}", "", indent = depth.saturating_mul(2));
}

fn note(key: &Key) -> Option<String> {
    match (key.fallback, key.kind) {
        (Fallback::Required, Kind::Version) => None,
        (Fallback::Required, _) => Some("Required.".to_owned()),
        (Fallback::Nothing(meaning), _) => Some(format!("null: {meaning}.")),
        (Fallback::Derived(rule), Kind::Choice(choices)) => {
            Some(format!("{}; null: {rule}.", choices.join(" | ")))
        }
        (Fallback::Derived(rule), _) => Some(format!("null: {rule}.")),
        (Fallback::Value { .. }, Kind::Choice(choices)) => Some(format!("{}.", choices.join(" | "))),
        (Fallback::Value { .. }, _) => None,
    }
}

fn value(key: &Key, discovered: &Discovered) -> String {
    let found = match key.path {
        "deployment.id" => discovered.deployment_id.as_ref().map(ToString::to_string),
        "aws.region" => discovered.region.as_ref().map(ToString::to_string),
        "aws.account_id" => discovered.account_id.as_ref().map(|id| format!("\"{id}\"")),
        "network.vpc_id" => discovered.vpc_id.as_ref().map(ToString::to_string),
        "network.subnet_id" => discovered.subnet_id.as_ref().map(ToString::to_string),
        // Nothing can discover it, and without it the file would not be a valid one; the placeholder is warned about.
        "tls.domain" => Some(key.example.to_owned()),
        _ => None,
    };
    found.unwrap_or_else(|| match (key.fallback, key.kind) {
        (Fallback::Value { yaml, .. }, _) => yaml.to_owned(),
        (_, Kind::Version) => super::VERSION.to_string(),
        _ => "null".to_owned(),
    })
}
