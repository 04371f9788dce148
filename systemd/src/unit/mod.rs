//! A unit as a value: directives with their reasons, rendered for one version of systemd.

mod directive;
mod value;

use std::fmt::Write as _;

pub use directive::{Directive, Section};
pub use value::{
    Addresses, Bytes, Calendar, Capabilities, Capability, CommandLine, ControlGroups, Count, Credential,
    ErrorNumber, ExitStatuses, Families, Family, Home, Keyring, Mode, Names, Owner, PathRule, Paths, Place,
    Ports, PrivateTmp, Proc, ProcSubset, Restart, ServiceType, Signal, Span, Switch, System, SystemCalls,
    Text, TwoStack, Word,
};

/// The oldest systemd that the units are written for: Ubuntu 22.04's.
pub const OLDEST: u32 = 249;

/// What is written for a unit, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    head: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    directive: Directive,
    /// Instead of what the directive is for in general.
    why: Option<String>,
}

impl Unit {
    /// A unit whose file begins with these lines, which are comments.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|line| (*line).to_owned()).collect(), lines: Vec::new() }
    }

    /// Adds a directive; its section follows from it.
    #[must_use]
    pub fn with(mut self, directive: Directive) -> Self {
        self.lines.push(Line { directive, why: None });
        self
    }

    /// Adds a directive for a reason of its own.
    #[must_use]
    pub fn because(mut self, why: &str, directive: Directive) -> Self {
        self.lines.push(Line { directive, why: Some(why.to_owned()) });
        self
    }

    /// Adds all of them.
    #[must_use]
    pub fn with_all(mut self, directives: impl IntoIterator<Item = Directive>) -> Self {
        self.lines.extend(directives.into_iter().map(|directive| Line { directive, why: None }));
        self
    }

    /// The directives, in order.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.lines.iter().map(|line| &line.directive)
    }

    /// The text of the file for this version of systemd: what it does not know yet is left out.
    pub fn render(&self, systemd_version: u32) -> String {
        let mut out = String::new();
        for line in &self.head {
            let _ = writeln!(out, "# {line}");
        }
        for section in Section::ALL {
            let lines: Vec<(&Line, String)> = self
                .lines
                .iter()
                .filter(|line| line.directive.section() == section)
                .filter_map(|line| Some((line, line.directive.value(systemd_version)?)))
                .collect();
            if lines.is_empty() {
                continue;
            }
            if !out.is_empty() {
                out.push('\n');
            }
            let _ = writeln!(out, "[{}]", section.name());
            // A reason that holds for several lines is said once.
            let mut said = None;
            for (line, value) in lines {
                let why = line.why.as_deref().unwrap_or(line.directive.why());
                if said != Some(why) {
                    for part in why.lines() {
                        let _ = writeln!(out, "# {part}");
                    }
                    said = Some(why);
                }
                let _ = writeln!(out, "{}={value}", line.directive.name());
            }
        }
        out
    }
}
