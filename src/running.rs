//! Where a running rehearsal is: a file beside its state file, locked for as long as the rehearsal runs.
//!
//! A lock ends with its process however that ends, so a file that a killed rehearsal left says nothing to anybody.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use checks::remote::http::Url;
use model::agent::Backend;
use serde::{Deserialize, Serialize};

/// The file's name.
const NAME: &str = "running.json";

/// Where the parts of a running rehearsal are, and what leads to them. Nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The process that runs it.
    pub(crate) pid: u32,
    /// The endpoint under the name of the deployment, `https://DOMAIN:PORT`.
    pub(crate) url: String,
    /// Where that name leads.
    pub(crate) address: IpAddr,
    /// The endpoint under a name that every machine knows, `https://localhost:PORT`.
    pub(crate) local_url: String,
    /// The authority to trust, PEM.
    pub(crate) ca_file: PathBuf,
    /// Where the issuer is reached. It calls itself what the deployment's is called.
    pub(crate) issuer: String,
    /// Where clients get tokens.
    pub(crate) token_endpoint: String,
    /// Where the gateway and its backends are, where the deployment has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<GatewayPlace>,
}

/// Where a rehearsal serves a gateway and its backends, all at the address of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GatewayPlace {
    /// The gateway under its own name, `https://HOST:PORT/mcp`.
    pub(crate) url: String,
    /// The port of each backend, under the name of the deployment.
    pub(crate) backends: BTreeMap<Backend, u16>,
}

impl Place {
    /// The endpoint, for checks; none if somebody wrote something else into the file.
    pub(crate) fn endpoint(&self) -> Option<Url> {
        self.url.parse().ok()
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing runs.
    Nothing,
    /// A rehearsal is under way, and nothing is served yet or any more.
    Busy,
    /// A rehearsal serves.
    Serving(Box<Place>),
}

impl Seen {
    /// Where it serves, if it does.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Serving(place) => Some(place),
            Self::Nothing | Self::Busy => None,
        }
    }
}

/// Looks whether the rehearsal of a state file runs.
pub(crate) fn look(state_file: &Path) -> Seen {
    let Ok(mut file) = File::open(path(state_file)) else { return Seen::Nothing };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) | Err(TryLockError::Error(_)) => return Seen::Nothing,
    }
    let mut text = String::new();
    let read = file.read_to_string(&mut text).ok();
    match read.and_then(|_| serde_json::from_str(&text).ok()) {
        Some(place) => Seen::Serving(Box::new(place)),
        None => Seen::Busy,
    }
}

fn path(state_file: &Path) -> PathBuf {
    state_file.with_file_name(NAME)
}

/// The claim to be the one rehearsal of a state file. It ends with this value.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    path: PathBuf,
}

impl Claim {
    /// Claims; none where another process has.
    pub(crate) fn take(state_file: &Path) -> io::Result<Option<Self>> {
        let path = path(state_file);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever was killed left what it had said.
        file.set_len(0)?;
        Ok(Some(Self { file, path }))
    }

    /// Says where everything is.
    pub(crate) fn serves(&mut self, place: &Place) -> io::Result<()> {
        let text = serde_json::to_string_pretty(place).map_err(io::Error::from)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }

    /// Takes the file away as well.
    pub(crate) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The lock says that nothing runs, whatever is left in the file.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            pid: 1,
            url: "https://api.rehearsal.internal:8443".to_owned(),
            address: IpAddr::from([127, 0, 0, 1]),
            local_url: "https://localhost:8443".to_owned(),
            ca_file: PathBuf::from("ca.pem"),
            issuer: "http://127.0.0.1:1/pool".to_owned(),
            token_endpoint: "http://127.0.0.1:1/oauth2/token".to_owned(),
            gateway: None,
        }
    }

    #[test]
    fn only_who_lives_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let state_file = folder.path().join("state");
        assert_eq!(look(&state_file), Seen::Nothing);
        let mut claim = Claim::take(&state_file).unwrap().unwrap();
        assert_eq!(look(&state_file), Seen::Busy);
        assert!(Claim::take(&state_file).unwrap().is_none(), "there is one rehearsal at a time");
        claim.serves(&place()).unwrap();
        assert_eq!(look(&state_file).place(), Some(&place()));
        // A killed process leaves the text and loses the lock.
        let text = std::fs::read(path(&state_file)).unwrap();
        drop(claim);
        std::fs::write(path(&state_file), text).unwrap();
        assert_eq!(look(&state_file), Seen::Nothing);
        let claim = Claim::take(&state_file).unwrap().unwrap();
        assert_eq!(look(&state_file), Seen::Busy);
        claim.remove().unwrap();
        assert_eq!(look(&state_file), Seen::Nothing);
        assert!(!path(&state_file).exists());
    }
}
