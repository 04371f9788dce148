//! The AgentCore gateway, proved by what its clients do: a token, a session, the list of tools, and one call for each
//! target. That it says READY, and even that it lists its tools, proves nothing: both go well when its role may not
//! read the key of the backends.
//!
//! [`check`] asks the gateway over MCP, [`backends`] asks the backends behind it, and [`standing`] judges what the
//! account says of both. Asking and judging are apart: `judge` and `standing` know facts and no socket.

mod backend;
mod client;
mod judge;
mod message;
mod route;
pub mod runtime;
mod schema;
pub mod standing;
mod suite;

pub use backend::{Backends, backends};
pub use route::{Route, route};
pub use suite::{Options, check};

use crate::catalogue::Entry;

const REACHABLE: Entry = Entry::waiting("SRE-GW-001", "the gateway answers", &[], 45).attempts(2);
const NO_TOKEN: Entry = Entry {
    after: &[REACHABLE.code],
    ..Entry::pure("SRE-GW-002", "the gateway refuses whoever has no token, and says where to get one")
};
const METADATA: Entry =
    Entry::waiting("SRE-GW-003", "the gateway names the issuer of its tokens", &[REACHABLE.code], 45);
const WRONG_TOKEN: Entry =
    Entry::waiting("SRE-GW-004", "the gateway refuses a token that nobody issued", &[REACHABLE.code], 45);
const SESSION: Entry =
    Entry::waiting("SRE-GW-005", "the gateway speaks MCP with whoever has a token", &[REACHABLE.code], 90);
const TOOLS: Entry = Entry::waiting("SRE-GW-006", "the gateway lists the tools", &[SESSION.code], 120);
const CALLS: Entry = Entry::waiting("SRE-GW-007", "a tool of the target can be called", &[TOOLS.code], 120);
const KEYLESS: Entry =
    Entry::waiting("SRE-GW-008", "the backend is up and refuses whoever has no key", &[], 45).attempts(2);
const KEYED: Entry = Entry::waiting("SRE-GW-009", "the backend takes the key", &[KEYLESS.code], 45);
const READY: Entry = Entry::waiting("SRE-GW-010", "the gateway is ready, by the account", &[], 60);
const AUTHORIZER: Entry =
    Entry::waiting("SRE-GW-011", "the gateway takes the tokens of this deployment", &["SRE-GW-010"], 60);
const TARGETS: Entry =
    Entry::waiting("SRE-GW-012", "the target is ready, by the account", &["SRE-GW-010"], 60);
const WIRING: Entry = Entry::waiting(
    "SRE-GW-013",
    "the target sends the key where the backend looks for it",
    &["SRE-GW-012"],
    60,
);
const ROLE: Entry =
    Entry::waiting("SRE-GW-014", "the role of the gateway may do what a call takes", &["SRE-GW-010"], 60);
const MEMORY: Entry = Entry::waiting("SRE-GW-015", "the agent's memory is ready, by the account", &[], 60);

const RUNTIME: Entry =
    Entry::waiting("SRE-GW-016", "the runtime of the agent is ready, and its token has not ended", &[], 60);
const ROUTE: Entry =
    Entry::waiting("SRE-GW-017", "the name of the backends leads to a private address", &[], 10);
const SCHEMA: Entry = Entry::waiting(
    "SRE-GW-018",
    "the schema leads to the backend and has its operations",
    &["SRE-GW-012"],
    60,
);

/// The checks of this area.
pub const CHECKS: &[Entry] = &[
    REACHABLE,
    NO_TOKEN,
    METADATA,
    WRONG_TOKEN,
    SESSION,
    TOOLS,
    CALLS,
    KEYLESS,
    KEYED,
    READY,
    AUTHORIZER,
    TARGETS,
    WIRING,
    ROLE,
    MEMORY,
    RUNTIME,
    ROUTE,
    SCHEMA,
];

#[cfg(test)]
mod tests;
