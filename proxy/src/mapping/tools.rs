//! Names and ids of tools within Bedrock's grammar, and the way back.

use std::{borrow::Cow, collections::HashSet};

use model::hex;
use sha2::{Digest as _, Sha256};

/// The longest name and the longest id that Converse takes.
const MAX: usize = 64;
/// How much of a name is kept in front of the digest.
const KEPT: usize = 55;

/// What tools are called upstream. Names within `[a-zA-Z0-9_-]{1,64}` stay as they are.
#[derive(Debug, Default)]
pub(crate) struct ToolNames<'a> {
    /// What the client says → what Bedrock gets.
    changed: Vec<(&'a str, String)>,
}

impl<'a> ToolNames<'a> {
    /// Settles all names of a request, those of its tools and those in its history, before any is used: no new name
    /// may be one that the client uses for another tool.
    pub(crate) fn new<I: Iterator<Item = &'a str> + Clone>(names: I) -> Self {
        if names.clone().all(is_valid_name) {
            return Self::default();
        }
        let mut taken: HashSet<String> =
            names.clone().filter(|name| is_valid_name(name)).map(str::to_owned).collect();
        let mut seen = HashSet::new();
        let mut changed = Vec::new();
        for name in names.filter(|name| !is_valid_name(name)) {
            if seen.insert(name) {
                let alias = alias(name, &taken);
                taken.insert(alias.clone());
                changed.push((name, alias));
            }
        }
        Self { changed }
    }

    /// What Bedrock gets for a name.
    pub(crate) fn sent(&self, name: &'a str) -> Cow<'a, str> {
        match self.changed.iter().find(|(original, _)| *original == name) {
            Some((_, alias)) => Cow::Owned(alias.clone()),
            None => Cow::Borrowed(name),
        }
    }

    /// What Bedrock gets → what the client says, where they differ.
    pub(crate) fn reverse(self) -> Vec<(String, String)> {
        self.changed.into_iter().map(|(original, alias)| (alias, original.to_owned())).collect()
    }
}

/// A name like `wanted`, which is short, that is none of those that are sent.
pub(crate) fn unused(wanted: &str, mut is_used: impl FnMut(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1_u32;
    while is_used(&name) {
        number = number.saturating_add(1);
        name = format!("{wanted}_{number}");
    }
    name
}

/// An id within `[a-zA-Z0-9_.:-]{1,64}`: itself, or its digest. The same id becomes the same id everywhere.
pub(crate) fn tool_use_id(id: &str) -> Cow<'_, str> {
    let valid = (1..=MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-'));
    if valid { Cow::Borrowed(id) } else { Cow::Owned(format!("call_{}", digest(id, 20))) }
}

fn is_valid_name(name: &str) -> bool {
    (1..=MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// As much of the name as is allowed, and a digest that tells it from its like.
fn alias(name: &str, taken: &HashSet<String>) -> String {
    let readable: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
        .take(KEPT)
        .collect();
    let mut salted = name.to_owned();
    loop {
        let alias = format!("{readable}_{}", digest(&salted, 4));
        if !taken.contains(&alias) {
            return alias;
        }
        salted.push('_');
    }
}

/// The first bytes of the SHA-256, in hex.
fn digest(text: &str, bytes: usize) -> String {
    hex::encode(Sha256::digest(text).get(..bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_within_the_grammar_stays() {
        let names = ToolNames::new(["get_weather", "a-b"].into_iter());
        assert_eq!(names.sent("get_weather"), "get_weather");
        assert!(names.reverse().is_empty());
    }

    #[test]
    fn a_new_name_is_never_one_that_is_in_use() {
        let alias = ToolNames::new(["a.b"].into_iter()).sent("a.b").into_owned();
        let names = ToolNames::new(["a.b", alias.as_str()].into_iter());
        assert_eq!(names.sent(&alias), alias);
        assert_ne!(names.sent("a.b"), alias);
        assert_eq!(unused("x", |name| name == "x"), "x_2");
    }

    #[test]
    fn ids_are_mapped_only_where_they_must_be() {
        assert_eq!(tool_use_id("call_abc.1:2-3"), "call_abc.1:2-3");
        let mapped = tool_use_id("call 1").into_owned();
        assert_eq!(tool_use_id("call 1"), mapped);
        assert_eq!(tool_use_id(&mapped), mapped.as_str());
        assert_ne!(tool_use_id("call 2"), mapped);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_name_is_within_the_grammar_and_maps_back(
            names in proptest::collection::vec("[a-c._é-]{0,4}|[a-z]{60,70}|\\PC{0,80}", 0..12)
        ) {
            let map = ToolNames::new(names.iter().map(String::as_str));
            let sent: Vec<String> = names.iter().map(|name| map.sent(name).into_owned()).collect();
            let back = map.reverse();
            for (name, sent) in names.iter().zip(&sent) {
                prop_assert!(is_valid_name(sent), "{sent}");
                let original = back.iter().find(|(alias, _)| alias == sent).map_or(sent, |(_, name)| name);
                prop_assert_eq!(original, name);
            }
        }

        #[test]
        fn every_id_is_within_the_grammar(id in "\\PC{0,80}") {
            let id = tool_use_id(&id).into_owned();
            prop_assert!((1..=MAX).contains(&id.len()));
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b)));
        }
    }
}
