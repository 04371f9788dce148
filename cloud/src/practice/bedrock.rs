//! Bedrock: the models of our own table, all of them accessible until somebody says otherwise.

use async_trait::async_trait;
use model::bedrock::{Kind, Model, TABLE};

use crate::CallError;
use crate::hook::Access::Read;
use crate::port::bedrock::{
    Bedrock, BedrockRuntime, FoundationModel, InferenceProfile, ModelAvailability, ModelLife, Spent,
};

use super::desk::{Desk, permit};
use super::refusal::{Answer, Refusal, demand};
use super::state::State;

const VALIDATION: &str = "ValidationException";

fn unknown_model() -> Refusal {
    Refusal::new(VALIDATION, "The provided model identifier is invalid.")
}

impl State {
    fn model_arn(&self, id: &str) -> String {
        format!("arn:{}:bedrock:{}::foundation-model/{id}", self.region.partition(), self.region)
    }

    fn answers_to_id(&self, row: &Model) -> bool {
        row.places.regions.contains(&self.region.as_str())
    }

    /// The geographies of a row's profiles that this Region belongs to.
    fn geographies(&self, row: &Model) -> impl Iterator<Item = &'static str> {
        let region = self.region.clone();
        row.places.profiles.iter().copied().filter(move |geography| {
            let begins = |with: &str| region.as_str().starts_with(with);
            match *geography {
                "global" => !begins("us-gov-") && !begins("cn-"),
                "us" => (begins("us-") && !begins("us-gov-")) || begins("ca-"),
                "apac" => begins("ap-"),
                "jp" => begins("ap-northeast-"),
                "au" => begins("ap-southeast-"),
                other => begins(&format!("{other}-")),
            }
        })
    }

    /// The rows that this Region has in one form or the other.
    fn rows(&self) -> impl Iterator<Item = &'static Model> + '_ {
        TABLE.iter().filter(|row| {
            row.retired.is_none() && (self.answers_to_id(row) || self.geographies(row).next().is_some())
        })
    }

    fn row(&self, id_or_arn: &str) -> Option<&'static Model> {
        let id = match id_or_arn.strip_prefix("arn:") {
            Some(arn) => arn.split_once(":foundation-model/").map(|(_, id)| id)?,
            None => id_or_arn,
        };
        self.rows().find(|row| row.id == id)
    }

    fn show_model(&self, row: &Model) -> FoundationModel {
        let note = self.models.get(row.id);
        FoundationModel {
            id: row.id.to_owned(),
            arn: self.model_arn(row.id),
            life: note.map_or(ModelLife::Active, |note| note.life.clone()),
            end_of_life: note.and_then(|note| note.end_of_life),
            on_demand: self.answers_to_id(row),
        }
    }

    fn profiles_of_models(&self) -> Vec<InferenceProfile> {
        self.rows()
            .flat_map(|row| self.geographies(row).map(move |geography| (row, geography)))
            .map(|(row, geography)| {
                let id = format!("{geography}.{}", row.id);
                InferenceProfile {
                    arn: self.arn("bedrock", &format!("inference-profile/{id}")),
                    active: true,
                    model_arns: vec![self.model_arn(row.id)],
                    id,
                }
            })
            .collect()
    }

    fn profile(&self, id_or_arn: &str) -> Option<InferenceProfile> {
        self.profiles_of_models().into_iter().find(|one| one.id == id_or_arn || one.arn == id_or_arn)
    }

    fn availability(&self, row: &Model) -> ModelAvailability {
        self.models.get(row.id).and_then(|note| note.availability.clone()).unwrap_or(ModelAvailability {
            authorized: true,
            entitled: true,
            in_region: true,
            agreement: Some("AVAILABLE".to_owned()),
            agreement_message: None,
        })
    }

    fn converse(&self, model: &str) -> Answer<Spent> {
        let profile = self.profile(model);
        let row = match &profile {
            Some(profile) => profile.model_arns.iter().find_map(|arn| self.row(arn)),
            None => self.row(model),
        };
        let row = row.ok_or_else(unknown_model)?;
        let resource = profile.as_ref().map_or_else(|| self.model_arn(row.id), |profile| profile.arn.clone());
        permit(self, "bedrock", "InvokeModel", &resource)?;
        demand(profile.is_some() || self.answers_to_id(row), VALIDATION, || {
            format!(
                "Invocation of model ID {} with on-demand throughput isn\u{2019}t supported. Retry your request with \
                 the ID or ARN of an inference profile that contains this model.",
                row.id
            )
        })?;
        let open = self.availability(row);
        demand(open.authorized && open.entitled && open.in_region, "AccessDeniedException", || {
            "You don't have access to the model with the specified model ID.".to_owned()
        })?;
        demand(row.kind == Kind::Chat, VALIDATION, || {
            "This action doesn't support the model that you provided. Try again with a supported text or chat model."
                .to_owned()
        })?;
        Ok(Spent { input_tokens: 1, output_tokens: 1 })
    }
}

#[async_trait]
impl Bedrock for Desk {
    async fn list_foundation_models(&self, (): ()) -> Result<Vec<FoundationModel>, CallError> {
        self.call("bedrock", "ListFoundationModels", Read, "*", |state| {
            Ok(state.rows().map(|row| state.show_model(row)).collect())
        })
    }

    async fn get_foundation_model(&self, id: String) -> Result<Option<FoundationModel>, CallError> {
        self.call("bedrock", "GetFoundationModel", Read, &id, |state| {
            Ok(state.row(&id).map(|row| state.show_model(row)))
        })
    }

    async fn get_model_availability(&self, id: String) -> Result<Option<ModelAvailability>, CallError> {
        self.call("bedrock", "GetFoundationModelAvailability", Read, "*", |state| {
            Ok(state.row(&id).map(|row| state.availability(row)))
        })
    }

    async fn list_inference_profiles(&self, (): ()) -> Result<Vec<InferenceProfile>, CallError> {
        self.call("bedrock", "ListInferenceProfiles", Read, "*", |state| Ok(state.profiles_of_models()))
    }

    async fn get_inference_profile(&self, id: String) -> Result<Option<InferenceProfile>, CallError> {
        self.call("bedrock", "GetInferenceProfile", Read, &id, |state| Ok(state.profile(&id)))
    }
}

#[async_trait]
impl BedrockRuntime for Desk {
    async fn converse_once(&self, model: String) -> Result<Spent, CallError> {
        self.call("bedrock", "Converse", Read, &model, |state| state.converse(&model))
    }
}
