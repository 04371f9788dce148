//! The checks of a user pool: a real round trip with the stand-in issuer and with an emulator that nobody here wrote,
//! and answers that must not pass.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud_loopback::{Algorithm, Issuer, IssuerOptions};
use http::HeaderMap;
use model::{Secret, Severity};
use proptest::prelude::*;
use rustls::RootCertStore;
use serde_json::{Value, json};
use test_support::Ministack;

use super::judge::{self};
use super::jwt::{self, Claims, KeySet};
use super::{Client, Options, Run};
use crate::Moment;
use crate::endpoint::Manner;
use crate::endpoint::about::{About, Site};
use crate::endpoint::facts::{End, Reply};
use crate::report::Status;

#[expect(clippy::disallowed_methods, reason = "tokens are issued by the clock of the machine")]
fn now() -> Moment {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Moment::from_second(i64::try_from(seconds).unwrap())
}

fn manner() -> Manner {
    let manner = Manner::new(Arc::new(RootCertStore::empty()), now());
    Manner { step: Duration::from_secs(5), answer: Duration::from_secs(20), ..manner }
}

fn checked(options: &Options) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = runtime.block_on(super::check(options));
    let all = format!("{run:?}{}", serde_json::to_string(&run.result).unwrap());
    if let Ok(client) = &options.client {
        assert!(!all.contains(client.secret.expose()), "the secret is in what is said: {all}");
    }
    if let Some(token) = &run.token {
        assert!(!all.contains(token.expose().as_str()), "the token is in what is said: {all}");
        let signature = token.expose().rsplit('.').next().unwrap();
        assert!(!all.contains(signature), "the signature is in what is said: {all}");
    }
    run
}

fn options(issuer: &Issuer) -> Options {
    let client = &issuer.clients()[0];
    Options {
        issuer: issuer.url(),
        reached_at: None,
        client: Ok(Client {
            id: client.id.clone(),
            secret: Secret::new(client.secret.clone()),
            scopes: client.scopes.clone(),
            token_endpoint: Some(issuer.token_endpoint()),
            access_token_minutes: Some(60),
        }),
        manner: manner(),
    }
}

fn severities(run: &Run) -> BTreeMap<&str, Severity> {
    run.result.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect()
}

fn client(options: &mut Options) -> &mut Client {
    options.client.as_mut().unwrap()
}

#[test]
fn a_round_trip_passes_with_either_algorithm_and_gives_the_token_back() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let issuer = Issuer::start(IssuerOptions { algorithm, ..IssuerOptions::default() }).unwrap();
        let mut options = options(&issuer);
        let run = checked(&options);
        assert_eq!(run.result.status, Status::Ok, "{:#?}", run.result);
        assert_eq!(severities(&run).len(), super::CHECKS.len());
        assert!(run.token.is_some());
        // The discovery document says where tokens are, too.
        client(&mut options).token_endpoint = None;
        assert_eq!(checked(&options).result.status, Status::Ok);
    }
}

type Change = fn(&mut Options);

#[test]
fn what_is_wrong_is_named_and_what_stands_on_it_is_skipped() {
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let cases: [(&str, Change); 6] = [
        ("SRE-COG-003", |options| {
            client(options).secret = Secret::new("another-secret-altogether".to_owned());
        }),
        ("SRE-COG-003", |options| client(options).scopes.push("sre-agent-api/admin".to_owned())),
        ("SRE-COG-003", |options| {
            client(options).token_endpoint = Some("http://127.0.0.1:1/oauth2/token".to_owned());
        }),
        ("SRE-COG-007", |options| client(options).access_token_minutes = Some(61)),
        ("SRE-COG-003", |options| {
            client(options).token_endpoint = Some("http://example.com/oauth2/token".to_owned());
        }),
        ("SRE-COG-001", |options| {
            options.reached_at = Some(options.issuer.clone());
            options.issuer.push('x');
        }),
    ];
    for (code, change) in cases {
        let mut options = options(&issuer);
        change(&mut options);
        let run = checked(&options);
        let said = severities(&run);
        assert_eq!(said[code], Severity::Error, "{:#?}", run.result);
        let skipped: Vec<&str> = said
            .iter()
            .filter(|(_, severity)| **severity == Severity::Skipped)
            .map(|(code, _)| *code)
            .collect();
        match code {
            "SRE-COG-003" => assert_eq!(
                skipped,
                ["SRE-COG-004", "SRE-COG-005", "SRE-COG-006", "SRE-COG-007", "SRE-COG-008"]
            ),
            "SRE-COG-001" => assert_eq!(skipped, ["SRE-COG-002", "SRE-COG-008"]),
            _ => assert!(skipped.is_empty(), "{skipped:?}"),
        }
        assert_eq!(run.result.status, Status::Critical);
    }
    issuer.fail(true);
    let run = checked(&options(&issuer));
    assert_eq!(
        (severities(&run)["SRE-COG-001"], severities(&run)["SRE-COG-003"]),
        (Severity::Error, Severity::Error)
    );
    assert!(run.token.is_none());
}

