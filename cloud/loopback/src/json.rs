//! One more member for an object that `json!` has made.

use serde_json::Value;

/// Sets a member; what is no object stays as it is.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value.into());
    }
}
