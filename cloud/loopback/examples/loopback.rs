//! The stand-ins as a program, for tests by hand and for the benchmark: prints where they are and serves until its
//! standard input ends.
//!
//! ```text
//! cargo run -p cloud-loopback --example loopback -- --bedrock-port 0 --issuer-port 0 [--fast] [--deltas 50] \
//!     [--between-ms 0] [--users 100 --tokens FILE]
//! ```
//!
//! `--users` writes a token for each of so many users into the file, one a line.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::time::Duration;

use cloud_loopback::{Bedrock, BedrockOptions, Fast, Issuer, IssuerOptions, Script};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        arguments
            .iter()
            .position(|argument| argument == name)
            .and_then(|at| arguments.get(at.saturating_add(1)))
    };
    let number = |name: &str| value(name).map_or(Ok(0), |value| value.parse::<u16>());
    let deltas = value("--deltas").map(|deltas| deltas.parse::<usize>()).transpose()?;
    let between = Duration::from_millis(number("--between-ms")?.into());
    let fast = arguments.iter().any(|argument| argument == "--fast");

    let bedrock = Bedrock::start(&BedrockOptions {
        port: number("--bedrock-port")?,
        fast: fast.then_some(Fast { deltas: deltas.unwrap_or(50), between }),
    })?;
    if deltas.is_some() || !between.is_zero() {
        bedrock.script(Script { deltas, between, ..Script::default() });
    }
    let issuer = Issuer::start(IssuerOptions { port: number("--issuer-port")?, ..IssuerOptions::default() })?;
    let client = issuer.clients().first().map(|client| (client.id.clone(), client.secret.clone()));
    let (client_id, client_secret) = client.unwrap_or_default();
    if let Some(path) = value("--tokens") {
        let mut tokens = BufWriter::new(File::create(path)?);
        for user in 0..number("--users")? {
            let mut claims = issuer.claims();
            if let Some(claims) = claims.as_object_mut() {
                claims.insert("sub".to_owned(), format!("user-{user}").into());
            }
            writeln!(tokens, "{}", issuer.mint(&claims))?;
        }
        tokens.flush()?;
    }
    let places = json!({
        "bedrock": bedrock.url(),
        "issuer": issuer.url(),
        "token_endpoint": issuer.token_endpoint(),
        "client_id": client_id,
        "client_secret": client_secret,
        "access_token": issuer.mint(&issuer.claims()),
    });
    let mut output = std::io::stdout();
    writeln!(output, "{places}")?;
    output.flush()?;
    // Whoever started this holds the other end, and closes it when done or dead.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
