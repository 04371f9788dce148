//! Reads a file that may be anything: never blocks, never reads more than it should, and says what stands in the way.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use model::{Finding, Severity};

use super::codes;
use crate::cert::facts::FileAccess;

/// No file of certificates is larger: the bundle of all public roots has 200 KiB.
pub const LARGEST_FILE: u64 = 10 * 1024 * 1024;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// There is nothing of that name.
    Missing,
    /// A symbolic link to nothing; what it says.
    Dangling(PathBuf),
    /// Somebody else's; who may read it, where that can be seen.
    Denied(Option<FileAccess>),
    /// A folder where a file is wanted.
    Folder,
    /// No file and no folder: a pipe, a device, a socket.
    Special(&'static str),
    /// Larger than [`LARGEST_FILE`].
    Large(u64),
    /// Anything else that the system says.
    Failed(String),
}

/// Bytes of a file, and who may read it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    pub(super) access: FileAccess,
}

pub(super) fn access(metadata: &Metadata) -> FileAccess {
    FileAccess { mode: metadata.mode() & 0o7777, uid: metadata.uid(), gid: metadata.gid() }
}

/// Reads a file, following symbolic links.
///
/// It is looked at before it is opened, since opening a device may do something, and again when it is open, since it
/// may have been replaced.
pub(super) fn read(path: &Path) -> Result<Read, Obstacle> {
    let metadata = std::fs::metadata(path).map_err(|error| obstacle(path, &error, None))?;
    check(&metadata)?;
    read_regular(path)
}

/// Reads what was a regular file a moment ago. It is opened without waiting for a writer, should it be a pipe by now.
pub(super) fn read_regular(path: &Path) -> Result<Read, Obstacle> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(
            |error| {
                let metadata = std::fs::metadata(path).ok();
                obstacle(path, &error, metadata.as_ref().map(access))
            },
        )?;
    let metadata = file.metadata().map_err(|error| obstacle(path, &error, None))?;
    let access = self::access(&metadata);
    check(&metadata)?;
    // One byte more than it should have, so that its end is seen in the same call.
    let expected = usize::try_from(metadata.len()).unwrap_or_default().saturating_add(1);
    let mut bytes = Vec::with_capacity(expected);
    let limit = LARGEST_FILE.saturating_add(1);
    file.by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| obstacle(path, &error, Some(access)))?;
    // It grew meanwhile, or is one of those that have no length, as below /proc.
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if read > LARGEST_FILE {
        return Err(Obstacle::Large(read));
    }
    Ok(Read { bytes, access })
}

fn check(metadata: &Metadata) -> Result<(), Obstacle> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(Obstacle::Folder);
    }
    if !kind.is_file() {
        return Err(Obstacle::Special(if kind.is_fifo() {
            "a named pipe"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        }));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(Obstacle::Large(metadata.len()));
    }
    Ok(())
}

/// What an error means for this path.
pub(super) fn obstacle(path: &Path, error: &io::Error, access: Option<FileAccess>) -> Obstacle {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => match std::fs::read_link(path) {
            Ok(target) => Obstacle::Dangling(target),
            Err(_) => Obstacle::Missing,
        },
        ErrorKind::PermissionDenied => Obstacle::Denied(access),
        _ => Obstacle::Failed(error.to_string()),
    }
}

impl Obstacle {
    /// As part of a sentence about a key file.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Missing => "there is none".to_owned(),
            Self::Dangling(target) => {
                format!("its symbolic link leads to {}, which does not exist", target.display())
            }
            Self::Denied(_) => "permission denied".to_owned(),
            Self::Folder => "it is a folder".to_owned(),
            Self::Special(kind) => format!("it is {kind}"),
            Self::Large(length) => format!("it has {length} bytes"),
            Self::Failed(error) => error.clone(),
        }
    }

    /// As a finding about the file.
    pub(super) fn finding(&self, path: &Path) -> Finding {
        let name = path.display().to_string();
        let shell = quoted(path);
        let finding =
            |code: &str, message: String| Finding::new(code, Severity::Unknown, name.clone(), message);
        match self {
            Self::Missing => finding(codes::NO_FILE, "there is no such file".to_owned())
                .hint(format!("look for it: ls -la {}", quoted(folder_of(path)))),
            Self::Dangling(target) => {
                finding(codes::DANGLING, "is a symbolic link to something that does not exist".to_owned())
                    .evidence(format!("-> {}", target.display()))
                    .hint(format!("find out which part is missing: namei -l {shell}"))
            }
            Self::Denied(access) => {
                let finding = finding(codes::DENIED, "must not be read by this user".to_owned());
                let finding = match access {
                    Some(FileAccess { mode, uid, gid }) => {
                        finding.evidence(format!("mode {mode:04o}, user {uid}, group {gid}"))
                    }
                    None => finding,
                };
                finding.hint(format!(
                    "run this check as a user who may read it, such as with sudo; see who that is: namei -l {shell}"
                ))
            }
            Self::Folder => finding(codes::NOT_A_FILE, "is a folder, where a file is needed".to_owned())
                .hint(format!("name the file: ls -la {shell}")),
            Self::Special(kind) => finding(codes::NOT_A_FILE, format!("is {kind} and no file"))
                .hint(format!("name a regular file; this is what is there: ls -la {shell}")),
            Self::Large(length) => finding(
                codes::TOO_LARGE,
                format!("has {length} bytes, and no file of certificates has more than {LARGEST_FILE}"),
            )
            .hint(format!("see what it is: file {shell}")),
            Self::Failed(error) => finding(codes::UNREADABLE_FILE, "cannot be read".to_owned())
                .evidence(error.clone())
                .hint(format!("try it by hand: head -c 100 {shell}")),
        }
    }
}

/// The folder that a path is in: `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// A path as a word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':'));
    if is_plain { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
