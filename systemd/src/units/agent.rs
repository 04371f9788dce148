//! The services of the SRE agent: its four backends, and the token that its agent shows to the gateway.
//!
//! A backend gets certificate and key handed over when it starts, so that the key needs no other reader, and is started
//! again when they were renewed. It runs as a user that exists only meanwhile, and sees of people's homes nothing but the
//! sample's folder and the Python that this names.

use std::net::IpAddr;
use std::time::Duration;

use model::agent::Backend;

use super::{UnitFile, hardening, tells};
use crate::layout::Layout;
use crate::unit::Directive as D;
use crate::unit::{
    Bytes, Calendar, Capabilities, CommandLine, Count, Credential, Home, Names, Owner, PathRule, Paths,
    Place, PrivateTmp, Restart, ServiceType, Span, Switch, Text, Unit, Word,
};
use crate::words::{ProgramPath, UnitPath};

/// All four backends.
pub const TARGET: &str = "sre-agent-backends.target";
/// Starts the backends again after the certificate was renewed.
pub const RESTART_SERVICE: &str = "sre-agent-backends-restart.service";
/// Starts [`RESTART_SERVICE`].
pub const RESTART_PATH: &str = "sre-agent-backends-restart.path";
/// Fetches a token.
pub const TOKEN_SERVICE: &str = "sre-agent-gateway-token.service";
/// Starts [`TOKEN_SERVICE`].
pub const TOKEN_TIMER: &str = "sre-agent-gateway-token.timer";

/// Every unit, in the order in which they are made.
pub const UNITS: [&str; 9] = [
    service(Backend::K8s),
    service(Backend::Logs),
    service(Backend::Metrics),
    service(Backend::Runbooks),
    TARGET,
    RESTART_SERVICE,
    RESTART_PATH,
    TOKEN_SERVICE,
    TOKEN_TIMER,
];
/// Those that are enabled.
pub const ENABLED: [&str; 7] = [
    service(Backend::K8s),
    service(Backend::Logs),
    service(Backend::Metrics),
    service(Backend::Runbooks),
    TARGET,
    RESTART_PATH,
    TOKEN_TIMER,
];

/// The first line of every file that is written here; what begins otherwise is somebody else's.
pub const MARK: &str =
    "Written by `sre-agent-deploy gateway install`, which writes it again: changes belong into a drop-in,";

/// The two files of a pair.
pub const CERTIFICATE: &str = "fullchain.pem";
/// The other one.
pub const KEY: &str = "privkey.pem";

/// What a backend may take, in bytes.
const MEMORY: u64 = 512 << 20;
/// Its threads: a pool of forty, and its own.
const TASKS: u64 = 128;
/// What is exchanged, is so within moments; and the old link or key is not to be taken for the new one.
const SETTLED: &str = "2";
/// How often a token is fetched, in minutes, and the moments: each divides the hour.
const MOMENTS: [(u32, &str); 10] = [
    (20, "*-*-* *:00/20:00"),
    (15, "*-*-* *:00/15:00"),
    (12, "*-*-* *:00/12:00"),
    (10, "*-*-* *:00/10:00"),
    (6, "*-*-* *:00/6:00"),
    (5, "*-*-* *:00/5:00"),
    (4, "*-*-* *:00/4:00"),
    (3, "*-*-* *:00/3:00"),
    (2, "*-*-* *:00/2:00"),
    (1, "*-*-* *:*:00"),
];

/// The unit of a backend.
pub const fn service(backend: Backend) -> &'static str {
    match backend {
        Backend::K8s => "sre-agent-backend-k8s.service",
        Backend::Logs => "sre-agent-backend-logs.service",
        Backend::Metrics => "sre-agent-backend-metrics.service",
        Backend::Runbooks => "sre-agent-backend-runbooks.service",
    }
}

/// What the units depend on.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where everything lies.
    pub layout: Layout,
    /// As `systemctl --version` says.
    pub systemd_version: u32,
    /// The sample's folder.
    pub dir: UnitPath,
    /// The Python of its environment.
    pub python: ProgramPath,
    /// What that Python needs of people's homes, apart from the sample's folder.
    pub of_homes: Vec<UnitPath>,
    /// The folder that holds certificate and key.
    pub pair: UnitPath,
    /// The folder in which something is exchanged when they are renewed.
    pub watched: UnitPath,
    /// Where the backends listen.
    pub address: IpAddr,
    /// User and group that own the sample's folder.
    pub owner: (u32, u32),
    /// Where the deployment's state is.
    pub state_file: UnitPath,
    /// How long a token lives, in minutes.
    pub token_minutes: u32,
    /// Whether there is a unit that tells of failures.
    pub tells: bool,
}

