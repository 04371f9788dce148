//! What there is room for.

use model::{Finding, Severity};

use super::facts::QuotaFacts;
use super::unchecked;

/// SRE-PERM-010: vCPUs of running On-Demand Standard instances.
pub fn vcpus(facts: &QuotaFacts) -> Vec<Finding> {
    quota("SRE-PERM-010", "ec2", "L-1216C47A", "vCPUs", facts)
}

/// SRE-PERM-011: Elastic IP addresses.
pub fn addresses(facts: &QuotaFacts) -> Vec<Finding> {
    quota("SRE-PERM-011", "ec2", "L-0263D0A3", "Elastic IPs", facts)
}

/// SRE-PERM-012: rules of a security group, in one direction.
pub fn rules(facts: &QuotaFacts) -> Vec<Finding> {
    quota("SRE-PERM-012", "vpc", "L-0EA8095F", "rules in one direction of a security group", facts)
}

fn quota(code: &str, service: &str, quota: &str, of: &str, facts: &QuotaFacts) -> Vec<Finding> {
    let what = &facts.what;
    let subject = format!("{service}/{quota}");
    let (limit, needed) = match (&facts.limit, &facts.needed) {
        (Err(why), _) => return vec![unchecked(code, &subject, &format!("the quota of {of}"), why)],
        (_, Err(why)) => return vec![unchecked(code, &subject, &format!("how many {of} {what} needs"), why)],
        (Ok(limit), Ok(needed)) => (*limit, *needed),
    };
    let (limit, needed) = match (limit, needed) {
        (Some(limit), Some(needed)) => (limit, needed),
        (None, _) => {
            let message = format!("AWS names no value for the quota of {of}");
            return vec![
                Finding::new(code, Severity::Unknown, subject, message)
                    .hint("look in the Service Quotas console"),
            ];
        }
        (_, None) => {
            let message =
                format!("{what} is not offered in this Region, so how many {of} it needs is not known");
            return vec![
                Finding::new(code, Severity::Error, subject, message).hint("choose another `instance.type`"),
            ];
        }
    };
    if f64::from(needed) > limit || limit.is_nan() {
        let message = format!("the account may have {limit} {of}, and {what} needs {needed}");
        return vec![Finding::new(code, Severity::Error, subject, message).hint(format!(
            "ask for more: aws service-quotas request-service-quota-increase --service-code {service} --quota-code \
             {quota} --desired-value {needed}"
        ))];
    }
    let message = format!("the account may have {limit} {of}, and {what} needs {needed}");
    let finding = Finding::new(code, Severity::Ok, subject, message);
    vec![finding.evidence("what others in the account use of it was not counted")]
}
