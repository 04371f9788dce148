//! What a path, a pattern or a folder stands for: files to look at, and what stands in the way of that.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use model::{Finding, Severity};
use zeroize::Zeroize as _;

use super::file::{self, Obstacle, obstacle, quoted};
use super::{codes, contents};

/// What is read in a folder whatever is in it. Files called otherwise are read if they begin as certificates do.
const EXTENSIONS: [&str; 6] = ["pem", "crt", "cer", "der", "p12", "pfx"];
/// Endings of what editors and packages put aside: certificates that nobody uses any more.
const ASIDE: [&str; 7] = ["bak", "old", "orig", "save", "swp", "tmp", "rpmsave"];
/// How deep folders in folders are searched.
const DEEPEST: usize = 8;
/// How much of a file is looked at for the begin of a certificate. What openssl writes above it takes 5 kB.
const SNIFFED: u64 = 8 * 1024;
/// Files of a lineage of certbot. One of them stands for all.
const FULL_CHAIN: &str = "fullchain.pem";
const LINEAGE_FILES: [&str; 4] = ["fullchain.pem", "privkey.pem", "cert.pem", "chain.pem"];

/// A file to look at, or something that is wrong before any file can be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file, or what was asked for.
    pub path: PathBuf,
    /// Whether it was named as it is. What a pattern or a folder brought up may be something else than a certificate.
    pub is_named: bool,
    /// Why there is nothing to look at.
    pub problem: Option<Finding>,
    /// Whether a folder just said that it is a regular file, so that it need not be asked again before it is opened.
    pub(super) is_regular: bool,
    /// Whether the same folder has nothing in it that is called as keys are.
    pub(super) is_keyless: bool,
}

impl Target {
    /// A file that was named.
    pub fn named(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), is_named: true, problem: None, is_regular: false, is_keyless: false }
    }

    fn found(path: PathBuf) -> Self {
        Self { path, is_named: false, problem: None, is_regular: false, is_keyless: false }
    }

    fn problem(path: PathBuf, finding: Finding) -> Self {
        Self { path, is_named: true, problem: Some(finding), is_regular: false, is_keyless: false }
    }
}

/// What all of these stand for, in their order; what more than one of them brings up is there once.
pub fn expand_all(patterns: &[String]) -> Vec<Target> {
    // One alone brings nothing up twice.
    if let [only] = patterns {
        return expand(only);
    }
    let mut seen = HashSet::new();
    patterns
        .iter()
        .flat_map(|pattern| expand(pattern))
        .filter(|target| seen.insert((target.path.clone(), target.problem.is_some())))
        .collect()
}

/// What a path, a pattern such as `/etc/ssl/*.pem`, or a folder stands for, sorted.
///
/// A folder stands for the files in it, and in folders in it, that are called as certificates are or begin as they do;
/// one of certbot (`live`, or a lineage in it) for one file a lineage. Symbolic links to folders are not followed. Of files that a pattern brings up by more than one name, such as through the `..data` of
/// Kubernetes, one is kept. There is always something in the result: that nothing was found is a problem of its own.
pub fn expand(pattern: &str) -> Vec<Target> {
    let path = Path::new(pattern);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let mut found = folder(path);
            if found.is_empty() {
                found.push(empty_folder(path));
            } else if are_keys(&found) {
                found.push(only_keys(pattern));
            }
            return found;
        }
        Ok(_) => return vec![Target::named(path)],
        // A name with an asterisk in it is a pattern, unless there is a file of that name.
        Err(_) if is_pattern(pattern) && fs::symlink_metadata(path).is_err() => {}
        Err(error) => {
            return vec![Target::problem(path.to_owned(), obstacle(path, &error, None).finding(path))];
        }
    }
    let matches = match glob::glob(pattern) {
        Ok(matches) => matches,
        Err(error) => {
            let finding = Finding::new(codes::BAD_PATTERN, Severity::Unknown, pattern, "is no pattern")
                .evidence(error.to_string())
                .hint("write * for any characters, ? for one, [ab] for one of these, [[] for a bracket");
            return vec![Target::problem(path.to_owned(), finding)];
        }
    };
    let mut targets = Vec::new();
    for found in matches {
        match found {
            Ok(path) if path.is_dir() => targets.extend(folder(&path)),
            // certbot explains itself in every folder of its own.
            Ok(path) if path.file_name() == Some(OsStr::new("README")) => {}
            Ok(path) => targets.push(Target::found(path)),
            Err(error) => {
                let path = error.path();
                targets.push(Target::problem(
                    path.to_owned(),
                    obstacle(path, error.error(), None).finding(path),
                ));
            }
        }
    }
    if targets.is_empty() {
        let before = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        let folder =
            before.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let finding = Finding::new(codes::NO_FILE, Severity::Unknown, pattern, "matches no file")
            .hint(format!("see what is there: ls -la {}", quoted(Path::new(folder))));
        return vec![Target::problem(path.to_owned(), finding)];
    }
    let mut targets = once(targets);
    if are_keys(&targets) {
        targets.push(only_keys(pattern));
    }
    targets
}

