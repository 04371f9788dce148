//! Whether a token is one of this issuer's, as a resource behind it would find out.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::Value;

use super::{State, lock, now_unix_s};

impl State {
    /// The claims of a token that a published key signed, that names this issuer, and that has not expired.
    pub(crate) fn verified(&self, token: &str) -> Option<Value> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let message = token.get(..header.len().checked_add(claims.len())?.checked_add(1)?)?;
        let (header, signature) = (json(header)?, BASE64.decode(signature).ok()?);
        if header.get("crit").is_some() {
            return None;
        }
        let kid = header.get("kid")?.as_str()?;
        let keys = lock(&self.keys);
        let key = [&keys.signing, &keys.other].into_iter().find(|key| key.kid == kid)?;
        let is_right =
            header.get("alg")?.as_str()? == key.algorithm() && key.verifies(message.as_bytes(), &signature);
        let claims = json(claims).filter(|_| is_right)?;
        let is_ours = claims.get("iss")?.as_str()? == self.issuer();
        (is_ours && claims.get("exp")?.as_u64()? > now_unix_s()).then_some(claims)
    }
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Algorithm, Forgery, Issuer, IssuerOptions};

    #[test]
    fn only_its_own_tokens_are_verified() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            let issuer = Issuer::start(IssuerOptions { algorithm, ..IssuerOptions::default() }).unwrap();
            let claims = issuer.claims();
            let good = issuer.mint(&claims);
            assert_eq!(issuer.state.verified(&good), Some(claims.clone()));
            for how in Forgery::ALL {
                let forged = issuer.forge(how, &claims).unwrap();
                assert_eq!(issuer.state.verified(&forged), None, "{how:?}");
            }
            for (name, value) in [("iss", json!("https://elsewhere")), ("exp", json!(1))] {
                let mut wrong = claims.clone();
                wrong[name] = value;
                assert_eq!(issuer.state.verified(&issuer.mint(&wrong)), None, "{name}");
            }
            for none in ["", "a.b", "a.b.c", &format!("{good}.x")] {
                assert_eq!(issuer.state.verified(none), None);
            }
        }
    }
}
