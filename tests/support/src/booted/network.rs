//! A thread in the network of a machine.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs something on a thread whose sockets are those of the process's network.
pub(super) fn inside<T: Send>(process: u32, body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            // A namespace belongs to a thread; threads that this one starts inherit it.
            let network = File::open(format!("/proc/{process}/ns/net")).expect("the machine runs");
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter a network");
            body()
        });
        running.join().unwrap_or_else(|panicked| resume_unwind(panicked))
    })
}
