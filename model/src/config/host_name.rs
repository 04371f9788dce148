//! Host names, URLs and email addresses, as far as their grammar goes.

const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Names that RFC 2606 and RFC 6761 keep for documentation and tests; no certificate authority issues for them.
const PLACEHOLDERS: &[&str] =
    &["example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"];

/// Whether this is a host name of RFC 1123 with at least two labels, whose last one is not a number.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.split('.').count() >= 2
        && text.split('.').all(is_label)
        && text.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether nobody can own this name.
pub(crate) fn is_placeholder(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|reserved| {
        name.strip_suffix(reserved).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The host name that somebody meant who wrote a URL, a wildcard or a final dot.
pub(crate) fn repaired(text: &str) -> Option<String> {
    let rest = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#']).next()?;
    let host =
        host.strip_prefix("*.").unwrap_or(host).trim_end_matches('.').replace('_', "-").to_ascii_lowercase();
    is_host_name(&host).then_some(host)
}

/// Whether this is an absolute https URL: a scheme, a host and nothing that would need quoting.
pub(crate) fn is_https_url(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(|c| c.is_ascii_graphic())
    })
}

/// Whether this could be an email address: something, an at sign, a domain.
pub(crate) fn is_email(text: &str) -> bool {
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | ',' | ';'))
                && is_host_name(domain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_have_two_labels_of_letters_digits_and_inner_hyphens() {
        for good in ["api.example.com", "a-b.c1", "API.Example.Com", "1.xn--p1ai"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.com", "a".repeat(64));
        for bad in [
            "localhost",
            "10.0.0.1",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a.b.",
            "",
            ".",
            "ä.de",
            "*.a.b",
            &long,
        ] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_was_meant_is_found() {
        for text in ["https://api.corp.io/v1", "api.corp.io.", "*.api.corp.io", " API.corp.io:443"] {
            assert_eq!(repaired(text).as_deref(), Some("api.corp.io"), "{text}");
        }
        assert_eq!(repaired("localhost"), None);
    }

    #[test]
    fn names_of_the_documentation_are_placeholders() {
        assert!(
            is_placeholder("api.example.com") && is_placeholder("Example.org") && is_placeholder("x.test")
        );
        assert!(!is_placeholder("api.myexample.com") && !is_placeholder("example.com.io"));
    }
}
