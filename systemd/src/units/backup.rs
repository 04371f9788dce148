//! Copies of the usage ledger, once a day.

use std::time::Duration;

use super::{Setup, begun, hardening, tells};
use crate::layout::{Program, USER};
use crate::unit::Directive as D;
use crate::unit::{
    Calendar, Capabilities, CommandLine, Count, Home, Mode, Names, Owner, PrivateTmp, ServiceType, Span,
    Switch, Text, Unit, Word,
};
use crate::words::ProgramPath;

/// How many copies are kept: two weeks.
pub const KEPT: &str = "14";

/// `sre-agent-ledger-backup.service`
pub(super) fn service(setup: &Setup) -> Unit {
    let program = ProgramPath::known(&setup.layout.program(Program::Proxy));
    let literal = |path: std::path::PathBuf| Word::Literal(path.to_string_lossy().into_owned());
    let arguments = [
        "backup".into(),
        "--config".into(),
        literal(setup.layout.proxy_config()),
        "--to".into(),
        literal(setup.layout.backups()),
        "--keep".into(),
        KEPT.into(),
    ];
    begun(setup)
        .with(D::Description(Text("Copy the usage ledger".to_owned())))
        .with(tells())
        .with(D::Type(ServiceType::Oneshot))
        .with(D::ExecStart(CommandLine::new(program, arguments)))
        .with(D::TimeoutStartSec(Span(Duration::from_mins(15))))
        .because("The proxy's user, whose ledger it is.", D::User(Owner::Named(USER)))
        .because("The proxy's user, whose ledger it is.", D::Group(Owner::Named(USER)))
        .because(
            "The ledger, and its copies, which the proxy itself can only read.",
            D::StateDirectory(Names(vec![USER, "bedrock-nova-proxy-backups"])),
        )
        .with(D::StateDirectoryMode(Mode(0o700)))
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

/// `sre-agent-ledger-backup.timer`
pub(super) fn timer(setup: &Setup) -> Unit {
    begun(setup)
        .with(D::Description(Text("Copy the usage ledger every night".to_owned())))
        .with(D::OnCalendar(Calendar("*-*-* 03:00:00")))
        .with(D::RandomizedDelaySec(Span(Duration::from_hours(1))))
        .with(D::FixedRandomDelay(Switch(true)))
        .with(D::Persistent(Switch(true)))
        .with(D::WantedBy(Names(vec!["timers.target"])))
}
