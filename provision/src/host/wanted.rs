//! Everything that an installation consists of, in the order in which it is made. Pure.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use systemd::layout::USER;
use systemd::units::{PROXY_SERVICE, UnitFile};
use systemd::{Layout, Program};

use super::state::HostState;
use super::thing::{Role, Step, Thing};
use crate::bundle::sha256;

/// A certificate with its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct PairText {
    /// The certificate.
    pub fullchain: String,
    /// The key.
    pub privkey: String,
}

impl std::fmt::Debug for PairText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairText")
    }
}

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Both programs.
    pub programs: Vec<(Program, Arc<[u8]>)>,
    /// `proxy.yaml`.
    pub proxy_config: String,
    /// `host.json`.
    pub host_settings: String,
    /// Serves until there is a real certificate; only used where there is none.
    pub placeholder: PairText,
    /// All units.
    pub units: Vec<UnitFile>,
}

const PUBLIC: u32 = 0o755;
const OF_GROUP: u32 = 0o750;
const READ_BY_GROUP: u32 = 0o640;
const UNIT: u32 = 0o644;

/// The steps.
pub fn steps(wanted: &Wanted, layout: &Layout) -> Vec<Step> {
    let folder =
        |path: PathBuf, mode, of_group, whole| Step::of(Thing::Folder { path, mode, of_group, whole });
    let mut steps = vec![
        Step::of(Thing::Group { name: USER.to_owned() }),
        Step::of(Thing::User { name: USER.to_owned(), home: layout.proxy_state() }),
    ];
    let programs = layout.programs();
    if let Some(parent) = programs.parent() {
        steps.push(folder(parent.to_owned(), PUBLIC, false, false));
    }
    steps.push(folder(programs, PUBLIC, false, false));
    let mut links = Vec::new();
    for (program, content) in &wanted.programs {
        let file = layout.program_file(*program, &sha256(content));
        let target = PathBuf::from(file.file_name().unwrap_or_default());
        steps.push(Step::file(file, Arc::clone(content), PUBLIC, false, Role::Program));
        links.push(Step::of(Thing::Link { path: layout.program(*program), target }));
    }
    // All files first, so that both links change together.
    steps.extend(links);
    steps.push(folder(layout.settings(), OF_GROUP, true, false));
    steps.push(folder(layout.tls(), OF_GROUP, true, true));
    let pairs = layout.tls().join("pairs");
    steps.push(folder(pairs.clone(), OF_GROUP, true, true));
    steps.push(folder(layout.challenges(), OF_GROUP, true, true));
    let text = |text: &str| Arc::from(text.as_bytes());
    let setting =
        |path: PathBuf, content: &str, role| Step::file(path, text(content), READ_BY_GROUP, true, role);
    steps.push(setting(layout.proxy_config(), &wanted.proxy_config, Role::Setting));
    steps.push(setting(layout.host_settings(), &wanted.host_settings, Role::Told));
    let live = layout.live_pair();
    let placeholder = pairs.join(PLACEHOLDER);
    steps.push(folder(placeholder.clone(), OF_GROUP, true, true).unless(live.clone()));
    for (name, content) in
        [("fullchain.pem", &wanted.placeholder.fullchain), ("privkey.pem", &wanted.placeholder.privkey)]
    {
        steps.push(setting(placeholder.join(name), content, Role::Pair).unless(live.clone()));
    }
    let target = PathBuf::from("pairs").join(PLACEHOLDER);
    steps.push(Step::of(Thing::Link { path: live.clone(), target }).unless(live));
    steps.push(Step::of(Thing::Data { path: layout.proxy_state() }));
    steps.push(Step::of(Thing::Data { path: layout.backups() }));
    steps.extend(of_units(&wanted.units, layout, |unit| running(wanted, layout, unit)));
    steps
}

/// Units on the disk, at boot, in systemd's mind, and running.
pub(super) fn of_units(
    units: &[UnitFile],
    layout: &Layout,
    running: impl Fn(&UnitFile) -> Thing,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for unit in units {
        let path = layout.units().join(&unit.name);
        steps.push(Step::file(path, Arc::from(unit.text.as_bytes()), UNIT, false, Role::Unit));
    }
    // Links on the disk; systemd reads them with the units, once.
    for unit in units.iter().filter(|unit| unit.is_enabled) {
        steps.push(Step::of(Thing::Enabled { unit: unit.name.clone() }));
    }
    let all: Vec<&str> = units.iter().map(|unit| unit.text.as_str()).collect();
    steps.push(Step::of(Thing::Reload { fingerprint: fingerprint(&all) }));
    for unit in units.iter().filter(|unit| unit.is_enabled) {
        steps.push(Step::of(running(unit)));
    }
    steps
}

/// The name of the pair that serves until there is a real one: of the store's form, and older than any.
const PLACEHOLDER: &str = "00000000T000000Z-placeholder";

fn running(wanted: &Wanted, layout: &Layout, unit: &UnitFile) -> Thing {
    let mut parts = vec![unit.text.as_str()];
    let mut program = None;
    if unit.name == PROXY_SERVICE {
        // A change of the configuration would be noticed by the proxy itself, but not all keys are taken over then.
        parts.push(&wanted.proxy_config);
        let content = wanted.programs.iter().find(|(program, _)| *program == Program::Proxy);
        program = content.map(|(program, content)| layout.program_file(*program, &sha256(content)));
    }
    Thing::Running { unit: unit.name.clone(), fingerprint: fingerprint(&parts), program }
}

/// Over texts, none of which may run into the next.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    model::hex::encode(&hash.finalize())
}

/// The digest of the settings as they were last installed: an upgrade keeps what is there.
pub fn previous_settings(state: &HostState, layout: &Layout) -> Option<String> {
    let id = format!("file {}", layout.proxy_config().display());
    match &state.held(&id)?.thing {
        Thing::File { sha256, .. } => Some(sha256.clone()),
        _ => None,
    }
}
