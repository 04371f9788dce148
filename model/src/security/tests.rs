//! The table holds together, and nothing in a value can be taken for anything else.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn sender() -> Sender {
    Sender { program: "bedrock-nova-proxy", host: "host-1".to_owned(), process_id: 42 }
}

fn refusal() -> Event {
    Event::new(Kind::AuthnLoginFail)
        .with("reason", "unknown_kid")
        .with("peer", "203.0.113.7")
        .with("request", "req-1")
        .with("kid", "a\" peer=198.51.100.1]\n\u{1b}[2J 100%")
}

#[test]
fn names_and_ids_are_unique_and_of_their_form() {
    let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let ids: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.message_id()).collect();
    assert_eq!((names.len(), ids.len()), (Kind::ALL.len(), Kind::ALL.len()));
    for kind in Kind::ALL {
        // RFC 5424: at most 32 characters.
        assert!(kind.name().len() <= 32, "{kind:?}");
        assert!(kind.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{kind:?}");
        let id = kind.message_id();
        assert!(id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{kind:?}");
        // A UUID made by chance says so.
        assert_eq!(id.as_bytes()[12], b'4', "{kind:?}");
    }
}

#[test]
fn the_documentation_holds_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security-events.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page.contains(reference().trim()), "put this table into {path}:\n{}", reference());
}

#[test]
fn an_event_takes_three_forms() {
    let at = Timestamp::from_second(1_790_000_000).unwrap();
    insta::assert_snapshot!("line", refusal().line());
    insta::assert_snapshot!("journal", String::from_utf8(journal(&refusal(), "bedrock-nova-proxy")).unwrap());
    insta::assert_snapshot!("rfc5424", rfc5424(&refusal(), at, &sender()));
}

#[test]
fn what_is_no_word_and_what_is_too_much_is_left_out() {
    let event = Event::new(Kind::SysStartup)
        .with("", 1)
        .with("Upper", 1)
        .with("a-b", 1)
        .with("_pid", 1)
        .with("9", 1)
        .with("word", "x".repeat(1000))
        .with("word", "again")
        .with_some("none", None::<u8>);
    assert_eq!(event.fields().collect::<Vec<_>>(), [("word", "x".repeat(256).as_str())]);
    // What journald has set stays.
    let text = String::from_utf8(journal(&event.with("priority", 0).with("message_id", 1), "p")).unwrap();
    assert_eq!(text.matches("PRIORITY=").count(), 1);
    assert_eq!(text.matches("MESSAGE_ID=").count(), 1);
}

#[test]
fn a_sender_without_a_name_is_a_dash() {
    let sender = Sender { program: "p", host: " \n".to_owned(), process_id: 1 };
    let text = rfc5424(&Event::new(Kind::SysStartup), Timestamp::UNIX_EPOCH, &sender);
    assert_eq!(
        text,
        "<29>1 1970-01-01T00:00:00.000000Z - p 1 sys_startup [security@32473] security event=sys_startup"
    );
}

/// The parameters of a message's structured data, by the grammar of RFC 5424 section 6.
fn parameters(message: &str) -> Option<Vec<(String, String)>> {
    let mut rest = message.split_once(&format!("[{}", "security@32473"))?.1;
    let mut found = Vec::new();
    while let Some(parameter) = rest.strip_prefix(' ') {
        let (name, after) = parameter.split_once("=\"")?;
        let (mut value, mut end, mut is_escaped) = (String::new(), None, false);
        for (at, character) in after.char_indices() {
            match character {
                _ if is_escaped => {
                    value.push(character);
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                ']' => return None,
                _ => value.push(character),
            }
        }
        found.push((name.to_owned(), value));
        rest = after.get(end?..)?.strip_prefix('"')?;
    }
    rest.starts_with("] security event=").then_some(found)
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing that a client sends can forge a field, end a line or speak to a terminal, and all of it can be read back.
    #[test]
    fn values_end_where_they_end(
        kid in r#"[\PC\x00-\x1f\x7f-\x9f\u{2028}\u{202e}"\\\]%= \n]{0,60}|(SRC_IP=|PRIORITY=0\n| peer=198\.51\.100\.1|"\] ){1,3}"#,
        sub in any::<String>(),
        kind in prop::sample::select(Kind::ALL),
    ) {
        let event = Event::new(kind).with("peer", "203.0.113.7").with("kid", &kid).with("sub", &sub);
        let cut = |text: &str| text.chars().take(256).collect::<String>();

        let line = event.line();
        prop_assert!(line.is_ascii() && !line.contains(|character: char| character.is_control()));
        let words: Vec<&str> = line.split(' ').collect();
        prop_assert_eq!(words.len(), 5);
        prop_assert_eq!(words[2], "peer=203.0.113.7");
        prop_assert_eq!(decoded(words[3].strip_prefix("kid=").unwrap()), cut(&kid));

        let datagram = String::from_utf8(journal(&event, "p")).unwrap();
        let names: Vec<&str> = datagram.lines().map(|line| line.split_once('=').unwrap().0).collect();
        prop_assert_eq!(&names[6..], ["SRC_IP", "KID", "SUB"]);
        prop_assert_eq!(datagram.split('\n').count(), 10);
        let shown = datagram.split('\n').nth(8).unwrap().strip_prefix("SUB=").unwrap();
        prop_assert_eq!(decoded(shown), cut(&sub));
        prop_assert!(!datagram.replace('\n', "").contains(|character: char| character.is_control()));

        let message = rfc5424(&event, Timestamp::UNIX_EPOCH, &sender());
        prop_assert!(!message.contains(|character: char| character.is_control()));
        let found = parameters(&message).unwrap();
        prop_assert_eq!(found.len(), 3);
        prop_assert_eq!(decoded(&found[1].1), cut(&kid));
        prop_assert_eq!(decoded(&found[2].1), cut(&sub));
    }
}
