//! The way of a packet to the instance and back, computed from what EC2 describes.
//!
//! [`facts`] is what is known, [`evaluate`] follows one packet or all packets of a block, [`judge`] says what that means
//! for a deployment. Everything here is a function of values: no packet is sent. What an evaluation cannot know, such
//! as who is in another security group, is said to be unclear and is never taken for open or closed.
//!
//! Sources: Amazon VPC user guide, "Control traffic to your AWS resources using security groups" (stateful), "Control
//! subnet traffic with network access control lists" (stateless, lowest number first, ephemeral ports), "Route
//! priority" (longest prefix).

pub mod evaluate;
pub mod facts;
pub mod judge;

use crate::catalogue::Entry;

/// The checks of the path through the VPC.
pub const CHECKS: &[Entry] = &[
    Entry::waiting("SRE-NET-035", "the path through the VPC can be read", &["SRE-PERM-001"], 60),
    after_reading("SRE-NET-030", "port 443 is open to those who shall reach it"),
    after_reading("SRE-NET-031", "port 22 is closed to all but those who shall reach it"),
    after_reading("SRE-NET-032", "the backend ports are closed from outside"),
    after_reading("SRE-NET-033", "the backend ports are open inside the VPC"),
    after_reading("SRE-NET-034", "the instance reaches AWS"),
];

const fn after_reading(code: &'static str, title: &'static str) -> Entry {
    Entry::waiting(code, title, &["SRE-NET-035"], 0)
}
