//! The table and the forms in which its rows are found.

use super::*;
use crate::Region;

#[test]
fn a_model_is_found_in_every_form() {
    for name in [
        "amazon.nova-pro-v1:0",
        "us.amazon.nova-pro-v1:0",
        "us-gov.amazon.nova-pro-v1:0",
        "apac.amazon.nova-pro-v1:0",
        "amazon.nova-pro-v1:0:300k",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
    ] {
        assert_eq!(facts(name).id, "amazon.nova-pro-v1:0", "{name}");
    }
    for name in [
        "",
        "gpt-4o",
        "nova-pro",
        "notamazon.nova-pro-v1:0",
        "us.us.amazon.nova-pro-v1:0",
        "amazon.nova-pro-v1:01",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
        "arn:",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile",
    ] {
        assert!(facts(name).is_unknown(), "{name}");
    }
}

#[test]
fn every_row_is_found_by_its_own_id_and_no_other_row_answers_to_it() {
    for row in TABLE {
        assert_eq!(facts(row.id).id, row.id);
        let same = TABLE.iter().filter(|other| other.id == row.id).count();
        assert_eq!(same, 1, "{}", row.id);
        assert!(row.created > 1_600_000_000, "{} has no date", row.id);
        for profile in row.places.profiles {
            assert!(names::GEOGRAPHIES.contains(profile), "{profile} of {} is no geography", row.id);
        }
        for region in row.places.regions {
            assert!(Region::parse(region).is_ok(), "{region} of {}", row.id);
        }
        if let Some(embedding) = row.embedding() {
            let fixed = embedding.dimensions.is_empty();
            assert!(fixed || embedding.dimensions.contains(&embedding.default_dimensions), "{}", row.id);
        }
    }
}

#[test]
fn the_dates_are_the_days_they_are_said_to_be() {
    let created = |model: &str| jiff::Timestamp::from_second(facts(model).created).unwrap().to_string();
    assert_eq!(created("amazon.nova-pro-v1:0"), "2024-12-03T00:00:00Z");
    assert_eq!(created("amazon.nova-premier-v1:0"), "2025-04-30T00:00:00Z");
    assert_eq!(created("amazon.nova-2-lite-v1:0"), "2025-12-02T00:00:00Z");
    assert_eq!(created("amazon.nova-2-multimodal-embeddings-v1:0"), "2025-10-28T00:00:00Z");
    assert_eq!(created("amazon.titan-embed-text-v1"), "2023-09-28T00:00:00Z");
    assert_eq!(created("amazon.titan-embed-text-v2:0"), "2024-04-30T00:00:00Z");
    assert_eq!(created("amazon.titan-embed-image-v1"), "2023-11-29T00:00:00Z");
    assert_eq!(created("anthropic.claude-3-haiku-20240307-v1:0"), "2024-03-04T00:00:00Z");
    assert_eq!(created("anthropic.claude-sonnet-4-20250514-v1:0"), "2025-05-22T00:00:00Z");
    assert_eq!(created("anthropic.claude-sonnet-4-5-20250929-v1:0"), "2025-09-29T00:00:00Z");
    assert_eq!(created("anthropic.claude-opus-4-6-v1"), "2026-02-05T00:00:00Z");
}

#[test]
fn a_region_decides_between_plain_id_and_profile() {
    for (model, region, wanted) in [
        ("amazon.nova-pro-v1:0", "us-east-1", "amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "us-west-2", "us.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "eu-central-1", "eu.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "ap-south-1", "apac.amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0", "us-gov-west-1", "amazon.nova-pro-v1:0"),
        ("amazon.nova-pro-v1:0:300k", "us-west-2", "us.amazon.nova-pro-v1:0:300k"),
        ("amazon.nova-pro-v1:0", "sa-east-1", "amazon.nova-pro-v1:0"),
        ("amazon.nova-2-lite-v1:0", "us-east-1", "us.amazon.nova-2-lite-v1:0"),
        ("amazon.nova-2-lite-v1:0", "ap-northeast-1", "jp.amazon.nova-2-lite-v1:0"),
        ("amazon.nova-2-lite-v1:0", "sa-east-1", "global.amazon.nova-2-lite-v1:0"),
        ("amazon.nova-2-lite-v1:0", "cn-north-1", "amazon.nova-2-lite-v1:0"),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "ap-southeast-2",
            "au.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("eu.amazon.nova-pro-v1:0", "us-east-1", "eu.amazon.nova-pro-v1:0"),
        ("zai.glm-4.7", "us-west-2", "zai.glm-4.7"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0",
            "us-west-2",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0",
        ),
    ] {
        assert_eq!(in_region(model, &Region::parse(region).unwrap()), wanted, "{model} in {region}");
    }
}

#[test]
fn what_nova_can_do() {
    let micro = facts("us.amazon.nova-micro-v1:0");
    assert!(!micro.input.image && !micro.input.document && !micro.input.video);
    assert_eq!(micro.reasoning, Reasoning::None);
    let lite = facts("global.amazon.nova-2-lite-v1:0");
    assert!(lite.input.image && lite.input.document && lite.input.video && lite.input.s3);
    assert_eq!(
        (lite.reasoning, lite.json, lite.top_k, lite.caching, lite.tools),
        (Reasoning::NovaEffort, Json::ForcedTool, TopK::NovaInferenceConfig, Caching::Prompt, Tools::Choice)
    );
    assert_eq!(facts("us.amazon.nova-premier-v1:0").retired.map(|end| end.date), Some("2026-09-14"));
}
