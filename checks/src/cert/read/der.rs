//! Walks DER without taking anything on trust: where an element ends, and what is behind it.
//!
//! x509-parser reads what is inside of the parts of a certificate. Where the parts are is read here, so that one part
//! that cannot be read does not hide the others.

/// Universal tags, with the bit of constructed ones.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Why an element cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end before the element does.
    Short,
    /// Its length is not written as DER wants it.
    Length,
    /// Another element was expected.
    Tag,
    /// There is more behind the last element.
    More,
}

impl Fault {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "ends too early",
            Self::Length => "a length is not written as DER",
            Self::Tag => "another element was expected",
            Self::More => "more elements than expected",
        }
    }
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag and length included.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    pub(super) const fn inside(self) -> Reader<'a> {
        Reader(self.content)
    }
}

/// What is left of a run of elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, Fault> {
        let all = self.0;
        let (tag, rest) = all.split_first().ok_or(Fault::Short)?;
        // Tags above 30 take more than a byte; nothing that is read here has one.
        if tag & 0x1f == 0x1f {
            return Err(Fault::Tag);
        }
        let (first, rest) = rest.split_first().ok_or(Fault::Short)?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let digits = usize::from(first & 0x7f);
            if digits == 0 || digits > 4 {
                return Err(Fault::Length);
            }
            let (digits, rest) = rest.split_at_checked(digits).ok_or(Fault::Short)?;
            let length = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
            // The shortest form is the only one.
            if digits.first() == Some(&0) || length < 0x80 {
                return Err(Fault::Length);
            }
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Fault::Short)?;
        let whole = all.get(..all.len().saturating_sub(rest.len())).ok_or(Fault::Short)?;
        self.0 = rest;
        Ok(Element { tag: *tag, content, whole })
    }

    /// The next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Fault> {
        match self.peek() {
            Some(found) if found == tag => self.any(),
            Some(_) => Err(Fault::Tag),
            None => Err(Fault::Short),
        }
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Fault> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// That nothing is left.
    pub(super) const fn finish(self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::More) }
    }
}

/// An element of this content.
pub(super) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            let digits = length.to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            let digits = digits.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The content of an object identifier with dots; hexadecimal where it is none.
pub(super) fn dotted(oid: &[u8]) -> String {
    arcs(oid).unwrap_or_else(|| model::hex::encode(oid))
}

fn arcs(oid: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(oid.len().saturating_mul(3));
    let mut arc: u64 = 0;
    let mut is_open = false;
    for byte in oid {
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        is_open = byte & 0x80 != 0;
        if is_open {
            continue;
        }
        if out.is_empty() {
            let top = (arc / 40).min(2);
            write!(out, "{top}.{}", arc.checked_sub(top.checked_mul(40)?)?).ok()?;
        } else {
            write!(out, ".{arc}").ok()?;
        }
        arc = 0;
    }
    (!is_open && !out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn object_identifiers_have_dots() {
        assert_eq!(dotted(&[0x55, 0x1d, 0x11]), "2.5.29.17");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), "1.2.840.113549.1.1.11");
        assert_eq!(dotted(&[0x88, 0x37, 0x03]), "2.999.3");
        assert_eq!(dotted(&[]), "");
        assert_eq!(dotted(&[0x55, 0x9d]), "559d");
        assert_eq!(dotted(&[0x55, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).len(), 22);
    }

    #[test]
    fn only_the_shortest_length_is_der() {
        for (bytes, fault) in [
            (&[0x30, 0x81, 0x01, 0x00][..], Fault::Length),
            (&[0x30, 0x82, 0x00, 0x80], Fault::Length),
            (&[0x30, 0x80, 0x00, 0x00], Fault::Length),
            (&[0x30, 0x85, 1, 1, 1, 1, 1], Fault::Length),
            (&[0x30, 0x02, 0x00], Fault::Short),
            (&[0x30, 0x82, 0x01], Fault::Short),
            (&[0x30], Fault::Short),
            (&[], Fault::Short),
            (&[0x1f, 0x01, 0x00], Fault::Tag),
        ] {
            assert_eq!(Reader(bytes).any(), Err(fault), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_wrapped_is_found_again(length in 0_usize..70_000, byte: u8, tail in prop::collection::vec(any::<u8>(), 0..9)) {
            let content = vec![byte; length];
            let mut bytes = wrap(SEQUENCE, &content);
            let length = bytes.len();
            bytes.extend_from_slice(&tail);
            let mut reader = Reader(&bytes);
            let element = reader.expect(SEQUENCE).unwrap();
            prop_assert_eq!(element.content, &content[..]);
            prop_assert_eq!(element.whole.len(), length);
            prop_assert_eq!(reader.0, &tail[..]);
        }
    }
}
