//! The JSON Schema of the configuration file, for editors and pipelines.

use serde_json::{Map, Value, json};

use super::{
    fields,
    keys::{Fallback, KEYS, Key, Kind},
    node,
};

/// JSON Schema (draft 2020-12) of the configuration file.
///
/// It knows each key by itself. What follows from several keys, such as that `files` needs both paths, is checked by
/// [`load`](super::load) only.
pub fn schema() -> Value {
    let mut root = section("Configuration of sre-agent-deploy.");
    for key in KEYS {
        insert(&mut root, key);
    }
    if let Some(members) = root.as_object_mut() {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("sre-agent-deploy configuration"));
        // An empty file is no configuration, while an empty section is one whose keys are all defaults.
        members.insert("type".to_owned(), json!("object"));
        members.insert("required".to_owned(), json!(["version", "deployment"]));
    }
    root
}

fn section(description: &str) -> Value {
    json!({"type": ["object", "null"], "description": description, "additionalProperties": false, "properties": {}})
}

/// Puts a key where its path says, making the sections on the way.
fn insert(root: &mut Value, key: &Key) {
    let mut place = root;
    let mut parts = key.path.split('.').peekable();
    while let Some(name) = parts.next() {
        if parts.peek().is_none()
            && key.fallback == Fallback::Required
            && name != "version"
            && name != "region"
        {
            require(place, name);
        }
        let Some(properties) = place.get_mut("properties").and_then(Value::as_object_mut) else { return };
        let description = match parts.peek() {
            None => {
                properties.insert(name.to_owned(), of_key(key));
                return;
            }
            Some(_) => format!("`{name}:`"),
        };
        place = properties.entry(name.to_owned()).or_insert_with(|| section(&description));
    }
}

fn require(section: &mut Value, name: &str) {
    if let Some(members) = section.as_object_mut() {
        let required = members.entry("required").or_insert_with(|| json!([]));
        if let Some(names) = required.as_array_mut() {
            names.push(json!(name));
        }
    }
}

fn of_key(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Section => section(key.description),
        Kind::Version => json!({"const": super::VERSION}),
        Kind::Choice(choices) => json!({"enum": choices}),
        Kind::Text(pattern) => json!({"type": "string", "pattern": pattern}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Cidrs => {
            json!({"type": "array", "items": {"type": "string", "pattern": CIDR}, "uniqueItems": true})
        }
        Kind::Ports => json!({
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": u16::MAX, "not": {"enum": [22, 443]}},
            "uniqueItems": true,
        }),
        Kind::Texts(pattern) => {
            json!({"type": "array", "items": {"type": "string", "pattern": pattern}, "minItems": 1, "uniqueItems": true})
        }
        Kind::Models => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$"},
            "additionalProperties": {"type": "string", "pattern": MODEL},
        }),
    };
    if let Some(members) = schema.as_object_mut() {
        if key.path == "network.https_cidrs" {
            members.insert("minItems".to_owned(), json!(1));
        }
        allow_null(members, key);
        members.insert("description".to_owned(), json!(description(key)));
        if let Fallback::Value { .. } = key.fallback
            && let Some(default) = to_json(fields::default_node(key.path))
        {
            members.insert("default".to_owned(), default);
        }
    }
    schema
}

/// An address, a slash and a length; whether host bits are set is beyond a pattern.
const CIDR: &str = "^[0-9A-Fa-f.:]+/[0-9]{1,3}$";
/// A model id with an optional geography, or an ARN of Bedrock.
const MODEL: &str = "^([a-z0-9-]{1,63}([.][a-z0-9-]{1,63}){1,3}(:[a-z0-9-]{1,63}){0,2}|arn:aws(-cn|-us-gov)?:bedrock:[a-z0-9-]+:([0-9]{12})?:(foundation-model|inference-profile|application-inference-profile)/[a-z0-9.:-]+)$";

fn allow_null(members: &mut Map<String, Value>, key: &Key) {
    if !key.nullable || key.kind == Kind::Section {
        return;
    }
    if let Some(kind) = members.get("type").cloned() {
        members.insert("type".to_owned(), json!([kind, "null"]));
    }
    if let Some(choices) = members.get_mut("enum").and_then(Value::as_array_mut) {
        choices.push(Value::Null);
    }
}

/// The key's meaning with what holds where it is not given.
fn description(key: &Key) -> String {
    match key.fallback {
        Fallback::Nothing(meaning) => format!("{} Without it: {meaning}.", key.description),
        Fallback::Derived(rule) => format!("{} Without it: {rule}.", key.description),
        Fallback::Value { reason, .. } => format!("{} Default: {reason}.", key.description),
        Fallback::Required => format!("{} Required.", key.description),
    }
}

/// A default as JSON.
pub(crate) fn to_json(node: node::Node) -> Option<Value> {
    Some(match node.value {
        node::Value::Scalar(scalar) => match scalar.kind() {
            node::Type::Null => Value::Null,
            node::Type::Integer => json!(scalar.text.parse::<u64>().ok()?),
            node::Type::Boolean | node::Type::Number | node::Type::Text => json!(scalar.text),
        },
        node::Value::List(items) => Value::Array(items.into_iter().map(to_json).collect::<Option<_>>()?),
        node::Value::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|entry| Some((entry.key, to_json(entry.value)?)))
                .collect::<Option<_>>()?,
        ),
        node::Value::Reported => return None,
    })
}
