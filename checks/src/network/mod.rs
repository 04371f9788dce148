//! What lies between here and another host: names, addresses, ports, TLS, HTTP, clocks, instance metadata and the
//! endpoints of AWS.
//!
//! [`suite`] asks, [`findings`], [`clock`] and [`metadata`] judge, and [`services`] knows which endpoints of AWS a
//! deployment needs.

mod aws;
pub mod clock;
pub mod findings;
pub mod instance;
pub mod metadata;
mod server;
pub mod services;
pub mod suite;

pub mod path;

use crate::catalogue::Entry;

/// The name resolves.
pub const RESOLVES: Entry = Entry::waiting("SRE-NET-001", "the name resolves", &[], 12).attempts(2);
/// This machine sees what others see.
pub const AGREES: Entry = Entry::pure("SRE-NET-002", "this machine resolves the name as its name servers do");
/// Every address takes connections.
pub const CONNECTS: Entry =
    Entry::waiting("SRE-NET-003", "every address accepts connections", &["SRE-NET-001"], 15).attempts(2);
/// TLS can begin.
pub const STARTTLS: Entry =
    Entry::waiting("SRE-NET-004", "the server agrees to begin TLS", &["SRE-NET-003"], 15);
/// TLS works.
pub const HANDSHAKE: Entry =
    Entry::waiting("SRE-NET-005", "the TLS handshake succeeds", &["SRE-NET-003"], 15);
/// The chain leads to a root, under this name, now.
pub const TRUSTED: Entry = Entry::pure("SRE-NET-006", "the certificate is trusted for this name");
/// There is HTTP behind TLS.
pub const ANSWERS: Entry =
    Entry::waiting("SRE-NET-007", "the server answers over HTTP", &["SRE-NET-006"], 40).attempts(2);
/// Clocks agree.
pub const CLOCK: Entry = Entry::waiting("SRE-NET-008", "the clocks agree", &["SRE-NET-007"], 40);
/// Instance metadata, version 2.
pub const METADATA: Entry =
    Entry::waiting("SRE-NET-009", "instance metadata answers with tokens only", &[], 35);
/// An endpoint of AWS.
pub const SERVICE: Entry =
    Entry::waiting("SRE-NET-010", "the endpoint of the AWS service can be reached", &[], 25).attempts(2);
/// ACME renewal information.
pub const RENEWAL: Entry = Entry::waiting("SRE-NET-011", "the authority says when to renew", &[], 20);
/// Which authorities may issue.
pub const CAA: Entry = Entry::waiting("SRE-NET-012", "CAA records can be looked up", &[], 12);

/// The checks of this area.
pub const CHECKS: &[Entry] = &[
    RESOLVES, AGREES, CONNECTS, STARTTLS, HANDSHAKE, TRUSTED, ANSWERS, CLOCK, METADATA, SERVICE, RENEWAL, CAA,
];
