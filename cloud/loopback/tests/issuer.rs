//! The issuer is judged by a verifier that others wrote, and by the errors that Cognito's clients know.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use cloud_loopback::{Algorithm, Forgery, Issuer, IssuerOptions};
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
