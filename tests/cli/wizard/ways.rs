//! The same walk with every step done another way: by hand as the screen says it, or with what exists already.

#[path = "../../../provision/tests/engine/player.rs"]
#[expect(dead_code, reason = "the engine's tests have it make mistakes as well")]
mod player;

use std::cell::RefCell;
use std::collections::BTreeSet;

use cloud::practice::{Practice, PracticeOptions};
use model::guide::{Answer, Entry, Task};
use model::plan::StepId;
use model::{AccountId, Region};
use provision::guided::Operator as _;
use serde_json::Value;
use test_support::{Terminal, keys};

use self::player::Player;
use super::{account, carry_out, go_to, selected, sit, walk_to_review};
use crate::rehearsal::folder;
use crate::support::Desk;

/// Room for a task as a whole, and for whole labels.
const LARGE: (u16, u16) = (240, 60);

/// The steps of a plan that a person can take over, in the order in which the review lists them.
fn steps(screen: &str) -> Vec<StepId> {
    let step = |line: &str| {
        let mut adoptable = StepId::ALL.iter().copied().filter(|step| step.can_adopt());
        adoptable.find(|step| line.contains(&format!("{}  ", step.title())))
    };
    let plan = screen.lines().filter_map(|line| line.split('│').nth(1));
    plan.filter_map(step).collect()
}

/// The step of the task that is shown.
fn task_of(screen: &str) -> Option<StepId> {
    let title = screen.split_once("By hand: ")?.1.split(" ─").next()?;
    StepId::ALL.iter().copied().find(|step| step.title() == title)
}

/// Takes a task as an operator does: reads the labels, and copies the link and the values with their keys.
fn read(terminal: &mut Terminal, step: StepId) -> Task {
    let screen = terminal.still();
    assert_eq!(task_of(&screen), Some(step), "{screen}");
    let lines: Vec<&str> =
        screen.lines().map(|line| line.trim_start_matches('│').trim_end_matches(['│', ' '])).collect();
    let mut lines = lines.into_iter().skip_while(|line| !line.starts_with("▸ Open")).skip(1);
    let path = lines.next().expect("the way comes after the link");
    let path = path.trim().split(" > ").map(str::to_owned).collect();
    let rows = lines.take_while(|line| !line.starts_with("  It is found"));
    let labels: Vec<&str> =
        rows.map(|row| row.trim_start().split_once("  ").map_or(row, |(label, _)| label).trim()).collect();
    let console = terminal.copied(keys::ENTER);
    let entry = |label: &str| Entry::new(label, terminal.copied(keys::ENTER));
    Task {
        step,
        title: step.title().to_owned(),
        account: AccountId::parse("123456789012").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
        console,
        path,
        values: labels.into_iter().map(entry).collect(),
        finds: String::new(),
        attempt: 1,
        seen: None,
        differences: Vec::new(),
    }
}

/// Makes it in the account, with another program than the one that waits for it.
fn make(desk: &Desk, terminal: &Terminal, task: Task) {
    let opened = RefCell::new(None);
    terminal.wait_until("the account is free for others", |_| {
        let practice = Practice::open(&desk.path(".rehearsal/account.json"), PracticeOptions::instant());
        *opened.borrow_mut() = practice.ok();
        opened.borrow().is_some()
    });
    let practice = opened.into_inner().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(Player::new(practice.cloud()).by_hand(task));
    assert_eq!(answer, Answer::Done { id: None });
}

/// What the state file says of each step: its id.
fn ids(desk: &Desk) -> Vec<(StepId, String)> {
    let status = desk.run("status --state-file .rehearsal/.deployment_state --format json").expect(0).json();
    let steps = status["steps"].as_array().unwrap_or_else(|| panic!("{status:#}")).clone();
    let id = |step: &Value| Some((StepId::parse(step["step"].as_str()?)?, step["id"].as_str()?.to_owned()));
    steps.iter().filter_map(id).collect()
}

fn made_once(desk: &Desk) {
    for (kind, count) in account(desk) {
        assert_eq!(count, 1, "{kind}");
    }
}

/// To the report, and out; then everything is taken away but what the program did not make.
fn finish(desk: &Desk, terminal: &mut Terminal) {
    terminal.see("To the report");
    terminal.press(keys::ENTER);
    terminal.see("Clients go to https://localhost:");
    go_to(terminal, keys::DOWN, "[ Done ]");
    terminal.press(keys::ENTER);
    assert_eq!(terminal.exit(), 0);
    assert!(terminal.is_as_found());
    terminal.see("everything is there");
    made_once(desk);
    desk.run("rehearse --cleanup --fast").expect(0);
    made_once(desk);
}

