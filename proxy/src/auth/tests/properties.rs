//! Properties: nobody gets in without a token of the issuer, and no token gets out.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// A door, and tokens that open it. Made once, since an RSA key takes its time.
struct Setting {
    door: Authenticator,
    tokens: Vec<String>,
    signer: Signer,
}

static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let (rsa, ec) = (Signer::rsa("rsa"), Signer::ec("ec"));
    let web = Web::of(&[&rsa, &ec]);
    let tokens = vec![rsa.token(&claims()), ec.token(&claims())];
    Setting { door: authenticator(&web), tokens, signer: ec }
});

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// A valid token with one byte replaced, put in or taken out.
fn mutated() -> impl Strategy<Value = (String, String)> {
    let bytes = "[A-Za-z0-9_.=+/ -]";
    (0_usize..2, any::<prop::sample::Index>(), bytes, 0_u8..3).prop_filter_map(
        "the same token",
        |(which, index, byte, how)| {
            let valid = &SETTING.tokens[which];
            let index = index.index(valid.len());
            let mut text = valid.clone();
            match how {
                0 => text.replace_range(index..=index, &byte),
                1 => text.insert_str(index, &byte),
                _ => text.replace_range(index..=index, ""),
            }
            (text.trim() != valid).then(|| (valid.clone(), text))
        },
    )
}

/// Everything that anybody is told about a refusal.
fn told(denial: &Denial) -> String {
    let line = denial.event.event([203, 0, 113, 7].into(), "req-1").line();
    let body = String::from_utf8(denial.error.body()).unwrap();
    format!("{line}\n{body}\n{denial:?}\n{:?}", denial.www_authenticate())
}

/// Which part of the token is in the text, if any. Parts that are too short to mean anything do not count.
fn leak<'a>(token: &'a str, told: &str) -> Option<&'a str> {
    token.split('.').chain([token]).find(|part| part.len() >= 16 && told.contains(part))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Feature: aws-ec2-production-deployment, Property 2: no change of a valid token leaves it valid.
    #[test]
    fn a_token_with_any_byte_changed_is_refused((valid, text) in mutated()) {
        run(async {
            let setting = &*SETTING;
            // The honest token is remembered; the changed one must not profit from that.
            prop_assert!(ask(&setting.door, &valid, at(0)).await.is_ok());
            let denial = ask(&setting.door, &text, at(0)).await;
            prop_assert!(denial.is_err(), "{text}");
            let told = told(&denial.unwrap_err());
            prop_assert_eq!(leak(&text, &told), None);
            prop_assert_eq!(leak(&valid, &told), None);
            Ok(())
        })?;
    }

    /// Feature: aws-ec2-production-deployment, Property 2: whatever else is sent as a credential is refused.
    #[test]
    fn no_made_up_header_gets_in(header in prop::collection::vec(any::<u8>(), 0..200), bearer in any::<bool>()) {
        let prefix: &[u8] = if bearer { b"Bearer " } else { b"" };
        if let Ok(value) = HeaderValue::from_bytes(&[prefix, &header].concat()) {
            let denial = run(SETTING.door.authenticate(Some(&value), at(0)));
            prop_assert!(denial.is_err());
        }
        prop_assert!(run(SETTING.door.authenticate(None, at(0))).is_err());
    }

    /// Feature: aws-ec2-production-deployment, Property 2: a token of another key is refused, whatever it says.
    #[test]
    fn no_forged_claims_get_in(sub in "\\PC{0,40}", kid in "\\PC{0,20}", scope in "[a-z /]{0,30}") {
        static FORGER: LazyLock<Signer> = LazyLock::new(|| Signer::ec("ec"));
        let payload = claims_with(&json!({"sub": sub, "scope": scope})).to_string();
        let named = json!({"alg": "ES256", "kid": kid}).to_string();
        for header in [r#"{"alg":"ES256","kid":"ec"}"#, &named] {
            let token = FORGER.sign(header, &payload);
            let denial = run(ask(&SETTING.door, &token, at(0)));
            prop_assert!(denial.is_err());
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 8: every refusal is logged in one line that says what, why and
    /// from where, and holds nothing of the token, whatever is in its claims.
    #[test]
    fn a_refusal_is_logged_without_the_token(
        kid in prop_oneof![Just("ec".to_owned()), "\\PC{0,300}"],
        iss in prop_oneof![3 => Just(POOL.to_owned()), 1 => "\\PC{0,300}"],
        jti in any::<String>(),
        sub in any::<String>(),
        lacks in prop_oneof![Just(json!({"exp": 0})), Just(json!({"scope": "a b"}))],
    ) {
        let mut claims = claims_with(&lacks);
        claims["iss"] = iss.into();
        claims["jti"] = jti.into();
        claims["sub"] = sub.into();
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        let token = SETTING.signer.sign(&header, &claims.to_string());
        let denial = run(ask(&SETTING.door, &token, at(0))).unwrap_err();
        prop_assert_eq!(leak(&token, &told(&denial)), None);
        let line = denial.event.event([203, 0, 113, 7].into(), "req-1").line();
        let fields: Vec<&str> = line.split(' ').collect();
        prop_assert_eq!(fields[0], "security");
        let names: Vec<&str> = fields[1..].iter().filter_map(|field| Some(field.split_once('=')?.0)).collect();
        prop_assert_eq!(&names[..4], ["event", "reason", "peer", "request"]);
        prop_assert!(fields[1..].iter().all(|field| field.matches('=').count() == 1), "{line}");
        prop_assert!(line.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{line}");
    }
}
