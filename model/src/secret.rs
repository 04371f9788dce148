//! A value that cannot be printed or serialised by accident.

use std::fmt;

/// Holds something that must reach no log, argument list, journal or report.
///
/// There is no `Display` and no `Serialize`; `Debug` shows a placeholder. The only way out is
/// [`Secret::expose`], a word that a reviewer can search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps the value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives the value to the one call that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
