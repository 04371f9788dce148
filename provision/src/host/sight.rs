//! Looks at everything that a plan is about.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use systemd::host::{Host, HostError, UnitFacts};

use super::state::HostState;
use super::thing::{Step, Thing};

/// What is in the place of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// At its path.
    At(systemd::host::Entry),
    /// Whether there is such a user or group.
    Account(bool),
    /// What systemd says.
    Unit(Box<UnitFacts>),
    /// Nothing to see.
    Nothing,
}

/// Everything that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// By the name of the thing.
    pub things: BTreeMap<String, Sight>,
    /// Paths of [`Step::unless`] at which something is.
    pub present: Vec<PathBuf>,
    /// The number of the proxy's group.
    pub group: Option<u32>,
}

/// Looks at a thing.
pub(super) fn look(host: &dyn Host, thing: &Thing) -> Result<Sight, HostError> {
    Ok(match thing {
        Thing::Folder { path, .. }
        | Thing::File { path, .. }
        | Thing::Link { path, .. }
        | Thing::Data { path } => Sight::At(host.look(path)?),
        Thing::Group { name } => Sight::Account(host.group(name)?.is_some()),
        Thing::User { name, .. } => Sight::Account(host.user(name)?.is_some()),
        Thing::Enabled { unit } | Thing::Running { unit, .. } => Sight::Unit(Box::new(host.unit(unit)?)),
        Thing::Reload { .. } => Sight::Nothing,
    })
}

/// Looks at everything that is wanted, and at what the journal knows beside it.
///
/// # Errors
///
/// The first thing that cannot be looked at.
pub fn see(host: &dyn Host, wanted: &[Step], state: Option<&HostState>) -> Result<Seen, HostError> {
    let mut seen = Seen { group: host.group(systemd::layout::USER)?, ..Seen::default() };
    let known = state.into_iter().flat_map(|state| state.things.values().map(|held| &held.thing));
    let mut of_units = Vec::new();
    for thing in wanted.iter().map(|step| &step.thing).chain(known) {
        if let Thing::Enabled { unit } | Thing::Running { unit, .. } = thing {
            of_units.push((thing.id(), unit.as_str()));
        } else if let Entry::Vacant(place) = seen.things.entry(thing.id()) {
            place.insert(look(host, thing)?);
        }
    }
    // All in one question: each costs systemd as much as the one for all of them.
    let names: BTreeSet<&str> = of_units.iter().map(|(_, unit)| *unit).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let facts: BTreeMap<&str, UnitFacts> = names.iter().copied().zip(host.units(&names)?).collect();
    for (id, unit) in of_units {
        if let Some(facts) = facts.get(unit) {
            seen.things.insert(id, Sight::Unit(Box::new(facts.clone())));
        }
    }
    for path in wanted.iter().filter_map(|step| step.unless.as_ref()) {
        if !seen.present.contains(path) && is_present(host, path)? {
            seen.present.push(path.clone());
        }
    }
    Ok(seen)
}

fn is_present(host: &dyn Host, path: &Path) -> Result<bool, HostError> {
    Ok(host.look(path)? != systemd::host::Entry::Absent)
}
