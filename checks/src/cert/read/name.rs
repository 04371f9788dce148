//! Distinguished names as text: in the order in which they are encoded, and safe to print.

use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::UNREADABLE;
use super::der::{Element, Fault, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// A name as text.
pub(super) struct Named {
    /// `C=US, O=Example, CN=www.example.com`.
    pub(super) text: String,
    /// The last common name.
    pub(super) common_name: Option<String>,
    /// What is wrong with its encoding.
    pub(super) fault: Option<NameFault>,
}

/// What is wrong with the encoding of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFault {
    /// A string is not of the kind that it says; the text is what it seems to mean.
    Encoding,
    /// The text is not all of it.
    Structure(Fault),
}

impl NameFault {
    pub(super) fn oddity(self, what: &str) -> String {
        match self {
            Self::Encoding => format!("{what} is not encoded as it declares"),
            Self::Structure(fault) => format!("{UNREADABLE}{what}: {}", fault.as_str()),
        }
    }
}

/// Reads a name: with x509-parser, and where that refuses it (a string that is not what its tag says), as far as its
/// structure goes.
pub(super) fn read(name: Element<'_>) -> Named {
    let mut writer =
        Writer { text: String::with_capacity(name.content.len()), common_name: None, is_plain: true };
    match X509Name::from_der(name.whole) {
        // x509-parser stops at the first part that it cannot read, and says nothing about the rest.
        Ok((rest, parsed)) if rest.is_empty() && parsed.as_raw().len() == name.whole.len() => {
            for set in parsed.iter_rdn() {
                let mut separator = ", ";
                for attribute in set.iter() {
                    let value = attribute.attr_value();
                    let tag = u8::try_from(value.tag().0).unwrap_or_default();
                    writer.attribute(separator, attribute.attr_type().as_bytes(), tag, value.data);
                    separator = " + ";
                }
            }
            let fault = (!writer.is_plain).then_some(NameFault::Encoding);
            Named { text: writer.text, common_name: writer.common_name, fault }
        }
        _ => {
            let fault = match writer.structure(name) {
                Ok(()) => NameFault::Encoding,
                Err(fault) => NameFault::Structure(fault),
            };
            Named { text: writer.text, common_name: writer.common_name, fault: Some(fault) }
        }
    }
}

struct Writer {
    text: String,
    common_name: Option<String>,
    /// Whether all strings are what they say.
    is_plain: bool,
}

impl Writer {
    fn structure(&mut self, name: Element<'_>) -> Result<(), Fault> {
        let mut sets = name.inside();
        while !sets.is_empty() {
            let mut set: Reader<'_> = sets.expect(SET)?.inside();
            let mut separator = ", ";
            while !set.is_empty() {
                let mut pair = set.expect(SEQUENCE)?.inside();
                let oid = pair.expect(OBJECT_IDENTIFIER)?;
                let value = pair.any()?;
                self.attribute(separator, oid.content, value.tag, value.content);
                separator = " + ";
            }
        }
        Ok(())
    }

    fn attribute(&mut self, separator: &str, oid: &[u8], tag: u8, data: &[u8]) {
        if !self.text.is_empty() {
            self.text.push_str(separator);
        }
        match abbreviation(oid) {
            Some(short) => self.text.push_str(short),
            None => self.text.push_str(&super::der::dotted(oid)),
        }
        self.text.push('=');
        let start = self.text.len();
        self.is_plain &= push_printable(&mut self.text, tag, data);
        if oid == COMMON_NAME {
            self.common_name = self.text.get(start..).map(ToOwned::to_owned);
        }
        // A value that looks like more than one is quoted, as openssl does it.
        if self.text.get(start..).is_some_and(|value| value.contains([',', '+', '"', '='])) {
            let value = self.text.split_off(start);
            self.text.push('"');
            self.text.push_str(&value.replace('"', "\\\""));
            self.text.push('"');
        }
    }
}

/// Short names of attribute types: RFC 4514, section 3, and what openssl and x509-parser print.
fn abbreviation(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 0x04, short] => match short {
            3 => "CN",
            4 => "SN",
            5 => "serialNumber",
            6 => "C",
            7 => "L",
            8 => "ST",
            9 => "street",
            10 => "O",
            11 => "OU",
            12 => "title",
            17 => "postalCode",
            42 => "GN",
            46 => "dnQualifier",
            65 => "pseudonym",
            97 => "organizationIdentifier",
            _ => return None,
        },
        // 1.2.840.113549.1.9.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        // 0.9.2342.19200300.100.1.25 and .1
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        _ => return None,
    })
}

