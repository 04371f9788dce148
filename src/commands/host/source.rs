//! What is to be installed, from a bundle or from the deployment's configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::config::{AcmeChallenge, Config};
use model::document;
use model::host::{CertificateSource, HostSettings};
use provision::bundle::{self, Bundle, BundleError, Deployed, MissingOutput};
use provision::host::{PairText, Wanted};
use systemd::units::{self, RenewalInterval, Setup};
use systemd::words::UnitPath;
use systemd::{Layout, Program};

use crate::app::App;
use crate::args::{HostInstallArgs, duration};
use crate::failure::{Failure, codes};
use crate::{settings, storage};

/// What comes out of the arguments, verified.
pub(super) struct Source {
    pub(super) bundle: Bundle,
    /// Where the new proxy lies, to be asked before it is installed.
    pub(super) proxy_program: PathBuf,
}

/// A program on the disk.
fn program(path: &Path) -> Result<Arc<[u8]>, Box<Failure>> {
    fs::read(path).map(Arc::from).map_err(|error| {
        Failure::new(
            codes::NO_PROGRAM,
            &path.display().to_string(),
            format!("there is no program `{}`", path.display()),
        )
        .evidence(error.to_string())
        .hint(
            "name it with --proxy-program FILE, or the folder of both programs with --programs DIR, or install a \
             bundle with --bundle DIR",
        )
    })
}

/// This program.
fn own() -> Result<PathBuf, Box<Failure>> {
    std::env::current_exe().map_err(|error| {
        Failure::new(codes::NO_PROGRAM, "sre-agent-deploy", "this program's own file cannot be found")
            .evidence(error.to_string())
    })
}

/// The content of programs.
pub(super) type Programs = BTreeMap<Program, Arc<[u8]>>;

/// Both programs from the disk, and where the proxy's lies: those of a folder that was named, or this one and its
/// neighbour.
pub(super) fn programs(
    folder: Option<&Path>,
    proxy_program: Option<&PathBuf>,
) -> Result<(Programs, PathBuf), Box<Failure>> {
    let (proxy, deploy) = if let Some(folder) = folder {
        (folder.join(Program::Proxy.name()), folder.join(Program::Deploy.name()))
    } else {
        let own = own()?;
        let beside = own.with_file_name(Program::Proxy.name());
        (proxy_program.cloned().unwrap_or(beside), own)
    };
    let programs = BTreeMap::from([(Program::Proxy, program(&proxy)?), (Program::Deploy, program(&deploy)?)]);
    Ok((programs, proxy))
}

fn of_bundle(folder: &Path) -> Result<Bundle, Box<Failure>> {
    Bundle::read(folder).map_err(|error| {
        let code = match &error {
            BundleError::Damaged { .. } => codes::BUNDLE_DAMAGED,
            _ => codes::BUNDLE,
        };
        let failure = Failure::new(code, &folder.display().to_string(), error.to_string());
        let failure = match std::error::Error::source(&error) {
            Some(source) => failure.evidence(source.to_string()),
            None => failure,
        };
        failure.hint(match &error {
            BundleError::Folder { .. } => {
                "name the folder that holds the bundle's SHA256SUMS: --bundle DIR; other users' folders need sudo"
            }
            _ => "fetch the bundle again; `sha256sum --check SHA256SUMS` in its folder shows what differs",
        })
    })
}

/// The bundle that `host install` is asked for.
pub(super) fn of_install(app: &App, args: &HostInstallArgs, layout: &Layout) -> Result<Source, Box<Failure>> {
    let given = match &args.proxy_config {
        Some(path) => Some(
            fs::read_to_string(path)
                .map_err(|error| Failure::of_file("read the proxy's configuration", path, &error))?,
        ),
        None => None,
    };
    if let Some(folder) = &args.bundle {
        let bundle = of_bundle(folder)?;
        let bundle = match given {
            Some(text) => bundle.with_proxy_config(text),
            None => bundle,
        };
        let proxy_program = folder.join(bundle::program_path(Program::Proxy));
        return Ok(Source { bundle, proxy_program });
    }
    let config = settings::read(app, &args.config, None, None)?.valid(app)?;
    let state_file = storage::state_file(app, args.state.state_file.as_ref(), false);
    let programs = || programs(args.programs.as_deref(), args.proxy_program.as_ref());
    of_deployment(app, &config, &state_file, given, programs, layout)
}

