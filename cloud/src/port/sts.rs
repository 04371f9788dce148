//! AWS Security Token Service: who we are.

use model::ids::AccountId;

use crate::hook::port;

/// The caller of every other operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account the credentials belong to.
    pub account: AccountId,
    /// The ARN of the user or assumed role.
    pub arn: String,
}

port! {
    /// AWS Security Token Service.
    "sts" Sts {
        /// Needs no permission: it answers for any valid credentials.
        Read "GetCallerIdentity" get_caller_identity(()) -> Identity;
    }
}
