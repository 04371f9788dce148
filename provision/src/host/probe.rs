//! What an engine asks after its work: is what was installed well?

use async_trait::async_trait;

/// Looks whether what was installed serves. Has its own bound.
#[async_trait(?Send)]
pub trait Probe {
    /// What was seen of a service that is well, or why it is not.
    async fn look(&self) -> Result<String, Unwell>;
}

/// Why what was installed is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwell {
    /// In a sentence.
    pub reason: String,
    /// The units whose logs may say more; none where that is the service itself.
    pub units: Vec<String>,
}

impl From<String> for Unwell {
    fn from(reason: String) -> Self {
        Self { reason, units: Vec::new() }
    }
}