#[test]
fn without_a_client_only_the_issuer_is_asked() {
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let why = ("the secret could not be read".to_owned(), "allow it".to_owned());
    let run = checked(&Options { client: Err(why), ..options(&issuer) });
    let said = severities(&run);
    assert_eq!((said["SRE-COG-001"], said["SRE-COG-002"]), (Severity::Ok, Severity::Ok));
    assert_eq!((said["SRE-COG-003"], said["SRE-COG-008"]), (Severity::Skipped, Severity::Skipped));
    let token = run.result.findings.iter().find(|finding| finding.code == "SRE-COG-003").unwrap();
    assert_eq!(
        token.message,
        format!("{}: skipped because the secret could not be read", super::TOKEN.title)
    );
}

/// A call of the emulator's API, in its JSON form. Its answer is what AWS would answer.
fn call(ministack: &Ministack, operation: &str, body: &Value) -> Value {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-H", "content-type: application/x-amz-json-1.1"])
        .args(["-H", &format!("x-amz-target: AWSCognitoIdentityProviderService.{operation}")])
        .args(["-H", "authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0"])
        .args(["-d", &body.to_string(), &ministack.endpoint()])
        .output()
        .expect("curl is installed: apt-get install curl");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{operation}: {error}: {text}"))
}

#[test]
fn a_user_pool_that_somebody_else_emulates_passes_as_well() {
    let ministack = Ministack::start();
    let pool = call(&ministack, "CreateUserPool", &json!({"PoolName": "checks"}));
    let pool = pool["UserPool"]["Id"].as_str().unwrap().to_owned();
    let scopes = json!([{"ScopeName": "read", "ScopeDescription": "r"}, {"ScopeName": "write", "ScopeDescription": "w"}]);
    call(
        &ministack,
        "CreateResourceServer",
        &json!({"UserPoolId": pool, "Identifier": "api", "Name": "api", "Scopes": scopes}),
    );
    let made = call(
        &ministack,
        "CreateUserPoolClient",
        &json!({
            "UserPoolId": pool, "ClientName": "checks", "GenerateSecret": true,
            "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthFlowsUserPoolClient": true,
            "AllowedOAuthScopes": ["api/read", "api/write"],
        }),
    );
    let text = |name: &str| made["UserPoolClient"][name].as_str().unwrap().to_owned();
    let options = Options {
        issuer: format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"),
        // The emulator serves under an address of its own, and says so in its document but not in its tokens.
        reached_at: Some(format!("{}/{pool}", ministack.endpoint())),
        client: Ok(Client {
            id: text("ClientId"),
            secret: Secret::new(text("ClientSecret")),
            scopes: vec!["api/read".to_owned(), "api/write".to_owned()],
            token_endpoint: Some(format!("{}/oauth2/token", ministack.endpoint())),
            access_token_minutes: Some(60),
        }),
        manner: manner(),
    };
    let run = checked(&options);
    let said = severities(&run);
    for code in ["SRE-COG-003", "SRE-COG-004", "SRE-COG-005", "SRE-COG-006", "SRE-COG-007"] {
        assert_eq!(said[code], Severity::Ok, "{:#?}", run.result);
    }
    assert!(run.token.is_some());
}

const SITE: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE";

fn site() -> Site {
    Site { base: SITE.to_owned(), name: SITE.to_owned() }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: HeaderMap::new(),
        pieces: vec![(Duration::ZERO, body.as_bytes().to_vec())],
        end: End::Whole,
        head_after: Duration::ZERO,
        total: Duration::ZERO,
    }
}

