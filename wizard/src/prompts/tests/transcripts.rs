//! What stands on the terminal, and what is kept when.

use super::{Fake, Program, Reply};
use crate::discovery::{Choice, Discovery};
use crate::draft::Draft;
use crate::exchange::Verdict;
use crate::form::{Answers, Page};
use crate::prompts::{End, Plain, Walked, walk};

/// The plain walk with these lines typed: what came of it, what was kept, and the transcript with the typed lines in it.
fn typed(lines: &[&str], draft: Draft, discovery: Discovery) -> (Walked, Program, String) {
    let input = lines.iter().flat_map(|line| [*line, "\n"]).collect::<String>();
    let mut plain = Plain::new(input.as_bytes(), Vec::new());
    let mut program = Program::default();
    let walked = walk(&mut plain, draft, discovery, &mut program).unwrap();
    let (_, output) = plain.into_inner();
    let mut typed = lines.iter();
    let mut transcript = String::new();
    for part in String::from_utf8(output).unwrap().split_inclusive(": ") {
        transcript.push_str(part);
        // A prompt ends without a line break; what was typed is what the terminal would have shown.
        if is_prompt(part) {
            transcript.extend([typed.next().unwrap_or(&"<end>"), "\n"]);
        }
    }
    (walked, program, transcript)
}

fn is_prompt(part: &str) -> bool {
    let last = part.rsplit('\n').next().unwrap_or_default();
    last.ends_with("]: ")
        || last == "Number, or another answer: "
        || crate::form::FIELDS.iter().any(|field| last == format!("{}: ", field.title))
}

fn account() -> Discovery {
    let choice = |value: &str, note: &str, within: Option<&str>| Choice {
        value: value.to_owned(),
        note: note.to_owned(),
        within: within.map(str::to_owned),
    };
    let vpc = "vpc-0123456789abcdef0";
    Discovery {
        account_id: Some("210987654321".to_owned()),
        region: Some(("eu-central-1".to_owned(), "AWS_REGION".to_owned())),
        vpcs: vec![choice(vpc, "10.0.0.0/16, default", None)],
        subnets: vec![choice("subnet-0123456789abcdef0", "10.0.1.0/24, eu-central-1a", Some(vpc))],
        notes: vec!["the user pools could not be listed: access denied".to_owned()],
        ..Discovery::nothing()
    }
}

#[test]
fn a_rehearsal_with_enter_alone() {
    let enters = [""; 40];
    let lines: Vec<&str> = ["", "3"].into_iter().chain(enters).collect();
    let (walked, _, transcript) = typed(&lines, Draft::empty(), Discovery::nothing());
    assert_eq!(walked.end, End::Answered);
    insta::assert_snapshot!(transcript);
}

#[test]
fn mistakes_help_and_going_back() {
    let lines = [
        "no",
        "production",
        "",
        "",
        "", // Welcome
        "production",
        "?",
        "prod",
        "My App",
        "<",
        "dev",
        "my-app", // Environment
        "",
        "", // Network
        "i-1",
        "none",
        "t3.micro",
        "!",
    ];
    let (walked, program, transcript) = typed(&lines, Draft::empty(), account());
    insta::assert_snapshot!(transcript);
    assert_eq!(walked.end, End::Left);
    let kept = program.saved.last().unwrap();
    assert_eq!(kept.focus.as_deref(), Some("instance.type"));
    assert_eq!(kept.typing, Some(("instance.type".to_owned(), "t3.micro".to_owned())));
    assert_eq!(kept.answers.get("deployment.id"), Some("my-app"));
    assert_eq!(kept.answers.get("instance.type"), None);
}

#[test]
fn the_end_of_the_input_leaves_and_the_next_walk_goes_on_there() {
    let (walked, program, _) = typed(&["", "rehearsal", ""], Draft::empty(), Discovery::nothing());
    assert_eq!(walked.end, End::Left);
    let draft = program.saved.last().unwrap().clone();
    assert_eq!((draft.page, draft.focus.as_deref()), (Page::Welcome, Some("aws.account_id")));
    let (_, _, transcript) = typed(&[], draft, Discovery::nothing());
    assert!(transcript.contains("AWS account [123456789012, recommended"), "{transcript}");
    assert!(!transcript.contains("Mode"), "{transcript}");
}

#[test]
fn every_answer_is_kept_at_once() {
    let mut fake = Fake::new(|title: &str| match title {
        "Mode" => Reply::Say("rehearsal".to_owned()),
        _ => Reply::Keep,
    });
    let mut program = Program::default();
    let walked = walk(&mut fake, Draft::empty(), Discovery::nothing(), &mut program).unwrap();
    assert_eq!(walked.end, End::Answered);
    // One for each question; the first one asked how much to ask.
    assert_eq!(program.saved.len(), fake.asked.len() - 1);
    assert_eq!(program.saved[0].answers.get("mode"), Some("rehearsal"));
    assert_eq!(program.asked_for, [(None, None, true)]);
    assert_eq!(walked.draft.reached, Page::Gateway);
}