#[test]
fn with_every_step_by_hand_the_walk_ends_in_a_verified_rehearsal() {
    let desk = folder();
    let mut terminal = sit(&desk, "", LARGE, &[]);
    walk_to_review(&mut terminal);
    let wanted = steps(&terminal.still());
    assert!(wanted.len() >= 10, "{wanted:?}");
    for step in &wanted {
        go_to(&mut terminal, keys::DOWN, step.title());
        terminal.press(" ");
        // Another plan was made, and the selection is where it was.
        terminal.wait_until(&format!("{step} is done by hand"), |screen| {
            let line = selected(screen);
            line.contains(step.title()) && line.contains("by hand")
        });
    }
    carry_out(&mut terminal);
    let mut asked: Vec<StepId> = Vec::new();
    loop {
        let screen = terminal.wait_until("another task, or the end", |screen| {
            screen.contains("To the report")
                || task_of(screen).is_some_and(|step| asked.last() != Some(&step))
        });
        let Some(step) = task_of(&screen) else { break };
        asked.push(step);
        let task = read(&mut terminal, step);
        make(&desk, &terminal, task);
        if step == StepId::Role {
            // What was made is found, whoever is killed before it is said.
            terminal.kill();
            terminal = sit(&desk, "", LARGE, &[]);
            terminal.see("A run did not end");
            go_to(&mut terminal, keys::DOWN, "Go on with the run");
            terminal.press(keys::ENTER);
            continue;
        }
        go_to(&mut terminal, keys::DOWN, "I did it");
        terminal.press(keys::ENTER);
    }
    let mut expected: BTreeSet<StepId> = wanted.into_iter().collect();
    // The Console makes it with the role.
    expected.remove(&StepId::InstanceProfile);
    assert_eq!(asked.len(), expected.len(), "nothing is asked for twice: {asked:?}");
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), expected);
    finish(&desk, &mut terminal);
}

/// Goes to a step and says what takes its place.
fn adopt(terminal: &mut Terminal, key: &str, step: StepId, id: &str) {
    go_to(terminal, key, step.title());
    terminal.press("o");
    terminal.see(&format!("Use an existing {}", step.title()));
    terminal.press(id);
    terminal.see(id);
    terminal.press(keys::ENTER);
}

/// Waits for the plan with what was adopted; the selection is where it was.
fn is_adopted(terminal: &Terminal, step: StepId) {
    terminal.wait_until(&format!("{step} is adopted"), |screen| {
        let line = selected(screen);
        line.contains(step.title()) && line.contains("adopted")
    });
}

#[test]
fn with_every_step_adopted_the_walk_ends_in_a_verified_rehearsal() {
    let desk = folder();
    // What somebody else made, by whatever means.
    desk.run("rehearse --fast --set deployment.id=sre-given").expect(0);
    let given = ids(&desk);
    for file in std::fs::read_dir(desk.path(".rehearsal")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() && !path.file_name().unwrap().to_string_lossy().starts_with("account.json") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let mut terminal = sit(&desk, "", LARGE, &[]);
    walk_to_review(&mut terminal);
    let wanted = steps(&terminal.still());
    assert!(wanted.len() >= 10, "{wanted:?}");
    let id_of = |step: StepId| {
        let known = given.iter().find(|(known, _)| *known == step);
        known.map_or_else(|| panic!("{step} is not in {given:?}"), |(_, id)| id.as_str())
    };
    adopt(&mut terminal, keys::DOWN, wanted[0], "sg-0123456789abcdef0");
    terminal.see("There is no plan");
    terminal.see("sg-0123456789abcdef0");
    go_to(&mut terminal, keys::DOWN, "Use another one");
    terminal.press(keys::ENTER);
    terminal.see(&format!("Use an existing {}", wanted[0].title()));
    terminal.press(keys::CTRL_U);
    terminal.press(id_of(wanted[0]));
    terminal.press(keys::ENTER);
    is_adopted(&terminal, wanted[0]);
    // An address is on an instance: neither can be known without the other two.
    let (last, others): (Vec<StepId>, Vec<StepId>) =
        wanted[1..].iter().partition(|step| **step == StepId::AddressAssociation);
    for (key, steps) in [(keys::DOWN, others), (keys::UP, last)] {
        for step in steps {
            adopt(&mut terminal, key, step, id_of(step));
            is_adopted(&terminal, step);
        }
    }
    carry_out(&mut terminal);
    finish(&desk, &mut terminal);
}
