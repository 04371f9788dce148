//! Lines as bytes: each carries the digest of the line before it and a checksum of itself.
//!
//! So an edited, missing, doubled or reordered line is noticed, and the last line is covered too. A last line without
//! its newline was torn by a crash in mid-write: it is dropped, since nothing was done before it was complete.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::fold::Fold;
use super::record::at_text;

/// What is wrong with a journal, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Somebody, or a failing disk, changed the file.
    #[error("line {line} is damaged: {reason}")]
    Line {
        /// Counts from 1.
        line: usize,
        /// What does not fit.
        reason: String,
    },
    /// It is not a journal at all.
    #[error("line 1 is not the header of a {0} journal")]
    NotAJournal(&'static str),
    /// A newer program wrote it.
    #[error("it has version {found}, and this build reads up to {known}")]
    Newer {
        /// The version in its header.
        found: u64,
        /// The newest that this build knows.
        known: u32,
    },
}

/// A header, and the records with their moments.
pub(crate) type Content<S> = (<S as Fold>::Header, Vec<(Timestamp, <S as Fold>::Record)>);

/// A journal read from its bytes.
pub(crate) struct Decoded<S: Fold> {
    /// The first line and the others, in order; `None` for a file without a complete line.
    pub(crate) content: Option<Content<S>>,
    /// Bytes that hold complete lines; what follows is torn.
    pub(crate) complete_bytes: usize,
    /// Whether something follows.
    pub(crate) torn: bool,
    /// Digest of the last complete line.
    pub(crate) last: Option<String>,
}

/// One line with its newline, and its digest for the next.
pub(crate) fn encode(
    seq: u64,
    at: Timestamp,
    prev: Option<&str>,
    body: &Value,
) -> Result<(Vec<u8>, String), serde_json::Error> {
    let mut text = String::from("{");
    let mut member = |name: &str, value: &Value| -> Result<(), serde_json::Error> {
        if text.len() > 1 {
            text.push(',');
        }
        let _ = write!(text, "{}:{}", Value::from(name), serde_json::to_string(value)?);
        Ok(())
    };
    member("seq", &Value::from(seq))?;
    member("at", &Value::from(at_text(at)))?;
    if let Some(members) = body.as_object() {
        // The event first: people read these lines.
        if let Some(event) = members.get("event") {
            member("event", event)?;
        }
        for (name, value) in members.iter().filter(|(name, _)| *name != "event") {
            member(name, value)?;
        }
    }
    member("prev", &prev.map_or(Value::Null, Value::from))?;
    let crc = crc32c::crc32c(text.as_bytes());
    let _ = write!(text, ",\"crc\":\"{crc:08x}\"}}");
    let digest = sha256(text.as_bytes());
    text.push('\n');
    Ok((text.into_bytes(), digest))
}

/// The header as a line's body.
pub(crate) fn header_body<S: Fold>(header: &S::Header) -> Result<Value, serde_json::Error> {
    let mut body = serde_json::to_value(header)?;
    if let Some(members) = body.as_object_mut() {
        members.insert("event".to_owned(), Value::from("header"));
        members.insert("format".to_owned(), Value::from(S::FORMAT));
    }
    Ok(body)
}

/// Reads a whole journal, or says which line is damaged.
pub(crate) fn decode<S: Fold>(bytes: &[u8]) -> Result<Decoded<S>, Damage> {
    let complete_bytes = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let torn = complete_bytes < bytes.len();
    let complete = bytes.get(..complete_bytes).unwrap_or_default();
    let mut last: Option<String> = None;
    let mut header = None;
    let mut records = Vec::new();
    for (index, line) in complete.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        let damaged = |reason: String| Damage::Line { line: number, reason };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let members = match members(line) {
            Ok(members) => members,
            Err(_) if index == 0 => return Err(Damage::NotAJournal(S::SUBJECT)),
            Err(reason) => return Err(damaged(reason)),
        };
        if index == 0 {
            newer::<S>(&members)?;
        }
        checksum(line).map_err(damaged)?;
        if members.get("seq").and_then(Value::as_u64) != u64::try_from(index).ok() {
            return Err(damaged("its sequence number does not follow".to_owned()));
        }
        if members.get("prev").and_then(Value::as_str) != last.as_deref() {
            return Err(damaged("it does not continue the line before it".to_owned()));
        }
        if index == 0 {
            header =
                Some(S::Header::deserialize(Value::Object(members)).map_err(|e| damaged(e.to_string()))?);
        } else {
            records.push(record::<S>(members).map_err(damaged)?);
        }
        last = Some(sha256(line));
    }
    Ok(Decoded { content: header.map(|header| (header, records)), complete_bytes, torn, last })
}

/// Refuses a file of another format or a newer version before anything else is asked of it.
fn newer<S: Fold>(members: &Map<String, Value>) -> Result<(), Damage> {
    if members.get("format").and_then(Value::as_str) != Some(S::FORMAT) {
        return Err(Damage::NotAJournal(S::SUBJECT));
    }
    match members.get("version").and_then(Value::as_u64) {
        Some(found) if found > u64::from(S::VERSION) => Err(Damage::Newer { found, known: S::VERSION }),
        Some(_) => Ok(()),
        None => Err(Damage::NotAJournal(S::SUBJECT)),
    }
}

/// The members of a line.
fn members(line: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

/// Compares a line with its own checksum.
fn checksum(line: &[u8]) -> Result<(), String> {
    const TAIL: usize = r#","crc":"00000000"}"#.len();
    let (text, tail) =
        line.len().checked_sub(TAIL).map(|at| line.split_at(at)).ok_or("it is too short for a checksum")?;
    let stated = std::str::from_utf8(tail)
        .ok()
        .and_then(|tail| tail.strip_prefix(r#","crc":""#)?.strip_suffix(r#""}"#))
        .ok_or("it does not end in a checksum")?;
    if stated == format!("{:08x}", crc32c::crc32c(text)) {
        Ok(())
    } else {
        Err("its checksum does not fit its text".to_owned())
    }
}

/// The record in a line's members.
fn record<S: Fold>(mut members: Map<String, Value>) -> Result<(Timestamp, S::Record), String> {
    let at = members
        .get("at")
        .and_then(Value::as_str)
        .and_then(|at| at.parse().ok())
        .ok_or("it has no readable time")?;
    for name in ["seq", "at", "prev", "crc"] {
        members.remove(name);
    }
    let record = S::Record::deserialize(Value::Object(members)).map_err(|error| error.to_string())?;
    Ok((at, record))
}

/// Lower-case hex.
fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