/// What a deployment wants on its host.
pub(super) fn of_deployment(
    app: &App,
    config: &Config,
    state_file: &Path,
    given: Option<String>,
    programs: impl FnOnce() -> Result<(Programs, PathBuf), Box<Failure>>,
    layout: &Layout,
) -> Result<Source, Box<Failure>> {
    let state = storage::peek(state_file)?;
    storage::check_owner(state_file, state.as_ref(), &config.deployment.id, config.mode)?;
    let missing = |missing: MissingOutput| {
        Failure::new(codes::NOT_DEPLOYED, &state_file.display().to_string(), missing.to_string()).hint(format!(
            "deploy first: {0} --config FILE; or name its state file with --state-file, or give the proxy's \
             configuration with --proxy-config",
            app.program
        ))
    };
    let deployed = state.as_ref().map(Deployed::from_state);
    let (settings, proxy_config) = match (deployed, given) {
        (Some(Ok(deployed)), given) => {
            let settings = bundle::host_settings(config, &deployed).map_err(missing)?;
            (settings, given.unwrap_or_else(|| bundle::proxy_config(config, &deployed, layout)))
        }
        (_, Some(given)) => {
            let unknown = || MissingOutput { what: "certificate", step: model::plan::StepId::Certificate };
            let settings = HostSettings::from_config(config, None).ok_or_else(|| missing(unknown()))?;
            (settings, given)
        }
        (Some(Err(error)), None) => return Err(missing(error)),
        (None, None) => {
            return Err(missing(MissingOutput {
                what: "issuer of tokens",
                step: model::plan::StepId::UserPool,
            }));
        }
    };
    let (programs, proxy_program) = programs()?;
    Ok(Source { bundle: Bundle::compose(programs, settings, proxy_config), proxy_program })
}

/// New programs with the settings that are installed.
pub(super) fn of_upgrade(
    bundle: Option<&PathBuf>,
    proxy_program: Option<&PathBuf>,
    layout: &Layout,
) -> Result<Source, Box<Failure>> {
    let read = |path: PathBuf| {
        fs::read(&path).map_err(|error| Failure::of_file("read what is installed", &path, &error))
    };
    let settings = bundle::parse_settings(&read(layout.host_settings())?).map_err(|error| {
        Failure::new(codes::BUNDLE, &layout.host_settings().display().to_string(), error.to_string())
    })?;
    let proxy_config = String::from_utf8_lossy(&read(layout.proxy_config())?).into_owned();
    let (programs, proxy_program) = match bundle {
        Some(folder) => {
            let bundle = of_bundle(folder)?;
            let programs = Program::ALL
                .into_iter()
                .filter_map(|program| Some((program, Arc::clone(bundle.program(program)?))))
                .collect();
            (programs, folder.join(bundle::program_path(Program::Proxy)))
        }
        None => programs(None, proxy_program)?,
    };
    Ok(Source { bundle: Bundle::compose(programs, settings, proxy_config), proxy_program })
}

/// `listen.drain` of a configuration. The proxy itself judges it; what it would refuse counts as what it would use.
fn drain(proxy_config: &str) -> Duration {
    const USUAL: Duration = Duration::from_secs(30);
    let root = document::read(proxy_config.as_bytes()).root;
    let value = root.as_ref().and_then(|root| member(member(root, "listen")?, "drain"));
    let Some(document::Value::Scalar(text)) = value.map(|node| &node.value) else { return USUAL };
    duration(&text.text).unwrap_or(USUAL)
}

