//! Single pages of the wizard on a pseudo terminal: lists, the policy, the record, links.

use test_support::{Terminal, keys};

use crate::rehearsal::folder;
use crate::support::Desk;
use crate::wizard::{USUAL, sit};

/// Opens the wizard on a page, with these answers.
fn open(desk: &Desk, page: &str, focus: &str, more: &[(&str, &str)]) -> Terminal {
    let focus = if focus.is_empty() { "null".to_owned() } else { format!("\"{focus}\"") };
    let draft = format!(
        "{{\"version\": 1, \"page\": \"{page}\", \"reached\": \"{page}\", \"focus\": {focus}, \
         \"answers\": {{\"mode\": \"rehearsal\"}}}}"
    );
    std::fs::write(desk.path(".deployment_state.draft.json"), draft).unwrap();
    sit(desk, "", USUAL, more)
}

/// Leaves at once.
fn leave(mut terminal: Terminal) {
    terminal.press(keys::CTRL_C);
    terminal.press(keys::CTRL_C);
    assert_eq!(terminal.exit(), 8);
}

#[test]
fn a_region_and_an_instance_type_are_chosen_from_lists() {
    let desk = folder();
    let mut terminal = open(&desk, "welcome", "aws.region", &[]);
    terminal.see("ACCOUNT 123456789012");
    terminal.press(keys::ENTER);
    terminal.see("N. Virginia; has Nova itself");
    terminal.press(keys::DOWN);
    terminal.press(keys::ENTER);
    terminal.see("REGION us-east-2");
    // Who begins to type has an answer of their own.
    terminal.press(keys::ENTER);
    terminal.see("N. Virginia; has Nova itself");
    terminal.press("eu-south-2");
    terminal.press(keys::ENTER);
    terminal.see("REGION eu-south-2");
    leave(terminal);

    let mut terminal = open(&desk, "instance", "instance.type", &[]);
    terminal.see("4/14 Instance");
    terminal.press(keys::ENTER);
    terminal.see("4 vCPU, 16 GiB, about 121.47 USD a month");
    leave(terminal);
}

#[test]
fn the_policy_is_seen_before_there_is_a_plan() {
    let desk = folder();
    let terminal = open(&desk, "iam", "", &[]);
    let screen = terminal.see("bedrock:InvokeModel");
    assert!(screen.contains("The policy of its role") && screen.contains("amazon.nova"), "{screen}");
    leave(terminal);
}

#[test]
fn in_a_rehearsal_it_is_said_why_nobody_is_asked_for_the_name() {
    let desk = folder();
    let terminal = open(&desk, "tls", "tls.domain", &[]);
    terminal.see("not checked: a rehearsal's address is invented");
    leave(terminal);
}

#[test]
fn links_are_for_terminals_that_show_them() {
    let desk = folder();
    for (forced, wanted) in [("1", true), ("0", false)] {
        let terminal = open(&desk, "network", "network.vpc_id", &[("FORCE_HYPERLINK", forced)]);
        terminal.see("3/14 Network");
        terminal.resize(120, 40);
        // The address begins a line of its own, as everything in that pane.
        terminal.see("See: ");
        terminal.still();
        let written = terminal.written();
        assert_eq!(written.contains("\u{1b}]8;id=sre0;https://docs.aws.amazon.com/vpc/"), wanted, "{forced}");
        leave(terminal);
    }
}
