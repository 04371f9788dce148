//! AWS Secrets Manager: the value of one secret.

use model::Secret;

use crate::hook::port;

port! {
    /// AWS Secrets Manager.
    "secretsmanager" Secrets {
        /// The current value of a secret by ARN; `None` where there is none.
        Read "GetSecretValue" get_secret_value(String) -> Option<Secret<String>>;
    }
}
