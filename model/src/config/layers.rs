//! Brings the sources of settings together: flag over environment over file over default.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Inputs, codes,
    keys::{self, Key, Kind},
    node::{Entry, Node, Notation, Scalar, Value},
    problem::{Origin, Place, Problem, Span},
    secret_names, suggest, yaml,
};

/// A value with the source that won.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) node: Node,
    pub(crate) origin: Origin,
}

/// What the sources say about each key, before anything is judged.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) found: BTreeMap<&'static str, Found>,
    pub(crate) problems: Vec<Problem>,
    /// Whether there was a file or a document in the shape of one.
    pub(crate) has_file: bool,
    /// Whether the file could not be read, so that nothing can be said about what it holds.
    pub(crate) unreadable: bool,
    /// Whether `gateway:` is a mapping, even an empty one.
    pub(crate) has_gateway: bool,
}

/// Reads every source. Weaker ones first, so that a stronger one replaces what they said.
pub(crate) fn gather(inputs: &Inputs<'_>) -> Layers {
    let mut layers = Layers::default();
    layers.add_fallback_variables(inputs.environment);
    if let Some(file) = inputs.file {
        let read = yaml::read(file.bytes);
        layers.problems.extend(read.problems);
        match read.root {
            Some(root) => layers.add_document(root),
            None => layers.unreadable = true,
        }
    }
    layers.add_environment(inputs.environment);
    layers.add_flags(inputs.flags);
    layers
}

/// The layers of a document alone.
pub(crate) fn of_document(root: Node) -> Layers {
    let mut layers = Layers::default();
    layers.add_document(root);
    layers
}

impl Layers {
    /// `AWS_REGION` and its like: stronger than a default, weaker than the file.
    fn add_fallback_variables(&mut self, environment: &BTreeMap<String, String>) {
        for key in keys::KEYS {
            let variables = key.fallback_variables().iter();
            let set = variables
                .filter_map(|name| Some((name, environment.get(*name).filter(|text| !text.is_empty())?)));
            if let Some((variable, text)) = set.into_iter().next() {
                let origin = Origin::Environment { variable: (*variable).to_owned() };
                self.found.insert(key.path, Found { node: Node::scalar(text, Notation::Loose), origin });
            }
        }
    }

    fn add_document(&mut self, root: Node) {
        self.has_file = true;
        report_secrets(&root, "", &mut self.problems);
        self.add_section("", root);
    }

    fn add_section(&mut self, section: &str, node: Node) {
        if node.is_null() {
            // A section whose keys are all commented out.
            return;
        }
        let entries = match node.value {
            Value::Mapping(entries) => entries,
            Value::Reported => return,
            _ => {
                let place = Place { path: section.to_owned(), ..Place::file(node.span) };
                let names = keys::names_in(section);
                let example = names.first().map_or_else(String::new, |name| format!("{name}: ..."));
                let message = format!("wants a mapping of keys to values, found {}", node.describe());
                self.problems.push(Problem::error(codes::WRONG_TYPE, &place, message).example(example));
                return;
            }
        };
        if section == "gateway" {
            self.has_gateway = true;
        }
        for entry in entries {
            self.add_entry(section, entry);
        }
    }

    fn add_entry(&mut self, section: &str, entry: Entry) {
        let path = join(section, &entry.key);
        match keys::find(&path) {
            Some(key) if key.kind != Kind::Section => {
                let span = entry.value.span.filter(|_| !entry.value.is_null()).or(entry.key_span);
                let origin = Origin::File { line: span.map_or(0, |span| span.line) };
                let node = Node { span, ..entry.value };
                // Null says what no entry says, so it must not hide a weaker source of a required key.
                if node.is_null() && (key.is_required() || !key.fallback_variables().is_empty()) {
                    return;
                }
                self.found.insert(key.path, Found { node, origin });
            }
            _ if keys::is_section(&path) => self.add_section(&path, entry.value),
            _ if secret_names::is_secret(&entry.key) => {}
            _ => self.problems.push(unknown_key(section, &path, &entry.key, entry.key_span)),
        }
    }

