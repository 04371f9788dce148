//! A mistake in the program while the wizard has the terminal: the message is read on the terminal as it was before, and
//! what was answered by then is kept.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests and the program that they run"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc;

use jiff::Timestamp;
use test_support::{Terminal, keys};
use wizard::discovery::Discovery;
use wizard::draft::Draft;
use wizard::exchange::Effect;
use wizard::tui::{self, Colour, Options, Program};
use wizard::walk::State;

/// Says where the program that breaks keeps its draft; without it, this is the test.
const DRAFT: &str = "SRE_TEST_BROKEN_DRAFT";
const TEST: &str = "a_mistake_is_read_on_a_terminal_as_it_was_and_no_answer_is_lost";

/// A program that keeps what it is given, and breaks at a certain answer.
struct Broken {
    draft: PathBuf,
}

impl Program for Broken {
    fn carry_out(&mut self, effect: Effect) {
        if let Effect::Save(draft) = effect {
            let text = draft.encode();
            std::fs::write(&self.draft, &text).unwrap();
            assert!(!text.contains("nobody-yet"), "there is no such profile yet");
        }
    }
}

fn be_broken(draft: PathBuf) {
    // The sender has to live as long as the walk.
    let (_news, inputs) = mpsc::channel();
    let mut state = State::new(Draft::empty(), Discovery::nothing());
    let options = Options { colour: Colour::Sixteen, ascii: false, links: false, suspend: &|| {} };
    let now = || Timestamp::UNIX_EPOCH;
    let left = tui::run(&mut state, inputs, &mut Broken { draft }, &options, &now);
    panic!("it did not break: {left:?}");
}

#[test]
fn a_mistake_is_read_on_a_terminal_as_it_was_and_no_answer_is_lost() {
    if let Some(draft) = std::env::var_os(DRAFT) {
        return be_broken(PathBuf::from(draft));
    }
    let folder = tempfile::tempdir().unwrap();
    let draft = folder.path().join("draft.json");
    let environment = BTreeMap::from([
        ("TERM".to_owned(), "xterm-256color".to_owned()),
        (DRAFT.to_owned(), draft.display().to_string()),
    ]);
    let arguments = ["--exact", TEST, "--nocapture", "--test-threads", "1"];
    let program = std::env::current_exe().unwrap();
    let mut terminal = Terminal::start(&program, &arguments, folder.path(), &environment, (100, 30));
    terminal.see("1/14 Welcome");
    assert!(terminal.manners().0, "the wizard has the whole screen");
    assert!(!terminal.is_as_found());
    // To the profile, and into it.
    let is_there =
        |screen: &str| screen.lines().any(|line| line.contains('▸') && line.contains("AWS profile"));
    for _ in 0..10 {
        if is_there(&terminal.still()) {
            break;
        }
        terminal.press(keys::UP);
    }
    assert!(is_there(&terminal.still()), "{}", terminal.screen());
    terminal.press("nobody-yet");
    assert_eq!(terminal.exit(), 101, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("panicked at") && screen.contains("there is no such profile yet"), "{screen}");
    assert!(!screen.contains("1/14"), "{screen}");
    assert_eq!(terminal.manners(), (false, false));
    assert!(terminal.is_as_found());
    let kept = Draft::decode(&std::fs::read_to_string(&draft).unwrap()).unwrap();
    let typing = kept.typing.map(|(path, text)| format!("{path}={text}"));
    assert_eq!(typing.as_deref(), Some("aws.profile=nobody-yet"));
}
