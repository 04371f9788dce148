//! The members of a JSON object as they were written, in their order: for changing one and leaving the rest alone.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Borrows from the text it was read from.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

/// A string; owned where it was written with escapes.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'a> Members<'a> {
    /// The text of a member.
    pub(crate) fn get(&self, wanted: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| name.0 == wanted).map(|(_, value)| value.get())
    }

    /// Writes the object with other values for some of its members; `None` leaves a member out.
    pub(crate) fn write(&self, changes: &[(&str, Option<&str>)], out: &mut Vec<u8>) {
        let mut separator = b'{';
        for (name, value) in &self.0 {
            let change = changes.iter().find(|(changed, _)| *changed == name.0);
            let Some(value) = change.map_or(Some(value.get()), |(_, value)| *value) else { continue };
            out.push(separator);
            separator = b',';
            // Text into memory cannot fail.
            let _ = serde_json::to_writer(&mut *out, &name.0);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        if separator == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
