//! Puts the writes of a merge on the disk, so that nothing is lost wherever the program is killed.
//!
//! What is there gets a second name first, which is its backup; then a new file takes the first name in one step.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use agent::layout::File;
use agent::merge::{Change, Write};

/// Readable by its owner only: also what holds no secret tells much about an account.
const OWNER: u32 = 0o600;
/// Readable by everybody, for what was not there and goes into a container.
const EVERYBODY: u32 = 0o644;
/// So many writes in one second are none of a person.
const MOST_BACKUPS: u32 = 100;

/// A file that was written, and the one beside it with what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) file: File,
    pub(super) backup: Option<PathBuf>,
}

/// Asked before each operation, so that a test can stop at each.
pub(super) type Fuse<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// The files with secrets that others than their owner may read. What a link leads to is looked at where it lies.
pub(super) fn open_to_others(dir: &Path) -> Vec<File> {
    let is_open = |file: &File| {
        fs::symlink_metadata(dir.join(file.path()))
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
    };
    File::ALL.into_iter().filter(|file| file.is_secret()).filter(is_open).collect()
}

/// Leaves these files to their owner.
pub(super) fn close(dir: &Path, files: &[File]) -> Result<(), (PathBuf, io::Error)> {
    for file in files {
        let path = dir.join(file.path());
        fs::set_permissions(&path, Permissions::from_mode(OWNER)).map_err(|error| (path, error))?;
    }
    Ok(())
}

/// Carries out the writes in their order.
pub(super) fn write(
    dir: &Path,
    writes: &[Write],
    fuse: Fuse<'_>,
) -> Result<Vec<Written>, (PathBuf, io::Error)> {
    let mut written = Vec::new();
    for write in writes {
        let path = dir.join(write.file.path());
        let backup = one(&path, write, fuse).map_err(|error| (path, error))?;
        written.push(Written { file: write.file, backup });
    }
    Ok(written)
}

fn one(path: &Path, write: &Write, fuse: Fuse<'_>) -> io::Result<Option<PathBuf>> {
    // A link stays a link where a text is written; what it points at is replaced.
    let path = match write.change {
        Change::Text(_) => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        Change::LinkTo(_) => path.to_owned(),
    };
    let folder = path.parent().ok_or_else(|| io::Error::other("it is in no folder"))?;
    make(folder, fuse)?;
    let backup = match &write.backup {
        None => None,
        Some(name) => {
            let name =
                Path::new(name).file_name().ok_or_else(|| io::Error::other("a backup needs a name"))?;
            fuse()?;
            let backup = second_name(&path, &folder.join(name))?;
            if write.file.is_secret() {
                fuse()?;
                fs::set_permissions(&backup, Permissions::from_mode(OWNER))?;
            }
            fuse()?;
            fs::File::open(folder)?.sync_all()?;
            Some(backup)
        }
    };
    // Whoever owns what was there, or the folder, has to be able to read it, also when root writes.
    let old = fs::metadata(&path).ok();
    let like = old.clone().map_or_else(|| fs::metadata(folder), Ok)?;
    let mode = if write.file.is_for_owner() {
        OWNER
    } else {
        old.map_or(EVERYBODY, |old| old.permissions().mode() & 0o777)
    };
    fuse()?;
    match &write.change {
        Change::Text(text) => {
            // Made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.expose().as_bytes())?;
            let own = file.as_file().metadata()?;
            if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
                chown(file.path(), Some(like.uid()), Some(like.gid()))?;
            }
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            file.as_file().sync_all()?;
            fuse()?;
            file.persist(&path)?;
        }
        Change::LinkTo(target) => {
            let aside = tempfile::TempDir::new_in(folder)?;
            let link = aside.path().join("link");
            symlink(target, &link)?;
            fuse()?;
            fs::rename(&link, &path)?;
        }
    }
    fs::File::open(folder)?.sync_all()?;
    Ok(backup)
}

/// Makes a folder that is not there, with those above it; whoever owns what it is in owns it.
fn make(folder: &Path, fuse: Fuse<'_>) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|one| !one.exists()).collect();
    for one in missing.into_iter().rev() {
        fuse()?;
        fs::create_dir(one)?;
        if let Some(above) = one.parent().map(fs::metadata).transpose()? {
            chown(one, Some(above.uid()), Some(above.gid()))?;
        }
    }
    Ok(())
}

/// Gives what is there a second name that nothing has yet.
fn second_name(path: &Path, wanted: &Path) -> io::Result<PathBuf> {
    for number in 1..=MOST_BACKUPS {
        let mut name = wanted.as_os_str().to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let name = PathBuf::from(name);
        match fs::hard_link(path, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done.map(|()| name),
        }
    }
    Err(io::Error::other("there are too many backups of this second"))
}

