//! What is around the API: whether it is up, what browsers may do, and what has to be closed from outside.

use std::time::Duration;

use http::header;
use model::Finding;

use super::about::About;
use super::answers::ms;
use super::facts::{NoReply, Outcome};

pub(crate) const LIVE: &str = "/health/live";
pub(crate) const READY: &str = "/health/ready";
pub(crate) const METRICS: &str = "/metrics";
/// An origin that no proxy has a reason to allow.
pub(crate) const FOREIGN_ORIGIN: &str = "https://not-allowed.example.com";

/// Whether the server answers at all: name, connection, TLS and HTTP.
pub(crate) fn reachable(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    match outcome {
        // What a certificate is worth is another check's; there is a server.
        Ok(_) | Err(NoReply::Untrusted(_)) => Vec::new(),
        Err(no_reply) => {
            let hint = match no_reply {
                NoReply::Unresolved(_) => "create the name's record at your DNS provider, or give the address with --address".to_owned(),
                NoReply::Unreachable(_) => "see whether the proxy runs (systemctl status bedrock-nova-proxy) and what is in the way: sre-agent-deploy check network".to_owned(),
                NoReply::TimedOut(_) => "a security group, network ACL or route swallows it: sre-agent-deploy check network".to_owned(),
                NoReply::Tls(_) | NoReply::Untrusted(_) => format!("look at what listens there: openssl s_client -connect {}", about.site.name),
                NoReply::Broken(_) => about.curl(LIVE),
            };
            vec![about.error("the endpoint does not answer").evidence(no_reply.words()).hint(hint)]
        }
    }
}

/// Whether clients trust the certificate for this name.
pub(crate) fn trusted(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    match outcome {
        Ok(_) => Vec::new(),
        Err(NoReply::Untrusted(why)) => {
            vec![about.error("clients do not trust the certificate").evidence(why).hint(format!(
                "find out what is wrong with it: sre-agent-deploy check certs --endpoint {}",
                about.site.name
            ))]
        }
        Err(other) => vec![about.unknown("no certificate was seen").evidence(other.words())],
    }
}

/// Whether a page of health says that all is well.
pub(crate) fn healthy(about: &About<'_>, outcome: &Outcome, path: &str) -> Vec<Finding> {
    let reply = match about.whole(outcome, path) {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    let hint = match (reply.status, path) {
        (200, _) => return Vec::new(),
        (503, READY) => "it has neither keys to judge tokens with nor credentials for AWS, or it drains: journalctl -u bedrock-nova-proxy --since -10min".to_owned(),
        _ => about.curl(path),
    };
    let message = format!("{path} answered {} where 200 is due", reply.status);
    vec![about.error(message).evidence(reply.excerpt()).hint(hint)]
}

/// Whether the answer to a browser's preflight from `origin` gives away no more than it should (the Fetch standard's
/// CORS protocol). Tokens travel in `authorization`, so `access-control-allow-credentials` has no place here.
pub(crate) fn preflight(about: &About<'_>, outcome: &Outcome, origin: &str) -> Vec<Finding> {
    let reply = match about.reply(outcome, "the preflight") {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    let hint = "look at `cors.allowed_origins` in the proxy's configuration, and at what is in front of it";
    if !(200..300).contains(&reply.status) {
        let message = format!("a browser's preflight was answered with {} where 204 is due", reply.status);
        return vec![about.error(message).evidence(reply.excerpt()).hint(hint)];
    }
    if reply.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS) {
        let message = "browsers are told to send cookies along, which the proxy never says";
        return vec![about.error(message).hint(hint)];
    }
    let Some(allowed) = reply.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN) else {
        return vec![about.ok(format!("a page of {origin} may not call"))];
    };
    let list = |name| reply.header(&name).unwrap_or_default().to_ascii_lowercase();
    let has = |list: &str, wanted: &str| {
        list.split(',').any(|item| matches!(item.trim(), item if item == wanted || item == "*"))
    };
    if allowed != "*" && allowed != origin {
        let message = format!("a preflight from {origin} is answered for another origin");
        return vec![about.error(message).evidence(super::facts::excerpt(allowed.as_bytes())).hint(hint)];
    }
    if !has(&list(header::ACCESS_CONTROL_ALLOW_METHODS), "post")
        || !list(header::ACCESS_CONTROL_ALLOW_HEADERS).contains("authorization")
    {
        let message = format!("{origin} is allowed, but not to send POST with `authorization`");
        return vec![about.error(message).hint(hint)];
    }
    vec![
        about
            .info("pages of every origin may call, with a token of their own")
            .evidence(format!("{origin} is allowed"))
            .hint("name the origins that need it in `cors.allowed_origins`; without any, no page may call"),
    ]
}

