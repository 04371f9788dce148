//! What a person is asked to make in the AWS Console, and what they answer: values that any view can show.
//!
//! A task is a view of what the automatic way would make, so the two cannot drift apart. Nothing secret is in it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{FieldDiff, StepId};
use crate::{AccountId, Region};

/// Something to make by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The step it is for.
    pub step: StepId,
    /// What to make, in a few words.
    pub title: String,
    /// The account to be signed in to; no link can choose it.
    pub account: AccountId,
    /// The Region to be in.
    pub region: Region,
    /// The Console's page.
    pub console: String,
    /// How to get there by clicking.
    pub path: Vec<String>,
    /// What to enter, in the order of the Console's pages.
    pub values: Vec<Entry>,
    /// How it will be recognised.
    pub finds: String,
    /// Counts from 1.
    pub attempt: u32,
    /// What was seen when it was last looked for, where that is not what is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Where what was found differs from what is wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Correction>,
}

/// One input of the Console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The Console's own words for it; where it is on another page, with the way there.
    pub label: String,
    /// What to enter or to choose.
    pub value: String,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Entry {
    /// An input without a note.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), note: None }
    }

    /// With a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A difference, and where it is put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What differs.
    pub difference: FieldDiff,
    /// Where to click.
    pub fix: String,
}

/// What a person says about a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It is made.
    Done {
        /// Its id, where the person has it at hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// Make it by the API after all.
    Automatic,
    /// Stop the run at a safe point.
    Stop,
}

impl Task {
    /// The task as numbered text.
    pub fn text(&self) -> String {
        let mut out = format!("By hand, {}: {}\n", self.step, self.title);
        if let Some(seen) = &self.seen {
            let _ = writeln!(out, "\n  {seen}");
        }
        for correction in &self.differences {
            let FieldDiff { field, want, have } = &correction.difference;
            let _ = writeln!(out, "  - {field}: {} where {} is wanted", shown(have), shown(want));
            let _ = writeln!(out, "    {}", correction.fix);
        }
        let _ = writeln!(out, "\n  In account {}, {}:", self.account, self.region);
        let _ = writeln!(out, "  {}", self.console);
        let _ = writeln!(out, "  {}\n", self.path.join(" > "));
        let width = self.values.len().to_string().len();
        for (index, Entry { label, value, note }) in self.values.iter().enumerate() {
            let number = index.saturating_add(1);
            if value.contains('\n') {
                let _ = writeln!(out, "  {number:>width$}. {label}:\n{}", value.trim_end_matches('\n'));
            } else {
                let _ = writeln!(out, "  {number:>width$}. {label}: {value}");
            }
            if let Some(note) = note {
                let _ = writeln!(out, "  {:>width$}  ({note})", "");
            }
        }
        let _ = writeln!(out, "\n  It is found {}.", self.finds);
        out
    }
}

/// A property as a person reads it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task() -> Task {
        Task {
            step: StepId::UserPool,
            title: "Create user pool x-users".to_owned(),
            account: AccountId::parse(AccountId::EXAMPLE).unwrap(),
            region: Region::parse(Region::EXAMPLE).unwrap(),
            console: "https://console.aws.amazon.com/cognito".to_owned(),
            path: vec!["Amazon Cognito".to_owned(), "User pools".to_owned()],
            values: vec![
                Entry::new("User pool name", "x-users").note("exactly so"),
                Entry::new("JSON", "{\n  \"a\": 1\n}\n"),
            ],
            finds: "by its name".to_owned(),
            attempt: 2,
            seen: Some("x-users differs:".to_owned()),
            differences: vec![Correction {
                difference: FieldDiff { field: "mfa".to_owned(), want: json!("optional"), have: Value::Null },
                fix: "Authentication > Sign-in".to_owned(),
            }],
        }
    }

    #[test]
    fn a_task_reads_as_numbered_text_and_survives_json() {
        insta::assert_snapshot!(task().text(), @r#"
By hand, cognito.user-pool: Create user pool x-users

  x-users differs:
  - mfa: nothing where optional is wanted
    Authentication > Sign-in

  In account 123456789012, us-east-1:
  https://console.aws.amazon.com/cognito
  Amazon Cognito > User pools

  1. User pool name: x-users
     (exactly so)
  2. JSON:
{
  "a": 1
}

  It is found by its name.
"#);
        let text = serde_json::to_string(&task()).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task());
    }

    #[test]
    fn answers_are_read() {
        let read = |text: &str| serde_json::from_str::<Answer>(text).unwrap();
        assert_eq!(read(r#"{"answer":"done"}"#), Answer::Done { id: None });
        assert_eq!(read(r#"{"answer":"automatic"}"#), Answer::Automatic);
        assert_eq!(read(r#"{"answer":"done","id":"sg-1"}"#), Answer::Done { id: Some("sg-1".to_owned()) });
    }
}
