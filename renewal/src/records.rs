//! Text records for DNS-01 (RFC 8555, section 8.4), as far as they are needed. Whoever has the DNS is behind this trait.

use std::future::Future;
use std::pin::Pin;

use model::Finding;

/// An answer to come: nothing, or what is to be said about the failure.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<(), Box<Finding>>> + 'a>>;

/// The text records of the names that a certificate is asked for. Each call can be repeated, and none touches a value
/// that it was not given: several orders may have theirs under one name.
pub trait TxtRecords {
    /// Whether records of this name can be published from here. Changes nothing.
    fn look<'a>(&'a self, name: &'a str) -> Told<'a>;
    /// Adds a value to those of a name, and waits until everybody sees it.
    fn publish<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a>;
    /// Takes the value back. That it is not there is no failure.
    fn withdraw<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a>;
}

/// Where the answer for a name is looked for. A wildcard and the name below it have one place.
pub fn place_of(name: &str) -> String {
    let name = name.strip_prefix("*.").unwrap_or(name);
    format!("_acme-challenge.{}", name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_answered_where_its_parent_is() {
        assert_eq!(place_of("API.corp.io"), "_acme-challenge.api.corp.io");
        assert_eq!(place_of("*.corp.io"), place_of("corp.io"));
    }
}
