//! What the calls of the REST services are named: their names are in no request. What is not known here goes by method and
//! path, and counts as a change unless it only gets something.

use std::borrow::Cow;

/// Method, parts of the path, and query of a request's first line.
fn parts(start: &str) -> (&str, Vec<&str>, &str) {
    let mut words = start.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (method, path.split('/').filter(|part| !part.is_empty()).collect(), query)
}

fn unknown(method: &str, parts: &[&str]) -> String {
    let method = if method == "GET" { "Get" } else { method };
    format!("{method} /{}", parts.join("/"))
}

/// S3 with the bucket in the path.
pub(super) fn s3(start: &str) -> String {
    let (method, parts, query) = parts(start);
    let key = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let of_bucket = query.split('&').map(key).find_map(|name| {
        Some(match name.as_str() {
            "policy" => "BucketPolicy",
            "tagging" => "BucketTagging",
            "encryption" => "BucketEncryption",
            "publicAccessBlock" => "PublicAccessBlock",
            "location" => "BucketLocation",
            "delete" => "Objects",
            _ => return None,
        })
    });
    match (method, parts.as_slice(), of_bucket) {
        ("GET", [], _) => "ListBuckets".to_owned(),
        ("GET", [_], None) => "ListObjectsV2".to_owned(),
        ("PUT", [_], None) => "CreateBucket".to_owned(),
        ("POST", [_], Some(what)) => format!("Delete{what}"),
        (_, [_], what) => format!("{}{}", verb(method), what.unwrap_or("Bucket")),
        (_, [_, _, ..], None) => format!("{}Object", verb(method)),
        _ => unknown(method, &parts),
    }
}

/// The control plane of AgentCore.
pub(super) fn agentcore(start: &str) -> String {
    let (method, parts, _) = parts(start);
    let what: Cow<'_, str> = match (method, parts.as_slice()) {
        (_, ["identities", operation]) => (*operation).into(),
        ("GET", ["tags", ..]) => "ListTagsForResource".into(),
        ("GET", ["gateways"]) => "ListGateways".into(),
        ("GET", ["gateways", _, "targets"]) => "ListGatewayTargets".into(),
        (_, ["gateways"]) => "CreateGateway".into(),
        (_, ["gateways", _, "targets"]) => "CreateGatewayTarget".into(),
        (_, ["gateways", _]) => format!("{}Gateway", change(method)).into(),
        (_, ["gateways", _, "targets", _]) => format!("{}GatewayTarget", change(method)).into(),
        ("POST", ["memories"]) => "ListMemories".into(),
        (_, ["memories", "create"]) => "CreateMemory".into(),
        (_, ["memories", _, _]) => format!("{}Memory", change(method)).into(),
        ("POST", ["runtimes"]) => "ListAgentRuntimes".into(),
        (_, ["runtimes"]) => "CreateAgentRuntime".into(),
        (_, ["runtimes", _]) => format!("{}AgentRuntime", change(method)).into(),
        _ => unknown(method, &parts).into(),
    };
    what.into_owned()
}

/// How S3 begins what a method does.
fn verb(method: &str) -> &'static str {
    match method {
        "GET" => "Get",
        "HEAD" => "Head",
        "DELETE" => "Delete",
        _ => "Put",
    }
}

/// How AgentCore begins what a method does with something that has an id.
fn change(method: &str) -> &'static str {
    match method {
        "GET" => "Get",
        "DELETE" => "Delete",
        _ => "Update",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_aws() {
        for (start, name) in [
            ("GET / HTTP/1.1", "ListBuckets"),
            ("HEAD /bucket HTTP/1.1", "HeadBucket"),
            ("PUT /bucket HTTP/1.1", "CreateBucket"),
            ("PUT /bucket?policy HTTP/1.1", "PutBucketPolicy"),
            ("GET /bucket?list-type=2&prefix=a HTTP/1.1", "ListObjectsV2"),
            ("GET /bucket/?publicAccessBlock HTTP/1.1", "GetPublicAccessBlock"),
            ("POST /bucket?delete HTTP/1.1", "DeleteObjects"),
            ("PUT /bucket/a/b.yaml?x-id=PutObject HTTP/1.1", "PutObject"),
            ("DELETE /bucket HTTP/1.1", "DeleteBucket"),
            ("PATCH / HTTP/1.1", "PATCH /"),
        ] {
            assert_eq!(s3(start), name, "{start}");
        }
        for (start, name) in [
            ("POST /identities/CreateApiKeyCredentialProvider HTTP/1.1", "CreateApiKeyCredentialProvider"),
            ("GET /tags/arn%3Aaws%3Ax HTTP/1.1", "ListTagsForResource"),
            ("GET /gateways/?maxResults=1 HTTP/1.1", "ListGateways"),
            ("POST /gateways/ HTTP/1.1", "CreateGateway"),
            ("PUT /gateways/a-1/ HTTP/1.1", "UpdateGateway"),
            ("GET /gateways/a-1/targets/ HTTP/1.1", "ListGatewayTargets"),
            ("DELETE /gateways/a-1/targets/b/ HTTP/1.1", "DeleteGatewayTarget"),
            ("POST /memories/ HTTP/1.1", "ListMemories"),
            ("POST /memories/create HTTP/1.1", "CreateMemory"),
            ("GET /memories/m-1/details HTTP/1.1", "GetMemory"),
            ("PUT /runtimes/ HTTP/1.1", "CreateAgentRuntime"),
            ("GET /elsewhere HTTP/1.1", "Get /elsewhere"),
        ] {
            assert_eq!(agentcore(start), name, "{start}");
        }
    }
}
