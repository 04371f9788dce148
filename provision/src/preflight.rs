//! Looks at the account before anything is made: where the instance can stand, from which image, and whether the
//! account lets us. What cannot be checked is said to be unchecked; it does not stop the run.

use cloud::port::ec2::{
    DryRun, NewInstance, NewSecurityGroup, RouteTable, Subnet, SubnetQuery, Vpc, VpcQuery,
};
use cloud::port::quotas::QuotaQuery;
use cloud::{CallError, Cloud, ErrorKind};
use model::config::{Config, HostInstall, OperatingSystem};
use model::plan::Pins;
use model::tags::Tags;
use model::{Finding, Severity};

use crate::advice;
use crate::bundle::{Machine, Programs};
use crate::error::StepError;
use crate::patience::Patience;
use crate::steps::names;

/// vCPUs of running On-Demand Standard instances (A, C, D, H, I, M, R, T, Z).
const STANDARD_VCPUS: &str = "L-1216C47A";

fn error(code: &str, subject: &str, message: impl Into<String>) -> Finding {
    Finding::new(code, Severity::Error, subject, message)
}

fn unchecked(subject: &str, what: &str, error: &CallError) -> Finding {
    Finding::new("SRE-PLAN-010", Severity::Warning, subject, format!("could not check {what}"))
        .evidence(error.to_string())
        .hint(format!("allow {} to have it checked; the run goes on without", error.action()))
}

/// Looks up what the plan pins: VPC, subnet and image. Values pinned before stay, unless the configuration names others.
pub async fn pins(
    cloud: &Cloud,
    patience: &Patience<'_>,
    config: &Config,
    previous: Option<&Pins>,
) -> Result<(Pins, Vec<Finding>), StepError> {
    let named = |ours: Option<&str>, pinned: &str| ours.is_none_or(|ours| ours == pinned);
    if let Some(previous) = previous {
        let network = &config.network;
        if named(network.vpc_id.as_ref().map(model::ids::VpcId::as_str), &previous.vpc_id)
            && named(network.subnet_id.as_ref().map(model::ids::SubnetId::as_str), &previous.subnet_id)
            && named(config.instance.ami_id.as_ref().map(model::ids::AmiId::as_str), &previous.image_id)
        {
            return Ok((previous.clone(), Vec::new()));
        }
    }
    let mut findings = Vec::new();
    let mut pins = Pins::default();
    let (network, image) = futures::join!(
        pin_network(cloud, patience, config, &mut findings),
        pin_image(cloud, patience, config, previous)
    );
    if let Some((vpc, subnet)) = network? {
        pins.vpc_id = vpc.id;
        pins.vpc_cidrs = vpc.cidrs.iter().map(ToString::to_string).collect();
        pins.subnet_id = subnet.id;
        pins.availability_zone = subnet.availability_zone;
    }
    match image? {
        Ok((image_id, root_device_name)) => {
            pins.image_id = image_id;
            pins.root_device_name = root_device_name;
        }
        Err(finding) => findings.push(finding),
    }
    Ok((pins, findings))
}

