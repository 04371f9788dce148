//! Which AWS call a request is.

use super::rest;
use crate::http::Message;

/// Operations whose names begin so change nothing.
const READS: [&str; 6] = ["Get", "List", "Describe", "Head", "Decode", "Simulate"];

/// An AWS call that passed the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// The service as IAM prefixes its actions: `ec2`, `cognito-idp`, `tag`.
    pub service: String,
    /// The operation as AWS spells it.
    pub operation: String,
    /// Whether it changes something. A dry run does not.
    pub mutating: bool,
}

impl RecordedCall {
    /// `None` for what is no AWS call, such as an emulator's own addresses.
    pub(crate) fn of(request: &Message) -> Option<Self> {
        let body = String::from_utf8_lossy(&request.body);
        let operation = operation(request, &body)?;
        let dry_run = form_value(&body, "DryRun").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mutating = !dry_run && !READS.iter().any(|read| operation.starts_with(read));
        Some(Self { service: service(request), operation, mutating })
    }
}

/// The three places in which AWS's protocols name an operation: a field (JSON), the path (RPC v2), the form (Query). REST
/// names none: there it is the method and the path.
fn operation(request: &Message, body: &str) -> Option<String> {
    if let Some(target) = request.field("x-amz-target") {
        return target.rsplit('.').next().map(str::to_owned);
    }
    let path = request.start.split(' ').nth(1)?;
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.split(['?', '/']).next().map(str::to_owned);
    }
    match service(request).as_str() {
        "s3" => Some(rest::s3(&request.start)),
        "bedrock-agentcore" => Some(rest::agentcore(&request.start)),
        _ => form_value(body, "Action").map(str::to_owned),
    }
}

/// A value of a form. Names of operations and flags are never escaped.
fn form_value<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

/// The service of a signature's scope: `Credential=KEY/20260101/us-east-1/ec2/aws4_request`.
fn service(request: &Message) -> String {
    let scope = request.field("authorization").and_then(|value| value.split_once("Credential="));
    let signed = scope.and_then(|(_, scope)| scope.split('/').nth(3)).unwrap_or_default();
    match signed {
        // Signed with another name than permissions are written with.
        "tagging" => "tag",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(start: &str, fields: &[(&str, &str)], body: &str) -> Message {
        Message {
            start: start.to_owned(),
            fields: fields.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn calls_of_every_protocol_are_known() {
        let signed = |service: &str| {
            format!("AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request, x")
        };
        let seen = |service: &str, path: &str, target: Option<&str>, body: &str| {
            let signature = signed(service);
            let fields: Vec<(&str, &str)> =
                [Some(("Authorization", signature.as_str())), target.map(|t| ("X-Amz-Target", t))]
                    .into_iter()
                    .flatten()
                    .collect();
            let call = RecordedCall::of(&request(&format!("POST {path} HTTP/1.1"), &fields, body)).unwrap();
            format!("{}:{} {}", call.service, call.operation, call.mutating)
        };
        assert_eq!(seen("ec2", "/", None, "Action=RunInstances&Version=1"), "ec2:RunInstances true");
        assert_eq!(seen("ec2", "/", None, "Action=RunInstances&DryRun=true"), "ec2:RunInstances false");
        assert_eq!(seen("iam", "/", None, "Action=GetRole&RoleName=a"), "iam:GetRole false");
        assert_eq!(
            seen("tagging", "/", Some("ResourceGroupsTaggingAPI_20170126.GetResources"), "{}"),
            "tag:GetResources false"
        );
        assert_eq!(
            seen("cognito-idp", "/", Some("AWSCognitoIdentityProviderService.CreateUserPool"), "{}"),
            "cognito-idp:CreateUserPool true"
        );
        assert_eq!(
            seen("ec2", "/service/AmazonEC2/operation/DescribeVpcs", None, ""),
            "ec2:DescribeVpcs false"
        );
        assert_eq!(seen("s3", "/bucket?delete", None, "<Delete/>"), "s3:DeleteObjects true");
        assert_eq!(
            seen("bedrock-agentcore", "/identities/GetApiKeyCredentialProvider", None, "{}"),
            "bedrock-agentcore:GetApiKeyCredentialProvider false"
        );
        assert_eq!(RecordedCall::of(&request("POST /moto-api/reset HTTP/1.1", &[], "")), None);
    }
}
