//! Amazon Bedrock: models, their availability, inference profiles; and one token of a model.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::types::{
    AuthorizationStatus, EntitlementAvailability, FoundationModelLifecycle, FoundationModelLifecycleStatus,
    InferenceProfileModel, InferenceProfileStatus, InferenceType, RegionAvailability,
};
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, InferenceConfiguration, Message};
use cloud::port::bedrock::{
    Bedrock, BedrockRuntime, FoundationModel, InferenceProfile, ModelAvailability, ModelLife, Spent,
};
use cloud::{CallError, ErrorKind};
use jiff::Timestamp;

use crate::error::{absent, failed};

const SERVICE: &str = "bedrock";

/// The port over `aws-sdk-bedrock`.
pub(crate) struct AwsBedrock(Client);

impl AwsBedrock {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

/// The port over `aws-sdk-bedrockruntime`.
pub(crate) struct AwsBedrockRuntime(aws_sdk_bedrockruntime::Client);

impl AwsBedrockRuntime {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_bedrockruntime::Client::new(config))
    }
}

#[async_trait]
impl Bedrock for AwsBedrock {
    async fn list_foundation_models(&self, (): ()) -> Result<Vec<FoundationModel>, CallError> {
        const OPERATION: &str = "ListFoundationModels";
        let answer = self.0.list_foundation_models().send().await.map_err(failed(SERVICE, OPERATION))?;
        let models = answer.model_summaries().iter().map(|one| {
            model(one.model_id(), one.model_arn(), one.model_lifecycle(), one.inference_types_supported())
        });
        Ok(models.collect())
    }

    async fn get_foundation_model(&self, id: String) -> Result<Option<FoundationModel>, CallError> {
        const OPERATION: &str = "GetFoundationModel";
        let answer = self.0.get_foundation_model().model_identifier(id).send().await;
        let Some(answer) = known(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let one = answer.model_details().ok_or_else(|| absent(SERVICE, OPERATION, "modelDetails"))?;
        Ok(Some(model(
            one.model_id(),
            one.model_arn(),
            one.model_lifecycle(),
            one.inference_types_supported(),
        )))
    }

    async fn get_model_availability(&self, id: String) -> Result<Option<ModelAvailability>, CallError> {
        const OPERATION: &str = "GetFoundationModelAvailability";
        let answer = self.0.get_foundation_model_availability().model_id(id).send().await;
        let Some(answer) = known(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let agreement = answer.agreement_availability();
        Ok(Some(ModelAvailability {
            authorized: *answer.authorization_status() == AuthorizationStatus::Authorized,
            entitled: *answer.entitlement_availability() == EntitlementAvailability::Available,
            in_region: *answer.region_availability() == RegionAvailability::Available,
            agreement: agreement.map(|one| one.status().as_str().to_owned()),
            agreement_message: agreement.and_then(|one| one.error_message().map(str::to_owned)),
        }))
    }

    async fn list_inference_profiles(&self, (): ()) -> Result<Vec<InferenceProfile>, CallError> {
        const OPERATION: &str = "ListInferenceProfiles";
        let mut items = self.0.list_inference_profiles().into_paginator().items().send();
        let mut profiles = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, OPERATION))?;
            profiles.push(profile(
                item.inference_profile_id(),
                item.inference_profile_arn(),
                item.status(),
                item.models(),
            ));
        }
        Ok(profiles)
    }

    async fn get_inference_profile(&self, id: String) -> Result<Option<InferenceProfile>, CallError> {
        const OPERATION: &str = "GetInferenceProfile";
        let answer = self.0.get_inference_profile().inference_profile_identifier(id).send().await;
        let found = known(answer.map_err(failed(SERVICE, OPERATION)))?;
        Ok(found.map(|one| {
            profile(one.inference_profile_id(), one.inference_profile_arn(), one.status(), one.models())
        }))
    }
}

#[async_trait]
impl BedrockRuntime for AwsBedrockRuntime {
    async fn converse_once(&self, model: String) -> Result<Spent, CallError> {
        const OPERATION: &str = "Converse";
        let invalid = |error: &dyn std::error::Error| {
            CallError::new(SERVICE, OPERATION, ErrorKind::Invalid, error.to_string())
        };
        let question = Message::builder()
            .role(ConversationRole::User)
            .content(ContentBlock::Text("Hi".to_owned()))
            .build()
            .map_err(|error| invalid(&error))?;
        let answer = self
            .0
            .converse()
            .model_id(model)
            .messages(question)
            .inference_config(InferenceConfiguration::builder().max_tokens(1).build())
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        let usage = answer.usage().ok_or_else(|| absent(SERVICE, OPERATION, "usage"))?;
        let count = |tokens: i32| u32::try_from(tokens).unwrap_or_default();
        Ok(Spent { input_tokens: count(usage.input_tokens()), output_tokens: count(usage.output_tokens()) })
    }
}

/// `None` for what does not exist. Bedrock says of an id that it does not know that it is invalid.
fn known<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind == ErrorKind::Invalid && error.message.contains("identifier is invalid") => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn model(
    id: &str,
    arn: &str,
    life: Option<&FoundationModelLifecycle>,
    types: &[InferenceType],
) -> FoundationModel {
    FoundationModel {
        id: id.to_owned(),
        arn: arn.to_owned(),
        life: match life.map(FoundationModelLifecycle::status) {
            Some(FoundationModelLifecycleStatus::Active) => ModelLife::Active,
            Some(FoundationModelLifecycleStatus::Legacy) => ModelLife::Legacy,
            Some(other) => ModelLife::Other(other.as_str().to_owned()),
            None => ModelLife::Other(String::new()),
        },
        end_of_life: life
            .and_then(|life| life.end_of_life_time())
            .and_then(|time| Timestamp::from_second(time.secs()).ok()),
        on_demand: types.contains(&InferenceType::OnDemand),
    }
}

fn profile(
    id: &str,
    arn: &str,
    status: &InferenceProfileStatus,
    models: &[InferenceProfileModel],
) -> InferenceProfile {
    InferenceProfile {
        id: id.to_owned(),
        arn: arn.to_owned(),
        active: *status == InferenceProfileStatus::Active,
        model_arns: models.iter().filter_map(|model| model.model_arn().map(str::to_owned)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_bedrock_does_not_know_is_nothing_and_another_mistake_is_one() {
        let error = |message: &str| {
            Err::<(), _>(CallError::from_service(
                SERVICE,
                "GetFoundationModel",
                "ValidationException",
                message,
            ))
        };
        assert_eq!(known(error("The provided model identifier is invalid.")), Ok(None));
        assert!(known(error("1 validation error detected")).is_err());
    }
}