async fn pin_network(
    cloud: &Cloud,
    patience: &Patience<'_>,
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Result<Option<(Vpc, Subnet)>, StepError> {
    let ec2 = &cloud.ec2;
    let wanted_subnet = config.network.subnet_id.as_ref();
    let chosen = match wanted_subnet {
        Some(id) => {
            let query = SubnetQuery::Id(id.to_string());
            let found = patience.read(None, || ec2.describe_subnets(query.clone())).await?.into_iter().next();
            if found.is_none() {
                findings.push(
                    error("SRE-PLAN-005", "network.subnet_id", format!("subnet {id} does not exist here"))
                        .hint("check the id, the account and the Region"),
                );
                return Ok(None);
            }
            found
        }
        None => None,
    };
    let of_subnet = chosen.as_ref().map(|subnet| subnet.vpc_id.clone());
    let wanted_vpc = config.network.vpc_id.as_ref().map(ToString::to_string);
    if let (Some(wanted), Some(of_subnet)) = (&wanted_vpc, &of_subnet)
        && wanted != of_subnet
    {
        findings.push(
            error(
                "SRE-PLAN-005",
                "network.subnet_id",
                format!("the subnet is in {of_subnet}, not in {wanted}"),
            )
            .hint("set `network.vpc_id` to the subnet's VPC, or leave it out"),
        );
        return Ok(None);
    }
    let query = wanted_vpc.or(of_subnet).map_or(VpcQuery::Default, VpcQuery::Id);
    let Some(vpc) = patience.read(None, || ec2.describe_vpcs(query.clone())).await?.into_iter().next() else {
        let message = match &query {
            VpcQuery::Default => "this Region has no default VPC".to_owned(),
            VpcQuery::Id(id) => format!("VPC {id} does not exist here"),
            VpcQuery::All => "this Region has no VPC".to_owned(),
        };
        findings.push(
            error("SRE-PLAN-004", "network.vpc_id", message).hint(
                "set `network.vpc_id` and `network.subnet_id`, or make one: aws ec2 create-default-vpc",
            ),
        );
        return Ok(None);
    };
    let tables = patience.read(None, || ec2.describe_route_tables(vpc.id.clone())).await?;
    let subnet = if let Some(subnet) = chosen {
        if !is_public(&subnet, &tables) {
            findings.push(no_route(config, &subnet));
        }
        subnet
    } else {
        let query = SubnetQuery::Vpc(vpc.id.clone());
        let mut subnets = patience.read(None, || ec2.describe_subnets(query.clone())).await?;
        // The same account gives the same choice.
        subnets.sort_by(|a, b| (&a.availability_zone, &a.id).cmp(&(&b.availability_zone, &b.id)));
        let free = |subnet: &&Subnet| subnet.free_addresses > 0;
        let public = subnets.iter().filter(free).find(|subnet| is_public(subnet, &tables));
        if let Some(subnet) = public.or_else(|| subnets.iter().find(free)) {
            if !is_public(subnet, &tables) {
                findings.push(no_route(config, subnet));
            }
            subnet.clone()
        } else {
            findings.push(
                error(
                    "SRE-PLAN-005",
                    "network.subnet_id",
                    format!("{} has no subnet with a free address", vpc.id),
                )
                .hint("make a public subnet, or set `network.subnet_id`"),
            );
            return Ok(None);
        }
    };
    Ok(Some((vpc, subnet)))
}

/// Whether the subnet's own route table, or else the VPC's main one, leads to an internet gateway.
pub fn is_public(subnet: &Subnet, tables: &[RouteTable]) -> bool {
    tables
        .iter()
        .find(|table| table.subnet_ids.contains(&subnet.id))
        .or_else(|| tables.iter().find(|table| table.main))
        .is_some_and(|table| table.default_route_to_internet_gateway)
}

fn no_route(config: &Config, subnet: &Subnet) -> Finding {
    let severity = match config.host.install {
        HostInstall::None => Severity::Warning,
        HostInstall::UserData | HostInstall::Here => Severity::Error,
    };
    Finding::new(
        "SRE-PLAN-003",
        severity,
        "network.subnet_id",
        format!("subnet {} has no route to an internet gateway", subnet.id),
    )
    .hint(
        "set `network.subnet_id` to a public subnet, or add a route 0.0.0.0/0 to an internet gateway; \
         with `host.install: none` this is only a warning",
    )
}

/// The image and its root device, or why there is none.
async fn pin_image(
    cloud: &Cloud,
    patience: &Patience<'_>,
    config: &Config,
    previous: Option<&Pins>,
) -> Result<Result<(String, String), Finding>, StepError> {
    let instance = &config.instance;
    if instance.adopt_instance_id.is_some() {
        return Ok(Ok((String::new(), String::new())));
    }
    let pinned = previous.map(|pins| pins.image_id.clone()).filter(|id| !id.is_empty());
    let id = match (&instance.ami_id, pinned) {
        (Some(id), _) => id.to_string(),
        (None, Some(id)) => id,
        (None, None) => {
            let parameter = image_parameter(instance.os, is_arm(instance.instance_type.as_str()));
            let value = patience.read(None, || cloud.ssm.get_parameter(parameter.clone())).await?;
            match value {
                Some(id) => id,
                None => {
                    return Ok(Err(error(
                        "SRE-PLAN-006",
                        "instance.os",
                        format!("AWS publishes no image under {parameter} in this Region"),
                    )
                    .hint("set `instance.ami_id`")));
                }
            }
        }
    };
    let image = patience.read(None, || cloud.ec2.describe_image(id.clone())).await?;
    Ok(image.map(|image| (image.id, image.root_device_name)).ok_or_else(|| {
        error("SRE-PLAN-006", "instance.ami_id", format!("image {id} does not exist here"))
            .hint("images belong to one Region: check the id and the Region")
    }))
}

/// Public parameters kept by AWS and by Canonical.
fn image_parameter(os: OperatingSystem, arm: bool) -> String {
    match os {
        OperatingSystem::AmazonLinux2023 => format!(
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}",
            if arm { "arm64" } else { "x86_64" }
        ),
        OperatingSystem::Ubuntu2204 => format!(
            "/aws/service/canonical/ubuntu/server/22.04/stable/current/{}/hvm/ebs-gp2/ami-id",
            if arm { "arm64" } else { "amd64" }
        ),
    }
}

/// What keeps the programs from running on the instance.
pub fn programs(config: &Config, programs: &Programs) -> Vec<Finding> {
    let instance = &config.instance;
    let machine = if is_arm(instance.instance_type.as_str()) { Machine::Arm64 } else { Machine::X86_64 };
    programs.findings(machine, instance.os)
}

/// Whether the type's family is Graviton: a `g` among the letters after the generation, as in `t4g` and `m7gd`.
fn is_arm(instance_type: &str) -> bool {
    let family = instance_type.split('.').next().unwrap_or_default();
    family.trim_start_matches(|c: char| c.is_ascii_alphabetic()).contains('g') || family == "a1"
}

