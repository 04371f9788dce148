//! What name servers say of a name, and what the machine's own resolver says, which also reads `/etc/hosts`. A name
//! that does not exist, a name server that fails and one that does not answer are three different things.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver, ResolverBuilder, TokioResolver};
use tokio::time::timeout;

/// Why name servers gave no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such name (NXDOMAIN).
    NoSuchName,
    /// The name exists, without records of this type.
    NoRecords,
    /// The name server failed (SERVFAIL): often a broken delegation or DNSSEC.
    ServerFailed,
    /// The name server does not answer us (REFUSED).
    Refused,
    /// No name server answered in time.
    TimedOut,
    /// Something else.
    Other(String),
}

impl Trouble {
    fn of(error: &NetError) -> Self {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => Self::of_code(none.response_code),
            NetError::Dns(DnsError::ResponseCode(code)) => Self::of_code(*code),
            NetError::Timeout => Self::TimedOut,
            other => Self::Other(other.to_string()),
        }
    }

    fn of_code(code: ResponseCode) -> Self {
        match code {
            ResponseCode::NXDomain => Self::NoSuchName,
            ResponseCode::NoError => Self::NoRecords,
            ResponseCode::ServFail => Self::ServerFailed,
            ResponseCode::Refused => Self::Refused,
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchName => "there is no such name (NXDOMAIN)",
            Self::NoRecords => "the name has no address",
            Self::ServerFailed => "the name server failed (SERVFAIL)",
            Self::Refused => "the name server refuses to answer (REFUSED)",
            Self::TimedOut => "no name server answered",
            Self::Other(text) => text,
        })
    }
}

/// Addresses of one kind, with the names that led there.
pub type Found = Result<Vec<IpAddr>, Trouble>;

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameFacts {
    /// The name that was asked for, in ASCII.
    pub name: String,
    /// Where CNAME records led, in order; the last one has the addresses.
    pub aliases: Vec<String>,
    /// A records.
    pub v4: Found,
    /// AAAA records.
    pub v6: Found,
    /// What the machine's own resolver (`getaddrinfo`) gives to programs; the error in the system's words.
    pub local: Result<Vec<IpAddr>, String>,
    /// What `/etc/hosts` says.
    pub hosts_file: Vec<IpAddr>,
}

impl NameFacts {
    /// All addresses of the name servers.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.v4.iter().chain(&self.v6).flatten().copied().collect()
    }
}

/// Name servers to ask.
#[derive(Clone)]
pub struct NameServers {
    resolver: TokioResolver,
    step: Duration,
}

impl fmt::Debug for NameServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameServers").field("step", &self.step).finish_non_exhaustive()
    }
}

impl NameServers {
    /// Those of `/etc/resolv.conf`; each question may take `step` in all.
    pub fn of_system(step: Duration) -> Result<Self, String> {
        let builder =
            Resolver::builder(TokioRuntimeProvider::default()).map_err(|error| error.to_string())?;
        Self::build(builder, step)
    }

