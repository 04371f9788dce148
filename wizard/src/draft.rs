//! What is kept on disk after each answer: all that the wizard needs to open again where it was.

use std::collections::BTreeMap;

use model::plan::StepId;
use serde::{Deserialize, Serialize};

use crate::form::{Answers, Page};

/// Version of the format. A version only ever gains a migration.
pub const VERSION: u32 = 1;

/// How a step is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Way {
    /// By calls.
    #[default]
    Automatic,
    /// By the operator in the Console.
    Guided,
    /// Something that exists is used as it is.
    Adopt {
        /// Its id.
        id: String,
    },
}

/// What is kept. Nothing secret: there is no question whose answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// [`VERSION`].
    pub version: u32,
    /// Where the operator is.
    pub page: Page,
    /// The furthest page that was seen.
    pub reached: Page,
    /// The key whose question is looked at.
    pub focus: Option<String>,
    /// What is being typed and not yet confirmed: key and text.
    pub typing: Option<(String, String)>,
    /// What was said.
    #[serde(default)]
    pub answers: Answers,
    /// How steps are done, where not automatically.
    #[serde(default)]
    pub ways: BTreeMap<StepId, Way>,
    /// Whether everything is asked for.
    #[serde(default)]
    pub shows_advanced: bool,
}

/// Why a draft cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is not a draft, or damaged.
    #[error("the draft cannot be read: {0}")]
    Unreadable(String),
    /// A newer version wrote it.
    #[error("the draft has version {0}, and this program knows {VERSION}")]
    Newer(u32),
}

impl Draft {
    /// A walk that has not begun.
    pub fn empty() -> Self {
        Self {
            version: VERSION,
            page: Page::Welcome,
            reached: Page::Welcome,
            focus: None,
            typing: None,
            answers: Answers::default(),
            ways: BTreeMap::new(),
            shows_advanced: false,
        }
    }

    /// As text.
    pub fn encode(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// From text.
    pub fn decode(text: &str) -> Result<Self, DraftError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| DraftError::Unreadable(error.to_string()))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if version > u64::from(VERSION) {
            return Err(DraftError::Newer(u32::try_from(version).unwrap_or(u32::MAX)));
        }
        serde_json::from_value(value).map_err(|error| DraftError::Unreadable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::form::tests::answers;

    /// What version 1 wrote. It stays readable for ever.
    const GOLDEN_1: &str = include_str!("draft/golden-1.json");

    fn sample() -> Draft {
        Draft {
            version: 1,
            page: Page::Network,
            reached: Page::Tls,
            focus: Some("network.vpc_id".to_owned()),
            typing: Some(("network.vpc_id".to_owned(), "vpc-01".to_owned())),
            answers: Answers::of(&[("deployment.id", "web"), ("network.ssh_cidrs", "")]),
            ways: BTreeMap::from([
                (StepId::SecurityGroup, Way::Guided),
                (StepId::UserPool, Way::Adopt { id: "us-east-1_AbCdEfGhI".to_owned() }),
            ]),
            shows_advanced: true,
        }
    }

    #[test]
    fn every_version_is_read() {
        assert_eq!(Draft::decode(GOLDEN_1), Ok(sample()));
        assert_eq!(sample().encode(), GOLDEN_1.trim_end());
    }

    #[test]
    fn what_a_later_build_added_is_no_obstacle() {
        let more = GOLDEN_1.replacen('{', "{\"invented_later\": [1, {}],", 1);
        assert_eq!(Draft::decode(&more), Ok(sample()));
        assert_eq!(
            Draft::decode("{\"version\": 1, \"page\": \"welcome\", \"reached\": \"tls\"}").unwrap().answers,
            Answers::default()
        );
    }

    #[test]
    fn a_newer_version_is_named() {
        assert_eq!(Draft::decode("{\"version\": 7}"), Err(DraftError::Newer(7)));
        assert_eq!(Draft::decode("{\"version\": 99999999999}"), Err(DraftError::Newer(u32::MAX)));
        assert!(matches!(Draft::decode("{}"), Err(DraftError::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..2000_usize) {
            let _ = Draft::decode(&String::from_utf8_lossy(&bytes));
            let _ = Draft::decode(&GOLDEN_1.chars().take(cut).collect::<String>());
        }

        // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
        #[test]
        fn what_was_said_comes_back(answers in answers(), shows_advanced in any::<bool>()) {
            let draft = Draft { answers, shows_advanced, ..sample() };
            prop_assert_eq!(Draft::decode(&draft.encode()), Ok(draft));
        }
    }
}
