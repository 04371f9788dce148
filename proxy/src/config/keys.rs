//! What a key is, and where it is found in the one table of them. Suggestions for unknown keys, defaults, ranges, what a reload may change, and the reference
//! in `docs/proxy-configuration.md` are made from it, so that they cannot disagree.

mod table;

pub use table::KEYS;

/// One key of the file.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Where it stands: `*` for a name that the operator chooses, `[]` for an item of a list.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds where the key is not given.
    pub fallback: Fallback,
    /// Whether a change takes effect without a restart.
    pub reloads: bool,
    /// What it means, as a sentence.
    pub description: &'static str,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keys of their own.
    Mapping,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text such as this.
    Text(&'static str),
    /// Texts such as these.
    Texts(&'static str),
    /// A path, absolute or from the folder of the file.
    Path(&'static str),
    /// An address of the internet protocol with a port.
    Address,
    /// An absolute URL such as this.
    Url(&'static str),
    /// A whole number between these two.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A number of bytes between these two, as a number or such as `25MiB`.
    Size {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A time between these two numbers of milliseconds, such as `30s`.
    Duration {
        /// Smallest value.
        min_ms: u64,
        /// Largest value.
        max_ms: u64,
    },
    /// `true` or `false`.
    Boolean,
}

/// What holds where a key is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The key must be given.
    Required,
    /// This value, written as in the file.
    Value(&'static str),
    /// What the words say.
    Else(&'static str),
}

/// The key at this path, `*` and `[]` in place of names and indices.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The names of the keys directly in a mapping, in the order of the file.
pub(super) fn names_in(mapping: &str) -> Vec<&'static str> {
    KEYS.iter()
        .filter_map(|key| {
            let rest = match mapping {
                "" => key.path,
                _ => key.path.strip_prefix(mapping)?.strip_prefix('.')?,
            };
            (!rest.contains(['.', '['])).then_some(rest)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_mapping_are_its_own() {
        assert_eq!(names_in("listen"), ["address", "max_connections", "drain"]);
        assert_eq!(names_in("auth.api_keys[]"), ["name", "sha256", "groups"]);
        assert_eq!(names_in("limits.store"), ["dynamodb"]);
        assert!(names_in("").contains(&"telemetry"));
    }
}
