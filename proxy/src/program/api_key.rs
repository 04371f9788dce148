//! `api-key`: makes a key and shows what belongs into the configuration.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use model::hex;

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
    let digest = hex::encode(&digest);
    // A name may hold anything; JSON strings are YAML.
    let name = serde_json::Value::from(arguments.name.as_str());
    let _ = writeln!(world.stdout, "{}", key.expose());
    let _ = writeln!(
        world.stderr,
        "Give the key above to the caller; it is shown once. Put this into the configuration:\n\n\
         auth:\n  api_keys:\n    - name: {name}\n      sha256: {digest}"
    );
    Exit::Done
}
