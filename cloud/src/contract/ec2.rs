//! Networks, security groups, instances and addresses.

use std::collections::BTreeSet;

use crate::port::ec2::{
    AddressAssociation, AddressQuery, DryRun, GroupQuery, Instance, InstanceGroups, InstanceQuery,
    InstanceState, MetadataOptions, NewInstance, NewSecurityGroup, Protocol, Rule, RuleChange, SecurityGroup,
    SubnetQuery, TerminationProtection, VolumeSize, VpcQuery,
};
use crate::{Cloud, ErrorKind};

use super::{Fixture, iam, refused};

/// VPC, subnets, route tables, image and instance type are there and agree with each other.
pub async fn networks(cloud: &Cloud, fixture: &Fixture) {
    let vpc_id = fixture.vpc(cloud).await;
    let vpcs = cloud.ec2.describe_vpcs(VpcQuery::All).await.expect("all VPCs");
    assert!(vpcs.iter().any(|vpc| vpc.id == *vpc_id), "{vpcs:?}");
    let vpcs = cloud.ec2.describe_vpcs(VpcQuery::Id(vpc_id.clone())).await.expect("VPC by id");
    let [vpc] = vpcs.as_slice() else { panic!("one VPC by id, not {vpcs:?}") };
    assert_eq!(vpc.id, vpc_id);
    assert!(!vpc.cidrs.is_empty(), "a VPC has a block");

    let subnet_id = fixture.subnet(cloud).await;
    let subnets = cloud.ec2.describe_subnets(SubnetQuery::Id(subnet_id.clone())).await.expect("subnet by id");
    let [subnet] = subnets.as_slice() else { panic!("one subnet by id, not {subnets:?}") };
    assert_eq!(subnet.vpc_id, vpc_id);
    assert!(subnet.free_addresses > 0, "the subnet has room");
    assert!(!subnet.availability_zone.is_empty(), "a subnet is in a zone");

    let tables = cloud.ec2.describe_route_tables(vpc_id).await.expect("route tables");
    assert_eq!(tables.iter().filter(|table| table.main).count(), 1, "one main route table: {tables:?}");

    let image_id = fixture.image(cloud).await;
    let image = cloud.ec2.describe_image(image_id.clone()).await.expect("image").expect("the image exists");
    assert_eq!(image.id, image_id);
    assert_eq!(image.architecture, "x86_64");
    assert!(image.root_device_name.starts_with("/dev/"), "{image:?}");

    let kind = cloud.ec2.describe_instance_type(fixture.instance_type.clone()).await.expect("instance type");
    let kind = kind.expect("the instance type exists");
    assert!(kind.vcpus > 0 && kind.memory_mib > 0, "{kind:?}");
    assert!(kind.architectures.iter().any(|a| a == "x86_64"), "{kind:?}");
}

async fn group_by(cloud: &Cloud, fixture: &Fixture, query: GroupQuery) -> SecurityGroup {
    fixture
        .until("the security group is seen", async || {
            let mut found =
                cloud.ec2.describe_security_groups(query.clone()).await.expect("groups can be read");
            assert!(found.len() <= 1, "one group for {query:?}, not {found:?}");
            found.pop()
        })
        .await
}

fn tcp(port: u16, cidr: &str) -> Rule {
    Rule { protocol: Protocol::Tcp, from_port: port, to_port: port, cidr: cidr.parse().expect("a block") }
}

