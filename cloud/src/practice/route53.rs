//! Route 53: hosted zones, which come from outside, and text records in them.

use async_trait::async_trait;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::route53::{ChangeState, HostedZone, Route53, TxtChange, TxtQuery, TxtSet};

use super::desk::Desk;
use super::refusal::{Answer, Refusal, demand};
use super::state::{self, State, Zone, tick};

/// What one name may hold, quotation marks included (Route 53 developer guide, "TXT record type").
const LONGEST_VALUE: usize = 4000;

fn no_zone(id: &str) -> Refusal {
    Refusal::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
}

/// How Route 53 names the record set that a refusal is about.
fn tried(verb: &str, name: &str, why: &str) -> Refusal {
    let message = format!("[Tried to {verb} resource record set [name='{name}.', type='TXT'] but {why}]");
    Refusal::new("InvalidChangeBatch", message)
}

fn demand_set(zone: &Zone, name: &str, set: &TxtSet) -> Answer<()> {
    let inside = name.strip_suffix(zone.name.as_str()).is_some_and(|a| a.is_empty() || a.ends_with('.'));
    demand(inside, "InvalidChangeBatch", || {
        format!("[RRSet with DNS name {name}. is not permitted in zone {}.]", zone.name)
    })?;
    let is_quoted = |value: &String| {
        value.len() >= 2 && value.len() <= LONGEST_VALUE && value.starts_with('"') && value.ends_with('"')
    };
    let fits = !set.values.is_empty() && set.values.iter().all(is_quoted);
    demand(fits, "InvalidChangeBatch", || {
        "[Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation \
         marks)']"
            .to_owned()
    })?;
    let mut seen = set.values.clone();
    seen.sort();
    seen.dedup();
    demand(seen.len() == set.values.len(), "InvalidChangeBatch", || {
        format!("[Duplicate Resource Record: '{name}.']")
    })
}

impl State {
    fn zone(&mut self, id: &str) -> Answer<&mut Zone> {
        self.zones.get_mut(id).ok_or_else(|| no_zone(id))
    }

    fn change_txt(&mut self, change: TxtChange) -> Answer<String> {
        let zone = self.zone(&change.zone_id)?;
        let name = change.name;
        let now = zone.txt.get(&name);
        match (&change.before, now) {
            (None, None) => {}
            (None, Some(_)) => return Err(tried("create", &name, "it already exists")),
            (Some(_), None) => return Err(tried("delete", &name, "it was not found")),
            (Some(before), Some(now)) => {
                let same = before.ttl == now.ttl && before.values == now.values;
                if !same {
                    return Err(tried(
                        "delete",
                        &name,
                        "the values provided do not match the current values",
                    ));
                }
            }
        }
        if let Some(after) = change.after {
            demand_set(zone, &name, &after)?;
            zone.txt.insert(name, state::TxtSet { ttl: after.ttl, values: after.values });
        } else {
            demand(now.is_some(), "InvalidInput", || "a change batch has at least one change".to_owned())?;
            zone.txt.remove(&name);
        }
        let id = format!("C{}", self.next_hex().get(..20).unwrap_or_default().to_ascii_uppercase());
        self.zone_changes.insert(id.clone(), self.pace.settle);
        Ok(id)
    }

    fn get_change(&mut self, id: &str) -> Answer<ChangeState> {
        let left = self.zone_changes.get_mut(id).ok_or_else(|| {
            Refusal::new("NoSuchChange", format!("A change with id {id} could not be found"))
        })?;
        Ok(if tick(left) { ChangeState::InSync } else { ChangeState::Pending })
    }
}

#[async_trait]
impl Route53 for Desk {
    async fn list_hosted_zones(&self, (): ()) -> Result<Vec<HostedZone>, CallError> {
        self.call("route53", "ListHostedZones", Read, "*", |state| {
            let zone = |(id, zone): (&String, &Zone)| HostedZone {
                id: id.clone(),
                name: zone.name.clone(),
                is_private: zone.is_private,
            };
            Ok(state.zones.iter().map(zone).collect())
        })
    }

    async fn txt_set(&self, query: TxtQuery) -> Result<Option<TxtSet>, CallError> {
        let resource = format!("arn:aws:route53:::hostedzone/{}", query.zone_id);
        self.call("route53", "ListResourceRecordSets", Read, &resource, |state| {
            let set = state.zone(&query.zone_id)?.txt.get(&query.name);
            Ok(set.map(|set| TxtSet { ttl: set.ttl, values: set.values.clone() }))
        })
    }

    async fn change_txt(&self, change: TxtChange) -> Result<String, CallError> {
        let resource = format!("arn:aws:route53:::hostedzone/{}", change.zone_id);
        self.call("route53", "ChangeResourceRecordSets", Write, &resource, |state| state.change_txt(change))
    }

    async fn get_change(&self, id: String) -> Result<ChangeState, CallError> {
        let resource = format!("arn:aws:route53:::change/{id}");
        self.call("route53", "GetChange", Read, &resource, |state| state.get_change(&id))
    }
}
