//! The wizard as an operator uses it: driven by keys through a pseudo terminal, and read from its screen.

mod apply;
mod soak;
mod ways;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_support::{Film, Terminal, keys};

use crate::rehearsal::folder;
use crate::support::Desk;

/// What Session Manager gives.
pub(crate) const USUAL: (u16, u16) = (80, 24);

/// Sits down at a terminal in a folder and starts the program there.
pub(crate) fn sit(desk: &Desk, line: &str, size: (u16, u16), more: &[(&str, &str)]) -> Terminal {
    let program = desk.command(line);
    let mut environment: BTreeMap<String, String> = program
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
        .collect();
    let usual = [
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
        ("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1"),
        // Nobody's own settings.
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    for (name, value) in usual.iter().chain(more) {
        environment.insert((*name).to_owned(), (*value).to_owned());
    }
    environment.retain(|_, value| !value.is_empty());
    // By its name, as people start it: what it says of itself is then what they would type.
    let program = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy"));
    let path = environment.entry("PATH".to_owned()).or_default();
    *path = format!("{}:{path}", program.parent().unwrap().display());
    let arguments: Vec<&str> = line.split_whitespace().collect();
    Terminal::start(Path::new("sre-agent-deploy"), &arguments, &desk.path("."), &environment, size)
}

/// What is selected: from its sign to the end of its pane.
fn selected(screen: &str) -> String {
    let line = screen.lines().find_map(|line| line.split_once('▸')).map(|(_, line)| line);
    line.and_then(|line| line.split('│').next()).unwrap_or_default().trim_end().to_owned()
}

/// Presses a key until the selected line has this.
#[track_caller]
fn go_to(terminal: &mut Terminal, key: &str, wanted: &str) {
    for _ in 0..40 {
        let before = selected(&terminal.still());
        if before.contains(wanted) {
            return;
        }
        terminal.press(key);
        terminal.wait_until(&format!("the selection moves to {wanted}"), |screen| {
            let now = selected(screen);
            !now.is_empty() && now != before
        });
    }
    panic!("{wanted} is never selected; the screen:\n{}", terminal.screen());
}

/// Chooses the rehearsal on the first page.
#[track_caller]
fn choose_rehearsal(terminal: &mut Terminal) {
    terminal.see("1/14 Welcome");
    go_to(terminal, keys::UP, "Mode");
    terminal.press(" ");
    terminal.see("(•) staging");
    terminal.press(" ");
    terminal.see("(•) rehearsal");
    // The practice account has been asked.
    terminal.see("ACCOUNT 123456789012");
}

/// Goes on to the page of this number.
#[track_caller]
fn next_page(terminal: &mut Terminal, number: usize) {
    terminal.press(keys::CTRL_N);
    terminal.see(&format!(" {number}/14 "));
}

/// From the first page to the plan of a rehearsal.
#[track_caller]
fn walk_to_review(terminal: &mut Terminal) {
    choose_rehearsal(terminal);
    for number in 2..=11 {
        next_page(terminal, number);
    }
    terminal.see("Plan:");
}

/// Approves the plan of a rehearsal.
#[track_caller]
fn carry_out(terminal: &mut Terminal) {
    go_to(terminal, keys::DOWN, "Rehearse this plan");
    terminal.press(keys::ENTER);
    terminal.see("12/14 Apply");
}

/// What there is of each kind in the account of a rehearsal.
fn account(desk: &Desk) -> BTreeMap<String, usize> {
    let account: Value = serde_json::from_str(&desk.read(".rehearsal/account.json")).unwrap();
    let kinds = ["groups", "instances", "addresses", "roles", "profiles", "pools", "domains"];
    kinds
        .into_iter()
        .map(|kind| (kind.to_owned(), account["account"][kind].as_object().map_or(0, serde_json::Map::len)))
        .collect()
}

fn signal(terminal: &Terminal, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &terminal.process().to_string()]).status();
    assert!(sent.expect("`kill` is part of every system").success());
}

