//! What facts about names, addresses and handshakes mean, and what to do about it. Pure: facts in, findings out.

use std::net::{IpAddr, SocketAddr};

use model::{Finding, Severity};

use super::{AGREES, CAA, CONNECTS, HANDSHAKE, RESOLVES, STARTTLS};
use crate::remote::connect::Failure;
use crate::remote::dns::{NameFacts, Trouble, worst};
use crate::remote::starttls::StarttlsError;
use crate::remote::target::{Protocol, Target};
use crate::remote::tls::{TlsError, TlsFailure};

/// A name that has no address.
pub fn unresolved(name: &str, subject: &str, trouble: &Trouble) -> Finding {
    let severity = match trouble {
        Trouble::NoSuchName | Trouble::NoRecords => Severity::Error,
        Trouble::ServerFailed | Trouble::Refused | Trouble::TimedOut | Trouble::Other(_) => Severity::Unknown,
    };
    let hint = match trouble {
        Trouble::NoSuchName | Trouble::NoRecords => format!(
            "create an A or AAAA record for {name} at its DNS provider; `dig +trace {name}` shows where the name ends"
        ),
        Trouble::ServerFailed => format!(
            "the delegation or DNSSEC of the zone may be broken: `dig {name}` and `dig +cd {name}` differ if it is DNSSEC"
        ),
        Trouble::Refused | Trouble::TimedOut | Trouble::Other(_) => {
            format!("look at the name servers of this machine: `cat /etc/resolv.conf; dig {name}`")
        }
    };
    Finding::new(RESOLVES.code, severity, subject, format!("`{name}` does not resolve: {trouble}")).hint(hint)
}

/// Whether a name leads somewhere. What only this machine knows is enough to go on, and worth a warning.
pub fn resolves(facts: &NameFacts, subject: &str) -> Vec<Finding> {
    let name = &facts.name;
    let found = facts.addresses();
    let local = facts.local.as_deref().unwrap_or_default();
    match worst(facts.v4.clone().err(), facts.v6.clone().err()) {
        None => {
            let via = if facts.aliases.is_empty() {
                String::new()
            } else {
                format!(" (by way of {})", facts.aliases.join(", "))
            };
            let mut findings = vec![Finding::new(
                RESOLVES.code,
                Severity::Ok,
                subject,
                format!("`{name}` resolves to {}{via}", listed(&found)),
            )];
            // One kind of address failed and the other is there: some clients get it, some do not.
            for (kind, result) in [("A", &facts.v4), ("AAAA", &facts.v6)] {
                if let Err(trouble @ (Trouble::ServerFailed | Trouble::Refused | Trouble::TimedOut)) = result
                {
                    let message = format!("the {kind} records of `{name}` cannot be had: {trouble}");
                    findings.push(
                        Finding::new(RESOLVES.code, Severity::Warning, subject, message)
                            .hint(format!("`dig {kind} {name}` must answer, even if with nothing")),
                    );
                }
            }
            findings
        }
        Some(_) if !local.is_empty() => vec![
            Finding::new(
                RESOLVES.code,
                Severity::Warning,
                subject,
                format!("only this machine knows `{name}`, as {}", listed(local)),
            )
            .hint(format!("clients elsewhere need a DNS record; see `getent hosts {name}` and /etc/hosts")),
        ],
        Some(trouble) => match facts.aliases.last() {
            Some(alias) => vec![dangling(name, alias, subject, &trouble)],
            None => vec![unresolved(name, subject, &trouble)],
        },
    }
}

/// A name that is an alias of one that leads nowhere.
fn dangling(name: &str, alias: &str, subject: &str, trouble: &Trouble) -> Finding {
    let hint = format!(
        "remove the CNAME record of {name} or make {alias}: who registers that name gets the traffic; `dig CNAME {name}; dig {alias}`"
    );
    let finding = unresolved(name, subject, trouble).hint(hint);
    let message = format!("`{name}` is an alias of `{alias}`, which does not resolve: {trouble}");
    Finding { message, ..finding }
}

