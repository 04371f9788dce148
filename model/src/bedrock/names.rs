//! The forms in which a model is named: plain id, inference profile id, ARN, each perhaps with a context window.

/// Geographies that precede an id: `us.amazon.nova-pro-v1:0`.
pub(super) const GEOGRAPHIES: &[&str] = &["us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"];

/// The id without ARN and geography. `None` for what names no model, such as an application inference profile.
///
/// `arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0` → `amazon.nova-pro-v1:0`
pub fn base_id(model: &str) -> Option<&str> {
    let id = if model.starts_with("arn:") {
        let (kind, id) = model.splitn(6, ':').nth(5)?.split_once('/')?;
        matches!(kind, "foundation-model" | "inference-profile").then_some(id)?
    } else {
        model
    };
    match id.split_once('.') {
        Some((geography, rest)) if GEOGRAPHIES.contains(&geography) => Some(rest),
        _ => Some(id),
    }
}

/// Whether an id is that of the row, perhaps followed by a context window such as `:300k`.
pub(super) fn is_of_row(id: &str, row: &str) -> bool {
    id.strip_prefix(row).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}
