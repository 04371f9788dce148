//! Embeddings: OpenAI's request as one call of `InvokeModel` for each input, and the answers as one list.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::StatusCode;
use model::bedrock::{EmbeddingDialect, Model};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Answer;
use crate::{
    ApiError, Usage,
    openai::{EmbeddingsRequest, Encoding, Input, Text},
};

/// The bodies of `InvokeModel`, in the order of the inputs.
///
/// Errors: 400 with the path of what cannot be mapped, such as `input` where it holds tokens.
pub fn to_invocations(request: &EmbeddingsRequest<'_>, model: &Model) -> Result<Vec<Bytes>, ApiError> {
    let embedding = model.embedding().ok_or_else(|| {
        ApiError::invalid("model", "This model does not make embeddings.").code("unsupported_value")
    })?;
    if let Some(wanted) = request.dimensions {
        let possible = if embedding.dimensions.is_empty() {
            std::slice::from_ref(&embedding.default_dimensions)
        } else {
            embedding.dimensions
        };
        if !possible.contains(&wanted) {
            let message = format!("This model makes vectors of these lengths: {possible:?}.");
            return Err(ApiError::invalid("dimensions", message).code("invalid_value"));
        }
    }
    let one = |text: &Text<'_>, param: &dyn Fn() -> String| {
        if text.is_blank() {
            return Err(ApiError::invalid(param(), "The text is blank.").code("invalid_value"));
        }
        invocation(text, request.dimensions, embedding.dialect, embedding.default_dimensions)
    };
    match &request.input {
        Input::One(text) => Ok(vec![one(text, &|| "input".to_owned())?]),
        Input::Many(texts) => {
            texts.iter().enumerate().map(|(index, text)| one(text, &|| format!("input[{index}]"))).collect()
        }
        Input::Tokens(_) => {
            let message = "Tokens mean something to the tokenizer that made them only; send text.";
            Err(ApiError::invalid("input", message).code("unsupported_value"))
        }
    }
}

/// One list of the answers of [`to_invocations`]' calls, in their order. `model` is the name that the client sent.
///
/// `header_tokens` is the sum of `x-amzn-bedrock-input-token-count` over the answers: Nova counts nowhere else.
///
/// Errors: 502 where an answer holds no vector.
pub fn to_list(
    replies: &[Bytes],
    encoding: Encoding,
    model: &str,
    header_tokens: Option<u64>,
) -> Result<Answer, ApiError> {
    let mut data = Vec::with_capacity(replies.len());
    let mut counted = 0_u64;
    for (index, reply) in replies.iter().enumerate() {
        let reply: Reply<'_> = serde_json::from_slice(reply).map_err(|error| broken(&error.to_string()))?;
        counted = counted.saturating_add(reply.input_text_token_count.unwrap_or_default());
        let vector = reply.embedding.or_else(|| reply.embeddings.first().map(|item| item.embedding));
        let vector = vector.ok_or_else(|| broken("no vector"))?;
        let embedding = match encoding {
            Encoding::Float => Vector::Numbers(vector),
            Encoding::Base64 => Vector::Base64(packed(vector)?),
        };
        data.push(Item { object: "embedding", index, embedding });
    }
    let input_tokens = if counted > 0 { counted } else { header_tokens.unwrap_or_default() };
    let usage = Usage { input_tokens, ..Usage::default() };
    let list = List {
        object: "list",
        data,
        model,
        usage: ListUsage { prompt_tokens: input_tokens, total_tokens: input_tokens },
    };
    let body = serde_json::to_vec(&list).map_err(|error| broken(&error.to_string()))?;
    Ok(Answer { body, usage })
}

fn invocation(
    text: &str,
    dimensions: Option<u32>,
    dialect: EmbeddingDialect,
    default_dimensions: u32,
) -> Result<Bytes, ApiError> {
    let body = match dialect {
        EmbeddingDialect::Nova => serde_json::to_vec(&NovaRequest {
            task_type: "SINGLE_EMBEDDING",
            single_embedding_params: NovaParams {
                // OpenAI's dialect does not say what the vector is for.
                embedding_purpose: "GENERIC_INDEX",
                embedding_dimension: dimensions.unwrap_or(default_dimensions),
                text: NovaText { truncation_mode: "NONE", value: text },
            },
        }),
        EmbeddingDialect::TitanText1 => {
            serde_json::to_vec(&TitanRequest { input_text: text, ..TitanRequest::default() })
        }
        EmbeddingDialect::TitanText2 => {
            serde_json::to_vec(&TitanRequest { input_text: text, dimensions, ..TitanRequest::default() })
        }
        EmbeddingDialect::TitanMultimodal => serde_json::to_vec(&TitanRequest {
            input_text: text,
            embedding_config: dimensions
                .map(|output_embedding_length| TitanConfig { output_embedding_length }),
            ..TitanRequest::default()
        }),
    };
    body.map(Bytes::from).map_err(|error| {
        ApiError::server(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The request could not be written.",
        )
        .log(error.to_string())
    })
}

/// Little-endian 32-bit floats in Base64.
fn packed(vector: &RawValue) -> Result<String, ApiError> {
    let numbers: Vec<f32> = serde_json::from_str(vector.get()).map_err(|error| broken(&error.to_string()))?;
    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    Ok(STANDARD.encode(bytes))
}

fn broken(why: &str) -> ApiError {
    ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "The model's answer could not be read.")
        .log(format!("answer of an embedding model: {why}"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaRequest<'a> {
    task_type: &'static str,
    single_embedding_params: NovaParams<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaParams<'a> {
    embedding_purpose: &'static str,
    embedding_dimension: u32,
    text: NovaText<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaText<'a> {
    truncation_mode: &'static str,
    value: &'a str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanRequest<'a> {
    input_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_config: Option<TitanConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanConfig {
    output_embedding_length: u32,
}

/// The answers of all dialects: Titan says `embedding`, Nova `embeddings`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    #[serde(borrow)]
    embedding: Option<&'a RawValue>,
    #[serde(borrow, default)]
    embeddings: Vec<NovaItem<'a>>,
    input_text_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct NovaItem<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: ListUsage,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

enum Vector<'a> {
    /// The numbers as the model wrote them.
    Numbers(&'a RawValue),
    Base64(String),
}

impl Serialize for Vector<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(numbers) => numbers.serialize(serializer),
            Self::Base64(text) => serializer.serialize_str(text),
        }
    }
}

#[derive(Serialize)]
struct ListUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}
