//! Where to: a host, a port and a protocol, as an operator writes them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use rustls_pki_types::ServerName;

/// Something to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// How TLS begins there.
    pub protocol: Protocol,
    /// The name to ask for in the handshake (`,sni=NAME`) instead of the host's; in ASCII.
    pub sni: Option<String>,
    /// The address to connect to (`,address=IP`) instead of looking the host up.
    pub address: Option<IpAddr>,
}

/// A host by name or address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name: `ascii` is what goes over the wire (lower case, IDN as punycode, no final dot), `written` what the
    /// operator calls it.
    Name {
        /// For DNS, SNI and comparisons.
        ascii: String,
        /// For people.
        written: String,
    },
    /// An address.
    Address(IpAddr),
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// At once.
    Tls,
    /// After `STARTTLS` of SMTP (RFC 3207).
    Smtp,
    /// After `STARTTLS` of IMAP (RFC 9051, section 6.2.1).
    Imap,
    /// After `STLS` of POP3 (RFC 2595).
    Pop3,
    /// After the extended request `StartTLS` of LDAP (RFC 4511, section 4.14).
    Ldap,
    /// After the `SSLRequest` of `PostgreSQL`.
    Postgres,
}

impl Protocol {
    const STARTTLS: [(&'static str, Self, u16); 5] = [
        ("smtp", Self::Smtp, 25),
        ("imap", Self::Imap, 143),
        ("pop3", Self::Pop3, 110),
        ("ldap", Self::Ldap, 389),
        ("postgres", Self::Postgres, 5432),
    ];
    /// Schemes whose TLS begins at once.
    const DIRECT: [(&'static str, u16); 5] =
        [("https", 443), ("smtps", 465), ("imaps", 993), ("pop3s", 995), ("ldaps", 636)];

    /// By its word in `,starttls=`.
    fn starttls(word: &str) -> Option<Self> {
        let word = if word == "postgresql" { "postgres" } else { word };
        Self::STARTTLS.iter().find(|(name, ..)| *name == word).map(|(_, protocol, _)| *protocol)
    }

    /// By the scheme of a URL, with its port.
    fn scheme(scheme: &str) -> Option<(Self, u16)> {
        let scheme = if scheme == "postgresql" { "postgres" } else { scheme };
        let starttls = Self::STARTTLS.iter().map(|(name, protocol, port)| (*name, *protocol, *port));
        let direct = Self::DIRECT.iter().map(|(name, port)| (*name, Self::Tls, *port));
        starttls.chain(direct).find(|(name, ..)| *name == scheme).map(|(_, protocol, port)| (protocol, port))
    }

    /// What openssl's `-starttls` calls it; none where TLS begins at once.
    pub fn word(self) -> Option<&'static str> {
        Self::STARTTLS.iter().find(|(_, protocol, _)| *protocol == self).map(|(word, ..)| *word)
    }
}

impl fmt::Display for Host {
    /// As the operator wrote it; an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { written, .. } => f.write_str(written),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Host {
    /// A name or an address, with or without brackets; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or("a `]` is missing")?;
            let address: Ipv6Addr =
                inner.parse().map_err(|_| format!("`{inner}` is no IPv6 address (zones are not taken)"))?;
            return Ok(Self::Address(IpAddr::V6(address)));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if text.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let written = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii(written)
            .map_err(|_| format!("`{written}` is no name that can be looked up"))?;
        // Underscores are no part of host names, but of DNS names; the look-up decides.
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if ascii.len() > 253 || !ascii.split('.').all(is_label) {
            return Err(format!("`{written}` is no name that can be looked up"));
        }
        // `1.2.3` and `0x7f.1` are addresses to some and names to nobody.
        if ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(format!("`{written}` is neither a name nor an address"));
        }
        Ok(Self::Name { ascii, written: written.to_owned() })
    }

    /// The name, in ASCII, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name { ascii, .. } => Some(ascii),
            Self::Address(_) => None,
        }
    }

    /// In ASCII, without brackets.
    pub fn ascii(&self) -> String {
        match self {
            Self::Name { ascii, .. } => ascii.clone(),
            Self::Address(address) => address.to_string(),
        }
    }

    /// What rustls calls it. None where it is a name that cannot stand in a handshake.
    pub fn server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Self::Name { ascii, .. } => ServerName::try_from(ascii.clone()).ok(),
            Self::Address(address) => Some(ServerName::IpAddress((*address).into())),
        }
    }
}

impl fmt::Display for Target {
    /// `host:port`, with the scheme where there is STARTTLS, and what was overridden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = self.protocol.word() {
            write!(f, "{word}://")?;
        }
        write!(f, "{}:{}", self.host, self.port)?;
        if let Some(sni) = &self.sni {
            write!(f, ",sni={sni}")?;
        }
        if let Some(address) = &self.address {
            write!(f, ",address={address}")?;
        }
        Ok(())
    }
}

