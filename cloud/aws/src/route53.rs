//! Amazon Route 53: hosted zones and text records.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeStatus, HostedZoneConfig, ResourceRecord, ResourceRecordSet,
    RrType,
};
use cloud::port::route53::{ChangeState, HostedZone, Route53, TxtChange, TxtQuery, TxtSet};
use cloud::{CallError, ErrorKind};

use crate::error::{absent, failed};

const SERVICE: &str = "route53";
const CHANGE: &str = "ChangeResourceRecordSets";

/// The port over `aws-sdk-route53`.
pub(crate) struct AwsRoute53(Client);

impl AwsRoute53 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

/// An id without the path that Route 53 puts in front of it.
fn bare(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_owned()
}

/// A name without its final dot, in lower case.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn invalid(operation: &str, message: String) -> CallError {
    CallError::new(SERVICE, operation, ErrorKind::Invalid, message)
}

/// One step of a change.
fn step(action: ChangeAction, name: &str, set: TxtSet) -> Result<Change, CallError> {
    let refused = |error: aws_sdk_route53::error::BuildError| invalid(CHANGE, error.to_string());
    let records: Result<Vec<ResourceRecord>, _> =
        set.values.into_iter().map(|value| ResourceRecord::builder().value(value).build()).collect();
    let set = ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::Txt)
        .ttl(i64::from(set.ttl))
        .set_resource_records(Some(records.map_err(refused)?))
        .build()
        .map_err(refused)?;
    Change::builder().action(action).resource_record_set(set).build().map_err(refused)
}

/// A set as it is read. One that is an alias or has routing cannot be put back as it was.
fn read(set: &ResourceRecordSet) -> Result<TxtSet, CallError> {
    const OPERATION: &str = "ListResourceRecordSets";
    let ttl = set.ttl().and_then(|ttl| u32::try_from(ttl).ok());
    match ttl {
        Some(ttl) if set.set_identifier().is_none() && set.alias_target().is_none() => {
            let values = set.resource_records().iter().map(|record| record.value().to_owned()).collect();
            Ok(TxtSet { ttl, values })
        }
        _ => Err(invalid(
            OPERATION,
            format!("the text records of {} are an alias or have a routing policy", set.name()),
        )),
    }
}

#[async_trait]
impl Route53 for AwsRoute53 {
    async fn list_hosted_zones(&self, (): ()) -> Result<Vec<HostedZone>, CallError> {
        const OPERATION: &str = "ListHostedZones";
        let mut items = self.0.list_hosted_zones().into_paginator().items().send();
        let mut zones = Vec::new();
        while let Some(item) = items.next().await {
            let zone = item.map_err(failed(SERVICE, OPERATION))?;
            zones.push(HostedZone {
                id: bare(zone.id()),
                name: plain(zone.name()),
                is_private: zone.config().is_some_and(HostedZoneConfig::private_zone),
            });
        }
        Ok(zones)
    }

    async fn txt_set(&self, query: TxtQuery) -> Result<Option<TxtSet>, CallError> {
        const OPERATION: &str = "ListResourceRecordSets";
        // The answer begins at this name and type, or behind it where there is none.
        let answer = self
            .0
            .list_resource_record_sets()
            .hosted_zone_id(&query.zone_id)
            .start_record_name(&query.name)
            .start_record_type(RrType::Txt)
            .max_items(1)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        let is_it =
            |set: &&ResourceRecordSet| set.r#type() == &RrType::Txt && plain(set.name()) == query.name;
        answer.resource_record_sets().iter().find(is_it).map(read).transpose()
    }

    async fn change_txt(&self, change: TxtChange) -> Result<String, CallError> {
        let TxtChange { zone_id, name, before, after } = change;
        // A batch happens as a whole. A deletion needs the set exactly as it is, and a creation needs that there is
        // none: this is how it fails where somebody was faster.
        let put = if before.is_some() { ChangeAction::Upsert } else { ChangeAction::Create };
        let mut steps = Vec::new();
        if let Some(before) = before {
            steps.push(step(ChangeAction::Delete, &name, before)?);
        }
        if let Some(after) = after {
            steps.push(step(put, &name, after)?);
        }
        let batch = ChangeBatch::builder()
            .set_changes(Some(steps))
            .build()
            .map_err(|error| invalid(CHANGE, error.to_string()))?;
        let answer = self
            .0
            .change_resource_record_sets()
            .hosted_zone_id(zone_id)
            .change_batch(batch)
            .send()
            .await
            .map_err(failed_batch)?;
        let info = answer.change_info().ok_or_else(|| absent(SERVICE, CHANGE, "ChangeInfo"))?;
        Ok(bare(info.id()))
    }

    async fn get_change(&self, id: String) -> Result<ChangeState, CallError> {
        const OPERATION: &str = "GetChange";
        let answer = self.0.get_change().id(id).send().await.map_err(failed(SERVICE, OPERATION))?;
        let info = answer.change_info().ok_or_else(|| absent(SERVICE, OPERATION, "ChangeInfo"))?;
        Ok(if info.status() == &ChangeStatus::Insync { ChangeState::InSync } else { ChangeState::Pending })
    }
}

/// Why a batch was refused: Route 53 says it in a list of messages beside the usual one.
fn failed_batch(
    error: aws_sdk_route53::error::SdkError<
        aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError,
        aws_smithy_runtime_api::client::orchestrator::HttpResponse,
    >,
) -> CallError {
    use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError as Refused;
    let said = match error.as_service_error() {
        Some(Refused::InvalidChangeBatch(batch)) => batch.messages().join("; "),
        _ => String::new(),
    };
    let error = failed(SERVICE, CHANGE)(error);
    if said.is_empty() || error.message.contains(&said) {
        return error;
    }
    let code = error.code.clone().unwrap_or_default();
    let message = format!("{} {said}", error.message).trim().to_owned();
    CallError { request_id: error.request_id, ..CallError::from_service(SERVICE, CHANGE, &code, message) }
}
