//! The stable codes of what an operator hears about the file, certificates, the listener and reloads. A code is never
//! reused and each has its page in `runbooks/`. What every configuration file can have wrong is in
//! [`model::document::codes`].

macro_rules! codes {
    ($($name:ident = $code:literal: $title:literal;)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*

        /// Every code of this module with the title of its page, in numerical order.
        pub const CODES: &[(&str, &str)] = &[$(($code, $title)),*];
    };
}

codes! {
    PLAIN_HTTP = "SRE-PROXY-001": "The proxy would serve plain HTTP beyond loopback";
    NOBODY_MAY_CALL = "SRE-PROXY-002": "Nobody could call the proxy";
    UNKNOWN_UPSTREAM = "SRE-PROXY-003": "A model names an upstream that does not exist";
    MALFORMED_AMOUNT = "SRE-PROXY-004": "A duration or a size is malformed";
    MALFORMED_ADDRESS = "SRE-PROXY-005": "An address is malformed";
    MALFORMED_URL = "SRE-PROXY-006": "A URL is malformed or not safe";
    MALFORMED_KEY_DIGEST = "SRE-PROXY-007": "An API key is not given as its digest";
    AMBIGUOUS_OVERRIDE = "SRE-PROXY-008": "An override of the limits does not say whom it is for";
    UNREADABLE_CERTIFICATE = "SRE-PROXY-010": "The certificate file cannot be read";
    UNREADABLE_KEY = "SRE-PROXY-011": "The key file cannot be read";
    NO_CERTIFICATE = "SRE-PROXY-012": "The certificate file holds no certificate";
    NO_KEY = "SRE-PROXY-013": "The key file holds no usable private key";
    KEY_MISMATCH = "SRE-PROXY-014": "The key does not belong to the certificate";
    EXPIRED = "SRE-PROXY-015": "The certificate is past its end";
    NOT_YET_VALID = "SRE-PROXY-016": "The certificate is not valid yet";
    NAME_NOT_COVERED = "SRE-PROXY-017": "The certificate is not good for a configured name";
    CLIENT_CA = "SRE-PROXY-018": "The certificates of client authorities cannot be used";
    TLS_SETTINGS = "SRE-PROXY-019": "TLS cannot be set up with these settings";
    UNREADABLE_PRICES = "SRE-PROXY-020": "The table of prices cannot be read";
    NO_LISTENER = "SRE-PROXY-021": "The address cannot be listened on";
    INHERITED_SOCKET = "SRE-PROXY-022": "A socket that systemd hands over cannot be used";
    ACCEPT_FAILED = "SRE-PROXY-023": "New connections cannot be accepted for the moment";
    RELOAD_REFUSED = "SRE-PROXY-024": "The changed configuration is refused and the old one goes on";
    NEEDS_RESTART = "SRE-PROXY-025": "A changed setting takes effect after a restart";
    PAIR_REFUSED = "SRE-PROXY-026": "The changed certificate is refused and the old one goes on";
    NO_WATCH = "SRE-PROXY-027": "Changes of files cannot be watched and are polled for";
    UNREADABLE_CONFIGURATION = "SRE-PROXY-028": "The configuration file cannot be read";
    NO_CHALLENGE = "SRE-PROXY-066": "A challenge of an ACME server cannot be answered";
    NO_OUTLET = "SRE-PROXY-067": "Security events do not get where they should go";
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_code_has_a_page_with_its_title() {
        let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
        for (code, title) in CODES {
            let page = fs::read_to_string(runbooks.join(format!("{code}.md"))).unwrap_or_default();
            assert_eq!(page.lines().next(), Some(format!("# {code}: {title}").as_str()));
        }
    }

    #[test]
    fn codes_are_in_numerical_order() {
        assert!(CODES.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
