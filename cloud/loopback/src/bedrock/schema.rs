//! The least value that a JSON Schema allows: what a model answers that does no more than it must.

use serde_json::{Map, Value, json};

/// Deeper than any schema that is meant seriously; ends those that contain themselves.
const DEEPEST: usize = 24;

/// The least value that `schema` allows, as far as the usual words of JSON Schema say.
pub(crate) fn least(schema: &Value) -> Value {
    of(schema, schema, 0)
}

fn of(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let deeper = depth.saturating_add(1);
    let member = |name: &str| schema.get(name);
    if let Some(target) = member("$ref").and_then(Value::as_str) {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| of(found, root, deeper));
    }
    if let Some(value) = member("const") {
        return value.clone();
    }
    if let Some(value) = member("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return value.clone();
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = member(name).and_then(Value::as_array).and_then(|values| values.first()) {
            return of(first, root, deeper);
        }
    }
    let kind = match member("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
        _ if member("properties").is_some() => "object",
        _ => "",
    };
    match kind {
        "object" => object(schema, root, deeper),
        "array" => {
            let least = member("minItems").and_then(Value::as_u64).unwrap_or_default().min(16);
            let item = of(member("items").unwrap_or(&Value::Null), root, deeper);
            (0..least).map(|_| item.clone()).collect()
        }
        "string" => json!("text"),
        "integer" | "number" => member("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let property =
        |name: &str| schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
    let members: Map<String, Value> = required
        .iter()
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), of(property(name), root, depth)))
        .collect();
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_required_is_there() {
        let schema = json!({
            "type": "object",
            "$defs": {"self": {"$ref": "#/$defs/self"}, "unit": {"enum": ["C", "F"]}},
            "properties": {
                "unit": {"$ref": "#/$defs/unit"},
                "days": {"type": "array", "minItems": 2, "items": {"type": "integer", "minimum": 3}},
                "sunny": {"type": ["boolean", "null"]},
                "place": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
                "either": {"anyOf": [{"const": 7}]},
                "endless": {"$ref": "#/$defs/self"},
                "left_out": {"type": "string"},
            },
            "required": ["unit", "days", "sunny", "place", "either", "endless"],
        });
        assert_eq!(
            least(&schema),
            json!({
                "unit": "C", "days": [3, 3], "sunny": true, "place": {"name": "text"}, "either": 7, "endless": null
            })
        );
        assert_eq!(least(&json!({"type": "object"})), json!({}));
    }
}