/// Makes a group, finds it in three ways, changes its rules, deletes it.
pub async fn security_groups(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let vpc_id = fixture.vpc(cloud).await;
    let new = NewSecurityGroup {
        name: fixture.name("group"),
        description: "contract test".to_owned(),
        vpc_id: vpc_id.clone(),
        tags: fixture.tags("group"),
    };
    let id = ec2.create_security_group(new.clone()).await.expect("a group is made");
    refused(ec2.create_security_group(new.clone()).await, ErrorKind::AlreadyExists, "CreateSecurityGroup");

    let group = group_by(cloud, fixture, GroupQuery::Id(id.clone())).await;
    assert_eq!((&group.id, &group.name, &group.vpc_id), (&id, &new.name, &vpc_id));
    assert_eq!(group.tags, new.tags);
    assert_eq!(group.ingress, BTreeSet::new());
    let everything = Rule {
        protocol: Protocol::All,
        from_port: 0,
        to_port: 65535,
        cidr: "0.0.0.0/0".parse().expect("a block"),
    };
    assert_eq!(group.egress, BTreeSet::from([everything]), "AWS opens the way out");
    let by_name = GroupQuery::Name { vpc_id, name: new.name.clone() };
    assert_eq!(group_by(cloud, fixture, by_name).await.id, id);
    let by_tag = GroupQuery::Deployment(fixture.deployment.to_string());
    assert_eq!(group_by(cloud, fixture, by_tag).await.id, id);

    let rules =
        BTreeSet::from([tcp(443, "0.0.0.0/0"), tcp(8011, "172.31.0.0/16"), tcp(443, "2001:db8::/32")]);
    let change = RuleChange { group_id: id.clone(), rules: rules.clone() };
    ec2.authorize_ingress(change.clone()).await.expect("inbound rules are added");
    let one = RuleChange { group_id: id.clone(), rules: BTreeSet::from([tcp(443, "0.0.0.0/0")]) };
    refused(
        ec2.authorize_ingress(one.clone()).await,
        ErrorKind::AlreadyExists,
        "AuthorizeSecurityGroupIngress",
    );
    assert_eq!(group_by(cloud, fixture, GroupQuery::Id(id.clone())).await.ingress, rules);
    ec2.revoke_ingress(one.clone()).await.expect("an inbound rule is taken away");
    refused(ec2.revoke_ingress(one).await, ErrorKind::NotFound, "RevokeSecurityGroupIngress");
    let left = group_by(cloud, fixture, GroupQuery::Id(id.clone())).await.ingress;
    assert_eq!(left, BTreeSet::from([tcp(8011, "172.31.0.0/16"), tcp(443, "2001:db8::/32")]));

    let out = RuleChange { group_id: id.clone(), rules: BTreeSet::from([tcp(443, "0.0.0.0/0")]) };
    ec2.authorize_egress(out.clone()).await.expect("an outbound rule is added");
    ec2.revoke_egress(RuleChange { group_id: id.clone(), rules: BTreeSet::from([everything]) })
        .await
        .expect("the rule that AWS made is taken away");
    assert_eq!(group_by(cloud, fixture, GroupQuery::Id(id.clone())).await.egress, out.rules);

    ec2.delete_security_group(id.clone()).await.expect("the group is deleted");
    refused(ec2.delete_security_group(id.clone()).await, ErrorKind::NotFound, "DeleteSecurityGroup");
    assert_eq!(ec2.describe_security_groups(GroupQuery::Id(id)).await.expect("read"), []);
}

/// A group, a profile and an instance that uses both.
struct Machine {
    group_id: String,
    profile: String,
    request: NewInstance,
    id: String,
}

impl Machine {
    async fn start(cloud: &Cloud, fixture: &Fixture, what: &str) -> Self {
        let group_id = cloud
            .ec2
            .create_security_group(NewSecurityGroup {
                name: fixture.name(what),
                description: "contract test".to_owned(),
                vpc_id: fixture.vpc(cloud).await,
                tags: fixture.tags(what),
            })
            .await
            .expect("a group is made");
        let profile = iam::profile_with_role(cloud, fixture, what).await;
        let image_id = fixture.image(cloud).await;
        let image =
            cloud.ec2.describe_image(image_id.clone()).await.expect("image").expect("the image exists");
        let request = NewInstance {
            image_id,
            instance_type: fixture.instance_type.clone(),
            subnet_id: fixture.subnet(cloud).await,
            group_ids: vec![group_id.clone()],
            profile_name: profile.clone(),
            root_device_name: image.root_device_name,
            volume_gb: 12,
            termination_protection: true,
            client_token: format!("{}-{what}", fixture.deployment),
            user_data: Some("#cloud-config\n".to_owned()),
            tags: fixture.tags(what),
        };
        let id = fixture
            .until("the instance profile has reached EC2", async || {
                match cloud.ec2.run_instance(request.clone()).await {
                    Ok(id) => Some(id),
                    Err(error) if error.kind == ErrorKind::NotPropagated => None,
                    Err(error) => panic!("{error}"),
                }
            })
            .await;
        Self { group_id, profile, request, id }
    }

