//! Reads YAML into nodes that know their place.
//!
//! Only the part of YAML that a configuration needs: one document without anchors, aliases, tags and directives, so
//! that what is written is what is meant and a small file cannot expand into a large one.

use std::{collections::BTreeMap, fmt::Write as _};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle};

use super::{
    codes,
    mask::IsSecret,
    node::{Entry, Node, Notation, Scalar, Value},
    problem::{Place, Problem, Span},
    source::{self, Lines},
};

/// Deeper nesting is refused; the configuration itself needs four levels.
pub(crate) const MAX_DEPTH: usize = 64;

/// What could be read and what was wrong with it. No node means that the rest of the file makes no sense.
pub struct Read {
    /// The document; null where the file is empty.
    pub root: Option<Node>,
    /// What breaks the grammar.
    pub problems: Vec<Problem>,
}

/// Reads the bytes of a file.
pub fn read(bytes: &[u8]) -> Read {
    match source::decode(bytes) {
        Ok((text, skipped)) => Reader::new(bytes, skipped).read(text),
        Err(problem) => Read { root: None, problems: vec![problem] },
    }
}

/// A mapping or list whose end has not been seen yet.
enum Open {
    List { items: Vec<Node>, start: Span },
    Mapping { entries: Vec<Entry>, lines: BTreeMap<String, usize>, key: Option<Key>, start: Span },
}

/// A key whose value has not been seen yet.
struct Key {
    text: String,
    span: Span,
    /// Whether an entry of this name exists, so that the value is read and dropped.
    dropped: bool,
}

struct Reader<'a> {
    lines: Lines<'a>,
    skipped: usize,
    open: Vec<Open>,
    root: Option<Node>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], skipped: usize) -> Self {
        Self { lines: Lines::new(bytes), skipped, open: Vec::new(), root: None, problems: Vec::new() }
    }

    fn read(mut self, text: &str) -> Read {
        let mut options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        options.set_emit_comments(false);
        let mut documents = 0_u32;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match event {
                Ok((event, span)) => (event, self.span(&span)),
                Err(error) => {
                    let mut start = self.offset(error.marker());
                    if is_about_a_tab(error.kind()) {
                        // The error points at what is being read when the tab comes; the tab is what to repair.
                        let rest = self.lines.bytes_from(start);
                        start = start
                            .saturating_add(rest.iter().position(|byte| *byte == b'\t').unwrap_or_default());
                    }
                    let span = self.lines.span(start, start.saturating_add(1));
                    self.problems.push(syntax_problem(error.kind(), span));
                    return Read { root: None, problems: self.problems };
                }
            };
            if matches!(event, Event::DocumentStart(..)) {
                documents = documents.saturating_add(1);
                if documents > 1 {
                    self.unsupported(span, "a second document begins here", "keep one document in the file");
                    break;
                }
            }
            if self.open.len() >= MAX_DEPTH
                && matches!(event, Event::SequenceStart(..) | Event::MappingStart(..))
            {
                self.problems.push(too_deep(span));
                return Read { root: None, problems: self.problems };
            }
            self.event(event, span);
        }
        let root = self.root.unwrap_or_else(Node::null);
        Read { root: Some(root), problems: self.problems }
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                let notation = if style == ScalarStyle::Plain { Notation::Plain } else { Notation::Quoted };
                let value = Value::Scalar(Scalar { text: text.into_owned(), notation });
                self.finish(Node { value, span: Some(span) });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.unsupported(span, "aliases are not supported", "write the value out");
                self.finish(Node { value: Value::Reported, span: Some(span) });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                self.open.push(Open::List { items: Vec::new(), start: span });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                self.open.push(Open::Mapping {
                    entries: Vec::new(),
                    lines: BTreeMap::new(),
                    key: None,
                    start: span,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            _ => {}
        }
    }

    /// Closes the innermost list or mapping and hands it to the one around it.
    fn close(&mut self, end: usize) {
        let (value, start) = match self.open.pop() {
            Some(Open::List { items, start }) => (Value::List(items), start),
            Some(Open::Mapping { entries, start, .. }) => (Value::Mapping(entries), start),
            None => return,
        };
        self.finish(Node { value, span: Some(Span { end: end.max(start.start), ..start }) });
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node) {
        let path = self.path();
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, lines, key, .. }) => match key.take() {
                None => {
                    let (new, problem) = read_key(lines, node, &path);
                    *key = Some(new);
                    self.problems.extend(problem);
                }
                Some(Key { dropped: true, .. }) => {}
                Some(Key { text, span, .. }) => {
                    entries.push(Entry { key: text, key_span: Some(span), value: node });
                }
            },
        }
    }

    /// The path of what is being read, for duplicate keys.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::List { items, .. } => {
                    // Writing into a string cannot fail.
                    let _ = write!(path, "[{}]", items.len());
                }
                Open::Mapping { key: Some(key), .. } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&key.text);
                }
                Open::Mapping { key: None, .. } => {}
            }
        }
        path
    }

    fn refuse_properties(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor != 0 {
            self.unsupported(span, "anchors are not supported", "remove the `&name` in front of the value");
        }
        if tagged {
            self.unsupported(span, "tags are not supported", "remove the `!tag` in front of the value");
        }
    }

    fn unsupported(&mut self, span: Span, message: &str, suggestion: &str) {
        let place = Place { path: self.path(), ..Place::file(Some(span)) };
        self.problems.push(Problem::error(codes::UNSUPPORTED_YAML, &place, message).suggestion(suggestion));
    }

    fn offset(&self, marker: &granit_parser::Marker) -> usize {
        marker.byte_offset().unwrap_or_default().saturating_add(self.skipped)
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        self.lines.span(self.offset(&span.start), self.offset(&span.end))
    }
}

