//! The sample's Python, and who may read what.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a service does not see, unless it is bound into its view.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// No sane installation has more links behind each other.
const MOST_LINKS: usize = 16;

/// A user, by number and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Who {
    /// Somebody who owns nothing.
    pub(super) const NOBODY: Self = Self { uid: u32::MAX, gid: u32::MAX };

    /// The owner of a folder.
    pub(super) fn owns(folder: &Path) -> Self {
        fs::metadata(folder).map_or(Self::NOBODY, |found| Self { uid: found.uid(), gid: found.gid() })
    }

    /// Whether these bits, as for others, are theirs.
    fn may(self, found: &Metadata, bits: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if found.uid() == self.uid => 6,
            () if found.gid() == self.gid => 3,
            () => 0,
        };
        (found.mode() >> shift) & bits == bits
    }
}

/// Why somebody cannot read a file, or look into a folder. What lies above `within` does not matter to them.
pub(super) fn hidden(path: &Path, within: Option<&Path>, who: Who) -> Option<String> {
    const READ: u32 = 4;
    const PASS: u32 = 1;
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    if !who.may(&found, if found.is_dir() { READ | PASS } else { READ }) {
        return Some(format!("its mode is {:04o}", found.mode() & 0o7777));
    }
    let above =
        path.ancestors().skip(1).take_while(|folder| within.is_none_or(|within| folder.starts_with(within)));
    for folder in above {
        let is_passed = fs::metadata(folder).is_ok_and(|found| who.may(&found, PASS));
        if !is_passed {
            return Some(format!("{} is not open to them", folder.display()));
        }
    }
    None
}

/// The Python of the sample's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    /// As the sample's documentation names it.
    pub(super) program: PathBuf,
    /// As its environment says. It is not run: that would be as root.
    pub(super) version: (u32, u32),
    /// Where it leads, as far as services do not see that anyway.
    pub(super) of_homes: Vec<PathBuf>,
}

impl Python {
    /// What the environment in a folder says, or why there is none.
    pub(super) fn of(dir: &Path) -> Result<Self, String> {
        let program = dir.join(".venv/bin/python");
        let settings = dir.join(".venv/pyvenv.cfg");
        let text =
            fs::read_to_string(&settings).map_err(|error| format!("{}: {error}", settings.display()))?;
        let version = version(&text).ok_or_else(|| format!("{} names no version", settings.display()))?;
        fs::metadata(&program).map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { of_homes: of_homes(dir, &program), program, version })
    }
}

/// `version = 3.12.4`, or as uv writes it, `version_info = 3.12.4`.
fn version(text: &str) -> Option<(u32, u32)> {
    let value = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .find_map(|(name, value)| matches!(name.trim(), "version" | "version_info").then(|| value.trim()))?;
    let mut parts = value.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The installations that a chain of links goes through: folders with a `bin`, by the names that the links use and by
/// their real ones.
fn of_homes(dir: &Path, program: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut path = program.to_owned();
    for _ in 0..MOST_LINKS {
        let Some(installation) = path.parent().and_then(Path::parent) else { break };
        for folder in
            [Some(installation.to_owned()), fs::canonicalize(installation).ok()].into_iter().flatten()
        {
            let is_hidden = HIDDEN.iter().any(|hidden| folder.starts_with(hidden));
            let is_seen = |seen: &Path| folder.starts_with(seen);
            if is_hidden && !is_seen(dir) && !found.iter().any(|known| is_seen(known)) {
                found.push(folder);
            }
        }
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn versions_are_read_as_both_tools_write_them() {
        assert_eq!(version("home = /usr/bin\nversion = 3.12.4\n"), Some((3, 12)));
        assert_eq!(
            version("home = /x\nimplementation = CPython\nuv = 0.8.1\nversion_info = 3.13.0\n"),
            Some((3, 13))
        );
        assert_eq!(version("home = /x\n"), None);
        assert_eq!(version("version = three\n"), None);
    }

    #[test]
    fn an_installation_is_seen_by_the_name_that_a_link_uses_and_by_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("uv/cpython-3.12.11/bin")).unwrap();
        fs::create_dir_all(at("sample/.venv/bin")).unwrap();
        fs::write(at("uv/cpython-3.12.11/bin/python3.12"), "").unwrap();
        symlink("cpython-3.12.11", at("uv/cpython-3.12")).unwrap();
        let program = at("sample/.venv/bin/python");
        assert!(Python::of(&at("sample")).unwrap_err().contains("pyvenv.cfg"));
        fs::write(at("sample/.venv/pyvenv.cfg"), "version_info = 3.12.11\n").unwrap();
        assert!(Python::of(&at("sample")).unwrap_err().contains("bin/python"));
        symlink(at("uv/cpython-3.12/bin/python3.12"), &program).unwrap();
        let python = Python::of(&at("sample")).unwrap();
        assert_eq!(python.of_homes, [at("uv/cpython-3.12"), at("uv/cpython-3.12.11")]);
        fs::remove_file(&program).unwrap();
        symlink("/usr/bin/env", &program).unwrap();
        assert!(Python::of(&at("sample")).unwrap().of_homes.is_empty());
    }

    #[test]
    fn what_is_closed_on_the_way_hides_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (sample, file) = (folder.path().join("sample"), folder.path().join("sample/file"));
        fs::create_dir(&sample).unwrap();
        fs::write(&file, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let of = |within: Option<&Path>| hidden(&file, within, Who::NOBODY);
        mode(&file, 0o644);
        mode(&sample, 0o755);
        // What is around the sample does not matter to who sees only the sample.
        mode(folder.path(), 0o700);
        assert_eq!(of(Some(&sample)), None);
        assert!(of(None).unwrap().contains("not open"));
        mode(&sample, 0o700);
        assert!(of(Some(&sample)).unwrap().contains("not open"));
        assert_eq!(hidden(&file, Some(&sample), Who::owns(&sample)), None);
        mode(&file, 0o600);
        assert_eq!(of(Some(&sample)).unwrap(), "its mode is 0600");
        assert!(hidden(&sample.join("nothing"), None, Who::owns(&sample)).is_some());
    }
}
