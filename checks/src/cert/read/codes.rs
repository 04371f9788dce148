//! Codes of what stands in the way of reading certificates. Each has a page in `runbooks/`.

use crate::catalogue::Entry;

/// Nothing of that name, or nothing that a pattern matches.
pub const NO_FILE: &str = "SRE-TLS-040";
/// A symbolic link that leads nowhere.
pub const DANGLING: &str = "SRE-TLS-041";
/// No permission.
pub const DENIED: &str = "SRE-TLS-042";
/// A pipe, a device, a socket or a folder.
pub const NOT_A_FILE: &str = "SRE-TLS-043";
/// Larger than any file of certificates.
pub const TOO_LARGE: &str = "SRE-TLS-044";
/// The system refuses to read it.
pub const UNREADABLE_FILE: &str = "SRE-TLS-045";
/// No bytes in it.
pub const EMPTY: &str = "SRE-TLS-046";
/// Nothing in it that is known.
pub const NO_CERTIFICATE: &str = "SRE-TLS-047";
/// A private key alone.
pub const ONLY_A_KEY: &str = "SRE-TLS-048";
/// A request, a revocation list, a public key.
pub const SOMETHING_ELSE: &str = "SRE-TLS-049";
/// Certificates in a form that is not read.
pub const UNSUPPORTED: &str = "SRE-TLS-050";
/// An archive with a password.
pub const ENCRYPTED_ARCHIVE: &str = "SRE-TLS-051";
/// An archive that is damaged or too dear.
pub const UNREADABLE_ARCHIVE: &str = "SRE-TLS-052";
/// A folder with no certificates.
pub const EMPTY_FOLDER: &str = "SRE-TLS-053";
/// A pattern that is none.
pub const BAD_PATTERN: &str = "SRE-TLS-054";
/// A certificate that cannot be read.
pub const MALFORMED: &str = "SRE-TLS-055";
/// A certificate of which parts cannot be read.
pub const INCOMPLETE: &str = "SRE-TLS-056";

/// What reading files checks.
pub const CHECKS: &[Entry] = &[
    Entry::pure(NO_FILE, "the file is there"),
    Entry::pure(DANGLING, "its symbolic links lead to a file"),
    Entry::pure(DENIED, "this user may read it"),
    Entry::pure(NOT_A_FILE, "it is a regular file"),
    Entry::pure(TOO_LARGE, "it is no larger than files of certificates are"),
    Entry::pure(UNREADABLE_FILE, "the system can read it"),
    Entry::pure(EMPTY, "something is in it"),
    Entry::pure(NO_CERTIFICATE, "a certificate is in it"),
    Entry::pure(ONLY_A_KEY, "a certificate is beside the private key"),
    Entry::pure(SOMETHING_ELSE, "it is a certificate and not something around one"),
    Entry::pure(UNSUPPORTED, "it is PEM, DER or PKCS#12"),
    Entry::pure(ENCRYPTED_ARCHIVE, "the archive opens without a password"),
    Entry::pure(UNREADABLE_ARCHIVE, "the archive can be read"),
    Entry::pure(EMPTY_FOLDER, "certificates are in the folder"),
    Entry::pure(BAD_PATTERN, "the pattern is one"),
    Entry::pure(MALFORMED, "everything that should be a certificate can be read"),
    Entry::pure(INCOMPLETE, "every part of the certificates can be read"),
];
