//! Amazon Bedrock: which models there are, whether the account may use them, and one call to see.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hook::port;

/// A foundation model in this Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundationModel {
    /// Such as `amazon.nova-pro-v1:0`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it is on its way out.
    pub life: ModelLife,
    /// When it stops answering, where AWS has said so.
    pub end_of_life: Option<Timestamp>,
    /// Whether it answers to its own id (`ON_DEMAND`); others answer to an inference profile only.
    pub on_demand: bool,
}

/// The life cycle of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelLife {
    /// Supported.
    Active,
    /// Deprecated: works until its end of life.
    Legacy,
    /// A status that this program does not know; empty where AWS sent none.
    Other(String),
}

/// Whether the account may use a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAvailability {
    /// Whether the caller is authorised (`AUTHORIZED`).
    pub authorized: bool,
    /// Whether the account is entitled to it (`AVAILABLE`).
    pub entitled: bool,
    /// Whether this Region has it (`AVAILABLE`).
    pub in_region: bool,
    /// The agreement with its maker as Bedrock spells it: `AVAILABLE`, `PENDING`, `NOT_AVAILABLE`, `ERROR`. Models of
    /// Amazon need none.
    pub agreement: Option<String>,
    /// What Bedrock says about the agreement.
    pub agreement_message: Option<String>,
}

/// An inference profile: a name under which a model answers from several Regions, or for cost allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferenceProfile {
    /// Such as `us.amazon.nova-pro-v1:0`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it is `ACTIVE`.
    pub active: bool,
    /// ARNs of the models it leads to, one for each Region.
    pub model_arns: Vec<String>,
}

/// What a call of one token used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of the question.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

port! {
    /// Amazon Bedrock, the control plane.
    "bedrock" Bedrock {
        /// All foundation models of the Region.
        Read "ListFoundationModels" list_foundation_models(()) -> Vec<FoundationModel>;
        /// A foundation model by id or ARN.
        Read "GetFoundationModel" get_foundation_model(String) -> Option<FoundationModel>;
        /// Whether the account may use a model, by its id without a geography.
        Read "GetFoundationModelAvailability" get_model_availability(String) -> Option<ModelAvailability>;
        /// All inference profiles of the Region, AWS's own and the account's.
        Read "ListInferenceProfiles" list_inference_profiles(()) -> Vec<InferenceProfile>;
        /// An inference profile by id or ARN.
        Read "GetInferenceProfile" get_inference_profile(String) -> Option<InferenceProfile>;
    }
}

port! {
    /// Amazon Bedrock, the models themselves.
    "bedrock" BedrockRuntime {
        /// Asks a model (id, inference profile or ARN) for one token. Changes nothing, and costs what a handful of
        /// tokens cost. IAM knows the action as `bedrock:InvokeModel`.
        Read "Converse" converse_once(String) -> Spent;
    }
}