/// Whether metrics stay inside. They name models and callers.
pub(crate) fn no_metrics(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    let reply = match about.reply(outcome, METRICS) {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    match reply.status {
        200..=299 => vec![
            about
                .error("everybody can read the metrics: which models are used, how much, and by how many")
                .evidence(reply.excerpt())
                .hint("serve them on loopback: `telemetry.metrics.address: 127.0.0.1:9464` in the proxy's configuration, then restart it"),
        ],
        401 | 403 | 404 => Vec::new(),
        status => vec![
            about
                .warning(format!("{METRICS} answered {status} where 404 is due"))
                .evidence(reply.excerpt())
                .hint(about.curl(METRICS)),
        ],
    }
}

/// What came of an attempt to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Somebody listens, and is reached.
    Connected,
    /// The machine, or something on the way, said no.
    Refused(String),
    /// Nobody answered in this time.
    NoAnswer(Duration),
    /// It could not be tried; such as no more sockets.
    NotTried(String),
}

/// Whether a port is closed from here.
pub(crate) fn closed(about: &About<'_>, port: u16, what: &str, probe: &Probe) -> Vec<Finding> {
    match probe {
        Probe::Connected => vec![
            about
                .error(format!("port {port} is open from here: {what}"))
                .hint(format!(
                    "take the rule away that opens it: aws ec2 describe-security-group-rules --query \"SecurityGroupRules[?FromPort<=`{port}` && ToPort>=`{port}` && !IsEgress]\""
                )),
        ],
        Probe::Refused(why) => vec![about.ok(format!("port {port} is closed from here: {why}"))],
        Probe::NoAnswer(waited) => {
            vec![about.ok(format!("port {port} is closed from here: no answer within {}", ms(*waited)))]
        }
        Probe::NotTried(why) => {
            vec![about.unknown(format!("port {port} could not be tried")).evidence(why)]
        }
    }
}

/// Whether nobody is served without TLS. `outcome` is of a request for the models on port 80.
pub(crate) fn plain(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(no_reply) => {
            return vec![about.ok("nothing is served without TLS").evidence(no_reply.words())];
        }
    };
    let location = reply.header(&header::LOCATION).unwrap_or_default();
    match reply.status {
        300..=399 if location.starts_with("https://") => {
            vec![
                about.ok("port 80 sends clients to TLS").evidence(super::facts::excerpt(location.as_bytes())),
            ]
        }
        200..=299 | 401 | 403 => vec![
            about
                .error("port 80 serves the API without TLS: tokens and prompts would travel in clear")
                .evidence(format!("{} answered {}", super::answers::MODELS, reply.status))
                .hint("close port 80, or have it answer with nothing but a redirect to https"),
        ],
        status => vec![about.ok(format!("port 80 does not serve the API, it answered {status}"))],
    }
}

/// How long answers take; only told, since what is slow depends on where the check runs.
pub(crate) fn latency(about: &About<'_>, times: &[Duration], asked: usize) -> Vec<Finding> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let middle = times.len().checked_div(2).and_then(|middle| times.get(middle).copied());
    match (middle, times.first(), times.last()) {
        (Some(middle), Some(least), Some(most)) => vec![about.info(format!(
            "{LIVE} takes {} (p50 of {} of {asked} calls, each with a new TLS connection; {} to {})",
            ms(middle),
            times.len(),
            ms(*least),
            ms(*most)
        ))],
        _ => vec![
            about.unknown(format!("none of {asked} calls of {LIVE} was answered")).hint(about.curl(LIVE)),
        ],
    }
}
