//! What the security log and the client are told.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::auth::{SecurityEvent, reason::Reason};

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
        let line = denial.event.event(peer(), "req-1").line();
        denials.push((denial, line));
    }
    let denial = door.authenticate(None, at(0)).await.unwrap_err();
    let line = denial.event.event("::ffff:203.0.113.7".parse().unwrap(), "req-1").line();
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

/// The filter that is shipped.
const FILTER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fail2ban/filter.d/bedrock-nova-proxy.conf");

/// The addresses that fail2ban itself finds in these lines, in their order.
fn banned(lines: &[String]) -> Vec<String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(log.path(), lines.join("\n") + "\n").unwrap();
    let output =
        std::process::Command::new("fail2ban-regex").args(["-o", "ip"]).arg(log.path()).arg(FILTER).output();
    let output = output.expect("this test needs fail2ban-regex (Debian: fail2ban)");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || output.stdout.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The forms in which a line reaches fail2ban: both formats of the log, and a record of the journal.
fn forms(line: &str) -> [String; 4] {
    [
        format!(r#"{{"timestamp":"2027-01-15T08:00:00.000000Z","level":"WARN","message":"{line}","x":1}}"#),
        format!("2027-01-15T08:00:00.000000Z  WARN security: {line} x=1"),
        format!("2027-01-15T08:00:00.000000+0000 host-1.example bedrock-nova-proxy[12]: {line}"),
        line.to_owned(),
    ]
}

#[tokio::test]
async fn fail2ban_sees_who_attacks_and_nobody_else() {
    let denials = denials().await;
    let lines: Vec<String> = denials.iter().flat_map(|(_, line)| forms(line)).collect();
    // An unknown key of an issuer, and a guess of an API key; neither what expired nor what is missing.
    let attacks: Vec<&str> = denials
        .iter()
        .map(|(denial, _)| denial.event.reason)
        .filter(|reason| ["unknown_kid", "unknown_key"].contains(reason))
        .collect();
    assert_eq!(attacks, ["unknown_kid", "unknown_key"]);
    assert_eq!(banned(&lines), [PEER; 8]);
    // What a client can put into other members of a line bans nobody.
    let quoted: Vec<String> = denials
        .iter()
        .flat_map(|(_, line)| forms(line))
        .flat_map(|form| {
            let form = form.replace('"', "'");
            [
                format!(r#"{{"timestamp":"2027-01-15T08:00:00.000000Z","level":"INFO","message":"request","error":"{form}"}}"#),
                format!(r#"2027-01-15T08:00:00.000000Z  INFO access: request error="{form}""#),
                format!("2027-01-15T08:00:00.000000+0000 host bedrock-nova-proxy[12]: request error={form}"),
                format!("2027-01-15T08:00:00.000000+0000 host sshd[12]: {form}"),
                format!("x {form}"),
            ]
        })
        .collect();
    assert_eq!(banned(&quoted), Vec::<String>::new());
}

#[test]
fn the_filter_knows_every_reason_by_name() {
    let filter = std::fs::read_to_string(FILTER).unwrap();
    let listed = filter.split_once("reason=(?:").unwrap().1.split_once(')').unwrap().0;
    let reasons: Vec<&str> = listed.split('|').collect();
    let words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert!(reasons.iter().all(|reason| words.contains(reason)), "{reasons:?}");
    // What honest clients run into.
    let honest = [
        "missing_credential",
        "expired",
        "not_yet_valid",
        "wrong_token_use",
        "wrong_client",
        "wrong_audience",
        "insufficient_scope",
        "issuer_unavailable",
    ];
    let rest: Vec<&str> = words.into_iter().filter(|word| !honest.contains(word)).collect();
    assert_eq!(reasons, rest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Feature: aws-ec2-production-deployment, Property 8: whatever a client calls itself, fail2ban finds the address that
    /// the connection came from, and no other.
    #[test]
    fn no_client_has_another_one_banned(
        kids in prop::collection::vec(r#"[\PC\x00-\x1f]{0,80}| peer=198\.51\.100\.1 request=|"\},?\n?security event=authn_login_fail reason=unknown_kid peer=198\.51\.100\.1 request="#, 20),
    ) {
        let lines: Vec<String> = kids
            .iter()
            .map(|kid| Denial::new(Reason::UnknownKid, vec![("kid", kid.clone())]))
            .flat_map(|denial| forms(&denial.event.event(peer(), "req-1").line()))
            .collect();
        prop_assert_eq!(banned(&lines), vec![PEER; lines.len()]);
    }
}

#[test]
fn limits_and_input_have_events_too() {
    let caller = Caller { id: "sub:a b".into(), client_id: None, groups: Vec::new() };
    assert_eq!(
        SecurityEvent::limit_exceeded("tokens", &caller).event("2001:db8::1".parse().unwrap(), "r").line(),
        "security event=excess_rate_limit_exceeded reason=tokens peer=2001:db8::1 request=r \
         caller=sub:a%20b"
    );
    assert_eq!(
        SecurityEvent::input_refused("bad_json").event(peer(), "r").line(),
        "security event=input_validation_fail reason=bad_json peer=203.0.113.7 request=r"
    );
}
