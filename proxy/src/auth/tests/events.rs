//! What the security log and the client are told.

use std::net::IpAddr;

use regex::Regex;

use super::*;
use crate::auth::{FAIL2BAN_FAILREGEX, SecurityEvent};

const PEER: &str = "203.0.113.7";

fn peer() -> IpAddr {
    PEER.parse().unwrap()
}

async fn denials() -> Vec<(Denial, String)> {
    let (signer, stranger) = (Signer::ec("k"), Signer::ec("x peer=198.51.100.1 request=\n"));
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let mut denials = Vec::new();
    for token in [
        stranger.token(&claims()),
        signer.token(&claims_with(&json!({"scope": "other"}))),
        signer.token(&claims_with(&json!({"exp": NOW - 100}))),
        "bnp_guess".to_owned(),
    ] {
        let denial = ask(&door, &token, at(0)).await.unwrap_err();
        let line = denial.event.line(peer(), "req-1");
        denials.push((denial, line));
    }
    let denial = door.authenticate(None, at(0)).await.unwrap_err();
    let line = denial.event.line("::ffff:203.0.113.7".parse().unwrap(), "req-1");
    denials.push((denial, line));
    denials
}

#[tokio::test]
async fn a_refusal_is_one_line_in_a_fixed_order() {
    let lines: Vec<String> = denials().await.into_iter().map(|(_, line)| line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    security event=authn_login_fail reason=unknown_kid peer=203.0.113.7 request=req-1 kid=x%20peer%3D198.51.100.1%20request%3D%0A iss=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE
    security event=authz_fail reason=insufficient_scope peer=203.0.113.7 request=req-1 kid=k iss=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE jti=7b3f client_id=3n4b5urk1ft4fl3mg5e62d9ado sub=3n4b5urk1ft4fl3mg5e62d9ado required_scopes=sre-agent-api/read scope=other
    security event=authn_login_fail reason=expired peer=203.0.113.7 request=req-1 kid=k iss=https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE jti=7b3f client_id=3n4b5urk1ft4fl3mg5e62d9ado sub=3n4b5urk1ft4fl3mg5e62d9ado
    security event=authn_login_fail reason=unknown_key peer=203.0.113.7 request=req-1
    security event=authn_login_fail reason=missing_credential peer=203.0.113.7 request=req-1
    "#);
}

#[tokio::test]
async fn the_client_hears_what_rfc_6750_wants() {
    let answers: Vec<String> = denials()
        .await
        .into_iter()
        .map(|(denial, _)| {
            let challenge = denial.www_authenticate().unwrap();
            let body = String::from_utf8(denial.error.body()).unwrap();
            format!("{} {}\n{body}", denial.error.status.as_u16(), challenge.to_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    401 Bearer error="invalid_token"
    {"error":{"message":"The API key or access token is invalid.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}
    403 Bearer error="insufficient_scope", scope="sre-agent-api/read"
    {"error":{"message":"The access token lacks a scope that is required here.","type":"permission_error","param":null,"code":"insufficient_scope"}}
    401 Bearer error="invalid_token"
    {"error":{"message":"The access token has expired.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}
    401 Bearer error="invalid_token"
    {"error":{"message":"The API key or access token is invalid.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}
    401 Bearer
    {"error":{"message":"You did not provide an API key or access token. Send it as `Authorization: Bearer TOKEN`.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}
    "#);
}

#[tokio::test]
async fn fail2ban_sees_who_attacks_and_nobody_else() {
    // fail2ban puts an address in place of its tag, and has cut the time out before.
    let filter = Regex::new(&FAIL2BAN_FAILREGEX.replace("<HOST>", r"(?<host>[0-9a-fA-F.:]+)")).unwrap();
    let mut banned = Vec::new();
    for (denial, line) in denials().await {
        // As the log writes them, with and without the time.
        for text in [
            format!(
                r#"{{"timestamp":"2027-01-15T08:00:00.000000Z","level":"WARN","message":"{line}","x":1}}"#
            ),
            format!(r#"{{"timestamp":"","level":"WARN","message":"{line}","x":1}}"#),
            format!("2027-01-15T08:00:00.000000Z  WARN security: {line} x=1"),
            format!("  WARN security: {line} x=1"),
        ] {
            if let Some(found) = filter.captures(&text) {
                assert_eq!(&found["host"], PEER, "{text}");
                banned.push(denial.event.reason);
            }
        }
        // What a client can put into other members of a line bans nobody.
        let quoted =
            format!(r#"{{"timestamp":"","level":"INFO","message":"request","request_id":"{line}"}}"#);
        assert!(!filter.is_match(&quoted), "{quoted}");
    }
    assert_eq!(banned, [["unknown_kid"; 4], ["unknown_key"; 4]].concat());
}

#[test]
fn limits_and_input_have_events_too() {
    let caller = Caller { id: "sub:a b".into(), client_id: None, groups: Vec::new() };
    assert_eq!(
        SecurityEvent::limit_exceeded("tokens", &caller).line("2001:db8::1".parse().unwrap(), "r"),
        "security event=excess_rate_limit_exceeded reason=tokens peer=2001:db8::1 request=r \
         caller=sub:a%20b"
    );
    assert_eq!(
        SecurityEvent::input_refused("bad_json").line(peer(), "r"),
        "security event=input_validation_fail reason=bad_json peer=203.0.113.7 request=r"
    );
}

#[test]
fn the_documentation_has_the_same_filter() {
    let page = include_str!("../../../../docs/proxy.md");
    assert!(page.contains(&format!("failregex = {FAIL2BAN_FAILREGEX}\n")));
}