#[test]
fn documents_that_must_not_pass() {
    let site = site();
    let about = About { entry: &super::DISCOVERY, site: &site };
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"issuer":"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE/","jwks_uri":"https://x/"}"#,
        r#"{"issuer":"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE"}"#,
    ] {
        assert!(judge::discovery(&about, &Ok(reply(200, body)), SITE).is_err(), "{body}");
    }
    let about = About { entry: &super::KEYS, site: &site };
    let good = r#"{"kty":"EC","kid":"a","alg":"ES256","use":"sig","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    let judged = |keys: &str| judge::keys(&about, &Ok(reply(200, &format!("{{\"keys\":[{keys}]}}"))));
    let severity = |keys: &str| match judged(keys) {
        Ok((_, findings)) | Err(findings) => findings[0].severity,
    };
    assert_eq!(severity(good), Severity::Ok);
    for keys in [
        String::new(),
        format!("{good},{good}"),
        good.replace("\"a\"", "\"\""),
        good.replace("ES256", "HS256"),
        good.replace("sig", "enc"),
        good.replace("\"x\":\"A", "\"x\":\""),
        r#"{"kty":"RSA","kid":"a","alg":"RS256","n":"AQAB","e":"AQAB"}"#.to_owned(),
    ] {
        assert_eq!(severity(&keys), Severity::Error, "{keys}");
    }
    let about = About { entry: &super::TOKEN, site: &site };
    let token = "eyJ-a-token-that-nobody-may-see";
    for (status, body) in [
        (200, format!(r#"{{"access_token":"{token}","token_type":"mac","expires_in":3600}}"#)),
        (200, format!(r#"{{"id_token":"{token}"}}"#)),
        (500, format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#)),
        (400, r#"{"error":"invalid_client"}"#.to_owned()),
        (200, format!("{token} and no JSON")),
    ] {
        let Err(findings) = judge::token(&about, &Ok(reply(status, &body)), "client") else {
            panic!("{status} {body} passes");
        };
        assert!(!format!("{findings:?}").contains(token), "{findings:?}");
        assert_eq!(findings[0].severity, Severity::Error);
    }
}

#[test]
fn only_the_key_that_signed_verifies() {
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let token = issuer.mint(&issuer.claims());
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", &issuer.jwks_uri()])
        .output()
        .expect("curl is installed: apt-get install curl");
    let keys: KeySet = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(jwt::verify(&token, &keys), Ok(()));
    for how in cloud_loopback::Forgery::ALL {
        let forged = issuer.forge(how, &issuer.claims()).unwrap();
        assert!(jwt::verify(&forged, &keys).is_err(), "{how:?} verifies");
    }
    // A claim that was changed after it was signed.
    let mut parts: Vec<&str> = token.split('.').collect();
    let other = issuer.mint(&json!({"iss": "x"}));
    parts[1] = other.split('.').nth(1).unwrap();
    assert!(jwt::verify(&parts.join("."), &keys).is_err());
    let swapped = KeySet {
        keys: keys
            .keys
            .iter()
            .filter(|key| Some(key.kid.clone()) != jwt::read(&token).unwrap().kid)
            .cloned()
            .collect(),
    };
    assert_eq!(jwt::verify(&token, &swapped), Err("its `kid` is none of the published ones"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Feature: aws-ec2-production-deployment, Property 4: a token passes only if each claim is as configured.
    #[test]
    fn a_token_passes_only_if_every_claim_is_right(
        iss in prop_oneof![Just(Some(SITE.to_owned())), proptest::option::of("[a-z]{0,5}")],
        id in prop_oneof![Just(Some("client".to_owned())), proptest::option::of("[a-z]{0,5}")],
        token_use in prop_oneof![Just(Some("access".to_owned())), Just(Some("id".to_owned())), Just(None)],
        scope in prop_oneof![Just(Some("api/read api/write".to_owned())), Just(Some("api/read".to_owned())), Just(Some("api/readapi/write".to_owned())), Just(None)],
        life in prop_oneof![Just(3600_i64), -10_i64..8000, Just(i64::MAX)],
        age in prop_oneof![Just(0_i64), -5000_i64..5000],
        promised in prop_oneof![Just(3600_i64), 0_i64..8000],
    ) {
        let site = site();
        let about = |entry| About { entry, site: &site };
        let now = Moment::from_second(1_800_000_000);
        let iat = now.as_second().saturating_sub(age);
        let exp = iat.saturating_add(life);
        let claims = Claims { iss: iss.clone(), client_id: id.clone(), token_use: token_use.clone(), scope: scope.clone(), exp: Some(exp), iat: Some(iat) };
        let passes = |findings: Vec<model::Finding>| findings.iter().all(|finding| finding.severity < Severity::Warning);
        prop_assert_eq!(passes(judge::issuer(&about(&super::ISSUER), &claims, SITE)), iss.as_deref() == Some(SITE));
        prop_assert_eq!(
            passes(judge::client(&about(&super::CLIENT), &claims, "client")),
            id.as_deref() == Some("client") && token_use.as_deref() == Some("access")
        );
        let wanted = ["api/read".to_owned(), "api/write".to_owned()];
        prop_assert_eq!(passes(judge::scopes(&about(&super::SCOPES), &claims, &wanted)), scope.as_deref() == Some("api/read api/write"));
        let lifetime = exp.saturating_sub(iat);
        let is_near = |wanted: i64| lifetime.saturating_sub(wanted).saturating_abs() <= 5;
        let right = exp > now.as_second() && is_near(promised) && is_near(3600);
        prop_assert_eq!(passes(judge::lifetime(&about(&super::LIFETIME), &claims, promised, Some(60), now)), right);
        let without = Claims { exp: None, ..claims };
        prop_assert!(!passes(judge::lifetime(&about(&super::LIFETIME), &without, promised, Some(60), now)));
    }
}
