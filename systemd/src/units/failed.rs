//! The unit that others start when they have failed: one line of the highest urgency, and the operator's hook.

use std::time::Duration;

use super::{Setup, begun, hardening};
use crate::layout::{Program, USER};
use crate::unit::Directive as D;
use crate::unit::{
    Capabilities, CommandLine, Count, Home, Names, Owner, PrivateTmp, ServiceType, Span, Switch, Text, Unit,
    Word,
};
use crate::words::ProgramPath;

/// `sre-agent-failed@.service`
pub(super) fn service(setup: &Setup) -> Unit {
    let program = ProgramPath::known(&setup.layout.program(Program::Deploy));
    let told = CommandLine::new(program, ["host".into(), "failed".into(), Word::Instance]);
    begun(setup)
        .with(D::Description(Text("Say aloud that a unit has failed".to_owned())))
        .because(
            "A unit that fails over and over is told of a few times an hour.",
            D::StartLimitIntervalSec(Span(Duration::from_hours(1))),
        )
        .because("A unit that fails over and over is told of a few times an hour.", D::StartLimitBurst(Count(4)))
        .with(D::Type(ServiceType::Oneshot))
        .because(
            "One line of priority alert in the journal, then /etc/sre-agent/on-failure UNIT, where that exists.",
            D::ExecStart(told),
        )
        .because("The hook has this long.", D::TimeoutStartSec(Span(Duration::from_mins(1))))
        .because(
            "Not root, and no user made for the moment, whom the system's bus does not know everywhere. Its groups may\n\
             read the hook and the journal.",
            D::User(Owner::Named(USER)),
        )
        .with(D::Group(Owner::Named(USER)))
        .with(D::SupplementaryGroups(Names(vec!["systemd-journal"])))
        .because(
            "A unit of many instances would get a slice of its own, which nothing ever stops again.",
            D::Slice(Names(vec!["system.slice"])),
        )
        .with(D::CapabilityBoundingSet(Capabilities(Vec::new())))
        .with(hardening::online())
        .with(D::ProtectHome(Home::Hidden))
        .with(D::PrivateTmp(PrivateTmp::Disconnected))
        .with(D::PrivateDevices(Switch(true)))
        .with(D::PrivateUsers(Switch(true)))
        .with(D::PrivateIPC(Switch(true)))
        .with(D::LimitCORE(Count(0)))
        .with_all(hardening::common())
}
