//! Gives a test an environment of its own.
//!
//! What the SDK reads from the environment belongs to the whole process, and a process that runs tests side by side
//! has only one. So such a test runs twice: once to start its parts, and once, in a child process, to use them.

use std::env;
use std::process::Command;

const MARK: &str = "SRE_TEST_RERUN";

/// The environment in which a program reaches the emulated account at `endpoint`, and no other.
pub fn environment(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_REGION", "us-east-1"),
        // What boto3 calls the same.
        ("AWS_DEFAULT_REGION", "us-east-1"),
        // Nobody's own settings: neither those of whoever runs the tests, nor of the machine they run on.
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

/// Runs `body` in a child process whose environment is what `parts` says, and nothing else.
///
/// `test` is the full name of the test that calls this, as the harness spells it. `parts` runs in the parent and
/// gives its first answer to the child; its second lives until the child has ended.
pub fn rerun<P>(test: &str, parts: impl FnOnce() -> (Vec<(String, String)>, P), body: impl FnOnce()) {
    if env::var(MARK).is_ok_and(|marked| marked == test) {
        body();
        return;
    }
    let (variables, parts) = parts();
    let output = Command::new(env::current_exe().expect("a test knows its own file"))
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(env::var_os("RUST_BACKTRACE").map(|value| ("RUST_BACKTRACE", value)))
        .env(MARK, test)
        .envs(variables)
        .output()
        .expect("a test can be run again");
    drop(parts);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`{test}` in its own environment:\n{said}");
    assert!(said.contains("1 passed"), "the harness knows no test `{test}`:\n{said}");
}