impl Target {
    /// TLS at once on a port of a host.
    pub fn tls(host: Host, port: u16) -> Self {
        Self { host, port, protocol: Protocol::Tls, sni: None, address: None }
    }

    /// Takes one option; else what is wrong, and something similar that is right.
    fn take(&mut self, option: &str) -> Result<(), (String, &'static str)> {
        match option.split_once('=') {
            Some(("sni", name)) => {
                let example = "10.0.0.7:443,sni=api.example.com";
                match Host::parse(name).map_err(|reason| (reason, example))? {
                    Host::Name { ascii, .. } => self.sni = Some(ascii),
                    Host::Address(_) => {
                        let reason = "an address cannot be asked for in a handshake (RFC 6066, section 3)";
                        return Err((reason.to_owned(), example));
                    }
                }
            }
            Some(("address", text)) => {
                let address = text.trim_start_matches('[').trim_end_matches(']').parse();
                let wrong = (format!("`{text}` is no address"), "api.example.com:443,address=203.0.113.7");
                self.address = Some(address.map_err(|_| wrong)?);
            }
            Some(("starttls", word)) => {
                let reason = format!("`{word}` is none of smtp, imap, pop3, ldap, postgres");
                self.protocol = Protocol::starttls(&word.to_ascii_lowercase())
                    .ok_or((reason, "mail.example.com:2525,starttls=smtp"))?;
            }
            _ => {
                let reason = format!("`{option}` is none of sni=, address=, starttls=");
                return Err((reason, "api.example.com:443,sni=www.example.com"));
            }
        }
        Ok(())
    }

    /// The name to ask for and to expect: the override, or else the host.
    pub fn server(&self) -> Host {
        match &self.sni {
            Some(sni) => Host::Name { ascii: sni.clone(), written: sni.clone() },
            None => self.host.clone(),
        }
    }

    /// Where to connect, if that needs no look-up.
    pub fn literal(&self) -> Option<SocketAddr> {
        match (&self.address, &self.host) {
            (Some(address), _) | (None, Host::Address(address)) => Some(SocketAddr::new(*address, self.port)),
            (None, Host::Name { .. }) => None,
        }
    }

    /// The host with one of its addresses; the address alone where that is what it is called.
    pub fn place(&self, address: IpAddr) -> String {
        if self.host == Host::Address(address) {
            self.host.to_string()
        } else {
            format!("{} [{address}]", self.host)
        }
    }

    /// The command that shows the same handshake with openssl.
    pub fn openssl(&self) -> String {
        let at = self.address.map_or_else(|| self.host.clone(), Host::Address);
        let at = match at {
            Host::Name { ascii, .. } => ascii,
            address @ Host::Address(_) => address.to_string(),
        };
        let sni = self
            .server()
            .name()
            .map_or_else(|| " -noservername".to_owned(), |name| format!(" -servername {name}"));
        let starttls = self.protocol.word().map_or_else(String::new, |word| format!(" -starttls {word}"));
        format!("openssl s_client -connect {at}:{}{sni}{starttls} -showcerts </dev/null", self.port)
    }
}

/// A target that cannot be read, with what would have been right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {reason}; write for example {example}")]
pub struct TargetError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// Something similar that is right.
    pub example: &'static str,
}

impl FromStr for Target {
    type Err = TargetError;

    /// `host`, `host:port`, `[v6]:port`, `scheme://host[:port]`, each with `,sni=NAME`, `,address=IP` or `,starttls=PROTOCOL`.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = |reason: String, example: &'static str| TargetError {
            text: text.escape_debug().to_string(),
            reason,
            example,
        };
        let mut parts = text.trim().split(',');
        let place = parts.next().unwrap_or_default();
        let (scheme, authority) = match place.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, place),
        };
        let (protocol, usual_port) = match scheme.as_deref() {
            None => (Protocol::Tls, 443),
            Some("http") => {
                return Err(wrong(
                    "there is no certificate behind `http://`".to_owned(),
                    "https://api.example.com",
                ));
            }
            Some(scheme) => Protocol::scheme(scheme).ok_or_else(|| {
                wrong(
                    format!("`{scheme}` is none of https, smtp, imap, pop3, ldap, postgres"),
                    "smtp://mail.example.com",
                )
            })?,
        };
        // A path says nothing about a port; operators paste URLs.
        let authority = match scheme {
            Some(_) => authority.split(['/', '?', '#']).next().unwrap_or_default(),
            None => authority,
        };
        if authority.contains('@') {
            return Err(wrong("a user name says nothing about a port".to_owned(), "https://api.example.com"));
        }
        let (host, port) = split_port(authority);
        let host =
            Host::parse(host).map_err(|reason| wrong(reason, "api.example.com:443 or [2001:db8::1]:443"))?;
        let port = match port {
            None => usual_port,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(wrong(format!("`{port}` is no port (1 to 65535)"), "api.example.com:8443")),
            },
        };
        let mut target = Self { host, port, protocol, sni: None, address: None };
        for option in parts {
            target.take(option).map_err(|(reason, example)| wrong(reason, example))?;
        }
        Ok(target)
    }
}

