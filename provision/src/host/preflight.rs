//! What keeps a machine from taking the installation. Facts in, findings out; pure.

use model::{Finding, Severity};

/// What `SELinux` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// There is none, or it is off.
    #[default]
    None,
    /// It says what it would forbid.
    Permissive,
    /// It forbids.
    Enforcing,
}

/// What is known of a machine and of what is to be installed, beside what `check host` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The user that this runs as.
    pub uid: u32,
    /// The machine, as `uname -m` says.
    pub machine: String,
    /// Folders that have to be written to and cannot be, each with the reason.
    pub unwritable: Vec<(String, String)>,
    /// Units of ours that are masked.
    pub masked: Vec<String>,
    /// What `SELinux` does.
    pub labels: Labels,
    /// Whether there is a restorecon(8).
    pub has_restorecon: bool,
    /// Each program by its name, and the machine that its ELF header is for.
    pub programs: Vec<(String, Result<String, String>)>,
    /// What the new program says of the new configuration, where it refuses it.
    pub refused_config: Option<String>,
    /// Whether an earlier run has not ended.
    pub is_unfinished: bool,
}

/// Everything that there is to say, errors first.
pub fn judge(facts: &HostFacts, program: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |finding: Finding| findings.push(finding);
    let error =
        |code: &str, subject: &str, message: String| Finding::new(code, Severity::Error, subject, message);
    if facts.uid != 0 {
        say(error("SRE-HOST-010", "user", "only root can install a service".to_owned())
            .hint(format!("run it with sudo: sudo {program} host install ...")));
    }
    // A user who is not root can write nowhere: that says nothing of the machine.
    for (path, reason) in facts.unwritable.iter().filter(|_| facts.uid == 0) {
        say(error("SRE-HOST-011", path, format!("{path} cannot be written"))
            .evidence(reason)
            .hint("see how it is mounted: findmnt -T /etc; on an image with a read-only root, install while building it"));
    }
    for unit in &facts.masked {
        say(error("SRE-HOST-012", unit, format!("{unit} is masked by an administrator"))
            .hint(format!("if it may run: systemctl unmask {unit}")));
    }
    for (name, machine) in &facts.programs {
        match machine {
            Ok(machine) if *machine == facts.machine => {}
            Ok(machine) => say(error(
                "SRE-HOST-013",
                name,
                format!("{name} is a program for {machine}, and this machine is {}", facts.machine),
            )
            .hint(format!("take the build for {}", facts.machine))),
            Err(reason) => say(error("SRE-HOST-013", name, format!("{name} is no program for Linux"))
                .evidence(reason)
                .hint("name the program itself, not an archive or a script")),
        }
    }
    if let Some(reason) = &facts.refused_config {
        say(error("SRE-HOST-019", "proxy.yaml", "the proxy does not accept its configuration".to_owned())
            .evidence(reason)
            .hint("mend it; what can be written is in docs/proxy-configuration.md"));
    }
    if facts.labels == Labels::Enforcing {
        let done = if facts.has_restorecon {
            "what is written gets the label of its place with restorecon; programs below /opt/*/bin are bin_t"
        } else {
            "restorecon is not there, so labels are those of the folders"
        };
        let severity = if facts.has_restorecon { Severity::Info } else { Severity::Warning };
        say(Finding::new("SRE-HOST-018", severity, "SELinux", "SELinux is enforcing")
            .evidence(done)
            .hint("if the service does not start: ausearch -m avc -ts recent"));
    }
    if facts.is_unfinished {
        say(Finding::new(
            "SRE-HOST-014",
            Severity::Info,
            "host",
            "an earlier try did not end; this one goes on with it",
        ));
    }
    findings
}

/// The machine that a program is for, as `uname -m` says it: from the header of its ELF file (elf(5)).
///
/// # Errors
///
/// Why it is no program.
pub fn machine_of(program: &[u8]) -> Result<String, String> {
    const MACHINE: std::ops::Range<usize> = 18..20;
    if !program.starts_with(b"\x7fELF") {
        return Err("it does not begin with the four bytes of an ELF file".to_owned());
    }
    let is_little = program.get(5) == Some(&1);
    let Some(&[low, high]) = program.get(MACHINE) else { return Err("its header is cut off".to_owned()) };
    let number = if is_little { u16::from_le_bytes([low, high]) } else { u16::from_be_bytes([low, high]) };
    Ok(match number {
        3 => "i686".to_owned(),
        40 => "armv7l".to_owned(),
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        243 => "riscv64".to_owned(),
        other => format!("machine {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> HostFacts {
        HostFacts {
            uid: 0,
            machine: "x86_64".to_owned(),
            unwritable: Vec::new(),
            masked: Vec::new(),
            labels: Labels::None,
            has_restorecon: false,
            programs: vec![("bedrock-nova-proxy".to_owned(), Ok("x86_64".to_owned()))],
            refused_config: None,
            is_unfinished: false,
        }
    }

    fn said(change: impl FnOnce(&mut HostFacts)) -> Vec<(String, Severity)> {
        let mut facts = good();
        change(&mut facts);
        judge(&facts, "sre-agent-deploy")
            .into_iter()
            .map(|finding| (finding.code, finding.severity))
            .collect()
    }

    #[test]
    fn each_fault_is_named_and_all_at_once() {
        let one = |code: &str, severity| vec![(code.to_owned(), severity)];
        assert_eq!(said(|_| {}), []);
        assert_eq!(said(|facts| facts.uid = 1000), one("SRE-HOST-010", Severity::Error));
        let read_only = ("/etc".to_owned(), "read-only".to_owned());
        assert_eq!(
            said(|facts| facts.unwritable.push(read_only.clone())),
            one("SRE-HOST-011", Severity::Error)
        );
        assert_eq!(said(|facts| facts.masked.push("x.service".into())), one("SRE-HOST-012", Severity::Error));
        assert_eq!(said(|facts| facts.machine = "aarch64".into()), one("SRE-HOST-013", Severity::Error));
        assert_eq!(
            said(|facts| facts.refused_config = Some("no".into())),
            one("SRE-HOST-019", Severity::Error)
        );
        assert_eq!(said(|facts| facts.labels = Labels::Enforcing), one("SRE-HOST-018", Severity::Warning));
        assert_eq!(said(|facts| facts.is_unfinished = true), one("SRE-HOST-014", Severity::Info));
        let all = said(|facts| {
            facts.unwritable.push(read_only);
            facts.masked.push("x.service".into());
            facts.machine = "aarch64".into();
            facts.refused_config = Some("no".into());
        });
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn the_machine_of_a_program_is_read() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(machine_of(&own).unwrap(), std::env::consts::ARCH);
        assert!(machine_of(b"#!/bin/sh\n").is_err());
        assert!(machine_of(b"\x7fELF").is_err());
        let mut arm = own[..64].to_vec();
        arm[18..20].copy_from_slice(&183_u16.to_le_bytes());
        assert_eq!(machine_of(&arm).unwrap(), "aarch64");
    }
}
