//! The Elastic IP address: fixed, so that a DNS record can point at it before and after the instance is replaced.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::ec2::{Address, AddressQuery};
use model::config::Config;
use model::plan::{Fields, StepId};

use super::{ByHand, CREATE, Context, Found, Op, Step, Want, names, outputs, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::Address;

pub(super) struct AddressStep;

fn found(address: &Address) -> Found {
    Found {
        id: address.allocation_id.clone(),
        fields: Fields::new(),
        outputs: outputs([("id", &address.allocation_id), ("public_ip", &address.public_ip)]),
    }
}

#[async_trait]
impl Step for AddressStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::EC2::EIP"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if config.instance.adopt_instance_id.is_some() {
            return None;
        }
        Some(Want {
            name: names::instance(cx.deployment),
            fields: Fields::new(),
            why: vec!["DNS points at it; it stays the same when the instance is replaced".to_owned()],
            irreversible: self.lost().map(str::to_owned),
        })
    }

    fn lost(&self) -> Option<&'static str> {
        Some("once released, the same address cannot be had again")
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let query = AddressQuery::Deployment(cx.deployment.to_string());
        let addresses = cx.patience.read(STEP, || cx.cloud.ec2.describe_addresses(query.clone())).await?;
        Ok(addresses.iter().filter(|address| cx.owns(&address.tags, STEP)).map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let query = AddressQuery::Id(id.to_owned());
        let addresses = cx.patience.read(STEP, || cx.cloud.ec2.describe_addresses(query.clone())).await?;
        Ok(addresses.first().map(found))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::address(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let query = AddressQuery::Deployment(cx.deployment.to_string());
        let addresses = cx.patience.read(STEP, || cx.cloud.ec2.describe_addresses(query.clone())).await?;
        let handmade = addresses.iter().filter(|address| cx.is_handmade(&address.tags, STEP));
        Ok(handmade.map(|address| Handmade { found: found(address), tagged: true }).collect())
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("allocate an Elastic IP address for {}", want.name))],
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        false
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        if op.name != CREATE {
            return Err(unknown_op(STEP, op));
        }
        let tags = cx.tags(STEP, key, &names::instance(cx.deployment));
        let id = cx.patience.write(STEP, false, || cx.cloud.ec2.allocate_address(tags.clone())).await?;
        Ok(Some(id))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("release", format!("release Elastic IP address {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "release" => cx.cloud.ec2.release_address(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(
                cx.region,
                &format!("ec2/home?region={}#ElasticIpDetails:AllocationId={id}", cx.region),
            ),
            command: format!("aws ec2 release-address --region {} --allocation-id {id}", cx.region),
        }
    }
}