/// All units, in an order in which they can be written, enabled and started.
pub fn all(setup: &Setup) -> Vec<UnitFile> {
    let mut files: Vec<UnitFile> =
        Backend::ALL.into_iter().map(|one| file(setup, service(one), &backend(setup, one))).collect();
    files.extend([
        file(setup, TARGET, &target(setup)),
        file(setup, RESTART_SERVICE, &restart(setup)),
        file(setup, RESTART_PATH, &watch(setup)),
        file(setup, TOKEN_SERVICE, &token(setup)),
        file(setup, TOKEN_TIMER, &timer(setup)),
    ]);
    files
}

fn file(setup: &Setup, name: &str, unit: &Unit) -> UnitFile {
    let is_enabled = ENABLED.contains(&name);
    UnitFile { name: name.to_owned(), text: unit.render(setup.systemd_version), is_enabled }
}

fn begun(setup: &Setup) -> Unit {
    let second = format!("which survives: `systemctl edit UNIT`. For systemd {}.", setup.systemd_version);
    Unit::new(&[MARK, &second])
}

/// How often a token is fetched: three times in its life, and at least every twenty minutes.
pub fn token_interval(token_minutes: u32) -> u32 {
    moment(token_minutes).0
}

fn moment(token_minutes: u32) -> (u32, &'static str) {
    let third = token_minutes / 3;
    let last = (1, "*-*-* *:*:00");
    MOMENTS.into_iter().find(|(minutes, _)| *minutes <= third).unwrap_or(last)
}

/// A folder below the sample's.
fn below(dir: &UnitPath, path: &str) -> UnitPath {
    UnitPath::known(&dir.as_path().join(path))
}

fn backend(setup: &Setup, backend: Backend) -> Unit {
    let server = format!("{}_server.py", backend.name());
    let arguments = [
        Word::Literal(server),
        "--host".into(),
        Word::Literal(setup.address.to_string()),
        "--ssl-keyfile".into(),
        Word::Credential(KEY),
        "--ssl-certfile".into(),
        Word::Credential(CERTIFICATE),
    ];
    let credential =
        |name: &'static str| D::LoadCredential(Credential { name, path: below(&setup.pair, name) });
    let seen = std::iter::once(&setup.dir).chain(&setup.of_homes);
    let seen: Vec<PathRule> = seen.cloned().map(PathRule::Must).collect();
    let title = format!("The SRE agent's backend for {}, port {}", backend.title(), backend.port());
    begun(setup)
        .with(D::Description(Text(title)))
        .with(D::Wants(Names(vec!["network-online.target"])))
        .with(D::After(Names(vec!["network-online.target"])))
        .with(D::PartOf(Names(vec![TARGET])))
        .because(
            "It ends at once where the credential provider is not there yet, and is never given up.",
            D::StartLimitIntervalSec(Span(Duration::ZERO)),
        )
        .with(D::Type(ServiceType::Exec))
        .with(D::WorkingDirectory(Place(below(&setup.dir, "backend/servers"))))
        .because(
            "Without certificate and key it would serve without TLS.",
            D::ExecStart(CommandLine::new(setup.python.clone(), arguments)),
        )
        .with(credential(CERTIFICATE))
        .with(credential(KEY))
        .because(
            "What it says is in the log at once, and it writes no compiled files.",
            D::Environment(Names(vec!["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"])),
        )
        .because(
            "Also when it was told to end by others than systemd, as the sample's own stop script does.",
            D::Restart(Restart::Always),
        )
        .with(D::RestartSec(Span(Duration::from_secs(10))))
        .with(D::RestartSteps(Count(5)))
        .with(D::RestartMaxDelaySec(Span(Duration::from_mins(1))))
        .because(
            "Clients have this long to get their answers.",
            D::TimeoutStopSec(Span(Duration::from_secs(15))),
        )
        .with(D::DynamicUser(Switch(true)))
        .with(D::MemoryMax(Bytes(MEMORY)))
        .with(D::TasksMax(Count(TASKS)))
        .with(D::LimitCORE(Count(0)))
        .with(D::CapabilityBoundingSet(Capabilities(Vec::new())))
        .with(D::AmbientCapabilities(Capabilities(Vec::new())))
        .with(hardening::online())
        .because("Of people's homes it sees the sample and its Python.", D::ProtectHome(Home::Bare))
        .with(D::BindReadOnlyPaths(Paths(seen)))
        .with(D::PrivateTmp(PrivateTmp::Disconnected))
        .with(D::PrivateDevices(Switch(true)))
        .with(D::PrivateUsers(Switch(true)))
        .with(D::PrivateIPC(Switch(true)))
        .with_all(hardening::common())
        .with(D::WantedBy(Names(vec![TARGET])))
}

