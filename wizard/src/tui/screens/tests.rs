//! Every screen at every size, as text: what the operator sees. Two with their styles, and with the signs of a terminal
//! that has more than ASCII.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::draw;
use crate::exchange::{Input, Verdict};
use crate::form::Page;
use crate::tui::{Colour, Theme};
use crate::walk::fixtures::{
    ANSWERS, allowed, applying, checked, failed, record, reviewing, send, state, task, tell, trouble, typed,
};
use crate::walk::{Check, CheckStage, Cmd, State};

const SIZES: &[(u16, u16)] = &[(80, 24), (120, 40), (60, 16), (40, 10)];
const PLAIN: Theme = Theme { colour: Colour::None, ascii: true };

fn frame(state: &State, theme: Theme, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, &theme)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|column| buffer[(column, row)].symbol()).collect();
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

/// Every size of a screen, one below the other.
fn sizes(state: &State) -> String {
    SIZES.iter().fold(String::new(), |mut all, size| {
        writeln!(all, "{}x{}\n{}", size.0, size.1, text(&frame(state, PLAIN, *size))).unwrap();
        all
    })
}

/// What is styled, line by line: the text and how.
fn styles(state: &State, colour: Colour) -> String {
    let buffer = frame(state, Theme { colour, ascii: false }, (80, 24));
    let mut all = String::new();
    for row in 0..buffer.area.height {
        let cells = (0..buffer.area.width).map(|column| &buffer[(column, row)]);
        let mut runs: Vec<(String, String)> = Vec::new();
        for cell in cells {
            let style = format!("{:?} {:?}", cell.fg, cell.modifier);
            match runs.last_mut() {
                Some((last, text)) if *last == style => text.push_str(cell.symbol()),
                _ => runs.push((style, cell.symbol().to_owned())),
            }
        }
        for (style, text) in runs.iter().filter(|(_, text)| !text.trim().is_empty()) {
            writeln!(all, "{row:>2} {style:<28} {}", text.trim_end()).unwrap();
        }
    }
    all
}

fn overlaid(mut state: State, cmd: &Cmd) -> State {
    send(&mut state, std::slice::from_ref(cmd));
    state
}

fn on_field(page: Page, path: &str, answers: &[(&str, &str)]) -> State {
    let mut state = state(page, answers);
    for _ in 0..20 {
        if state.focus.as_deref() == Some(path) {
            break;
        }
        send(&mut state, &[Cmd::Up]);
    }
    assert_eq!(state.focus.as_deref(), Some(path));
    state
}

fn taken_prefix() -> State {
    let mut state = on_field(Page::Cognito, "cognito.domain_prefix", ANSWERS);
    send(&mut state, &typed("agents"));
    let verdict =
        Verdict::Wrong { message: "somebody has it already".into(), instead: Some("agents-7f3a".into()) };
    let check = Check { text: "agents".into(), stage: CheckStage::Said(verdict) };
    state.checks.insert("cognito.domain_prefix".into(), check);
    send(&mut state, &[Cmd::Forward]);
    state
}

fn by_hand() -> State {
    let mut state = applying();
    tell(&mut state, Input::Hand(Box::new(task())));
    state
}

fn looked(state: &mut State) {
    tell(state, Input::Record(Some(Box::new(record()))));
}

fn no_plan() -> State {
    let mut state = state(Page::Review, ANSWERS);
    tell(&mut state, Input::Previewed(Err(trouble())));
    state
}

fn long_log() -> State {
    overlaid(applying(), &Cmd::Log)
}

macro_rules! screens {
    ($( $name:ident => $state:expr; )+) => { $(
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), sizes(&$state));
        }
    )+ };
}

screens! {
    welcome => state(Page::Welcome, &[]);
    environment => state(Page::Environment, &[]);
    network_choosing => overlaid(on_field(Page::Network, "network.vpc_id", ANSWERS), &Cmd::Enter);
    cognito_prefix_taken => taken_prefix();
    security_group => state(Page::SecurityGroup, ANSWERS);
    tls_everything => overlaid(state(Page::Tls, ANSWERS), &Cmd::Advanced);
    help => overlaid(state(Page::Tls, ANSWERS), &Cmd::Help);
    leaving => overlaid(state(Page::Proxy, ANSWERS), &Cmd::Leave);
    iam => {
        let mut state = state(Page::Iam, ANSWERS);
        let configuration = state.wish().configuration;
        tell(&mut state, Input::Policy { configuration, allowed: Ok(allowed()) });
        state
    };
    review_answers_missing => state(Page::Review, &[]);
    review => reviewing(false);
    review_confirm => { let mut state = reviewing(true); send(&mut state, &[Cmd::Enter]); state };
    review_no_plan => no_plan();
    apply => applying();
    apply_log => long_log();
    apply_by_hand => by_hand();
    apply_trouble => failed();
    verify => overlaid(checked(), &Cmd::Home);
    verify_record => { let mut state = checked(); looked(&mut state); overlaid(state, &Cmd::Up) };
    report_record => {
        let mut state = checked();
        looked(&mut state);
        send(&mut state, &[Cmd::Enter, Cmd::Up]);
        state
    };
    apply_record => { let mut state = applying(); looked(&mut state); overlaid(state, &Cmd::End) };
    report => { let mut state = checked(); send(&mut state, &[Cmd::Enter, Cmd::Home]); state };
}

#[test]
fn colours() {
    let text = [
        ("trouble, sixteen colours", styles(&failed(), Colour::Sixteen)),
        ("trouble, no colours", styles(&failed(), Colour::None)),
        ("review, all colours", styles(&reviewing(true), Colour::Full)),
    ];
    let all: Vec<String> = text.into_iter().map(|(title, text)| format!("{title}\n{text}\n")).collect();
    insta::assert_snapshot!("colours", all.concat());
}

#[test]
fn signs_of_unicode() {
    let theme = Theme { colour: Colour::None, ascii: false };
    let all = [reviewing(false), applying()].into_iter().map(|state| text(&frame(&state, theme, (80, 24))));
    insta::assert_snapshot!("signs_of_unicode", all.collect::<Vec<_>>().join("\n"));
}

#[test]
fn nothing_but_ascii_is_drawn_where_only_ascii_is_wanted() {
    let page = |page| state(page, ANSWERS);
    let mut states: Vec<State> = Page::ALL.iter().copied().map(page).collect();
    states.extend([failed(), by_hand(), checked(), reviewing(true), taken_prefix()]);
    for state in states {
        for size in SIZES {
            let text = text(&frame(&state, PLAIN, *size));
            assert!(text.is_ascii(), "{:?} {size:?}: {text}", state.page);
        }
    }
}

#[test]
fn account_region_and_kind_are_on_every_screen_that_can_be_read() {
    for page in Page::ALL {
        let state = state(*page, ANSWERS);
        for size in [(60, 16), (80, 24)] {
            let text = text(&frame(&state, PLAIN, size));
            assert!(text.contains("ACCOUNT 123456789012  REGION eu-central-1  REAL"), "{text}");
        }
    }
    let rehearsal = state(Page::Welcome, &[("mode", "rehearsal")]);
    assert!(text(&frame(&rehearsal, PLAIN, (60, 16))).contains("REHEARSAL"));
}
