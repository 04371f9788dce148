//! Rules of security groups, from and to the shape in which EC2 groups them.
//!
//! EC2 puts several sources under one protocol and port range; ours are one block of addresses each. Sources that are
//! other groups or prefix lists are never ours and left out.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range};
use cloud::port::ec2::{Protocol, Rule};
use cloud::{CallError, ErrorKind};
use ipnet::IpNet;

use super::SERVICE;

/// The rules that one permission stands for.
pub(super) fn from_permission(permission: &IpPermission, operation: &str) -> Result<Vec<Rule>, CallError> {
    let protocol = match permission.ip_protocol() {
        Some("tcp" | "6") => Protocol::Tcp,
        Some("udp" | "17") => Protocol::Udp,
        Some("-1") => Protocol::All,
        _ => Protocol::Other,
    };
    let (from_port, to_port) = match protocol {
        Protocol::Tcp | Protocol::Udp => {
            (port(permission.from_port(), u16::MIN), port(permission.to_port(), u16::MAX))
        }
        // ICMP keeps its type and code where ports would be.
        Protocol::All | Protocol::Other => (u16::MIN, u16::MAX),
    };
    let ipv4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let ipv6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
    ipv4.chain(ipv6)
        .map(|text| {
            let cidr: IpNet = text.parse().map_err(|_| {
                CallError::new(
                    SERVICE,
                    operation,
                    ErrorKind::Other,
                    "a rule's `cidrIp` is no block of addresses",
                )
            })?;
            Ok(Rule { protocol, from_port, to_port, cidr: cidr.trunc() })
        })
        .collect()
}

/// The permission that stands for one rule.
pub(super) fn to_permission(rule: &Rule, operation: &str) -> Result<IpPermission, CallError> {
    let (protocol, ports) = match rule.protocol {
        Protocol::Tcp => ("tcp", Some((rule.from_port, rule.to_port))),
        Protocol::Udp => ("udp", Some((rule.from_port, rule.to_port))),
        Protocol::All => ("-1", None),
        // We do not know which protocol it was.
        Protocol::Other => {
            let message = format!("the rule `{rule}` was not made here and cannot be written");
            return Err(CallError::new(SERVICE, operation, ErrorKind::Invalid, message));
        }
    };
    let permission = IpPermission::builder()
        .ip_protocol(protocol)
        .set_from_port(ports.map(|(from, _)| i32::from(from)))
        .set_to_port(ports.map(|(_, to)| i32::from(to)));
    Ok(match rule.cidr {
        IpNet::V4(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr.to_string()).build()).build(),
        IpNet::V6(cidr) => {
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr.to_string()).build()).build()
        }
    })
}

/// A port, or `unset` for what is absent or stands for all (`-1`).
fn port(number: Option<i32>, unset: u16) -> u16 {
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or(unset)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{PrefixListId, UserIdGroupPair};
    use proptest::prelude::*;

    use super::*;

    fn rules() -> impl Strategy<Value = Rule> {
        let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::All)];
        let ipv4 =
            (any::<[u8; 4]>(), 0_u8..=32).prop_map(|(ip, length)| IpNet::new(ip.into(), length).unwrap());
        let ipv6 =
            (any::<[u8; 16]>(), 0_u8..=128).prop_map(|(ip, length)| IpNet::new(ip.into(), length).unwrap());
        (protocol, any::<u16>(), any::<u16>(), prop_oneof![ipv4, ipv6]).prop_map(|(protocol, a, b, cidr)| {
            let (from_port, to_port) =
                if protocol == Protocol::All { (0, u16::MAX) } else { (a.min(b), a.max(b)) };
            Rule { protocol, from_port, to_port, cidr: cidr.trunc() }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_rule_survives_the_way_there_and_back(rule in rules()) {
            let permission = to_permission(&rule, "AuthorizeSecurityGroupIngress").unwrap();
            prop_assert_eq!(from_permission(&permission, "DescribeSecurityGroups").unwrap(), vec![rule]);
        }

        #[test]
        fn no_port_that_ec2_may_send_panics(from in any::<Option<i32>>(), to in any::<Option<i32>>(), protocol in ".{0,4}") {
            let permission = IpPermission::builder()
                .ip_protocol(protocol)
                .set_from_port(from)
                .set_to_port(to)
                .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").build())
                .build();
            prop_assert_eq!(from_permission(&permission, "DescribeSecurityGroups").unwrap().len(), 1);
        }
    }

    #[test]
    fn groups_and_prefix_lists_are_left_out() {
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build())
            .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-1").build())
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build())
            .build();
        let rules = from_permission(&permission, "DescribeSecurityGroups").unwrap();
        let lines: Vec<String> = rules.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["tcp 443 0.0.0.0/0", "tcp 443 ::/0"]);
    }

    #[test]
    fn all_ports_of_icmp_are_one_other_rule() {
        let permission = IpPermission::builder()
            .ip_protocol("icmp")
            .from_port(-1)
            .to_port(-1)
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").build())
            .build();
        let rule = from_permission(&permission, "DescribeSecurityGroups").unwrap()[0];
        assert_eq!((rule.protocol, rule.from_port, rule.to_port), (Protocol::Other, 0, u16::MAX));
        assert_eq!(to_permission(&rule, "RevokeSecurityGroupIngress").unwrap_err().kind, ErrorKind::Invalid);
    }

    #[test]
    fn a_source_that_is_no_block_is_an_error() {
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .ip_ranges(IpRange::builder().cidr_ip("everywhere").build())
            .build();
        assert_eq!(
            from_permission(&permission, "DescribeSecurityGroups").unwrap_err().kind,
            ErrorKind::Other
        );
    }
}
