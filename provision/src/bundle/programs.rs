//! The two programs as they go to an instance: read once, digested once, and looked at for what machine they are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::config::OperatingSystem;
use model::{Finding, Severity};
use systemd::Program;

use super::{BundleError, program_path, sha256};

/// Begins every program of Linux (System V ABI, "ELF header").
const ELF: &[u8] = b"\x7fELF";
/// What names a version of glibc that a program needs.
const GLIBC: &[u8] = b"GLIBC_2.";

/// The processor that a program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Intel and AMD, 64 bits.
    X86_64,
    /// Graviton.
    Arm64,
}

impl Machine {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The target that builds programs which need nothing of the system.
    pub fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile {
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of it, lower-case hex.
    pub sha256: String,
}

/// Both programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs(BTreeMap<Program, ProgramFile>);

impl Programs {
    /// From what they hold: the proxy, and this program.
    pub fn new(proxy: Vec<u8>, deploy: Vec<u8>) -> Self {
        let file = |bytes: Vec<u8>| ProgramFile { sha256: sha256(&bytes), bytes: bytes.into() };
        Self([(Program::Proxy, file(proxy)), (Program::Deploy, file(deploy))].into())
    }

    /// Reads both from a folder.
    ///
    /// # Errors
    ///
    /// The first that is not there or cannot be read.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let read = |program: Program| {
            let path = folder.join(program.name());
            fs::read(&path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => BundleError::Missing(path.display().to_string()),
                _ => BundleError::File { path, what: "read", source },
            })
        };
        Ok(Self::new(read(Program::Proxy)?, read(Program::Deploy)?))
    }

    /// Each by its path in a bundle.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &ProgramFile)> {
        self.0.iter().map(|(program, file)| (program_path(*program), file))
    }

    /// What keeps them from running on such an instance.
    pub fn findings(&self, wanted: Machine, os: OperatingSystem) -> Vec<Finding> {
        self.0.iter().filter_map(|(program, file)| finding(*program, &file.bytes, wanted, os)).collect()
    }
}

fn finding(program: Program, bytes: &[u8], wanted: Machine, os: OperatingSystem) -> Option<Finding> {
    let build = format!(
        "build both programs for the instance, and name their folder:\n\
         cargo build --release --workspace --target {target}\n\
         --programs target/{target}/release",
        target = wanted.target()
    );
    let error = |code: &str, message: String| {
        Some(Finding::new(code, Severity::Error, "instance.type", message).hint(build.clone()))
    };
    match machine(bytes) {
        Some(found) if found == wanted => {}
        Some(found) => {
            let (name, found, wanted) = (program.name(), found.as_str(), wanted.as_str());
            return error("SRE-PLAN-017", format!("`{name}` is for {found}, and the instance is {wanted}"));
        }
        None => {
            let wanted = wanted.as_str();
            return error(
                "SRE-PLAN-017",
                format!("`{}` is no program for Linux on {wanted}", program.name()),
            );
        }
    }
    let (name, has) = match os {
        OperatingSystem::AmazonLinux2023 => ("al2023", 34),
        OperatingSystem::Ubuntu2204 => ("ubuntu-22.04", 35),
    };
    match needed_glibc(bytes) {
        Some(needs) if needs > has => error(
            "SRE-PLAN-021",
            format!("`{}` needs glibc 2.{needs}, and {name} has 2.{has}", program.name()),
        ),
        _ => None,
    }
}

/// The processor, from bytes 18 and 19 of the ELF header; none for what is no 64-bit program of either.
pub fn machine(bytes: &[u8]) -> Option<Machine> {
    // EI_CLASS 2 is 64 bits, EI_DATA 1 is little-endian.
    if !bytes.starts_with(ELF) || bytes.get(4..6) != Some(&[2, 1]) {
        return None;
    }
    match bytes.get(18..20)? {
        [62, 0] => Some(Machine::X86_64),
        [183, 0] => Some(Machine::Arm64),
        _ => None,
    }
}

/// The newest version of glibc 2 that is asked for by name; none for a program that is linked statically.
fn needed_glibc(bytes: &[u8]) -> Option<u32> {
    // The name is followed by its digits and a zero byte in the table of names; text in a program is not.
    let mut newest = None;
    let mut rest = bytes;
    while let Some(at) = rest.windows(GLIBC.len()).position(|window| window == GLIBC) {
        rest = rest.get(at.saturating_add(GLIBC.len())..).unwrap_or_default();
        let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).take(4).collect();
        let ends = matches!(rest.get(digits.len()), Some(0 | b'.'));
        let number = std::str::from_utf8(&digits).ok().and_then(|text| text.parse::<u32>().ok());
        if let (Some(number), true) = (number, ends) {
            newest = newest.max(Some(number));
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8, more: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([machine, 0]);
        bytes.extend(more);
        bytes
    }

    fn codes(proxy: &[u8], wanted: Machine, os: OperatingSystem) -> Vec<String> {
        let programs =
            Programs::new(proxy.to_vec(), elf(if wanted == Machine::Arm64 { 183 } else { 62 }, b""));
        programs.findings(wanted, os).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_program_for_another_machine_is_refused_with_the_command_that_builds_the_right_one() {
        let al2023 = OperatingSystem::AmazonLinux2023;
        assert_eq!(codes(&elf(62, b""), Machine::X86_64, al2023), [""; 0]);
        assert_eq!(codes(&elf(183, b""), Machine::Arm64, al2023), [""; 0]);
        assert_eq!(codes(&elf(62, b""), Machine::Arm64, al2023), ["SRE-PLAN-017"]);
        assert_eq!(codes(b"#!/bin/sh\n", Machine::X86_64, al2023), ["SRE-PLAN-017"]);
        assert_eq!(codes(b"\x7fELF", Machine::X86_64, al2023), ["SRE-PLAN-017"]);
        let programs = Programs::new(elf(62, b""), elf(62, b""));
        let hint = programs.findings(Machine::Arm64, al2023)[0].hint.clone().unwrap();
        assert!(hint.contains("--target aarch64-unknown-linux-musl"), "{hint}");
    }

    #[test]
    fn a_program_that_needs_a_newer_glibc_than_the_system_has_is_refused() {
        let needs = elf(62, b"..\0GLIBC_2.2.5\0GLIBC_2.35\0GLIBC_2.\0GLIBC_2.99 is text");
        assert_eq!(needed_glibc(&needs), Some(35));
        assert_eq!(codes(&needs, Machine::X86_64, OperatingSystem::AmazonLinux2023), ["SRE-PLAN-021"]);
        assert_eq!(codes(&needs, Machine::X86_64, OperatingSystem::Ubuntu2204), [""; 0]);
        assert_eq!(needed_glibc(&elf(62, b"nothing")), None);
    }

    #[test]
    fn the_program_that_tests_is_a_program_for_its_machine() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let wanted = if cfg!(target_arch = "aarch64") { Machine::Arm64 } else { Machine::X86_64 };
        assert_eq!(machine(&own), Some(wanted));
    }
}
