//! Takes one thing back: to what was there before the first installation, or to what was there before this run.

use systemd::host::{Failed, Host, HostError, Verb};

use super::act::{is_copied, not_known};
use super::kept;
use super::places::Places;
use super::record::Before;
use super::state::Held;
use super::thing::Thing;

/// How a thing was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gone {
    /// As it was before.
    AsBefore,
    /// Somebody else has put something into the folder, so it stays.
    NotEmpty,
}

/// Takes it away, and puts back what was there before us.
pub(super) fn undo(host: &dyn Host, places: Places<'_>, held: &Held) -> Result<Gone, HostError> {
    match &held.thing {
        Thing::File { path, .. } | Thing::Link { path, .. } => match held.before {
            Before::Kept => kept::put_back(host, &places.before(), path)?,
            _ => host.remove(path)?,
        },
        Thing::Folder { path, whole: false, .. } => match host.remove(path) {
            Err(error) if error.kind == Failed::NotEmpty => return Ok(Gone::NotEmpty),
            other => other?,
        },
        Thing::Folder { path, whole: true, .. } | Thing::Data { path } => host.remove_tree(path)?,
        Thing::Group { name } => host.remove_group(name)?,
        Thing::User { name, .. } => host.remove_user(name)?,
        // That is done once, when all units are gone.
        Thing::Reload { .. } => {}
        Thing::Enabled { unit } => {
            if host.unit(unit)?.is_enabled() {
                host.systemctl(Verb::Disable, unit)?;
            }
            if unit.strip_suffix(".timer").is_some() {
                host.remove(&places.stamp(unit))?;
            }
        }
        Thing::Running { unit, .. } => {
            let facts = host.unit(unit)?;
            if facts.is_active() || facts.active.ends_with("ing") {
                host.systemctl(Verb::Stop, unit)?;
            }
            host.systemctl(Verb::ResetFailed, unit).or_else(not_known)?;
            // What a timer or the failure of another has started, and forgot nothing.
            if let Some(name) = unit.strip_suffix(".timer") {
                let service = format!("{name}.service");
                if host.unit(&service)?.active != "inactive" {
                    host.systemctl(Verb::Stop, &service)?;
                    host.systemctl(Verb::ResetFailed, &service).or_else(not_known)?;
                }
            }
        }
    }
    Ok(Gone::AsBefore)
}

/// Puts back what was there before this run.
pub(super) fn back(host: &dyn Host, places: Places<'_>, held: &Held) -> Result<(), HostError> {
    let Some(previous) = &held.previous else { return Ok(()) };
    match previous {
        thing if is_copied(thing) => match thing.path() {
            Some(path) => kept::put_back(host, &places.previous(), path),
            None => Ok(()),
        },
        Thing::Folder { path, mode, .. } => {
            let systemd::host::Entry::Folder(found) = host.look(path)? else { return Ok(()) };
            host.set_meta(path, systemd::host::Meta { mode: *mode, ..found })
        }
        // What runs is started again when all files are back.
        _ => Ok(()),
    }
}
