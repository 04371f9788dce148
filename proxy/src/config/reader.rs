//! Takes typed values out of the document, noting every problem instead of stopping at the first.
//!
//! Each method returns nothing where a problem was noted, so that the caller can go on with the other keys.

use std::time::Duration;

use model::document::{
    self, Entry, Flaw, Node, Notation, Origin, Place, Problem, Scalar, Type, Value, codes, nearest, shown,
};

use super::{
    amount,
    keys::{self, Fallback, Kind},
    secrets,
};

/// A value that is about to be read, with its place and the path of its key in the table.
pub(super) struct Found {
    pub(super) node: Node,
    pub(super) place: Place,
    pub(super) key: String,
}

/// A mapping whose keys are taken out one by one.
pub(super) struct Section {
    pub(super) place: Place,
    key: String,
    entries: Vec<Entry>,
}

/// What was noted so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

/// The path of a name in a mapping.
fn join(path: &str, name: &str) -> String {
    // A name may be anything of any length; what is shown of it stays short and on one line.
    let name: String = name.chars().take(64).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

impl Found {
    /// The document itself.
    pub(super) fn document(node: Node) -> Self {
        let place = Place { path: String::new(), ..Place::file(node.span) };
        Self { node, place, key: String::new() }
    }
}

impl Section {
    /// Takes a value out; an empty one counts as absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Found> {
        let index = self.entries.iter().position(|entry| entry.key == name)?;
        let entry = self.entries.swap_remove(index);
        if entry.value.is_null() {
            return None;
        }
        let place = self.place.child(join(&self.place.path, name), entry.value.span.or(entry.key_span));
        Some(Found { node: entry.value, place, key: join(&self.key, name) })
    }

    /// The place of a key that is not there.
    pub(super) fn absent(&self, name: &str) -> Place {
        Place { path: join(&self.place.path, name), ..self.place.clone() }
    }

    /// Whether the key has a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == name && !entry.value.is_null())
    }
}

impl Reader {
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The mapping that a value is, with its unknown keys noted.
    pub(super) fn section(&mut self, found: Found) -> Option<Section> {
        let Found { node, place, key } = found;
        let known = keys::names_in(&key);
        let entries = match node.value {
            Value::Mapping(entries) => entries,
            Value::Scalar(_) if node.is_null() => Vec::new(),
            _ => {
                let example = known.first().map_or_else(String::new, |name| format!("{name}: ..."));
                return self.wrong_type(&node, &place, "a mapping of keys to values", &example);
            }
        };
        for entry in &entries {
            if !known.contains(&entry.key.as_str()) {
                self.unknown(&place, &known, entry);
            }
        }
        Some(Section { place, key, entries })
    }

    /// The mapping under a key; where there is none, an empty one, so that its defaults hold.
    pub(super) fn subsection(&mut self, section: &mut Section, name: &str) -> Option<Section> {
        match section.take(name) {
            Some(found) => self.section(found),
            None => Some(Section {
                place: section.absent(name),
                key: join(&section.key, name),
                entries: Vec::new(),
            }),
        }
    }

    fn unknown(&mut self, place: &Place, known: &[&str], entry: &Entry) {
        let path = join(&place.path, &entry.key);
        let at = Place { path, ..Place::file(entry.key_span) };
        if secrets::is_secret_name(&entry.key) {
            let message = "secrets do not belong into the configuration";
            let advice = secrets::advice(&entry.key);
            self.report(Problem::error(codes::SECRET_IN_FILE, &at, message).suggestion(advice));
            return;
        }
        let message = match place.path.as_str() {
            "" => "this key is unknown".to_owned(),
            path => format!("this key is unknown in `{path}`"),
        };
        let problem = Problem::error(codes::UNKNOWN_KEY, &at, message);
        let elsewhere =
            || keys::KEYS.iter().find(|key| key.path.rsplit('.').next() == Some(entry.key.as_str()));
        self.report(match nearest(&entry.key, known.iter().copied()) {
            Some(nearest) => problem.suggestion(format!("did you mean `{nearest}`?")),
            None => match elsewhere() {
                Some(key) => problem.suggestion(format!("did you mean `{}`?", key.path)),
                None => problem.suggestion(format!("known here: {}", known.join(", "))),
            },
        });
    }

