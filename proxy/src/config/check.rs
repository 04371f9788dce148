//! Looks at the files that the configuration names.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use model::document::{Place, Problem};

use super::{Loaded, codes};
use crate::tls;

/// Reads the configuration file itself.
///
/// # Errors
///
/// The one problem that says why not.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Box<Problem>> {
    fs::read(path).map_err(|error| {
        let message = format!("{} cannot be read: {}", path.display(), reason(&error));
        let problem = Problem::error(codes::UNREADABLE_CONFIGURATION, &Place::file(None), message);
        Box::new(match error.kind() {
            io::ErrorKind::NotFound => problem.suggestion(
                "give the path of the file; `bedrock-nova-proxy sample-config` prints one to begin with",
            ),
            io::ErrorKind::PermissionDenied => {
                problem.suggestion("let the user that runs the proxy read the file")
            }
            _ => problem,
        })
    })
}

/// Looks at the certificate, the key, the authorities of clients and the prices; everything that is wrong with them.
pub fn check_files(loaded: &Loaded, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(tls) = &loaded.config.tls {
        if let Err(error) = tls::load_pair(tls, now) {
            problems.push(error.problem(&loaded.place(error.key())));
        }
        if let Err(error) = tls::check_client_auth(tls) {
            problems.push(error.problem(&loaded.place(error.key())));
        }
        if let Some(folder) = tls.acme_challenges.as_ref().filter(|folder| !folder.is_dir()) {
            let message = format!("{} is no folder, so that no challenge can be answered", folder.display());
            let place = loaded.place("tls.acme_challenges");
            problems.push(Problem::warning(codes::NO_CHALLENGE, &place, message));
        }
    }
    if let Some(path) = &loaded.config.ledger.prices_path
        && let Err(error) = fs::read(path)
    {
        let message = format!("{} cannot be read: {}", path.display(), reason(&error));
        problems.push(Problem::error(codes::UNREADABLE_PRICES, &loaded.place("ledger.prices_path"), message));
    }
    problems
}

/// What the operating system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
