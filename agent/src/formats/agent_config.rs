//! `sre_agent/config/agent_config.yaml`: real YAML, of which one value is ours.

use model::document::{Node, Value, read};

/// The file, of which `gateway.uri` can be read and replaced without touching anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    text: String,
}

impl AgentConfig {
    /// Takes the text of the file.
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The file as it is written.
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// `gateway.uri`; nothing where there is none, an error where the file is no YAML that can be understood.
    pub fn uri(&self) -> Result<Option<String>, &'static str> {
        let root = self.root()?;
        Ok(root.as_ref().and_then(|root| member(root, "gateway")).and_then(|gateway| {
            match &member(gateway, "uri")?.value {
                Value::Scalar(scalar) => Some(scalar.text.clone()),
                _ => None,
            }
        }))
    }

    /// Replaces `gateway.uri`, or adds it where it is missing.
    pub fn set_uri(&mut self, uri: &str) -> Result<(), &'static str> {
        if !uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')) {
            return Err("a URL has no blanks, quotes or backslashes");
        }
        let root = self.root()?;
        let gateway = root.as_ref().and_then(|root| member(root, "gateway"));
        let quoted = format!("\"{uri}\"");
        let mut text = self.text.clone();
        if let Some(gateway) = gateway {
            match member(gateway, "uri").and_then(|uri| uri.span.as_ref()) {
                Some(span) if span.start < span.end => text.replace_range(span.start..span.end, &quoted),
                _ => insert_below(&mut text, &quoted)?,
            }
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.extend(["\n# Gateway configuration\ngateway:\n  uri: ", &quoted, "\n"]);
        }
        let changed = Self { text };
        if changed.uri()?.as_deref() != Some(uri) {
            return Err("its `gateway` is written in a way that only a person can change");
        }
        *self = changed;
        Ok(())
    }

    fn root(&self) -> Result<Option<Node>, &'static str> {
        let read = read(self.text.as_bytes());
        if read.problems.is_empty() { Ok(read.root) } else { Err("it is no YAML that can be understood") }
    }
}

/// Puts the value below a `gateway:` that has none.
fn insert_below(text: &mut String, quoted: &str) -> Result<(), &'static str> {
    const KEY: &str = "gateway:";
    let start =
        if text.starts_with(KEY) { Some(0) } else { text.find("\ngateway:").map(|at| at.saturating_add(1)) };
    let start = start.ok_or("its `gateway` is written in a way that only a person can change")?;
    let line = text.get(start..).and_then(|rest| rest.find('\n'));
    match line {
        Some(length) => {
            text.insert_str(start.saturating_add(length).saturating_add(1), &format!("  uri: {quoted}\n"));
        }
        None => text.extend(["\n  uri: ", quoted, "\n"]),
    }
    Ok(())
}

fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Mapping(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
}
