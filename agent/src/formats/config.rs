//! `gateway/config.yaml`: called YAML, read with grep, cut and sed.

use super::{Unwritable, joined, lines};

/// Keys whose values lose their blanks on the way through the script.
const WITHOUT_BLANKS: [&str; 6] =
    ["account_id", "role_name", "user_pool_id", "client_id", "s3_bucket", "credential_provider_name"];

/// The file, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    lines: Vec<String>,
    is_windows: bool,
}

impl GatewayConfig {
    /// Takes the text of the file; any text is one.
    pub fn parse(text: &str) -> Self {
        let (lines, is_windows) = lines(text);
        Self { lines, is_windows }
    }

    /// The file as it is written.
    pub fn text(&self) -> String {
        joined(&self.lines)
    }

    /// Whether lines ended as Windows ends them: the script would keep the `\r` in every value.
    pub fn is_windows(&self) -> bool {
        self.is_windows
    }

    /// Whether there is a line for the key.
    pub fn has(&self, key: &str) -> bool {
        self.of(key).next().is_some()
    }

    /// What the script gets for the key; nothing where there is no line for it, which the script does not notice.
    ///
    /// Two lines for a key make a value of two lines.
    pub fn get(&self, key: &str) -> Option<String> {
        let raw: Vec<&str> = self.of(key).map(|raw| raw.trim_start_matches([' ', '\t'])).collect();
        if raw.is_empty() {
            return None;
        }
        let is_quoted = |raw: &&str| raw.strip_prefix('"').is_some_and(|rest| rest.contains('"'));
        let any_is_quoted = raw.iter().any(is_quoted);
        let read: Vec<&str> = raw
            .into_iter()
            .map(|raw| match (any_is_quoted, raw.strip_prefix('"').and_then(|rest| rest.split_once('"'))) {
                (true, Some((value, _))) => value,
                (true, None) => raw,
                (false, _) => without_comment(raw),
            })
            .collect();
        let value = read.join("\n");
        let value = value.trim_end_matches('\n');
        Some(if WITHOUT_BLANKS.contains(&key) { value.replace([' ', '\t'], "") } else { value.to_owned() })
    }

    /// What a person meant: as [`Self::get`], without the single quotes that the script keeps.
    pub fn meant(&self, key: &str) -> Option<String> {
        let read = self.get(key)?;
        let last = read.lines().last().unwrap_or_default().trim_end_matches('\r');
        let inner = last.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        Some(inner.map_or(last, |(value, _)| value).to_owned())
    }

    /// Sets the key on one line of its own; what was written behind the value goes above it, since early versions of
    /// the script took it for a part of the value. Other lines stay.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Unwritable> {
        if let Some(why) = fault(key, value) {
            return Err(Unwritable::new(key, why));
        }
        let line = format!("{key}: \"{value}\"");
        let mut written = Vec::with_capacity(self.lines.len().saturating_add(1));
        let mut is_set = false;
        for old in std::mem::take(&mut self.lines) {
            let Some(raw) = value_of(&old, key) else {
                written.push(old);
                continue;
            };
            if let Some(comment) = comment_behind(raw) {
                written.push(comment.to_owned());
            }
            if !is_set {
                written.push(line.clone());
                is_set = true;
            }
        }
        if !is_set {
            written.push(line);
        }
        self.lines = written;
        Ok(())
    }

    /// What stands behind the colon, for each line of the key.
    fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| value_of(line, key))
    }
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(':')
}

fn without_comment(raw: &str) -> &str {
    raw.split('#').next().unwrap_or_default().trim_end_matches([' ', '\t'])
}

fn comment_behind(raw: &str) -> Option<&str> {
    let raw = raw.trim_start();
    let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''));
    let behind = match quote {
        Some(quote) => raw.get(1..)?.split_once(quote)?.1,
        None => raw,
    };
    let comment = behind.get(behind.find('#')?..)?.trim_end();
    Some(comment)
}

fn fault(key: &str, value: &str) -> Option<&'static str> {
    if value.contains('"') {
        return Some("the script ends a value at the next double quote");
    }
    if value.chars().any(char::is_control) {
        return Some("the script reads a value from one line");
    }
    if WITHOUT_BLANKS.contains(&key) && value.contains(' ') {
        return Some("the script takes the blanks out of it");
    }
    let flags = value.strip_prefix('-').unwrap_or_default();
    if !flags.is_empty() && flags.chars().all(|c| matches!(c, 'n' | 'e' | 'E')) {
        return Some("the script's echo takes it for a flag");
    }
    None
}
