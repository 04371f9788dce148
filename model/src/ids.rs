//! Identifiers with a grammar: parsed once, valid ever after.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier of the wanted kind.
///
/// The text itself is not repeated: the caller knows where it came from and shows it with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct InvalidId {
    /// The rule that the text breaks, as a lower-case fragment: "must be 12 digits".
    pub rule: &'static str,
    /// A value that would have been accepted.
    pub example: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $example:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A value that is accepted, for messages and templates.
            pub const EXAMPLE: &'static str = $example;

            /// Parses the text, or says which rule it breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { rule: $rule, example: $example })
                }
            }

            /// The text as AWS spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// What names, tags and cleanup hang on: `[a-z][a-z0-9-]{2,31}`, without a hyphen at the end.
    DeploymentId,
    "must be 3 to 32 characters of a-z, 0-9 and hyphen, start with a letter and not end with a hyphen",
    "sre-agent-prod",
    |t| {
        (3..=32).contains(&t.len())
            && t.starts_with(|c: char| c.is_ascii_lowercase())
            && !t.ends_with('-')
            && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);
id!(
    /// An AWS account: 12 digits, leading zeros kept.
    AccountId,
    "must be 12 digits",
    "123456789012",
    |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit())
);
id!(
    /// An AWS Region code such as `us-east-1` or `us-gov-west-1`.
    Region,
    "must be an AWS Region code",
    "us-east-1",
    |t| {
        let parts: Vec<&str> = t.split('-').collect();
        let letters = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase());
        match parts.split_last() {
            Some((number, rest)) => {
                (2..=4).contains(&rest.len())
                    && rest.iter().all(letters)
                    && rest.first().is_some_and(|p| p.len() >= 2)
                    && (1..=2).contains(&number.len())
                    && number.bytes().all(|b| b.is_ascii_digit())
            }
            None => false,
        }
    }
);

/// `prefix-` and 8 or 17 lower-case hexadecimal digits, the form of EC2's identifiers.
fn ec2_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

id!(
    /// A virtual private cloud.
    VpcId,
    "must be `vpc-` and 8 or 17 hexadecimal digits",
    "vpc-0123456789abcdef0",
    |t| ec2_id(t, "vpc-")
);
id!(
    /// A subnet.
    SubnetId,
    "must be `subnet-` and 8 or 17 hexadecimal digits",
    "subnet-0123456789abcdef0",
    |t| ec2_id(t, "subnet-")
);
id!(
    /// A machine image.
    AmiId,
    "must be `ami-` and 8 or 17 hexadecimal digits",
    "ami-0123456789abcdef0",
    |t| ec2_id(t, "ami-")
);
id!(
    /// An EC2 instance.
    InstanceId,
    "must be `i-` and 8 or 17 hexadecimal digits",
    "i-0123456789abcdef0",
    |t| ec2_id(t, "i-")
);
id!(
    /// An instance type such as `t3.xlarge`; whether the Region offers it is the account's to say.
    InstanceType,
    "must be an instance family and a size",
    "t3.xlarge",
    |t| {
        let word = |p: &str| {
            !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        t.split_once('.').is_some_and(|(family, size)| word(family) && word(size))
    }
);
id!(
    /// A Cognito user pool: the Region, an underscore and up to 46 letters and digits.
    UserPoolId,
    "must be the Region, an underscore and letters or digits",
    "us-east-1_AbCdEfGhI",
    |t| {
        t.split_once('_').is_some_and(|(region, rest)| {
            Region::parse(region).is_ok()
                && (1..=46).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    }
);
id!(
    /// The prefix of a Cognito domain: lower-case letters, digits and inner hyphens; `aws`, `amazon` and
    /// `cognito` are reserved words (Cognito developer guide, "Using the Amazon Cognito domain").
    DomainPrefix,
    "must be 1 to 63 characters of a-z, 0-9 and inner hyphens, without `aws`, `amazon` or `cognito`",
    "sre-agent-prod",
    |t| {
        (1..=63).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !t.starts_with('-')
            && !t.ends_with('-')
            && !["aws", "amazon", "cognito"].iter().any(|word| t.contains(word))
    }
);

impl Region {
    /// The ARN partition this Region belongs to: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_id_keeps_to_its_grammar() {
        for good in ["abc", "sre-agent-prod", "a23456789012345678901234567890ab"] {
            assert!(DeploymentId::parse(good).is_ok(), "{good}");
        }
        for bad in ["ab", "1abc", "abc-", "Abc", "a_b", "a234567890123456789012345678901bc", ""] {
            assert!(DeploymentId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_of_every_partition_are_known() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("ap-southeast-5", "aws"),
        ] {
            assert_eq!(Region::parse(region).unwrap().partition(), partition);
        }
        for bad in ["us-east", "useast1", "US-EAST-1", "us-east-", ""] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reserved_words_are_no_domain_prefix() {
        assert!(DomainPrefix::parse("sre-agent-prod").is_ok());
        for bad in ["my-aws-pool", "amazonian", "cognito-x", "-a", "a-", "A"] {
            assert!(DomainPrefix::parse(bad).is_err(), "{bad}");
        }
    }
}