#[test]
fn the_whole_walk_ends_in_a_verified_rehearsal() {
    let desk = folder();
    let mut film = Film::default();
    let mut terminal = sit(&desk, "", USUAL, &[("COLORTERM", "truecolor")]);
    terminal.see("1/14 Welcome");
    terminal.still();
    film.take(&terminal, 2.0);
    choose_rehearsal(&mut terminal);
    film.take(&terminal, 2.5);
    for number in 2..=11 {
        next_page(&mut terminal, number);
        film.take(&terminal, 1.5);
    }
    terminal.see("Plan:");
    terminal.still();
    film.take(&terminal, 3.0);
    go_to(&mut terminal, keys::DOWN, "Rehearse this plan");
    film.take(&terminal, 2.0);
    terminal.press(keys::ENTER);
    terminal.see("Running ");
    film.take(&terminal, 1.5);
    terminal.see("To the report");
    film.take(&terminal, 3.0);
    terminal.press(keys::ENTER);
    terminal.see("Clients go to https://localhost:");
    let screen = terminal.still();
    film.take(&terminal, 4.0);
    assert!(screen.contains("curl --cacert .rehearsal/served/ca.pem"), "{screen}");
    go_to(&mut terminal, keys::DOWN, "[ Done ]");
    terminal.press(keys::ENTER);
    assert_eq!(terminal.exit(), 0);
    assert_eq!(terminal.manners(), (false, false), "the terminal is as it was");
    terminal.see("everything is there");

    assert!(!desk.path(".deployment_state.draft.json").exists(), "nothing is open any more");
    let report: Value = serde_json::from_str(&desk.read(".rehearsal/.deployment_state.report.json")).unwrap();
    assert_eq!(report["deployment"]["id"], "sre-agent-rehearsal");
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "SRE-EP-010"));
    // What is shown in the documentation is a copy of this.
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/wizard.svg"), film.svg()).unwrap();
    desk.run("rehearse --cleanup --fast").expect(0);
}

#[test]
fn killed_at_every_page_it_opens_again_where_it_was_with_every_answer() {
    let desk = folder();
    let mut terminal = sit(&desk, "", USUAL, &[]);
    choose_rehearsal(&mut terminal);
    next_page(&mut terminal, 2);
    go_to(&mut terminal, keys::DOWN, "Deployment id");
    terminal.press(keys::CTRL_U);
    terminal.press("sre-kill");
    terminal.see("sre-kill");
    for number in 2..=11 {
        let draft = desk.path(".deployment_state.draft.json");
        let is_kept = || std::fs::read_to_string(&draft).is_ok_and(|text| text.contains("sre-kill"));
        terminal.wait_until("the answer is on disk", |_| is_kept());
        terminal.kill();
        terminal = sit(&desk, "", USUAL, &[]);
        let screen = terminal.see(&format!(" {number}/14 "));
        assert!(screen.contains("sre-kill"), "{screen}");
        assert!(screen.contains("REHEARSAL"), "{screen}");
        if number < 11 {
            next_page(&mut terminal, number + 1);
        }
    }
    terminal.see("Plan:");
}

