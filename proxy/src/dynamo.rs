//! The port to DynamoDB tables, of the limits and of the ledger. Who calls for real is in [`crate::upstream`].

use async_trait::async_trait;
use serde_json::Value;

/// Calls DynamoDB: signed, once, within a few seconds.
#[async_trait]
pub trait DynamoCalls: Send + Sync {
    /// Posts the body of an operation such as `PutItem` and reads the answer.
    async fn call(&self, operation: &str, body: Value) -> Result<Value, DynamoError>;
}

/// Why a call has no answer. Lower-case fragments, for the log.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DynamoError {
    /// The condition of a write does not hold.
    #[error("the condition of the write does not hold")]
    ConditionFailed {
        /// What stands there, where `ReturnValuesOnConditionCheckFailure` asks for it and where there is something.
        item: Option<Value>,
    },
    /// The same call may work in a moment: throttling, 5xx, no connection.
    #[error("{0}")]
    Transient(String),
    /// It will not.
    #[error("{0}")]
    Permanent(String),
}

impl DynamoError {
    /// Whether the same call may work in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}