/// Whether this machine's programs see what name servers say. Sets that rotate overlap or follow one another, so only
/// what `/etc/hosts` says is taken for a contradiction.
pub fn agrees(facts: &NameFacts, subject: &str) -> Vec<Finding> {
    let name = &facts.name;
    let found = facts.addresses();
    let others: Vec<IpAddr> =
        facts.hosts_file.iter().filter(|address| !found.contains(address)).copied().collect();
    if !others.is_empty() && !found.is_empty() {
        let message =
            format!("/etc/hosts sends `{name}` to {}, name servers to {}", listed(&others), listed(&found));
        return vec![Finding::new(AGREES.code, Severity::Warning, subject, message).hint(format!(
            "what is checked from here is not what clients reach; remove the line: `grep -n {name} /etc/hosts`"
        ))];
    }
    match &facts.local {
        Err(said) if !found.is_empty() => {
            let message = format!("name servers know `{name}`, programs on this machine do not");
            vec![Finding::new(AGREES.code, Severity::Warning, subject, message).evidence(said.clone()).hint(
                format!(
                    "compare `dig {name}` with `getent ahosts {name}`; see `grep hosts /etc/nsswitch.conf`"
                ),
            )]
        }
        Ok(local) if !found.is_empty() && !local.iter().any(|address| found.contains(address)) => {
            let message = format!(
                "programs on this machine get {}, name servers give {}",
                listed(local),
                listed(&found)
            );
            vec![Finding::new(AGREES.code, Severity::Info, subject, message)]
        }
        _ => Vec::new(),
    }
}

/// An address that took no connection.
pub fn unconnected(target: &Target, address: SocketAddr, failure: &Failure, subject: &str) -> Finding {
    let at = format!("{} {}", address.ip(), address.port());
    let (severity, message, hint) = match failure {
        Failure::Refused => (
            Severity::Error,
            "the connection is refused: the host is up, and nothing listens on this port".to_owned(),
            format!("start the service, or look what listens there: `ss -ltn sport = :{}`", address.port()),
        ),
        Failure::TimedOut => (
            Severity::Error,
            "no answer to the connection: something on the way drops packets, most often a security group"
                .to_owned(),
            format!(
                "allow port {port} in the security group of the instance and the network ACL of its subnet, then `nc -vz -w 5 {at}`; \
                 `aws ec2 describe-security-groups --filters Name=ip-permission.to-port,Values={port}` lists the groups that do",
                port = address.port()
            ),
        ),
        Failure::Reset => (
            Severity::Error,
            "the connection is reset: something on the way or the host cuts it off".to_owned(),
            format!("look for a firewall that rejects, or a service that stops at once: `nc -vz -w 5 {at}`"),
        ),
        Failure::NoRoute => (
            Severity::Unknown,
            "this machine has no route there".to_owned(),
            format!("`ip route get {}` says why", address.ip()),
        ),
        Failure::Unreachable => (
            Severity::Error,
            "a router on the way cannot reach the host".to_owned(),
            format!(
                "is the instance running, and the address still its own? `ip route get {0}; tracepath -n {0}`",
                address.ip()
            ),
        ),
        Failure::Forbidden => (
            Severity::Unknown,
            "this machine does not let the connection out".to_owned(),
            format!("look at its own firewall and routes: `ip route get {}; nft list ruleset`", address.ip()),
        ),
        Failure::Other(said) => (
            Severity::Unknown,
            format!("the connection failed: {said}"),
            format!("`nc -vz -w 5 {at}` shows the same"),
        ),
    };
    let message = format!("{}: {message}", target.place(address.ip()));
    Finding::new(CONNECTS.code, severity, subject, message).hint(hint)
}

