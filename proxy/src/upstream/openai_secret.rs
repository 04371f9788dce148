//! The secret of OpenAI's API in Secrets Manager: key, model names and timeouts; kept for five minutes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderValue, Uri};
use jiff::{SignedDuration, Timestamp};
use model::{Region, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    aws_json::{AwsJson, AwsService},
    refreshing::{Age, Refreshing},
};
use crate::clock::Clock;

/// What the log says when the secret cannot be read, and when it can but makes no sense.
const UNREADABLE: &str = "SRE-PROXY-055";
const MALFORMED: &str = "SRE-PROXY-056";

/// A rotated key is in use after this time at the latest.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_secs(300);

/// A secret younger than this is not read again because OpenAI refused its key: a wrong key would otherwise cost a call
/// of Secrets Manager with every request.
const MIN_AGE_OF_DISTRUST: SignedDuration = SignedDuration::from_secs(10);

/// `openai_api_timeout` beyond this is taken as this; the request's own deadline is what counts then.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(1);

/// Where the secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub secret_id: String,
    pub region: Region,
    pub endpoint: Option<Uri>,
}

/// What the secret says.
#[derive(Debug)]
pub(crate) struct OpenAiSecret {
    /// `Bearer ...`, marked as sensitive.
    pub authorization: HeaderValue,
    key: Secret<String>,
    mappings: BTreeMap<String, String>,
    /// How long OpenAI may take to the first byte.
    pub timeout: Option<Duration>,
    read: Timestamp,
}

/// The secret cannot be had. For the log; never a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{secret_id}` cannot be used: {reason}")]
pub(crate) struct NoSecret {
    secret_id: String,
    reason: String,
}

/// Reads the secret and keeps it.
pub(crate) struct SecretReader {
    place: Place,
    aws: AwsJson,
    clock: Arc<dyn Clock>,
    secret: Refreshing<OpenAiSecret, NoSecret>,
}

/// `SecretString`. Other members, such as `lambda_timeout`, are somebody else's.
#[derive(Deserialize)]
struct Document {
    openai_api_key: String,
    #[serde(default)]
    model_mappings: BTreeMap<String, String>,
    #[serde(default)]
    timeout_settings: TimeoutSettings,
}

#[derive(Default, Deserialize)]
struct TimeoutSettings {
    /// Seconds.
    openai_api_timeout: Option<f64>,
}

impl OpenAiSecret {
    /// What OpenAI calls this model.
    pub(crate) fn model<'a>(&'a self, model: &'a str) -> &'a str {
        self.mappings.get(model).map_or(model, String::as_str)
    }

    /// A text in which the key does not occur, whatever OpenAI has put into it.
    pub(crate) fn redact(&self, text: String) -> String {
        let key = self.key.expose();
        if text.contains(key.as_str()) { text.replace(key.as_str(), "(redacted)") } else { text }
    }

    fn parse(text: &str, read: Timestamp) -> Result<Self, &'static str> {
        // serde's own message would quote the secret.
        let document: Document = serde_json::from_str(text)
            .map_err(|_| "it is not a JSON object with `openai_api_key` and, optionally, `model_mappings` and `timeout_settings`")?;
        let key = document.openai_api_key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("`openai_api_key` is not a key");
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| "`openai_api_key` does not fit into a header")?;
        authorization.set_sensitive(true);
        let timeout = match document.timeout_settings.openai_api_timeout {
            None => None,
            Some(seconds) if seconds > 0.0 => {
                Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_TIMEOUT).min(LONGEST_TIMEOUT))
            }
            Some(_) => {
                return Err("`timeout_settings.openai_api_timeout` is not a positive number of seconds");
            }
        };
        let key = Secret::new(key.to_owned());
        Ok(Self { authorization, key, mappings: document.model_mappings, timeout, read })
    }

    fn age(&self, now: Timestamp) -> Age {
        // An old key may still work: better than none while Secrets Manager does not answer.
        if now.duration_since(self.read) >= REFRESH_AFTER { Age::Ageing } else { Age::Fresh }
    }
}

