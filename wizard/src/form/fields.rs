//! What a question is, and which questions make sense with the answers so far.

use model::config::{Key, Kind};

use super::answers::is_nothing;
use super::table::FIELDS;
use super::{Answers, Defaults, Page};

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key of the configuration that it answers.
    pub path: &'static str,
    /// Where it is asked.
    pub page: Page,
    /// A few words in front of the answer: "Deployment id".
    pub title: &'static str,
    /// What an operator wants to know before answering: one to three sentences.
    pub help: &'static str,
    /// AWS's or the standard's own page on the matter.
    pub link: Option<&'static str>,
    /// Whether most people leave it as it is: asked for only when they want to see everything.
    pub is_advanced: bool,
}

/// The question whether there shall be a gateway. It answers no key of its own: the section is in the file or not. Its
/// answer is kept under the section's path, as [`YES`] or [`NO`].
pub const GATEWAY: &str = "gateway";
/// Wanted.
pub const YES: &str = "yes";
/// Not wanted.
pub const NO: &str = "no";

impl Field {
    /// The key: kind of value, fallback, example, environment variable.
    pub fn key(&self) -> Option<&'static Key> {
        key(self.path)
    }

    /// The flag that says the same.
    pub fn flag(&self) -> String {
        match self.path {
            GATEWAY => "--set gateway.name=VALUE".to_owned(),
            "aws.region" => "--region VALUE".to_owned(),
            "mode" => "--mode VALUE".to_owned(),
            path => format!("--set {path}=VALUE"),
        }
    }

    /// The words that it can be answered with, where there are only some.
    pub fn words(&self) -> &'static [&'static str] {
        match self.key().map(|key| key.kind) {
            Some(Kind::Choice(words)) => words,
            Some(Kind::Section) => &[NO, YES],
            _ => &[],
        }
    }
}

/// The key of this path.
pub(crate) fn key(path: &str) -> Option<&'static Key> {
    model::config::KEYS.iter().find(|key| key.path == path)
}

/// The question about this key.
pub fn find(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.path == path)
}

/// The questions of a page that make sense with these answers: no ACME directory where the certificate comes from files.
pub fn relevant(page: Page, answers: &Answers, defaults: &Defaults) -> Vec<&'static Field> {
    let makes_sense = |field: &&Field| field.page == page && is_relevant(field.path, answers, defaults);
    FIELDS.iter().filter(makes_sense).collect()
}

/// When a key matters.
enum When {
    /// While another key has this value.
    Is(&'static str, &'static str),
    /// While another key does not have this value.
    IsNot(&'static str, &'static str),
    /// While one of these has a value.
    Given(&'static [&'static str]),
    /// While another key has none.
    NotGiven(&'static str),
}

const ADOPTED_INSTANCE: &str = "instance.adopt_instance_id";

/// Keys, or sections of keys, that do not always matter. All that match must hold.
const RULES: &[(&str, When)] = &[
    // A rehearsal never looks at credentials.
    ("aws.profile", When::IsNot("mode", "rehearsal")),
    // An adopted instance keeps its place, its security groups, its image and its disks.
    ("network", When::NotGiven(ADOPTED_INSTANCE)),
    ("instance.type", When::NotGiven(ADOPTED_INSTANCE)),
    ("instance.os", When::NotGiven(ADOPTED_INSTANCE)),
    ("instance.ami_id", When::NotGiven(ADOPTED_INSTANCE)),
    ("instance.volume_gb", When::NotGiven(ADOPTED_INSTANCE)),
    // So does an adopted user pool keep its second factor.
    ("cognito.mfa", When::NotGiven("cognito.adopt_user_pool_id")),
    ("tls.acme", When::Is("tls.source", "acme")),
    ("tls.acme.eab_hmac_path", When::Given(&["tls.acme.eab_key_id", "tls.acme.eab_hmac_path"])),
    ("tls.cert_path", When::Is("tls.source", "files")),
    ("tls.key_path", When::Is("tls.source", "files")),
    ("gateway.", When::Is(GATEWAY, YES)),
];

