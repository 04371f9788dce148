//! What can be chosen without asking any account: Regions and instance types. Neither list is complete, and neither needs
//! to be: what is not in it can be typed.

use model::Region;
use model::bedrock;
use model::config::instance_size;
use model::ids::InstanceType;
use model::price::{Book, month_of_instance};

use crate::discovery::Choice;
use crate::form::PRODUCT_DEFAULTS;

/// Regions and where they are. Those that must be enabled first are left out, and those of other
/// partitions: who has them knows their names.
const REGIONS: &[(&str, &str)] = &[
    ("us-east-1", "N. Virginia"),
    ("us-east-2", "Ohio"),
    ("us-west-1", "N. California"),
    ("us-west-2", "Oregon"),
    ("ca-central-1", "Canada, Montreal"),
    ("eu-central-1", "Frankfurt"),
    ("eu-west-1", "Ireland"),
    ("eu-west-2", "London"),
    ("eu-west-3", "Paris"),
    ("eu-north-1", "Stockholm"),
    ("ap-south-1", "Mumbai"),
    ("ap-northeast-1", "Tokyo"),
    ("ap-northeast-2", "Seoul"),
    ("ap-northeast-3", "Osaka"),
    ("ap-southeast-1", "Singapore"),
    ("ap-southeast-2", "Sydney"),
    ("sa-east-1", "Sao Paulo"),
];

/// Types that are large enough for the SRE agent, the one that is recommended first.
const TYPES: &[&str] = &[
    "t3.xlarge",
    "t3a.xlarge",
    "t4g.xlarge",
    "m7i-flex.xlarge",
    "m7i.xlarge",
    "m7a.xlarge",
    "m7g.xlarge",
    "t3.2xlarge",
    "m7i.2xlarge",
    "m7g.2xlarge",
];

/// The Regions, each with where it is and how the usual model is reached from there.
pub(crate) fn regions() -> Vec<Choice> {
    let usual = PRODUCT_DEFAULTS.iter().find(|(path, _, _)| *path == "proxy.models");
    let model = usual.and_then(|(_, models, _)| models.split(',').next()?.split_once('='));
    let model = model.map_or("", |(_, model)| model);
    let choice = |(code, place): &(&str, &str)| {
        let reached = Region::parse(code).map_or_else(|_| String::new(), |region| reached(model, &region));
        Choice { value: (*code).to_owned(), note: format!("{place}{reached}"), within: None }
    };
    REGIONS.iter().map(choice).collect()
}

/// How a model is reached from a Region.
fn reached(model: &str, region: &Region) -> String {
    let called = bedrock::in_region(model, region);
    match called.strip_suffix(model).and_then(|geography| geography.strip_suffix('.')) {
        Some(geography) => format!("; Nova by way of the profile `{geography}`"),
        None if bedrock::facts(model).places.regions.contains(&region.as_str()) => {
            "; has Nova itself".to_owned()
        }
        None => "; not known to have Nova".to_owned(),
    }
}

/// The instance types, each with its size, and what it costs where the price is known.
pub(crate) fn instance_types(region: &str) -> Vec<Choice> {
    let choice = |name: &&str| {
        let kind = InstanceType::parse(name).ok()?;
        let size = instance_size::of(&kind)?;
        let mut note = format!("{} vCPU, {} GiB", size.vcpus, size.memory_gib);
        if is_arm(name) {
            note.push_str(", ARM");
        }
        if let Some(price) = month_of_instance(name, region, Book::embedded()) {
            note = format!("{note}, about {price} USD a month");
        }
        Some(Choice { value: (*name).to_owned(), note, within: None })
    };
    TYPES.iter().filter_map(choice).collect()
}

/// A family whose generation is followed by a `g` has processors of AWS.
fn is_arm(name: &str) -> bool {
    let family = name.split('.').next().unwrap_or_default();
    family
        .trim_start_matches(|c: char| c.is_ascii_lowercase())
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .starts_with('g')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Discovery;
    use crate::form::{Answers, judge};

    #[test]
    fn every_choice_would_be_accepted() {
        let choices =
            |path| (path, if path == "aws.region" { regions() } else { instance_types("us-east-1") });
        for (path, choices) in [choices("aws.region"), choices("instance.type")] {
            for choice in choices {
                let answers = Answers::of(&[(path, &choice.value)]);
                let judgement = judge(&answers, &crate::discovery::defaults(&Discovery::nothing(), &answers));
                assert!(judgement.of(path).next().is_none(), "{}: {:?}", choice.value, judgement.problems);
            }
        }
        assert_eq!((regions().len(), instance_types("").len()), (REGIONS.len(), TYPES.len()));
    }

    #[test]
    fn a_choice_says_what_tells_it_from_the_others() {
        let note = |choices: Vec<Choice>, value: &str| {
            choices.into_iter().find(|choice| choice.value == value).map(|choice| choice.note).unwrap()
        };
        assert_eq!(note(regions(), "us-east-1"), "N. Virginia; has Nova itself");
        assert_eq!(note(regions(), "eu-central-1"), "Frankfurt; Nova by way of the profile `eu`");
        assert_eq!(note(regions(), "sa-east-1"), "Sao Paulo; not known to have Nova");
        assert_eq!(
            note(instance_types("us-east-1"), "t3.xlarge"),
            "4 vCPU, 16 GiB, about 121.47 USD a month"
        );
        // No price of another Region is passed off as one of this Region.
        assert_eq!(note(instance_types("eu-central-1"), "t3.xlarge"), "4 vCPU, 16 GiB");
        assert_eq!(note(instance_types("us-east-1"), "m7g.xlarge"), "4 vCPU, 16 GiB, ARM");
    }
}