/// An address of a kind that this machine has no way to, while it has one to others.
pub fn passed_over(target: &Target, address: IpAddr, subject: &str) -> Finding {
    let message =
        format!("{} [{address}] was not looked at: this machine has no route to such addresses", target.host);
    Finding::new(CONNECTS.code, Severity::Info, subject, message)
}

/// A server that does not let TLS begin.
pub fn not_upgraded(target: &Target, address: SocketAddr, error: &StarttlsError, subject: &str) -> Finding {
    let word = target.protocol.word().unwrap_or("tls");
    let hint = match error {
        StarttlsError::Refused(_) => format!("switch TLS on in the server; then `{}`", target.openssl()),
        StarttlsError::Garbage(_) => format!(
            "is it {word} that listens on port {}? Where TLS begins at once, leave `{word}://` out",
            target.port
        ),
        StarttlsError::TimedOut | StarttlsError::Closed => {
            format!("`{}` shows the same; where TLS begins at once, leave `{word}://` out", target.openssl())
        }
    };
    let message = format!("{}: {error}", target.place(address.ip()));
    Finding::new(STARTTLS.code, Severity::Error, subject, message).hint(hint)
}

/// A handshake that failed.
pub fn not_secured(target: &Target, address: SocketAddr, error: &TlsError, subject: &str) -> Finding {
    let severity = match error.kind {
        // The server may be all right for others: it is we who cannot tell.
        TlsFailure::TooOld | TlsFailure::NothingInCommon | TlsFailure::BadName | TlsFailure::Other => {
            Severity::Unknown
        }
        TlsFailure::WantsCertificate if !error.chain.is_empty() => Severity::Info,
        TlsFailure::WantsCertificate => Severity::Unknown,
        TlsFailure::TimedOut
        | TlsFailure::Closed
        | TlsFailure::NotTls(_)
        | TlsFailure::UnknownName
        | TlsFailure::Untrusted => Severity::Error,
    };
    let hint = match &error.kind {
        TlsFailure::NotTls(Some("HTTP")) => {
            format!("put TLS before the service on port {}, or name the port that has it", target.port)
        }
        TlsFailure::NotTls(Some("SMTP or FTP" | "SMTP")) if target.protocol == Protocol::Tls => {
            format!("write smtp://{}:{} to begin with STARTTLS", target.host, target.port)
        }
        TlsFailure::NotTls(Some("IMAP")) => format!("write imap://{}:{} to begin with STARTTLS", target.host, target.port),
        TlsFailure::NotTls(Some("POP3")) => format!("write pop3://{}:{} to begin with STLS", target.host, target.port),
        TlsFailure::NotTls(_) => format!("is {} the port of the TLS service? `ss -ltnp` on the host", target.port),
        // Servers of many names answer so when they are asked for none.
        TlsFailure::NothingInCommon if target.server().name().is_none() => {
            format!("the server may need a name: `--endpoint {target},sni=NAME`")
        }
        TlsFailure::TooOld | TlsFailure::NothingInCommon => {
            format!("allow TLS 1.2 with ECDHE, or TLS 1.3, in the server; `{}` may still reach it", target.openssl())
        }
        TlsFailure::WantsCertificate => {
            "what lies behind cannot be looked at without a client certificate; the server's own certificate can".to_owned()
        }
        TlsFailure::UnknownName => format!(
            "configure the server for {}, or name what it serves with `,sni=NAME`",
            target.server()
        ),
        TlsFailure::TimedOut
        | TlsFailure::Closed
        | TlsFailure::Untrusted
        | TlsFailure::BadName
        | TlsFailure::Other => format!("`{}` shows the handshake", target.openssl()),
    };
    let message = format!("{}: {}", target.place(address.ip()), error.kind.sentence());
    let finding = Finding::new(HANDSHAKE.code, severity, subject, message).hint(hint);
    if error.detail.is_empty() { finding } else { finding.evidence(error.detail.clone()) }
}

