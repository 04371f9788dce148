//! EC2: instances and their volumes.

use crate::port::ec2::{
    Instance, InstanceGroups, InstanceQuery, InstanceState, InstanceStatus, MetadataOptions, NewInstance,
    TerminationProtection, Volume, VolumeSize,
};

use super::boot::Boot;
use super::catalog;
use super::desk::permit;
use super::network::no_group;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, Launch, State, of_deployment, sha256, tick};

const INVALID: &str = "InvalidParameterValue";
/// The size of the snapshots behind the images.
const IMAGE_GB: u32 = 8;

fn no_instance(id: &str) -> Refusal {
    Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

fn is_alive(state: InstanceState) -> bool {
    matches!(state, InstanceState::Running | InstanceState::Stopped)
}

impl State {
    pub(super) fn describe_instances(&mut self, query: &InstanceQuery) -> Vec<Instance> {
        let wanted: Vec<String> = self
            .instances
            .iter_mut()
            .filter(|(id, instance)| match query {
                InstanceQuery::Id(wanted) => *id == wanted,
                InstanceQuery::Deployment(deployment) => {
                    of_deployment(&instance.tags, deployment) && instance.state != InstanceState::Terminated
                }
                InstanceQuery::Alive => is_alive(instance.state),
            })
            .filter_map(|(id, instance)| instance.unseen.look().then(|| id.clone()))
            .collect();
        for id in &wanted {
            self.settle_instance(id);
        }
        let still = |instance: &Instance| match query {
            InstanceQuery::Id(_) => true,
            InstanceQuery::Deployment(_) => instance.state != InstanceState::Terminated,
            InstanceQuery::Alive => is_alive(instance.state),
        };
        wanted.iter().filter_map(|id| self.show_instance(id)).filter(still).collect()
    }

    /// One look at an instance that is on its way to another state.
    pub(super) fn settle_instance(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        match instance.state {
            InstanceState::Pending if tick(&mut instance.settle) => instance.state = InstanceState::Running,
            InstanceState::ShuttingDown if tick(&mut instance.settle) => self.end_instance(id),
            _ => {}
        }
    }

    fn end_instance(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.state = InstanceState::Terminated;
        let volume_id = instance.volume_id.clone();
        self.volumes.remove(&volume_id);
        for address in self.addresses.values_mut() {
            address.association.take_if(|association| association.instance_id == id);
        }
    }

    fn show_instance(&self, id: &str) -> Option<Instance> {
        let instance = self.instances.get(id)?;
        let gone = instance.state == InstanceState::Terminated;
        let elastic = self
            .addresses
            .values()
            .find(|address| address.association.as_ref().is_some_and(|a| a.instance_id == id))
            .map(|address| address.public_ip.clone());
        let own = instance.public_ip.clone().filter(|_| instance.state == InstanceState::Running);
        Some(Instance {
            id: id.to_owned(),
            state: instance.state,
            instance_type: instance.kind.clone(),
            image_id: instance.image_id.clone(),
            vpc_id: instance.vpc_id.clone(),
            subnet_id: instance.subnet_id.clone(),
            group_ids: if gone { <_>::default() } else { instance.group_ids.clone() },
            profile_arn: Some(instance.profile_arn.clone()).filter(|arn| !gone && !arn.is_empty()),
            public_ip: elastic.or(own),
            private_ip: Some(instance.private_ip.clone()).filter(|_| !gone),
            imds_tokens_required: instance.tokens_required,
            imds_hop_limit: instance.hop_limit,
            root_volume_id: Some(instance.volume_id.clone()).filter(|_| !gone),
            tags: instance.tags.clone(),
        })
    }

    /// What `RunInstances` checks, with or without `DryRun`.
    pub(super) fn check_instance(&self, new: &NewInstance) -> Answer<()> {
        let image = self.images.get(&new.image_id).ok_or_else(|| {
            Refusal::new("InvalidAMIID.NotFound", format!("The image id '[{}]' does not exist", new.image_id))
        })?;
        let info = self.instance_types.get(&new.instance_type).ok_or_else(|| {
            Refusal::new(INVALID, format!("Invalid value '{}' for InstanceType.", new.instance_type))
        })?;
        demand(info.architecture == image.architecture, INVALID, || {
            format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{}' of the \
                 specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
                info.architecture, image.architecture
            )
        })?;
        let subnet = self.subnets.get(&new.subnet_id).ok_or_else(|| {
            Refusal::new(
                "InvalidSubnetID.NotFound",
                format!("The subnet ID '{}' does not exist", new.subnet_id),
            )
        })?;
        self.check_groups(&new.group_ids, &subnet.vpc_id)?;
        demand(new.volume_gb >= IMAGE_GB, "InvalidBlockDeviceMapping", || {
            format!(
                "Volume of size {}GB is smaller than snapshot, expect size >= {IMAGE_GB}GB",
                new.volume_gb
            )
        })?;
        demand(new.volume_gb <= 16384, INVALID, || {
            format!("Volume of {}GiB is too large for volume type gp3; maximum is 16384GiB", new.volume_gb)
        })?;
        demand(new.user_data.as_ref().is_none_or(|data| data.len() <= 16384), INVALID, || {
            "User data is limited to 16384 bytes".to_owned()
        })?;
        demand((1..=64).contains(&new.client_token.len()) && new.client_token.is_ascii(), INVALID, || {
            "Invalid value for clientToken. It must be 1 to 64 ASCII characters.".to_owned()
        })?;
        demand_tags(&new.tags, INVALID)
    }

    fn check_groups(&self, group_ids: &[String], vpc_id: &str) -> Answer<()> {
        for id in group_ids {
            let group = self.groups.get(id).ok_or_else(|| no_group(id))?;
            demand(group.vpc_id == vpc_id, "InvalidParameter", || {
                format!("Security group {id} and the subnet belong to different networks.")
            })?;
        }
        Ok(())
    }

    fn check_quota(&self, instance_type: &str) -> Answer<()> {
        let vcpus = |name: &str| self.instance_types.get(name).map_or(0, |info| info.vcpus);
        let used = self
            .instances
            .values()
            .filter(|instance| instance.alive())
            .fold(vcpus(instance_type), |sum, instance| sum.saturating_add(vcpus(&instance.kind)));
        let limit = self.quota(catalog::VCPUS);
        demand(f64::from(used) <= limit, "VcpuLimitExceeded", || {
            format!(
                "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance \
                 bucket that the specified instance type belongs to. Please visit \
                 http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
            )
        })
    }

    /// The ARN of a profile that EC2 can use; one that it has not heard of yet is refused a few times.
    fn usable_profile(&mut self, name: &str) -> Answer<String> {
        let unknown = || {
            let words = format!("Value ({name}) for parameter iamInstanceProfile.name is invalid.");
            Refusal::new(INVALID, format!("{words} Invalid IAM Instance Profile name"))
        };
        let profile = self.profiles.get_mut(name).ok_or_else(unknown)?;
        if !tick(&mut profile.unknown_to_ec2) {
            return Err(unknown());
        }
        let arn_end = format!("instance-profile{}{name}", profile.path);
        let role = profile.role.clone();
        let arn = self.iam_arn(&arn_end);
        let Some(role) = role else {
            let words = format!("Value ({name}) for parameter iamInstanceProfile.name is invalid.");
            return Err(Refusal::new(
                INVALID,
                format!("{words} IAM Instance Profile \"{arn}\" has no associated IAM Roles"),
            ));
        };
        let path = self.roles.get(&role).map(|role| role.path.clone()).unwrap_or_default();
        let role_arn = self.iam_arn(&format!("role{path}{role}"));
        // EC2 answers for the missing `iam:PassRole`, so the denial is worded as EC2's.
        permit(self, "iam", "PassRole", &role_arn).map_err(Refusal::into_ec2)?;
        Ok(arn)
    }

    pub(super) fn run_instance(&mut self, new: NewInstance) -> Answer<String> {
        let parameters = sha256(&format!("{:?}", NewInstance { client_token: String::new(), ..new.clone() }));
        if let Some(launch) = self.launches.get(&new.client_token) {
            demand(launch.parameters == parameters, "IdempotentParameterMismatch", || {
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
                    .to_owned()
            })?;
            let alive = self.instances.get(&launch.instance_id).is_some_and(state::Instance::alive);
            demand(alive, "IdempotentInstanceTerminated", || {
                "The client token you have provided is associated with a resource that is already deleted. Please \
                 use a different client token."
                    .to_owned()
            })?;
            return Ok(launch.instance_id.clone());
        }
        self.check_instance(&new)?;
        let profile_arn = self.usable_profile(&new.profile_name)?;
        self.check_quota(&new.instance_type)?;
        let id = self.next_id("i");
        let volume_id = self.next_id("vol");
        let (vpc_id, public) = self
            .subnets
            .get(&new.subnet_id)
            .map(|subnet| (subnet.vpc_id.clone(), subnet.public_ips))
            .unwrap_or_default();
        // A mapping with another name is another volume: the root keeps the image's size and no encryption.
        let root = self.images.get(&new.image_id).is_some_and(|i| i.root_device_name == new.root_device_name);
        let volume = state::Volume {
            size_gb: if root { new.volume_gb } else { IMAGE_GB },
            kind: "gp3".to_owned(),
            encrypted: root,
            tags: new.tags.clone(),
        };
        let settle = self.pace.settle;
        let instance = state::Instance {
            unseen: self.unseen(),
            state: if settle == 0 { InstanceState::Running } else { InstanceState::Pending },
            settle,
            checks: settle,
            kind: new.instance_type,
            image_id: new.image_id,
            vpc_id,
            subnet_id: new.subnet_id,
            group_ids: new.group_ids.into_iter().collect(),
            profile_arn,
            private_ip: self.next_ip([172, 31]),
            public_ip: public.then(|| self.next_ip([198, 18])),
            tokens_required: true,
            hop_limit: 1,
            volume_id: volume_id.clone(),
            protected: new.termination_protection,
            boot: new.user_data.as_deref().and_then(|data| Boot::read(data, settle)),
            user_data: new.user_data.as_deref().map(sha256),
            tags: new.tags,
        };
        self.volumes.insert(volume_id, volume);
        self.instances.insert(id.clone(), instance);
        self.launches.insert(new.client_token, Launch { parameters, instance_id: id.clone() });
        Ok(id)
    }

    /// An address that depends on how many things were made before; after 65,024 of them they begin again.
    pub(super) fn next_ip(&mut self, [a, b]: [u8; 2]) -> String {
        self.made = self.made.saturating_add(1);
        let (c, d) =
            (self.made.checked_div(254).unwrap_or_default() % 256, (self.made % 254).saturating_add(1));
        format!("{a}.{b}.{c}.{d}")
    }

    fn instance_mut(&mut self, id: &str) -> Answer<&mut state::Instance> {
        self.instances.get_mut(id).ok_or_else(|| no_instance(id))
    }

    pub(super) fn terminate_instance(&mut self, id: &str) -> Answer<()> {
        let settle = self.pace.settle;
        let instance = self.instance_mut(id)?;
        if !instance.alive() {
            return Ok(());
        }
        demand(!instance.protected, "OperationNotPermitted", || {
            format!(
                "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute \
                 and try again."
            )
        })?;
        instance.state = InstanceState::ShuttingDown;
        instance.settle = settle;
        if settle == 0 {
            self.end_instance(id);
        }
        Ok(())
    }

    pub(super) fn describe_termination_protection(&mut self, id: &str) -> Answer<bool> {
        let instance = self.instance_mut(id)?;
        if instance.unseen.look() { Ok(instance.protected) } else { Err(no_instance(id)) }
    }

    pub(super) fn set_termination_protection(&mut self, change: &TerminationProtection) -> Answer<()> {
        let instance = self.living(&change.instance_id)?;
        instance.protected = change.enabled;
        Ok(())
    }

    pub(super) fn set_instance_groups(&mut self, change: InstanceGroups) -> Answer<()> {
        let vpc_id = self.living(&change.instance_id)?.vpc_id.clone();
        demand(!change.group_ids.is_empty(), "MissingParameter", || {
            "The request must contain a security group".to_owned()
        })?;
        self.check_groups(&change.group_ids, &vpc_id)?;
        self.living(&change.instance_id)?.group_ids = change.group_ids.into_iter().collect();
        Ok(())
    }

    pub(super) fn modify_metadata_options(&mut self, change: &MetadataOptions) -> Answer<()> {
        demand((1..=64).contains(&change.hop_limit), INVALID, || {
            format!("The hop limit {} is not between 1 and 64", change.hop_limit)
        })?;
        let instance = self.living(&change.instance_id)?;
        instance.tokens_required = change.tokens_required;
        instance.hop_limit = change.hop_limit;
        Ok(())
    }

    fn living(&mut self, id: &str) -> Answer<&mut state::Instance> {
        let instance = self.instance_mut(id)?;
        demand(instance.alive(), "IncorrectInstanceState", || {
            format!("The instance '{id}' is not in a valid state for this operation.")
        })?;
        Ok(instance)
    }

    pub(super) fn describe_instance_status(&mut self, id: &str) -> Option<InstanceStatus> {
        let instance = self.instances.get_mut(id)?;
        if !instance.unseen.look() || instance.state != InstanceState::Running {
            return None;
        }
        let fine = tick(&mut instance.checks);
        Some(InstanceStatus { system_ok: fine, instance_ok: fine })
    }

    pub(super) fn get_console_output(&mut self, id: &str) -> Answer<Option<String>> {
        let instance = self.instance_mut(id)?;
        Ok(instance.boot.as_ref().map(Boot::console))
    }

    pub(super) fn describe_volume(&self, id: &str) -> Option<Volume> {
        self.volumes.get(id).map(|volume| Volume {
            id: id.to_owned(),
            size_gb: volume.size_gb,
            volume_type: volume.kind.clone(),
            encrypted: volume.encrypted,
        })
    }

    pub(super) fn modify_volume(&mut self, change: &VolumeSize) -> Answer<()> {
        let id = &change.volume_id;
        let volume = self.volumes.get_mut(id).ok_or_else(|| {
            Refusal::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
        })?;
        demand((volume.size_gb..=16384).contains(&change.size_gb), INVALID, || {
            format!(
                "New size {}GiB cannot be smaller than the existing size, nor above 16384GiB",
                change.size_gb
            )
        })?;
        volume.size_gb = change.size_gb;
        Ok(())
    }

    /// Ids of the instances that hold a security group until they have ended.
    pub(super) fn holders_of_group(&self, group_id: &str) -> Vec<String> {
        self.instances
            .iter()
            .filter(|(_, i)| i.state != InstanceState::Terminated && i.group_ids.contains(group_id))
            .map(|(id, _)| id.clone())
            .collect()
    }
}
