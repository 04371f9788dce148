//! Resource Groups Tagging API: resources by tag.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use cloud::CallError;
use cloud::port::tagging::{TagQuery, TaggedResource, Tagging};

use crate::error::{absent, failed};
use crate::tags::from_pairs;

const SERVICE: &str = "tag";

/// The port over `aws-sdk-resourcegroupstagging`.
pub(crate) struct AwsTagging(Client);

impl AwsTagging {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Tagging for AwsTagging {
    async fn get_resources(&self, query: TagQuery) -> Result<Vec<TaggedResource>, CallError> {
        const OPERATION: &str = "GetResources";
        let types = Some(query.resource_types).filter(|types| !types.is_empty());
        let mut items = self
            .0
            .get_resources()
            .tag_filters(TagFilter::builder().key(query.key).values(query.value).build())
            .set_resource_type_filters(types)
            .into_paginator()
            .items()
            .send();
        let mut resources = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, OPERATION))?;
            let arn =
                item.resource_arn().ok_or_else(|| absent(SERVICE, OPERATION, "ResourceARN"))?.to_owned();
            let tags = from_pairs(item.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
            resources.push(TaggedResource { arn, tags });
        }
        Ok(resources)
    }
}
