//! Who may call: nobody without TLS and a valid token, and every attempt is in the log without what it was made with.

use std::time::{Duration, Instant};

use cloud_loopback::Forgery;
use serde_json::{Value, json};

use crate::rig::{API_KEY, Rig};

fn hello() -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a very private question"}]})
}

/// The claims of a valid token with some of them changed; `null` takes one away.
fn claims(rig: &Rig, changes: &Value) -> Value {
    let mut claims = rig.issuer.claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name.as_str()] = value.clone();
        }
    }
    claims
}

/// Credentials that are not good, each with what is wrong with it.
fn bad_credentials(rig: &Rig) -> Vec<(String, String)> {
    let mut bad: Vec<(String, String)> = Forgery::ALL
        .into_iter()
        .map(|how| (format!("{how:?}"), rig.issuer.forge(how, &rig.issuer.claims()).unwrap()))
        .collect();
    let now = rig.issuer.claims()["iat"].as_u64().unwrap();
    for (what, changes) in [
        ("expired", json!({"exp": now - 3600, "iat": now - 7200})),
        ("not yet valid", json!({"nbf": now + 3600})),
        ("without an end", json!({"exp": null})),
        ("another issuer", json!({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"})),
        ("no issuer", json!({"iss": null})),
        ("an issuer that begins alike", json!({"iss": format!("{}/", rig.issuer.url())})),
        ("an id token", json!({"token_use": "id"})),
        ("no token_use", json!({"token_use": null})),
    ] {
        bad.push((what.to_owned(), rig.issuer.mint(&claims(rig, &changes))));
    }
    for (what, token) in [
        ("no token", "not-a-token"),
        ("dots", ".."),
        ("a wrong key", "practice2"),
        ("long", &"a".repeat(6000)),
    ] {
        bad.push((what.to_owned(), token.to_owned()));
    }
    bad
}

/// Feature: aws-ec2-production-deployment, Property 2: nothing reaches the upstream without TLS and a valid token.
#[test]
fn nobody_without_a_valid_token_reaches_the_upstream() {
    let rig = Rig::start();
    let attempt = |header: Option<&str>| {
        let curl = rig.curl("/v1/chat/completions").json(&hello());
        match header {
            Some(header) => curl.header(header).reply(),
            None => curl.reply(),
        }
    };
    for (what, token) in bad_credentials(&rig) {
        let reply = attempt(Some(&format!("Authorization: Bearer {token}")));
        assert_eq!(reply.status, 401, "{what}: {}", reply.body);
        assert_eq!(reply.error_code(), "invalid_api_key", "{what}");
        assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")), "{what}");
        assert!(!reply.body.contains(&token), "{what}: the token comes back");
    }
    for header in
        [None, Some("Authorization: Basic YTpi"), Some("Authorization: Bearer"), Some("Authorization:")]
    {
        assert_eq!(attempt(header).status, 401, "{header:?}");
    }
    // Who is nobody does not even hear which paths and methods there are.
    for path in ["/v1/models", "/v1/models/gpt-4o", "/api/v1/models", "/v1/nothing", "/v1/embeddings"] {
        assert_eq!(rig.curl(path).reply().status, 401, "{path}");
    }
    for path in ["/v1/embeddings", "/api/v1/chat/completions"] {
        assert_eq!(rig.curl(path).json(&hello()).reply().status, 401, "{path}");
    }
    let scope = rig.issuer.mint(&claims(&rig, &json!({"scope": "sre-agent-api/write"})));
    let reply = attempt(Some(&format!("Authorization: Bearer {scope}")));
    assert_eq!(reply.status, 403, "a scope is missing: {}", reply.body);

    let plain = format!("http://localhost:{}/v1/chat/completions", rig.address.port());
    let plain = crate::curl::Curl::new(&plain, &rig.pki.ca()).header(&rig.bearer()).json(&hello());
    assert!(plain.run().is_none_or(|reply| reply.status >= 400), "no TLS, no answer");

    assert_eq!(rig.bedrock.requests(), [], "somebody came through");
    assert_eq!(attempt(Some(&rig.bearer())).status, 200);
    assert_eq!(attempt(Some(&format!("Authorization: Bearer {API_KEY}"))).status, 200);
    let requests = rig.bedrock.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let headers = format!("{:?}", request.headers);
        assert!(
            !headers.contains("Bearer") && !headers.contains(API_KEY),
            "the credential went on: {headers}"
        );
    }
}

/// Feature: aws-ec2-production-deployment, Property 8: every refused attempt is a security event; no secret is in the log.
#[test]
fn every_refusal_is_in_the_log_and_no_secret_is() {
    let rig = Rig::start();
    let bad = bad_credentials(&rig);
    let good = rig.token();
    for token in bad.iter().map(|(_, token)| token.as_str()).chain([good.as_str(), API_KEY]) {
        rig.curl("/v1/chat/completions")
            .json(&hello())
            .header(&format!("Authorization: Bearer {token}"))
            .reply();
    }
    rig.curl("/v1/chat/completions").json(&hello()).reply();

    let events: Vec<Value> =
        rig.log_lines().into_iter().filter(|line| line.to_string().contains("authn_")).collect();
    assert_eq!(events.len(), bad.len() + 1, "{events:#?}");
    let log = rig.log();
    for (what, token) in &bad {
        // Of a short text the log may happen to hold the same letters.
        assert!(token.len() < 8 || !log.contains(token.as_str()), "{what} is in the log");
        let signature = token.rsplit('.').next().unwrap_or_default();
        assert!(signature.len() < 20 || !log.contains(signature), "the signature of {what} is in the log");
    }
    for secret in [good.as_str(), good.rsplit('.').next().unwrap(), "not-a-secret", "a very private question"]
    {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}

#[test]
fn strangers_do_not_make_the_proxy_fetch_keys_and_known_ones_outlive_the_issuer() {
    let rig = Rig::start();
    assert_eq!(status(&rig, &rig.token()), 200);
    let fetched = rig.issuer.jwks_fetches();
    for _ in 0..20 {
        assert_eq!(status(&rig, &rig.issuer.forge(Forgery::UnknownKey, &rig.issuer.claims()).unwrap()), 401);
    }
    assert!(rig.issuer.jwks_fetches() <= fetched + 1, "{} fetches", rig.issuer.jwks_fetches() - fetched);
    rig.issuer.fail(true);
    assert_eq!(status(&rig, &rig.token()), 200);
}

#[test]
fn a_new_key_is_found_and_the_one_before_stays_good() {
    let rig = Rig::start();
    let before = rig.token();
    assert_eq!(status(&rig, &before), 200);
    rig.issuer.rotate().unwrap();
    let after = rig.token();
    let rotated = Instant::now();
    // The proxy does not ask the issuer more often than every half minute, whatever callers send.
    while status(&rig, &after) != 200 {
        assert!(rotated.elapsed() < Duration::from_mins(1), "the new key is not found");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(status(&rig, &before), 200);
}

fn status(rig: &Rig, token: &str) -> u16 {
    rig.curl("/v1/models").header(&format!("Authorization: Bearer {token}")).reply().status
}