impl SecretReader {
    pub(crate) fn new(place: Place, aws: AwsJson, clock: Arc<dyn Clock>) -> Self {
        Self { place, aws, clock, secret: Refreshing::new() }
    }

    /// The secret; normally without asking for it.
    pub(crate) async fn get(&self) -> Result<Arc<OpenAiSecret>, NoSecret> {
        let now = self.clock.now();
        self.secret.get(|secret| secret.age(now), || self.read(now)).await
    }

    /// OpenAI refused the key: the one that is there by now, if it is another.
    pub(crate) async fn instead_of(&self, refused: &Arc<OpenAiSecret>) -> Option<Arc<OpenAiSecret>> {
        if self.clock.now().duration_since(refused.read) >= MIN_AGE_OF_DISTRUST {
            self.secret.discard(refused);
        }
        let secret = self.get().await.ok()?;
        (secret.key != refused.key).then_some(secret)
    }

    async fn read(&self, now: Timestamp) -> Result<OpenAiSecret, NoSecret> {
        let failed = |reason: String| NoSecret { secret_id: self.place.secret_id.clone(), reason };
        let body = json!({"SecretId": self.place.secret_id});
        let called = self.aws.call(
            AwsService::SecretsManager,
            "GetSecretValue",
            &self.place.region,
            self.place.endpoint.as_ref(),
            &body,
        );
        let answer = called.await.map_err(|error| {
            tracing::error!(code = UNREADABLE, secret = %self.place.secret_id, %error, "the secret cannot be read");
            failed(error.to_string())
        })?;
        let text = answer.get("SecretString").and_then(Value::as_str);
        text.ok_or("it has no `SecretString`").and_then(|text| OpenAiSecret::parse(text, now)).map_err(|reason| {
            tracing::error!(code = MALFORMED, secret = %self.place.secret_id, reason, "the secret makes no sense");
            failed(reason.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<OpenAiSecret, &'static str> {
        OpenAiSecret::parse(text, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_documented_form_is_understood() {
        let text = r#"{
            "openai_api_key": "sk-0123456789",
            "model_mappings": {"amazon.nova-lite-v1:0": "gpt-4o-mini"},
            "timeout_settings": {"openai_api_timeout": 30, "secrets_manager_timeout": 10, "lambda_timeout": 300}
        }"#;
        let secret = parse(text).unwrap();
        assert_eq!(secret.model("amazon.nova-lite-v1:0"), "gpt-4o-mini");
        assert_eq!(secret.model("gpt-4o"), "gpt-4o");
        assert_eq!(secret.timeout, Some(Duration::from_secs(30)));
        assert_eq!(secret.authorization.to_str().unwrap(), "Bearer sk-0123456789");
        assert_eq!(parse(r#"{"openai_api_key": "sk-1"}"#).unwrap().timeout, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "sk-0123456789",
            "{}",
            r#"{"openai_api_key": ""}"#,
            r#"{"openai_api_key": "two words"}"#,
            r#"{"openai_api_key": "sk-1", "model_mappings": ["a"]}"#,
            r#"{"openai_api_key": "sk-1", "timeout_settings": {"openai_api_timeout": -1}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Feature: aws-ec2-production-deployment, Property 8: the key of OpenAI is in nothing that is printed, and in
        /// no error about the secret that holds it.
        #[test]
        fn the_key_shows_nowhere(key in "sk-[A-Za-z0-9]{16,48}", damage in 0_usize..80) {
            let text = json!({"openai_api_key": key, "model_mappings": {"a": "b"}}).to_string();
            let secret = parse(&text).unwrap();
            for shown in [format!("{secret:?}"), format!("{secret:#?}"), secret.redact(format!("bad key {key}."))] {
                prop_assert!(!shown.contains(&key), "{}", shown);
            }
            let cut = text.get(..damage.min(text.len())).unwrap_or_default();
            if let Err(reason) = parse(cut) {
                prop_assert!(!reason.contains(&key));
            }
        }
    }
}
