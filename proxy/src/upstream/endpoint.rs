//! Where the AWS services are, and whether an override leads somewhere else.

use std::net::IpAddr;

use http::Uri;
use model::{Finding, Region, Severity};

/// `AWS_ENDPOINT_URL_...` and `endpoint_url` can send credentials and prompts to anybody.
const FOREIGN_ENDPOINT: &str = "SRE-PROXY-050";

/// The endpoint of a service in a Region, as AWS's rules make it.
pub(crate) fn regional(service: &str, region: &Region) -> Option<Uri> {
    let suffix = if region.as_str().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{suffix}").parse().ok()
}

/// A URL as the beginning of others.
pub(crate) fn base(uri: &Uri) -> String {
    uri.to_string().trim_end_matches('/').to_owned()
}

/// A warning where an endpoint is neither AWS's nor on this machine. `subject` is where it was configured.
pub(crate) fn foreign(subject: &str, endpoint: &Uri) -> Option<Finding> {
    let host = endpoint.host().unwrap_or_default();
    if is_loopback(host) || is_aws(host) {
        return None;
    }
    let message = format!("Requests go to `{host}`, which is neither AWS nor this machine.");
    let hint = "Make sure that you know who runs it: prompts and signed requests are sent there.";
    Some(Finding::new(FOREIGN_ENDPOINT, Severity::Warning, subject, message).hint(hint))
}

/// Whether a host is this machine by name or address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a host belongs to one of AWS's domains; VPC endpoints (`vpce.amazonaws.com`) do.
fn is_aws(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu"]
        .iter()
        .any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_follow_the_partition() {
        let at = |region| regional("bedrock-runtime", &Region::parse(region).unwrap()).unwrap().to_string();
        assert_eq!(at("us-east-1"), "https://bedrock-runtime.us-east-1.amazonaws.com/");
        assert_eq!(at("cn-north-1"), "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/");
    }

    #[test]
    fn only_strangers_are_warned_about() {
        let warned = |uri: &str| foreign("upstreams.b.endpoint_url", &uri.parse().unwrap()).is_some();
        for home in [
            "http://127.0.0.1:4566",
            "http://localhost",
            "http://[::1]:80",
            "https://vpce-1a2b-x.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
        ] {
            assert!(!warned(home), "{home}");
        }
        for stranger in [
            "https://bedrock.example.com",
            "https://amazonaws.com.example.com",
            "https://evilamazonaws.com",
            "http://10.0.0.1",
        ] {
            assert!(warned(stranger), "{stranger}");
        }
    }
}
