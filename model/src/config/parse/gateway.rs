//! `gateway:`

use crate::{
    AccountId, Region,
    config::{
        Gateway, RuntimeArtifact, Tls, codes,
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
    let routing_domain = fields.optional("gateway.routing_domain", |text| {
        let text = text.to_ascii_lowercase();
        check(&text, host_name::is_host_name(&text), "is not a host name", "backends.example.com")
    });
    let memory_days = fields
        .optional_number("gateway.memory_days")
        .map(|days| days.and_then(|days| u32::try_from(days).ok()));
    let runtime = fields.optional("gateway.runtime", artifact);
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
        routing_domain: routing_domain?,
        memory_days: memory_days?,
        runtime: runtime?,
    }))
}

fn artifact(text: &str) -> Result<RuntimeArtifact, Flaw> {
    if let Some((bucket, key)) = text.strip_prefix("s3://").and_then(|place| place.split_once('/'))
        && is_bucket_name(bucket)
        && (1..=1024).contains(&key.len())
        && !key.contains(char::is_control)
    {
        return Ok(RuntimeArtifact::Code { bucket: bucket.to_owned(), key: key.to_owned() });
    }
    check(
        text,
        is_image(text),
        "is neither an image in ECR with its tag or digest nor an object `s3://BUCKET/KEY`",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1",
    )
    .map(RuntimeArtifact::Image)
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY`, and `:TAG` or `@sha256:DIGEST`. Without either it would be `latest`,
/// which changes under a deployment.
fn is_image(text: &str) -> bool {
    let Some((host, path)) = text.split_once('/') else { return false };
    let Some((account, rest)) = host.split_once(".dkr.ecr.") else { return false };
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"));
    let (repository, version) = match path.split_once('@') {
        Some((repository, digest)) => {
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let is_digest = digest
                .strip_prefix("sha256:")
                .is_some_and(|digest| digest.len() == 64 && digest.bytes().all(hex));
            (repository, is_digest)
        }
        None => path.split_once(':').map_or((path, false), |(repository, tag)| {
            let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            let is_tag =
                (1..=128).contains(&tag.len()) && tag.bytes().all(letter) && !tag.starts_with(['.', '-']);
            (repository, is_tag)
        }),
    };
    let letter =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-' | b'/');
    version
        && AccountId::parse(account).is_ok()
        && region.is_some_and(|region| Region::parse(region).is_ok())
        && (2..=256).contains(&repository.len())
        && repository.bytes().all(letter)
        && repository.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
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

    #[test]
    fn a_runtime_runs_an_image_or_a_zip_file() {
        let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let digest = format!("{registry}/team/agent@sha256:{}", "0a".repeat(32));
        for image in [&format!("{registry}/agent:v1.2"), &digest] {
            assert_eq!(artifact(image), Ok(RuntimeArtifact::Image(image.clone())));
        }
        let code = RuntimeArtifact::Code { bucket: "my-code".to_owned(), key: "a/b.zip".to_owned() };
        assert_eq!(code.uri(), "s3://my-code/a/b.zip");
        assert_eq!(artifact(&code.uri()), Ok(code));
        let bad = [
            format!("{registry}/agent"),
            format!("{registry}/Agent:v1"),
            format!("{registry}/agent:"),
            format!("{registry}/agent@sha256:0a"),
            "docker.io/agent:v1".to_owned(),
            "123.dkr.ecr.eu-west-1.amazonaws.com/agent:v1".to_owned(),
            "s3://my-code/".to_owned(),
            "s3://My/a.zip".to_owned(),
            String::new(),
        ];
        for bad in bad {
            assert!(artifact(&bad).is_err(), "{bad}");
        }
    }
}
