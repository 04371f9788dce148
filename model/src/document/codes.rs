//! The stable codes of configuration problems. A code is never reused and each has its page in `runbooks/`.

macro_rules! codes {
    ($($name:ident = $code:literal: $title:literal;)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*

        /// Every code of a configuration problem with the title of its page, in numerical order.
        pub const CODES: &[(&str, &str)] = &[$(($code, $title)),*];
    };
}

codes! {
    NOT_UTF8 = "SRE-CONF-001": "The configuration file is not UTF-8";
    TOO_LARGE = "SRE-CONF-002": "The configuration file is too large";
    SYNTAX = "SRE-CONF-003": "The configuration file is not valid YAML";
    TOO_DEEP = "SRE-CONF-004": "The configuration file is nested too deeply";
    UNSUPPORTED_YAML = "SRE-CONF-005": "Anchors, aliases, tags, directives and several documents are not supported";
    DUPLICATE_KEY = "SRE-CONF-006": "A key is given twice";
    UNKNOWN_KEY = "SRE-CONF-007": "A key is unknown";
    WRONG_TYPE = "SRE-CONF-008": "A value has the wrong type";
    SECRET_IN_FILE = "SRE-CONF-009": "A secret does not belong into the configuration";
    REQUIRED = "SRE-CONF-010": "A required setting is missing";
    NEWER_VERSION = "SRE-CONF-011": "The configuration is of a newer format";
    INVALID_IDENTIFIER = "SRE-CONF-012": "An identifier breaks its grammar";
    NOT_A_CHOICE = "SRE-CONF-013": "A value is not one of the choices";
    OUT_OF_RANGE = "SRE-CONF-014": "A number is out of range";
    INVALID_CIDR = "SRE-CONF-015": "A CIDR block is malformed";
    HOST_BITS = "SRE-CONF-016": "A CIDR block has host bits set";
    NOBODY_REACHES_HTTPS = "SRE-CONF-017": "Nobody may reach port 443";
    SSH_OPEN = "SRE-CONF-018": "Port 22 is open to the whole internet";
    DUPLICATE_ITEM = "SRE-CONF-019": "A list holds a value twice";
    RESERVED_PORT = "SRE-CONF-020": "A backend port is one the deployment itself uses";
    INSTANCE_TOO_SMALL = "SRE-CONF-021": "The instance type is too small";
    INSTANCE_NOT_JUDGED = "SRE-CONF-022": "The size of the instance type is not known";
    VOLUME_TOO_SMALL = "SRE-CONF-023": "The root volume is too small";
    NO_ACCOUNT = "SRE-CONF-024": "The AWS account is not pinned";
    INVALID_SCOPE = "SRE-CONF-025": "The scopes or the resource server break Cognito's grammar";
    DOMAIN_PREFIX = "SRE-CONF-026": "No Cognito domain prefix can be derived from the deployment id";
    FOREIGN_REGION = "SRE-CONF-027": "A resource is of another Region than the deployment";
    TLS_DOMAIN = "SRE-CONF-028": "The domain name is missing or not a host name";
    TLS_FILES = "SRE-CONF-029": "The certificate files are missing or not absolute paths";
    ACME_SETTINGS = "SRE-CONF-030": "An ACME setting is malformed";
    ACME_NO_EMAIL = "SRE-CONF-031": "Nobody would be told before the certificate expires";
    ACME_STAGING = "SRE-CONF-032": "Production would get a certificate that no client trusts";
    NO_MODELS = "SRE-CONF-033": "The proxy would serve no model";
    INVALID_MODEL = "SRE-CONF-034": "A model name or model id breaks its grammar";
    MODEL_RETIRED = "SRE-CONF-035": "A model is past its end of life";
    INVALID_GATEWAY = "SRE-CONF-036": "A gateway setting breaks AWS's grammar";
    // Said by versions before the gateway was deployed.
    GATEWAY_NOT_DEPLOYED = "SRE-CONF-037": "This version does not deploy the gateway yet";
    UNKNOWN_VARIABLE = "SRE-CONF-038": "An environment variable matches no key";
    NO_EFFECT = "SRE-CONF-039": "A setting has no effect";
    PLACEHOLDER = "SRE-CONF-040": "A value is still the placeholder from the documentation";
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
        let pages: BTreeSet<String> = fs::read_dir(&runbooks)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("SRE-CONF-"))
            .collect();
        let wanted: BTreeSet<String> = CODES.iter().map(|(code, _)| format!("{code}.md")).collect();
        assert_eq!(pages, wanted);

        for (code, title) in CODES {
            let page = fs::read_to_string(runbooks.join(format!("{code}.md"))).unwrap();
            assert_eq!(page.lines().next(), Some(format!("# {code}: {title}").as_str()));
            let sections: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(sections, ["## Symptom", "## Cause", "## Fix", "## Verify"], "{code}");
        }
    }

    #[test]
    fn codes_count_up_without_gaps() {
        for (index, (code, _)) in CODES.iter().enumerate() {
            assert_eq!(*code, format!("SRE-CONF-{:03}", index + 1));
        }
    }
}
