//! What is known of a machine. Each part is a value or the reason why it is not known.

/// A fact, or why it could not be had.
pub type Known<T> = Result<T, String>;

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The operating system.
    pub system: Known<System>,
    /// The version of systemd; `None` where it does not run the machine.
    pub systemd: Known<Option<u32>>,
    /// Memory.
    pub memory: Known<Memory>,
    /// The file system of the root.
    pub disk: Known<Disk>,
    /// Whether the kernel takes its clock for synchronised.
    pub is_clock_synchronised: Known<bool>,
    /// Who listens on port 443.
    pub port: Known<Port>,
    /// The proxy's service.
    pub service: Known<Service>,
}

/// From `/etc/os-release`, os-release(5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    /// `ID`, such as `amzn`, `ubuntu`, `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `2023`, `22.04`, `12`.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
}

/// From `/proc/meminfo`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// `MemTotal`
    pub total: u64,
    /// `MemAvailable`
    pub available: u64,
}

/// From statvfs(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that may be written without being root.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
    /// Files that may be made; `None` where the file system has no fixed number of them.
    pub files_free: Option<u64>,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// Nobody.
    Free,
    /// These processes, by the name that the kernel shows; none where they are another user's.
    Taken(Vec<String>),
}

/// A systemd unit, as `systemctl show` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// `LoadState`, such as `loaded` or `not-found`.
    pub load: String,
    /// `ActiveState`, such as `active`, `inactive`, `failed`.
    pub active: String,
    /// `SubState`, such as `running`, `auto-restart`.
    pub sub: String,
    /// `Result`, such as `success`, `exit-code`, `oom-kill`.
    pub result: String,
    /// `NRestarts`
    pub restarts: u32,
}
