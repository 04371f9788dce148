//! `InvokeModel` of the embedding models: a direction for each text, always the same one.

use serde_json::{Value, json};

use super::answer::tokens;
use super::script::Refusal;

/// What an embedding model answers.
pub(crate) struct Embedded {
    pub(crate) body: Vec<u8>,
    pub(crate) input_tokens: u64,
}

/// Answers the request of Titan's or Nova's embedding model, told apart by their members.
pub(crate) fn invoke(body: &[u8]) -> Result<Embedded, Refusal> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::invalid(format!("Malformed input request: {error}")))?;
    if let Some(text) = request.get("inputText") {
        return titan(text, &request);
    }
    match request.pointer("/singleEmbeddingParams/text/value") {
        Some(text) => nova(text, &request),
        None => Err(Refusal::invalid("Malformed input request: no text to embed was found.")),
    }
}

fn titan(text: &Value, request: &Value) -> Result<Embedded, Refusal> {
    let text = checked(text)?;
    let vector = vector(text, dimensions(request.get("dimensions"), &[256, 512, 1024], 1024)?);
    let input_tokens = count(text);
    let body = json!({
        "embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": input_tokens,
    });
    Ok(Embedded { body: body.to_string().into_bytes(), input_tokens })
}

fn nova(text: &Value, request: &Value) -> Result<Embedded, Refusal> {
    let text = checked(text)?;
    if request.get("taskType") != Some(&json!("SINGLE_EMBEDDING")) {
        return Err(Refusal::invalid("Malformed input request: taskType must be SINGLE_EMBEDDING."));
    }
    let wanted = request.pointer("/singleEmbeddingParams/embeddingDimension");
    let vector = vector(text, dimensions(wanted, &[256, 384, 1024, 3072], 3072)?);
    let body = json!({"embeddings": [{"embeddingType": "TEXT", "embedding": vector}]});
    Ok(Embedded { body: body.to_string().into_bytes(), input_tokens: count(text) })
}

fn checked(text: &Value) -> Result<&str, Refusal> {
    text.as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::invalid("Malformed input request: expected minLength: 1, actual: 0."))
}

fn count(text: &str) -> u64 {
    tokens(u64::try_from(text.chars().count()).unwrap_or(u64::MAX))
}

fn dimensions(wanted: Option<&Value>, allowed: &[u64], default: u64) -> Result<u64, Refusal> {
    match wanted {
        None => Ok(default),
        Some(wanted) => wanted.as_u64().filter(|wanted| allowed.contains(wanted)).ok_or_else(|| {
            Refusal::invalid(format!("Malformed input request: {wanted} is not one of {allowed:?}."))
        }),
    }
}

/// A vector of length 1 that depends on the text alone.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "floats neither overflow nor panic, and a direction needs no more than they hold"
)]
fn vector(text: &str, dimensions: u64) -> Vec<f32> {
    // FNV-1a seeds xorshift: neither has to be good, only the same everywhere.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325, fold) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let raw: Vec<f64> = (0..dimensions).map(|_| next()).collect();
    let length = raw.iter().map(|value| value * value).sum::<f64>().sqrt();
    raw.iter().map(|value| (value / length) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoked(request: &Value) -> Value {
        let embedded = invoke(request.to_string().as_bytes()).ok().unwrap();
        serde_json::from_slice(&embedded.body).unwrap()
    }

    #[test]
    fn a_text_has_one_direction() {
        let one = invoked(&json!({"inputText": "hello", "dimensions": 256}));
        assert_eq!(one, invoked(&json!({"inputText": "hello", "dimensions": 256})));
        assert_ne!(one, invoked(&json!({"inputText": "world", "dimensions": 256})));
        let vector: Vec<f64> =
            one["embedding"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
        assert_eq!(vector.len(), 256);
        let length = vector.iter().map(|value| value * value).sum::<f64>();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        assert_eq!(one["inputTextTokenCount"], 2);
    }

    #[test]
    fn nova_answers_in_its_own_form() {
        let request = json!({
            "taskType": "SINGLE_EMBEDDING",
            "singleEmbeddingParams": {"embeddingDimension": 384, "text": {"truncationMode": "END", "value": "a"}},
        });
        assert_eq!(invoked(&request)["embeddings"][0]["embedding"].as_array().unwrap().len(), 384);
    }

    #[test]
    fn what_cannot_be_embedded_is_refused() {
        for request in [
            json!({"inputText": ""}),
            json!({"inputText": "a", "dimensions": 100}),
            json!({"text": "a"}),
            json!({"singleEmbeddingParams": {"text": {"value": "a"}}}),
        ] {
            assert!(invoke(request.to_string().as_bytes()).is_err(), "{request}");
        }
    }
}
