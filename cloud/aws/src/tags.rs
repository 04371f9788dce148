//! Tags, from and to the six shapes in which the services spell them.

use model::tags::Tags;

/// Two optional texts are a tag; one without a value has an empty one, one without a key is none.
pub(crate) fn from_pairs<'a>(pairs: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Tags {
    pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}
