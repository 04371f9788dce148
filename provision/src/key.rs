//! The idempotency key of one attempt at one step, in the forms that services accept.

use model::plan::StepId;

use crate::bundle::sha256;

/// SHA-256 over (lineage, step, attempt): the same attempt always has the same key, another one never.
///
/// The formats of the services exclude each other, so one key is rendered per service: EC2 takes up to 64 ASCII
/// characters as `ClientToken`, AgentCore 33 to 256, ACM 1 to 32 of `[A-Za-z0-9_]` as `IdempotencyToken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentKey(String);

impl IntentKey {
    /// Derives the key.
    pub fn derive(lineage: &str, step: StepId, attempt: u32) -> Self {
        // The separator can be in neither part, so no two triples share their text.
        Self(sha256(format!("{lineage}\n{step}\n{attempt}").as_bytes()))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token of what is made in the place of something that the same attempt made and that failed: 64 digits as well.
    pub fn in_place_of(&self, failed: &str) -> String {
        sha256(format!("{}\n{failed}", self.0).as_bytes())
    }

    /// The first 32 digits, for services that take no more.
    pub fn short(&self) -> &str {
        self.0.get(..32).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_lineage_step_or_attempt_is_another_key() {
        let key = IntentKey::derive("a", StepId::Instance, 1);
        assert_eq!(key, IntentKey::derive("a", StepId::Instance, 1));
        assert_ne!(key, IntentKey::derive("b", StepId::Instance, 1));
        assert_ne!(key, IntentKey::derive("a", StepId::Role, 1));
        assert_ne!(key, IntentKey::derive("a", StepId::Instance, 2));
        assert_eq!((key.as_str().len(), key.short().len()), (64, 32));
        assert_ne!(key.in_place_of("a"), key.in_place_of("b"));
        assert_eq!(key.in_place_of("a").len(), 64);
    }
}
