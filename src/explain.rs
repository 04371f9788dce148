//! The pages of `runbooks/`, as they were when the program was built.

/// Code and page, in the order of the codes.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runbooks.rs"));

/// The page of a code; case does not matter.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code.trim())).map(|(_, page)| *page)
}

/// The code that was probably meant.
pub(crate) fn nearest(code: &str) -> Option<&'static str> {
    nearest_of(code, codes())
}

/// The same where only these can be meant.
pub(crate) fn nearest_of(code: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let code = code.trim().to_ascii_uppercase();
    known
        .map(|known| (strsim::damerau_levenshtein(known, &code), known))
        .min()
        .filter(|(distance, _)| *distance <= 4)
        .map(|(_, known)| known)
}

/// All codes.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_and_typing_errors_forgiven() {
        assert!(page("sre-conf-001").is_some_and(|page| page.starts_with("# SRE-CONF-001")));
        assert_eq!(nearest("SRE-CONF-01"), Some("SRE-CONF-001"));
        assert_eq!(nearest("hello, world"), None);
        assert!(codes().count() >= 40);
    }
}
