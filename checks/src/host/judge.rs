//! What the facts of a machine mean for the proxy. Pure.

use model::{Finding, Severity};

use super::CHECKS;
use super::collect::UNIT;
use super::facts::{Disk, HostFacts, Known, Memory, Port, Service, System};
use crate::engine::passed;
use crate::{CheckResult, Subject, SubjectKind};

const MIB: u64 = 1 << 20;
/// The proxy has about 70 MiB with a thousand open streams; an update and a shell need some too.
const MEMORY_WARN: u64 = 512 * MIB;
/// Below this the kernel soon ends somebody.
const MEMORY_LEAST: u64 = 128 * MIB;
/// Ledger, journal and the next version of the program.
const DISK_WARN: u64 = 2048 * MIB;
/// Below this nothing can be installed, and a ledger stops.
const DISK_LEAST: u64 = 256 * MIB;
/// Fewer files than this are soon made.
const FILES_WARN: u64 = 10_000;
/// Ubuntu 22.04 has this one.
const SYSTEMD_OLDEST: u32 = 249;
/// The name of the proxy's process, as the kernel cuts it.
const PROXY: &str = "bedrock-nova-pr";

/// Systems that the proxy is tested on: `ID`, `VERSION_ID`.
const SUPPORTED: &[(&str, &str)] = &[("amzn", "2023"), ("ubuntu", "22.04"), ("debian", "12")];

/// Judges everything; `is_wanted` says whether the proxy should run here.
pub fn judge(facts: &HostFacts, is_wanted: bool) -> CheckResult {
    let subject = "this machine";
    let parts = [
        ("SRE-HOST-003", known(&facts.system, system)),
        ("SRE-HOST-004", known(&facts.systemd, |fact| systemd(*fact))),
        ("SRE-HOST-005", known(&facts.memory, |fact| memory(*fact))),
        ("SRE-HOST-006", known(&facts.disk, |fact| disk(*fact))),
        ("SRE-HOST-007", known(&facts.is_clock_synchronised, |fact| clock(*fact))),
        ("SRE-HOST-008", known(&facts.port, |fact| port(fact, &facts.service))),
        ("SRE-HOST-009", known(&facts.service, |fact| service(fact, is_wanted))),
    ];
    let mut findings = Vec::new();
    for (code, said) in parts {
        let entry = CHECKS.iter().find(|entry| entry.code == code);
        findings.extend(match (said, entry) {
            (Said::InOrder(seen), Some(entry)) => Some(passed(entry, subject).evidence(seen)),
            (Said::NotKnown(reason), Some(entry)) => {
                let message = format!("whether {} could not be found out", entry.title);
                let finding = Finding::new(code, Severity::Unknown, subject, message);
                Some(finding.evidence(reason).hint("run it on the host itself, as root"))
            }
            (Said::Finding { severity, message, seen, hint }, _) => {
                Some(Finding::new(code, severity, subject, message).evidence(seen).hint(hint))
            }
            // Each code stands in the table.
            (Said::InOrder(_) | Said::NotKnown(_), None) => None,
        });
    }
    CheckResult::new(Subject::new(SubjectKind::Host, subject), Vec::new(), findings)
}

enum Said {
    /// In order; what was seen.
    InOrder(String),
    /// There is no such fact; why.
    NotKnown(String),
    /// Not in order, or not understood.
    Finding { severity: Severity, message: String, seen: String, hint: String },
}

fn said(severity: Severity, message: &str, seen: impl Into<String>, hint: impl Into<String>) -> Said {
    Said::Finding { severity, message: message.to_owned(), seen: seen.into(), hint: hint.into() }
}

fn known<T>(fact: &Known<T>, judged: impl FnOnce(&T) -> Said) -> Said {
    match fact {
        Ok(fact) => judged(fact),
        Err(reason) => Said::NotKnown(reason.clone()),
    }
}

fn mib(bytes: u64) -> u64 {
    bytes.checked_div(MIB).unwrap_or_default()
}

fn system(system: &System) -> Said {
    let seen = if system.name.is_empty() {
        format!("{} {}", system.id, system.version)
    } else {
        system.name.clone()
    };
    let is_supported = SUPPORTED.iter().any(|(id, version)| system.id == *id && system.version == *version);
    if is_supported {
        return Said::InOrder(seen);
    }
    said(
        Severity::Warning,
        "the proxy is not tested on this operating system",
        seen,
        "use Amazon Linux 2023, Ubuntu 22.04 or Debian 12: `instance.os` in the configuration",
    )
}

fn systemd(version: Option<u32>) -> Said {
    match version {
        Some(version) if version >= SYSTEMD_OLDEST => Said::InOrder(format!("systemd {version}")),
        Some(version) => said(
            Severity::Error,
            "systemd is too old for the proxy's units",
            format!("systemd {version}, and {SYSTEMD_OLDEST} is the oldest that works"),
            "use Amazon Linux 2023, Ubuntu 22.04 or Debian 12",
        ),
        None => said(
            Severity::Error,
            "systemd does not run this machine",
            "there is no /run/systemd/system",
            "run this on the host itself and not in a container; the proxy is installed as a systemd service",
        ),
    }
}

