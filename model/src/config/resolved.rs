//! A configuration with every default filled in, in the shape of the file, and the way back.

use serde_json::{Value, json};

use super::{
    Config, RuntimeArtifact, TlsSource, VERSION, codes,
    fields::Fields,
    layers,
    node::Node,
    parse,
    problem::{Place, Problem},
    yaml,
};

impl Config {
    /// Every key with its value, in the shape of the configuration file.
    pub fn resolved(&self) -> Value {
        let (source, acme, cert_path, key_path) = match &self.tls.source {
            TlsSource::Acme { directory, email, challenge, profile, external_account, ca_path } => {
                let acme = json!({
                    "directory": directory,
                    "email": email,
                    "challenge": challenge,
                    "profile": profile,
                    "eab_key_id": external_account.as_ref().map(|account| &account.key_id),
                    "eab_hmac_path": external_account.as_ref().map(|account| &account.hmac_path),
                    "ca_path": ca_path,
                });
                ("acme", Some(acme), None, None)
            }
            TlsSource::AcmExportable => ("acm-exportable", None, None, None),
            TlsSource::Files { cert_path, key_path } => ("files", None, Some(cert_path), Some(key_path)),
        };
        let mut tls = json!({
            "domain": self.tls.domain,
            "source": source,
            "cert_path": cert_path,
            "key_path": key_path,
        });
        if let (Some(acme), Some(members)) = (acme, tls.as_object_mut()) {
            members.insert("acme".to_owned(), acme);
        }
        let gateway = self.gateway.as_ref().map(|gateway| {
            json!({
                "name": gateway.name,
                "role_name": gateway.role_name,
                "endpoint_url": gateway.endpoint_url,
                "s3_bucket": gateway.s3_bucket,
                "s3_path_prefix": gateway.s3_path_prefix,
                "provider_arn": gateway.provider_arn,
                "routing_domain": gateway.routing_domain,
                "memory_days": gateway.memory_days,
                "runtime": gateway.runtime.as_ref().map(RuntimeArtifact::uri),
            })
        });
        json!({
            "version": VERSION,
            "mode": self.mode,
            "deployment": {
                "id": self.deployment.id,
                "environment": self.deployment.environment,
            },
            "aws": {
                "region": self.aws.region,
                "account_id": self.aws.account_id,
                "profile": self.aws.profile,
            },
            "network": {
                "vpc_id": self.network.vpc_id,
                "subnet_id": self.network.subnet_id,
                "https_cidrs": self.network.https_cidrs,
                "ssh_cidrs": self.network.ssh_cidrs,
                "backend_ports": self.network.backend_ports,
            },
            "instance": {
                "type": self.instance.instance_type,
                "os": self.instance.os,
                "ami_id": self.instance.ami_id,
                "volume_gb": self.instance.volume_gb,
                "adopt_instance_id": self.instance.adopt_instance_id,
            },
            "cognito": {
                "domain_prefix": self.cognito.domain_prefix,
                "resource_server": self.cognito.resource_server,
                "scopes": self.cognito.scopes,
                "access_token_minutes": self.cognito.access_token_minutes,
                "mfa": self.cognito.mfa,
                "adopt_user_pool_id": self.cognito.adopt_user_pool_id,
            },
            "tls": tls,
            "host": {"install": self.host.install},
            "proxy": {
                "models": self.proxy.models,
                "limits": {
                    "requests_per_minute": self.proxy.requests_per_minute,
                    "tokens_per_hour": self.proxy.tokens_per_hour,
                },
            },
            "gateway": gateway,
        })
    }

    /// The configuration that [`Config::resolved`] came from.
    ///
    /// Only what is needed for a valid value is checked. Risks were judged when the configuration was loaded; judging
    /// them again could make a deployment that was approved impossible to resume.
    pub fn from_resolved(resolved: &Value) -> Result<Self, Vec<Problem>> {
        let Some(root) = Node::from_json(resolved, yaml::MAX_DEPTH) else {
            return Err(vec![Problem::error(
                codes::TOO_DEEP,
                &Place::file(None),
                "too many levels of nesting",
            )]);
        };
        let mut fields = Fields::new(layers::of_document(root), false);
        let config = parse::config(&mut fields);
        fields.problems.retain(Problem::is_error);
        match config {
            Some(config) if fields.problems.is_empty() => Ok(config),
            _ => Err(fields.problems),
        }
    }
}
