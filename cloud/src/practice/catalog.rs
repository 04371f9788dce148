//! What AWS puts into every account: images, instance types, public parameters, quotas, the default VPC.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::state::{Image, InstanceType, RouteTable, State, Subnet, Vpc};

/// vCPUs of running On-Demand Standard instances.
pub(super) const VCPUS: &str = "ec2/L-1216C47A";
/// Elastic IP addresses.
pub(super) const ADDRESSES: &str = "ec2/L-0263D0A3";
/// Rules of a security group, in one direction.
pub(super) const RULES: &str = "vpc/L-0EA8095F";

/// Quotas, as a new account has them; only the first is usually higher.
pub(super) fn quotas() -> BTreeMap<String, f64> {
    [(VCPUS, 32.0), (ADDRESSES, 5.0), (RULES, 60.0)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Families with their GiB for each vCPU and their architecture.
const FAMILIES: [(&str, u64, &str); 10] = [
    ("m5", 4, "x86_64"),
    ("m6i", 4, "x86_64"),
    ("m7i", 4, "x86_64"),
    ("c6i", 2, "x86_64"),
    ("c7i", 2, "x86_64"),
    ("r6i", 8, "x86_64"),
    ("m6g", 4, "arm64"),
    ("m7g", 4, "arm64"),
    ("c7g", 2, "arm64"),
    ("r7g", 8, "arm64"),
];
/// Sizes of those families with their vCPUs.
const SIZES: [(&str, u32); 4] = [("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16)];
/// Burstable families, which have sizes of their own, in MiB.
const BURSTABLE: [(&str, &str); 3] = [("t3", "x86_64"), ("t3a", "x86_64"), ("t4g", "arm64")];
const BURSTABLE_SIZES: [(&str, u32, u64); 7] = [
    ("nano", 2, 512),
    ("micro", 2, 1024),
    ("small", 2, 2048),
    ("medium", 2, 4096),
    ("large", 2, 8192),
    ("xlarge", 4, 16384),
    ("2xlarge", 8, 32768),
];

/// A table of instance types.
pub(super) fn instance_types() -> BTreeMap<String, InstanceType> {
    let burstable = BURSTABLE.iter().flat_map(|&(family, architecture)| {
        BURSTABLE_SIZES
            .iter()
            .map(move |&(size, vcpus, memory_mib)| (family, size, vcpus, memory_mib, architecture))
    });
    let fixed = FAMILIES.iter().flat_map(|&(family, gib, architecture)| {
        SIZES.iter().map(move |&(size, vcpus)| {
            (family, size, vcpus, u64::from(vcpus).saturating_mul(gib).saturating_mul(1024), architecture)
        })
    });
    burstable
        .chain(fixed)
        .map(|(family, size, vcpus, memory_mib, architecture)| {
            let info = InstanceType { vcpus, memory_mib, architecture: architecture.to_owned() };
            (format!("{family}.{size}"), info)
        })
        .collect()
}

/// Public parameters with the architecture and the root device of the image that each names.
const IMAGES: [(&str, &str, &str); 4] = [
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "x86_64", "/dev/xvda"),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", "arm64", "/dev/xvda"),
    (
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
        "x86_64",
        "/dev/sda1",
    ),
    (
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
        "arm64",
        "/dev/sda1",
    ),
];

/// Images and the parameters that name them.
pub(super) fn add_images(state: &mut State) {
    for (parameter, architecture, device) in IMAGES {
        let id = state.next_id("ami");
        let image = Image { root_device_name: device.to_owned(), architecture: architecture.to_owned() };
        state.images.insert(id.clone(), image);
        state.parameters.insert(parameter.to_owned(), id);
    }
}

/// The default VPC: three public subnets, an internet gateway, one route table.
pub(super) fn add_default_vpc(state: &mut State) {
    let vpc_id = state.next_id("vpc");
    let cidrs = IpNet::new(IpAddr::V4(Ipv4Addr::new(172, 31, 0, 0)), 16).into_iter().collect();
    state.vpcs.insert(vpc_id.clone(), Vpc { cidrs, is_default: true });
    for zone in ["a", "b", "c"] {
        let id = state.next_id("subnet");
        let zone = format!("{}{zone}", state.region);
        state.subnets.insert(id, Subnet { vpc_id: vpc_id.clone(), zone, public_ips: true });
    }
    let id = state.next_id("rtb");
    let table = RouteTable { vpc_id, main: true, subnet_ids: Vec::new(), to_internet: true };
    state.route_tables.insert(id, table);
}
