//! Sections of PEM in whatever text lies around them (RFC 7468), as editors, mail and other systems leave it: with a
//! byte order mark, with any kind of line end, between other lines.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroize as _;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// No file of certificates has more.
const MOST_SECTIONS: usize = 10_000;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A section, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// `CERTIFICATE`.
    pub(super) label: String,
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    /// Whether its headers say that it is encrypted (RFC 1421, section 4.6.1.1).
    pub(super) is_encrypted: bool,
    /// What it holds, or why that cannot be known. Wiped when it is dropped if it may be a private key.
    pub(super) content: Result<Content, String>,
}

/// Bytes that are wiped when they are dropped, unless they are public: wiping takes as long as decoding.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content {
    is_secret: bool,
    bytes: Vec<u8>,
}

impl Drop for Content {
    fn drop(&mut self) {
        if self.is_secret {
            self.bytes.zeroize();
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

impl std::ops::Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether a section of this label should be a certificate.
pub(super) fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
}

/// Whether there is anything in these bytes that looks like PEM.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"-----BEGIN").is_some() || memchr::memmem::find(bytes, b"-----END").is_some()
}

/// All sections in their order.
pub(super) fn sections(bytes: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut open: Option<Open> = None;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    for (number, line, rest) in lines(bytes) {
        if sections.len() >= MOST_SECTIONS {
            let label = "CERTIFICATE".to_owned();
            sections
                .push(Open::new(label, number, rest).broken("comes after too many others and is not read"));
            return sections;
        }
        if line.first() == Some(&b'-') {
            match marker(line) {
                Some(Marker::Begin(label)) => {
                    sections
                        .extend(open.take().map(|open| open.broken("has no END line before the next BEGIN")));
                    open = Some(Open::new(label, number, rest));
                    continue;
                }
                Some(Marker::End(label)) => {
                    sections.push(match open.take() {
                        Some(open) if open.label == label => open.close(),
                        Some(mut open) => {
                            let why = format!("begins as {:?} and ends as {label:?}", open.label);
                            // What either line calls a certificate should be one.
                            if is_certificate(&label) && !is_certificate(&open.label) {
                                open.label = label;
                            }
                            open.broken(&why)
                        }
                        None => Open::new(label, number, rest).broken("has an END line and no BEGIN line"),
                    });
                    continue;
                }
                Some(Marker::Joined(label)) => {
                    let ended =
                        open.take().unwrap_or_else(|| Open::new("CERTIFICATE".to_owned(), number, rest));
                    sections.push(ended.broken("has something behind its END on the same line"));
                    open = label.map(|label| Open::new(label, number, rest));
                    continue;
                }
                Some(Marker::Spoilt(label)) => {
                    sections
                        .extend(open.take().map(|open| open.broken("has no END line before the next BEGIN")));
                    sections.push(
                        Open::new(label, number, rest).broken("has its BEGIN line and its data on one line"),
                    );
                    continue;
                }
                None => {}
            }
        }
        if let Some((label, is_begin)) = after_something(line) {
            let why = "has something before its BEGIN or END on the same line";
            match open.take() {
                Some(open) if !is_begin && open.label == label => sections.push(open.broken(why)),
                unended => {
                    sections.extend(unended.map(|open| open.broken("has no END line before the next BEGIN")));
                    sections.push(Open::new(label, number, rest).broken(why));
                }
            }
        } else if let Some(open) = &mut open {
            open.take(line);
        }
    }
    sections.extend(open.map(|open| open.broken("is cut off: there is no END line")));
    sections
}

/// Lines without their ends (LF, CR LF or CR) and without blanks around them, numbered from 1.
/// The third part is all that comes behind the line.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
    let mut rest = Some(bytes);
    let mut number = 0_usize;
    std::iter::from_fn(move || {
        let all = rest?;
        number = number.saturating_add(1);
        let Some(end) = memchr::memchr2(b'\n', b'\r', all) else {
            rest = None;
            return Some((number, all.trim_ascii(), &[][..]));
        };
        let (line, tail) = all.split_at_checked(end)?;
        let tail = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
        rest = Some(tail);
        Some((number, line.trim_ascii(), tail))
    })
}