fn memory(memory: Memory) -> Said {
    let Memory { total, available } = memory;
    let seen = format!("{} of {} MiB available", mib(available), mib(total));
    let hint = "see what takes it: `ps -eo rss,comm --sort=-rss | head`; or take a larger `instance.type`";
    match available {
        available if available < MEMORY_LEAST => {
            said(Severity::Error, "there is too little memory for the proxy", seen, hint)
        }
        available if available < MEMORY_WARN => said(Severity::Warning, "memory is short", seen, hint),
        _ => Said::InOrder(seen),
    }
}

fn disk(disk: Disk) -> Said {
    let seen = format!("{} of {} MiB free", mib(disk.free), mib(disk.size));
    let hint = "see what takes it: `sudo du -xh --max-depth=2 / | sort -h | tail`; logs: `sudo journalctl --vacuum-size=200M`";
    if disk.free < DISK_LEAST {
        return said(Severity::Error, "the disk is full", seen, hint);
    }
    if let Some(files) = disk.files_free.filter(|files| *files < FILES_WARN) {
        let seen = format!("{files} inodes free");
        return said(
            Severity::Warning,
            "the disk has room, but few more files can be made",
            seen,
            "find the folder with most files: `sudo du -x --inodes / | sort -n | tail`",
        );
    }
    if disk.free < DISK_WARN {
        return said(Severity::Warning, "the disk is nearly full", seen, hint);
    }
    Said::InOrder(seen)
}

fn clock(is_synchronised: bool) -> Said {
    if is_synchronised {
        return Said::InOrder("NTPSynchronized=yes".to_owned());
    }
    said(
        Severity::Warning,
        "the clock is not synchronised; tokens, signatures and certificates depend on it",
        "NTPSynchronized=no",
        "switch it on: `sudo timedatectl set-ntp true`; on AWS the server is 169.254.169.123",
    )
}

fn port(port: &Port, service: &Known<Service>) -> Said {
    let names = match port {
        Port::Free => return Said::InOrder("nobody listens on port 443".to_owned()),
        Port::Taken(names) => names,
    };
    let is_active = service.as_ref().is_ok_and(|service| service.active == "active");
    let seen = format!("listening on port 443: {}", names.join(", "));
    // With socket activation systemd holds the socket too.
    if !names.is_empty() && names.iter().all(|name| name == PROXY || (name == "systemd" && is_active)) {
        return Said::InOrder(seen);
    }
    if names.is_empty() {
        return said(
            Severity::Unknown,
            "somebody listens on port 443, and it cannot be seen who",
            "its process is another user's",
            "look as root: `sudo ss -ltnp 'sport = :443'`",
        );
    }
    said(
        Severity::Error,
        "another program has port 443",
        seen,
        "see which: `sudo ss -ltnp 'sport = :443'`; stop it: `sudo systemctl disable --now NAME`",
    )
}

