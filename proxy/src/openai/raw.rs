//! JSON that is passed on as it was written: schemas of tools, arguments of calls.
//!
//! Skipping JSON accepts what reading it would refuse: any depth, and escapes that are no character. The upstream
//! reads it, so it is refused here, where the member can be named.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

/// Levels of nesting that nobody needs.
const MAX_DEPTH: usize = 64;

/// A JSON value as its text, borrowed from the body; sound, so that whoever reads it can.
#[derive(Clone, Copy)]
pub struct Raw<'a>(&'a RawValue);

impl<'a> Raw<'a> {
    /// Reads text that holds one JSON value and nothing else; the error is for the client.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let value: &RawValue = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        sound(value.get())?;
        Ok(Self(value))
    }

    /// The JSON text, without white space around it.
    pub fn text(self) -> &'a str {
        self.0.get()
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.text().starts_with('{')
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?;
        sound(value.get()).map_err(de::Error::custom)?;
        Ok(Self(value))
    }
}

/// Whether valid JSON is neither too deep nor holds half a surrogate pair.
fn sound(json: &str) -> Result<(), String> {
    let mut bytes = json.bytes();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut high = false;
    while let Some(byte) = bytes.next() {
        let was_high = std::mem::take(&mut high);
        let mut is_low = false;
        match (in_string, byte) {
            (true, b'\\') => {
                let escaped = bytes.next();
                if escaped == Some(b'u') {
                    let unit = bytes.by_ref().take(4).fold(0_u32, |unit, hex| {
                        unit << 4 | char::from(hex).to_digit(16).unwrap_or_default()
                    });
                    high = (0xD800..0xDC00).contains(&unit);
                    is_low = (0xDC00..0xE000).contains(&unit);
                }
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    return Err(format!("is nested more than {MAX_DEPTH} levels deep"));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if was_high != is_low {
            return Err("holds half of a surrogate pair, which is no character".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_would_choke_on_is_refused() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for good in ["{}", r#""[[[""#, r#"{"a":"\ud83d\ude00\\ud800"}"#, "1e999", &deep(MAX_DEPTH)] {
            assert!(Raw::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "{",
            "{} x",
            r#""\ud800""#,
            r#""\ud800x""#,
            r#""\udc00""#,
            r#""\ud800\n""#,
            &deep(MAX_DEPTH + 1),
        ] {
            assert!(Raw::parse(bad).is_err(), "{bad}");
        }
    }
}