enum Marker {
    Begin(String),
    End(String),
    /// A BEGIN with something behind it.
    Spoilt(String),
    /// An END with something behind it, mostly the BEGIN of the next, since files were joined that end without a line
    /// end.
    Joined(Option<String>),
}

fn marker(line: &[u8]) -> Option<Marker> {
    let (rest, is_begin) = match line.strip_prefix(BEGIN) {
        Some(rest) => (rest, true),
        None => (line.strip_prefix(END)?, false),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..64).unwrap_or(bytes)).into_owned();
    let label = rest.strip_suffix(DASHES);
    let end = memchr::memmem::find(rest, DASHES).unwrap_or(rest.len());
    match label {
        Some(label) if label.len() == end && is_begin => Some(Marker::Begin(text(label))),
        Some(label) if label.len() == end => Some(Marker::End(text(label))),
        _ if is_begin => Some(Marker::Spoilt(text(rest.get(..end).unwrap_or(rest)))),
        // Fewer dashes than there should be.
        None if end == rest.len() => Some(Marker::End(text(rest))),
        _ => {
            let next = memchr::memmem::find(rest, BEGIN).and_then(|at| rest.get(at..));
            let next = next.and_then(|next| match marker(next) {
                Some(Marker::Begin(label) | Marker::Spoilt(label)) => Some(label),
                _ => None,
            });
            Some(Marker::Joined(next))
        }
    }
}

/// The label of the certificate whose BEGIN or END ends this line and does not start it, and whether it is its BEGIN: a
/// byte slipped in before it, and no reader takes it for one. In the middle of a line the words are prose.
fn after_something(line: &[u8]) -> Option<(String, bool)> {
    let head = line.strip_suffix(DASHES)?;
    let (at, mark) = [BEGIN, END]
        .into_iter()
        .filter_map(|mark| memchr::memmem::rfind(head, mark).map(|at| (at, mark)))
        .max_by_key(|(at, _)| *at)?;
    let label = head.get(at..)?.strip_prefix(mark).and_then(|label| std::str::from_utf8(label).ok())?;
    is_certificate(label).then(|| (label.to_owned(), mark == BEGIN))
}

/// A section that has begun.
struct Open<'a> {
    label: String,
    line: usize,
    /// All that comes behind its first line.
    rest: &'a [u8],
    is_encrypted: bool,
    /// Whether headers may still come.
    is_head: bool,
    base64: Content,
}

impl<'a> Open<'a> {
    fn new(label: String, line: usize, rest: &'a [u8]) -> Self {
        let is_secret = !is_certificate(&label);
        Self {
            label,
            line,
            rest,
            is_encrypted: false,
            is_head: true,
            // Most sections are a certificate.
            base64: Content { is_secret, bytes: Vec::with_capacity(rest.len().min(4096)) },
        }
    }

    fn take(&mut self, line: &[u8]) {
        if self.is_head && memchr::memchr(b':', line).is_some() {
            self.is_encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
            return;
        }
        self.is_head &= line.is_empty();
        self.base64.bytes.extend_from_slice(line);
    }

    fn close(self) -> Section {
        let content = if self.base64.bytes.is_empty() {
            Err("is empty".to_owned())
        } else {
            BASE64
                .decode(self.base64.bytes.as_slice())
                .map(|bytes| Content { is_secret: self.base64.is_secret, bytes })
                .map_err(|_| self.damage())
        };
        Section { label: self.label, line: self.line, is_encrypted: self.is_encrypted, content }
    }

    /// Where the base64 is no base64. Looked for only when it could not be decoded.
    fn damage(&self) -> String {
        let mut body = lines(self.rest).take_while(|(_, line, _)| !line.starts_with(DASHES));
        let found = body.find_map(|(number, line, _)| {
            // Headers were left out.
            let byte = line.iter().find(|byte| !is_base64(**byte) && **byte != b':')?;
            (!line.contains(&b':')).then(|| (number.saturating_add(self.line), byte.escape_ascii()))
        });
        match found {
            Some((line, byte)) => format!("line {line} has '{byte}', which is not base64"),
            None => "is damaged: its base64 does not add up".to_owned(),
        }
    }

