//! The issuer is judged by a verifier that others wrote, and by the errors that Cognito's clients know.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use cloud_loopback::{Algorithm, Client, Forgery, Issuer, IssuerOptions};
use serde_json::{Value, json};
use test_support::python;

const VERIFY: &str = include_str!("verify.py");

fn verify(issuer: &Issuer, more: &[String]) -> Value {
    let (client, endpoint) = (&issuer.clients()[0], issuer.token_endpoint());
    let url = issuer.url();
    let mut args = vec![url.as_str(), &endpoint, &client.id, &client.secret];
    args.extend(more.iter().map(String::as_str));
    python("cryptography", VERIFY, &args, &[])
}

fn check(algorithm: Algorithm) {
    let issuer = Issuer::start(IssuerOptions { algorithm, ..IssuerOptions::default() }).unwrap();
    let minted = issuer.mint(&json!({"sub": "minted"}));
    issuer.rotate().unwrap();
    let rotated = issuer.mint(&json!({"sub": "rotated"}));
    let forged = Forgery::ALL.map(|how| issuer.forge(how, &issuer.claims()).unwrap());
    let mut tokens = vec![minted, rotated];
    tokens.extend(forged);
    let seen = verify(&issuer, &tokens);

    assert_eq!(seen["keys"], 2);
    assert_eq!(seen["issuer"], issuer.url());
    let claims = &seen["claims"];
    for (name, value) in [
        ("sub", json!(issuer.clients()[0].id)),
        ("client_id", json!(issuer.clients()[0].id)),
        ("token_use", json!("access")),
        ("scope", json!("sre-agent-api/read")),
        ("iss", json!(issuer.url())),
        ("version", json!(2)),
        ("aud", json!(null)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(
        seen["errors"],
        json!({
            "wrong secret": [400, "invalid_client"],
            "wrong scope": [400, "invalid_scope"],
            "wrong grant": [400, "unsupported_grant_type"],
            "nothing": [400, "invalid_request"],
        })
    );
    // A verifier that looks at signatures alone: the ones that are left lie in their headers.
    let verified = seen["verified"].as_array().unwrap();
    assert_eq!(verified[..2], [json!(true), json!(true)], "minted before and after the rotation");
    let accepted: Vec<Forgery> = Forgery::ALL
        .into_iter()
        .zip(verified.iter().skip(2))
        .filter_map(|(how, verified)| (verified == true).then_some(how))
        .collect();
    assert_eq!(accepted, [Forgery::Critical]);
    assert_eq!(issuer.jwks_fetches(), 1);
}

#[test]
fn tokens_signed_with_rsa_are_verified_and_forged_ones_are_not() {
    check(Algorithm::Rs256);
}

#[test]
fn tokens_signed_with_elliptic_curves_are_verified_and_forged_ones_are_not() {
    check(Algorithm::Es256);
}

/// A pool that was made elsewhere keeps its name, and is served here.
#[test]
fn an_issuer_with_a_name_signs_in_that_name() {
    let name = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI";
    let client = Client {
        id: "of-the-deployment".to_owned(),
        secret: "its-secret".to_owned(),
        scopes: vec!["api/read".to_owned()],
    };
    let issuer = Issuer::start(IssuerOptions {
        pool: "eu-central-1_AbCdEfGhI".to_owned(),
        name: Some(name.to_owned()),
        clients: vec![client],
        ..IssuerOptions::default()
    })
    .unwrap();
    assert_eq!(issuer.url(), name);
    assert!(issuer.place().starts_with("http://127.0.0.1:"), "{}", issuer.place());
    assert!(issuer.place().ends_with("/eu-central-1_AbCdEfGhI"), "{}", issuer.place());
    let script = "import json, sys, urllib.request as u\n\
                  discovery = json.load(u.urlopen(sys.argv[1] + '/.well-known/openid-configuration'))\n\
                  body = b'grant_type=client_credentials&client_id=of-the-deployment&client_secret=its-secret'\n\
                  answer = json.load(u.urlopen(discovery['token_endpoint'], body))\n\
                  keys = json.load(u.urlopen(sys.argv[1] + '/.well-known/jwks.json'))\n\
                  print(json.dumps([discovery, answer, len(keys['keys'])]))";
    let seen = python("cryptography", script, &[&issuer.place()], &[]);
    assert_eq!(seen[0]["issuer"], name);
    assert_eq!(seen[0]["jwks_uri"], format!("{name}/.well-known/jwks.json"));
    assert_eq!(seen[2], 2);
    let claims = issuer.claims();
    assert_eq!((&claims["iss"], &claims["client_id"]), (&json!(name), &json!("of-the-deployment")));
    assert!(seen[1]["access_token"].as_str().unwrap().split('.').count() == 3);
}
