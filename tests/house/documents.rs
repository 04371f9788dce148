//! What the documentation points at: it exists, it is part of the project or public, and it is on nobody's machine.

use std::path::{Component, Path, PathBuf};

use crate::tree::{files, read, root};

/// Public places that a page may point at, by the end of their names.
const PUBLIC_HOSTS: [&str; 10] = [
    "127.0.0.1",
    "amazonaws.com",
    "amazoncognito.com",
    "api.openai.com",
    "aws.amazon.com",
    "crates.io",
    "example.com",
    "keepachangelog.com",
    "semver.org",
    // The metadata service of an instance.
    "169.254.169.254",
];
/// Where an absolute path may begin: on the deployed host, in an AWS name, or as a stand-in.
const PUBLIC_ROOTS: [&str; 14] = [
    "usr",
    "opt",
    "etc",
    "var",
    "dev",
    "proc",
    "path",
    "aws",
    "sre-agent-deploy", // Paths of the proxy's API.
    "v1",
    "api",
    "health",
    "metrics",
    "oauth2",
];
/// The two commands that a newcomer needs.
const COMMANDS: [&str; 2] = ["./rehearse", "tests/run"];

/// The texts in single backticks of a line.
pub(crate) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Targets of links: `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.match_indices("](")
        .filter_map(|(at, mark)| text.get(at.saturating_add(mark.len())..)?.split(')').next())
        .collect()
}

/// Hosts of addresses, whether linked or plain.
fn hosts(text: &str) -> Vec<&str> {
    ["https://", "http://"]
        .iter()
        .flat_map(|scheme| {
            text.match_indices(scheme)
                .filter_map(|(at, mark)| text.get(at.saturating_add(mark.len())..))
                .filter_map(|rest| {
                    rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))).next()
                })
        })
        .collect()
}

/// Words that are absolute paths.
fn absolute_paths(text: &str) -> Vec<&str> {
    text.split(|c: char| c.is_whitespace() || "`\"'()[]<>|,;=".contains(c))
        .filter(|word| {
            word.strip_prefix('/').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        })
        .collect()
}

fn faults(page: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let at = |what: &str, which: &str| format!("{}: {what} `{which}`", page.display());
    for host in hosts(text) {
        let public = PUBLIC_HOSTS.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")));
        if !public {
            faults.push(at("not a known public host:", host));
        }
    }
    for path in absolute_paths(text) {
        let begins = path.split('/').nth(1).unwrap_or_default();
        if !PUBLIC_ROOTS.contains(&begins) {
            faults.push(at("a path of somebody's machine:", path));
        }
    }
    for link in links(text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
        let target = page.parent().unwrap_or(Path::new("")).join(link.split('#').next().unwrap_or_default());
        if !inside(&target).is_some_and(|target| root().join(target).exists()) {
            faults.push(at("a link to nowhere:", link));
        }
    }
    faults
}

/// The path without `.` and `..`, or nothing where it leaves the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => kept.push(name),
            Component::CurDir => {}
            Component::ParentDir if kept.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(kept)
}

#[test]
fn pages_point_only_at_the_project_and_at_public_places() {
    let faults: Vec<String> = files(&["md"]).iter().flat_map(|page| faults(page, &read(page))).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn pages_that_are_named_exist() {
    let pages = files(&["md"]);
    let mut unknown = Vec::new();
    for path in files(&["md", "rs", "toml", "sh"]) {
        // In code, only comments point anywhere.
        let comment = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => "//",
            Some("toml" | "sh") => "#",
            _ => "",
        };
        let text = read(&path);
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with(comment)) {
            for name in line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_./*".contains(c))) {
                let name = name.trim_matches('.');
                // What a run writes is no page of the repository.
                let is_page = Path::new(name).extension().is_some_and(|extension| extension == "md")
                    && !name.contains('*');
                if is_page && !name.ends_with("report.md") && !pages.iter().any(|page| page.ends_with(name)) {
                    unknown.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_code_map_is_about_this_code() {
    let page = read(Path::new("docs/architecture.md"));
    let named: Vec<&str> = page.lines().flat_map(quoted).filter(|name| is_path(name)).collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !root().join(name).exists()).collect();
    assert!(missing.is_empty(), "docs/architecture.md names what does not exist: {missing:?}");
    for manifest in files(&["toml"]).iter().filter(|path| path.ends_with("Cargo.toml")) {
        let folder = manifest.parent().map(|folder| format!("{}/", folder.display())).unwrap_or_default();
        let folder = if folder == "/" { "src/".to_owned() } else { folder };
        assert!(named.contains(&folder.as_str()), "docs/architecture.md does not name `{folder}`");
    }
}

/// Whether a quoted text is meant as a path of the repository.
fn is_path(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let source = [".rs", ".toml", ".md"].iter().any(|extension| text.ends_with(extension));
    plain && text.contains('/') && !text.starts_with('/') && (text.ends_with('/') || source)
}

#[test]
fn the_readme_has_the_two_commands() {
    let readme = read(Path::new("README.md"));
    for command in COMMANDS {
        assert!(readme.lines().any(|line| line.trim() == command), "README.md lacks a line `{command}`");
    }
}

#[test]
fn what_points_elsewhere_is_noticed() {
    let page = Path::new("docs/page.md");
    let good = "See [the map](architecture.md), [home](../README.md#x), `/opt/ssl/fullchain.pem`, either/or, \
                <https://docs.aws.amazon.com/x> and https://ID.auth.REGION.amazoncognito.com/y.";
    assert_eq!(faults(page, good), Vec::<String>::new());
    for bad in
        ["[a](gone.md)", "[a](../../outside.md)", "https://intranet.test/x", "`/home/somebody/x`", "(/mnt/x)"]
    {
        assert_eq!(faults(page, bad).len(), 1, "{bad}");
    }
}