/// Appends a string of any of ASN.1's kinds. Control characters, which could move a cursor or end a line, are escaped. Says whether
/// the string is of the kind that it says.
fn push_printable(out: &mut String, tag: u8, data: &[u8]) -> bool {
    match tag & 0x1f {
        // Numeric, Printable, IA5, Visible, General, UTF8, T61, Graphic, Videotex: one byte a character or UTF-8.
        12 | 18 | 19 | 20 | 21 | 22 | 25 | 26 | 27 => match std::str::from_utf8(data) {
            Ok(text) if !text.chars().any(char::is_control) => out.push_str(text),
            Ok(text) => text.chars().for_each(|c| push_char(out, c)),
            // What is no UTF-8 was mostly meant as Latin-1.
            Err(_) => {
                for byte in data {
                    push_char(out, char::from(*byte));
                }
                // T61String always was.
                return tag & 0x1f == 20;
            }
        },
        // BMPString: UTF-16, big end first.
        30 => {
            let units = data.chunks(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0xfffd,
            });
            char::decode_utf16(units).for_each(|c| push_char(out, c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        // UniversalString: UTF-32, big end first.
        28 => data.chunks(4).for_each(|four| {
            let code = four.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
            push_char(out, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }),
        // No string at all.
        _ => {
            out.push('#');
            out.push_str(&model::hex::encode(data));
        }
    }
    true
}

fn push_char(out: &mut String, c: char) {
    if c.is_control() {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::wrap;
    use super::*;

    fn name(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let sets = attributes.iter().flat_map(|(oid, tag, value)| {
            let pair = [wrap(OBJECT_IDENTIFIER, oid), wrap(*tag, value)].concat();
            wrap(SET, &wrap(SEQUENCE, &pair))
        });
        wrap(SEQUENCE, &sets.collect::<Vec<u8>>())
    }

    fn text(attributes: &[(&[u8], u8, &[u8])]) -> Named {
        let der = name(attributes);
        read(Reader(&der).any().unwrap())
    }

    #[test]
    fn a_name_is_written_in_its_order() {
        let named = text(&[
            (&[0x55, 4, 6], 19, b"US"),
            (&[0x55, 4, 10], 12, b"Example, Inc."),
            (COMMON_NAME, 12, b"a"),
        ]);
        assert_eq!(named.text, r#"C=US, O="Example, Inc.", CN=a"#);
        assert_eq!(named.common_name.as_deref(), Some("a"));
        assert_eq!(named.fault, None);
    }

    #[test]
    fn no_value_can_draw_on_the_terminal_or_pass_for_two() {
        assert_eq!(text(&[(COMMON_NAME, 12, b"a\x1b[2J\n")]).text, r"CN=a\u{1b}[2J\n");
        assert_eq!(text(&[(COMMON_NAME, 12, b"a, O=b")]).text, r#"CN="a, O=b""#);
    }

    #[test]
    fn odd_strings_are_still_text() {
        assert_eq!(text(&[(COMMON_NAME, 30, &[0, b'a', 0x20, 0xac])]).text, "CN=a€");
        assert_eq!(text(&[(COMMON_NAME, 28, &[0, 0, 0, b'a'])]).text, "CN=a");
        let latin = text(&[(COMMON_NAME, 12, b"caf\xe9")]);
        assert_eq!((latin.text.as_str(), latin.fault), ("CN=café", Some(NameFault::Encoding)));
        assert_eq!(text(&[(&[0x2a, 3], 4, &[1, 2])]).text, "1.2.3=#0102");
        assert_eq!(text(&[]).text, "");
    }

    #[test]
    fn what_is_broken_keeps_what_comes_before() {
        let mut inside = name(&[(COMMON_NAME, 12, b"a")]).split_off(2);
        inside.extend_from_slice(&[0x31, 0x05, 0x30]);
        let der = wrap(SEQUENCE, &inside);
        let named = read(Reader(&der).any().unwrap());
        assert_eq!((named.text.as_str(), named.fault), ("CN=a", Some(NameFault::Structure(Fault::Short))));
    }
}