    /// This one, over UDP, and over TCP for what is too long.
    pub fn at(server: SocketAddr, step: Duration) -> Result<Self, String> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        Self::build(Resolver::builder_with_config(config, TokioRuntimeProvider::default()), step)
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>, step: Duration) -> Result<Self, String> {
        let options: &mut ResolverOpts = builder.options_mut();
        // A lost datagram is sent once more within the step.
        options.timeout = step.checked_div(2).unwrap_or(step);
        options.attempts = 1;
        options.use_hosts_file = ResolveHosts::Never;
        options.preserve_intermediates = true;
        Ok(Self { resolver: builder.build().map_err(|error| error.to_string())?, step })
    }

    /// Everything about a name in ASCII. Name servers and the machine's resolver are asked at the same time.
    ///
    /// `hosts_file` is the text of `/etc/hosts`.
    pub async fn look_up(&self, name: &str, hosts_file: &str) -> NameFacts {
        let (v4, v6, local) = futures::join!(
            self.records(name, RecordType::A),
            self.records(name, RecordType::AAAA),
            local(name, self.step)
        );
        let of = |found: &Result<Records, Trouble>| match found {
            Ok(records) => records.aliases.clone(),
            Err(_) => Vec::new(),
        };
        let mut aliases = of(&v4);
        if aliases.is_empty() {
            aliases = of(&v6);
        }
        // An alias that leads nowhere is only seen by who asks for it.
        if v4.is_err() && v6.is_err() {
            let answers = self.ask(name, RecordType::CNAME).await.unwrap_or_default();
            aliases.extend(answers.iter().filter_map(|(_, data)| alias(data)));
        }
        NameFacts {
            name: name.to_owned(),
            aliases,
            v4: v4.map(|records| records.addresses),
            v6: v6.map(|records| records.addresses),
            local,
            hosts_file: in_hosts_file(hosts_file, name),
        }
    }

    /// Why a name has no address; none where it has one after all.
    pub async fn trouble(&self, name: &str) -> Option<Trouble> {
        let (v4, v6) =
            futures::join!(self.records(name, RecordType::A), self.records(name, RecordType::AAAA));
        worst(v4.err(), v6.err())
    }

    /// The CAA records that apply to a name, as `issue "letsencrypt.org"`: its own or those of the nearest name above
    /// it (RFC 8659, section 3). Empty where any authority may issue.
    pub async fn caa(&self, name: &str) -> Result<Vec<String>, Trouble> {
        let name = name.strip_prefix("*.").unwrap_or(name);
        let mut at = Some(name);
        while let Some(domain) = at.filter(|domain| !domain.is_empty()) {
            match self.ask(domain, RecordType::CAA).await {
                Ok(records) if !records.is_empty() => {
                    let caa = |data: &RData| match data {
                        RData::CAA(caa) => Some(format!("{} \"{}\"", caa.tag, caa.value.escape_ascii())),
                        _ => None,
                    };
                    let found: Vec<String> = records.iter().filter_map(|(_, data)| caa(data)).collect();
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Ok(_) | Err(Trouble::NoSuchName | Trouble::NoRecords) => {}
                Err(trouble) => return Err(trouble),
            }
            at = domain.split_once('.').map(|(_, parent)| parent);
        }
        Ok(Vec::new())
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Records, Trouble> {
        let answers = self.ask(name, kind).await?;
        let mut records = Records::default();
        for (_, data) in answers {
            match data {
                RData::A(address) => records.addresses.push(IpAddr::V4(*address)),
                RData::AAAA(address) => records.addresses.push(IpAddr::V6(*address)),
                other => records.aliases.extend(alias(&other)),
            }
        }
        if records.addresses.is_empty() { Err(Trouble::NoRecords) } else { Ok(records) }
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<(Name, RData)>, Trouble> {
        let mut query = Name::from_ascii(name).map_err(|error| Trouble::Other(error.to_string()))?;
        // No search list: what is asked for is the whole name.
        query.set_fqdn(true);
        let lookup =
            timeout(self.step, self.resolver.lookup(query, kind)).await.map_err(|_| Trouble::TimedOut)?;
        let lookup = lookup.map_err(|error| Trouble::of(&error))?;
        Ok(lookup.answers().iter().map(|record| (record.name.clone(), record.data.clone())).collect())
    }
}

#[derive(Default)]
struct Records {
    addresses: Vec<IpAddr>,
    aliases: Vec<String>,
}

/// Where a CNAME record leads.
fn alias(data: &RData) -> Option<String> {
    match data {
        RData::CNAME(alias) => Some(alias.to_ascii().trim_end_matches('.').to_ascii_lowercase()),
        _ => None,
    }
}

/// Of two kinds of addresses: none if one of them was found; else what weighs more.
pub(crate) fn worst(v4: Option<Trouble>, v6: Option<Trouble>) -> Option<Trouble> {
    let (v4, v6) = (v4?, v6?);
    Some(match (&v4, &v6) {
        // The name servers that failed for one type may have it all the same.
        (Trouble::NoRecords | Trouble::NoSuchName, _) => v6,
        _ => v4,
    })
}

/// What the machine's own resolver gives to programs.
pub async fn local(name: &str, step: Duration) -> Result<Vec<IpAddr>, String> {
    match timeout(step, tokio::net::lookup_host((name, 0))).await {
        Err(_) => Err(format!("no answer within {} s", step.as_secs_f64())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(found)) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found {
                if !addresses.contains(&address.ip()) {
                    addresses.push(address.ip());
                }
            }
            Ok(addresses)
        }
    }
}

/// The addresses of a name in the text of a hosts file (hosts(5)).
pub fn in_hosts_file(text: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
        if words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name))
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_read_as_the_system_reads_them() {
        let text = "# a comment 10.0.0.1 api.example.com\n127.0.0.1\tlocalhost\n\
                    10.0.0.7 one API.Example.com # api.example.net\n::1 api.example.com\nnonsense api.example.com\n10.0.0.8";
        assert_eq!(
            in_hosts_file(text, "api.example.com"),
            ["10.0.0.7", "::1"].map(|a| a.parse::<IpAddr>().unwrap())
        );
        assert!(in_hosts_file(text, "api.example.net").is_empty());
        assert!(in_hosts_file(text, "example.com").is_empty());
    }

    #[test]
    fn one_kind_of_address_is_enough() {
        let none = || Some(Trouble::NoRecords);
        assert_eq!(worst(None, Some(Trouble::ServerFailed)), None);
        assert_eq!(worst(none(), Some(Trouble::ServerFailed)), Some(Trouble::ServerFailed));
        assert_eq!(worst(Some(Trouble::TimedOut), none()), Some(Trouble::TimedOut));
        assert_eq!(worst(none(), none()), none());
    }
}
