//! Looks whether the proxy on this host serves the new certificate.

use std::net::SocketAddr;
use std::time::Duration;

use checks::remote::connect;
use checks::remote::tls::{self, Trust};
use model::host::HostSettings;
use model::{Finding, Severity};
use renewal::pair::Leaf;
use renewal::trouble::codes;
use rustls_pki_types::ServerName;
use tokio::time::{Instant, sleep};

use super::TAKEN_WITHIN;

/// One look.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long nobody may listen: a restart takes less.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// What a look saw.
enum Seen {
    /// This certificate.
    It,
    /// Another one.
    Other(String),
    /// None, and why.
    Nothing(String),
    /// Nobody listens.
    Nobody,
}

/// Looks until the certificate is served, at most as long as the proxy may take.
pub(super) async fn served(address: SocketAddr, settings: &HostSettings, leaf: &Leaf) -> Option<Finding> {
    let name = settings.domains.first().or_else(|| leaf.names.first())?.clone();
    let began = Instant::now();
    loop {
        let seen = look(address, &name, leaf).await;
        let patience = if matches!(seen, Seen::Nobody) { LISTENS_WITHIN } else { TAKEN_WITHIN };
        if matches!(seen, Seen::It) {
            return None;
        }
        if began.elapsed() >= patience {
            return Some(finding(address, &name, seen, began.elapsed()));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(address: SocketAddr, name: &str, leaf: &Leaf) -> Seen {
    let stream = match connect::tcp(address, LOOK).await {
        Ok((stream, _)) => stream,
        Err(connect::Failure::Refused) => return Seen::Nobody,
        Err(failure) => return Seen::Nothing(format!("{failure:?}")),
    };
    // A wildcard cannot be asked for.
    let asked = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |rest| format!("www.{rest}"));
    let server = ServerName::try_from(asked).ok();
    match tls::handshake(stream, server, &Trust::Recorded, &["h2", "http/1.1"], LOOK).await {
        Ok((_, handshake)) => match handshake.chain.first() {
            Some(first) if first.as_ref() == leaf.der.as_slice() => Seen::It,
            Some(first) => Seen::Other(
                Leaf::parse(first).map_or_else(|unfit| unfit.to_string(), |leaf| leaf.to_string()),
            ),
            None => Seen::Nothing("no certificate was sent".to_owned()),
        },
        Err(error) => Seen::Nothing(error.to_string()),
    }
}

fn finding(address: SocketAddr, name: &str, seen: Seen, waited: Duration) -> Finding {
    let waited = waited.as_secs();
    let (severity, message, evidence) = match seen {
        Seen::Nobody => (
            Severity::Warning,
            format!("the new certificate is in place, but nobody listens on {address}"),
            None,
        ),
        Seen::Other(other) => (
            Severity::Error,
            format!(
                "after {waited} s another certificate than the new one is still served for {name} on {address}"
            ),
            Some(other),
        ),
        Seen::It => (Severity::Info, format!("served on {address}"), None),
        Seen::Nothing(why) => (
            Severity::Error,
            format!("after {waited} s nothing is served for {name} on {address}"),
            Some(why),
        ),
    };
    let finding = Finding::new(codes::NOT_SERVED, severity, name, message)
        .hint("see what the proxy says: journalctl -u bedrock-nova-proxy -n 50; systemctl restart bedrock-nova-proxy");
    match evidence {
        Some(evidence) => finding.evidence(evidence),
        None => finding,
    }
}