/// The key that a node stands for, and what is wrong with it.
fn read_key(lines: &mut BTreeMap<String, usize>, node: Node, path: &str) -> (Key, Option<Problem>) {
    let span = node.span.unwrap_or(Span { start: 0, end: 0, line: 0, column: 0 });
    let Value::Scalar(scalar) = node.value else {
        let place = Place { path: path.to_owned(), ..Place::file(Some(span)) };
        let problem = match node.value {
            Value::Reported => None,
            _ => Some(Problem::error(codes::WRONG_TYPE, &place, "a key must be text")),
        };
        return (Key { text: String::new(), span, dropped: true }, problem);
    };
    // The line of each key, since looking through the entries would take a square of their number.
    let first = lines.get(&scalar.text).copied();
    if first.is_none() {
        lines.insert(scalar.text.clone(), span.line);
    }
    let problem = first.map(|line| {
        let path = if path.is_empty() { scalar.text.clone() } else { format!("{path}.{}", scalar.text) };
        let place = Place { path, ..Place::file(Some(span)) };
        Problem::error(codes::DUPLICATE_KEY, &place, format!("this key was already given on line {line}"))
            .suggestion("keep one of the two")
    });
    (Key { dropped: problem.is_some(), text: scalar.text, span }, problem)
}

fn too_deep(span: Span) -> Problem {
    let message = format!("more than {MAX_DEPTH} levels of nesting");
    Problem::error(codes::TOO_DEEP, &Place::file(Some(span)), message)
        .suggestion("check that this is the configuration file and not something else")
}

fn syntax_problem(kind: &ErrorKind, span: Span) -> Problem {
    let place = Place::file(Some(span));
    let problem = match kind {
        ErrorKind::RecursionLimitExceeded => return too_deep(span),
        ErrorKind::DirectiveDisallowed => {
            return Problem::error(codes::UNSUPPORTED_YAML, &place, "directives are not supported")
                .suggestion("remove the line that begins with `%`");
        }
        kind => Problem::error(codes::SYNTAX, &place, kind.to_string()),
    };
    match syntax_suggestion(kind) {
        Some(suggestion) => problem.suggestion(suggestion),
        None => problem,
    }
}

fn is_about_a_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    )
}

