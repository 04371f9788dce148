//! An event as journald and as a syslog server take it.
//!
//! Both are written here and not by a crate. `tracing-journald` and `libsystemd` send to one fixed socket, the former with
//! fields that have to be known where the event is written and without a word where it fails; `syslog` has no name as
//! MSGID and adds its own time.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::event::{Event, harmless};

/// Fields of journald that an event must not set, since they mean something else or are set already.
const TAKEN: [&str; 6] =
    ["MESSAGE", "MESSAGE_ID", "PRIORITY", "EVENT", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY"];
/// The structured data of an event. 32473 is reserved for documentation (RFC 5612), as long as there is no number of ours.
const SD_ID: &str = "security@32473";
/// Bytes of the message beside the structured data, so that most datagrams stay below RFC 5424's 2048.
const MSG_BYTES: usize = 1024;

/// Who says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The program: `SYSLOG_IDENTIFIER`, APP-NAME.
    pub program: &'static str,
    /// The machine; empty where it is not known.
    pub host: String,
    /// The process.
    pub process_id: u32,
}

/// A datagram for `/run/systemd/journal/socket`: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. No value holds the end
/// of a line, so every field is of the simple form.
pub fn journal(event: &Event, program: &str) -> Vec<u8> {
    let kind = event.kind();
    let mut out = String::with_capacity(512);
    let mut field = |name: &str, value: &str| {
        out.push_str(name);
        out.push('=');
        out.push_str(value);
        out.push('\n');
    };
    field("MESSAGE", &event.line());
    field("MESSAGE_ID", kind.message_id());
    field("PRIORITY", &(kind.priority() as u8).to_string());
    field("SYSLOG_FACILITY", &(kind.facility() as u8).to_string());
    field("SYSLOG_IDENTIFIER", program);
    field("EVENT", kind.name());
    for (word, value) in event.fields() {
        let name = field_name(word);
        if !TAKEN.contains(&name.as_str()) {
            field(&name, &harmless(value));
        }
    }
    out.into_bytes()
}

/// The name of a word in the journal.
fn field_name(word: &str) -> String {
    match word {
        "peer" => "SRC_IP".to_owned(),
        "request" => "REQUEST_ID".to_owned(),
        "serial" => "CERT_SERIAL".to_owned(),
        "not_after" => "CERT_NOT_AFTER".to_owned(),
        word => word.to_ascii_uppercase(),
    }
}

/// A message of RFC 5424, for a datagram.
pub fn rfc5424(event: &Event, at: Timestamp, sender: &Sender) -> String {
    let kind = event.kind();
    let pri =
        u16::from(kind.facility() as u8).saturating_mul(8).saturating_add(u16::from(kind.priority() as u8));
    let mut out = String::with_capacity(1024);
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "<{pri}>1 {at:.6} {} {} {} {} [{SD_ID}",
        header(&sender.host, 255),
        header(sender.program, 48),
        sender.process_id,
        kind.name()
    );
    for (word, value) in event.fields() {
        let _ = write!(out, " {word}=\"");
        for character in harmless(value).chars() {
            if matches!(character, '"' | '\\' | ']') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
    out.push_str("] ");
    // The line is ASCII, so that every byte is a character.
    let line = event.line();
    out.push_str(line.get(..MSG_BYTES).unwrap_or(&line));
    out
}

/// A field of the header: printable ASCII, or `-`.
fn header(text: &str, longest: usize) -> String {
    let text: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}
