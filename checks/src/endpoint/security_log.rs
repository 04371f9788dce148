//! Whether a refused token is a line of the proxy's security log.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use model::Finding;

use super::about::About;
use super::facts::excerpt;

/// The event of OWASP's logging vocabulary.
const EVENT: &str = "authn_login_fail";
/// How much of a log is read at most at a time.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Where a log ended before something happened that should appear in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    /// The end of the file now.
    pub(crate) fn end_of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(Self(metadata.len()))
    }

    /// What was written since. A file that became shorter was rotated, and all of it is new.
    pub(crate) fn since(self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let start = if length < self.0 { 0 } else { self.0 };
        // Of a flood, the end.
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(MOST_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The line about this request, where there is one. Where the answer carried no id, any line of the event will do.
pub(crate) fn line_of(written: &[u8], request_id: Option<&str>) -> Option<String> {
    written
        .split(|byte| *byte == b'\n')
        .map(String::from_utf8_lossy)
        .find(|line| line.contains(EVENT) && request_id.is_none_or(|id| is_named(line, id)))
        .map(|line| excerpt(line.as_bytes()))
}

/// Whether a line names this id, and not one that only begins alike.
fn is_named(line: &str, id: &str) -> bool {
    let ends =
        |rest: &str| rest.chars().next().is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-');
    !id.is_empty()
        && line.match_indices(id).any(|(at, _)| line.get(at.saturating_add(id.len())..).is_some_and(ends))
}

/// What the log said within the time it was watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The line.
    Seen(String),
    /// Nothing about it, for so long.
    Silent(Duration),
    /// It cannot be read.
    Unreadable(String),
}

/// Whether the refusal was logged.
pub(crate) fn judge(
    about: &About<'_>,
    path: &Path,
    watched: &Watched,
    request_id: Option<&str>,
) -> Vec<Finding> {
    let path = path.display();
    match watched {
        Watched::Seen(line) => vec![about.ok("the refused token is in the security log").evidence(line)],
        Watched::Silent(waited) => {
            let which =
                request_id.map(|id| format!(" with request {}", excerpt(id.as_bytes()))).unwrap_or_default();
            vec![
                about
                    .error(format!("the refused token is not in `{path}` after {:.0} s", waited.as_secs_f64()))
                    .evidence(format!("no line with {EVENT}{which} was added"))
                    .hint("make sure that this is the log of the proxy that answers: systemctl cat bedrock-nova-proxy, and `telemetry.log` in its configuration"),
            ]
        }
        Watched::Unreadable(why) => vec![
            about
                .unknown(format!("the security log `{path}` cannot be read"))
                .evidence(why)
                .hint("run the check as a user who may read it, on the machine that the proxy runs on"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn only_the_line_of_the_request_counts() {
        let log = b"{\"message\":\"security event=authn_login_fail reason=unknown_key peer=127.0.0.1 request=req-12\"}\n\
            access request=req-1\nsecurity event=authn_login_fail reason=unknown_key peer=::1 request=req-3 kid=a\n";
        assert!(line_of(log, Some("req-1")).is_none());
        assert!(line_of(log, Some("req-12")).is_some());
        assert!(line_of(log, Some("req-3")).unwrap().contains("kid=a"));
        assert!(line_of(log, None).is_some());
        assert!(line_of(log, Some("")).is_none());
        assert!(line_of(b"\xff\xfe\n", None).is_none());
    }

    #[test]
    fn only_what_was_added_is_read_and_a_rotated_log_from_its_beginning() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"old\n").unwrap();
        let mark = Mark::end_of(file.path()).unwrap();
        assert_eq!(mark.since(file.path()).unwrap(), b"");
        file.write_all(b"new\n").unwrap();
        assert_eq!(mark.since(file.path()).unwrap(), b"new\n");
        std::fs::write(file.path(), "r\n").unwrap();
        assert_eq!(mark.since(file.path()).unwrap(), b"r\n");
        assert!(Mark::end_of(Path::new("/")).is_err());
        assert!(Mark::end_of(Path::new("/nothing/here")).is_err());
    }
}