/// Host and port of `host`, `host:port`, `v6`, `[v6]` or `[v6]:port`.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The last colon of an address.
        Some((_, port)) if port.ends_with(']') => (authority, None),
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Target {
        text.parse().unwrap()
    }

    #[test]
    fn targets_are_read() {
        for (text, shown, protocol, ascii) in [
            ("api.example.com", "api.example.com:443", Protocol::Tls, "api.example.com"),
            ("API.Example.Com.:8443", "API.Example.Com:8443", Protocol::Tls, "api.example.com"),
            ("https://api.example.com/v1/models", "api.example.com:443", Protocol::Tls, "api.example.com"),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", Protocol::Tls, "2001:db8::1"),
            ("[::1]", "[::1]:443", Protocol::Tls, "::1"),
            ("::1", "[::1]:443", Protocol::Tls, "::1"),
            ("127.0.0.1:9443", "127.0.0.1:9443", Protocol::Tls, "127.0.0.1"),
            ("smtp://mail.example.com", "smtp://mail.example.com:25", Protocol::Smtp, "mail.example.com"),
            (
                "smtp://mail.example.com:587",
                "smtp://mail.example.com:587",
                Protocol::Smtp,
                "mail.example.com",
            ),
            ("imap://mail.example.com", "imap://mail.example.com:143", Protocol::Imap, "mail.example.com"),
            ("pop3://mail.example.com", "pop3://mail.example.com:110", Protocol::Pop3, "mail.example.com"),
            ("ldap://dir.example.com", "ldap://dir.example.com:389", Protocol::Ldap, "dir.example.com"),
            ("ldaps://dir.example.com", "dir.example.com:636", Protocol::Tls, "dir.example.com"),
            (
                "postgresql://db.example.com",
                "postgres://db.example.com:5432",
                Protocol::Postgres,
                "db.example.com",
            ),
            (
                "h.example.com:2525,starttls=smtp",
                "smtp://h.example.com:2525",
                Protocol::Smtp,
                "h.example.com",
            ),
            ("bücher.example:443", "bücher.example:443", Protocol::Tls, "xn--bcher-kva.example"),
            ("localhost:443", "localhost:443", Protocol::Tls, "localhost"),
        ] {
            let target = read(text);
            assert_eq!(target.to_string(), shown);
            assert_eq!((target.protocol, target.host.ascii().as_str()), (protocol, ascii), "{text}");
        }
    }

    #[test]
    fn overrides_are_read() {
        let target = read("10.0.0.7:443,sni=Bücher.example,address=::1");
        assert_eq!(target.server().name(), Some("xn--bcher-kva.example"));
        assert_eq!(target.literal(), Some("[::1]:443".parse().unwrap()));
        assert_eq!(target.to_string(), "10.0.0.7:443,sni=xn--bcher-kva.example,address=::1");
        assert_eq!(read("a.example:1,address=[::1]").address, Some("::1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_an_example() {
        for (text, said) in [
            ("", "`` : the host is missing"),
            (":443", "the host is missing"),
            ("api.example.com:0", "`0` is no port (1 to 65535)"),
            ("api.example.com:65536", "is no port"),
            ("api.example.com:", "`` is no port"),
            ("[::1:443", "a `]` is missing"),
            ("[fe80::1%eth0]:443", "zones are not taken"),
            ("http://api.example.com", "there is no certificate behind `http://`"),
            ("ftp://api.example.com", "`ftp` is none of"),
            ("https://user@api.example.com", "a user name"),
            ("1.2.3:443", "neither a name nor an address"),
            ("a b:443", "no name that can be looked up"),
            ("a..b", "no name that can be looked up"),
            ("api.example.com:443,sni=127.0.0.1", "RFC 6066"),
            ("api.example.com:443,address=x", "`x` is no address"),
            ("api.example.com:443,starttls=xmpp", "`xmpp` is none of smtp"),
            ("api.example.com:443,verify=no", "`verify=no` is none of"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            let said = said.trim_start_matches("`` : ");
            assert!(error.contains(said), "{text}: {error}");
            assert!(error.contains("; write for example "), "{error}");
        }
    }

    #[test]
    fn the_command_shows_the_same_handshake() {
        assert_eq!(
            read("smtp://mail.example.com,address=203.0.113.7").openssl(),
            "openssl s_client -connect 203.0.113.7:25 -servername mail.example.com -starttls smtp -showcerts </dev/null"
        );
        assert_eq!(
            read("[::1]:443").openssl(),
            "openssl s_client -connect [::1]:443 -noservername -showcerts </dev/null"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Feature: aws-ec2-production-deployment, Property 4: what names a server to reach is read or refused, and
        /// what was read is written so that it is read again.
        #[test]
        fn what_is_written_is_read_again(text in "(https://|smtp://|)[a-zA-Zä0-9.:\\[\\]-]{0,20}(:[0-9]{1,5})?(,sni=[a-z.]{1,9})?") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Target>();
        }
    }
}
