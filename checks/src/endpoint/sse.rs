//! Server-sent events, read as they come: the event stream of the HTML standard, section 9.2.6.

/// The media type of a stream.
pub(crate) const MEDIA_TYPE: &str = "text/event-stream";

/// Reads a stream piece by piece, wherever the pieces are cut.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// Whether the last byte was a carriage return, so that a line feed belongs to it.
    after_return: bool,
    is_begun: bool,
}

impl Reader {
    /// The data of the events that are complete with this piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<String> {
        let mut events = Vec::new();
        for &byte in piece {
            let is_second = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if is_second => {}
                b'\r' | b'\n' => events.extend(self.line()),
                _ => self.line.push(byte),
            }
        }
        events
    }

    /// Whether something was begun that is no event yet. A stream that ends there was cut.
    pub(crate) fn is_in_event(&self) -> bool {
        !self.line.is_empty() || self.data.is_some()
    }

    /// Takes a line; the event's data where the line ends one.
    fn line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) if is_first => rest,
            _ => line.as_slice(),
        };
        if line.is_empty() {
            return self.data.take().map(|data| String::from_utf8_lossy(&data).into_owned());
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            // A comment, another field, or a field that nobody knows.
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Vec<String>, bool) {
        let mut reader = Reader::default();
        let events = reader.push(text);
        (events, reader.is_in_event())
    }

    #[test]
    fn every_kind_of_line_end_is_one() {
        for text in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
            assert_eq!(read(text.as_bytes()), (vec!["a".to_owned(), "b".to_owned()], false), "{text:?}");
        }
    }

    #[test]
    fn comments_and_other_fields_are_no_data_and_what_is_not_ended_is_no_event() {
        let text = b"\xef\xbb\xbf: hello\n\nevent: x\nid: 1\ndata:a\ndata:  b\ndata\n\ndatax: c\n\ndata: cut";
        assert_eq!(read(text), (vec!["a\n b\n".to_owned()], true));
        assert_eq!(read(b"data: x\n"), (vec![], true));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_stream_says_the_same_wherever_it_is_cut(
            text in "(data: [a-z]{0,3}|data|: c|\r|\n|\r\n|\n\n|ä){0,40}",
            cuts in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut reader = Reader::default();
            let mut events = Vec::new();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut start = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                events.extend(reader.push(&bytes[start..cut]));
                start = cut;
            }
            prop_assert_eq!((events, reader.is_in_event()), read(bytes));
        }
    }
}
