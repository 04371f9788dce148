//! Grammar and life cycle of what Bedrock accepts as a model id.

use super::{
    codes,
    fields::{Flaw, shown},
    suggest,
};
use crate::{AccountId, Region, bedrock};

/// Ids that somebody may have meant: the plain ones of the table and those of its inference profiles.
fn known() -> Vec<String> {
    let rows = || bedrock::TABLE.iter().filter(|row| row.retired.is_none());
    let profiles =
        rows().flat_map(|row| row.places.profiles.iter().map(|geography| format!("{geography}.{}", row.id)));
    rows().map(|row| row.id.to_owned()).chain(profiles).collect()
}

/// Checks the grammar, or says what is wrong.
pub fn parse(text: &str) -> Result<String, Flaw> {
    let valid = if text.starts_with("arn:") { is_model_arn(text) } else { is_model_id(text) };
    if valid {
        return Ok(text.to_owned());
    }
    let message = format!(
        "{} is neither a Bedrock model id nor an inference profile id nor the ARN of one of them",
        shown(text)
    );
    let flaw = Flaw::new(codes::INVALID_MODEL, message);
    let known = known();
    Err(match suggest::nearest(text, known.iter().map(String::as_str)) {
        Some(nearest) => flaw.suggestion(format!("did you mean `{nearest}`?")),
        None => flaw.example("amazon.nova-pro-v1:0"),
    })
}

/// The date after which this model does not answer, and what to use instead.
pub fn retired(model: &str) -> Option<(&'static str, &'static str)> {
    bedrock::facts(model).retired.map(|end| (end.date, end.successor))
}

fn is_segment(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `provider.model`, perhaps with a geography in front and a version behind: `us.amazon.nova-pro-v1:0`.
fn is_model_id(text: &str) -> bool {
    let mut parts = text.split(':');
    let names = parts.next().unwrap_or_default();
    let suffixes: Vec<&str> = parts.collect();
    (2..=4).contains(&names.split('.').count())
        && names.split('.').all(is_segment)
        && suffixes.len() <= 2
        && suffixes.into_iter().all(is_segment)
}

fn is_model_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("bedrock"), Some(region), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((kind, id)) = resource.split_once('/') else { return false };
    let has_account = AccountId::parse(account).is_ok();
    let place = matches!(partition, "aws" | "aws-cn" | "aws-us-gov") && Region::parse(region).is_ok();
    place
        && match kind {
            "foundation-model" => account.is_empty() && is_model_id(id),
            "inference-profile" => has_account && is_model_id(id),
            "application-inference-profile" => has_account && is_segment(id),
            _ => false,
        }
}

/// Whether clients may send this as the name of a model.
pub fn is_alias(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'/' | b'@' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_profiles_and_arns_are_accepted() {
        for good in [
            "amazon.nova-pro-v1:0",
            "us.amazon.nova-pro-v1:0",
            "us-gov.amazon.nova-pro-v1:0",
            "global.amazon.nova-2-lite-v1:0",
            "amazon.nova-lite-v1:0:300k",
            "zai.glm-4.7",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "nova-pro",
            "amazon.",
            ".nova",
            "amazon.Nova",
            "amazon nova",
            "a.b:1:2:3",
            "arn:aws:bedrock:us-east-1:123456789012:foundation-model/amazon.nova-pro-v1:0",
            "arn:aws:bedrock:us-east-1::inference-profile/us.amazon.nova-pro-v1:0",
            "arn:aws:s3:us-east-1:123456789012:inference-profile/x.y",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_short_name_finds_its_id() {
        assert_eq!(
            parse("nova-pro-v1:0").unwrap_err().suggestion.as_deref(),
            Some("did you mean `amazon.nova-pro-v1:0`?")
        );
    }

    #[test]
    fn a_model_past_its_end_of_life_is_found_in_every_form() {
        for model in [
            "amazon.nova-premier-v1:0",
            "us.amazon.nova-premier-v1:0",
            "amazon.nova-premier-v1:0:1000k",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-premier-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-premier-v1:0",
        ] {
            assert!(retired(model).is_some(), "{model}");
        }
        assert!(retired("amazon.nova-pro-v1:0").is_none());
        assert!(retired("notamazon.nova-premier-v1:0").is_none());
    }
}
