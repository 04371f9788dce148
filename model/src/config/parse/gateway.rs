//! `gateway:`

use crate::{
    AccountId, Region,
    config::{
        Gateway, Tls, codes,
        fields::{Fields, Flaw, shown},
        host_name,
        problem::{Place, Problem},
    },
};

#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
pub(super) fn gateway(fields: &mut Fields, tls: Option<&Tls>) -> Option<Option<Gateway>> {
    if !fields.has_gateway {
        fields.record("gateway", serde_json::Value::Null);
        return Some(None);
    }
    let name = fields.text("gateway.name", |text| {
        check(
            text,
            is_gateway_name(text),
            "is no gateway name: up to 48 letters and digits with single hyphens",
            "sre-gateway",
        )
    });
    let role_name = fields.optional("gateway.role_name", |text| {
        check(
            text,
            is_role_name(text),
            "is no IAM role name: up to 64 of letters, digits and `_+=,.@-`",
            "sre-gateway-role",
        )
    });
    let endpoint_url = fields.optional("gateway.endpoint_url", |text| {
        check(
            text,
            host_name::is_https_url(text),
            "is not an https URL",
            "https://bedrock-agentcore-control.us-east-1.amazonaws.com",
        )
    });
    let s3_bucket = fields.optional("gateway.s3_bucket", |text| {
        let rule = "is no bucket name: 3 to 63 of a-z, 0-9, hyphen and dot, with a letter or digit at both ends, \
                    and none of AWS's reserved beginnings and endings";
        check(text, is_bucket_name(text), rule, "sre-agent-schemas")
    });
    let s3_path_prefix = fields.text("gateway.s3_path_prefix", |text| {
        check(
            text,
            is_path_prefix(text),
            "is no path in a bucket: parts joined by single `/`, none at the ends",
            "sre-agent",
        )
    });
    let provider_arn = fields.optional("gateway.provider_arn", |text| {
        let example = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/backend";
        check(text, is_provider_arn(text), "is not the ARN of an API key credential provider", example)
    });
    if let Some(Tls { domain: None, .. }) = tls {
        let place = Place { path: "gateway".to_owned(), ..fields.place("gateway.name") };
        fields.report(
            Problem::error(
                codes::TLS_DOMAIN,
                &place,
                "the gateway reaches its backends by a name, and there is none",
            )
            .suggestion("give `tls.domain`, or write `gateway: null`")
            .example("domain: api.example.com"),
        );
        return None;
    }
    Some(Some(Gateway {
        name: name?,
        role_name: role_name?,
        endpoint_url: endpoint_url?,
        s3_bucket: s3_bucket?,
        s3_path_prefix: s3_path_prefix?,
        provider_arn: provider_arn?,
    }))
}

fn check(text: &str, valid: bool, rule: &str, example: &str) -> Result<String, Flaw> {
    if valid {
        Ok(text.to_owned())
    } else {
        Err(Flaw::new(codes::INVALID_GATEWAY, format!("{} {rule}", shown(text))).example(example))
    }
}

/// AWS's `([0-9a-zA-Z][-]?){1,48}`.
fn is_gateway_name(text: &str) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    (1..=48).contains(&letters)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.contains("--")
}

fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

/// S3's rules for general purpose buckets.
fn is_bucket_name(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && text.starts_with(edge)
        && text.ends_with(edge)
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|reserved| text.starts_with(reserved))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|reserved| text.ends_with(reserved))
}

fn is_path_prefix(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!_.*'()-".contains(&b))
    };
    text.len() <= 512 && text.split('/').all(part)
}

fn is_provider_arn(text: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let names: Vec<&str> = resource.split('/').collect();
    let [vaults, vault, providers, provider] = names.as_slice() else { return false };
    *arn == "arn"
        && matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
        && word(service)
        && Region::parse(region).is_ok()
        && AccountId::parse(account).is_ok()
        && *vaults == "token-vault"
        && word(vault)
        && *providers == "apikeycredentialprovider"
        && word(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_of_aws_are_kept() {
        assert!(
            is_gateway_name("sre-gateway-")
                && is_gateway_name(&"a".repeat(48))
                && is_gateway_name(&"a-".repeat(48))
        );
        assert!(
            !is_gateway_name("")
                && !is_gateway_name("-a")
                && !is_gateway_name("a--b")
                && !is_gateway_name(&"a".repeat(49))
        );
        for good in ["abc", "sre-agent.schemas", "1ab"] {
            assert!(is_bucket_name(good), "{good}");
        }
        for bad in ["ab", "Abc", "a..b", "-ab", "ab-", "10.0.0.1", "xn--abc", "my-s3alias", "a_b"] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
        assert!(
            is_path_prefix("sre-agent/v1")
                && !is_path_prefix("/a")
                && !is_path_prefix("a/")
                && !is_path_prefix("")
        );
        let arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/backend";
        assert!(is_provider_arn(arn));
        assert!(!is_provider_arn(&arn.replace("token-vault", "vault")) && !is_provider_arn("arn:aws:x"));
    }
}