/// Whether there is nothing but private keys in these files. Usually the first says that it is not so.
fn are_keys(targets: &[Target]) -> bool {
    targets.iter().all(|target| {
        if target.problem.is_some() {
            return false;
        }
        file::read(&target.path).is_ok_and(|mut read| {
            let contents = contents::items(&read.bytes);
            read.bytes.zeroize();
            contents.items.is_empty() && contents.others.is_empty() && !contents.keys.is_empty()
        })
    })
}

fn only_keys(pattern: &str) -> Target {
    let finding = Finding::new(
        codes::EMPTY_FOLDER,
        Severity::Unknown,
        pattern,
        format!("no certificate found in {pattern}, only private keys"),
    )
    .hint(format!(
        "name the file of the certificate; this is what is there: ls -laR {}",
        quoted(Path::new(pattern))
    ));
    Target::problem(PathBuf::from(pattern), finding)
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn empty_folder(path: &Path) -> Target {
    let extensions = EXTENSIONS.join(", ");
    let finding = Finding::new(
        codes::EMPTY_FOLDER,
        Severity::Unknown,
        path.display().to_string(),
        "has no certificates in it",
    )
    .evidence(format!("no file ends in {extensions} or begins as a certificate does"))
    .hint(format!("name the file, or a pattern, if it is somewhere else: ls -laR {}", quoted(path)));
    Target::problem(path.to_owned(), finding)
}

/// The certificates of a folder and of folders in it.
fn folder(path: &Path) -> Vec<Target> {
    let mut found = Found::default();
    found.search(path, 0);
    // Names in a folder are there once, unless some lead to others.
    if found.has_links {
        return once(found.targets);
    }
    found.targets.sort_unstable_by(by_name);
    found.targets
}

/// What came up in a folder so far.
#[derive(Default)]
struct Found {
    targets: Vec<Target>,
    has_links: bool,
}

impl Found {
    fn search(&mut self, path: &Path, depth: usize) {
        if is_lineage(path) {
            self.targets.push(Target::named(path.join(FULL_CHAIN)));
            return;
        }
        if depth > DEEPEST {
            self.targets.push(too_deep(path));
            return;
        }
        let entries = match list(path) {
            Ok(entries) => entries,
            Err(problem) => {
                self.targets.push(problem);
                return;
            }
        };
        // `/etc/letsencrypt` itself: what it serves is in `live`; `archive` has all that it ever served.
        let is_certbot =
            ["live", "archive", "renewal"].iter().all(|part| entries.iter().any(|(name, _)| name == part));
        if is_certbot {
            return self.search(&path.join("live"), depth.saturating_add(1));
        }
        // Deep down many a folder is called so.
        let is_live = path.file_name() == Some(OsStr::new("live"))
            && (depth == 0 || path.with_file_name("renewal").is_dir());
        self.targets.reserve(entries.len());
        let is_keyless = !entries.iter().any(|(name, _)| is_key(name));
        for (name, kind) in entries {
            let inside = path.join(&name);
            let is_regular = kind.is_some_and(|kind| kind.is_file());
            let is_folder = !is_regular && inside.is_dir();
            if !is_folder && (is_wanted(&inside) || begins_as_certificate(&inside)) {
                self.has_links |= !is_regular;
                self.targets.push(Target { is_regular, is_keyless, ..Target::found(inside) });
            } else if is_folder && is_lineage(&inside) {
                self.targets.push(Target::named(inside.join(FULL_CHAIN)));
            } else if is_folder && is_live {
                // certbot was here, and what it should have left is gone, or cannot be seen.
                let gone = inside.join(FULL_CHAIN);
                let problem = match fs::symlink_metadata(&gone) {
                    Err(error) => obstacle(&gone, &error, None),
                    Ok(_) => Obstacle::Missing,
                };
                self.targets.push(Target::problem(gone.clone(), problem.finding(&gone)));
            } else if kind.is_some_and(|kind| kind.is_dir()) && !is_version(&name) {
                self.search(&inside, depth.saturating_add(1));
            }
        }
    }
}

/// Whether Kubernetes keeps a version of a volume in a folder of this name; links beside it lead there.
fn is_version(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"..")
}