fn target(setup: &Setup) -> Unit {
    begun(setup)
        .with(D::Description(Text("The SRE agent's backends".to_owned())))
        .with(D::WantedBy(Names(vec!["multi-user.target"])))
}

fn restart(setup: &Setup) -> Unit {
    let sleep = CommandLine::new(ProgramPath::known("/bin/sleep".as_ref()), [SETTLED.into()]);
    let systemctl = CommandLine::new(
        ProgramPath::known("/bin/systemctl".as_ref()),
        ["--no-block".into(), "try-restart".into(), TARGET.into()],
    );
    begun(setup)
        .with(D::Description(Text(
            "Start the SRE agent's backends again with the new certificate".to_owned(),
        )))
        .with(D::Type(ServiceType::Oneshot))
        .because(
            "Certificate and key are exchanged in several steps. What changes meanwhile is included.",
            D::ExecStartPre(sleep),
        )
        .with(D::ExecStart(systemctl))
        .with(D::CapabilityBoundingSet(Capabilities(Vec::new())))
        .with_all(hardening::offline())
        .with(D::ProtectHome(Home::Hidden))
        .with(D::PrivateTmp(PrivateTmp::Disconnected))
        .with(D::PrivateDevices(Switch(true)))
        .with(D::PrivateUsers(Switch(true)))
        .with(D::PrivateIPC(Switch(true)))
        .with(D::LimitCORE(Count(0)))
        .with_all(hardening::common())
}

fn watch(setup: &Setup) -> Unit {
    begun(setup)
        .with(D::Description(Text(
            "Notice that the certificate of the SRE agent's backends was renewed".to_owned(),
        )))
        .with(D::PathChanged(Place(setup.watched.clone())))
        .with(D::WantedBy(Names(vec!["paths.target"])))
}

fn token(setup: &Setup) -> Unit {
    let program = ProgramPath::known(&setup.layout.agent_program());
    let text = |path: &UnitPath| Word::Literal(path.as_path().to_string_lossy().into_owned());
    let arguments: Vec<Word> = vec![
        "gateway".into(),
        "token".into(),
        "--dir".into(),
        text(&setup.dir),
        "--state-file".into(),
        text(&setup.state_file),
    ];
    let (user, group) = setup.owner;
    let unit = begun(setup)
        .with(D::Description(Text("Fetch a token for the SRE agent".to_owned())))
        .with(D::Wants(Names(vec!["network-online.target"])))
        .with(D::After(Names(vec!["network-online.target"])));
    let unit = if setup.tells { unit.with(tells()) } else { unit };
    let unit = unit
        .with(D::Type(ServiceType::Oneshot))
        .with(D::ExecStart(CommandLine::new(program, arguments)))
        .with(D::TimeoutStartSec(Span(Duration::from_mins(3))))
        .because("Who owns the sample's folder.", D::User(Owner::Number(user)))
        .because("Who owns the sample's folder.", D::Group(Owner::Number(group)))
        .with(D::CapabilityBoundingSet(Capabilities(Vec::new())))
        .because(
            "The token, and nothing else.",
            D::ReadWritePaths(Paths(vec![
                PathRule::Must(below(&setup.dir, "gateway")),
                PathRule::Must(below(&setup.dir, "sre_agent")),
            ])),
        )
        .with(hardening::online())
        .because("State file, settings of AWS's tools.", D::ProtectHome(Home::ReadOnly));
    let of_token = [&setup.dir, &setup.state_file];
    let is_in = |folder: &str| of_token.iter().any(|path| path.as_path().starts_with(folder));
    // What lies there would be gone.
    let unit = if is_in("/tmp") || is_in("/var/tmp") {
        unit
    } else {
        unit.with(D::PrivateTmp(PrivateTmp::Disconnected))
    };
    unit.with(D::PrivateDevices(Switch(true)))
        .with(D::PrivateUsers(Switch(true)))
        .with(D::PrivateIPC(Switch(true)))
        .with(D::LimitCORE(Count(0)))
        .with_all(hardening::common())
}

fn timer(setup: &Setup) -> Unit {
    let (_, moments) = moment(setup.token_minutes);
    begun(setup)
        .with(D::Description(Text("Keep the SRE agent's token fresh".to_owned())))
        .with(D::OnActiveSec(Span(Duration::from_secs(1))))
        .because(
            "Three times in the life of a token, at least every 20 minutes.",
            D::OnCalendar(Calendar(moments)),
        )
        .with(D::Persistent(Switch(true)))
        .with(D::WantedBy(Names(vec!["timers.target"])))
}
