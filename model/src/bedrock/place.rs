//! Where a model answers: plain id or inference profile, by Region.

use std::borrow::Cow;

use super::{facts, names};
use crate::Region;

/// What to call a model in a Region: the plain id where the Region answers to it, else the inference profile of the
/// Region's geography, else the global one. Whoever wrote a geography or an ARN meant it: those stay, as does a
/// model that the table does not hold.
pub fn in_region<'a>(model: &'a str, region: &Region) -> Cow<'a, str> {
    let row = facts(model);
    let is_plain = !model.starts_with("arn:") && names::base_id(model) == Some(model);
    if row.is_unknown() || !is_plain || row.places.regions.contains(&region.as_str()) {
        return Cow::Borrowed(model);
    }
    geographies(region)
        .iter()
        .find(|geography| row.places.profiles.contains(geography))
        .map_or(Cow::Borrowed(model), |geography| Cow::Owned(format!("{geography}.{model}")))
}

/// The id without its geography, for the rows of price lists and statistics.
pub fn without_geography(model: &str) -> &str {
    names::base_id(model).unwrap_or(model)
}

/// By the first beginning that fits; some countries have a profile of their own beside that of their continent.
const BY_BEGINNING: &[(&str, &[&str])] = &[
    ("us-gov-", &["us-gov"]),
    ("us-", &["us", "global"]),
    ("ca-", &["ca", "us", "global"]),
    ("eu-", &["eu", "global"]),
    ("ap-northeast-1", &["jp", "apac", "global"]),
    ("ap-northeast-3", &["jp", "apac", "global"]),
    ("ap-southeast-2", &["au", "apac", "global"]),
    ("ap-southeast-4", &["au", "apac", "global"]),
    ("ap-", &["apac", "global"]),
    ("cn-", &[]),
    ("", &["global"]),
];

/// The geographies that a Region may belong to, the narrowest first. `global` has commercial Regions only.
fn geographies(region: &Region) -> &'static [&'static str] {
    let region = region.as_str();
    BY_BEGINNING
        .iter()
        .find(|(beginning, _)| region.starts_with(beginning))
        .map_or(&[], |(_, geographies)| *geographies)
}