fn service(service: &Service, is_wanted: bool) -> Said {
    let Service { load, active, sub, result, restarts } = service;
    let seen = format!("{UNIT}: {load}, {active} ({sub}), result {result}, {restarts} restarts");
    let log = format!("see why: `sudo journalctl -u {UNIT} -e`");
    match (load.as_str(), active.as_str()) {
        ("not-found", _) if is_wanted => said(
            Severity::Warning,
            "the proxy is not installed as a service",
            seen,
            "install it: `sudo sre-agent-deploy host install --config FILE`",
        ),
        ("not-found", _) => Said::InOrder("not installed, and not wanted here".to_owned()),
        ("loaded", "active") if *restarts > 0 => {
            said(Severity::Warning, "the proxy runs, but it was restarted after failures", seen, log)
        }
        ("loaded", "active") => Said::InOrder(seen),
        ("loaded", "activating" | "reloading") => said(Severity::Warning, "the proxy is starting", seen, log),
        ("loaded", "failed") => said(Severity::Error, "the proxy's service failed", seen, log),
        ("loaded", "inactive" | "deactivating") => said(
            Severity::Error,
            "the proxy's service does not run",
            seen,
            format!("start it: `sudo systemctl enable --now {UNIT}`"),
        ),
        _ => said(Severity::Unknown, "the state of the proxy's service is not understood", seen, log),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Status;

    fn good() -> HostFacts {
        HostFacts {
            system: Ok(System {
                id: "amzn".into(),
                version: "2023".into(),
                name: "Amazon Linux 2023".into(),
            }),
            systemd: Ok(Some(252)),
            memory: Ok(Memory { total: 16_384 * MIB, available: 15_000 * MIB }),
            disk: Ok(Disk { free: 40_000 * MIB, size: 50_000 * MIB, files_free: Some(3_000_000) }),
            is_clock_synchronised: Ok(true),
            port: Ok(Port::Taken(vec![PROXY.to_owned()])),
            service: Ok(Service {
                load: "loaded".into(),
                active: "active".into(),
                sub: "running".into(),
                result: "success".into(),
                restarts: 0,
            }),
        }
    }

    fn worst(facts: &HostFacts) -> (String, Severity) {
        let result = judge(facts, true);
        (result.findings[0].code.clone(), result.findings[0].severity)
    }

    #[test]
    fn a_good_machine_passes_every_check() {
        let result = judge(&good(), true);
        assert_eq!((result.status, result.findings.len()), (Status::Ok, CHECKS.len()));
    }

    #[test]
    fn each_fault_is_named() {
        let mut ubuntu = good();
        ubuntu.system = Ok(System { id: "ubuntu".into(), version: "20.04".into(), name: String::new() });
        assert_eq!(worst(&ubuntu), ("SRE-HOST-003".to_owned(), Severity::Warning));
        let systemd = |systemd| HostFacts { systemd, ..good() };
        assert_eq!(worst(&systemd(Ok(None))), ("SRE-HOST-004".to_owned(), Severity::Error));
        assert_eq!(worst(&systemd(Ok(Some(248)))), ("SRE-HOST-004".to_owned(), Severity::Error));
        assert_eq!(worst(&systemd(Err("x".into()))), ("SRE-HOST-004".to_owned(), Severity::Unknown));
        let memory =
            |available| HostFacts { memory: Ok(Memory { total: 16_384 * MIB, available }), ..good() };
        assert_eq!(worst(&memory(MEMORY_LEAST - 1)), ("SRE-HOST-005".to_owned(), Severity::Error));
        assert_eq!(worst(&memory(MEMORY_WARN - 1)), ("SRE-HOST-005".to_owned(), Severity::Warning));
        assert_eq!(judge(&memory(MEMORY_WARN), true).status, Status::Ok);
        let disk =
            |free, files| HostFacts { disk: Ok(Disk { free, size: 1 << 40, files_free: files }), ..good() };
        assert_eq!(worst(&disk(DISK_LEAST - 1, None)), ("SRE-HOST-006".to_owned(), Severity::Error));
        assert_eq!(worst(&disk(DISK_WARN - 1, None)), ("SRE-HOST-006".to_owned(), Severity::Warning));
        assert_eq!(worst(&disk(DISK_WARN, Some(5))), ("SRE-HOST-006".to_owned(), Severity::Warning));
        assert_eq!(judge(&disk(DISK_WARN, None), true).status, Status::Ok);
        let clock = HostFacts { is_clock_synchronised: Ok(false), ..good() };
        assert_eq!(worst(&clock), ("SRE-HOST-007".to_owned(), Severity::Warning));
        let port = |names: &[&str]| HostFacts {
            port: Ok(Port::Taken(names.iter().map(|name| (*name).to_owned()).collect())),
            ..good()
        };
        assert_eq!(worst(&port(&["nginx"])), ("SRE-HOST-008".to_owned(), Severity::Error));
        assert_eq!(worst(&port(&[])), ("SRE-HOST-008".to_owned(), Severity::Unknown));
        assert_eq!(judge(&port(&["systemd", PROXY]), true).status, Status::Ok);
    }

    #[test]
    fn what_could_not_be_found_out_is_named() {
        let facts = HostFacts { is_clock_synchronised: Err("no timedatectl".to_owned()), ..good() };
        let result = judge(&facts, true);
        let finding = &result.findings[0];
        assert_eq!(finding.message, "whether the clock is synchronised could not be found out");
        assert_eq!(finding.evidence.as_deref(), Some("no timedatectl"));
    }

    #[test]
    fn the_service_is_only_missed_where_it_is_wanted() {
        let service = |load: &str, active: &str, restarts: u32| HostFacts {
            service: Ok(Service { load: load.into(), active: active.into(), restarts, ..Service::default() }),
            port: Ok(Port::Free),
            ..good()
        };
        assert_eq!(judge(&service("not-found", "inactive", 0), false).status, Status::Ok);
        assert_eq!(judge(&service("not-found", "inactive", 0), true).status, Status::Warning);
        assert_eq!(judge(&service("loaded", "failed", 0), true).status, Status::Critical);
        assert_eq!(judge(&service("loaded", "inactive", 0), true).status, Status::Critical);
        assert_eq!(judge(&service("loaded", "active", 2), true).status, Status::Warning);
        assert_eq!(judge(&service("masked", "inactive", 0), true).status, Status::Unknown);
    }

    proptest! {
        #[test]
        fn every_check_says_something(available: u64, free: u64, files: Option<u64>, version: Option<u32>, word in ".{0,9}") {
            let facts = HostFacts {
                system: Ok(System { id: word.clone(), version: word.clone(), name: word.clone() }),
                systemd: Ok(version),
                memory: Ok(Memory { total: available, available }),
                disk: Ok(Disk { free, size: free, files_free: files }),
                is_clock_synchronised: Err(word.clone()),
                port: Ok(Port::Taken(vec![word.clone()])),
                service: Ok(Service { load: word.clone(), active: word, ..Service::default() }),
            };
            let result = judge(&facts, true);
            prop_assert_eq!(result.findings.len(), CHECKS.len());
            prop_assert!(result.status != Status::Ok);
        }
    }
}
