//! A value that cannot be printed or serialised by accident.

use std::fmt;

/// Holds something that must reach no log, argument list, journal or report.
///
/// There is no `Display` and no `Serialize`; `Debug` shows a placeholder. The only way out is
/// [`Secret::expose`], a word that a reviewer can search for.
///
/// ```compile_fail
/// // It cannot be printed,
/// println!("{}", model::Secret::new("hunter2"));
/// ```
///
/// ```compile_fail
/// // nor written into a journal or report.
/// serde_json::to_string(&model::Secret::new("hunter2"));
/// ```
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Anything that may hold a secret, as a program would print it in passing.
    #[derive(Debug)]
    #[expect(dead_code, reason = "only printed")]
    struct Holder {
        name: &'static str,
        secret: Option<Secret<String>>,
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Feature: aws-ec2-production-deployment, Property 8: no secret leaves its type.
        #[test]
        fn no_secret_shows_in_debug_output(secret in "[A-Za-z0-9+/=]{12,64}") {
            let holder = Holder { name: "client", secret: Some(Secret::new(secret.clone())) };
            for text in [format!("{holder:?}"), format!("{holder:#?}")] {
                prop_assert!(!text.contains(&secret), "{}", text);
            }
            prop_assert_eq!(holder.secret.as_ref().map(Secret::expose), Some(&secret));
        }
    }
}