/// CAA records that could not be looked up: an authority would not issue either.
pub fn caa_unknown(name: &str, trouble: &Trouble, subject: &str) -> Finding {
    let message = format!("the CAA records of `{name}` cannot be looked up: {trouble}");
    Finding::new(CAA.code, Severity::Warning, subject, message)
        .hint(format!("an authority that cannot read them issues nothing (RFC 8659, section 3): `dig CAA {name}` must answer"))
}

/// Where some addresses work and some do not, the whole works: each is worth a warning, and the rest can be asked.
pub fn softened(findings: Vec<Finding>, some_work: bool) -> Vec<Finding> {
    let soften = |finding: Finding| match finding.severity {
        Severity::Error | Severity::Unknown if some_work => {
            Finding { severity: Severity::Warning, ..finding }
        }
        _ => finding,
    };
    findings.into_iter().map(soften).collect()
}

/// Addresses, the first few of them.
pub(crate) fn listed(addresses: &[IpAddr]) -> String {
    const SHOWN: usize = 4;
    let more = addresses.len().saturating_sub(SHOWN);
    let text = addresses.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::catalogue;

    fn facts(found: &[&str], local: &[&str], hosts: &[&str]) -> NameFacts {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        NameFacts {
            name: "api.example.com".to_owned(),
            aliases: Vec::new(),
            v4: if found.is_empty() { Err(Trouble::NoSuchName) } else { Ok(parsed(found)) },
            v6: Err(Trouble::NoRecords),
            local: if local.is_empty() { Err("no".to_owned()) } else { Ok(parsed(local)) },
            hosts_file: parsed(hosts),
        }
    }

    fn severity(findings: &[Finding]) -> Option<Severity> {
        findings.iter().map(|finding| finding.severity).max()
    }

    #[test]
    fn what_only_this_machine_knows_is_a_warning() {
        let at = "192.0.2.1";
        for (found, local, hosts, resolved, agreed) in [
            (&[at][..], &[at][..], &[][..], Some(Severity::Ok), None),
            (&[at], &[at], &[at], Some(Severity::Ok), None),
            (&[], &[], &[], Some(Severity::Error), None),
            (&[], &[at], &[at], Some(Severity::Warning), None),
            (&[at], &["10.0.0.1"], &["10.0.0.1"], Some(Severity::Ok), Some(Severity::Warning)),
            (&[at], &["192.0.2.2"], &[], Some(Severity::Ok), Some(Severity::Info)),
            (&[at, "192.0.2.2"], &["192.0.2.2"], &[], Some(Severity::Ok), None),
            (&[at], &[], &[], Some(Severity::Ok), Some(Severity::Warning)),
        ] {
            let facts = facts(found, local, hosts);
            assert_eq!(severity(&resolves(&facts, "x")), resolved, "{facts:?}");
            assert_eq!(severity(&agrees(&facts, "x")), agreed, "{facts:?}");
        }
    }

    #[test]
    fn a_name_server_that_fails_is_not_a_name_that_is_missing() {
        for (trouble, severity) in [
            (Trouble::NoSuchName, Severity::Error),
            (Trouble::NoRecords, Severity::Error),
            (Trouble::ServerFailed, Severity::Unknown),
            (Trouble::Refused, Severity::Unknown),
            (Trouble::TimedOut, Severity::Unknown),
        ] {
            assert_eq!(unresolved("api.example.com", "x", &trouble).severity, severity, "{trouble}");
        }
        let mut facts = facts(&["192.0.2.1"], &["192.0.2.1"], &[]);
        facts.v6 = Err(Trouble::ServerFailed);
        assert_eq!(severity(&resolves(&facts, "x")), Some(Severity::Warning));
    }

    #[test]
    fn each_failure_has_its_own_remedy() {
        let target: Target = "api.example.com".parse().unwrap();
        let address = "192.0.2.1:443".parse().unwrap();
        let said: Vec<String> = failures()
            .iter()
            .map(|failure| {
                let finding = unconnected(&target, address, failure, "x");
                format!("{:?}: {}\n  {}\n", finding.severity, finding.message, finding.hint.unwrap())
            })
            .collect();
        insta::assert_snapshot!(said.join(""));
        let said: Vec<String> = kinds()
            .into_iter()
            .map(|kind| {
                let error = TlsError { kind, detail: String::new(), chain: Vec::new() };
                let finding = not_secured(&target, address, &error, "x");
                format!("{:?}: {}\n  {}\n", finding.severity, finding.message, finding.hint.unwrap())
            })
            .collect();
        insta::assert_snapshot!(said.join(""));
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_named() {
        let mut facts = facts(&[], &[], &[]);
        facts.aliases = vec!["old.example.net".to_owned()];
        let said = resolves(&facts, "x");
        assert_eq!(severity(&said), Some(Severity::Error));
        assert!(said[0].message.contains("is an alias of `old.example.net`"), "{said:?}");
    }

    #[test]
    fn what_works_in_part_is_a_warning() {
        let finding = |severity| Finding::new("SRE-NET-003", severity, "x", "y");
        for from in [Severity::Ok, Severity::Info, Severity::Warning, Severity::Unknown, Severity::Error] {
            assert_eq!(softened(vec![finding(from)], true)[0].severity, from.min(Severity::Warning));
            assert_eq!(softened(vec![finding(from)], false)[0].severity, from);
        }
    }

    fn troubles() -> Vec<Trouble> {
        vec![
            Trouble::NoSuchName,
            Trouble::NoRecords,
            Trouble::ServerFailed,
            Trouble::Refused,
            Trouble::TimedOut,
            Trouble::Other("odd".to_owned()),
        ]
    }

    fn failures() -> Vec<Failure> {
        vec![
            Failure::Refused,
            Failure::TimedOut,
            Failure::Reset,
            Failure::NoRoute,
            Failure::Unreachable,
            Failure::Forbidden,
            Failure::Other("odd".to_owned()),
        ]
    }

    fn kinds() -> Vec<TlsFailure> {
        vec![
            TlsFailure::TimedOut,
            TlsFailure::Closed,
            TlsFailure::NotTls(Some("HTTP")),
            TlsFailure::NotTls(Some("SMTP or FTP")),
            TlsFailure::NotTls(None),
            TlsFailure::TooOld,
            TlsFailure::NothingInCommon,
            TlsFailure::WantsCertificate,
            TlsFailure::UnknownName,
            TlsFailure::Untrusted,
            TlsFailure::BadName,
            TlsFailure::Other,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Feature: aws-ec2-production-deployment, Property 4: nothing that failed passes, and each failure has a code
        /// of the catalogue and a next thing to do.
        #[test]
        fn what_failed_never_passes(
            target in select(vec!["api.example.com", "smtp://192.0.2.1", "[2001:db8::1]:8443", "ldap://d.example:1,sni=x.example"]),
            v4 in select(troubles()),
            v6 in select(troubles()),
            failure in select(failures()),
            kind in select(kinds()),
            said in "[ -~]{0,40}",
        ) {
            let target: Target = target.parse().unwrap();
            let address = "192.0.2.1:443".parse().unwrap();
            let mut names = facts(&[], &[], &[]);
            (names.v4, names.v6) = (Err(v4), Err(v6));
            let mut findings = resolves(&names, "x");
            findings.push(unconnected(&target, address, &failure, "x"));
            findings.push(not_upgraded(&target, address, &StarttlsError::Refused(said.clone()), "x"));
            findings.push(not_secured(&target, address, &TlsError { kind, detail: said, chain: Vec::new() }, "x"));
            prop_assert_eq!(findings.len(), 4);
            for finding in findings {
                prop_assert!(matches!(finding.severity, Severity::Error | Severity::Unknown), "{:?}", finding);
                prop_assert!(catalogue::find(&finding.code).is_some() && finding.hint.is_some(), "{:?}", finding);
            }
        }
    }
}