    fn add_environment(&mut self, environment: &BTreeMap<String, String>) {
        let known: BTreeMap<String, &'static Key> =
            keys::KEYS.iter().filter_map(|key| Some((key.variable()?, key))).collect();
        for (variable, text) in environment {
            if !variable.starts_with(keys::VARIABLE_PREFIX) || belongs_to_command_line(variable) {
                continue;
            }
            let origin = Origin::Environment { variable: variable.clone() };
            match known.get(variable) {
                // Pipelines export variables that they leave empty.
                Some(_) if text.is_empty() => {}
                Some(key) => self.add_text(key, text, origin),
                None => {
                    let place = Place { path: String::new(), origin, span: None };
                    let shown: String = variable.chars().take(128).collect();
                    let problem = Problem::warning(
                        codes::UNKNOWN_VARIABLE,
                        &place,
                        format!("`{shown}` matches no key"),
                    );
                    let names = known.keys().map(String::as_str);
                    self.problems.push(match suggest::nearest(variable, names) {
                        _ if secret_names::is_secret(variable) => {
                            problem.suggestion(secret_names::advice(variable))
                        }
                        Some(name) => problem.suggestion(format!("did you mean `{name}`?")),
                        None => problem.suggestion("`sre-agent-deploy config schema` lists every key"),
                    });
                }
            }
        }
    }

    fn add_flags(&mut self, flags: &BTreeMap<String, String>) {
        for (path, text) in flags {
            match keys::find(path) {
                Some(key) if key.kind != Kind::Section => self.add_text(key, text, Origin::Flag),
                _ => self.problems.push(unknown_flag(path)),
            }
        }
    }

    /// A value from a flag or the environment, where everything is text.
    fn add_text(&mut self, key: &'static Key, text: &str, origin: Origin) {
        if key.path.starts_with("gateway.") {
            self.has_gateway = true;
        }
        let mut node = key.read(text);
        let mut problems = Vec::new();
        report_secrets(&node, key.path, &mut problems);
        drop_repeated(&mut node, key.path, &mut problems);
        self.problems
            .extend(problems.into_iter().map(|problem| Problem { origin: origin.clone(), ..problem }));
        self.found.insert(key.path, Found { node, origin });
    }
}

impl Key {
    /// What a text from a flag or the environment stands for: the value that the same text has in a file, except that
    /// a scalar may be of any type.
    pub fn read(&self, text: &str) -> Node {
        match self.kind {
            Kind::Cidrs | Kind::Ports | Kind::Texts(_) => flow(text, '[').unwrap_or_else(|| list(text)),
            Kind::Models => flow(text, '{').unwrap_or_else(|| models(text)),
            _ if text.is_empty() => Node::null(),
            _ => Node::scalar(text, Notation::Loose),
        }
    }
}

/// Of entries of the same name the first one counts, as in a file, and the others are errors.
fn drop_repeated(node: &mut Node, path: &str, problems: &mut Vec<Problem>) {
    let Value::Mapping(entries) = &mut node.value else { return };
    let mut seen = BTreeSet::new();
    entries.retain(|entry| {
        let is_first = seen.insert(entry.key.clone());
        if !is_first {
            let place = Place { path: format!("{path}.{}", entry.key), ..Place::file(None) };
            problems.push(
                Problem::error(codes::DUPLICATE_KEY, &place, "this name is given twice")
                    .suggestion("keep one of the two"),
            );
        }
        is_first
    });
}

