//! Finds what is ours on a machine whose journal is lost: by the paths that only we use, by the first line of unit files,
//! and by the comment of the user.

use std::path::PathBuf;

use systemd::Layout;
use systemd::host::{Entry, Host, HostError};
use systemd::layout::USER;
use systemd::units::{
    BACKUP_SERVICE, BACKUP_TIMER, CHECK_SERVICE, CHECK_TIMER, FAILED_SERVICE, PROXY_SERVICE, PROXY_SOCKET,
    RENEW_SERVICE, RENEW_TIMER,
};

use super::places::Places;
use super::product::Product;
use super::record::{Before, HostHeader};
use super::thing::{Role, Thing};
use super::{HOST_JOURNAL_VERSION, kept};

/// Every unit that any version installed, in the order in which they were made.
pub(super) const PROXY_UNITS: [&str; 9] = [
    FAILED_SERVICE,
    PROXY_SOCKET,
    PROXY_SERVICE,
    CHECK_SERVICE,
    CHECK_TIMER,
    RENEW_SERVICE,
    RENEW_TIMER,
    BACKUP_SERVICE,
    BACKUP_TIMER,
];
/// Those that are enabled.
pub(super) const PROXY_ENABLED: [&str; 5] =
    [PROXY_SOCKET, PROXY_SERVICE, CHECK_TIMER, RENEW_TIMER, BACKUP_TIMER];

/// The first line of a journal.
pub fn header(lineage: String, deployment_id: Option<model::DeploymentId>, tool_version: &str) -> HostHeader {
    HostHeader {
        version: HOST_JOURNAL_VERSION,
        deployment_id,
        lineage,
        tool_version: tool_version.to_owned(),
    }
}

/// Whether somebody installed here: a unit with our mark, or a program of ours.
///
/// # Errors
///
/// Where the machine cannot be looked at.
pub fn is_marked(host: &dyn Host, layout: &Layout, product: Product) -> Result<bool, HostError> {
    for unit in product.units() {
        if has_mark(host, &layout.units().join(unit), product)? {
            return Ok(true);
        }
    }
    Ok(!builds(host, layout, product)?.is_empty())
}

fn has_mark(host: &dyn Host, path: &std::path::Path, product: Product) -> Result<bool, HostError> {
    if !matches!(host.look(path)?, Entry::File { .. }) {
        return Ok(false);
    }
    let text = host.read(path)?;
    let mark = product.mark().as_bytes();
    Ok(text.windows(mark.len()).any(|part| part == mark))
}

/// Builds of our programs, by the form of their names.
fn builds(host: &dyn Host, layout: &Layout, product: Product) -> Result<Vec<PathBuf>, HostError> {
    let is_build = |name: &str| {
        product.programs().iter().any(|program| {
            let digest = name.strip_prefix(program.name()).and_then(|rest| rest.strip_prefix('-'));
            digest.is_some_and(|digest| digest.len() == 12 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
        })
    };
    let folder = product.program_folder(layout);
    let names = host.list(&folder)?;
    Ok(names.iter().filter(|name| is_build(name)).map(|name| folder.join(name)).collect())
}

/// Everything that is ours, in the order in which it was made.
///
/// # Errors
///
/// Where the machine cannot be looked at.
pub fn recover(
    host: &dyn Host,
    layout: &Layout,
    product: Product,
) -> Result<Vec<(Thing, Before)>, HostError> {
    let mut found = Vec::new();
    let mut add = |thing: Thing| -> Result<(), HostError> {
        let is_kept = match thing.path() {
            Some(path) => {
                host.look(&kept::copy_of(&Places { layout, product }.before(), path))? != Entry::Absent
            }
            None => false,
        };
        let before = if is_kept { Before::Kept } else { Before::Absent };
        found.push((thing, before));
        Ok(())
    };
    let is_proxy = product == Product::Proxy;
    if is_proxy && host.user(USER)?.is_some_and(|user| user.is_marked) {
        add(Thing::Group { name: USER.to_owned() })?;
        add(Thing::User { name: USER.to_owned(), home: layout.proxy_state() })?;
    }
    let programs = product.program_folder(layout);
    let builds = builds(host, layout, product)?;
    let folder = |path: PathBuf, whole: bool| -> Result<Option<Thing>, HostError> {
        Ok(match host.look(&path)? {
            Entry::Folder(meta) => {
                Some(Thing::Folder { path, mode: meta.mode, of_group: meta.gid != 0, whole })
            }
            _ => None,
        })
    };
    let at = |path: PathBuf, role: Role| -> Result<Option<Thing>, HostError> {
        Ok(match host.look(&path)? {
            Entry::File { sha256, meta } => {
                Some(Thing::File { path, sha256, mode: meta.mode, of_group: meta.gid != 0, role })
            }
            Entry::Link(target) => Some(Thing::Link { path, target }),
            _ => None,
        })
    };
    if let Some(parent) = programs.parent() {
        folder(parent.to_owned(), false)?.map(&mut add).transpose()?;
    }
    folder(programs.clone(), false)?.map(&mut add).transpose()?;
    for build in builds {
        at(build, Role::Program)?.map(&mut add).transpose()?;
    }
    for program in product.programs() {
        at(programs.join(program.name()), Role::Program)?.map(&mut add).transpose()?;
    }
    if is_proxy {
        folder(layout.settings(), false)?.map(&mut add).transpose()?;
        folder(layout.tls(), true)?.map(&mut add).transpose()?;
        for (path, role) in [(layout.proxy_config(), Role::Setting), (layout.host_settings(), Role::Told)] {
            at(path, role)?.map(&mut add).transpose()?;
        }
        for path in [layout.proxy_state(), layout.backups()] {
            if host.look(&path)? != Entry::Absent {
                add(Thing::Data { path })?;
            }
        }
    }
    let mut ours = Vec::new();
    for unit in product.units() {
        let path = layout.units().join(unit);
        if has_mark(host, &path, product)? {
            ours.push(*unit);
            at(path, Role::Unit)?.map(&mut add).transpose()?;
        }
    }
    for unit in product.enabled().iter().filter(|unit| ours.contains(unit)) {
        add(Thing::Enabled { unit: (*unit).to_owned() })?;
        add(Thing::Running { unit: (*unit).to_owned(), fingerprint: String::new(), program: None })?;
    }
    Ok(found)
}
