//! What the inline policies of a role allow: as much of the policy simulator as our own roles need. Conditions are not
//! looked at, as the real one does not know them unless told.

use serde_json::Value;

use super::state::Role;

/// Whether a statement of the role's policies allows the action on the resource, and none denies it.
pub(super) fn allows(role: &Role, action: &str, resource: &str) -> bool {
    let statements = || role.policies.values().flat_map(|policy| list(policy.document.get("Statement")));
    let speaks = |statement: &Value, effect: &str| {
        statement.get("Effect").and_then(Value::as_str) == Some(effect)
            && list(statement.get("Action"))
                .filter_map(Value::as_str)
                .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
            && list(statement.get("Resource"))
                .filter_map(Value::as_str)
                .any(|pattern| matches(pattern, resource))
    };
    statements().any(|statement| speaks(statement, "Allow"))
        && !statements().any(|statement| speaks(statement, "Deny"))
}

/// IAM writes a list of one without brackets.
fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::Array(many)) => many.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
    .iter()
}

/// `*` stands for anything, `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(after) = begins(rest, first) else { return false };
    rest = after;
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let found = rest.char_indices().find_map(|(at, _)| begins(rest.get(at..)?, part));
        match found.or_else(|| part.is_empty().then_some(rest)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    let wanted = last.chars().count();
    let start = rest.chars().count().checked_sub(wanted);
    start
        .and_then(|start| rest.char_indices().nth(start).map_or(Some(""), |(at, _)| rest.get(at..)))
        .is_some_and(|end| begins(end, last) == Some(""))
}

/// What is behind `part` in `text`.
fn begins<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    let mut characters = text.chars();
    for wanted in part.chars() {
        let found = characters.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_iam() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("bedrock:*", "bedrock:InvokeModel", true),
            ("bedrock:invoke*", "bedrock:converse", false),
            ("arn:*:model/a-?", "arn:aws:x:model/a-1", true),
            ("arn:*:model/a-?", "arn:aws:x:model/a-12", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
