//! Resource Groups Tagging API: resources by tag, over the services that take part (IAM roles do not).

use model::tags::Tags;

use crate::hook::port;

/// A tag and the value it must have, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagQuery {
    /// The tag's key.
    pub key: String,
    /// The tag's whole value.
    pub value: String,
    /// Types such as `cognito-idp:userpool`; empty for all.
    pub resource_types: Vec<String>,
}

/// A resource and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedResource {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
}

port! {
    /// Resource Groups Tagging API.
    "tag" Tagging {
        /// All resources of the Region that carry the tag; lags behind the services by seconds, sometimes minutes.
        Read "GetResources" get_resources(TagQuery) -> Vec<TaggedResource>;
    }
}
