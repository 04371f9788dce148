//! What goes wrong, and how slowly: the faults that a test orders from the stand-in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// No script waits longer than this at once, so that no mistake in one hangs a test for good.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// More deltas than any test or benchmark asks for.
const MOST_DELTAS: usize = 100_000;
/// How many scripts are kept at the same time.
const MOST_SCRIPTS: usize = 1024;

/// How requests are answered that a script is for. The default changes nothing.
///
/// As JSON for `POST /_script` the names are the same; times are in milliseconds and end in `_ms`. Behind a model id
/// the same things are said as `MODEL~NAME=VALUE~NAME=VALUE`, see `Script::behind_model_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Only requests for this model id; absent: all.
    pub model: Option<String>,
    /// Only so many requests, the first ones; absent: all.
    pub times: Option<u32>,
    /// Refuse with an HTTP status.
    pub refuse: Option<Refusal>,
    /// Wait before the first byte of the answer.
    #[serde(rename = "first_byte_ms", with = "milliseconds")]
    pub first_byte: Duration,
    /// Wait before every frame of a stream but the first.
    #[serde(rename = "between_ms", with = "milliseconds")]
    pub between: Duration,
    /// The text of the answer has this many words, and a stream this many text deltas.
    pub deltas: Option<usize>,
    /// Cut the stream into writes of this many bytes, wherever that falls.
    pub write_size: Option<usize>,
    /// What else goes wrong.
    pub fault: Option<Fault>,
}

/// A refusal in AWS's wire form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `x-amzn-errortype`, such as `ThrottlingException`.
    pub kind: String,
    /// The text.
    #[serde(default)]
    pub message: String,
}

impl Refusal {
    /// 429 as Bedrock says it.
    pub fn throttled() -> Self {
        Self::new(429, "ThrottlingException", "Too many requests, please wait before trying again.")
    }

    /// 400 as Bedrock says it.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// Any refusal.
    pub fn new(status: u16, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, kind: kind.into(), message: message.into() }
    }
}

/// A way in which an answer is wrong. `after` counts deltas; where an answer is no stream, a cut is in its middle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An exception frame, after which the stream ends.
    Exception {
        /// `:exception-type`, such as `throttlingException`.
        kind: String,
        /// How many deltas come before.
        after: usize,
    },
    /// The stream ends in good order, but before `messageStop`.
    Eof {
        /// How many deltas come before.
        after: usize,
    },
    /// The connection closes without the end of the body.
    Cut {
        /// How many deltas come before.
        after: usize,
    },
    /// The connection is reset. What was sent last may be lost on the way.
    Reset {
        /// How many deltas come before.
        after: usize,
    },
    /// The checksum of a frame is wrong.
    BadCrc {
        /// How many deltas come before.
        after: usize,
    },
    /// A frame of more than the 24 MiB that the format allows.
    Oversize {
        /// How many deltas come before.
        after: usize,
    },
    /// An event that no client knows yet.
    UnknownEvent {
        /// How many deltas come before.
        after: usize,
    },
    /// No `output` member; no content at all in a stream.
    MissingOutput,
    /// `malformed_tool_use`: the call of a tool came out as text.
    MalformedToolUse,
    /// This `stopReason`, whatever it may mean.
    StopReason(String),
}

impl Script {
    /// Refuses the first `times` requests as throttled.
    pub fn throttle(times: u32) -> Self {
        Self { times: Some(times), refuse: Some(Refusal::throttled()), ..Self::default() }
    }

    /// Refuses every request.
    pub fn refuse(status: u16, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { refuse: Some(Refusal::new(status, kind, message)), ..Self::default() }
    }

    /// Spoils every answer.
    pub fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// Answers with so many words, each in a delta of its own, `between` apart.
    pub fn paced(deltas: usize, between: Duration) -> Self {
        Self { deltas: Some(deltas), between, ..Self::default() }
    }

