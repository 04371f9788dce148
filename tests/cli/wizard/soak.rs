//! Keys by chance: whatever is pressed, the wizard does not break, keeps the answers, and gives the terminal back.

use std::collections::BTreeSet;

use test_support::{Terminal, keys};
use wizard::draft::Draft;
use wizard::form::{self, Page};

use super::{USUAL, signal, sit};
use crate::support::{CONFIG, Desk};

/// As many keys between two ends of the process.
const KEYS: usize = 150;
const ROUNDS: usize = 6;
const DRAFT: &str = ".deployment_state.draft.json";

/// Ctrl and C, and Ctrl and Z, as newer terminals say them. The older way is a signal where no program takes it any more, and
/// with a signal the system throws away what is on its way to the screen.
const CTRL_C: &str = "\u{1b}[99;5u";
const CTRL_Z: &str = "\u{1b}[122;5u";

/// Keys that take nothing away.
const HARMLESS: [&str; 40] = [
    keys::UP,
    keys::UP,
    keys::DOWN,
    keys::DOWN,
    keys::DOWN,
    keys::LEFT,
    keys::RIGHT,
    keys::TAB,
    keys::TAB,
    keys::BACK_TAB,
    keys::ENTER,
    keys::ENTER,
    keys::ENTER,
    keys::ESCAPE,
    keys::CTRL_N,
    keys::CTRL_N,
    keys::CTRL_N,
    CTRL_C,
    CTRL_Z,
    " ",
    " ",
    "?",
    "a",
    "b",
    "c",
    "g",
    "j",
    "o",
    "q",
    "r",
    "s",
    "u",
    "v",
    "y",
    "1",
    "9",
    "-",
    "\u{e9}",
    "\u{1f600}",
    "\u{1b}[200~10.0.0.0/8\nnone\u{7}\u{1b}[201~",
];

/// Keys that erase.
const ERASING: [&str; 5] = [keys::CTRL_U, keys::DELETE, "\u{7f}", "\u{17}", "\u{4}"];

/// The questions that have an answer in what is kept.
fn kept(desk: &Desk) -> Option<BTreeSet<String>> {
    let text = std::fs::read_to_string(desk.path(DRAFT)).ok()?;
    let answers = Draft::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}")).answers;
    for (path, _) in answers.iter() {
        assert!(form::find(path).is_some(), "nobody asks about {path}: {text}");
    }
    Some(answers.iter().filter(|(_, said)| !said.is_empty()).map(|(path, _)| path.to_owned()).collect())
}

/// A draft on some page, as if somebody had come that far: with the answers that are kept, else with valid ones. The
/// first begins on the review, from where a run is near.
fn put_draft(desk: &Desk, chance: &mut fastrand::Rng, is_first: bool) {
    let found = std::fs::read_to_string(desk.path(DRAFT)).ok().filter(|_| !is_first);
    let mut draft = found.map_or_else(Draft::empty, |text| Draft::decode(&text).unwrap());
    if draft.answers.is_empty() {
        (draft.answers, _) = form::from_file(CONFIG);
    }
    draft.page = if is_first { Page::Review } else { Page::ALL[chance.usize(..Page::ALL.len())] };
    desk.write(DRAFT, &draft.encode());
}

/// Presses keys, one by one, until the process ends or there were enough of them; those that were pressed.
fn press(terminal: &mut Terminal, chance: &mut fastrand::Rng, may_erase: bool) -> Vec<&'static str> {
    let mut pressed = Vec::new();
    for _ in 0..KEYS {
        let key = if may_erase && chance.u8(..) < 32 {
            ERASING[chance.usize(..ERASING.len())]
        } else {
            HARMLESS[chance.usize(..HARMLESS.len())]
        };
        if terminal.has_ended() {
            break;
        }
        pressed.push(key);
        terminal.press(key);
        if chance.u8(..) < 8 {
            // The emulator itself does not bear less.
            terminal.resize(chance.u16(8..140), chance.u16(3..50));
        }
        // Now and then somebody looks at what came of it.
        if chance.u8(..) < 24 {
            terminal.still();
        }
    }
    terminal.still();
    pressed
}

fn soak(seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed);
    // A practice account stands in the place of the real one, so that whatever is approved can be made.
    let desk = Desk::new();
    for round in 0..ROUNDS {
        put_draft(&desk, &mut chance, round == 0);
        let before = kept(&desk);
        let mut terminal = sit(&desk, "wizard", USUAL, &[]);
        terminal.see("/14 ");
        let may_erase = round % 2 == 1;
        let pressed = press(&mut terminal, &mut chance, may_erase);
        // It may have ended already: two Ctrl-C leave it.
        if !terminal.has_ended() {
            signal(&terminal, "TERM");
        }
        let code = terminal.exit();
        let about = || format!("seed {seed}, round {round}, {pressed:?}:\n{}", terminal.screen());
        assert!([0, 4, 5, 8].contains(&code), "exit {code}, {}", about());
        assert!(!terminal.written().contains("panicked"), "{}", about());
        assert_eq!(terminal.manners(), (false, false), "{}", about());
        assert!(terminal.is_as_found(), "{}", about());
        let after = kept(&desk);
        // Without one, everything was carried out and nothing is open any more.
        if let (Some(before), Some(after), false) = (&before, &after, may_erase) {
            assert!(before.is_subset(after), "{:?} is lost: {}", before.difference(after), about());
        }
        assert!(after.is_some() || code == 0, "{}", about());
    }
}

#[test]
fn any_keys_leave_the_answers_and_the_terminal_whole() {
    soak(1);
}

#[test]
fn any_other_keys_do_too() {
    soak(2);
}
