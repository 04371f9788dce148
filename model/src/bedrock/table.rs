//! The rows. Each says only where it differs from its family.

use super::{
    Caching, Embedding, EmbeddingDialect, Json, Kind, Modalities, Model, Places, Reasoning, Retirement,
    Schemas, Tools, TopK,
};

/// A model that nothing is known of: everything common is passed on, nothing special is promised.
pub const UNKNOWN: Model = Model {
    id: "",
    owner: "bedrock",
    created: 0,
    kind: Kind::Chat,
    input: ALL,
    max_output_tokens: None,
    caching: Caching::None,
    reasoning: Reasoning::None,
    tools: Tools::Choice,
    json: Json::Instruction,
    top_k: TopK::None,
    parallel_switch: false,
    prefill: true,
    schemas: Schemas::Object,
    places: Places { regions: &[], profiles: &[] },
    retired: None,
};

/// Every model that is known.
pub const TABLE: &[Model] = &[
    // Amazon Nova.
    Model { id: "amazon.nova-micro-v1:0", input: TEXT, ..NOVA_1 },
    Model { id: "amazon.nova-lite-v1:0", ..NOVA_1 },
    Model { id: "amazon.nova-pro-v1:0", ..NOVA_1 },
    Model {
        id: "amazon.nova-premier-v1:0",
        created: day(20_208), // 2025-04-30
        max_output_tokens: Some(25_000),
        places: Places { regions: &[], profiles: &["us"] },
        retired: Some(Retirement {
            date: "2026-09-14",
            successor: "use `us.amazon.nova-2-lite-v1:0` (Nova 2) or `amazon.nova-pro-v1:0`",
        }),
        ..NOVA_1
    },
    Model { id: "amazon.nova-2-lite-v1:0", ..NOVA_2 },
    // Embeddings.
    Model {
        id: "amazon.nova-2-multimodal-embeddings-v1:0",
        created: day(20_389), // 2025-10-28
        places: Places { regions: &["us-east-1"], profiles: &[] },
        ..embeddings(EmbeddingDialect::Nova, &[256, 384, 1024, 3072], 3072)
    },
    Model {
        id: "amazon.titan-embed-text-v1",
        created: day(19_628), // 2023-09-28
        ..embeddings(EmbeddingDialect::TitanText1, &[], 1536)
    },
    Model {
        id: "amazon.titan-embed-text-v2:0",
        created: day(19_843), // 2024-04-30
        ..embeddings(EmbeddingDialect::TitanText2, &[256, 512, 1024], 1024)
    },
    Model {
        id: "amazon.titan-embed-image-v1",
        created: day(19_690), // 2023-11-29
        ..embeddings(EmbeddingDialect::TitanMultimodal, &[256, 384, 1024], 1024)
    },
    // Anthropic Claude, for fallbacks.
    Model { id: "anthropic.claude-3-haiku-20240307-v1:0", max_output_tokens: Some(4_096), ..CLAUDE_3 },
    Model { id: "anthropic.claude-3-5-haiku-20241022-v1:0", caching: Caching::PromptAndTools, ..CLAUDE_3 },
    Model { id: "anthropic.claude-3-5-sonnet-20240620-v1:0", ..CLAUDE_3 },
    Model { id: "anthropic.claude-3-5-sonnet-20241022-v2:0", caching: Caching::PromptAndTools, ..CLAUDE_3 },
    Model { id: "anthropic.claude-3-7-sonnet-20250219-v1:0", ..CLAUDE_4 },
    Model { id: "anthropic.claude-sonnet-4-20250514-v1:0", ..CLAUDE_4 },
    Model { id: "anthropic.claude-opus-4-20250514-v1:0", max_output_tokens: Some(32_000), ..CLAUDE_4 },
    Model { id: "anthropic.claude-opus-4-1-20250805-v1:0", max_output_tokens: Some(32_000), ..CLAUDE_4 },
    Model { id: "anthropic.claude-sonnet-4-5-20250929-v1:0", ..CLAUDE_4_5 },
    Model { id: "anthropic.claude-haiku-4-5-20251001-v1:0", ..CLAUDE_4_5 },
    Model { id: "anthropic.claude-opus-4-5-20251101-v1:0", ..CLAUDE_4_5 },
    Model { id: "anthropic.claude-opus-4-6-v1", ..CLAUDE_4_6 },
    Model { id: "anthropic.claude-sonnet-4-6", ..CLAUDE_4_6 },
];

const TEXT: Modalities = Modalities { image: false, document: false, video: false, s3: false };
const ALL: Modalities = Modalities { image: true, document: true, video: true, s3: true };
const IMAGES_AND_DOCUMENTS: Modalities = Modalities { image: true, document: true, video: false, s3: false };

const NOVA_1: Model = Model {
    owner: "amazon",
    created: day(20_060), // 2024-12-03
    max_output_tokens: Some(10_000),
    caching: Caching::Prompt,
    json: Json::ForcedTool,
    top_k: TopK::NovaInferenceConfig,
    schemas: Schemas::PlainObject,
    places: Places {
        regions: &[
            "us-east-1",
            "us-gov-west-1",
            "ap-northeast-1",
            "ap-southeast-2",
            "eu-north-1",
            "eu-west-2",
        ],
        profiles: &["us", "eu", "apac", "ca"],
    },
    ..UNKNOWN
};

const NOVA_2: Model = Model {
    created: day(20_424), // 2025-12-02
    max_output_tokens: Some(65_535),
    reasoning: Reasoning::NovaEffort,
    places: Places { regions: &[], profiles: &["us", "eu", "jp", "apac", "global"] },
    ..NOVA_1
};

const CLAUDE_3: Model = Model {
    owner: "anthropic",
    created: day(19_786), // 2024-03-04
    input: IMAGES_AND_DOCUMENTS,
    max_output_tokens: Some(8_192),
    json: Json::ForcedTool,
    top_k: TopK::SnakeCase,
    parallel_switch: true,
    places: Places { regions: &[], profiles: &["us", "eu", "apac", "us-gov"] },
    ..UNKNOWN
};

const CLAUDE_4: Model = Model {
    created: day(20_230), // 2025-05-22
    max_output_tokens: Some(64_000),
    caching: Caching::PromptAndTools,
    reasoning: Reasoning::ClaudeBudget,
    ..CLAUDE_3
};

const CLAUDE_4_5: Model = Model {
    created: day(20_360), // 2025-09-29
    json: Json::TextFormat,
    places: Places { regions: &[], profiles: &["us", "eu", "jp", "au", "global"] },
    ..CLAUDE_4
};

const CLAUDE_4_6: Model = Model {
    created: day(20_489), // 2026-02-05
    reasoning: Reasoning::ClaudeAdaptive,
    prefill: false,
    ..CLAUDE_4_5
};

const fn embeddings(dialect: EmbeddingDialect, dimensions: &'static [u32], default_dimensions: u32) -> Model {
    Model {
        owner: "amazon",
        kind: Kind::Embeddings(Embedding { dialect, dimensions, default_dimensions }),
        input: TEXT,
        tools: Tools::None,
        prefill: false,
        ..UNKNOWN
    }
}

/// Days since 1970-01-01 as Unix seconds.
const fn day(days: i64) -> i64 {
    days.saturating_mul(86_400)
}