    /// The same for this model id only.
    #[must_use]
    pub fn only_for(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The same for the first `times` requests only.
    #[must_use]
    pub fn only_times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The script that is written behind a model id, for whoever can only choose that:
    /// `throttle=TIMES`, `refuse=STATUS.KIND`, `exception=KIND.AFTER`, `eof=AFTER`, `cut=AFTER`, `reset=AFTER`,
    /// `bad_crc=AFTER`, `oversize=AFTER`, `unknown_event=AFTER`, `missing_output`, `malformed_tool_use`,
    /// `stop_reason=REASON`, `first_byte_ms=N`, `between_ms=N`, `deltas=N`, `write_size=N`, `times=N`.
    ///
    /// # Errors
    ///
    /// The part that says nothing.
    pub(crate) fn behind_model_id(id: &str) -> Result<Option<Self>, String> {
        let Some((_, parts)) = id.split_once('~') else { return Ok(None) };
        let mut script = Self { model: Some(id.to_owned()), ..Self::default() };
        for part in parts.split('~') {
            script.read(part).ok_or_else(|| part.to_owned())?;
        }
        Ok(Some(script.bounded()))
    }

    fn read(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let number = || value.parse::<usize>().ok();
        match name {
            "throttle" => {
                self.times = Some(value.parse().ok()?);
                self.refuse = Some(Refusal::throttled());
            }
            "refuse" => {
                let (status, kind) = value.split_once('.')?;
                self.refuse = Some(Refusal::new(status.parse().ok()?, kind, "as ordered"));
            }
            "times" => self.times = Some(value.parse().ok()?),
            "first_byte_ms" => self.first_byte = Duration::from_millis(value.parse().ok()?),
            "between_ms" => self.between = Duration::from_millis(value.parse().ok()?),
            "deltas" => self.deltas = Some(number()?),
            "write_size" => self.write_size = Some(number()?),
            _ => self.fault = Some(Fault::read(name, value)?),
        }
        Some(())
    }

    /// The same within what is bearable.
    pub(crate) fn bounded(mut self) -> Self {
        self.first_byte = self.first_byte.min(LONGEST_WAIT);
        self.between = self.between.min(LONGEST_WAIT);
        self.deltas = self.deltas.map(|deltas| deltas.min(MOST_DELTAS));
        self.write_size = self.write_size.map(|bytes| bytes.max(1));
        self
    }
}

impl Fault {
    fn read(name: &str, value: &str) -> Option<Self> {
        let after = || value.parse().ok();
        Some(match name {
            "exception" => {
                let (kind, after) = value.split_once('.')?;
                Self::Exception { kind: kind.to_owned(), after: after.parse().ok()? }
            }
            "eof" => Self::Eof { after: after()? },
            "cut" => Self::Cut { after: after()? },
            "reset" => Self::Reset { after: after()? },
            "bad_crc" => Self::BadCrc { after: after()? },
            "oversize" => Self::Oversize { after: after()? },
            "unknown_event" => Self::UnknownEvent { after: after()? },
            "missing_output" => Self::MissingOutput,
            "malformed_tool_use" => Self::MalformedToolUse,
            "stop_reason" => Self::StopReason(value.to_owned()),
            _ => return None,
        })
    }
}

/// The scripts that are in force, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    scripts: Vec<Script>,
    /// Model ids whose own script is among them, or was.
    ids: Vec<String>,
}

impl Scripts {
    pub(crate) fn push(&mut self, script: Script) {
        if self.scripts.len() < MOST_SCRIPTS {
            self.scripts.push(script.bounded());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.scripts.clear();
        self.ids.clear();
    }

    /// The first script that is for this model id and not used up; counts it as used once.
    pub(crate) fn take(&mut self, id: &str) -> Result<Script, Refusal> {
        if id.contains('~') && !self.ids.iter().any(|known| known == id) && self.ids.len() < MOST_SCRIPTS {
            let own = Script::behind_model_id(id)
                .map_err(|part| Refusal::invalid(format!("`{part}` is no part of a script")))?;
            self.ids.push(id.to_owned());
            // What a request asks for itself comes before what was ordered for all.
            self.scripts.splice(0..0, own);
        }
        let base = base_id(id);
        let found = self.scripts.iter_mut().find(|script| {
            script.times != Some(0)
                && script.model.as_deref().is_none_or(|model| model == id || model == base)
        });
        Ok(found.map_or_else(Script::default, |script| {
            let taken = script.clone();
            script.times = script.times.map(|times| times.saturating_sub(1));
            taken
        }))
    }
}

/// The model id without its script.
pub(crate) fn base_id(id: &str) -> &str {
    id.split_once('~').map_or(id, |(base, _)| base)
}

mod milliseconds {
    //! Durations as whole milliseconds.

    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_from_behind_a_model_id() {
        let id = "amazon.nova-lite-v1:0~eof=3~between_ms=5~deltas=7~write_size=0";
        let script = Script::behind_model_id(id).unwrap().unwrap();
        assert_eq!(
            script,
            Script {
                model: Some(id.to_owned()),
                between: Duration::from_millis(5),
                deltas: Some(7),
                write_size: Some(1),
                fault: Some(Fault::Eof { after: 3 }),
                ..Script::default()
            }
        );
        assert_eq!(Script::behind_model_id("amazon.nova-lite-v1:0"), Ok(None));
        assert_eq!(Script::behind_model_id("m~eof=x"), Err("eof=x".to_owned()));
        assert_eq!(Script::behind_model_id("m~what"), Err("what".to_owned()));
    }

    #[test]
    fn a_script_is_read_from_json() {
        let script: Script = serde_json::from_str(
            r#"{"times": 2, "first_byte_ms": 9, "fault": {"exception": {"kind": "k", "after": 1}}}"#,
        )
        .unwrap();
        assert_eq!(script.first_byte, Duration::from_millis(9));
        assert_eq!(script.fault, Some(Fault::Exception { kind: "k".to_owned(), after: 1 }));
        assert!(serde_json::from_str::<Script>(r#"{"first_byte": 9}"#).is_err());
    }

    #[test]
    fn scripts_are_used_up_in_order() {
        let mut scripts = Scripts::default();
        scripts.push(Script::throttle(2));
        scripts.push(Script::fault(Fault::MissingOutput).only_for("a"));
        assert!(scripts.take("a").unwrap().refuse.is_some());
        assert!(scripts.take("b").unwrap().refuse.is_some());
        assert_eq!(scripts.take("a").unwrap().fault, Some(Fault::MissingOutput));
        assert_eq!(scripts.take("b").unwrap(), Script::default());
        assert!(scripts.take("c~throttle=1").unwrap().refuse.is_some());
        assert_eq!(scripts.take("c~throttle=1").unwrap(), Script::default());
        assert!(scripts.take("c~nonsense").is_err());
    }
}
