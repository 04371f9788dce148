//! What stands behind the equals sign: a type for each kind of value, and the only place that spells it.

use std::time::Duration;

use crate::words::{self, ProgramPath, UnitPath};

/// A value that has a spelling.
pub(super) trait Setting {
    /// Its spelling for a version of systemd; none where that version has nothing like it.
    fn text(&self, systemd_version: u32) -> Option<String>;
}

/// Words of the manual that take the place of free text.
macro_rules! keywords {
    ($($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $text:literal $(since $since:literal else $older:literal)?,)* })*) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $type { $($(#[$doc])* $name,)* }

            impl $type {
                /// Its spelling.
                fn word(self, systemd_version: u32) -> &'static str {
                    let (text, younger): (&'static str, &[(u32, &'static str)]) = match self {
                        $(Self::$name => ($text, &[$(($since, $older))?]),)*
                    };
                    younger.iter().find(|(since, _)| systemd_version < *since).map_or(text, |(_, older)| *older)
                }
            }

            impl Setting for $type {
                fn text(&self, systemd_version: u32) -> Option<String> {
                    Some(self.word(systemd_version).to_owned())
                }
            }
        )*
    };
}

keywords! {
    /// `Type=`
    ServiceType {
        /// It says itself when it can answer (`sd_notify(3)`).
        Notify = "notify",
        /// As soon as its program runs.
        Exec = "exec",
        /// It does one thing and ends.
        Oneshot = "oneshot",
    }
    /// `Restart=`
    Restart {
        /// However it ended, unless with success or on request.
        OnFailure = "on-failure",
        /// However it ended, unless on request (`systemctl stop`).
        Always = "always",
    }
    /// `ProtectSystem=`
    System {
        /// All of it.
        Strict = "strict",
    }
    /// `ProtectHome=`
    Home {
        /// Empty.
        Hidden = "yes",
        /// Read only.
        ReadOnly = "read-only",
        /// Empty, apart from what is bound into it.
        Bare = "tmpfs",
    }
    /// `PrivateTmp=`
    PrivateTmp {
        /// In memory, and part of no other file system.
        Disconnected = "disconnected" since 257 else "yes",
    }
    /// `ProtectControlGroups=`
    ControlGroups {
        /// Read only, and only its own.
        Strict = "strict" since 257 else "yes",
    }
    /// `ProtectProc=`
    Proc {
        /// Of others not even the number.
        Invisible = "invisible",
    }
    /// `ProcSubset=`
    ProcSubset {
        /// Processes only.
        Pid = "pid",
    }
    /// `KeyringMode=`
    Keyring {
        /// One of its own.
        Private = "private",
    }
    /// `SystemCallErrorNumber=`
    ErrorNumber {
        /// Not permitted.
        Eperm = "EPERM",
    }
    /// `IPAddressDeny=`
    Addresses {
        /// All.
        Any = "any",
    }
    /// `BindIPv6Only=`
    TwoStack {
        /// One socket for both.
        Both = "both",
    }
    /// A signal.
    Signal {
        /// End.
        Term = "SIGTERM",
    }
    /// A right of root: capabilities(7).
    Capability {
        /// Reads any file.
        DacReadSearch = "CAP_DAC_READ_SEARCH",
        /// Writes any file.
        DacOverride = "CAP_DAC_OVERRIDE",
        /// Listens below port 1024.
        NetBindService = "CAP_NET_BIND_SERVICE",
    }
    /// A kind of socket.
    Family {
        /// IPv4.
        Inet = "AF_INET",
        /// IPv6.
        Inet6 = "AF_INET6",
        /// Of this machine.
        Unix = "AF_UNIX",
        /// Questions to the kernel, such as which addresses this machine has.
        Netlink = "AF_NETLINK",
    }
}

/// `yes` or `no`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch(pub bool);

/// A sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

/// Names of units, users, folders and the like, which never need an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<&'static str>);

/// A user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// One of ours, by its name.
    Named(&'static str),
    /// Somebody whom the machine knows, by the number: their name may be one that systemd does not take.
    Number(u32),
}

/// A path that stands alone behind the equals sign, where nothing undoes quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(pub UnitPath);

/// A file that a service finds by a name in `$CREDENTIALS_DIRECTORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name.
    pub name: &'static str,
    /// The file.
    pub path: UnitPath,
}

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

/// A mode of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

/// A time span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A port on every address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports(pub u16);

/// Exit codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitStatuses(pub Vec<u8>);

/// systemd.time(7), "Calendar events".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar(pub &'static str);

/// Rights of root; none of them is a value too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(pub Vec<Capability>);

/// Kinds of sockets that are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Families(pub Vec<Family>);

/// System calls, by systemd's names for groups of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemCalls {
    /// These, and no others.
    Allow(Vec<&'static str>),
    /// Not these.
    Deny(Vec<&'static str>),
}

/// A path, and what if it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// The unit fails where it is missing.
    Must(UnitPath),
    /// It may be missing.
    May(UnitPath),
}

