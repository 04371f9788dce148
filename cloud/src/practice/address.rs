//! EC2: Elastic IP addresses.

use model::tags::Tags;

use crate::port::ec2::{Address, AddressAssociation, AddressQuery, InstanceState};

use super::catalog;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, Association, State, of_deployment};

fn no_address(id: &str) -> Refusal {
    Refusal::new("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist"))
}

/// What `AllocateAddress` checks, with or without `DryRun`.
pub(super) fn check_address(tags: &Tags) -> Answer<()> {
    demand_tags(tags, "InvalidParameterValue")
}

impl State {
    pub(super) fn describe_addresses(&mut self, query: &AddressQuery) -> Vec<Address> {
        let wanted = |id: &str, address: &state::Address| match query {
            AddressQuery::Id(wanted) => id == wanted,
            AddressQuery::Deployment(deployment) => of_deployment(&address.tags, deployment),
        };
        self.addresses
            .iter_mut()
            .filter(|(id, address)| wanted(id, address))
            .filter_map(|(id, address)| {
                address.unseen.look().then(|| Address {
                    allocation_id: id.clone(),
                    public_ip: address.public_ip.clone(),
                    association_id: address.association.as_ref().map(|association| association.id.clone()),
                    instance_id: address
                        .association
                        .as_ref()
                        .map(|association| association.instance_id.clone()),
                    tags: address.tags.clone(),
                })
            })
            .collect()
    }

    pub(super) fn allocate_address(&mut self, tags: Tags) -> Answer<String> {
        check_address(&tags)?;
        let count = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        demand(f64::from(count) < self.quota(catalog::ADDRESSES), "AddressLimitExceeded", || {
            "The maximum number of addresses has been reached.".to_owned()
        })?;
        let id = self.next_id("eipalloc");
        let public_ip = self.next_ip([198, 19]);
        let address = state::Address { unseen: self.unseen(), public_ip, association: None, tags };
        self.addresses.insert(id.clone(), address);
        Ok(id)
    }

    pub(super) fn associate_address(&mut self, pair: AddressAssociation) -> Answer<String> {
        let AddressAssociation { allocation_id, instance_id } = pair;
        let address = self.addresses.get(&allocation_id).ok_or_else(|| no_address(&allocation_id))?;
        let instance = self.instances.get(&instance_id).ok_or_else(|| {
            let words = format!("The instance ID '{instance_id}' does not exist");
            Refusal::new("InvalidInstanceID.NotFound", words)
        })?;
        let unfit = match instance.state {
            InstanceState::Pending => Some("pending"),
            InstanceState::ShuttingDown => Some("shutting-down"),
            InstanceState::Terminated => Some("terminated"),
            InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => None,
        };
        if let Some(state) = unfit {
            let words =
                format!("The {state} instance '{instance_id}' is not in a valid state for this operation.");
            return Err(Refusal::new("InvalidInstanceID", words));
        }
        if let Some(association) = &address.association {
            demand(association.instance_id == instance_id, "Resource.AlreadyAssociated", || {
                format!("resource {allocation_id} is already associated with associate-id {}", association.id)
            })?;
            return Ok(association.id.clone());
        }
        let id = self.next_id("eipassoc");
        // An instance has one address: the new one takes the place of the old.
        for other in self.addresses.values_mut() {
            other.association.take_if(|association| association.instance_id == instance_id);
        }
        if let Some(address) = self.addresses.get_mut(&allocation_id) {
            address.association = Some(Association { id: id.clone(), instance_id });
        }
        Ok(id)
    }

    pub(super) fn disassociate_address(&mut self, association_id: &str) -> Answer<()> {
        let held = self
            .addresses
            .values_mut()
            .find(|address| address.association.as_ref().is_some_and(|a| a.id == association_id));
        let address = held.ok_or_else(|| {
            let words = format!("The association ID '{association_id}' does not exist");
            Refusal::new("InvalidAssociationID.NotFound", words)
        })?;
        address.association = None;
        Ok(())
    }

    pub(super) fn release_address(&mut self, id: &str) -> Answer<()> {
        let address = self.addresses.get(id).ok_or_else(|| no_address(id))?;
        demand(address.association.is_none(), "InvalidIPAddress.InUse", || {
            format!("Address {} is in use.", address.public_ip)
        })?;
        self.addresses.remove(id);
        Ok(())
    }
}
