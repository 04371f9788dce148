//! AWS Systems Manager: public parameters.

use crate::hook::port;

port! {
    /// AWS Systems Manager Parameter Store.
    "ssm" Ssm {
        /// The value of a parameter by its full name, such as
        /// `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64`.
        Read "GetParameter" get_parameter(String) -> Option<String>;
    }
}
