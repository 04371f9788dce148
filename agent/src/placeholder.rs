//! What the sample ships where a value has to be put.

/// The gateway that the sample ships; it is somebody's and answers nobody else.
const SHIPPED_GATEWAY: &str = "https://sre-gateway-i7ge1zayhw.";

/// What the service for credential providers was called before it moved to AgentCore's own endpoint.
const OLD_PROVIDER_ENDPOINT: &str = ".prod.agent-credential-provider.cognito.aws.dev";

/// Whether nobody has put a value there yet.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let has_region =
        value == "REGION" || [".REGION.", ":REGION:", "//REGION."].iter().any(|part| value.contains(part));
    let begins =
        |text: &str| text.starts_with("your-") || text.starts_with("your_") || text.starts_with("yourdomain");
    value.contains("YOUR_")
        || has_region
        || begins(value)
        || value.split_once("://").is_some_and(|(_, rest)| begins(rest))
        || value.starts_with(SHIPPED_GATEWAY)
}

/// Whether it is an endpoint of credential providers that is no more.
pub(crate) fn is_old_endpoint(value: &str) -> bool {
    value.contains(OLD_PROVIDER_ENDPOINT)
}

/// Whether S3 would take it as the name of a bucket.
pub(crate) fn is_bucket(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().last().is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_recognised_and_what_is_real_is_not() {
        for shipped in [
            "YOUR_ACCOUNT_ID",
            "REGION",
            "https://bedrock-agentcore-control.REGION.amazonaws.com",
            "arn:aws:bedrock-agentcore:REGION:ACCOUNT_ID:token-vault/default/apikeycredentialprovider/x",
            "your-agentcore-schemas-bucket",
            "https://yourdomain.auth.us-west-2.amazoncognito.com",
            "your_gateway_access_token_here",
            "https://sre-gateway-i7ge1zayhw.gateway.bedrock-agentcore.us-east-1.amazonaws.com",
        ] {
            assert!(is_placeholder(shipped), "{shipped}");
        }
        for real in
            ["123456789012", "us-east-1", "MY-REGION-role", "https://you.auth.eu-west-1.amazoncognito.com"]
        {
            assert!(!is_placeholder(real), "{real}");
        }
    }

    #[test]
    fn a_message_is_no_bucket() {
        assert!(is_bucket("bedrock-agentcore-gateway-123456789012-sre"));
        for message in
            ["FailedtocreateS3bucket", "Failed to create S3 bucket", "ab", "-ab", "ab-", "", "a_bc"]
        {
            assert!(!is_bucket(message), "{message}");
        }
    }
}
