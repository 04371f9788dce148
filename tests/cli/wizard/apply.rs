//! A run that is killed at each of its steps.

use std::collections::BTreeSet;

use model::plan::StepId;
use test_support::{Terminal, keys};

use super::{account, carry_out, go_to, sit, walk_to_review};
use crate::rehearsal::folder;

/// Room for all steps.
const TALL: (u16, u16) = (100, 50);
/// Slow enough that each step is seen at work.
const SLOW: [(&str, &str); 1] = [("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "60")];
/// A step that is over between two looks is met in another run.
const RUNS: usize = 4;

/// The steps that are at work.
fn at_work(screen: &str) -> BTreeSet<StepId> {
    let lines = screen.lines().filter(|line| line.contains('●'));
    lines
        .filter_map(|line| {
            StepId::ALL.iter().copied().find(|step| line.contains(&format!(" {} ", step.title())))
        })
        .collect()
}

/// Kills a run whenever a step is at work that was not yet killed, and goes on, until the run is through.
fn kill_at_each(
    mut terminal: Terminal,
    open: impl Fn() -> Terminal,
    killed: &mut BTreeSet<StepId>,
) -> Terminal {
    loop {
        let screen = terminal.wait_until("another step at work, or the end", |screen| {
            screen.contains("To the report") || !at_work(screen).is_subset(killed)
        });
        if screen.contains("To the report") {
            return terminal;
        }
        terminal.kill();
        killed.extend(at_work(&screen));
        terminal = open();
        terminal.see("A run did not end");
        go_to(&mut terminal, keys::DOWN, "Go on with the run");
        terminal.press(keys::ENTER);
    }
}

#[test]
fn killed_at_every_step_a_run_is_gone_on_with_and_makes_nothing_twice() {
    // The sample has neither a gateway nor a certificate of ACM.
    let is_made = |step: &StepId| step.can_adopt() && !step.is_of_gateway() && *step != StepId::Certificate;
    let made: BTreeSet<StepId> = StepId::ALL.iter().copied().filter(is_made).collect();
    let mut killed = BTreeSet::new();
    for run in 0..RUNS {
        let desk = folder();
        let open = || sit(&desk, "", TALL, &SLOW);
        let mut terminal = open();
        walk_to_review(&mut terminal);
        carry_out(&mut terminal);
        let mut terminal = kill_at_each(terminal, open, &mut killed);
        for (kind, count) in account(&desk) {
            assert_eq!(count, 1, "{kind} in run {run}, killed at {killed:?}");
        }
        terminal.press(keys::CTRL_C);
        terminal.see("Leave");
        terminal.press(keys::CTRL_C);
        assert_eq!(terminal.exit(), 0, "everything is done");
        if made.is_subset(&killed) {
            return;
        }
    }
    panic!("never seen at work: {:?}", made.difference(&killed).collect::<Vec<_>>());
}
