//! The directives that our units use: one row each, with section, type, the first systemd that knows it, and what it is
//! for, which is also the comment above it in the file.

use super::value::{
    Addresses, Bytes, Calendar, Capabilities, CommandLine, ControlGroups, Count, Credential, ErrorNumber,
    ExitStatuses, Families, Home, Keyring, Mode, Names, Owner, Paths, Place, Ports, PrivateTmp, Proc,
    ProcSubset, Restart, ServiceType, Setting as _, Signal, Span, Switch, System, SystemCalls, Text,
    TwoStack,
};

/// A section of a unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Of any unit.
    Unit,
    /// Of a service.
    Service,
    /// Of a socket.
    Socket,
    /// Of a timer.
    Timer,
    /// Of a path that is watched.
    Path,
    /// What `systemctl enable` reads.
    Install,
}

impl Section {
    /// All, in the order of the file.
    pub const ALL: [Self; 6] =
        [Self::Unit, Self::Service, Self::Socket, Self::Timer, Self::Path, Self::Install];

    /// As in brackets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit => "Unit",
            Self::Service => "Service",
            Self::Socket => "Socket",
            Self::Timer => "Timer",
            Self::Path => "Path",
            Self::Install => "Install",
        }
    }
}

macro_rules! directives {
    ($($section:ident { $($name:ident($type:ty) since $since:literal: $why:literal;)* })*) => {
        /// A line of a unit.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Directive {
            $($(#[doc = $why] $name($type),)*)*
        }

        impl Directive {
            /// Before the equals sign.
            pub fn name(&self) -> &'static str {
                match self { $($(Self::$name(_) => stringify!($name),)*)* }
            }

            /// Where it stands.
            pub fn section(&self) -> Section {
                match self { $($(Self::$name(_) => Section::$section,)*)* }
            }

            /// The first version of systemd that knows it; 0 where that is older than anything we meet.
            pub fn since(&self) -> u32 {
                match self { $($(Self::$name(_) => $since,)*)* }
            }

            /// What it is for.
            pub fn why(&self) -> &'static str {
                match self { $($(Self::$name(_) => $why,)*)* }
            }

            /// Behind the equals sign; none where this version of systemd does not know it.
            pub fn value(&self, systemd_version: u32) -> Option<String> {
                if systemd_version < self.since() {
                    return None;
                }
                match self { $($(Self::$name(value) => value.text(systemd_version),)*)* }
            }
        }
    };
}