    /// A value, or its default, or a note that it is missing.
    pub(super) fn value(&mut self, section: &mut Section, name: &str) -> Option<Found> {
        let found = section.take(name);
        if found.is_some() {
            return found;
        }
        let key = join(&section.key, name);
        let place = section.absent(name);
        match keys::find(&key).map(|key| key.fallback) {
            Some(Fallback::Value(yaml)) => {
                let node = document::read(yaml.as_bytes()).root.unwrap_or_else(Node::null);
                let place = Place { origin: Origin::Default { reason: "built in" }, ..place };
                Some(Found { node, place, key })
            }
            _ => self.missing(&place, &key),
        }
    }

    /// Notes that something which must be there is not.
    pub(super) fn missing<T>(&mut self, place: &Place, key: &str) -> Option<T> {
        let example = keys::find(key).map_or("...", |key| example(key.kind));
        let name = place.path.rsplit('.').next().unwrap_or_default();
        let problem = Problem::error(codes::REQUIRED, place, "this is required");
        self.report(problem.example(format!("{name}: {example}")));
        None
    }

    /// The items of a list.
    pub(super) fn list(&mut self, found: Found) -> Option<Vec<Found>> {
        let Found { node, place, key } = found;
        let Value::List(items) = node.value else {
            return self.wrong_type(&node, &place, "a list", "[]");
        };
        let item = |(index, node): (usize, Node)| {
            let place = place.child(format!("{}[{index}]", place.path), node.span);
            Found { node, place, key: format!("{key}[]") }
        };
        Some(items.into_iter().enumerate().map(item).collect())
    }

    /// The entries of a mapping whose names the operator chooses.
    pub(super) fn named(&mut self, found: Found) -> Option<Vec<(String, Found)>> {
        let Found { node, place, key } = found;
        let Value::Mapping(entries) = node.value else {
            return self.wrong_type(&node, &place, "a mapping", "NAME: ...");
        };
        let entry = |entry: Entry| {
            let path = join(&place.path, &entry.key);
            let place = place.child(path, entry.value.span.or(entry.key_span));
            (entry.key, Found { node: entry.value, place, key: format!("{key}.*") })
        };
        Some(entries.into_iter().map(entry).collect())
    }