    fn broken(self, why: &str) -> Section {
        Section {
            label: self.label,
            line: self.line,
            is_encrypted: self.is_encrypted,
            content: Err(why.to_owned()),
        }
    }
}

const fn is_base64(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(String, usize, Result<Vec<u8>, String>)> {
        sections(text.as_bytes())
            .into_iter()
            .map(|section| (section.label, section.line, section.content.map(|content| content.to_vec())))
            .collect()
    }

    fn one(text: &str) -> Result<Vec<u8>, String> {
        let found = labels(text);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].2.clone()
    }

    #[test]
    fn noise_around_and_line_ends_do_not_matter() {
        let plain = "-----BEGIN X-----\nAAEC\nAwQ=\n-----END X-----\n";
        let noisy = [
            plain.to_owned(),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            format!("\u{feff}{plain}"),
            format!("subject=/CN=a\nBag Attributes\n    localKeyID: 01\n{plain}trailing\n"),
            plain.replace('\n', " \n \n"),
            plain.trim_end().to_owned(),
            plain.replace("AAEC\nAwQ=", "AAECAwQ"),
        ];
        for text in noisy {
            assert_eq!(one(&text), Ok(vec![0, 1, 2, 3, 4]), "{text:?}");
        }
    }

    #[test]
    fn headers_are_no_data() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\nAAEC\n\
                    -----END RSA PRIVATE KEY-----\n";
        let section = &sections(text.as_bytes())[0];
        assert!(section.is_encrypted);
        assert_eq!(section.content.as_ref().unwrap().to_vec(), [0, 1, 2]);
    }

    #[test]
    fn what_is_broken_says_how() {
        let cases = [
            ("-----BEGIN X-----\nAAEC\n", "is cut off: there is no END line"),
            ("-----BEGIN X-----\nAA?C\n-----END X-----", "line 2 has '?', which is not base64"),
            ("-----BEGIN X-----\nAAECA\n-----END X-----", "is damaged: its base64 does not add up"),
            ("-----BEGIN X-----\n-----END X-----", "is empty"),
            ("-----BEGIN X-----\nAAEC\n-----END Y-----", "begins as \"X\" and ends as \"Y\""),
            ("AAEC\n-----END X-----", "has an END line and no BEGIN line"),
            ("-----BEGIN X-----AAEC-----END X-----", "has its BEGIN line and its data on one line"),
            (
                "\0-----BEGIN CERTIFICATE-----\nAAEC\n",
                "has something before its BEGIN or END on the same line",
            ),
            ("AAEC\nx-----END CERTIFICATE-----\n", "has something before its BEGIN or END on the same line"),
        ];
        for (text, why) in cases {
            assert_eq!(one(text), Err(why.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn prose_about_certificates_is_prose() {
        let text = "# Paste from -----BEGIN CERTIFICATE----- on, the last line included.\n";
        assert_eq!(labels(text), []);
        assert_eq!(labels("x-----BEGIN CERTIFICATE REQUEST-----"), []);
    }

    #[test]
    fn files_that_were_joined_without_a_line_end_are_told() {
        let one = "-----BEGIN X-----\nAAEC\n-----END X-----";
        let found = labels(&format!("{one}{one}\n"));
        let why = "has something behind its END on the same line";
        assert_eq!(found[0].2, Err(why.to_owned()));
        assert_eq!(found[1].2, Ok(vec![0, 1, 2]));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_section_in_a_section_breaks_the_first_only() {
        let found = labels("-----BEGIN X-----\nAAEC\n-----BEGIN X-----\nAAEC\n-----END X-----\n");
        assert_eq!(found.len(), 2);
        assert!(found[0].2.is_err() && found[1].2 == Ok(vec![0, 1, 2]));
        assert_eq!((found[0].1, found[1].1), (1, 3));
    }
}