fn syntax_suggestion(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        kind if is_about_a_tab(kind) => Some("indent with spaces; YAML does not accept tabs"),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            Some("close the quotation mark that was opened before")
        }
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::UnclosedFlowCollection { .. } => {
            Some("check that every `[` has its `]` and every `{` its `}`")
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            Some("put a value that holds `: ` into quotes, and check the indentation of this line")
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::ExpectedBlockSequenceEntry => {
            Some("write `key: value` and indent this line like its neighbours")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            Some("use single quotes, where a backslash is just a backslash")
        }
        ErrorKind::UnexpectedCharacter { .. } => Some("put the value into quotes"),
        _ => None,
    }
}

/// The places of values that belong to keys with the name of a secret, at any depth.
pub(crate) fn secret_spans(node: &Node, is_secret: IsSecret, found: &mut Vec<Span>) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let text = match &entry.value.value {
                    Value::Scalar(scalar) => scalar.text.as_str(),
                    _ => "",
                };
                if is_secret(&entry.key, text) {
                    found.extend(entry.value.span);
                } else {
                    secret_spans(&entry.value, is_secret, found);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| secret_spans(item, is_secret, found)),
        Value::Scalar(_) | Value::Reported => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(text: &str) -> Vec<&'static str> {
        read(text.as_bytes()).problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn what_a_configuration_does_not_need_is_refused_by_name() {
        for (text, code) in [
            ("a: &x 1\nb: *x\n", codes::UNSUPPORTED_YAML),
            ("a: *missing\n", codes::UNSUPPORTED_YAML),
            ("a: !!str 1\n", codes::UNSUPPORTED_YAML),
            ("%YAML 1.2\n---\na: 1\n", codes::UNSUPPORTED_YAML),
            ("a: 1\n---\na: 1\n", codes::UNSUPPORTED_YAML),
            ("a: 1\na: 2\n", codes::DUPLICATE_KEY),
            ("? [a, b]\n: 1\n", codes::WRONG_TYPE),
            ("a: [1\n", codes::SYNTAX),
            ("a:\n\t- 1\n", codes::SYNTAX),
            ("\"abc", codes::SYNTAX),
            (&format!("{}{}", "[".repeat(65), "]".repeat(65)), codes::TOO_DEEP),
            (&"- ".repeat(70), codes::TOO_DEEP),
        ] {
            assert!(codes_of(text).contains(&code), "{text}: {:?}", codes_of(text));
        }
    }

    #[test]
    fn nesting_up_to_the_limit_is_read() {
        assert!(codes_of(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_empty());
    }

    #[test]
    fn json_is_yaml() {
        let text = "{\r\n\t\"a\": {\"b\": [1, \"\\ud83d\\ude00\\/\", null]},\r\n\t\"c\": 1e3\r\n}";
        let root = read(text.as_bytes()).root.unwrap();
        let json = serde_json::from_str(text).unwrap();
        let Value::Mapping(entries) = &root.value else { panic!() };
        let Value::Mapping(wanted) = Node::from_json(&json, MAX_DEPTH).unwrap().value else { panic!() };
        for (entry, wanted) in entries.iter().zip(&wanted) {
            assert_eq!(entry.key, wanted.key);
        }
        assert!(codes_of(text).is_empty());
    }

    #[test]
    fn a_node_knows_its_place() {
        let text = "\u{FEFF}a: 1\nlist:\n  - x\n  - \"ü\"\n";
        let root = read(text.as_bytes()).root.unwrap();
        let Value::Mapping(entries) = root.value else { panic!() };
        let Value::List(items) = &entries[1].value.value else { panic!() };
        let span = items[1].span.unwrap();
        assert_eq!((&text[span.start..span.end], span.line, span.column), ("\"ü\"", 4, 5));
        let span = entries[0].key_span.unwrap();
        assert_eq!((&text[span.start..span.end], span.line, span.column), ("a", 1, 1));
    }

    #[test]
    fn a_duplicate_key_is_shown_with_its_whole_path() {
        let read = read(b"network:\n  backend_ports: [1]\n  backend_ports: [2]\n");
        assert_eq!(read.problems[0].path, "network.backend_ports");
        assert!(read.problems[0].message.contains("line 2"));
    }
}
