//! What the operator said, and what holds where nothing was said.

use std::collections::BTreeMap;
use std::fmt;

use model::config::{Fallback, Kind};
use serde::{Deserialize, Serialize};

use super::fields::key;

/// Key of the configuration → what was answered, as text in the form of `--set PATH=TEXT`: lists as `a,b`, models as
/// `name=model,name=model`, nothing as an empty text. Only what the operator said; never a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// What was said about a key.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Notes an answer; an earlier one is replaced.
    pub fn set(&mut self, path: &str, text: impl Into<String>) {
        self.0.insert(path.to_owned(), text.into());
    }

    /// Forgets an answer, so that the default holds again.
    pub fn unset(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// All answers, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// These answers.
    pub fn of(answers: &[(&str, &str)]) -> Self {
        Self(answers.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What will be in the configuration: the answer, else the default, else what the product itself falls back to.
    /// Where [`crate::discovery::defaults`] made the defaults, that is [`Self::effective`].
    pub fn held<'a>(&'a self, path: &str, defaults: &'a Defaults) -> &'a str {
        self.said(path, defaults).unwrap_or_else(|| match key(path).map(|key| key.fallback) {
            // A flag takes the notation of the file too.
            Some(Fallback::Value { yaml, .. }) => yaml,
            _ => "",
        })
    }

    /// What holds: the answer, else the default, else nothing.
    pub fn effective<'a>(&'a self, path: &str, defaults: &'a Defaults) -> &'a str {
        self.said(path, defaults).unwrap_or_default()
    }

    /// The answer, else the default. Nothing is no answer to a question whose key must have a value.
    fn said<'a>(&'a self, path: &str, defaults: &'a Defaults) -> Option<&'a str> {
        let counts = |text: &&str| !is_nothing(text) || may_be_nothing(path);
        self.get(path).filter(counts).or_else(|| Some(defaults.get(path)?.text.as_str()))
    }
}

/// Whether a text says that there is no value.
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "null")
}

/// Whether nothing is something that can be said about a key: no profile, no addresses that reach port 22.
fn may_be_nothing(path: &str) -> bool {
    key(path).is_none_or(|key| {
        matches!(key.fallback, Fallback::Nothing(_))
            || matches!(key.kind, Kind::Cidrs | Kind::Ports | Kind::Texts(_) | Kind::Models)
    })
}

/// A value that holds where nothing was said, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The value, as in [`Answers`].
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where a default comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// The account was asked.
    Account,
    /// The instance that this runs on was asked.
    Instance,
    /// The environment or the AWS profile says so.
    Environment {
        /// The variable or the file.
        name: String,
    },
    /// A configuration file that was named.
    File,
    /// What the product recommends, and why.
    Recommended {
        /// The reason.
        reason: String,
    },
    /// It follows from another answer.
    Derived {
        /// From which, in words.
        rule: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("from your account"),
            Self::Instance => f.write_str("from this instance"),
            Self::Environment { name } => write!(f, "from {name}"),
            Self::File => f.write_str("from your file"),
            Self::Recommended { reason } => write!(f, "recommended: {reason}"),
            Self::Derived { rule } => write!(f, "from {rule}"),
        }
    }
}

/// Key of the configuration → what holds where nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults(BTreeMap<String, Suggestion>);

impl Defaults {
    /// The default of a key.
    pub fn get(&self, path: &str) -> Option<&Suggestion> {
        self.0.get(path)
    }

    /// All defaults, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Suggestion)> {
        self.0.iter().map(|(path, default)| (path.as_str(), default))
    }

    /// Notes a default; an earlier one is replaced.
    pub fn set(&mut self, path: &str, text: impl Into<String>, source: Source) {
        self.0.insert(path.to_owned(), Suggestion { text: text.into(), source });
    }
}
