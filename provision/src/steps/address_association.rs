//! The Elastic IP address on the instance.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::ec2::{AddressAssociation, AddressQuery};
use model::config::Config;
use model::plan::StepId;
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::AddressAssociation;

pub(super) struct AddressAssociationStep;

impl AddressAssociationStep {
    /// The association of our address, if it has one.
    async fn look(&self, cx: &Context<'_>) -> Result<Option<Found>, StepError> {
        let Some(allocation) = cx.known(StepId::Address, "id") else { return Ok(None) };
        let query = AddressQuery::Id(allocation);
        let addresses = cx.patience.read(STEP, || cx.cloud.ec2.describe_addresses(query.clone())).await?;
        Ok(addresses.into_iter().next().and_then(|address| {
            let id = address.association_id?;
            Some(Found {
                fields: fields([("instance", json!(address.instance_id))]),
                outputs: outputs([("id", &id), ("public_ip", &address.public_ip)]),
                id,
            })
        }))
    }
}

#[async_trait]
impl Step for AddressAssociationStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::EC2::EIPAssociation"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if config.instance.adopt_instance_id.is_some() {
            return None;
        }
        let instance = cx.known(StepId::Instance, "id").unwrap_or_else(|| format!("({})", StepId::Instance));
        Some(Want {
            name: names::instance(cx.deployment),
            fields: fields([("instance", json!(instance))]),
            why: Vec::new(),
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        Ok(self.look(cx).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        Ok(self.look(cx).await?.filter(|found| found.id == id))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::address_association(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        Ok(self.look(cx).await?.map(|found| Handmade { found, tagged: false }).into_iter().collect())
    }

    fn ops(&self, cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let instance = cx.known(StepId::Instance, "id").unwrap_or_else(|| want.name.clone());
        let associate = |name| vec![Op::new(name, format!("associate the address with instance {instance}"))];
        match have {
            None => associate(CREATE),
            Some(have) if want.fields.get("instance") != have.fields.get("instance") => associate("move"),
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        _key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        if !matches!(op.name, CREATE | "move") {
            return Err(unknown_op(STEP, op));
        }
        let pair = AddressAssociation {
            allocation_id: cx.needs(StepId::Address, "id")?,
            instance_id: cx.needs(StepId::Instance, "id")?,
        };
        let id = cx.patience.write(STEP, true, || cx.cloud.ec2.associate_address(pair.clone())).await?;
        Ok(Some(id))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("disassociate", format!("take the address from its instance ({})", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "disassociate" => cx.cloud.ec2.disassociate_address(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(cx.region, &format!("ec2/home?region={}#Addresses:", cx.region)),
            command: format!("aws ec2 disassociate-address --region {} --association-id {id}", cx.region),
        }
    }
}
