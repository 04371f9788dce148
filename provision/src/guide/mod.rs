//! How a person makes a resource in the AWS Console: the page, the clicks, the words of its inputs, the values.
//!
//! The values come from what the automatic way wants, so a guide is one more view of it. Labels are those of the
//! Console as of 2025. Nothing here looks or asks: `guided` does.

mod certificate;
mod cognito;
mod gateway;
mod iam;
mod instance;
mod network;

use model::Region;
use model::guide::Entry;
use model::plan::{Fields, StepId};
use model::tags;
use serde_json::Value;

use crate::steps::{Context, Found, Want};

pub(crate) use certificate::certificate;
pub(crate) use cognito::{app_client, domain, resource_server, user_pool};
pub(crate) use gateway::{bucket, credential_provider, gateway, target};
pub(crate) use iam::{differences_of_policies, instance_profile, role};
pub(crate) use instance::{Launch, instance};
pub(crate) use network::{address, address_association, security_group};

/// How a person makes a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// What to make, in a few words.
    pub title: String,
    /// The Console's page.
    pub console: String,
    /// How to get there by clicking.
    pub path: Vec<String>,
    /// What to enter.
    pub values: Vec<Entry>,
    /// How it will be recognised: "by ...".
    pub finds: String,
    /// For each property, where it is put right.
    pub fixes: Vec<(&'static str, String)>,
    /// Properties that the calls cannot get wrong and a person can: compared as well.
    pub more: Fields,
}

/// Something that a person may have made.
#[derive(Debug, Clone, PartialEq)]
pub struct Handmade {
    /// What was found.
    pub found: Found,
    /// Whether it carries the tags that the guide has entered; otherwise only its name speaks for it.
    pub tagged: bool,
}

/// A page of the Console, under the name that it has in the Region's partition.
pub(crate) fn page(region: &Region, path: &str) -> String {
    let domain = match region.partition() {
        "aws-cn" => "amazonaws.cn",
        "aws-us-gov" => "amazonaws-us-gov.com",
        _ => "aws.amazon.com",
    };
    format!("https://{region}.console.{domain}/{path}")
}

/// A page of the EC2 Console.
fn ec2(region: &Region, place: &str) -> String {
    page(region, &format!("ec2/home?region={region}#{place}"))
}

fn clicks<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The tags that a person enters.
fn tag_entries(cx: &Context<'_>, step: StepId) -> Vec<Entry> {
    tags::by_hand(cx.deployment, step.as_str()).into_iter().map(|(key, value)| tag(&key, &value)).collect()
}

fn tag(key: &str, value: &str) -> Entry {
    Entry::new(format!("Tag {key}"), value)
}

/// How something with tags is recognised.
fn by_tag(cx: &Context<'_>, or: &str) -> String {
    format!("by the tag {} = {}{or}", tags::DEPLOYMENT, cx.deployment)
}

/// A property as it is entered.
fn text(want: &Want, field: &str) -> String {
    match want.fields.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// The items of a property that is a list.
fn items(want: &Want, field: &str) -> Vec<String> {
    let items = want.fields.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_true(want: &Want, field: &str) -> bool {
    want.fields.get(field) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_a_console_of_its_own() {
        let of = |region: &str| page(&Region::parse(region).expect("a Region"), "s3/home");
        assert_eq!(of("eu-west-1"), "https://eu-west-1.console.aws.amazon.com/s3/home");
        assert_eq!(of("cn-north-1"), "https://cn-north-1.console.amazonaws.cn/s3/home");
        assert_eq!(of("us-gov-west-1"), "https://us-gov-west-1.console.amazonaws-us-gov.com/s3/home");
    }
}
