//! The tagging API: what carries a tag, over the services that take part. IAM does not.

use async_trait::async_trait;
use model::tags::Tags;

use crate::CallError;
use crate::hook::Access::Read;
use crate::port::ec2::InstanceState;
use crate::port::tagging::{TagQuery, TaggedResource, Tagging};

use super::desk::Desk;
use super::state::State;

/// The name of a type for the tagging API, with the start of its ARN's resource part.
const GROUPS: (&str, &str) = ("ec2:security-group", "security-group");
const INSTANCES: (&str, &str) = ("ec2:instance", "instance");
const VOLUMES: (&str, &str) = ("ec2:volume", "volume");
const ADDRESSES: (&str, &str) = ("ec2:elastic-ip", "elastic-ip");

impl State {
    fn get_resources(&mut self, query: &TagQuery) -> Vec<TaggedResource> {
        let carries = |tags: &Tags| tags.get(&query.key) == Some(&query.value);
        let wanted = |kind: &str| {
            let named = |asked: &String| {
                asked == kind || kind.strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with(':'))
            };
            query.resource_types.is_empty() || query.resource_types.iter().any(named)
        };
        let mut found: Vec<(String, Tags)> = Vec::new();
        let ec2 = |prefix: &str, id: &str| format!("ec2 {prefix}/{id}");
        if wanted(GROUPS.0) {
            for (id, group) in &mut self.groups {
                if carries(&group.tags) && group.unseen.look_by_tag() {
                    found.push((ec2(GROUPS.1, id), group.tags.clone()));
                }
            }
        }
        for (id, instance) in &mut self.instances {
            if instance.state == InstanceState::Terminated || !carries(&instance.tags) {
                continue;
            }
            if !(wanted(INSTANCES.0) || wanted(VOLUMES.0)) || !instance.unseen.look_by_tag() {
                continue;
            }
            if wanted(INSTANCES.0) {
                found.push((ec2(INSTANCES.1, id), instance.tags.clone()));
            }
            if let Some(volume) = self.volumes.get(&instance.volume_id).filter(|_| wanted(VOLUMES.0)) {
                found.push((ec2(VOLUMES.1, &instance.volume_id), volume.tags.clone()));
            }
        }
        if wanted(ADDRESSES.0) {
            for (id, address) in &mut self.addresses {
                if carries(&address.tags) && address.unseen.look_by_tag() {
                    found.push((ec2(ADDRESSES.1, id), address.tags.clone()));
                }
            }
        }
        if wanted("cognito-idp:userpool") {
            for (id, pool) in &mut self.pools {
                if carries(&pool.tags) && pool.unseen.look_by_tag() {
                    found.push((format!("cognito-idp userpool/{id}"), pool.tags.clone()));
                }
            }
        }
        let mut answer: Vec<TaggedResource> = found
            .into_iter()
            .filter_map(|(place, tags)| {
                let (service, resource) = place.split_once(' ')?;
                Some(TaggedResource { arn: self.arn(service, resource), tags })
            })
            .collect();
        if wanted("acm:certificate") {
            for (arn, certificate) in &mut self.certificates {
                if carries(&certificate.tags) && certificate.unseen.look_by_tag() {
                    answer.push(TaggedResource { arn: arn.clone(), tags: certificate.tags.clone() });
                }
            }
        }
        if wanted("s3") {
            for (name, bucket) in &mut self.buckets {
                if bucket.owner.is_none() && carries(&bucket.tags) && bucket.unseen.look_by_tag() {
                    let arn = format!("arn:{}:s3:::{name}", self.region.partition());
                    answer.push(TaggedResource { arn, tags: bucket.tags.clone() });
                }
            }
        }
        if wanted("ssm:parameter") {
            let start = self.arn("ssm", "parameter");
            for (name, own) in &mut self.own_parameters {
                if carries(&own.tags) && own.unseen.look_by_tag() {
                    answer.push(TaggedResource { arn: format!("{start}{name}"), tags: own.tags.clone() });
                }
            }
        }
        answer
    }
}

#[async_trait]
impl Tagging for Desk {
    async fn get_resources(&self, query: TagQuery) -> Result<Vec<TaggedResource>, CallError> {
        self.call("tag", "GetResources", Read, "*", |state| Ok(state.get_resources(&query)))
    }
}
