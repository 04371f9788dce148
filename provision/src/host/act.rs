//! Makes one thing, or changes it. Done twice it is the same as done once.

use systemd::host::{Failed, Host, HostError, Meta, Verb};
use systemd::layout::USER;
use systemd::units::{PROXY_SERVICE, PROXY_SOCKET};

use super::kept;
use super::places::{self, Places};
use super::plan::{Action, PlannedThing};
use super::record::Before;
use super::thing::{Role, Thing};

/// Makes or changes it. The intent is on disk.
pub(super) fn act(
    host: &dyn Host,
    places: Places<'_>,
    planned: &PlannedThing,
    run: u64,
) -> Result<(), HostError> {
    let thing = &planned.step.thing;
    if let (Some(path), Thing::File { .. } | Thing::Link { .. }) = (thing.path(), thing) {
        if planned.before == Before::Kept {
            kept::keep(host, &places.before(), path)?;
        }
        if let Action::Change(_) = planned.action {
            kept::keep(host, &places.previous(), path)?;
        }
        if planned.replaces_edits {
            let name = format!("{run}-{}", places::name(path));
            kept::keep_as(host, &places.edited(), path, &name)?;
        }
    }
    let meta = |mode: u32, of_group: bool| meta(host, mode, of_group);
    match thing {
        Thing::Folder { path, mode, of_group, .. } => host.make_folder(path, meta(*mode, *of_group)?),
        Thing::File { path, mode, of_group, .. } => {
            let content = planned.step.content.as_deref().unwrap_or_default();
            host.write(path, content, meta(*mode, *of_group)?)
        }
        Thing::Link { path, target } => host.link(path, target),
        Thing::Group { name } => host.add_group(name),
        Thing::User { name, home } => host.add_user(name, home),
        // Others make it; from now on it is ours to remove.
        Thing::Data { .. } => Ok(()),
        Thing::Reload { .. } => host.systemctl(Verb::DaemonReload, ""),
        Thing::Enabled { unit } => host.systemctl(Verb::Enable, unit),
        Thing::Running { unit, .. } => run_unit(host, unit),
    }
}

/// Has a unit run as its files say now.
pub(super) fn run_unit(host: &dyn Host, unit: &str) -> Result<(), HostError> {
    let is_active = host.unit(unit)?.is_active();
    if !is_active {
        // A start is refused where too many have failed.
        host.systemctl(Verb::ResetFailed, unit).or_else(not_known)?;
        return host.systemctl(Verb::Start, unit);
    }
    if unit == PROXY_SOCKET && host.unit(PROXY_SERVICE)?.is_active() {
        // systemd does not open a socket whose service runs.
        host.systemctl(Verb::Stop, PROXY_SERVICE)?;
        host.systemctl(Verb::Restart, unit)?;
        return host.systemctl(Verb::Start, PROXY_SERVICE);
    }
    host.systemctl(Verb::Restart, unit)
}

/// systemd may never have heard of a unit that is to be forgotten or stopped.
pub(super) fn not_known(error: HostError) -> Result<(), HostError> {
    if error.kind == Failed::Refused && error.detail.contains("not loaded") { Ok(()) } else { Err(error) }
}

fn meta(host: &dyn Host, mode: u32, of_group: bool) -> Result<Meta, HostError> {
    let gid = if of_group {
        host.group(USER)?.ok_or_else(|| HostError {
            action: "find the proxy's group".to_owned(),
            kind: Failed::NotFound,
            detail: format!("there is no group {USER}"),
        })?
    } else {
        0
    };
    Ok(Meta { mode, uid: 0, gid })
}

/// Whether a change of this thing needs a copy of what is there to go back to.
pub(super) fn is_copied(thing: &Thing) -> bool {
    matches!(
        thing,
        Thing::File { role: Role::Program | Role::Setting | Role::Told | Role::Unit | Role::Pair, .. }
    ) || matches!(thing, Thing::Link { .. })
}
