//! What the operator said, and what holds where nothing was said.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// What holds: the answer, else the default, else nothing.
    pub fn effective<'a>(&'a self, path: &str, defaults: &'a Defaults) -> &'a str {
        self.get(path).or_else(|| defaults.get(path).map(|default| default.text.as_str())).unwrap_or_default()
    }
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

    /// Notes a default; an earlier one is replaced.
    pub fn set(&mut self, path: &str, text: impl Into<String>, source: Source) {
        self.0.insert(path.to_owned(), Suggestion { text: text.into(), source });
    }
}