directives! {
    Unit {
        Description(Text) since 0: "What it is called in the log.";
        Documentation(Names) since 0: "Where more is said.";
        Wants(Names) since 0: "Started along with it.";
        Requires(Names) since 0: "Nothing goes without it.";
        After(Names) since 0: "Not before these.";
        PartOf(Names) since 0: "Stopped and started again along with it.";
        OnFailure(Names) since 0: "Says so aloud when this unit has failed.";
        StartLimitIntervalSec(Span) since 230: "How often it may be started.";
        StartLimitBurst(Count) since 230: "How often it may be started.";
    }
    Service {
        Type(ServiceType) since 0: "When it counts as started.";
        ExecStartPre(CommandLine) since 0: "What runs before.";
        ExecStart(CommandLine) since 0: "What runs.";
        WorkingDirectory(Place) since 0: "Where it runs.";
        Environment(Names) since 0: "What it finds in its environment.";
        LoadCredential(Credential) since 247: "A file of root's that is handed over at the start, for it alone to read.";
        ExecReload(CommandLine) since 0: "What `systemctl reload` does.";
        ExecStopPost(CommandLine) since 0: "What runs after it has ended.";
        SuccessExitStatus(ExitStatuses) since 0: "Ends that are no failure.";
        Restart(Restart) since 0: "Started again whenever it ends other than on request.";
        RestartSec(Span) since 0: "A pause before each start, so that a lasting fault costs little.";
        RestartSteps(Count) since 254: "The pause grows to its maximum in so many steps.";
        RestartMaxDelaySec(Span) since 254: "The longest pause.";
        WatchdogSec(Span) since 0: "A process that does not say in this time that it still turns is replaced.";
        TimeoutStartSec(Span) since 0: "How long it may take.";
        TimeoutStopSec(Span) since 0: "How long open answers may go on after a stop; new clients wait meanwhile.";
        KillSignal(Signal) since 0: "Which signal asks it to end.";
        User(Owner) since 0: "A user of its own, which owns nothing else.";
        Group(Owner) since 0: "The group that may read settings and certificates.";
        Slice(Names) since 0: "Which control group it is in.";
        SupplementaryGroups(Names) since 0: "Groups besides.";
        DynamicUser(Switch) since 235: "A user that exists only while this runs.";
        StateDirectory(Names) since 235: "What it keeps, below /var/lib, made before the start.";
        StateDirectoryMode(Mode) since 235: "Nobody else looks in there.";
        RuntimeDirectory(Names) since 235: "What it needs while it runs, below /run.";
        UMask(Mode) since 0: "New files are its own.";
        LimitNOFILE(Count) since 0: "Two open files for each client.";
        LimitCORE(Count) since 0: "A core file would hold keys and prompts.";
        TasksMax(Count) since 227: "No more threads than this.";
        MemoryMax(Bytes) since 231: "No more memory than this.";
        CapabilityBoundingSet(Capabilities) since 0: "The rights of root that it may ever have.";
        AmbientCapabilities(Capabilities) since 229: "The rights of root that it has.";
        NoNewPrivileges(Switch) since 187: "No program that it starts has more rights than it.";
        ProtectSystem(System) since 214: "The file system is read-only, apart from what is named.";
        ReadWritePaths(Paths) since 231: "What it writes besides.";
        ReadOnlyPaths(Paths) since 231: "What it reads only.";
        BindReadOnlyPaths(Paths) since 233: "What it sees, and reads only, of a part that is hidden otherwise.";
        InaccessiblePaths(Paths) since 231: "What it cannot see.";
        ProtectHome(Home) since 214: "No look at what belongs to people.";
        PrivateTmp(PrivateTmp) since 0: "A /tmp of its own.";
        PrivateDevices(Switch) since 209: "No devices but /dev/null and its like.";
        PrivateNetwork(Switch) since 0: "It talks to nobody.";
        PrivateUsers(Switch) since 232: "Other users of the machine do not exist for it.";
        PrivateMounts(Switch) since 239: "What it mounts is seen by nobody else.";
        PrivateIPC(Switch) since 248: "No shared memory with others.";
        ProtectHostname(Switch) since 242: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectClock(Switch) since 245: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectKernelTunables(Switch) since 232: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectKernelModules(Switch) since 232: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectKernelLogs(Switch) since 244: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectControlGroups(ControlGroups) since 232: "What belongs to the kernel is not for it to change: name, clock, parameters, modules, log, control groups.";
        ProtectProc(Proc) since 247: "Processes of others cannot be seen.";
        ProcSubset(ProcSubset) since 247: "Of /proc only the processes.";
        RestrictAddressFamilies(Families) since 211: "The kinds of sockets that it may open.";
        IPAddressDeny(Addresses) since 235: "Addresses that it cannot reach.";
        RestrictNamespaces(Switch) since 233: "No containers of its own.";
        RestrictRealtime(Switch) since 231: "It cannot take a processor for itself.";
        RestrictSUIDSGID(Switch) since 242: "It cannot leave a program behind that runs as somebody else.";
        LockPersonality(Switch) since 235: "No other system's calls.";
        MemoryDenyWriteExecute(Switch) since 231: "What was written is never run.";
        RemoveIPC(Switch) since 232: "Nothing of it stays in shared memory.";
        KeyringMode(Keyring) since 235: "No keys of the kernel shared with others.";
        SystemCallArchitectures(Names) since 209: "System calls of this machine's kind only.";
        SystemCallFilter(SystemCalls) since 187: "The system calls of an ordinary service, and no more.";
        SystemCallErrorNumber(ErrorNumber) since 209: "A call that is not allowed fails, instead of ending the process.";
        StandardOutput(Names) since 0: "Where its output goes.";
    }
    Socket {
        ListenStream(Ports) since 0: "Where clients connect.";
        BindIPv6Only(TwoStack) since 0: "IPv4 and IPv6, whatever the system's default is.";
        Backlog(Count) since 0: "Clients that wait while the service is exchanged.";
        NoDelay(Switch) since 0: "Pieces of a stream leave at once.";
        KeepAlive(Switch) since 0: "Clients that vanished are noticed.";
    }
    Timer {
        OnActiveSec(Span) since 0: "Also so long after the timer itself was started.";
        OnCalendar(Calendar) since 0: "When.";
        RandomizedDelaySec(Span) since 229: "Spread over this time, so that not all machines come at once.";
        FixedRandomDelay(Switch) since 247: "At the same moment each time.";
        Persistent(Switch) since 212: "Made up for after the machine was off.";
        AccuracySec(Span) since 0: "How exactly.";
    }
    Path {
        PathChanged(Place) since 0: "What is watched: files and links in this folder.";
    }
    Install {
        WantedBy(Names) since 0: "What starts it once it is enabled.";
    }
}
