//! What none of our services ever needs, so that none of them has it.

use crate::unit::Directive as D;
use crate::unit::{
    Addresses, ControlGroups, ErrorNumber, Families, Family, Keyring, Mode, Names, Proc, ProcSubset, Switch,
    System, SystemCalls,
};

/// For a service of any kind.
pub(super) fn common() -> Vec<D> {
    vec![
        D::ProtectSystem(System::Strict),
        D::PrivateMounts(Switch(true)),
        D::ProtectHostname(Switch(true)),
        D::ProtectClock(Switch(true)),
        D::ProtectKernelTunables(Switch(true)),
        D::ProtectKernelModules(Switch(true)),
        D::ProtectKernelLogs(Switch(true)),
        D::ProtectControlGroups(ControlGroups::Strict),
        D::ProtectProc(Proc::Invisible),
        D::ProcSubset(ProcSubset::Pid),
        D::NoNewPrivileges(Switch(true)),
        D::RestrictNamespaces(Switch(true)),
        D::RestrictRealtime(Switch(true)),
        D::RestrictSUIDSGID(Switch(true)),
        D::LockPersonality(Switch(true)),
        D::MemoryDenyWriteExecute(Switch(true)),
        D::RemoveIPC(Switch(true)),
        D::KeyringMode(Keyring::Private),
        D::UMask(Mode(0o077)),
        D::SystemCallArchitectures(Names(vec!["native"])),
        D::SystemCallFilter(SystemCalls::Allow(vec!["@system-service"])),
        D::SystemCallFilter(SystemCalls::Deny(vec!["@privileged", "@resources"])),
        D::SystemCallErrorNumber(ErrorNumber::Eperm),
    ]
}

/// It talks to others.
pub(super) fn online() -> D {
    D::RestrictAddressFamilies(Families(vec![Family::Inet, Family::Inet6, Family::Unix]))
}

/// It talks to nobody.
pub(super) fn offline() -> [D; 3] {
    [
        D::PrivateNetwork(Switch(true)),
        D::IPAddressDeny(Addresses::Any),
        D::RestrictAddressFamilies(Families(vec![Family::Unix])),
    ]
}
