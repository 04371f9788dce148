//! Looks at the machine before anything is changed on it; everything that is wrong, at once.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use checks::host::facts::{HostFacts as Known, Port};
use model::{Finding, Severity};
use provision::host::preflight::{HostFacts, Labels, judge, machine_of};
use provision::host::{HostState, Wanted};
use systemd::host::{Failed, Host, LocalHost};
use systemd::units::{PROXY_SOCKET, UnitFile};
use systemd::{Layout, Program};

use crate::app::App;

/// The code of the check that says whether the service runs: that is what is about to be changed.
const SERVICE: &str = "SRE-HOST-009";

/// The user that this runs as.
pub(in crate::commands) fn uid() -> u32 {
    fs::metadata("/proc/self").map_or(u32::MAX, |found| found.uid())
}

/// What `check host` knows of the machine.
pub(in crate::commands) fn known() -> Known {
    checks::host::collect::collect(Path::new("/"))
}

/// Everything that there is to say.
pub(super) fn findings(
    app: &App,
    host: &LocalHost,
    layout: &Layout,
    known: &Known,
    wanted: &Wanted,
    proxy_program: &Path,
    state: Option<&HostState>,
) -> Vec<Finding> {
    let mut known = known.clone();
    // Ours listens already: after half an installation the socket does, and nothing behind it.
    let is_ours = host.unit(PROXY_SOCKET).is_ok_and(|socket| socket.is_active());
    if let Ok(Port::Taken(names)) = &known.port
        && is_ours
        && names.iter().all(|name| name == "systemd" || name.starts_with("bedrock-nova-pr"))
    {
        known.port = Ok(Port::Free);
    }
    let mut findings: Vec<Finding> = checks::host::judge(&known, false)
        .findings
        .into_iter()
        .filter(|finding| finding.severity != Severity::Ok && finding.code != SERVICE)
        .collect();
    findings.extend(judge(&facts(host, layout, wanted, proxy_program, state), &app.program));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn facts(
    host: &LocalHost,
    layout: &Layout,
    wanted: &Wanted,
    proxy_program: &Path,
    state: Option<&HostState>,
) -> HostFacts {
    let programs: Vec<(String, Result<String, String>)> = wanted
        .programs
        .iter()
        .map(|(program, content)| (program.name().to_owned(), machine_of(content)))
        .collect();
    let runs = |program: Program| {
        programs
            .iter()
            .any(|(name, machine)| name == program.name() && machine.as_deref() == Ok(std::env::consts::ARCH))
    };
    let refused_config =
        if runs(Program::Proxy) { refused_config(host, layout, wanted, proxy_program) } else { None };
    HostFacts {
        uid: uid(),
        machine: std::env::consts::ARCH.to_owned(),
        unwritable: unwritable(&[layout.units(), layout.settings(), layout.state(), layout.programs()]),
        masked: masked(host, &wanted.units),
        labels: labels(),
        has_restorecon: ["/usr/sbin/restorecon", "/sbin/restorecon"]
            .iter()
            .any(|path| Path::new(path).exists()),
        programs,
        refused_config,
        is_unfinished: state.is_some_and(|state| state.run.is_some() || state.is_removing),
    }
}

/// Units that an administrator has masked.
pub(in crate::commands) fn masked(host: &LocalHost, units: &[UnitFile]) -> Vec<String> {
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    names
        .iter()
        .zip(host.units(&names).unwrap_or_default())
        .filter(|(_, facts)| facts.load == "masked")
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

fn labels() -> Labels {
    match fs::read_to_string("/sys/fs/selinux/enforce").as_deref().map(str::trim) {
        Ok("1") => Labels::Enforcing,
        Ok(_) => Labels::Permissive,
        Err(_) => Labels::None,
    }
}

/// Tries to make a file where something is going to be made: mount options and attributes are seen in no other way.
pub(in crate::commands) fn unwritable(places: &[PathBuf]) -> Vec<(String, String)> {
    let mut failed: Vec<(String, String)> = Vec::new();
    for place in places {
        let Some(folder) = place.ancestors().find(|folder| folder.is_dir()) else { continue };
        if let Err(error) = tempfile::Builder::new().prefix(".sre-agent-").tempfile_in(folder) {
            let shown = folder.display().to_string();
            if !failed.iter().any(|(path, _)| *path == shown) {
                failed.push((shown, error.to_string()));
            }
        }
    }
    failed
}

/// What the new program says of the new configuration, where it does not accept it. Without a certificate yet, the
/// placeholder stands where the live pair is going to be.
fn refused_config(
    host: &LocalHost,
    layout: &Layout,
    wanted: &Wanted,
    proxy_program: &Path,
) -> Option<String> {
    let folder = tempfile::Builder::new().prefix("sre-agent-").tempdir().ok()?;
    let mut text = wanted.proxy_config.clone();
    if !layout.live_pair().exists() {
        let tls = folder.path().to_string_lossy().into_owned();
        text = text.replace(&*layout.live_pair().to_string_lossy(), &tls);
        fs::write(folder.path().join("fullchain.pem"), &wanted.placeholder.fullchain).ok()?;
        fs::write(folder.path().join("privkey.pem"), &wanted.placeholder.privkey).ok()?;
    }
    let file = folder.path().join("proxy.yaml");
    fs::write(&file, text).ok()?;
    let shown = file.to_string_lossy().into_owned();
    match host.run(proxy_program, &["check-config", "--config", &shown]) {
        Ok(ran) if ran.is_success => None,
        Ok(ran) => Some(ran.text.replace(&shown, "proxy.yaml").trim().to_owned()),
        // It lies where nothing may be run. It is asked again by systemd, when it starts.
        Err(error) if error.kind == Failed::Denied => None,
        Err(error) => Some(error.to_string()),
    }
}