    /// Text in the grammar of `parse`.
    pub(super) fn parsed<T>(
        &mut self,
        found: Found,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let place = found.place.clone();
        let text = self.text(found)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(flaw) => {
                let flaw = match flaw.code {
                    codes::INVALID_IDENTIFIER => {
                        Flaw { message: format!("{} {}", shown(&text), flaw.message), ..flaw }
                    }
                    _ => flaw,
                };
                self.report(flaw.at(&place));
                None
            }
        }
    }

    /// Text that is not empty.
    pub(super) fn text(&mut self, found: Found) -> Option<String> {
        const LONGEST: usize = 4096;
        let Found { node, place, key } = found;
        let example = keys::find(&key).map_or("text", |key| example(key.kind));
        let kind = match &node.value {
            Value::Scalar(scalar) => Some(scalar.kind()),
            _ => None,
        };
        match (kind, node.value) {
            (Some(Type::Text), Value::Scalar(Scalar { text, .. })) if text.len() <= LONGEST => {
                if text.trim().is_empty() || text.chars().any(char::is_control) {
                    let message = "wants text on one line, found none";
                    self.report(Problem::error(codes::WRONG_TYPE, &place, message).example(example));
                    return None;
                }
                Some(text)
            }
            (Some(Type::Text), _) => {
                let message = format!("the text is longer than {LONGEST} bytes");
                self.report(Problem::error(codes::OUT_OF_RANGE, &place, message));
                None
            }
            (Some(kind @ (Type::Boolean | Type::Integer | Type::Number)), Value::Scalar(scalar)) => {
                let found = match kind {
                    Type::Boolean => "true or false",
                    _ => "a number",
                };
                let problem = Problem::error(codes::WRONG_TYPE, &place, format!("wants text, found {found}"));
                self.report(problem.suggestion(format!("put it into quotes: \"{}\"", scalar.text)));
                None
            }
            (_, value) => self.wrong_type(&Node { value, span: node.span }, &place, "text", example),
        }
    }

    /// One of the words that the table lists for this key.
    pub(super) fn choice<T: Copy>(&mut self, found: Found, choices: &[(&'static str, T)]) -> Option<T> {
        let Found { node, place, .. } = found;
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        // The words may look like numbers, so the notation does not matter.
        let Value::Scalar(Scalar { text, .. }) = &node.value else {
            return self.wrong_type(&node, &place, "a word", names.first().copied().unwrap_or_default());
        };
        let chosen = choices.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let message = format!("{} is none of {}", shown(text), names.join(", "));
            let problem = Problem::error(codes::NOT_A_CHOICE, &place, message);
            self.report(match nearest(text, names.iter().copied()) {
                Some(nearest) => problem.suggestion(format!("did you mean `{nearest}`?")),
                None => problem.example(names.first().copied().unwrap_or_default()),
            });
        }
        chosen
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, found: Found) -> Option<bool> {
        let Found { node, place, .. } = found;
        match &node.value {
            Value::Scalar(scalar) if scalar.kind() == Type::Boolean => {
                Some(scalar.text.eq_ignore_ascii_case("true"))
            }
            _ => self.wrong_type(&node, &place, "`true` or `false`", "true"),
        }
    }

    /// A whole number in the range that the table gives for this key.
    pub(super) fn integer<T: TryFrom<u64>>(&mut self, found: Found) -> Option<T> {
        let (min, max) = match keys::find(&found.key).map(|key| key.kind) {
            Some(Kind::Integer { min, max }) => (min, max),
            _ => (0, u64::MAX),
        };
        let Found { node, place, .. } = found;
        let Value::Scalar(scalar) = &node.value else {
            return self.wrong_type(&node, &place, "a whole number", &min.to_string());
        };
        let digits = scalar.text.strip_prefix(['-', '+']).unwrap_or(&scalar.text);
        let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !decimal {
            return self.wrong_type(&node, &place, "a whole number", &min.to_string());
        }
        if scalar.notation == Notation::Quoted {
            let problem = Problem::error(codes::WRONG_TYPE, &place, "wants a whole number, found text");
            self.report(problem.suggestion(format!("write it without quotes: {digits}")));
            return None;
        }
        let number = scalar.text.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
        let value = number.and_then(|number| T::try_from(number).ok());
        if value.is_none() {
            let message = format!("{} is not between {min} and {max}", shown(&scalar.text));
            self.report(Problem::error(codes::OUT_OF_RANGE, &place, message));
        }
        value
    }

    /// A time in the range that the table gives for this key.
    pub(super) fn duration(&mut self, found: Found) -> Option<Duration> {
        let (min, max) = match keys::find(&found.key).map(|key| key.kind) {
            Some(Kind::Duration { min_ms, max_ms }) => (min_ms, max_ms),
            _ => (0, u64::MAX),
        };
        self.amount(found, |text| amount::duration(text, min, max))
    }

    /// A number of bytes in the range that the table gives for this key.
    pub(super) fn size(&mut self, found: Found) -> Option<usize> {
        let (min, max) = match keys::find(&found.key).map(|key| key.kind) {
            Some(Kind::Size { min, max }) => (min, max),
            _ => (0, u64::MAX),
        };
        self.amount(found, |text| amount::size(text, min, max))
    }

    fn amount<T>(&mut self, found: Found, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        let Found { node, place, key } = found;
        let Value::Scalar(scalar) = &node.value else {
            let example = keys::find(&key).map_or("30s", |key| example(key.kind));
            return self.wrong_type(&node, &place, "a number with a unit", example);
        };
        parse(&scalar.text).map_err(|flaw| self.report(flaw.at(&place))).ok()
    }

    /// Notes a value of another type.
    pub(super) fn wrong_type<T>(
        &mut self,
        node: &Node,
        place: &Place,
        wanted: &str,
        example: &str,
    ) -> Option<T> {
        if !matches!(node.value, Value::Reported) {
            let message = format!("wants {wanted}, found {}", node.describe());
            self.report(Problem::error(codes::WRONG_TYPE, place, message).example(example));
        }
        None
    }
}

/// A value that is accepted, for a problem.
fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Mapping => "...",
        Kind::Choice(choices) => choices.first().copied().unwrap_or_default(),
        Kind::Text(example) | Kind::Texts(example) | Kind::Path(example) | Kind::Url(example) => example,
        Kind::Address => "127.0.0.1:8443",
        Kind::Integer { .. } => "1",
        Kind::Size { .. } => "25MiB",
        Kind::Duration { .. } => "30s",
        Kind::Boolean => "true",
    }
}