/// What a mapping holds under a key.
fn member<'a>(node: &'a document::Node, key: &str) -> Option<&'a document::Node> {
    let document::Value::Mapping(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

/// What the units depend on.
fn setup(bundle: &Bundle, layout: &Layout, systemd_version: u32) -> Setup {
    let mut setup = Setup::new(layout.clone(), systemd_version);
    setup.drain = drain(bundle.proxy_config());
    let mut reads = Vec::new();
    match &bundle.settings().certificate {
        CertificateSource::Acme { challenge, profile, external_account, ca_path, .. } => {
            setup.answers_http = *challenge == AcmeChallenge::Http01;
            if profile.as_deref() == Some("shortlived") {
                setup.renewal_interval = RenewalInterval::Hourly;
            }
            reads.extend(ca_path.iter().cloned());
            reads.extend(external_account.iter().map(|account| account.hmac_path.clone()));
        }
        CertificateSource::AcmExportable { .. } => {}
        CertificateSource::Files { cert_path, key_path } => {
            reads.extend([cert_path.clone(), key_path.clone()]);
        }
    }
    setup.reads_of_others = reads.iter().any(|path| is_kept_by_others(Path::new(path)));
    setup.renewal_reads = reads.iter().filter_map(|path| UnitPath::new(Path::new(path)).ok()).collect();
    setup
}

/// Whether root, without the right to read whatever it wants, could not read this file: it, or a folder on the way, is
/// somebody else's and closed to others. What is not there yet is expected to be root's.
fn is_kept_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(path) = path.canonicalize() else { return false };
    path.ancestors().any(|part| {
        fs::metadata(part).is_ok_and(|found| {
            let needed = if found.is_dir() { 0o001 } else { 0o004 };
            found.uid() != 0 && found.mode() & needed == 0
        })
    })
}

/// Everything that is to be installed.
pub(super) fn wanted(bundle: &Bundle, layout: &Layout, systemd_version: u32) -> Result<Wanted, Box<Failure>> {
    let placeholder = renewal::store::make_placeholder(&bundle.settings().domains).map_err(|error| {
        Failure::new(codes::BUG, "placeholder", "no placeholder certificate could be made")
            .evidence(error.to_string())
    })?;
    let programs = Program::ALL
        .into_iter()
        .filter_map(|program| Some((program, Arc::clone(bundle.program(program)?))))
        .collect();
    Ok(Wanted {
        programs,
        proxy_config: bundle.proxy_config().to_owned(),
        host_settings: bundle.settings_text(),
        placeholder: PairText {
            fullchain: placeholder.0,
            privkey: String::from_utf8_lossy(placeholder.1.expose()).into_owned(),
        },
        units: units::all(&setup(bundle, layout, systemd_version)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drain_of_a_configuration_is_found() {
        assert_eq!(drain("listen:\n  drain: 10s\n"), Duration::from_secs(10));
        assert_eq!(drain("listen: {}\n"), Duration::from_secs(30));
        assert_eq!(
            drain("# drain: 5s\nlisten: {address: \"0.0.0.0:443\", drain: 2m}\n"),
            Duration::from_mins(2)
        );
        assert_eq!(drain("listen:\n  drain: 60s  # long answers\n"), Duration::from_mins(1));
        assert_eq!(drain("no: [yaml"), Duration::from_secs(30));
    }

    #[test]
    fn files_of_others_are_told_from_those_that_root_may_read() {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("privkey.pem");
        fs::write(&file, "").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        assert!(!is_kept_by_others(&file), "its owner is who looks: root");
        chown(&file, Some(65_534), None).expect("tests of an installation need root");
        assert!(is_kept_by_others(&file));
        mode(0o644);
        assert!(!is_kept_by_others(&file));
        assert!(!is_kept_by_others(&folder.path().join("missing.pem")));
    }
}
