//! AWS's published examples, and the library that this code stands in for.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{self, SignableBody, SignableRequest, SigningSettings},
    sign::v4,
};
use http::Method;
use proptest::prelude::*;

use super::*;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Method, path, headers, body, signature.
type Example =
    (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = uri.parse().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

fn keys(token: Option<&str>) -> SigningKeys {
    SigningKeys::new(&Credentials::new(KEY_ID, SECRET, token.map(str::to_owned), None, "test")).unwrap()
}

fn authorization<B>(request: &Request<B>) -> &str {
    request.headers()[header::AUTHORIZATION].to_str().unwrap()
}

#[test]
fn published_examples_have_their_published_signatures() {
    // From AWS's Signature Version 4 test suite: 20150830T123600Z, us-east-1, `service`.
    let examples: &[Example] = &[
        ("GET", "/", &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "POST",
            "/",
            &[("my-header1", "value1")],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "POST",
            "/",
            &[("my-header1", "VALUE1")],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "POST",
            "/",
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "13"),
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
            ],
            "Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ];
    let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
    for (method, path, headers, body, expected) in examples {
        let mut request = request(method, &format!("https://example.amazonaws.com{path}"), headers);
        let scope = Scope { region: "us-east-1", service: "service" };
        keys(None).sign(&mut request, body.as_bytes(), scope, now).unwrap();
        let authorization = authorization(&request);
        assert!(
            authorization.ends_with(&format!("Signature={expected}")),
            "{method} {path}: {authorization}"
        );
        let scope = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ";
        assert!(authorization.contains(scope), "{authorization}");
    }
}

#[test]
fn the_published_example_with_a_session_token_has_its_signature() {
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    let mut request = request("GET", "https://example.amazonaws.com/", &[]);
    let scope = Scope { region: "us-east-1", service: "service" };
    let now = "2015-08-30T12:36:00Z".parse().unwrap();
    keys(Some(token)).sign(&mut request, b"", scope, now).unwrap();
    assert_eq!(
        authorization(&request),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    );
}

/// What `aws-sigv4` makes of the same request.
fn oracle(
    request: &Request<()>,
    body: &[u8],
    token: Option<&str>,
    scope: Scope<'_>,
    now: Timestamp,
) -> String {
    let identity = Credentials::new(KEY_ID, SECRET, token.map(str::to_owned), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Bytes(body),
    )
    .unwrap();
    let (instructions, _) = http_request::sign(signable, &params).unwrap().into_parts();
    let mut signed = request.clone();
    instructions.apply_to_request_http1x(&mut signed);
    authorization(&signed).to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The requests of this proxy are signed as AWS's own library signs them.
    #[test]
    fn signatures_are_those_of_the_library(
        id in r"[a-z0-9.:/_~ %@+-]{1,60}",
        operation in "converse|converse-stream|invoke",
        port in prop::option::of(1_u16..),
        target in prop::option::of("[A-Za-z_]{1,30}\\.[A-Za-z]{1,20}"),
        body in prop::collection::vec(any::<u8>(), 0..2000),
        token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
        seconds in 0_i64..4_000_000_000,
        other_day in any::<bool>(),
    ) {
        let id = percent_encoding::utf8_percent_encode(&id, NON_ALPHANUMERIC);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let uri = format!("https://bedrock-runtime.eu-west-1.amazonaws.com{port}/model/{id}/{operation}");
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(target.as_deref().map(|target| ("x-amz-target", target)));
        let unsigned = request("POST", &uri, &headers);
        let scope = Scope { region: "eu-west-1", service: "bedrock" };
        let now = Timestamp::from_second(seconds).unwrap();
        let keys = keys(token.as_deref());
        if other_day {
            // A key of another day is not used for this one.
            let before = Timestamp::from_second(seconds + 86_400).unwrap();
            keys.sign(&mut unsigned.clone(), &body, scope, before).unwrap();
        }
        // Derived by the first, found by the second.
        for _ in 0..2 {
            let mut signed = unsigned.clone();
            keys.sign(&mut signed, &body, scope, now).unwrap();
            let expected = oracle(&unsigned, &body, token.as_deref(), scope, now);
            prop_assert_eq!(authorization(&signed), expected);
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 8: neither the secret key nor a signed request shows what it holds.
    #[test]
    fn keys_do_not_show(secret in "[A-Za-z0-9/+]{40}", token in "[A-Za-z0-9+/=]{20,100}") {
        let credentials = Credentials::new(KEY_ID, secret.clone(), Some(token.clone()), None, "test");
        let keys = SigningKeys::new(&credentials).unwrap();
        let mut request = request("POST", "https://example.amazonaws.com/", &[]);
        let scope = Scope { region: "us-east-1", service: "bedrock" };
        keys.sign(&mut request, b"", scope, Timestamp::UNIX_EPOCH).unwrap();
        for shown in [format!("{keys:?}"), format!("{request:?}")] {
            prop_assert!(!shown.contains(&secret) && !shown.contains(&token), "{}", shown);
        }
    }
}
