//! Keys: when they are fetched, when they are not, and what happens while they cannot be.

use futures::future::join_all;

use super::*;

#[tokio::test]
async fn keys_are_fetched_once_for_everybody_who_waits() {
    let signer = Signer::ec("k");
    let web = Web { gate: Some(Semaphore::new(0)), ..Web::default() };
    web.publish(POOL, &[&signer]);
    let web = Arc::new(web);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    let asked = join_all((0..50).map(|_| ask(&door, &token, at(0))));
    let opened = async {
        tokio::task::yield_now().await;
        web.gate.as_ref().unwrap().add_permits(2);
    };
    let (answers, ()) = tokio::join!(asked, opened);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(web.fetches(), 1);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_fetch_for_others() {
    let signer = Signer::ec("k");
    let web = Web { gate: Some(Semaphore::new(0)), ..Web::default() };
    web.publish(POOL, &[&signer]);
    let web = Arc::new(web);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    let mut first = Box::pin(ask(&door, &token, at(0)));
    assert!(futures::poll!(&mut first).is_pending());
    drop(first);
    web.gate.as_ref().unwrap().add_permits(2);
    assert!(ask(&door, &token, at(0)).await.is_ok());
    assert_eq!(web.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn made_up_key_names_cost_the_issuer_one_fetch_in_thirty_seconds() {
    let (signer, stranger) = (Signer::ec("k"), Signer::ec("made-up"));
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    for second in 0..90 {
        assert_eq!(reason(&door, &stranger.token(&claims()), at(second)).await, "unknown_kid");
        assert_eq!(reason(&door, &signer.token(&claims()), at(second)).await, "accepted");
    }
    assert_eq!(web.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_and_an_old_one_forgotten_with_its_tokens() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let web = Web::of(&[&old]);
    let door = authenticator(&web);
    let (before, after) = (old.token(&claims()), new.token(&claims()));
    assert_eq!(reason(&door, &before, at(0)).await, "accepted");
    web.publish(POOL, &[&new]);
    assert_eq!(reason(&door, &before, at(31)).await, "accepted", "remembered, and the set not old yet");
    assert_eq!(reason(&door, &after, at(32)).await, "accepted");
    assert_eq!(reason(&door, &before, at(33)).await, "unknown_kid");
}

#[tokio::test(start_paused = true)]
async fn keys_are_renewed_after_an_hour_without_anybody_waiting_and_kept_while_the_issuer_is_down() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let token = signer.token(&claims_with(&json!({"exp": NOW + 90_000})));
    assert_eq!(reason(&door, &token, at(0)).await, "accepted");
    web.break_down();
    for hour in 1..24 {
        assert_eq!(reason(&door, &token, at(hour * 3_600)).await, "accepted");
        // Lets the fetch that was started fail.
        tokio::task::yield_now().await;
    }
    web.publish(POOL, &[&signer]);
    assert_eq!(reason(&door, &token, at(24 * 3_600)).await, "accepted");
    tokio::task::yield_now().await;
    assert_eq!(web.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_is_no_fault_of_the_caller() {
    let signer = Signer::ec("k");
    let web = Arc::new(Web::default());
    let door = authenticator(&web);
    let token = signer.token(&claims());
    let mut waits = Vec::new();
    let mut later = 0;
    for _ in 0..7 {
        let denial = ask(&door, &token, at(later)).await.unwrap_err();
        assert_eq!((denial.error.status.as_u16(), denial.event.reason), (503, "issuer_unavailable"));
        assert_eq!(denial.www_authenticate(), None);
        let wait = denial.error.retry_after.unwrap().as_secs();
        waits.push(wait);
        later += i64::try_from(wait).unwrap();
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    let tries = web.fetched.lock().unwrap().len();
    assert_eq!(tries, 7, "each wait was long enough for the next fetch");
    let not_ready = door.ready(at(later)).await.unwrap_err();
    assert_eq!((not_ready.code, not_ready.issuer.as_str()), ("SRE-PROXY-060", POOL));
    web.publish(POOL, &[&signer]);
    assert_eq!(door.ready(at(later + 30)).await, Ok(()));
    assert_eq!(reason(&door, &token, at(later + 30)).await, "accepted");
}

#[tokio::test]
async fn a_reload_keeps_the_keys_and_judges_by_the_new_rules() {
    let signer = Signer::ec("k");
    let web = Web::of(&[&signer]);
    let door = authenticator(&web);
    let token = signer.token(&claims());
    assert_eq!(reason(&door, &token, at(0)).await, "accepted");
    web.break_down();
    let stricter = Issuer { required_scopes: vec!["admin".to_owned()], ..policy() };
    let renewed = door.renewed(&auth(vec![stricter]));
    assert_eq!(reason(&renewed, &token, at(1)).await, "insufficient_scope");
    let moved = Issuer { jwks_uri: Some("https://elsewhere.example/jwks.json".to_owned()), ..policy() };
    assert_eq!(reason(&door.renewed(&auth(vec![moved])), &token, at(1)).await, "issuer_unavailable");
}

#[tokio::test]
async fn documents_that_are_of_no_use_are_named() {
    let discovery = format!("{POOL}/.well-known/openid-configuration");
    let jwks = format!("{POOL}/.well-known/jwks.json");
    let key = Signer::ec("k").jwk();
    for (url, document, code) in [
        (&discovery, json!({"issuer": "https://evil.example", "jwks_uri": jwks}), "SRE-PROXY-062"),
        (&discovery, json!({"issuer": format!("{POOL}/"), "jwks_uri": jwks}), "SRE-PROXY-062"),
        (&discovery, json!({"issuer": POOL, "jwks_uri": "http://plain.example/jwks.json"}), "SRE-PROXY-061"),
        (&discovery, json!({"issuer": POOL, "jwks_uri": "file:///etc/passwd"}), "SRE-PROXY-061"),
        (&discovery, json!({"issuer": POOL}), "SRE-PROXY-061"),
        (&jwks, json!([]), "SRE-PROXY-061"),
        (&jwks, json!({"keys": [], "pad": "x".repeat(300_000)}), "SRE-PROXY-061"),
        (&jwks, json!({"keys": []}), "SRE-PROXY-063"),
        (&jwks, json!({"keys": [{"kty": "oct", "k": "AA", "kid": "k"}, 7, null]}), "SRE-PROXY-063"),
        (
            &jwks,
            json!({"keys": [{"kty": "RSA", "kid": "k", "n": base64(&[255; 128]), "e": "AQAB"}]}),
            "SRE-PROXY-063",
        ),
        (&jwks, json!({"keys": [with(&key, "use", json!("enc"))]}), "SRE-PROXY-063"),
        (&jwks, json!({"keys": [with(&key, "key_ops", json!(["encrypt"]))]}), "SRE-PROXY-063"),
        (&jwks, json!({"keys": [with(&key, "alg", json!("ES384"))]}), "SRE-PROXY-063"),
        (&jwks, json!({"keys": [with(&key, "kid", Value::Null)]}), "SRE-PROXY-063"),
        (&jwks, json!({"keys": [with(&key, "x", json!("AAAA"))]}), "SRE-PROXY-063"),
    ] {
        let web = Web::of(&[]);
        web.put(url, &document);
        let answer = authenticator(&web).ready(at(0)).await.unwrap_err();
        assert_eq!(answer.code, code, "{answer}");
    }
}

fn with(key: &Value, name: &str, value: Value) -> Value {
    let mut key = key.clone();
    key[name] = value;
    key
}

#[tokio::test]
async fn a_configured_jwks_uri_needs_no_discovery() {
    let signer = Signer::rsa("k");
    let web = Arc::new(Web::default());
    web.put("https://keys.example/jwks.json", &json!({"keys": [signer.jwk()]}));
    let policy = Issuer { jwks_uri: Some("https://keys.example/jwks.json".to_owned()), ..policy() };
    let door = Authenticator::new(&auth(vec![policy]), Arc::clone(&web) as Arc<dyn FetchDocument>);
    assert_eq!(reason(&door, &signer.token(&claims()), at(0)).await, "accepted");
    assert_eq!(*web.fetched.lock().unwrap(), ["https://keys.example/jwks.json"]);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answers_is_given_up() {
    let signer = Signer::ec("k");
    let web = Arc::new(Web { gate: Some(Semaphore::new(0)), ..Web::default() });
    let door = authenticator(&web);
    let began = tokio::time::Instant::now();
    assert_eq!(reason(&door, &signer.token(&claims()), at(0)).await, "issuer_unavailable");
    assert_eq!(began.elapsed().as_secs(), 10);
    // The next one hears at once that it is too early to ask again.
    assert_eq!(reason(&door, &signer.token(&claims()), at(10)).await, "issuer_unavailable");
    assert_eq!(began.elapsed().as_secs(), 10);
    assert!(door.ready(at(10)).await.unwrap_err().why.contains("no answer within 10 s"));
}
