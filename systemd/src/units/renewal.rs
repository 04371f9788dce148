//! Renewal of the certificate: a program that runs for a moment, and its timer.

use std::time::Duration;

use super::{RenewalInterval, Setup, begun, hardening, tells};
use crate::layout::{Program, USER};
use crate::unit::Directive as D;
use crate::unit::{
    Calendar, Capabilities, Capability, CommandLine, Count, Home, Mode, Names, Owner, PathRule, Paths,
    PrivateTmp, ServiceType, Span, Switch, SystemCalls, Text, Unit,
};
use crate::words::{ProgramPath, UnitPath};

/// `sre-agent-renew.service`
pub(super) fn service(setup: &Setup) -> Unit {
    let program = ProgramPath::known(&setup.layout.program(Program::Deploy));
    let mut rights = Vec::new();
    // What is root's can be read by root without a right; what is somebody else's cannot.
    if setup.reads_of_others {
        rights.push(Capability::DacReadSearch);
    }
    if setup.answers_http {
        rights.push(Capability::NetBindService);
    }
    let needs_rights = !rights.is_empty();
    let is_in = |folder: &str| setup.renewal_reads.iter().any(|path| path.as_path().starts_with(folder));
    let home =
        if ["/home", "/root", "/run/user"].into_iter().any(is_in) { Home::ReadOnly } else { Home::Hidden };
    let unit = begun(setup)
        .with(D::Description(Text("Renew the certificate if it is due".to_owned())))
        .with(D::Wants(Names(vec!["network-online.target"])))
        .with(D::After(Names(vec!["network-online.target"])))
        .with(tells())
        .with(D::Type(ServiceType::Oneshot))
        .with(D::ExecStart(CommandLine::new(program, ["host".into(), "renew".into()])))
        .because(
            "An authority may take minutes; a run that was cut is taken up by the next.",
            D::TimeoutStartSec(Span(Duration::from_mins(15))),
        )
        .because(
            "Root, since account and keys are root's, but with hardly a right of root. What it writes is of the\n\
             proxy's group, which may read it.",
            D::Group(Owner::Named(USER)),
        )
        .with(D::CapabilityBoundingSet(Capabilities(rights)))
        .because("Account, state and certificates are what it writes.", D::StateDirectory(Names(vec!["sre-agent"])))
        .with(D::StateDirectoryMode(Mode(0o700)))
        .with(D::ReadWritePaths(Paths(vec![PathRule::Must(UnitPath::known(&setup.layout.tls()))])))
        .because("One run at a time.", D::RuntimeDirectory(Names(vec!["sre-agent-renew"])))
        .with(hardening::online())
        .with(D::ProtectHome(home))
        .with(D::PrivateIPC(Switch(true)));
    // A right holds only where it was given, which would be the private world.
    let unit = if needs_rights { unit } else { unit.with(D::PrivateUsers(Switch(true))) };
    let unit = if is_in("/tmp") || is_in("/var/tmp") {
        unit
    } else {
        unit.with(D::PrivateTmp(PrivateTmp::Disconnected))
    };
    unit.with(D::PrivateDevices(Switch(true)))
        .with(D::LimitCORE(Count(0)))
        .with_all(hardening::common())
        .because(
            "It gives files to the proxy's group, which is its own group too.",
            D::SystemCallFilter(SystemCalls::Allow(vec!["@chown"])),
        )
}

/// `sre-agent-renew.timer`
pub(super) fn timer(setup: &Setup) -> Unit {
    let (when, spread) = match setup.renewal_interval {
        RenewalInterval::TwiceADay => ("*-*-* 00/12:00:00", Duration::from_hours(1)),
        RenewalInterval::Hourly => ("*-*-* *:00:00", Duration::from_mins(10)),
    };
    begun(setup)
        .with(D::Description(Text("Look whether the certificate is due".to_owned())))
        .because("It is renewed when it is due, not each time.", D::OnCalendar(Calendar(when)))
        .with(D::RandomizedDelaySec(Span(spread)))
        .with(D::FixedRandomDelay(Switch(true)))
        .with(D::Persistent(Switch(true)))
        .with(D::WantedBy(Names(vec!["timers.target"])))
}