fn too_deep(path: &Path) -> Target {
    let finding = Finding::new(
        codes::EMPTY_FOLDER,
        Severity::Unknown,
        path.display().to_string(),
        format!("is more than {DEEPEST} folders deep and was not searched"),
    )
    .hint(format!("name it by itself: --file {}", quoted(path)));
    Target::problem(path.to_owned(), finding)
}

/// Whether a file that is not called as certificates are has one near its begin. What cannot be read has not.
fn begins_as_certificate(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let is_aside = path.extension().is_some_and(|found| {
        ASIDE.iter().any(|aside| found.eq_ignore_ascii_case(aside))
            || found.as_encoded_bytes().starts_with(b"dpkg-")
    });
    // A pipe is not opened: that might do something.
    if is_aside || name.ends_with(b"~") || !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut options = fs::OpenOptions::new();
    let Ok(file) = options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) else {
        return false;
    };
    let mut head = Vec::new();
    if file.take(SNIFFED).read_to_end(&mut head).is_err() {
        return false;
    }
    let is_there = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"].iter().any(|label| {
        let line = format!("-----BEGIN {label}-----");
        memchr::memmem::find_iter(&head, &line).any(|at| head.get(..at).is_some_and(is_line_start))
    });
    head.zeroize();
    is_there
}

/// Whether a line begins behind these bytes, or a file, with or without a byte order mark.
fn is_line_start(before: &[u8]) -> bool {
    before.last().is_none_or(|last| matches!(last, b'\n' | b'\r' | 0xbf))
}

/// Whether a file is called as the keys are that are looked for beside certificates.
fn is_key(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".key") || name.ends_with(b"key.pem")
}

/// Whether a file is called as certificates are.
fn is_wanted(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|wanted| found.eq_ignore_ascii_case(wanted)))
}

/// Whether certbot made this folder, or something that works as it does.
fn is_lineage(path: &Path) -> bool {
    let there = |name: &str| fs::symlink_metadata(path.join(name)).is_ok();
    there(FULL_CHAIN) && LINEAGE_FILES.iter().skip(1).any(|name| there(name))
}

/// Names in a folder, and what they are as far as the folder itself says.
fn list(path: &Path) -> Result<Vec<(OsString, Option<FileType>)>, Target> {
    let problem =
        |error: &std::io::Error| Target::problem(path.to_owned(), obstacle(path, error, None).finding(path));
    fs::read_dir(path)
        .map_err(|error| problem(&error))?
        .map(|entry| {
            let entry = entry.map_err(|error| problem(&error))?;
            Ok((entry.file_name(), entry.file_type().ok()))
        })
        .collect()
}

/// The order of bytes: paths compare part by part, which takes ten times as long.
fn by_name(a: &Target, b: &Target) -> Ordering {
    a.path.as_os_str().cmp(b.path.as_os_str())
}

/// Keeps one name of each file; one that leads through no folder such as `..data`, if there is one, and that is called
/// as certificates are rather than by a hash.
fn once(mut targets: Vec<Target>) -> Vec<Target> {
    targets.sort_by(by_name);
    let mut places: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    let mut kept: Vec<Target> = Vec::with_capacity(targets.len());
    for target in targets {
        let id = match &target.problem {
            None => fs::metadata(&target.path).ok().map(|metadata| (metadata.dev(), metadata.ino())),
            Some(_) => None,
        };
        match id.and_then(|id| places.get(&id)).and_then(|place| kept.get_mut(*place)) {
            Some(known) if rank(&target.path) > rank(&known.path) => *known = target,
            Some(_) => {}
            None => {
                if let Some(id) = id {
                    places.insert(id, kept.len());
                }
                kept.push(target);
            }
        }
    }
    kept.sort_by(by_name);
    kept
}

/// Of names of one file the best is the highest.
fn rank(path: &Path) -> (bool, bool) {
    (!is_internal(path), is_wanted(path))
}

/// Whether a part of the path begins with two dots and is not the folder above: Kubernetes keeps versions there.
fn is_internal(path: &Path) -> bool {
    path.components()
        .any(|part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"..")))
}
