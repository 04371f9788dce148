//! The members of a token's header and payload that are judged. Others are ignored; these have to have their type.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};

/// The protected header. `jku`, `x5u`, `x5c` and `jwk` are not here on purpose: a token does not say where its key is.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) crit: Option<IgnoredAny>,
}

/// The payload. A member that is there twice is an error, because two readers could take different ones.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) exp: Option<Seconds>,
    pub(super) nbf: Option<Seconds>,
    pub(super) iat: Option<Seconds>,
    pub(super) jti: Option<String>,
    pub(super) aud: Option<Strings>,
    pub(super) azp: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) token_use: Option<String>,
    #[serde(rename = "cognito:groups")]
    pub(super) cognito_groups: Option<Strings>,
    pub(super) groups: Option<Strings>,
    /// Only id tokens have it (OpenID Connect Core 3.1.3.6).
    pub(super) at_hash: Option<IgnoredAny>,
    /// Only id tokens have it (OpenID Connect Core 3.3.2.11).
    pub(super) c_hash: Option<IgnoredAny>,
}

/// `NumericDate` of RFC 7519: seconds since 1970, perhaps with a fraction, which is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Seconds, E> {
        i64::try_from(value).map(Seconds).map_err(|_| E::custom("too far away"))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seconds, E> {
        Ok(Seconds(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Seconds, E> {
        // Beyond 2^53 a float is no exact number of seconds any more, and no date either.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.is_finite() && value.abs() < EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "its size was checked; the fraction is cut off"
            )]
            return Ok(Seconds(value as i64));
        }
        Err(E::custom("too far away"))
    }
}

/// One text, or a list of them: `aud` may be either, and issuers differ about `groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strings(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StringsVisitor)
    }
}

struct StringsVisitor;

impl<'de> Visitor<'de> for StringsVisitor {
    type Value = Strings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Strings, E> {
        Ok(Strings(vec![value.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strings, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Strings(texts))
    }
}
