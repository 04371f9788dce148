//! Looks at a directory of the SRE agent and at the machine around it.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use agent::doctor::{Facts, Token};
use agent::formats::read_line;
use agent::layout::File;
use agent::merge::{Link, Present};
use jiff::Timestamp;
use model::Secret;
use model::agent::Backend;
use systemd::Layout;
use systemd::units::agent as agent_units;

/// No file of the sample is nearly as large.
const LARGEST: u64 = 1024 * 1024;
/// Where the sample's start script looks for a certificate and its key.
const TLS: [&str; 2] = ["opt/ssl/fullchain.pem", "opt/ssl/privkey.pem"];
/// Where the backends' look for their key is written.
pub(super) const API_KEY_READER: &str = "backend/servers/retrieve_api_key.py";
/// The names under which a Python may be found, besides that of the sample's own environment.
const PYTHONS: [&str; 5] = ["python3", "python3.15", "python3.14", "python3.13", "python3.12"];

/// What is there; a file that cannot be read is an error, since what is in it would be lost.
pub(super) fn present(dir: &Path) -> Result<Present, (File, io::Error)> {
    let (present, unreadable) = look(dir);
    unreadable.into_iter().next().map_or(Ok(present), Err)
}

/// What is there, and what cannot be read.
fn look(dir: &Path) -> (Present, Vec<(File, io::Error)>) {
    let mut present = Present { deployment_env: link(dir), ..Present::default() };
    let mut unreadable = Vec::new();
    for file in File::ALL {
        // What a link leads to is read where it lies.
        if file == File::DeploymentEnv && present.deployment_env != Link::File {
            continue;
        }
        match text(&dir.join(file.path())) {
            Ok(text) => {
                present.texts.insert(file, Secret::new(text));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => unreadable.push((file, error)),
        }
    }
    (present, unreadable)
}

fn text(path: &Path) -> io::Result<String> {
    // Looked at before it is opened, since opening a pipe waits.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(io::Error::other(format!("it has more than {LARGEST} bytes")));
    }
    Ok(text)
}

fn link(dir: &Path) -> Link {
    let path = dir.join(File::DeploymentEnv.path());
    match std::fs::read_link(&path) {
        Ok(target) => Link::To(target.to_string_lossy().into_owned()),
        Err(_) if path.exists() => Link::File,
        Err(_) if dir.join("deployment").is_dir() => Link::Missing,
        Err(_) => Link::NoFolder,
    }
}

/// Everything that the doctor judges by. `root` is `/`, but for tests.
pub(super) fn facts(dir: &Path, sample: Option<&Path>, root: &Path, now: Timestamp) -> Facts {
    let mut facts = Facts { dir: dir.display().to_string(), now, ..Facts::default() };
    let Some(sample) = sample else { return facts };
    facts.is_sample = true;
    let (present, unreadable) = look(sample);
    facts.present = present;
    facts.unreadable = unreadable.into_iter().map(|(file, error)| (file, error.to_string())).collect();
    for file in facts.present.texts.keys().chain(facts.unreadable.keys()) {
        if let Ok(metadata) = std::fs::metadata(sample.join(file.path())) {
            facts.modes.insert(*file, metadata.permissions().mode());
        }
    }
    facts.token = token(facts.present.text(File::AccessToken));
    // Our own services are handed theirs, from a folder that not everybody can look into.
    let service = Layout::below(root).units().join(agent_units::service(Backend::K8s));
    facts.has_tls = service.exists() || TLS.iter().all(|path| root.join(path).exists());
    facts.is_region_fixed = text(&sample.join(API_KEY_READER)).is_ok_and(|text| text.contains("us-east-1"));
    facts.python = python(sample);
    facts
}

fn token(text: Option<&str>) -> Token {
    match text.map(read_line).filter(|token| !token.is_empty()) {
        None => Token::Missing,
        Some(token) => match checks::cognito::token_end(&Secret::new(token.to_owned())) {
            Ok(end) => Token::Ends(end),
            Err(why) => Token::Unreadable(why),
        },
    }
}

/// The newest Python that is found.
fn python(sample: &Path) -> Option<(u32, u32)> {
    let own = sample.join(".venv/bin/python3");
    let names = std::iter::once(own.as_path()).chain(PYTHONS.into_iter().map(Path::new));
    names.filter_map(version).max()
}

fn version(program: &Path) -> Option<(u32, u32)> {
    let output =
        Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut parts = text.trim().strip_prefix("Python ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
