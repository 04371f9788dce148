//! What a failure of the protocol means to the operator: its code, its cause once, and what to do.

use std::error::Error as StdError;

use instant_acme::{Error, Problem};
use jiff::Timestamp;
use model::config::AcmeChallenge;

use super::Authority;
use super::connection::Seen;
use crate::trouble::{Trouble, codes};

/// What all types of ACME's problems begin with.
const PREFIX: &str = "urn:ietf:params:acme:error:";

/// How a detail says that there was no connection, and that there was no address.
const UNCONNECTED: &[&str] = &["connect", "timeout", "timed out"];
const UNRESOLVED: &[&str] = &["resolve", "nxdomain", "servfail", "no such host"];

/// What was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The directory, the account.
    Account,
    /// The order, and the certificate.
    Order,
    /// Control of the names.
    Challenge,
}

/// The last word of a problem's type.
pub(super) fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix(PREFIX).unwrap_or(kind)
}

/// Says what a failure means.
pub(super) fn trouble(
    error: &Error,
    stage: Stage,
    names: &[String],
    authority: &Authority<'_>,
    seen: &Seen,
    now: Timestamp,
) -> Trouble {
    let mut trouble = match error {
        Error::Api(problem) => of_problem(problem, stage, &list(names), authority),
        Error::Timeout(_) => Trouble::new(
            codes::TOO_LONG,
            authority.directory,
            "the authority had not come to an end when its time was over",
        )
        .hint("nothing is lost; the next run tries again"),
        Error::Json(_) | Error::Str(_) | Error::Unsupported(_) => match seen.status {
            Some(429) => rate_limited(authority, None),
            Some(status) if status >= 500 => out_of_order(authority, &format!("it answered {status}")),
            status => {
                let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
                Trouble::new(
                    codes::NO_SENSE,
                    authority.directory,
                    "the authority's answer is not one of ACME",
                )
                .evidence(format!("{error}{status}"))
                .hint("compare the URL of `tls.acme.directory` with the authority's documentation")
            }
        },
        Error::Http(_) | Error::InvalidUri(_) => {
            Trouble::new(codes::NO_SENSE, authority.directory, "a URL of the authority cannot be used")
                .evidence(error.to_string())
                .hint("compare `tls.acme.directory` with the authority's documentation")
        }
        error => out_of_order(authority, &causes(error)),
    };
    trouble.retry_after = seen.retry_after(now);
    trouble
}

/// What the authority itself says.
pub(super) fn of_problem(problem: &Problem, stage: Stage, names: &str, authority: &Authority<'_>) -> Trouble {
    let subject = authority.directory;
    let new =
        |code, subject: &str, message: String| Trouble::new(code, subject, message).evidence(words(problem));
    // Some authorities use one type for what others tell apart.
    let kind = match kind(problem) {
        "unauthorized" | "tls" if stage == Stage::Challenge && says(problem, UNCONNECTED) => "connection",
        "unauthorized" | "malformed" if stage == Stage::Challenge && says(problem, UNRESOLVED) => "dns",
        kind => kind,
    };
    match (kind, stage) {
        ("rateLimited", _) => rate_limited(authority, Some(problem)),
        ("serverInternal" | "badNonce", _) => out_of_order(authority, &words(problem)),
        ("connection", _) => new(
            codes::NOT_CONNECTED,
            names,
            format!("the authority could not connect to {names}"),
        )
        .hint(reach(authority)),
        ("caa", _) => new(codes::CAA, names, format!("a CAA record forbids this authority to issue for {names}"))
            .hint("look at it: dig +short CAA NAME; allow the authority there, or use the one that is allowed"),
        ("dns", _) if authority.challenge == AcmeChallenge::Dns01 => {
            new(codes::DNS, names, format!("the authority finds no text record for {names}")).hint(reach(authority))
        }
        ("dns", _) => new(codes::DNS, names, format!("the authority cannot resolve {names}"))
            .hint("look at it from outside: dig +short A NAME; dig +short AAAA NAME; a new record takes some minutes"),
        ("incorrectResponse" | "unauthorized", Stage::Challenge)
            if authority.challenge == AcmeChallenge::Dns01 =>
        {
            let message = format!("the authority does not see the answer in the DNS of {names}");
            new(codes::WRONG_ANSWER, names, message).hint(reach(authority))
        }
        ("tls" | "incorrectResponse" | "unauthorized", Stage::Challenge) => new(
            codes::WRONG_ANSWER,
            names,
            format!("something else than this host answered for {names}"),
        )
        .hint(reach(authority)),
        (_, Stage::Challenge) => {
            new(codes::WRONG_ANSWER, names, format!("the authority is not convinced that {names} is here"))
                .hint(reach(authority))
        }
        ("invalidProfile", _) => new(
            codes::PROFILE,
            subject,
            format!("the authority has no profile `{}`", authority.profile.unwrap_or_default()),
        )
        .hint("its directory names those it has, below `meta.profiles`; correct `tls.acme.profile`"),
        ("externalAccountRequired", _) => new(
            codes::ACCOUNT,
            subject,
            "the authority takes only accounts that are bound to one of its own".to_owned(),
        )
        .hint("set `tls.acme.eab_key_id` and `tls.acme.eab_hmac_path` to what the authority gave you"),
        ("invalidContact" | "unsupportedContact", _) => new(
            codes::ACCOUNT,
            subject,
            format!("the authority refuses the address `{}`", authority.email.unwrap_or_default()),
        )
        .hint("correct `tls.acme.email`"),
        (
            "accountDoesNotExist" | "unauthorized" | "userActionRequired" | "badSignatureAlgorithm"
            | "badPublicKey",
            _,
        )
        | (_, Stage::Account) => {
            let hint = if authority.external_account.is_some() {
                "compare `tls.acme.eab_key_id` and the key in `tls.acme.eab_hmac_path` with what the authority gave you"
            } else {
                "read the cause; if the account is to be left, remove its file in /var/lib/sre-agent and run this again"
            };
            new(codes::ACCOUNT, subject, "the authority refuses the account".to_owned()).hint(hint)
        }
        (_, Stage::Order) => new(
            codes::ORDER,
            names,
            format!("the authority does not issue for {names}"),
        )
        .hint("read the cause; a name of the documentation or of an internal network gets no public certificate"),
    }
}

