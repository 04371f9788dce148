//! Arrays and objects with a limit that holds while they are read: a few bytes of JSON become many of memory.

use std::{fmt, hash::Hash, marker::PhantomData};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed},
};

/// Reads an array of at most `max` entries, `null` as nothing.
pub(super) struct AtMost<T> {
    pub(super) max: usize,
    pub(super) of: PhantomData<T>,
}

/// An array of at most `MAX` entries.
pub(super) struct Few<T, const MAX: usize>(pub(super) Vec<T>);

/// An object of at most `MAX` members.
pub(super) struct FewMembers<K, V, const MAX: usize>(pub(super) IndexMap<K, V>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for AtMost<T> {
    type Value = Option<Vec<T>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for AtMost<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() >= self.max {
                return Err(too_many(self.max));
            }
            items.push(item);
        }
        Ok(Some(items))
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = AtMost { max: MAX, of: PhantomData }.deserialize(deserializer)?;
        Ok(Self(items.unwrap_or_default()))
    }
}

impl<'de, K, V, const MAX: usize> Deserialize<'de> for FewMembers<K, V, MAX>
where
    K: Deserialize<'de> + Hash + Eq,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K, V, const MAX: usize>(PhantomData<(K, V)>);
        impl<'de, K, V, const MAX: usize> de::Visitor<'de> for Visitor<K, V, MAX>
        where
            K: Deserialize<'de> + Hash + Eq,
            V: Deserialize<'de>,
        {
            type Value = IndexMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = IndexMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.len() >= MAX {
                        return Err(too_many(MAX));
                    }
                    members.insert(name, value);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Visitor::<K, V, MAX>(PhantomData)).map(Self)
    }
}

/// For the message; the path is known to who reads.
pub(super) fn too_many<E: de::Error>(max: usize) -> E {
    E::custom(format_args!("holds more than {max} entries"))
}