    async fn see(&self, cloud: &Cloud, fixture: &Fixture, state: InstanceState) -> Instance {
        fixture
            .until("the instance is in its state", async || {
                let found =
                    cloud.ec2.describe_instances(InstanceQuery::Id(self.id.clone())).await.expect("read");
                found.into_iter().find(|instance| instance.state == state)
            })
            .await
    }

    async fn end(self, cloud: &Cloud, fixture: &Fixture) {
        let off = TerminationProtection { instance_id: self.id.clone(), enabled: false };
        cloud.ec2.set_termination_protection(off).await.expect("the protection is taken away");
        cloud.ec2.terminate_instance(self.id.clone()).await.expect("the instance is terminated");
        self.see(cloud, fixture, InstanceState::Terminated).await;
        cloud.ec2.delete_security_group(self.group_id).await.expect("the group is deleted");
        iam::delete_profile_with_role(cloud, &self.profile).await;
    }
}

/// Starts an instance, reads all of it back, changes what can be changed, terminates it.
pub async fn instances(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let machine = Machine::start(cloud, fixture, "machine").await;
    let request = &machine.request;
    let instance = machine.see(cloud, fixture, InstanceState::Running).await;
    assert_eq!(instance.instance_type, request.instance_type);
    assert_eq!(instance.image_id, request.image_id);
    assert_eq!(instance.subnet_id, request.subnet_id);
    assert_eq!(instance.vpc_id, fixture.vpc(cloud).await);
    assert_eq!(instance.group_ids, BTreeSet::from([machine.group_id.clone()]));
    assert_eq!(instance.tags, request.tags);
    assert!(instance.private_ip.is_some(), "{instance:?}");
    assert!(instance.imds_tokens_required, "IMDSv2 is required from the first second");
    assert_eq!(instance.imds_hop_limit, 1);
    let profile_arn = instance.profile_arn.clone().expect("the instance has its profile");
    assert!(profile_arn.ends_with(&machine.profile), "{profile_arn}");

    let by_tag = ec2.describe_instances(InstanceQuery::Deployment(fixture.deployment.to_string())).await;
    let by_tag: Vec<String> = by_tag.expect("by tag").into_iter().map(|instance| instance.id).collect();
    assert_eq!(by_tag, [machine.id.as_str()]);
    let alive = async || -> Vec<String> {
        let alive = ec2.describe_instances(InstanceQuery::Alive).await.expect("all that are alive");
        alive.into_iter().map(|instance| instance.id).collect()
    };
    assert!(alive().await.contains(&machine.id), "whoever made it");

    let volume_id = instance.root_volume_id.clone().expect("the instance has a root volume");
    let volume = ec2.describe_volume(volume_id.clone()).await.expect("volume").expect("the volume exists");
    assert_eq!((volume.size_gb, volume.volume_type.as_str(), volume.encrypted), (12, "gp3", true));
    ec2.modify_volume(VolumeSize { volume_id: volume_id.clone(), size_gb: 16 }).await.expect("it grows");
    fixture
        .until("the volume has grown", async || {
            let volume =
                ec2.describe_volume(volume_id.clone()).await.expect("volume").expect("it is still there");
            (volume.size_gb == 16).then_some(())
        })
        .await;

    fixture
        .until("both status checks pass", async || {
            let status = ec2.describe_instance_status(machine.id.clone()).await.expect("status can be read");
            status.filter(|status| status.system_ok && status.instance_ok)
        })
        .await;

    assert!(ec2.describe_termination_protection(machine.id.clone()).await.expect("protection can be read"));
    refused(ec2.terminate_instance(machine.id.clone()).await, ErrorKind::Protected, "TerminateInstances");

    let looser = MetadataOptions { instance_id: machine.id.clone(), tokens_required: false, hop_limit: 2 };
    ec2.modify_metadata_options(looser.clone()).await.expect("the metadata service is set");
    let read = machine.see(cloud, fixture, InstanceState::Running).await;
    assert_eq!((read.imds_tokens_required, read.imds_hop_limit), (false, 2));

    let second = NewSecurityGroup {
        name: fixture.name("second"),
        description: "contract test".to_owned(),
        vpc_id: instance.vpc_id.clone(),
        tags: fixture.tags("second"),
    };
    let second = ec2.create_security_group(second).await.expect("a second group is made");
    let both = vec![machine.group_id.clone(), second.clone()];
    let change = InstanceGroups { instance_id: machine.id.clone(), group_ids: both.clone() };
    ec2.set_instance_groups(change).await.expect("groups are set");
    let read = machine.see(cloud, fixture, InstanceState::Running).await;
    assert_eq!(read.group_ids, both.into_iter().collect::<BTreeSet<_>>());
    let change =
        InstanceGroups { instance_id: machine.id.clone(), group_ids: vec![machine.group_id.clone()] };
    ec2.set_instance_groups(change).await.expect("groups are set back");
    ec2.delete_security_group(second).await.expect("the second group is deleted");

    let (id, ended) = (machine.id.clone(), machine.id.clone());
    machine.end(cloud, fixture).await;
    ec2.terminate_instance(id).await.expect("a terminated instance can be terminated again");
    let by_tag = ec2.describe_instances(InstanceQuery::Deployment(fixture.deployment.to_string())).await;
    assert_eq!(by_tag.expect("by tag"), [], "terminated instances are not found by tag");
    assert!(!alive().await.contains(&ended), "a terminated instance is not alive");
    assert_eq!(
        ec2.describe_volume(volume_id).await.expect("volume"),
        None,
        "the volume went with its instance"
    );
}

