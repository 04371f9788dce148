//! How the practice account says no: the code and the words of the service, without the call they answer.

use model::tags::Tags;

use crate::CallError;

/// A refusal; the desk adds service and operation.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

/// What a service answers.
pub(super) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same in other words.
    pub(super) fn because(self, message: String) -> Self {
        Self { message, ..self }
    }

    /// A denial of another service's action, as EC2 passes it on.
    pub(super) fn into_ec2(self) -> Self {
        let words = format!("You are not authorized to perform this operation. {}", self.message);
        Self { code: "UnauthorizedOperation", message: words }
    }

    /// The same as AgentCore passes it on.
    pub(super) fn into_agentcore(self) -> Self {
        Self { code: "AccessDeniedException", ..self }
    }

    pub(super) fn error(self, service: &str, operation: &str) -> CallError {
        CallError::from_service(service, operation, self.code, self.message)
    }
}

/// Refuses with `code` and the words unless `fine`.
pub(super) fn demand(fine: bool, code: &'static str, message: impl FnOnce() -> String) -> Answer<()> {
    if fine { Ok(()) } else { Err(Refusal { code, message: message() }) }
}

/// Tags within the bounds that all services share.
pub(super) fn demand_tags(tags: &Tags, code: &'static str) -> Answer<()> {
    demand(tags.len() <= 50, code, || "A resource can have 50 tags at most".to_owned())?;
    for (key, value) in tags {
        demand(!key.to_ascii_lowercase().starts_with("aws:"), code, || {
            "Tag keys starting with 'aws:' are reserved for internal use".to_owned()
        })?;
        demand((1..=128).contains(&key.chars().count()), code, || {
            "Tag key exceeds the maximum length of 128 characters, or is empty".to_owned()
        })?;
        demand(value.chars().count() <= 256, code, || {
            "Tag value exceeds the maximum length of 256 characters".to_owned()
        })?;
        let plain = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        demand(key.chars().chain(value.chars()).all(plain), code, || {
            format!("Tag '{key}' holds characters that a tag cannot have")
        })?;
    }
    Ok(())
}
