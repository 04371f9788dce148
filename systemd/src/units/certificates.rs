//! The certificate check: a service that may read every certificate, and its timer. `host install` and
//! `check certs --install-timer` write the same two.

use std::path::Path;
use std::time::Duration;

use super::{CHECK_SERVICE, Setup, hardening, head, tells};
use crate::layout::Program;
use crate::unit::Directive as D;
use crate::unit::{
    Calendar, Capabilities, Capability, CommandLine, Count, ExitStatuses, Home, Names, PathRule, Paths,
    PrivateTmp, ServiceType, Span, Switch, Text, Unit, Word,
};
use crate::words::{ProgramPath, UnitPath};

/// What the service has to be able to do.
#[derive(Debug, Clone)]
pub struct Check {
    /// The program.
    pub program: ProgramPath,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Files, folders and patterns that it reads.
    pub reads: Vec<UnitPath>,
    /// The file that it writes.
    pub writes: Option<UnitPath>,
    /// Whether it talks to anybody.
    pub has_network: bool,
    /// Whether there is a unit that tells of failures.
    pub tells: bool,
}

/// The service, beginning with these comments.
pub fn service(check: &Check, head: &[&str]) -> Unit {
    let touches = |folder: &str| {
        let files = check.reads.iter().chain(&check.writes).map(UnitPath::as_path);
        files.chain([check.program.as_path()]).any(|path| path.starts_with(folder))
    };
    let name = CHECK_SERVICE.strip_suffix(".service").unwrap_or(CHECK_SERVICE);
    let mut unit =
        Unit::new(head).with(D::Description(Text("Check certificates before they expire".to_owned())));
    if check.has_network {
        unit = unit
            .with(D::Wants(Names(vec!["network-online.target"])))
            .with(D::After(Names(vec!["network-online.target"])));
    }
    if check.tells {
        unit = unit.with(tells());
    }
    let arguments = check.arguments.iter().map(|text| Word::Literal(text.clone()));
    unit = unit
        .with(D::Type(ServiceType::Oneshot))
        .with(D::ExecStart(CommandLine::new(check.program.clone(), arguments)))
        .because(
            "Warnings are in the log, and no failure of the unit.",
            D::SuccessExitStatus(ExitStatuses(vec![6])),
        )
        .with(D::TimeoutStartSec(Span(Duration::from_mins(15))))
        .because("One run at a time.", D::RuntimeDirectory(Names(vec![name])));
    unit = if let Some(file) = &check.writes {
        let folder = file.as_path().parent().unwrap_or(Path::new("/"));
        unit.because(
            "As root, since the folder of the result belongs to somebody else; but with these rights only.",
            D::CapabilityBoundingSet(Capabilities(vec![Capability::DacReadSearch, Capability::DacOverride])),
        )
        .with(D::ReadWritePaths(Paths(vec![PathRule::Must(UnitPath::known(folder))])))
    } else {
        let why = "A user of its own that may read every certificate, and nothing else.";
        let right = || Capabilities(vec![Capability::DacReadSearch]);
        unit.because(why, D::DynamicUser(Switch(true)))
            .because(why, D::CapabilityBoundingSet(right()))
            .because(why, D::AmbientCapabilities(right()))
    };
    unit =
        if check.has_network { unit.with(hardening::online()) } else { unit.with_all(hardening::offline()) };
    let is_at_home = ["/home", "/root", "/run/user"].into_iter().any(touches);
    unit = unit.with(D::ProtectHome(if is_at_home { Home::ReadOnly } else { Home::Hidden }));
    // What lies there would be gone.
    if !touches("/tmp") && !touches("/var/tmp") {
        unit = unit.with(D::PrivateTmp(PrivateTmp::Disconnected));
    }
    if !touches("/dev") {
        unit = unit.with(D::PrivateDevices(Switch(true)));
    }
    unit.with(D::PrivateIPC(Switch(true))).with(D::LimitCORE(Count(0))).with_all(hardening::common())
}

/// The timer: every six hours, spread over an hour, and made up for after the machine was off.
pub fn timer(head: &[impl AsRef<str>]) -> Unit {
    let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
    Unit::new(&head)
        .with(D::Description(Text("Check certificates every six hours".to_owned())))
        .with(D::OnCalendar(Calendar("*-*-* 00/6:00:00")))
        .with(D::RandomizedDelaySec(Span(Duration::from_hours(1))))
        .with(D::FixedRandomDelay(Switch(true)))
        .with(D::Persistent(Switch(true)))
        .with(D::WantedBy(Names(vec!["timers.target"])))
}

/// The check of the pair that this host serves.
pub(super) fn of_host(setup: &Setup) -> Unit {
    let certificate = setup.layout.live_pair().join("fullchain.pem");
    let arguments = ["check", "certs", "--file", &certificate.to_string_lossy(), "--quiet", "--lock"];
    let check = Check {
        program: ProgramPath::known(&setup.layout.program(Program::Deploy)),
        arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
        reads: vec![UnitPath::known(&certificate)],
        writes: None,
        has_network: false,
        tells: true,
    };
    let head = head(setup);
    service(&check, &[&head[0], &head[1]])
}
