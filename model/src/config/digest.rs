//! A short name for a configuration: equal exactly where the resolved values are equal.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Config;
use crate::hex;

/// Keys below `tls.acme` that came after the first state files; where they say nothing they do not count.
const LATER: [&str; 4] = ["profile", "eab_key_id", "eab_hmac_path", "ca_path"];

impl Config {
    /// Lower-case hexadecimal SHA-256 of the canonical JSON of [`Config::resolved`].
    pub fn digest(&self) -> String {
        let mut canonical = String::new();
        let mut resolved = self.resolved();
        // A state file from before they existed is still of the same configuration.
        if let Some(acme) = resolved.pointer_mut("/tls/acme").and_then(Value::as_object_mut) {
            acme.retain(|name, value| !(value.is_null() && LATER.contains(&name.as_str())));
        }
        write_canonical(&resolved, &mut canonical);
        hex::encode(&Sha256::digest(canonical.as_bytes()))
    }
}

/// JSON without white space and with members sorted by name, whatever order the map keeps.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(&Value::String(name.clone()), out);
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_is_sorted_and_without_white_space() {
        let mut out = String::new();
        write_canonical(&serde_json::json!({"b": [1, {"z": null, "a": "x\"y"}], "a": true}), &mut out);
        assert_eq!(out, r#"{"a":true,"b":[1,{"a":"x\"y","z":null}]}"#);
    }
}
