//! Parameters that have no effect: named in a header, or refused where the operator wants that.

use crate::ApiError;

/// Collects the names for `x-ignored-params`.
#[derive(Debug)]
pub(super) struct Notes {
    strict: bool,
    ignored: Vec<String>,
}

impl Notes {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, ignored: Vec::new() }
    }

    /// Names a parameter that cannot be mapped; an error where `strict_params` is on.
    pub(super) fn ignored(&mut self, name: &str, why: &str) -> Result<(), ApiError> {
        if self.strict {
            return Err(unsupported(name, why.to_owned()));
        }
        if !self.ignored.iter().any(|known| known == name) {
            self.ignored.push(name.to_owned());
        }
        Ok(())
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.ignored
    }
}

/// 400: this cannot be done here, whatever its value.
pub(super) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::invalid(param, message.into()).code("unsupported_value")
}

/// 400: this value is wrong.
pub(super) fn wrong(param: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::invalid(param, message.into()).code("invalid_value")
}
