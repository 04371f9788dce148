//! Addresses of HTTP: scheme, host, port, path. Small on purpose, and by the same rules for hosts as targets.

use std::fmt;
use std::str::FromStr;

use super::target::Host;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether there is TLS.
    pub is_secure: bool,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Path and query; begins with a slash.
    pub path: String,
}

impl FromStr for Url {
    type Err = String;

    /// An absolute URL of `https`, or of `http` for what has no TLS on purpose: loopback and instance metadata.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("`{}` is no URL such as https://api.example.com: {what}", text.escape_debug())
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("`https://` is missing"))?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("neither https nor http")),
        };
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let path = path.split('#').next().unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong("it names a user"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("the port is none"))?)
            }
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        let host = Host::parse(host).map_err(|reason| wrong(&reason))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        // What cannot stand in a request line is refused here, not when it is sent.
        http::uri::PathAndQuery::from_str(&path).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { is_secure, host, port, path })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())?;
        f.write_str(&self.path)
    }
}

impl Url {
    /// The same host with another path.
    #[must_use]
    pub fn at(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// What goes into `Host`.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name { ascii, .. } => ascii.clone(),
            address @ Host::Address(_) => address.to_string(),
        };
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}
