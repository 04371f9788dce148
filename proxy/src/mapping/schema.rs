//! Schemas of tools as the models accept them. Most are passed on as they were written.

use indexmap::IndexMap;
use model::bedrock::Schemas;
use serde_json::value::RawValue;

use super::converse::Json;
use crate::openai::{Raw, Text};

/// How far references are followed into each other.
const MAX_REFERENCES: usize = 16;
/// How many parts of combinations are looked at for properties; they may multiply.
const MAX_PARTS: usize = 1_000;
/// How long a schema may be. Those of people are a hundred times shorter.
const MAX_BYTES: usize = 262_144;
/// How long a schema may become when its references are written out.
const MAX_EXPANDED_BYTES: usize = 65_536;

type Members<'a> = IndexMap<Text<'a>, &'a RawValue>;

/// The schema of an object for a model, or what is wrong with it. Without one, any object is fine.
///
/// Nova takes nothing but `type`, `properties` and `required` at the top, so there references are written out, the
/// branches of a combination become one object, and what else is at the top is left out.
pub(super) fn input_schema(schema: Option<Raw<'_>>, accepted: Schemas) -> Result<Json<'_>, String> {
    let Some(schema) = schema else { return Ok(Json::AnyObject) };
    if schema.text().len() > MAX_BYTES {
        return Err(format!("is longer than {MAX_BYTES} bytes"));
    }
    let members = members_of(schema.text()).ok_or("must be a JSON schema of an object")?;
    let kind = members.get("type").map(|kind| kind.get());
    if kind.is_some_and(|kind| !kind.contains("\"object\"")) {
        return Err("must be a JSON schema of an object: its `type` has to be `object`".to_owned());
    }
    let is_plain = kind == Some("\"object\"") && members.contains_key("properties");
    let fits = match accepted {
        Schemas::Object => !members.contains_key("$schema"),
        Schemas::PlainObject => {
            members.keys().all(|name| is_plain_keyword(name)) && !schema.text().contains("\"$ref\"")
        }
    };
    if is_plain && fits {
        return Ok(Json::Written(schema));
    }
    let written = match accepted {
        Schemas::Object => with_type(&members),
        Schemas::PlainObject => Writer::new(&members).plain(&members)?,
    };
    // What was put together from valid parts is valid.
    RawValue::from_string(written)
        .map(Json::Rewritten)
        .map_err(|error| format!("cannot be rewritten: {error}"))
}

fn is_plain_keyword(name: &str) -> bool {
    matches!(name, "type" | "properties" | "required")
}

fn members_of(json: &str) -> Option<Members<'_>> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

/// The same members behind `type`, which every model wants, with `properties`.
fn with_type(members: &Members<'_>) -> String {
    let mut out = String::from(r#"{"type":"object""#);
    if !members.contains_key("properties") {
        out.push_str(r#","properties":{}"#);
    }
    for (name, value) in members {
        if !matches!(name.as_str(), "type" | "$schema") {
            push_name(&mut out, name);
            out.push_str(value.get());
        }
    }
    out.push('}');
    out
}

fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    // Serialising text cannot fail.
    out.push_str(&serde_json::to_string(name).unwrap_or_default());
    out.push(':');
}

/// Writes schemas with their references written out.
struct Writer<'a> {
    definitions: Members<'a>,
    out: String,
    parts: usize,
}

impl<'a> Writer<'a> {
    fn new(root: &Members<'a>) -> Self {
        let definitions = ["$defs", "definitions"]
            .into_iter()
            .filter_map(|name| root.get(name))
            .filter_map(|definitions| members_of(definitions.get()))
            .flatten()
            .collect();
        Self { definitions, out: String::new(), parts: 0 }
    }

    /// `{type, properties, required}` of a schema of an object.
    fn plain(mut self, root: &Members<'a>) -> Result<String, String> {
        let mut properties = Members::default();
        let mut required: Vec<Text<'a>> = Vec::new();
        self.gather(root, true, MAX_REFERENCES, &mut properties, &mut required);
        self.out.push_str(r#"{"type":"object","properties":{"#);
        for (name, schema) in &properties {
            push_name(&mut self.out, name);
            self.write(schema.get(), &mut Vec::new())?;
        }
        self.out.push('}');
        required.retain(|name| properties.contains_key(name.as_str()));
        if !required.is_empty() {
            push_name(&mut self.out, "required");
            self.out.push_str(&serde_json::to_string(&required).unwrap_or_default());
        }
        self.out.push('}');
        Ok(self.out)
    }

    /// Collects the properties of an object and of everything it is combined from. What only one branch of a choice
    /// requires is not required.
    fn gather(
        &mut self,
        schema: &Members<'a>,
        binding: bool,
        depth: usize,
        properties: &mut Members<'a>,
        required: &mut Vec<Text<'a>>,
    ) {
        self.parts = self.parts.saturating_add(1);
        let Some(depth) = depth.checked_sub(1).filter(|_| self.parts <= MAX_PARTS) else { return };
        if let Some(target) = self.reference(schema).and_then(|(_, target)| members_of(target.get())) {
            self.gather(&target, binding, depth, properties, required);
        }
        if let Some(own) = schema.get("properties").and_then(|own| members_of(own.get())) {
            for (name, value) in own {
                properties.entry(name).or_insert(value);
            }
        }
        let names = schema.get("required").and_then(|names| serde_json::from_str(names.get()).ok());
        if binding {
            for name in names.into_iter().flat_map(|names: Vec<Text<'a>>| names) {
                if !required.contains(&name) {
                    required.push(name);
                }
            }
        }
        for (combination, binding) in [("allOf", binding), ("anyOf", false), ("oneOf", false)] {
            let branches = schema.get(combination).and_then(|list| serde_json::from_str(list.get()).ok());
            for branch in branches.into_iter().flat_map(|branches: Vec<&'a RawValue>| branches) {
                if let Some(branch) = members_of(branch.get()) {
                    self.gather(&branch, binding, depth, properties, required);
                }
            }
        }
    }

    /// The definition that `$ref` names, if it is one of this schema.
    fn reference(&self, schema: &Members<'a>) -> Option<(Text<'a>, &'a RawValue)> {
        let reference: Text<'a> = serde_json::from_str(schema.get("$ref")?.get()).ok()?;
        let name = reference.strip_prefix("#/$defs/").or_else(|| reference.strip_prefix("#/definitions/"))?;
        self.definitions.get_key_value(name).map(|(name, target)| (name.clone(), *target))
    }

    /// Appends a value; `inside` are the definitions that are being written out, since one may contain itself.
    fn write(&mut self, json: &'a str, inside: &mut Vec<Text<'a>>) -> Result<(), String> {
        if self.out.len() > MAX_EXPANDED_BYTES {
            return Err(format!(
                "becomes longer than {MAX_EXPANDED_BYTES} bytes with its references written out"
            ));
        }
        if let Some(members) = members_of(json) {
            self.out.push('{');
            match self.reference(&members) {
                Some((name, _)) if inside.contains(&name) || inside.len() >= MAX_REFERENCES => {
                    self.out.push_str(r#""type":"object""#);
                }
                Some((name, target)) => {
                    inside.push(name);
                    // Members beside the reference, such as a description, come before those of the definition.
                    let mut merged = members;
                    merged.shift_remove("$ref");
                    for (name, value) in members_of(target.get()).unwrap_or_default() {
                        merged.entry(name).or_insert(value);
                    }
                    self.write_members(&merged, inside)?;
                    inside.pop();
                }
                None => self.write_members(&members, inside)?,
            }
            self.out.push('}');
            return Ok(());
        }
        let items: Option<Vec<&'a RawValue>> =
            json.starts_with('[').then(|| serde_json::from_str(json).ok()).flatten();
        let Some(items) = items else {
            self.out.push_str(json);
            return Ok(());
        };
        self.out.push('[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.write(item.get(), inside)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn write_members(&mut self, members: &Members<'a>, inside: &mut Vec<Text<'a>>) -> Result<(), String> {
        for (name, value) in members {
            push_name(&mut self.out, name);
            self.write(value.get(), inside)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(schema: &str) -> String {
        let json = input_schema(Some(Raw::parse(schema).unwrap()), Schemas::PlainObject).unwrap();
        serde_json::to_string(&json).unwrap()
    }

    #[test]
    fn what_nova_accepts_is_passed_on_as_written() {
        let schema =
            r#"{ "type": "object",  "properties": {"b": {}, "a": {"type": "string"}}, "required": ["a"] }"#;
        assert_eq!(plain(schema), schema);
    }

    #[test]
    fn nothing_but_three_members_stays_at_the_top() {
        assert_eq!(plain("{}"), r#"{"type":"object","properties":{}}"#);
        assert_eq!(
            plain(
                r#"{"$schema":"x","title":"T","additionalProperties":false,"properties":{"z":{},"a":{}},"required":["a","gone"]}"#
            ),
            r#"{"type":"object","properties":{"z":{},"a":{}},"required":["a"]}"#
        );
    }

    #[test]
    fn references_are_written_out_and_a_loop_ends() {
        assert_eq!(
            plain(
                r##"{"type":"object","properties":{"p":{"$ref":"#/$defs/P","description":"d"}},"$defs":{"P":{"type":"string","description":"x"}}}"##
            ),
            r#"{"type":"object","properties":{"p":{"description":"d","type":"string"}}}"#
        );
        assert_eq!(
            plain(
                r##"{"$ref":"#/$defs/N","$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}},"required":["next"]}}}"##
            ),
            r#"{"type":"object","properties":{"next":{"type":"object","properties":{"next":{"type":"object"}},"required":["next"]}},"required":["next"]}"#
        );
    }

    #[test]
    fn the_branches_of_a_choice_become_one_object() {
        assert_eq!(
            plain(
                r#"{"anyOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{}}}]}"#
            ),
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#
        );
    }

    #[test]
    fn a_schema_that_grows_without_end_is_refused() {
        use std::fmt::Write as _;
        let mut definitions = String::from(r#""D0":{"type":"string"}"#);
        for level in 1..16 {
            let reference = format!(r##"{{"$ref":"#/$defs/D{}"}}"##, level - 1);
            let list = vec![reference; 10].join(",");
            write!(definitions, r#","D{level}":{{"anyOf":[{list}]}}"#).unwrap();
        }
        let schema = format!(
            r##"{{"type":"object","properties":{{"p":{{"$ref":"#/$defs/D15"}}}},"$defs":{{{definitions}}}}}"##
        );
        assert!(input_schema(Some(Raw::parse(&schema).unwrap()), Schemas::PlainObject).is_err());
    }

    #[test]
    fn other_models_get_every_keyword() {
        let schema = Raw::parse(r#"{"$schema":"x","additionalProperties":false}"#).unwrap();
        let json = input_schema(Some(schema), Schemas::Object).unwrap();
        assert_eq!(
            serde_json::to_string(&json).unwrap(),
            r#"{"type":"object","properties":{},"additionalProperties":false}"#
        );
        assert!(input_schema(Some(Raw::parse("[]").unwrap()), Schemas::Object).is_err());
        assert!(input_schema(Some(Raw::parse(r#"{"type":"string"}"#).unwrap()), Schemas::Object).is_err());
    }
}
