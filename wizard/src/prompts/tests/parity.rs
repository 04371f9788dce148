//! The same answers give the same file, byte for byte, whoever asked.

use model::config::arbitrary;
use proptest::prelude::*;

use super::{Fake, Program, Reply, titled};
use crate::discovery::{Discovery, defaults};
use crate::draft::Draft;
use crate::form::{Answers, FIELDS, Field, configuration, from_file, judge, parsed, takes_nothing};
use crate::prompts::{End, Plain, walk};

/// Answers to every question that make a configuration without an error.
fn complete() -> impl Strategy<Value = Answers> {
    (arbitrary::config(), prop_oneof![Just("staging"), Just("rehearsal"), Just("production")])
        .prop_filter_map("an error in this mode", |(config, mode)| {
            let (read, _) = from_file(&serde_json::to_string(&config.resolved()).unwrap());
            let mut answers = Answers::default();
            for field in FIELDS {
                answers.set(field.path, parsed(field, read.get(field.path).unwrap_or_default()));
            }
            answers.set("mode", mode);
            judge(&answers, &defaults(&Discovery::nothing(), &answers)).config.map(|_| answers)
        })
}

/// What is said for an answer.
fn said(field: &Field, text: &str) -> String {
    if text.is_empty() && takes_nothing(field) { "none".to_owned() } else { text.to_owned() }
}

/// The same as a line: what means something else at a prompt has a backslash in front.
fn line(said: &str) -> String {
    if matches!(said, "<" | "?" | "!") { format!("\\{said}\n") } else { format!("{said}\n") }
}

/// The answer to a question by its title.
fn reply(answers: &Answers, title: &str) -> String {
    titled(title)
        .map_or_else(|| "yes".to_owned(), |field| said(field, answers.get(field.path).unwrap_or_default()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    #[test]
    fn every_front_end_writes_the_same_file(answers in complete()) {
        let wanted = configuration(&answers, &defaults(&Discovery::nothing(), &answers));

        let (from_text, _) = from_file(&wanted);
        prop_assert_eq!(&configuration(&from_text, &defaults(&Discovery::nothing(), &from_text)), &wanted);

        let mut fake = Fake::new(|title: &str| Reply::Say(reply(&answers, title)));
        let walked = walk(&mut fake, Draft::empty(), Discovery::nothing(), &mut Program::default()).unwrap();
        prop_assert_eq!(walked.end, End::Answered);
        prop_assert_eq!(&walked.configuration, &wanted);

        let lines: String = fake.asked.iter().map(|title| line(&reply(&answers, title))).collect();
        let mut plain = Plain::new(lines.as_bytes(), Vec::new());
        let walked = walk(&mut plain, Draft::empty(), Discovery::nothing(), &mut Program::default()).unwrap();
        prop_assert_eq!(walked.end, End::Answered);
        prop_assert_eq!(&walked.configuration, &wanted);
        let (rest, transcript) = plain.into_inner();
        prop_assert!(rest.is_empty());
        prop_assert!(String::from_utf8(transcript).unwrap().ends_with(wanted.as_str()));
    }
}
