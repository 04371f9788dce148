//! Laws of the form, for any answers.

use std::collections::BTreeMap;

use model::config::{self, Config, Inputs, Loaded};
use proptest::prelude::*;

use super::answers;
use crate::discovery::{Discovery, defaults};
use crate::form::{Answers, Defaults, configuration, flags, from_file, judge};

/// What `load` says about flags alone.
fn load_flags(flags: &BTreeMap<String, String>) -> Loaded {
    let environment = BTreeMap::new();
    config::load(&Inputs { file: None, environment: &environment, flags, mode: None })
}

/// Code and path of each problem, without an order: flags have no places to sort by.
fn listed(problems: &[config::Problem]) -> Vec<(&str, &str)> {
    let mut listed: Vec<(&str, &str)> =
        problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect();
    listed.sort_unstable();
    listed
}

fn same_verdict(answers: &Answers, defaults: &Defaults) -> Result<(), TestCaseError> {
    let (file, flags) = (judge(answers, defaults), load_flags(&flags(answers, defaults)));
    prop_assert_eq!(listed(&file.problems), listed(&flags.problems), "{}", configuration(answers, defaults));
    prop_assert_eq!(file.config, flags.config);
    Ok(())
}

/// The answers that ask for exactly this configuration.
fn answers_of(config: &Config) -> Answers {
    let (answers, problems) = from_file(&serde_json::to_string(&config.resolved()).unwrap());
    assert_eq!(problems, []);
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn the_file_means_what_the_answers_mean(answers in answers()) {
        same_verdict(&answers, &defaults(&Discovery::nothing(), &answers))?;
        same_verdict(&answers, &Defaults::default())?;
    }

    #[test]
    fn a_file_gives_its_answers_back(answers in answers()) {
        for defaults in [Defaults::default(), defaults(&Discovery::nothing(), &answers)] {
            let text = configuration(&answers, &defaults);
            let (read, _) = from_file(&text);
            prop_assert_eq!(configuration(&read, &defaults), text);
        }
    }

    #[test]
    fn reading_a_file_never_fails(text in super::wild()) {
        let _ = from_file(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn every_valid_configuration_can_be_asked_for(config in config::arbitrary::config()) {
        let answers = answers_of(&config);
        same_verdict(&answers, &Defaults::default())?;
        let (judged, loaded) = (judge(&answers, &Defaults::default()), load_flags(&flags(&answers, &Defaults::default())));
        prop_assert_eq!(&judged.config, &loaded.config);
        // Risks are judged anew, and what an adopted instance or user pool decides is left out.
        let (instance, cognito) = (&config.instance, &config.cognito);
        if let Some(judged) = judged.config
            && instance.adopt_instance_id.is_none()
            && cognito.adopt_user_pool_id.is_none()
            && config.mode != config::Mode::Rehearsal
        {
            prop_assert_eq!(judged, config);
        }
    }
}