/// Whether a key matters with these answers. What does not matter is neither asked for nor written.
pub fn is_relevant(path: &str, answers: &Answers, defaults: &Defaults) -> bool {
    let applies = |about: &str| {
        path.strip_prefix(about)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || about.ends_with('.'))
    };
    RULES.iter().filter(|(about, _)| applies(about)).all(|(_, when)| {
        let held = |path: &str| answers.held(path, defaults);
        match when {
            When::Is(path, word) => held(path) == *word,
            When::IsNot(path, word) => held(path) != *word,
            When::Given(paths) => paths.iter().any(|path| !is_nothing(held(path))),
            When::NotGiven(path) => is_nothing(held(path)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::config::KEYS;

    use super::*;

    /// Keys that nobody is asked for, with the reason.
    const NOT_ASKED: &[(&str, &str)] = &[("version", "this build writes one version only")];

    #[test]
    fn every_key_is_asked_for_once_or_says_why_not() {
        let asked: Vec<&str> = FIELDS.iter().map(|field| field.path).collect();
        let unique: BTreeSet<&str> = asked.iter().copied().collect();
        assert_eq!(unique.len(), asked.len());
        for key in KEYS {
            let is_excused = NOT_ASKED.iter().any(|(path, _)| *path == key.path);
            assert!(unique.contains(key.path) != is_excused, "{}", key.path);
        }
        assert_eq!(FIELDS.len() + NOT_ASKED.len(), KEYS.len(), "a question is about no key");
    }

    #[test]
    fn questions_come_in_the_order_of_the_pages() {
        let pages: Vec<Page> = FIELDS.iter().map(|field| field.page).collect();
        assert!(pages.is_sorted());
        assert!(pages.iter().all(|page| page.holds_fields()));
    }

    #[test]
    fn a_question_is_short_and_its_help_is_one_to_three_sentences() {
        for field in FIELDS {
            assert!((1..=4).contains(&field.title.split(' ').count()), "{}: {}", field.path, field.title);
            let sentences = field.help.matches(". ").count() + 1;
            assert!((1..=3).contains(&sentences) && field.help.ends_with('.'), "{}", field.path);
            assert!(field.help.len() <= 320, "{}: {}", field.path, field.help.len());
            assert!(field.link.is_none_or(|link| link.starts_with("https://")), "{}", field.path);
        }
    }

    #[test]
    fn every_rule_is_about_keys_that_exist() {
        for (about, when) in RULES {
            let is_key = |path: &str| key(path).is_some();
            assert!(KEYS.iter().any(|key| key.path.starts_with(about)), "{about}");
            let paths = match when {
                When::Is(path, _) | When::IsNot(path, _) | When::NotGiven(path) => std::slice::from_ref(path),
                When::Given(paths) => paths,
            };
            assert!(paths.iter().all(|path| is_key(path)), "{paths:?}");
        }
    }

    #[test]
    fn what_does_not_matter_is_not_asked_for() {
        let paths = |page, answers: &[(&str, &str)]| -> Vec<&str> {
            let answers = Answers::of(answers);
            relevant(page, &answers, &Defaults::default()).iter().map(|field| field.path).collect()
        };
        assert_eq!(
            paths(Page::Tls, &[("tls.source", "files")]),
            ["tls.source", "tls.domain", "tls.cert_path", "tls.key_path"]
        );
        assert_eq!(paths(Page::Tls, &[("tls.source", "acm-exportable")]), ["tls.source", "tls.domain"]);
        assert!(!paths(Page::Tls, &[]).contains(&"tls.acme.eab_hmac_path"));
        assert!(paths(Page::Tls, &[("tls.acme.eab_key_id", "kid-1")]).contains(&"tls.acme.eab_hmac_path"));
        assert_eq!(paths(Page::Gateway, &[]), ["gateway"]);
        assert_eq!(paths(Page::Gateway, &[("gateway", "yes")]).len(), 10);
        let adopted = ("instance.adopt_instance_id", "i-0123456789abcdef0");
        assert_eq!(paths(Page::Instance, &[adopted]), ["instance.adopt_instance_id", "host.install"]);
        assert!(
            paths(Page::Network, &[adopted]).is_empty() && paths(Page::SecurityGroup, &[adopted]).is_empty()
        );
        assert!(!paths(Page::Welcome, &[("mode", "rehearsal")]).contains(&"aws.profile"));
    }
}
