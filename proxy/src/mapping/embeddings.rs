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
        let vector =
            vector.filter(|vector| vector.get().starts_with('[')).ok_or_else(|| broken("no vector"))?;
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

#[cfg(test)]
mod tests {
    use model::bedrock::facts;
    use serde_json::{Value, json};

    use super::*;
    use crate::openai::limits;

    fn invocations(model: &str, rest: &str) -> Result<Vec<Value>, ApiError> {
        let body = format!(r#"{{"model":"m",{rest}}}"#);
        let request = EmbeddingsRequest::parse(body.as_bytes(), &limits()).unwrap();
        let bodies = to_invocations(&request, facts(model))?;
        Ok(bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect())
    }

    #[test]
    fn every_dialect_is_spoken() {
        let input = r#""input":["a","b"],"dimensions":256"#;
        assert_eq!(
            invocations("amazon.nova-2-multimodal-embeddings-v1:0", input).unwrap()[1],
            json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {
                "embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 256,
                "text": {"truncationMode": "NONE", "value": "b"}}})
        );
        assert_eq!(
            invocations("amazon.titan-embed-text-v2:0", input).unwrap(),
            [json!({"inputText": "a", "dimensions": 256}), json!({"inputText": "b", "dimensions": 256})]
        );
        assert_eq!(
            invocations("amazon.titan-embed-image-v1", input).unwrap()[0],
            json!({"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 256}})
        );
        assert_eq!(
            invocations("amazon.titan-embed-text-v1", r#""input":"a","dimensions":1536"#).unwrap(),
            [json!({"inputText": "a"})]
        );
    }

    #[test]
    fn what_cannot_be_embedded_is_named() {
        for (model, rest, param) in [
            ("amazon.titan-embed-text-v2:0", r#""input":[1,2]"#, "input"),
            ("amazon.titan-embed-text-v2:0", r#""input":["a"," "]"#, "input[1]"),
            ("amazon.titan-embed-text-v2:0", r#""input":"""#, "input"),
            ("amazon.titan-embed-text-v2:0", r#""input":"a","dimensions":7"#, "dimensions"),
            ("amazon.titan-embed-text-v1", r#""input":"a","dimensions":256"#, "dimensions"),
            ("amazon.nova-pro-v1:0", r#""input":"a""#, "model"),
        ] {
            assert_eq!(invocations(model, rest).unwrap_err().param.as_deref(), Some(param), "{rest}");
        }
    }

    #[test]
    fn the_answers_become_one_list() {
        let titan =
            |numbers: &str| Bytes::from(format!(r#"{{"embedding":{numbers},"inputTextTokenCount":3}}"#));
        let replies = [titan("[0.10, -2]"), titan("[1e-3,1]")];
        let answer = to_list(&replies, Encoding::Float, "my-model", None).unwrap();
        assert_eq!(
            String::from_utf8(answer.body).unwrap(),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10, -2]},{"object":"embedding","index":1,"embedding":[1e-3,1]}],"model":"my-model","usage":{"prompt_tokens":6,"total_tokens":6}}"#
        );
        assert_eq!(answer.usage.input_tokens, 6);
    }

    #[test]
    fn base64_holds_little_endian_floats() {
        let nova = Bytes::from_static(br#"{"embeddings":[{"embeddingType":"TEXT","embedding":[1.0,-2.5]}]}"#);
        let answer = to_list(&[nova], Encoding::Base64, "m", Some(7)).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["data"][0]["embedding"], "AACAPwAAIMA=");
        assert_eq!(body["usage"]["total_tokens"], 7);
    }

    #[test]
    fn an_answer_without_a_vector_is_a_bad_gateway() {
        for reply in ["", "{}", r#"{"embedding":null}"#, r#"{"embedding":"x"}"#, r#"{"embeddings":[]}"#] {
            let error = to_list(&[Bytes::from(reply)], Encoding::Base64, "m", None).unwrap_err();
            assert_eq!(error.status, StatusCode::BAD_GATEWAY, "{reply}");
        }
        assert!(to_list(&[Bytes::from(r#"{"embedding":"x"}"#)], Encoding::Float, "m", None).is_err());
    }
}