/// A list of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths(pub Vec<PathRule>);

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// As it is, whatever is in it.
    Literal(String),
    /// The main process of the service.
    MainPid,
    /// The path of a [`Credential`] of this name.
    Credential(&'static str),
    /// What stands behind the `@` of the unit's name.
    Instance,
    /// The name of the unit itself.
    UnitName,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: ProgramPath,
    arguments: Vec<Word>,
    is_privileged: bool,
}

impl CommandLine {
    /// A command line.
    pub fn new(program: ProgramPath, arguments: impl IntoIterator<Item = Word>) -> Self {
        Self { program, arguments: arguments.into_iter().collect(), is_privileged: false }
    }

    /// Outside of the sandbox, as root.
    #[must_use]
    pub fn privileged(self) -> Self {
        Self { is_privileged: true, ..self }
    }
}

impl Setting for CommandLine {
    fn text(&self, _: u32) -> Option<String> {
        let program = self.program.first();
        let mut out = if self.is_privileged { format!("+{program}") } else { program };
        for word in &self.arguments {
            out.push(' ');
            match word {
                Word::Literal(text) => out.push_str(&words::argument(text)),
                Word::MainPid => out.push_str("$MAINPID"),
                Word::Credential(name) => {
                    out.push_str("${CREDENTIALS_DIRECTORY}/");
                    out.push_str(name);
                }
                Word::Instance => out.push_str("%i"),
                Word::UnitName => out.push_str("%n"),
            }
        }
        Some(out)
    }
}

impl Setting for Switch {
    fn text(&self, _: u32) -> Option<String> {
        Some(if self.0 { "yes" } else { "no" }.to_owned())
    }
}

impl Setting for Text {
    fn text(&self, _: u32) -> Option<String> {
        Some(words::sentence(&self.0))
    }
}

impl Setting for Names {
    fn text(&self, _: u32) -> Option<String> {
        Some(self.0.join(" "))
    }
}

impl Setting for Owner {
    fn text(&self, _: u32) -> Option<String> {
        Some(match self {
            Self::Named(name) => (*name).to_owned(),
            Self::Number(number) => number.to_string(),
        })
    }
}

impl Setting for Place {
    fn text(&self, _: u32) -> Option<String> {
        Some(self.0.alone())
    }
}

impl Setting for Credential {
    fn text(&self, _: u32) -> Option<String> {
        Some(format!("{}:{}", self.name, self.path.alone()))
    }
}

impl Setting for Bytes {
    fn text(&self, _: u32) -> Option<String> {
        const MIB: u64 = 1 << 20;
        Some(if self.0.is_multiple_of(MIB) { format!("{}M", self.0 / MIB) } else { self.0.to_string() })
    }
}

impl Setting for Count {
    fn text(&self, _: u32) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Setting for Mode {
    fn text(&self, _: u32) -> Option<String> {
        Some(format!("{:04o}", self.0))
    }
}

impl Setting for Span {
    fn text(&self, _: u32) -> Option<String> {
        let seconds = self.0.as_secs();
        Some(match (seconds % 3600, seconds % 60, self.0.subsec_millis()) {
            _ if self.0.is_zero() => "0".to_owned(),
            _ if seconds == 0 => format!("{}ms", self.0.as_millis()),
            (0, _, 0) => format!("{}h", seconds / 3600),
            (_, 0, 0) => format!("{}min", seconds / 60),
            (_, _, 0) => format!("{seconds}s"),
            _ => format!("{}ms", self.0.as_millis()),
        })
    }
}

impl Setting for Ports {
    fn text(&self, _: u32) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Setting for ExitStatuses {
    fn text(&self, _: u32) -> Option<String> {
        let all: Vec<String> = self.0.iter().map(u8::to_string).collect();
        Some(all.join(" "))
    }
}

impl Setting for Calendar {
    fn text(&self, _: u32) -> Option<String> {
        Some(self.0.to_owned())
    }
}

impl Setting for Capabilities {
    fn text(&self, systemd_version: u32) -> Option<String> {
        let all: Vec<&str> = self.0.iter().map(|capability| capability.word(systemd_version)).collect();
        Some(all.join(" "))
    }
}

impl Setting for Families {
    fn text(&self, systemd_version: u32) -> Option<String> {
        let all: Vec<&str> = self.0.iter().map(|family| family.word(systemd_version)).collect();
        Some(all.join(" "))
    }
}

impl Setting for SystemCalls {
    fn text(&self, _: u32) -> Option<String> {
        Some(match self {
            Self::Allow(names) => names.join(" "),
            Self::Deny(names) => format!("~{}", names.join(" ")),
        })
    }
}

impl Setting for Paths {
    fn text(&self, _: u32) -> Option<String> {
        let all: Vec<String> = self
            .0
            .iter()
            .map(|rule| match rule {
                PathRule::Must(path) => path.item(),
                // The mark is part of the item, so it goes inside the quotes.
                PathRule::May(path) => match path.item().strip_prefix('"') {
                    Some(rest) => format!("\"-{rest}"),
                    None => format!("-{}", path.item()),
                },
            })
            .collect();
        Some(all.join(" "))
    }
}
