//! The files of a rehearsal that serves: a folder beside the state file, of which nothing is left after a cleanup.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use model::Secret;

use crate::failure::Failure;
use crate::report_file;

/// The folder's name.
const NAME: &str = "served";
/// Everything that is ever in it. What somebody else put there stays.
const FILES: [&str; 10] =
    [CA, CERTIFICATE, KEY, CONFIG, LOG, TOKEN, AUTHORIZATION, "usage.db", "usage.db-shm", "usage.db-wal"];
const CA: &str = "ca.pem";
const CERTIFICATE: &str = "fullchain.pem";
const KEY: &str = "privkey.pem";
const CONFIG: &str = "proxy.yaml";
const LOG: &str = "proxy.log";
const TOKEN: &str = "token";
const AUTHORIZATION: &str = "authorization";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// That of a state file.
    pub(super) fn of(state_file: &Path) -> Self {
        Self(state_file.with_file_name(NAME))
    }

    /// Makes it, for its owner only.
    pub(super) fn make(&self) -> Result<(), Box<Failure>> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .and_then(|()| std::fs::set_permissions(&self.0, Permissions::from_mode(0o700)));
        made.map_err(|error| Failure::of_file("make the folder", &self.0, &error))
    }

    /// The authority's certificate.
    pub(super) fn ca(&self) -> PathBuf {
        self.0.join(CA)
    }

    /// The proxy's certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.0.join(CERTIFICATE)
    }

    /// Its key.
    pub(super) fn key(&self) -> PathBuf {
        self.0.join(KEY)
    }

    /// The proxy's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// What the proxy says.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }

    /// A token, and nothing else.
    pub(super) fn token(&self) -> PathBuf {
        self.0.join(TOKEN)
    }

    /// The same as a line of a request's head.
    pub(super) fn authorization(&self) -> PathBuf {
        self.0.join(AUTHORIZATION)
    }

    /// Writes the token in both forms, so that it has to stand in no command line.
    pub(super) fn write_token(&self, token: &Secret<String>) -> Result<(), Box<Failure>> {
        write(&self.token(), token.expose())?;
        write(&self.authorization(), &format!("Authorization: Bearer {}\n", token.expose()))
    }

    /// Takes away what is of no use any more, and could be to others.
    pub(super) fn forget_secrets(&self) {
        for path in [self.token(), self.authorization(), self.key()] {
            // It was never written, or is gone already.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Takes everything away.
    pub(super) fn remove(&self) -> Result<(), Box<Failure>> {
        for name in FILES {
            let path = self.0.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Failure::of_file("remove", &path, &error));
                }
                _ => {}
            }
        }
        // What is left in it is somebody else's.
        let _ = std::fs::remove_dir(&self.0);
        Ok(())
    }
}

/// Writes a file that only its owner may read.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Box<Failure>> {
    report_file::replace(path, text.as_bytes(), 0o600)
        .map_err(|error| Failure::of_file("write", path, &error))
}
