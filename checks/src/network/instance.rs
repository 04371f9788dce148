//! Which instance this is, by its own metadata (IMDSv2).
//!
//! Source: "Instance identity documents" and "Instance metadata categories" in the EC2 User Guide.

use std::time::Duration;

use model::Secret;
use serde::Deserialize;

use crate::remote::http::{HeaderName, Method, Options, Request, Url, fetch};

/// Facts about the instance that this runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFacts {
    /// `i-...`
    pub instance_id: String,
    /// Such as `t3.xlarge`.
    pub instance_type: String,
    /// Such as `us-east-1a`.
    pub availability_zone: String,
    /// The Region.
    pub region: String,
    /// The account, twelve digits.
    pub account_id: String,
    /// The VPC of its first interface.
    pub vpc_id: Option<String>,
    /// The subnet of its first interface.
    pub subnet_id: Option<String>,
    /// Its public IPv4 address.
    pub public_ip: Option<String>,
}

/// The document that AWS signs; only what is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    instance_id: String,
    instance_type: String,
    availability_zone: String,
    region: String,
    account_id: String,
}

/// Asks the service at `base`; each question may take `step`. None where there is no such service, or another one.
pub async fn collect(base: &Url, step: Duration) -> Option<InstanceFacts> {
    let options = Options { step, answer: step, body_limit: 64 << 10, ..Options::default() };
    let ttl = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
    let put = Request::new(Method::PUT, base.at("/latest/api/token"), "").header(ttl, "60");
    let answer = fetch(&put, &options).await.ok().filter(|whole| whole.status.is_success())?;
    let token = Secret::new(answer.text().trim().to_owned());
    let ask = async |path: &str| {
        let name = HeaderName::from_static("x-aws-ec2-metadata-token");
        let request = Request::get(base.at(path)).header(name, token.expose());
        let whole = fetch(&request, &options).await.ok().filter(|whole| whole.status.is_success())?;
        Some(whole.text().trim().to_owned())
    };
    let document: Document =
        serde_json::from_str(&ask("/latest/dynamic/instance-identity/document").await?).ok()?;
    let macs = ask("/latest/meta-data/network/interfaces/macs/").await;
    let mac =
        macs.as_deref().and_then(|macs| macs.lines().next()).map(|mac| mac.trim_end_matches('/').to_owned());
    let of_interface = async |what: &str| {
        ask(&format!("/latest/meta-data/network/interfaces/macs/{}/{what}", mac.as_deref()?)).await
    };
    Some(InstanceFacts {
        vpc_id: of_interface("vpc-id").await,
        subnet_id: of_interface("subnet-id").await,
        public_ip: ask("/latest/meta-data/public-ipv4").await,
        instance_id: document.instance_id,
        instance_type: document.instance_type,
        availability_zone: document.availability_zone,
        region: document.region,
        account_id: document.account_id,
    })
}
