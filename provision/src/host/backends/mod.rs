//! Everything that the services of the SRE agent consist of, in the order in which it is made. Pure.

pub mod preflight;

use std::path::PathBuf;
use std::sync::Arc;

use systemd::Layout;
use systemd::units::UnitFile;

use super::thing::{Role, Step, Thing};
use super::wanted;
use crate::bundle::sha256;

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// This program, which fetches the token.
    pub program: Arc<[u8]>,
    /// All units.
    pub units: Vec<UnitFile>,
}

const PUBLIC: u32 = 0o755;

/// The steps.
pub fn steps(wanted: &Wanted, layout: &Layout) -> Vec<Step> {
    let folder =
        |path: PathBuf| Step::of(Thing::Folder { path, mode: PUBLIC, of_group: false, whole: false });
    let programs = layout.agent_programs();
    let mut steps: Vec<Step> =
        programs.parent().map(|parent| folder(parent.to_owned())).into_iter().collect();
    steps.push(folder(programs));
    let file = layout.agent_program_file(&sha256(&wanted.program));
    let target = PathBuf::from(file.file_name().unwrap_or_default());
    steps.push(Step::file(file, Arc::clone(&wanted.program), PUBLIC, false, Role::Program));
    steps.push(Step::of(Thing::Link { path: layout.agent_program(), target }));
    steps.extend(wanted::of_units(&wanted.units, layout, |unit| Thing::Running {
        unit: unit.name.clone(),
        fingerprint: wanted::fingerprint(&[&unit.text]),
        program: None,
    }));
    steps
}