fn says(problem: &Problem, words: &[&str]) -> bool {
    let detail = problem.detail.as_deref().unwrap_or_default().to_ascii_lowercase();
    words.iter().any(|word| detail.contains(word))
}

fn rate_limited(authority: &Authority<'_>, problem: Option<&Problem>) -> Trouble {
    let trouble = Trouble::new(
        codes::RATE_LIMITED,
        authority.directory,
        "the authority has had too many requests from here",
    )
    .hint("wait; what is served stays served. To try things, use `tls.acme.directory: letsencrypt-staging`");
    match problem {
        Some(problem) => trouble.evidence(words(problem)),
        None => trouble.evidence("status 429"),
    }
}

fn out_of_order(authority: &Authority<'_>, cause: &str) -> Trouble {
    let trouble = Trouble::new(codes::UNREACHED, authority.directory, "the authority could not be asked")
        .evidence(cause);
    trouble.hint(if cause.contains("UnknownIssuer") || cause.contains("invalid peer certificate") {
        "its own certificate is not trusted here: install ca-certificates, or name its root in `tls.acme.ca_path`".to_owned()
    } else {
        format!("the next run tries again; to look at it now: curl -sS {}", authority.directory)
    })
}

/// What has to lead to this host.
fn reach(authority: &Authority<'_>) -> &'static str {
    use model::config::AcmeChallenge;
    match authority.challenge {
        AcmeChallenge::TlsAlpn01 => {
            "port 443 of the name has to lead to the proxy on this host: compare `dig +short NAME` with the host's \
             address, look at the security group, and run `ss -ltn 'sport = :443'`"
        }
        AcmeChallenge::Http01 => {
            "port 80 of the name has to lead to this host: compare `dig +short NAME` with the host's address, and look \
             at the security group"
        }
        AcmeChallenge::Dns01 => {
            "the record was in Route 53, so look whether the world asks there: the name servers of `dig +short NS` for \
             the zone have to be those of the hosted zone, and _acme-challenge.NAME must be no CNAME"
        }
    }
}

/// The problem's type and detail, and those of what it is made of.
pub(super) fn words(problem: &Problem) -> String {
    let mut words = format!("{}: {}", kind(problem), problem.detail.as_deref().unwrap_or("no detail"));
    for part in &problem.subproblems {
        words.push_str("; ");
        words.push_str(&part.to_string());
    }
    words
}

/// The chain of causes, each once.
fn causes(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        next = cause.source();
    }
    words
}

pub(super) fn list(names: &[String]) -> String {
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use model::config::AcmeChallenge;

    use super::*;

    fn code(kind: &str, detail: &str, stage: Stage) -> String {
        let authority = Authority {
            directory: "https://ca.example.com/directory",
            email: None,
            challenge: AcmeChallenge::TlsAlpn01,
            profile: Some("shortlived"),
            external_account: None,
            ca_path: None,
        };
        let problem = Problem {
            r#type: Some(format!("{PREFIX}{kind}")),
            detail: Some(detail.to_owned()),
            status: None,
            subproblems: Vec::new(),
        };
        let trouble = of_problem(&problem, stage, "api.example.com", &authority);
        assert!(trouble.finding.hint.is_some() && trouble.finding.evidence.is_some(), "{trouble:?}");
        trouble.finding.code.clone()
    }

    #[test]
    fn each_problem_of_an_authority_has_its_meaning() {
        for (kind, detail, stage, expected) in [
            ("rateLimited", "too many certificates", Stage::Order, codes::RATE_LIMITED),
            ("serverInternal", "maintenance", Stage::Order, codes::UNREACHED),
            ("badNonce", "again", Stage::Account, codes::UNREACHED),
            (
                "connection",
                "Timeout during connect (likely firewall problem)",
                Stage::Challenge,
                codes::NOT_CONNECTED,
            ),
            ("unauthorized", "Failed to connect to 192.0.2.1:443", Stage::Challenge, codes::NOT_CONNECTED),
            ("unauthorized", "Cannot negotiate ALPN protocol", Stage::Challenge, codes::WRONG_ANSWER),
            ("tls", "remote error: no application protocol", Stage::Challenge, codes::WRONG_ANSWER),
            ("caa", "CAA record prevents issuance", Stage::Challenge, codes::CAA),
            ("caa", "CAA record prevents issuance", Stage::Order, codes::CAA),
            ("dns", "NXDOMAIN", Stage::Challenge, codes::DNS),
            ("externalAccountRequired", "bind it", Stage::Account, codes::ACCOUNT),
            ("unauthorized", "account is deactivated", Stage::Order, codes::ACCOUNT),
            ("invalidContact", "example.com", Stage::Account, codes::ACCOUNT),
            ("invalidProfile", "no such profile", Stage::Order, codes::PROFILE),
            ("rejectedIdentifier", "policy forbids it", Stage::Order, codes::ORDER),
            ("somethingNew", "?", Stage::Order, codes::ORDER),
            ("somethingNew", "?", Stage::Challenge, codes::WRONG_ANSWER),
        ] {
            assert_eq!(code(kind, detail, stage), expected, "{kind} {detail}");
        }
    }
}
