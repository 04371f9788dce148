//! What a token has to say, and every way not to say it.

use super::*;

/// Header and payload as text → the reason.
async fn check_signed(signer: &Signer, rows: &[(&str, String, &str)]) {
    let web = Web::of(&[signer]);
    let door = authenticator(&web);
    for (header, payload, expected) in rows {
        let token = signer.sign(header, payload);
        assert_eq!(reason(&door, &token, at(0)).await, *expected, "{header} {payload}");
    }
}

#[tokio::test]
async fn a_token_of_the_pool_is_accepted_and_says_who_calls() {
    for signer in [Signer::rsa("one"), Signer::ec("two")] {
        let web = Web::of(&[&signer]);
        let caller = ask(&authenticator(&web), &signer.token(&claims()), at(0)).await.unwrap();
        assert_eq!(&*caller.id, "sub:3n4b5urk1ft4fl3mg5e62d9ado");
        assert_eq!(caller.client_id.as_deref(), Some("3n4b5urk1ft4fl3mg5e62d9ado"));
        assert_eq!(caller.groups, Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_claim_is_judged() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    for (changes, expected) in [
        (json!({}), "accepted"),
        (json!({"unknown": {"deep": [1, 2]}}), "accepted"),
        (json!({"cognito:groups": ["a", "b"]}), "accepted"),
        (json!({"exp": NOW - 29}), "accepted"),
        (json!({"exp": NOW - 30}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"exp": -1}), "expired"),
        (json!({"exp": null}), "missing_exp"),
        (json!({"exp": "1900000000"}), "malformed"),
        (json!({"exp": 1_800_000_000.5}), "accepted"),
        (json!({"exp": 1e300}), "malformed"),
        (json!({"exp": u64::MAX}), "malformed"),
        (json!({"exp": true}), "malformed"),
        (json!({"nbf": NOW + 30}), "accepted"),
        (json!({"nbf": NOW + 31}), "not_yet_valid"),
        (json!({"iat": NOW + 31}), "not_yet_valid"),
        (json!({"iat": null}), "accepted"),
        (json!({"iss": null}), "wrong_issuer"),
        (json!({"iss": format!("{POOL}/")}), "wrong_issuer"),
        (json!({"iss": POOL.to_uppercase()}), "wrong_issuer"),
        (json!({"iss": [POOL]}), "malformed"),
        (json!({"sub": null}), "missing_sub"),
        (json!({"sub": ""}), "missing_sub"),
        (json!({"sub": "x".repeat(256)}), "missing_sub"),
        (json!({"sub": 7}), "malformed"),
        (json!({"token_use": "id"}), "wrong_token_use"),
        (json!({"token_use": null}), "wrong_token_use"),
        (json!({"token_use": ["access"]}), "malformed"),
        (json!({"at_hash": "x"}), "wrong_token_use"),
        (json!({"c_hash": "x"}), "wrong_token_use"),
        (json!({"client_id": "other"}), "wrong_client"),
        (json!({"client_id": null}), "wrong_client"),
        (json!({"client_id": null, "azp": "3n4b5urk1ft4fl3mg5e62d9ado"}), "accepted"),
        (json!({"aud": "somebody-else"}), "wrong_audience"),
        (json!({"aud": []}), "accepted"),
        (json!({"scope": null}), "insufficient_scope"),
        (json!({"scope": "sre-agent-api/readx"}), "insufficient_scope"),
        (json!({"scope": "x sre-agent-api/read"}), "accepted"),
        (json!({"scope": ["sre-agent-api/read"]}), "malformed"),
        (json!({"groups": [1]}), "malformed"),
    ] {
        let token = signer.token(&claims_with(&changes));
        assert_eq!(reason(&door, &token, at(0)).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn an_issuer_without_token_use_still_gets_no_id_token_in() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let policy = Issuer {
        token_use: None,
        client_ids: Vec::new(),
        required_scopes: Vec::new(),
        audiences: vec!["proxy".to_owned(), "other".to_owned()],
        ..policy()
    };
    let door = Authenticator::new(&auth(vec![policy]), web);
    for (changes, expected) in [
        (json!({"token_use": null, "aud": "proxy"}), "accepted"),
        (json!({"token_use": null, "aud": ["x", "other"]}), "accepted"),
        (json!({"token_use": null}), "wrong_audience"),
        (json!({"token_use": null, "aud": "x"}), "wrong_audience"),
        (json!({"token_use": "id", "aud": "proxy"}), "wrong_token_use"),
        (json!({"token_use": null, "aud": "proxy", "at_hash": "x"}), "wrong_token_use"),
    ] {
        let token = signer.token(&claims_with(&changes));
        assert_eq!(reason(&door, &token, at(0)).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn headers_that_try_something_are_refused() {
    let payload = claims().to_string();
    let rows: Vec<(&str, String, &str)> = [
        (r#"{"alg":"ES256","kid":"k"}"#, "accepted"),
        (r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, "accepted"),
        (r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, "accepted"),
        // Where the key is, is not for the token to say.
        (
            r#"{"alg":"ES256","kid":"k","jku":"https://evil.example/keys","x5u":"https://evil.example"}"#,
            "accepted",
        ),
        (r#"{"alg":"ES256","kid":"k","jwk":{"kty":"oct","k":"AA"}}"#, "accepted"),
        (r#"{"alg":"ES256","kid":"k","typ":"logout+jwt"}"#, "wrong_type"),
        (r#"{"alg":"none","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"None","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"NONE","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"nOnE","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"es256","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"HS256","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"PS256","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"ES384","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":"RS256","kid":"k"}"#, "bad_algorithm"),
        (r#"{"alg":["ES256"],"kid":"k"}"#, "malformed"),
        (r#"{"alg":null,"kid":"k"}"#, "malformed"),
        (r#"{"kid":"k"}"#, "malformed"),
        (r#"{"alg":"ES256"}"#, "missing_kid"),
        (r#"{"alg":"ES256","kid":null}"#, "missing_kid"),
        (r#"{"alg":"ES256","kid":""}"#, "missing_kid"),
        (r#"{"alg":"ES256","kid":["k"]}"#, "malformed"),
        (r#"{"alg":"ES256","kid":"K"}"#, "unknown_kid"),
        (r#"{"alg":"ES256","kid":"../../../../dev/null"}"#, "unknown_kid"),
        (r#"{"alg":"ES256","kid":"k' OR '1'='1"}"#, "unknown_kid"),
        (r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#, "critical_header"),
        (r#"{"alg":"ES256","kid":"k","crit":[],"b64":false}"#, "critical_header"),
        (r#"{"alg":"ES256","kid":"k","kid":"k"}"#, "malformed"),
        (r#"{"alg":"none","alg":"ES256","kid":"k"}"#, "malformed"),
        (r#"["ES256","k",null,null]"#, "malformed"),
        (r#""ES256""#, "malformed"),
        ("", "malformed"),
        ("{", "malformed"),
    ]
    .into_iter()
    .map(|(header, expected)| (header, payload.clone(), expected))
    .collect();
    check_signed(&Signer::ec("k"), &rows).await;
}

#[tokio::test]
async fn payloads_that_two_readers_could_read_differently_are_refused() {
    const HEADER: &str = r#"{"alg":"ES256","kid":"k"}"#;
    let good = claims().to_string();
    let again = |member: &str| format!("{},{member}}}", good.strip_suffix('}').unwrap());
    let nested = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let rows = [
        (HEADER, again(r#""sub":"admin""#), "malformed"),
        (HEADER, again(&format!(r#""exp":{}"#, NOW + 9_000)), "malformed"),
        (HEADER, again(r#""client_id":"x""#), "malformed"),
        (HEADER, format!(" \n{good} "), "accepted"),
        (HEADER, format!("{good}x"), "malformed"),
        (HEADER, format!("[{good}]"), "malformed"),
        (HEADER, "null".to_owned(), "malformed"),
        (HEADER, "\"text\"".to_owned(), "malformed"),
        (HEADER, "{}".to_owned(), "wrong_issuer"),
        (HEADER, again(&format!(r#""deep":{nested}"#)), "accepted"),
        (HEADER, "x".repeat(13_000), "too_large"),
    ];
    check_signed(&Signer::ec("k"), &rows).await;
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let signer = Signer::rsa("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let message =
        format!("{}.{}", base64(br#"{"alg":"HS256","kid":"k"}"#), base64(claims().to_string().as_bytes()));
    for secret in [signer.modulus(), signer.jwk().to_string().into_bytes()] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", base64(tag.as_ref()));
        assert_eq!(reason(&door, &token, at(0)).await, "bad_algorithm");
    }
}

#[tokio::test]
async fn a_token_that_is_written_otherwise_is_another_token() {
    let signer = Signer::rsa("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    for (text, expected) in [
        (format!("{}.{}.", parts[0], parts[1]), "bad_signature"),
        (format!("{}.{}", parts[0], parts[1]), "unknown_key"),
        (format!(".{}.{}", parts[1], parts[2]), "malformed"),
        (format!("{}..{}", parts[0], parts[2]), "malformed"),
        (format!("{token}.{}", parts[2]), "malformed"),
        (format!("{token}="), "bad_signature"),
        (format!("{}=.{}.{}", parts[0], parts[1], parts[2]), "malformed"),
        (parts[0].to_owned(), "unknown_key"),
        ("..".to_owned(), "malformed"),
        ("sk-proj-1234".to_owned(), "unknown_key"),
        (token.clone(), "accepted"),
    ] {
        assert_eq!(reason(&door, &text, at(0)).await, expected, "{text}");
    }
}

#[tokio::test]
async fn the_header_has_to_be_bearer_and_one_credential() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    for (header, expected) in [
        (format!("Bearer {token}"), "accepted"),
        (format!("bEARER  {token} "), "accepted"),
        (token.clone(), "bad_header"),
        (format!("Basic {token}"), "bad_header"),
        ("Bearer".to_owned(), "bad_header"),
        ("Bearer ".to_owned(), "bad_header"),
        (format!("Bearer {token} {token}"), "bad_header"),
        (format!("Bearer\t{token}"), "bad_header"),
        (String::new(), "bad_header"),
    ] {
        let value = HeaderValue::try_from(&header).unwrap();
        let answer = door.authenticate(Some(&value), at(0)).await;
        assert_eq!(answer.map_or_else(|denial| denial.event.reason, |_| "accepted"), expected, "{header}");
    }
    assert_eq!(door.authenticate(None, at(0)).await.unwrap_err().event.reason, "missing_credential");
    let value = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    assert_eq!(door.authenticate(Some(&value), at(0)).await.unwrap_err().event.reason, "bad_header");
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    let first = ask(&door, &token, at(0)).await.unwrap();
    let second = ask(&door, &token, at(3_629)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "the caller was remembered");
    assert_eq!(reason(&door, &token, at(3_630)).await, "expired");
    assert_eq!(reason(&door, &token, at(3_630)).await, "expired");
}

#[tokio::test]
async fn subjects_of_different_issuers_and_keys_are_different_callers() {
    const OTHER: &str = "https://issuer.example";
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    web.publish(OTHER, &[&signer]);
    let other = Issuer { issuer: OTHER.to_owned(), ..policy() };
    let (key, sha256) = crate::auth::generate([1; 32]);
    let mut auth = auth(vec![policy(), other]);
    auth.api_keys.push(crate::config::ApiKey { name: "alice".to_owned(), sha256, groups: Vec::new() });
    let door = Authenticator::new(&auth, web);
    for (token, id) in [
        (signer.token(&claims_with(&json!({"sub": "alice"}))), "sub:alice"),
        (
            signer.token(&claims_with(&json!({"sub": "alice", "iss": OTHER}))),
            "sub:alice@https://issuer.example",
        ),
        (
            signer.token(&claims_with(&json!({"sub": "alice@https://issuer.example"}))),
            "sub:alice%40https://issuer.example",
        ),
        (signer.token(&claims_with(&json!({"sub": "key:ci\n%"}))), "sub:key:ci%0A%25"),
        (key.expose().clone(), "key:alice"),
    ] {
        assert_eq!(&*ask(&door, &token, at(0)).await.unwrap().id, id);
    }
}
