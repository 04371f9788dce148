//! `api-key`: makes a key and shows what belongs into the configuration.

use std::fmt::Write as _;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use super::{Exit, World};
use crate::{auth, cli};

/// The key goes to stdout, its entry for `auth.api_keys` to stderr, and neither is kept.
pub(super) fn run(arguments: &cli::ApiKey, mut world: World<'_>) -> Exit {
    let mut random = [0; 32];
    if SystemRandom::new().fill(&mut random).is_err() {
        world.say("the system gives no random numbers");
        return Exit::Failed;
    }
    let (key, digest) = auth::generate(random);
    let hex = digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    // A name may hold anything; JSON strings are YAML.
    let name = serde_json::Value::from(arguments.name.as_str());
    let _ = writeln!(world.stdout, "{}", key.expose());
    let _ = writeln!(
        world.stderr,
        "Give the key above to the caller; it is shown once. Put this into the configuration:\n\n\
         auth:\n  api_keys:\n    - name: {name}\n      sha256: {hex}"
    );
    Exit::Done
}
