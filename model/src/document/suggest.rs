//! The nearest known name to a misspelt one.

/// A name as near as this is always worth suggesting.
const NEAR: usize = 2;
/// In a long name, one more mistake is still a likely one.
const LONG: usize = 9;

/// The candidate that is nearest to what was written: by spelling mistakes, then by what the names share.
pub fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written: String = written.to_lowercase().chars().take(128).collect();
    let allowed = if written.chars().count() >= LONG { NEAR.saturating_add(1) } else { NEAR };
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&written, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed || shares_most(&written, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether one name is most of the other: `domain` and `domain_prefix`, `cidrs` and `https_cidrs`.
fn shares_most(written: &str, candidate: &str) -> bool {
    let candidate = candidate.to_lowercase();
    let enough = |part: &str| part.chars().count() >= 4;
    (enough(written) && candidate.contains(written))
        || (enough(&candidate) && written.contains(candidate.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_key() {
        let known = ["https_cidrs", "ssh_cidrs", "vpc_id", "id"];
        for (written, wanted) in [
            ("https_cidr", Some("https_cidrs")),
            ("HTTPS_CIDRS", Some("https_cidrs")),
            ("vpcid", Some("vpc_id")),
            ("cidrs", Some("ssh_cidrs")),
            ("entirely_else", None),
        ] {
            assert_eq!(nearest(written, known.into_iter()), wanted, "{written}");
        }
    }
}
