//! What the kernel says about the process, under the names that every Prometheus client uses.
//!
//! Read at each scrape from `/proc/self` (proc(5)); what cannot be read is left out.

use std::fs;

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

/// Clock ticks per second in `/proc/PID/stat`: the kernel's `USER_HZ`, fixed in its interface on every platform that
/// this program is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process that this is.
#[derive(Debug)]
pub(super) struct Process {
    /// When it began.
    pub(super) started: Timestamp,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Vitals {
    /// Bytes of memory in use.
    pub(super) resident_bytes: Option<u64>,
    /// User and system time, seconds.
    pub(super) cpu_seconds: Option<f64>,
    /// Open file descriptors.
    pub(super) open_fds: Option<u64>,
    /// How many there may be.
    pub(super) max_fds: Option<u64>,
}

impl Vitals {
    pub(super) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            resident_bytes: resident_bytes(&text("/proc/self/status")),
            cpu_seconds: cpu_seconds(&text("/proc/self/stat")),
            // The folder that is being read is open too.
            open_fds: fs::read_dir("/proc/self/fd")
                .ok()
                .and_then(|fds| u64::try_from(fds.count()).ok()?.checked_sub(1)),
            max_fds: max_fds(&text("/proc/self/limits")),
        }
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the name in parentheses, which may hold blanks; utime and stime are the 14th and 15th.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let vitals = Vitals::read();
        if let Some(seconds) = vitals.cpu_seconds {
            let metric = ConstCounter::new(seconds);
            let help = "User and system time of the process.";
            metric.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                metric.metric_type(),
            )?)?;
        }
        let started = self.started.as_duration().as_secs_f64();
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
        };
        gauge("process_start_time", "When the process began, Unix time.", Some(&Unit::Seconds), started)?;
        if let Some(bytes) = vitals.resident_bytes {
            gauge("process_resident_memory", "Memory in use.", Some(&Unit::Bytes), float(bytes))?;
        }
        if let Some(fds) = vitals.open_fds {
            gauge("process_open_fds", "Open file descriptors.", None, float(fds))?;
        }
        if let Some(fds) = vitals.max_fds {
            gauge("process_max_fds", "File descriptors that may be open.", None, float(fds))?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sample is a double; bytes lose nothing below 8 PiB")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_read_as_it_writes() {
        assert_eq!(resident_bytes("VmPeak:\t  100 kB\nVmRSS:\t    2048 kB\nX: 1\n"), Some(2 * 1024 * 1024));
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        let limits = "Max open files            1024                 524288               files     \n";
        assert_eq!(max_fds(limits), Some(1024));
        assert_eq!(max_fds("Max open files unlimited unlimited files"), None);
        for broken in ["", ")", "VmRSS: x kB"] {
            assert_eq!((resident_bytes(broken), cpu_seconds(broken), max_fds(broken)), (None, None, None));
        }
    }

    #[test]
    fn this_process_has_vitals() {
        let vitals = Vitals::read();
        assert!(vitals.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{vitals:?}");
        assert!(vitals.cpu_seconds.is_some() && vitals.max_fds.is_some(), "{vitals:?}");
        assert!(vitals.open_fds.is_some_and(|fds| fds >= 3), "{vitals:?}");
    }
}
