//! The text of a configuration file: decoding and positions.

use std::cell::Cell;

use super::{
    codes,
    problem::{Place, Problem, Span},
};

/// A configuration file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    /// What to call it in messages: the path as the user gave it.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// Larger files are refused: the largest sensible configuration is a hundredth of this.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// The byte order mark that some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Length of the byte order mark at the beginning, 0 where there is none.
pub(crate) fn byte_order_mark_length(bytes: &[u8]) -> usize {
    if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

/// The text after an optional byte order mark, and the length of that mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<(&str, usize), Problem> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
        return Err(Problem::error(codes::TOO_LARGE, &Place::file(None), message)
            .suggestion("check that this is the configuration file and not something else"));
    }
    let skipped = byte_order_mark_length(bytes);
    let body = bytes.get(skipped..).unwrap_or_default();
    std::str::from_utf8(body).map(|text| (text, skipped)).map_err(|error| {
        let start = skipped.saturating_add(error.valid_up_to());
        let end = start.saturating_add(error.error_len().unwrap_or(1)).min(bytes.len());
        let span = Lines::new(bytes).span(start, end);
        let message = "this byte is not part of a UTF-8 character";
        let problem = Problem::error(codes::NOT_UTF8, &Place::file(Some(span)), message);
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            problem.suggestion("the file looks like UTF-16; save it as UTF-8")
        } else {
            problem.suggestion("save the file as UTF-8")
        }
    })
}

/// Where the lines of a file begin.
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
    /// Offset and column of the place that was asked for last. Places are mostly asked for in the order of the text,
    /// and counting a long line from its beginning each time would take the square of its length.
    last: Cell<(usize, usize)>,
}

impl<'a> Lines<'a> {
    /// Finds the line breaks once, so that each position is a search and not a scan.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(index, _)| index.saturating_add(1))).collect();
        Self { bytes, starts, last: Cell::new((0, 1)) }
    }

    /// The place of these bytes, with its line and column.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let start = start.min(self.bytes.len());
        let line = self.starts.partition_point(|first| *first <= start);
        let first = self.line_start(line);
        let first = if first == 0 { byte_order_mark_length(self.bytes).min(start) } else { first };
        let (from, column) = match self.last.get() {
            (offset, column) if (first.max(1)..=start).contains(&offset) => (offset, column),
            _ => (first, 1),
        };
        // Characters, not bytes: continuation bytes begin with the bits 10.
        let before = self.bytes.get(from..start).unwrap_or_default();
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count().saturating_add(column);
        self.last.set((start, column));
        Span { start, end: end.clamp(start, self.bytes.len()), line, column }
    }

    /// The bytes from an offset on.
    pub(crate) fn bytes_from(&self, offset: usize) -> &'a [u8] {
        self.bytes.get(offset..).unwrap_or_default()
    }

    /// The first byte of a line, counted from 1.
    fn line_start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_lines_from_one() {
        let text = "a: ö\nbß: x\n";
        let lines = Lines::new(text.as_bytes());
        let at = text.find('x').unwrap();
        assert_eq!(lines.span(at, at + 1), Span { start: at, end: at + 1, line: 2, column: 5 });
        assert_eq!(lines.span(0, 1).column, 1);
        assert_eq!(lines.span(999, 9999).line, 3);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_takes_no_column() {
        let (text, skipped) = decode(b"\xEF\xBB\xBFversion: 1").unwrap();
        assert_eq!((text, skipped), ("version: 1", 3));
        assert_eq!(Lines::new(b"\xEF\xBB\xBFversion: 1").span(3, 4).column, 1);
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_shown_with_its_place() {
        let problem = decode(b"version: 1\nid: \xFF\n").unwrap_err();
        assert_eq!(problem.code, codes::NOT_UTF8);
        assert_eq!(problem.span.unwrap(), Span { start: 15, end: 16, line: 2, column: 5 });
        assert!(decode(b"\xFF\xFEv\0").unwrap_err().suggestion.unwrap().contains("UTF-16"));
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        assert!(decode(&vec![b' '; MAX_BYTES]).is_ok());
        assert_eq!(decode(&vec![b' '; MAX_BYTES + 1]).unwrap_err().code, codes::TOO_LARGE);
    }
}
