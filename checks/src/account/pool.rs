//! Whether the user pool is there, with what the proxy and its clients use of it.

use model::{Finding, Severity};

use super::facts::PoolFacts;
use super::unchecked;

const CODE: &str = "SRE-PERM-020";

/// SRE-PERM-020: pool, client and domain are there as the state file says.
pub fn pool(facts: &PoolFacts) -> Vec<Finding> {
    let id = facts.pool_id.as_str();
    match &facts.pool {
        Err(why) => return vec![unchecked(CODE, id, "whether the user pool is there", why)],
        Ok(false) => {
            let message =
                format!("the user pool {id} of the state file does not exist: no token can be issued");
            return vec![Finding::new(CODE, Severity::Error, id, message).hint(
                "see what is missing: sre-agent-deploy plan; deploying again makes a new pool, and clients need its new id",
            )];
        }
        Ok(true) => {}
    }
    let mut findings = Vec::new();
    let error = |subject: &str, message: String| {
        Finding::new(CODE, Severity::Error, subject, message)
            .hint("see what differs: sre-agent-deploy plan; deploying again brings it back")
    };
    if let Some((client, told)) = &facts.client {
        match told {
            Err(why) => findings.push(unchecked(CODE, client, "whether the app client is there", why)),
            Ok(None) => {
                findings.push(error(client, format!("the app client {client} does not exist in {id}")));
            }
            Ok(Some(false)) => findings.push(error(
                client,
                format!("the app client {client} has other grants than client_credentials"),
            )),
            Ok(Some(true)) => {}
        }
    }
    if let Some((prefix, told)) = &facts.domain {
        match told {
            Err(why) => {
                findings.push(unchecked(CODE, prefix, "whether the domain of the pool is there", why));
            }
            Ok(None) => findings.push(error(prefix, format!("the domain {prefix} does not exist"))),
            Ok(Some(domain)) if domain.pool_id.as_deref() != Some(id) => {
                findings
                    .push(error(prefix, format!("the domain {prefix} belongs to another pool than {id}")));
            }
            Ok(Some(domain)) if domain.status != "ACTIVE" => findings.push(error(
                prefix,
                format!("the domain {prefix} is {}, so no token can be fetched there", domain.status),
            )),
            Ok(Some(_)) => {}
        }
    }
    if findings.is_empty() {
        let message = "the user pool is there, with its client and its domain";
        findings.push(Finding::new(CODE, Severity::Ok, id, message));
    }
    findings
}
