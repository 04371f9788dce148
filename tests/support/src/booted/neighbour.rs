//! A host beside a machine, on a network that only the two share: a place for the services that a machine reaches by
//! their real names and ports.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use super::{Booted, network};

/// The machine's own address on that network.
const MACHINE: &str = "192.0.2.100";
/// The first of its own addresses.
const NEIGHBOUR: &str = "192.0.2.1";

/// Such a host. It has no files of its own and runs nothing but what is started [`inside`](Neighbour::inside). It ends with
/// this value.
#[derive(Debug)]
pub struct Neighbour {
    /// Holds its network.
    child: Child,
}

impl Neighbour {
    pub(super) fn of(machine: u32, addresses: &[Ipv4Addr]) -> Self {
        let mut child = Command::new("unshare")
            .args(["--net", "--", "sh", "-c", "echo up; read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` runs (Debian: util-linux)");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it says that it is up");
        let neighbour = Self { child };
        let there = neighbour.child.id();
        // In `there`, because a link belongs to the network that it is made in, and the machine's goes with it.
        ip(machine, &format!("link add neighbour0 type veth peer name eth0 netns {there}"));
        ip(machine, &format!("address add {MACHINE}/24 dev neighbour0"));
        ip(machine, "link set neighbour0 up");
        ip(there, &format!("address add {NEIGHBOUR}/24 dev eth0"));
        ip(there, "link set lo up");
        ip(there, "link set eth0 up");
        for address in addresses {
            ip(there, &format!("address add {address}/32 dev lo"));
            ip(machine, &format!("route add {address} via {NEIGHBOUR}"));
        }
        neighbour
    }

    /// Runs something with this host's network, as [`Booted::inside`] does with the machine's.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        network::inside(self.child.id(), body)
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Booted {
    /// Puts a host with these addresses beside it; a machine has one at most, and loses it with its power.
    pub fn neighbour(&self, addresses: &[Ipv4Addr]) -> Neighbour {
        Neighbour::of(self.leader, addresses)
    }
}

/// `ip` in the network of a process.
fn ip(process: u32, arguments: &str) {
    let output = Command::new("nsenter")
        .args(["--target", &process.to_string(), "--net", "--", "ip"])
        .args(arguments.split_whitespace())
        .output()
        .expect("`nsenter` runs (Debian: util-linux)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said} (Debian: iproute2)");
}