#[test]
fn killed_in_the_middle_of_a_run_it_goes_on_and_makes_nothing_twice() {
    let desk = folder();
    let slow = [("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "60")];
    let mut terminal = sit(&desk, "", USUAL, &slow);
    walk_to_review(&mut terminal);
    carry_out(&mut terminal);
    // Something was made, and something is left to be made.
    terminal.wait_until("a step is done", |screen| screen.contains('✔'));
    terminal.kill();

    let mut terminal = sit(&desk, "", USUAL, &[]);
    terminal.see("A run did not end");
    go_to(&mut terminal, keys::DOWN, "Go on with the run");
    terminal.press(keys::ENTER);
    terminal.see("To the report");
    let once: BTreeMap<String, usize> = account(&desk);
    for kind in ["groups", "instances", "addresses", "profiles", "pools", "domains"] {
        assert_eq!(once[kind], 1, "{kind}: {once:?}");
    }
    terminal.press(keys::CTRL_C);
    terminal.see("Leave");
    terminal.press(keys::CTRL_C);
    assert_eq!(terminal.exit(), 0, "everything is done");
}

#[test]
fn a_stop_is_at_a_safe_point_and_can_be_gone_on_from() {
    let desk = folder();
    for how in ["TERM", "HUP", "keys"] {
        let slow = [("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "150")];
        let mut terminal = sit(&desk, "", USUAL, &slow);
        walk_to_review(&mut terminal);
        carry_out(&mut terminal);
        terminal.wait_until("a step is at work", |screen| screen.contains('●'));
        if how == "keys" {
            terminal.press(keys::CTRL_C);
            terminal.press(keys::CTRL_C);
        } else {
            signal(&terminal, how);
        }
        assert_eq!(terminal.exit(), 8, "{how}: {}", terminal.screen());
        assert_eq!(terminal.manners(), (false, false), "{how}");
        desk.run("rehearse --resume --fast").expect(0);
        desk.run("rehearse --cleanup --fast").expect(0);
        std::fs::remove_file(desk.path(".deployment_state.draft.json")).unwrap();
    }
}

#[test]
fn a_connection_that_is_lost_loses_no_answer() {
    let desk = folder();
    let mut terminal = sit(&desk, "", USUAL, &[]);
    choose_rehearsal(&mut terminal);
    next_page(&mut terminal, 2);
    terminal.hang_up();
    assert_eq!(terminal.exit(), 8);
    let mut terminal = sit(&desk, "", USUAL, &[]);
    assert!(terminal.see("2/14 Environment").contains("REHEARSAL"));
    terminal.kill();
}

#[test]
fn a_small_terminal_is_told_so_and_a_large_one_is_used() {
    let desk = folder();
    let mut terminal = sit(&desk, "", (50, 12), &[]);
    terminal.see("60");
    terminal.resize(120, 40);
    terminal.see("1/14 Welcome");
    terminal.resize(60, 16);
    terminal.see("1/14 Welcome");
    terminal.press(keys::CTRL_C);
    terminal.press(keys::CTRL_C);
    assert_eq!(terminal.exit(), 8);
}

#[test]
fn colours_and_signs_are_only_there_where_they_are_wanted() {
    let desk = folder();
    let ascii = [("NO_COLOR", "1"), ("LANG", "C")];
    let mut terminal = sit(&desk, "", USUAL, &ascii);
    terminal.see("1/14 Welcome");
    let written = terminal.written();
    assert!(written.is_ascii(), "{written:?}");
    // Bold, dim and reverse are no colours; what ends in m and begins with 3, 4, 9 or 10 is one.
    let escapes = written.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
    let colours: Vec<&str> = escapes
        .map(|(numbers, _)| numbers)
        .filter(|numbers| numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'))
        .filter(|numbers| numbers.starts_with(['3', '4', '9']) || numbers.starts_with("10"))
        .collect();
    assert!(colours.is_empty(), "{colours:?} in {written:?}");
    terminal.kill();
}

#[test]
fn every_way_of_asking_writes_the_same_file() {
    let screen = folder();
    let mut terminal = sit(&screen, "", USUAL, &[]);
    walk_to_review(&mut terminal);
    // The plan is of the file that is kept.
    terminal.wait_until("the file", |_| screen.path(".deployment_state.config.yaml").exists());
    terminal.kill();
    // Answers that were kept and a file: only the operator knows which is meant.
    let mut refused = sit(&screen, "wizard --config other.yaml", USUAL, &[]);
    refused.see("SRE-CLI-020");
    assert_eq!(refused.exit(), 2);
    let file = screen.read(".deployment_state.config.yaml");

    let plain = folder();
    let mut terminal = sit(&plain, "", USUAL, &[("ACCESSIBLE", "1")]);
    terminal.see("Ask everything");
    terminal.press("\r");
    terminal.see("Mode");
    terminal.press("rehearsal\r");
    for _ in 0..60 {
        terminal.press("\r");
    }
    assert_eq!(terminal.exit(), 0, "{}", terminal.screen());
    let written = terminal.written();
    assert!(!written.contains("\u{1b}[?1049h") && !written.contains("\u{1b}[2"), "nothing moves the cursor");
    assert_eq!(plain.read(".deployment_state.config.yaml"), file);
    plain.run("rehearse --cleanup --fast").expect(0);
}

#[test]
fn a_line_at_a_time_ctrl_c_leaves_with_every_answer() {
    let desk = folder();
    let asks = [("ACCESSIBLE", "1")];
    let mut terminal = sit(&desk, "", USUAL, &asks);
    terminal.see("Ask everything");
    terminal.press("\r");
    terminal.see("Mode");
    terminal.press("rehearsal\r");
    terminal.see("Number, or another answer [1");
    terminal.press(keys::CTRL_C);
    assert_eq!(terminal.exit(), 8, "{}", terminal.screen());
    terminal.see("to go on where you were");
    assert!(desk.read(".deployment_state.draft.json").contains("rehearsal"));
}

#[test]
fn a_step_by_hand_is_shown_looked_for_and_can_be_left_to_the_program() {
    let desk = folder();
    let mut terminal = sit(&desk, "", USUAL, &[]);
    walk_to_review(&mut terminal);
    go_to(&mut terminal, keys::UP, "Security group");
    terminal.press(" ");
    terminal.see("by hand");
    carry_out(&mut terminal);
    terminal.see("https://us-east-1.console.aws.amazon.com/ec2/home");
    go_to(&mut terminal, keys::DOWN, "I did it");
    terminal.press(keys::ENTER);
    // Nothing was made, so it is asked again and says where it looked.
    terminal.see("was not found");
    go_to(&mut terminal, keys::DOWN, "Do it for me");
    terminal.press(keys::ENTER);
    terminal.see("To the report");
    assert_eq!(account(&desk)["groups"], 1, "it was made once");
    terminal.kill();
}

#[test]
fn a_damaged_draft_is_told_and_put_aside_only_when_asked() {
    let desk = folder();
    desk.write(".deployment_state.draft.json", "{\"version\": 1, \"page\": ");
    let mut terminal = sit(&desk, "wizard", USUAL, &[]);
    assert_eq!(terminal.exit(), 2, "{}", terminal.screen());
    terminal.see("SRE-CLI-020");
    let mut terminal = sit(&desk, "wizard --fresh", USUAL, &[]);
    terminal.see("1/14 Welcome");
    terminal.kill();
    assert_eq!(desk.read(".deployment_state.draft.json.old"), "{\"version\": 1, \"page\": ");
}