#[cfg(test)]
mod tests {
    use agent::merge::{Choice, merge};

    use super::super::collect::present;
    use super::super::deployed::tests::wanted;
    use super::*;

    const OLD: &str = "# mine\naccount_id: \"999999999999\"\nunknown: \"kept\"\n";
    const OLD_ENV: &str = "BACKEND_API_KEY=somebodys\n";
    const OLD_DEPLOYMENT: &str = "DEBUG=true\n";

    fn directory() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("gateway/create_gateway.sh", ""),
            ("gateway/config.yaml", OLD),
            ("gateway/.env", OLD_ENV),
            ("sre_agent/config/agent_config.yaml", "gateway:\n  uri: \"\"\n"),
            ("deployment/.env", OLD_DEPLOYMENT),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn run(dir: &Path, fuse: Fuse<'_>) -> Result<Vec<Written>, (PathBuf, io::Error)> {
        let now = "2026-11-22T02:30:00Z".parse().unwrap();
        let there = present(dir).map_err(|(file, error)| (file.path().into(), error))?;
        let merged = merge(&there, &wanted(), &mut |_| Some(Choice::Replace), now).unwrap();
        write(dir, &merged.writes, fuse)
    }

    /// Every text in the directory, without those that a killed process was about to write.
    fn texts(dir: &Path) -> Vec<(PathBuf, String)> {
        let mut texts = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    texts.push((path.clone(), fs::read_to_string(&path).unwrap_or_default()));
                }
            }
        }
        texts.sort();
        texts
    }

    /// Feature: aws-ec2-production-deployment, Property 6: nothing is lost wherever a run is killed, and the next ends
    /// where an undisturbed one does.
    #[test]
    fn nothing_is_lost_wherever_it_is_killed() {
        let whole = directory();
        let mut operations = 0_usize;
        run(whole.path(), &mut || {
            operations += 1;
            Ok(())
        })
        .unwrap();
        assert!(operations > 20, "{operations}");
        let finished = present(whole.path()).unwrap();
        for last in 0..operations {
            let dir = directory();
            let mut left = last;
            let killed = run(dir.path(), &mut || {
                left = left.checked_sub(1).ok_or_else(|| io::Error::other("killed"))?;
                Ok(())
            });
            assert!(killed.is_err(), "{last}");
            for old in [OLD, OLD_ENV, OLD_DEPLOYMENT] {
                assert!(texts(dir.path()).iter().any(|(_, text)| text == old), "{old:?} is lost at {last}");
            }
            run(dir.path(), &mut || Ok(())).unwrap();
            assert_eq!(present(dir.path()).unwrap(), finished, "{last}");
            for old in [OLD, OLD_ENV, OLD_DEPLOYMENT] {
                assert!(
                    texts(dir.path()).iter().any(|(_, text)| text == old),
                    "{old:?} is lost after {last}"
                );
            }
        }
    }

    #[test]
    fn what_is_written_is_for_its_owner_and_secrets_are_in_the_files_of_secrets_only() {
        let dir = directory();
        let written = run(dir.path(), &mut || Ok(())).unwrap();
        for one in &written {
            let path = dir.path().join(one.file.path());
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let wanted = if one.file.is_for_owner() { OWNER } else { EVERYBODY };
            assert_eq!(mode, wanted, "{}", one.file);
        }
        for (path, text) in texts(dir.path()) {
            let is_for_secrets = path.ends_with("gateway/.env");
            for secret in ["s3cretofclient", "k3yofbackends"] {
                assert_eq!(text.contains(secret), is_for_secrets, "{}", path.display());
            }
        }
        let backup = written.iter().find(|one| one.file == File::GatewayEnv).unwrap().backup.clone().unwrap();
        assert_eq!(backup, dir.path().canonicalize().unwrap().join("gateway/.env.bak-20261122T023000Z"));
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, OWNER);
        assert_eq!(
            fs::read_link(dir.path().join("deployment/.env")).unwrap(),
            Path::new("../sre_agent/.env")
        );
        assert_eq!(run(dir.path(), &mut || Ok(())).unwrap(), [], "twice is once");
    }

    #[test]
    fn a_second_backup_of_one_second_takes_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "1").unwrap();
        let wanted = dir.path().join("a.bak");
        assert_eq!(second_name(&path, &wanted).unwrap(), wanted);
        assert_eq!(second_name(&path, &wanted).unwrap(), dir.path().join("a.bak-2"));
    }
}
