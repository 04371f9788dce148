//! Where the name leads by which the targets look for their backends. Their interfaces are inside the VPC and have no
//! public address, so the Elastic IP address of the instance may be out of their reach.

use std::net::IpAddr;

use model::{Finding, Severity};

use crate::engine::passed;
use crate::remote::dns::{Found, NameServers, Trouble};
use crate::{CheckResult, Subject, SubjectKind};

/// What to look up.
#[derive(Debug, Clone)]
pub struct Route {
    /// The name that is in the schemas.
    pub domain: String,
    /// The name that is looked up in its place, where one is configured.
    pub routing_domain: Option<String>,
    /// The Elastic IP address of the deployment, where it is known.
    pub elastic_ip: Option<IpAddr>,
    /// Who is asked, or why nobody can be.
    pub name_servers: Result<NameServers, String>,
}

/// Looks the name up from here.
pub async fn route(route: &Route) -> CheckResult {
    let name = route.name();
    let found = match &route.name_servers {
        // The interfaces have addresses of version 4 only.
        Ok(servers) => servers.look_up(name, "").await.v4,
        Err(why) => Err(Trouble::Other(why.clone())),
    };
    let subject = Subject::new(SubjectKind::Endpoint, name);
    CheckResult::new(subject, Vec::new(), vec![route.judge(&found)])
}

impl Route {
    /// The name that counts.
    fn name(&self) -> &str {
        self.routing_domain.as_deref().unwrap_or(&self.domain)
    }

    /// Judges where the name leads.
    fn judge(&self, found: &Found) -> Finding {
        let (entry, name) = (&super::ROUTE, self.name());
        let finding = |severity, message: String| Finding::new(entry.code, severity, name, message);
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(trouble) => {
                return finding(Severity::Unknown, format!("could not see where {name} leads"))
                    .evidence(trouble.to_string())
                    .hint("the targets look for their backends by this name: create its record, or check from where it is known");
            }
        };
        let Some(public) = addresses.iter().find(|address| !is_private(**address)) else {
            return passed(entry, name);
        };
        let what = if Some(*public) == self.elastic_ip {
            "the Elastic IP address of this deployment"
        } else {
            "an address that is not private"
        };
        let hint = match &self.routing_domain {
            None => {
                "set gateway.routing_domain to a public name with the private address of the instance, and deploy; a private hosted zone of the VPC does as well, and is seen from inside the VPC only"
            }
            Some(_) => "have this name lead to the private address of the instance",
        };
        finding(
            Severity::Warning,
            format!("{name} leads to {what}, which the targets' interfaces in the VPC may not reach"),
        )
        .evidence(public.to_string())
        .hint(hint)
    }
}

/// Whether an address is one of those that VPCs are made of: RFC 1918, and 100.64.0.0/10 of RFC 6598.
fn is_private(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let [first, second, ..] = address.octets();
    address.is_private() || (first == 100 && (64..128).contains(&second))
}
