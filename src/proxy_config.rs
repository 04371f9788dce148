//! The proxy's configuration as a deployment's configuration wants it: a pure projection, JSON, which is YAML.

use std::net::SocketAddr;
use std::path::Path;

use model::config::Config;
use provision::bundle::required_scope;
use serde_json::{Value, json};

/// What is decided where the proxy runs.
#[derive(Debug, Clone)]
pub(crate) struct Site<'a> {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The certificate with its chain, PEM.
    pub(crate) cert_path: &'a Path,
    /// Its key, PEM.
    pub(crate) key_path: &'a Path,
    /// The names that the certificate has to be good for.
    pub(crate) names: Vec<String>,
    /// The issuer, exactly as tokens name it.
    pub(crate) issuer: &'a str,
    /// Where the issuer's keys are, if not where it says.
    pub(crate) jwks_uri: Option<&'a str>,
    /// The app client whose tokens are taken.
    pub(crate) client_id: &'a str,
    /// Bedrock, if not the Region's own.
    pub(crate) bedrock: Option<&'a str>,
    /// How long answers may go on when it is told to end, seconds.
    pub(crate) drain_s: u32,
}

/// The document.
pub(crate) fn document(config: &Config, site: &Site<'_>) -> Value {
    let scopes: Vec<String> = required_scope(config).into_iter().collect();
    let mut issuer =
        json!({"issuer": site.issuer, "client_ids": [site.client_id], "required_scopes": scopes});
    let mut bedrock = json!({"kind": "bedrock", "region": config.aws.region.to_string()});
    set(&mut issuer, "jwks_uri", site.jwks_uri);
    set(&mut bedrock, "endpoint_url", site.bedrock);
    json!({
        "version": 1,
        "listen": {"address": site.listen.to_string(), "drain": format!("{}s", site.drain_s)},
        "tls": {"cert_path": site.cert_path, "key_path": site.key_path, "names": site.names},
        "auth": {"issuers": [issuer]},
        "upstreams": {"bedrock": bedrock},
        "models": config.proxy.models_in(&config.aws.region),
        "limits": {
            "requests_per_minute": config.proxy.requests_per_minute,
            "tokens_per_hour": config.proxy.tokens_per_hour,
        },
        "telemetry": {"metrics": {"address": "off"}},
    })
}

fn set(object: &mut Value, name: &str, value: Option<&str>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::config::{Inputs, Mode, SourceText, load};

    use super::*;

    #[test]
    fn it_says_what_the_deployment_says() {
        let text = include_str!("rehearsal.yaml");
        let loaded = load(&Inputs {
            file: Some(SourceText { name: "sample", bytes: text.as_bytes() }),
            environment: &BTreeMap::new(),
            flags: &BTreeMap::new(),
            mode: Some(Mode::Rehearsal),
        });
        let site = Site {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            cert_path: Path::new("fullchain.pem"),
            key_path: Path::new("privkey.pem"),
            names: vec!["api.rehearsal.internal".to_owned()],
            issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE",
            jwks_uri: Some("http://127.0.0.1:1/us-east-1_EXAMPLE/.well-known/jwks.json"),
            client_id: "1example23456789",
            bedrock: Some("http://127.0.0.1:2"),
            drain_s: 1,
        };
        let config = loaded.config.unwrap();
        insta::assert_json_snapshot!(document(&config, &site));
        let without = document(&config, &Site { jwks_uri: None, bedrock: None, ..site });
        assert_eq!(without["auth"]["issuers"][0].get("jwks_uri"), None);
        assert_eq!(without["upstreams"]["bedrock"].get("endpoint_url"), None);
    }
}
