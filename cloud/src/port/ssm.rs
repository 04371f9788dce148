//! AWS Systems Manager: public parameters, and the few of our own.

use model::tags::Tags;

use crate::hook::port;

/// A parameter to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParameter {
    /// Its full name, such as `/sre-agent-deploy/sre-agent-prod/host`.
    pub name: String,
    /// Its value; nothing secret.
    pub value: String,
    /// What it is for.
    pub description: String,
    /// Put on at creation.
    pub tags: Tags,
}

port! {
    /// AWS Systems Manager Parameter Store.
    "ssm" Ssm {
        /// The value of a parameter by its full name, such as
        /// `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64`.
        Read "GetParameter" get_parameter(String) -> Option<String>;
        /// The tags of a parameter by its full name.
        Read "ListTagsForResource" parameter_tags(String) -> Option<Tags>;
        /// Makes a parameter of plain text; one of that name is the kind `AlreadyExists`.
        Write "PutParameter" put_parameter(NewParameter) -> ();
        /// Deletes a parameter.
        Write "DeleteParameter" delete_parameter(String) -> ();
    }
}
