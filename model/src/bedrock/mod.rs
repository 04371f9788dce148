//! What Amazon's models can do: the one place that knows a model by its name.
//!
//! [`facts`] finds a model by its id, by the id of an inference profile of any geography, or by the ARN of either.
//! A model that is not in the [`TABLE`] gets [`UNKNOWN`], which promises nothing and forbids little. To support a
//! model, add its row; no other file changes.
//!
//! Sources: the Bedrock user guide (`models-supported`, `inference-profiles-support`, `model-lifecycle`,
//! `prompt-caching`, `structured-output`) and the user guides of Nova 1 and Nova 2.

mod names;
mod place;
mod table;

#[cfg(test)]
mod tests;

pub use names::base_id;
pub use place::{in_region, without_geography};
pub use table::{TABLE, UNKNOWN};

/// Everything that distinguishes one model from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// The id without a geography: `amazon.nova-pro-v1:0`. Empty for [`UNKNOWN`].
    pub id: &'static str,
    /// Who made it; `owned_by` of `/v1/models`.
    pub owner: &'static str,
    /// When it came out, Unix seconds; `created` of `/v1/models`.
    pub created: i64,
    /// What it answers with.
    pub kind: Kind,
    /// What it takes beside text.
    pub input: Modalities,
    /// The most tokens of an answer, where that is known.
    pub max_output_tokens: Option<u32>,
    /// Whether and where `cachePoint` is understood.
    pub caching: Caching,
    /// How `reasoning_effort` is said.
    pub reasoning: Reasoning,
    /// Tools.
    pub tools: Tools,
    /// How an answer in JSON is forced.
    pub json: Json,
    /// How `top_k` is said.
    pub top_k: TopK,
    /// Whether `tool_choice.disable_parallel_tool_use` among the additional fields is understood.
    pub parallel_switch: bool,
    /// Whether the last message may be the beginning of the answer.
    pub prefill: bool,
    /// Which schemas of tools are accepted.
    pub schemas: Schemas,
    /// Where it can be called, and how.
    pub places: Places,
    /// Set once it does not answer any more.
    pub retired: Option<Retirement>,
}

/// What a model answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Converse.
    Chat,
    /// `InvokeModel` with a body of its own.
    Embeddings(Embedding),
}

/// How vectors are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedding {
    /// The form of request and response.
    pub dialect: EmbeddingDialect,
    /// The lengths that can be asked for; empty where the length is fixed.
    pub dimensions: &'static [u32],
    /// The length without asking.
    pub default_dimensions: u32,
}

/// Bodies of `InvokeModel` of the embedding models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingDialect {
    /// `{taskType: SINGLE_EMBEDDING, singleEmbeddingParams: {...}}`
    Nova,
    /// `{inputText}`
    TitanText1,
    /// `{inputText, dimensions, normalize}`
    TitanText2,
    /// `{inputText, embeddingConfig: {outputEmbeddingLength}}`
    TitanMultimodal,
}

/// What a model takes beside text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modalities {
    /// Images.
    pub image: bool,
    /// Documents.
    pub document: bool,
    /// Video.
    pub video: bool,
    /// Objects in S3 instead of their bytes.
    pub s3: bool,
}

/// Explicit prompt caching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Not known.
    None,
    /// In `system` and `messages`, for five minutes, not after a document (Nova).
    Prompt,
    /// In `system`, `messages` and `tools`, for five minutes or an hour (Claude).
    PromptAndTools,
}

/// How the depth of reasoning is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// Not at all.
    None,
    /// `reasoningConfig {type, maxReasoningEffort}`; `high` excludes `maxTokens`, `temperature` and `topP` (Nova 2).
    NovaEffort,
    /// `thinking {type: enabled, budget_tokens}`; excludes `temperature`, `topP` and a forced tool (Claude).
    ClaudeBudget,
    /// `thinking {type: adaptive}` with `outputConfig.effort` (Claude 4.6 and later).
    ClaudeAdaptive,
}

/// What of tools is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    /// None.
    None,
    /// Tools, without `toolChoice`.
    Auto,
    /// Tools with `toolChoice`.
    Choice,
}

/// How an answer in JSON is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json {
    /// By asking only.
    Instruction,
    /// By a tool that has to be called, whose input is the answer.
    ForcedTool,
    /// By `outputConfig.textFormat` where there is a schema, by a forced tool where there is none.
    TextFormat,
}

/// How `top_k` is said among the additional fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopK {
    /// Not at all.
    None,
    /// `inferenceConfig.topK`
    NovaInferenceConfig,
    /// `top_k`
    SnakeCase,
}

/// Which schemas of tools are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemas {
    /// Objects, described by any keyword.
    Object,
    /// Objects with nothing but `type`, `properties` and `required` at the top (Nova).
    PlainObject,
}

/// Where a model can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Regions that answer to the plain id. Empty where that is not known or nowhere.
    pub regions: &'static [&'static str],
    /// Geographies that have an inference profile, such as `us`; `global` last.
    pub profiles: &'static [&'static str],
}

/// The end of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    /// The first day without answers, `YYYY-MM-DD`.
    pub date: &'static str,
    /// What to use instead, as a sentence fragment with ids in backticks.
    pub successor: &'static str,
}

impl Model {
    /// Whether it is one that the table does not hold.
    pub fn is_unknown(&self) -> bool {
        self.id.is_empty()
    }

    /// How it embeds, if that is what it does.
    pub fn embedding(&self) -> Option<Embedding> {
        match self.kind {
            Kind::Embeddings(embedding) => Some(embedding),
            Kind::Chat => None,
        }
    }
}

/// The facts about a model, by id, inference profile id or ARN; [`UNKNOWN`] where the table has no such row.
///
/// What an application inference profile stands for is the account's knowledge, so it is unknown here.
pub fn facts(model: &str) -> &'static Model {
    let Some(id) = base_id(model) else { return &UNKNOWN };
    TABLE.iter().find(|row| names::is_of_row(id, row.id)).unwrap_or(&UNKNOWN)
}