#[test]
fn back_leads_across_pages_and_help_stays() {
    let mut replies = vec![
        Reply::Keep,                        // how much
        Reply::Back,                        // Mode: nothing before it
        Reply::Say("rehearsal".to_owned()), // Mode
        Reply::Keep,                        // Region
        Reply::Keep,                        // account
        Reply::Help,                        // Environment
        Reply::Back,                        // Environment
        Reply::Quit,                        // account
    ]
    .into_iter();
    let mut fake = Fake::new(|_: &str| replies.next().unwrap());
    let walked = walk(&mut fake, Draft::empty(), Discovery::nothing(), &mut Program::default()).unwrap();
    assert_eq!(walked.end, End::Left);
    let asked: Vec<&str> = fake.asked.iter().skip(1).map(String::as_str).collect();
    assert_eq!(asked, ["Mode", "Mode", "Region", "AWS account", "Environment", "Environment", "AWS account"]);
    assert!(fake.said.iter().any(|line| line == "This is the first question."));
    assert!(fake.said.iter().any(|line| line.contains("SRE_AGENT_DEPLOY_DEPLOYMENT_ENVIRONMENT")));
}

#[test]
fn what_the_account_refuses_is_asked_again() {
    let mut prefixes = ["taken", "free"].into_iter();
    let mut fake = Fake::new(|title: &str| match title {
        "Mode" => Reply::Say("rehearsal".to_owned()),
        "Token address prefix" => Reply::Say(prefixes.next().unwrap().to_owned()),
        "Keep it all the same?" => Reply::Say("no".to_owned()),
        _ => Reply::Keep,
    });
    let wrong =
        Verdict::Wrong { message: "somebody has this prefix".to_owned(), instead: Some("free".to_owned()) };
    let mut program = Program {
        verdicts: vec![
            ("cognito.domain_prefix", "taken", wrong),
            ("cognito.domain_prefix", "free", Verdict::Fine { note: "it is free".to_owned() }),
        ],
        ..Program::default()
    };
    let walked = walk(&mut fake, Draft::empty(), Discovery::nothing(), &mut program).unwrap();
    assert_eq!(walked.draft.answers.get("cognito.domain_prefix"), Some("free"));
    assert!(fake.said.contains(&"  `free` would do".to_owned()));
    assert!(fake.said.contains(&"  ok: it is free".to_owned()));
}

#[test]
fn an_answer_from_before_that_cannot_stay_is_asked_for_at_the_end() {
    // An advanced question, not asked in the usual walk but for its answer.
    let answers = Answers::of(&[("mode", "rehearsal"), ("proxy.limits.tokens_per_hour", "0")]);
    let draft = Draft { answers, focus: Some("gateway".to_owned()), page: Page::Gateway, ..Draft::empty() };
    let mut fake = Fake::new(|title: &str| match title {
        "Tokens per hour" => Reply::Say("5000".to_owned()),
        _ => Reply::Keep,
    });
    let walked = walk(&mut fake, draft, Discovery::nothing(), &mut Program::default()).unwrap();
    assert_eq!(fake.asked, ["AgentCore gateway", "Tokens per hour"]);
    assert_eq!(walked.end, End::Answered);
    assert!(walked.configuration.contains("tokens_per_hour: 5000\n"));
}

#[test]
fn in_another_region_other_networks_can_be_chosen() {
    let answers = Answers::of(&[("network.vpc_id", "vpc-ffffffff"), ("mode", "staging")]);
    let draft = Draft { answers, focus: Some("aws.region".to_owned()), ..Draft::empty() };
    let mut fake = Fake::new(|title: &str| match title {
        "Region" => Reply::Say("eu-central-1".to_owned()),
        "Subnet" => Reply::Quit,
        _ => Reply::Keep,
    });
    let mut program = Program { found: Some(account()), ..Program::default() };
    let walked = walk(&mut fake, draft, Discovery::nothing(), &mut program).unwrap();
    assert_eq!(program.asked_for, [(None, Some("eu-central-1".to_owned()), false)]);
    assert_eq!(walked.discovery, account());
    assert!(walked.configuration.contains("  vpc_id: vpc-0123456789abcdef0\n"), "{}", walked.configuration);
    assert!(fake.said.iter().any(|line| line.contains("vpc-ffffffff is not in this account")));
}