/// Takes an address, gives it to an instance twice, takes it back, releases it.
pub async fn addresses(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let tags = fixture.tags("address");
    let id = ec2.allocate_address(tags.clone()).await.expect("an address is taken");
    let see = async |query: AddressQuery| {
        fixture
            .until("the address is seen", async || {
                let found = ec2.describe_addresses(query.clone()).await.expect("addresses can be read");
                assert!(found.len() <= 1, "one address for {query:?}, not {found:?}");
                found.into_iter().next()
            })
            .await
    };
    let address = see(AddressQuery::Id(id.clone())).await;
    assert_eq!((&address.allocation_id, &address.tags), (&id, &tags));
    assert!(address.public_ip.parse::<std::net::Ipv4Addr>().is_ok(), "{address:?}");
    assert_eq!((&address.association_id, &address.instance_id), (&None, &None));
    assert_eq!(see(AddressQuery::Deployment(fixture.deployment.to_string())).await.allocation_id, id);

    let machine = Machine::start(cloud, fixture, "addressee").await;
    machine.see(cloud, fixture, InstanceState::Running).await;
    let pair = AddressAssociation { allocation_id: id.clone(), instance_id: machine.id.clone() };
    ec2.associate_address(pair.clone()).await.expect("the address is associated");
    ec2.associate_address(pair).await.expect("repeating it is harmless");
    let address = see(AddressQuery::Id(id.clone())).await;
    assert_eq!(address.instance_id.as_ref(), Some(&machine.id));
    let instance = machine.see(cloud, fixture, InstanceState::Running).await;
    assert_eq!(instance.public_ip.as_ref(), Some(&address.public_ip));

    let association = address.association_id.expect("an association has an id");
    ec2.disassociate_address(association).await.expect("the address is taken from the instance");
    let address = see(AddressQuery::Id(id.clone())).await;
    assert_eq!((address.association_id, address.instance_id), (None, None));
    machine.end(cloud, fixture).await;

    ec2.release_address(id.clone()).await.expect("the address is released");
    refused(ec2.release_address(id.clone()).await, ErrorKind::NotFound, "ReleaseAddress");
    assert_eq!(ec2.describe_addresses(AddressQuery::Id(id)).await.expect("read"), []);
}

/// What is allowed is answered with `Ok`, and nothing is made.
pub async fn dry_runs(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let group = NewSecurityGroup {
        name: fixture.name("dry"),
        description: "contract test".to_owned(),
        vpc_id: fixture.vpc(cloud).await,
        tags: fixture.tags("dry"),
    };
    let by_name = GroupQuery::Name { vpc_id: group.vpc_id.clone(), name: group.name.clone() };
    ec2.dry_run(DryRun::CreateSecurityGroup(group)).await.expect("a group may be made");
    ec2.dry_run(DryRun::AllocateAddress(fixture.tags("dry"))).await.expect("an address may be taken");
    assert_eq!(ec2.describe_security_groups(by_name).await.expect("read"), [], "nothing was made");
}
