//! Which endpoints of AWS a deployment needs, by Region and by what it uses.
//!
//! Source: "AWS service endpoints" in the AWS General Reference.

/// What decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// The Region's code, such as `us-east-1`.
    pub region: String,
    /// Whether user pools are in use.
    pub cognito: bool,
    /// Whether certificates come from ACM.
    pub acm: bool,
    /// Whether models are asked from here.
    pub bedrock: bool,
}

/// An endpoint with the reason why it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its host name; the port is 443.
    pub host: String,
    /// What happens there: "models are asked".
    pub purpose: &'static str,
}

/// The endpoints, in the order in which a deployment needs them.
pub fn services(facts: &ServiceFacts) -> Vec<Service> {
    let region = facts.region.as_str();
    let suffix = suffix(region);
    let regional = |name: &str, purpose| Service { host: format!("{name}.{region}.{suffix}"), purpose };
    let mut all = vec![
        regional("sts", "credentials are checked"),
        Service { host: iam(region), purpose: "the instance's role is made" },
        regional("ec2", "the instance is made and looked at"),
        regional("ssm", "the image is looked up and the instance is reached"),
        regional("tagging", "what a deployment made is found again"),
        regional("servicequotas", "quotas are checked"),
    ];
    if facts.cognito {
        all.push(regional("cognito-idp", "tokens are issued and checked"));
    }
    if facts.acm {
        all.push(regional("acm", "certificates are requested and exported"));
    }
    if facts.bedrock {
        all.push(regional("bedrock", "models are listed"));
        all.push(regional("bedrock-runtime", "models are asked"));
    }
    all
}

/// The domain of a Region's partition.
fn suffix(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// IAM has one endpoint a partition.
fn iam(region: &str) -> String {
    match region {
        _ if region.starts_with("cn-") => "iam.cn-north-1.amazonaws.com.cn".to_owned(),
        _ if region.starts_with("us-gov-") => "iam.us-gov.amazonaws.com".to_owned(),
        _ if region.starts_with("us-iso-") => "iam.us-iso-east-1.c2s.ic.gov".to_owned(),
        _ if region.starts_with("us-isob-") => "iam.us-isob-east-1.sc2s.sgov.gov".to_owned(),
        _ if region.starts_with("eusc-") => format!("iam.{region}.amazonaws.eu"),
        _ => "iam.amazonaws.com".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_used_is_needed() {
        let hosts = |region: &str, all| {
            let facts = ServiceFacts { region: region.to_owned(), cognito: all, acm: all, bedrock: all };
            services(&facts).into_iter().map(|service| service.host).collect::<Vec<_>>()
        };
        assert_eq!(
            hosts("eu-west-1", true),
            [
                "sts.eu-west-1.amazonaws.com",
                "iam.amazonaws.com",
                "ec2.eu-west-1.amazonaws.com",
                "ssm.eu-west-1.amazonaws.com",
                "tagging.eu-west-1.amazonaws.com",
                "servicequotas.eu-west-1.amazonaws.com",
                "cognito-idp.eu-west-1.amazonaws.com",
                "acm.eu-west-1.amazonaws.com",
                "bedrock.eu-west-1.amazonaws.com",
                "bedrock-runtime.eu-west-1.amazonaws.com",
            ]
        );
        assert_eq!(hosts("eu-west-1", false).len(), 6);
        assert!(hosts("cn-northwest-1", true).contains(&"iam.cn-north-1.amazonaws.com.cn".to_owned()));
        assert!(hosts("us-gov-west-1", true).contains(&"iam.us-gov.amazonaws.com".to_owned()));
        assert!(hosts("us-gov-west-1", true).contains(&"sts.us-gov-west-1.amazonaws.com".to_owned()));
    }
}