/// Checks whether the account lets us make the instance; asked only when one is to be made.
pub async fn machine(
    cloud: &Cloud,
    patience: &Patience<'_>,
    config: &Config,
    pins: &Pins,
) -> Result<Vec<Finding>, StepError> {
    let (size, calls) =
        futures::join!(size(cloud, patience, config), permissions(cloud, patience, config, pins));
    let mut findings = size?;
    findings.extend(calls?);
    Ok(findings)
}

async fn size(cloud: &Cloud, patience: &Patience<'_>, config: &Config) -> Result<Vec<Finding>, StepError> {
    let wanted = config.instance.instance_type.to_string();
    let subject = "instance.type";
    let query = QuotaQuery { service_code: "ec2".to_owned(), quota_code: STANDARD_VCPUS.to_owned() };
    let (info, quota) = futures::join!(
        patience.read(None, || cloud.ec2.describe_instance_type(wanted.clone())),
        patience.read(None, || cloud.quotas.get_service_quota(query.clone()))
    );
    let mut findings = Vec::new();
    let info = match info {
        Ok(Some(info)) => info,
        Ok(None) => {
            findings.push(
                error("SRE-PLAN-007", subject, format!("{wanted} is not offered in this Region"))
                    .hint("choose another `instance.type` with 4 vCPU and 16 GiB or more"),
            );
            return Ok(findings);
        }
        Err(StepError::Call(error)) if may_go_on(&error) => {
            findings.push(unchecked(subject, "whether the Region offers the instance type", &error));
            return Ok(findings);
        }
        Err(error) => return Err(error),
    };
    let standard = wanted.starts_with(['a', 'c', 'd', 'h', 'i', 'm', 'r', 't', 'z']);
    match quota {
        Ok(Some(vcpus)) if standard && vcpus < f64::from(info.vcpus) => findings.push(
            error(
                "SRE-PLAN-008",
                subject,
                format!("the account may run {vcpus} vCPUs of this kind, and {wanted} alone has {}", info.vcpus),
            )
            .hint(format!(
                "ask for more: https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{STANDARD_VCPUS}"
            )),
        ),
        Ok(_) => {}
        Err(StepError::Call(error)) if may_go_on(&error) => {
            findings.push(unchecked(subject, "the vCPU quota", &error));
        }
        Err(error) => return Err(error),
    }
    Ok(findings)
}

/// Credentials that do not work stop the run; a refusal or an emulator's gap does not.
fn may_go_on(error: &CallError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Denied
            | ErrorKind::Unsupported
            | ErrorKind::NotFound
            | ErrorKind::Other
            | ErrorKind::ServerFault
    )
}

/// Tries the EC2 calls that can be tried, and names every gap at once.
async fn permissions(
    cloud: &Cloud,
    patience: &Patience<'_>,
    config: &Config,
    pins: &Pins,
) -> Result<Vec<Finding>, StepError> {
    let group = NewSecurityGroup {
        name: names::security_group(&config.deployment.id),
        description: "sre-agent-deploy dry run".to_owned(),
        vpc_id: pins.vpc_id.clone(),
        tags: Tags::new(),
    };
    let instance = NewInstance {
        image_id: pins.image_id.clone(),
        instance_type: config.instance.instance_type.to_string(),
        subnet_id: pins.subnet_id.clone(),
        // Neither group nor profile exists yet; the adapter leaves empty ones out.
        group_ids: Vec::new(),
        profile_name: String::new(),
        root_device_name: pins.root_device_name.clone(),
        volume_gb: config.instance.volume_gb,
        termination_protection: false,
        // Nothing is made that a token could stand for, but an empty one is refused.
        client_token: "dry-run".to_owned(),
        user_data: None,
        tags: Tags::new(),
    };
    let tries = [
        DryRun::CreateSecurityGroup(group),
        DryRun::AllocateAddress(Tags::new()),
        DryRun::RunInstances(Box::new(instance)),
    ];
    let answers = futures::future::join_all(
        tries.iter().map(|attempt| patience.read(None, || cloud.ec2.dry_run(attempt.clone()))),
    )
    .await;
    let mut findings = Vec::new();
    for answer in answers {
        match answer {
            // A group of that name is the planner's business.
            Ok(()) => {}
            Err(StepError::Call(error)) if error.kind == ErrorKind::AlreadyExists => {}
            Err(StepError::Call(error)) if error.kind == ErrorKind::Denied => {
                let finding = advice::of_call("preflight", &error);
                findings.push(Finding { code: "SRE-PLAN-009".to_owned(), ..finding });
            }
            Err(StepError::Call(error)) if may_go_on(&error) || error.kind == ErrorKind::Invalid => {
                findings.push(unchecked("preflight", "the permission with a dry run", &error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graviton_families_are_told_by_their_name() {
        for (instance_type, arm) in [
            ("t3.xlarge", false),
            ("t4g.xlarge", true),
            ("m7gd.large", true),
            ("g5.xlarge", false),
            ("c7gn.large", true),
            ("a1.xlarge", true),
        ] {
            assert_eq!(is_arm(instance_type), arm, "{instance_type}");
        }
    }
}