/// A value in YAML's flow notation, for whoever prefers `[a, b]` to `a,b`.
fn flow(text: &str, opening: char) -> Option<Node> {
    if !text.trim_start().starts_with(opening) {
        return None;
    }
    let read = yaml::read(text.as_bytes());
    read.root.filter(|_| read.problems.is_empty()).map(Node::loosened)
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `a,b`
fn list(text: &str) -> Node {
    let items = items(text).map(|item| Node::scalar(item, Notation::Loose)).collect();
    Node { value: Value::List(items), span: None }
}

/// `name=model,name=model`
fn models(text: &str) -> Node {
    let entries = items(text)
        .map(|item| {
            let (name, model) = item.split_once('=').unwrap_or((item, ""));
            let value = Node::scalar(model.trim(), Notation::Loose);
            Entry { key: name.trim().to_owned(), key_span: None, value }
        })
        .collect();
    Node { value: Value::Mapping(entries), span: None }
}

/// The path of a name in a section.
fn join(section: &str, name: &str) -> String {
    // A name may be anything of any length; what is shown of it stays short and on one line.
    let name: String = name.chars().take(64).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if section.is_empty() { name } else { format!("{section}.{name}") }
}

fn belongs_to_command_line(variable: &str) -> bool {
    keys::COMMAND_LINE_VARIABLES
        .iter()
        .any(|owned| *owned == variable || (owned.ends_with('_') && variable.starts_with(owned)))
}

fn unknown_key(section: &str, path: &str, name: &str, span: Option<Span>) -> Problem {
    let place = Place { path: path.to_owned(), ..Place::file(span) };
    let message = if section.is_empty() {
        "this key is unknown".to_owned()
    } else {
        format!("this key is unknown in `{section}`")
    };
    let problem = Problem::error(codes::UNKNOWN_KEY, &place, message);
    // The right name in the wrong section needs no guess.
    if let Some(key) = named(name) {
        return problem.suggestion(format!("did you mean `{}`?", key.path));
    }
    let siblings = keys::names_in(section);
    match suggest::nearest(name, siblings.iter().copied()) {
        Some(nearest) => problem.suggestion(format!("did you mean `{nearest}`?")),
        None => problem.suggestion(format!("known here: {}", siblings.join(", "))),
    }
}

/// The key whose path ends with this name.
fn named(name: &str) -> Option<&'static Key> {
    keys::KEYS.iter().find(|key| key.path.rsplit('.').next() == Some(name))
}

fn unknown_flag(path: &str) -> Problem {
    let shown = join("", path);
    let place = Place { path: shown, origin: Origin::Flag, span: None };
    let name = path.rsplit('.').next().unwrap_or(path);
    if secret_names::is_secret(name) {
        return secret(&place, name);
    }
    if keys::is_section(path) {
        let names = keys::names_in(path).join(", ");
        return Problem::error(codes::WRONG_TYPE, &place, "this is a section and takes no value")
            .suggestion(format!("set one of its keys: {names}"));
    }
    let problem = Problem::error(codes::UNKNOWN_KEY, &place, "this key is unknown");
    let leaves = keys::KEYS.iter().filter(|key| key.kind != Kind::Section).map(|key| key.path);
    let inside_models = path.starts_with("proxy.models.").then_some("proxy.models");
    let by_name = || named(name).map(|key| key.path);
    match inside_models.or_else(by_name).or_else(|| suggest::nearest(path, leaves)) {
        Some("proxy.models") => problem.suggestion("write `proxy.models=NAME=MODEL,NAME=MODEL`"),
        Some(nearest) => problem.suggestion(format!("did you mean `{nearest}`?")),
        None => problem.suggestion("`sre-agent-deploy config schema` lists every key"),
    }
}

fn secret(place: &Place, name: &str) -> Problem {
    Problem::error(codes::SECRET_IN_FILE, place, "secrets do not belong into the configuration")
        .suggestion(secret_names::advice(name))
}

/// Reports keys with the name of a secret, wherever they stand.
fn report_secrets(node: &Node, path: &str, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let path = join(path, &entry.key);
                if secret_names::is_secret(&entry.key) {
                    problems.push(secret(&Place { path, ..Place::file(entry.key_span) }, &entry.key));
                } else {
                    report_secrets(&entry.value, &path, problems);
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                report_secrets(item, &format!("{path}[{index}]"), problems);
            }
        }
        Value::Scalar(Scalar { .. }) | Value::Reported => {}
    }
}
