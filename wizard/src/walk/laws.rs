//! What holds for every sequence of commands and news.

use proptest::prelude::*;

use super::fixtures::*;
use super::*;
use crate::draft::Draft;
use crate::exchange::{Effect, Input, Verdict};
use crate::form::{self, Answers, FIELDS, Page};

fn cmds() -> impl Strategy<Value = Cmd> {
    let plain = proptest::sample::select(vec![
        Cmd::Up,
        Cmd::Down,
        Cmd::Next,
        Cmd::Previous,
        Cmd::Enter,
        Cmd::Enter,
        Cmd::Back,
        Cmd::Forward,
        Cmd::Forward,
        Cmd::Erase,
        Cmd::Delete,
        Cmd::EraseWord,
        Cmd::Clear,
        Cmd::Left,
        Cmd::Right,
        Cmd::Home,
        Cmd::End,
        Cmd::Toggle,
        Cmd::Help,
        Cmd::Advanced,
        Cmd::Leave,
        Cmd::Copy,
        Cmd::Retry,
        Cmd::ByHand,
        Cmd::Adopt,
        Cmd::Change,
        Cmd::Skip,
        Cmd::RollBack,
        Cmd::Log,
        Cmd::ScrollUp,
        Cmd::ScrollDown,
        Cmd::Suspend,
    ]);
    let pasted =
        proptest::sample::select(vec!["10.0.0.0/8", "none", "a\nb", "\u{1f600}é\u{7}", "9", "sre-x"]);
    prop_oneof![
        8 => plain,
        3 => any::<char>().prop_map(Cmd::Type),
        1 => pasted.prop_map(|text| Cmd::Paste(text.to_owned())),
    ]
}

fn inputs() -> impl Strategy<Value = Input> {
    let verdicts = vec![
        Verdict::Fine { note: "free".to_owned() },
        Verdict::Wrong { message: "taken".to_owned(), instead: Some("other".to_owned()) },
        Verdict::Unknown { because: "denied".to_owned() },
    ];
    let checked = ("[a-z]{0,3}", proptest::sample::select(verdicts)).prop_map(|(text, verdict)| {
        Input::Checked { path: "cognito.domain_prefix".to_owned(), text, verdict }
    });
    prop_oneof![
        checked,
        (0..100_i64).prop_map(|second| Input::Tick(at(second))),
        any::<bool>().prop_map(|replaces| Input::Previewed(Ok(Box::new(preview(replaces))))),
        Just(Input::Previewed(Err(trouble()))),
        proptest::sample::select(events()).prop_map(|event| Input::Event(Box::new(event))),
        Just(Input::Hand(Box::new(task()))),
        Just(Input::Applied(Ok(vec![finding()]))),
        Just(Input::Applied(Err(trouble()))),
        Just(Input::RolledBack(Ok(()))),
        Just(Input::RolledBack(Err(trouble()))),
        Just(Input::Verified(Ok(Box::new(verified())))),
        Just(Input::Verified(Err(trouble()))),
        Just(Input::Discovered(Box::new(discovery()))),
        Just(Input::Record(Some(Box::new(record())))),
        Just(Input::Record(None)),
        Just(Input::Policy { configuration: String::new(), allowed: Ok(allowed()) }),
        Just(Input::Ending),
    ]
}

fn msgs() -> impl Strategy<Value = Vec<Msg>> {
    let msg = prop_oneof![6 => cmds().prop_map(Msg::Cmd), 1 => inputs().prop_map(Msg::Input)];
    proptest::collection::vec(msg, 0..60)
}

fn starts() -> impl Strategy<Value = State> {
    let page = proptest::sample::select(Page::ALL.to_vec());
    let answers = prop_oneof![Just(ANSWERS), Just(&[] as &[(&str, &str)])];
    (page, answers).prop_map(|(page, answers)| state(page, answers))
}

/// The focus is on a question that is seen, the line being typed is the one in focus, the selection is on a line.
fn is_whole(state: &State) {
    if let Some(path) = &state.focus {
        assert!(
            state.visible().iter().any(|field| field.path == path),
            "{path} is not seen on {:?}",
            state.page
        );
    }
    if let Some((path, editor)) = &state.editor {
        assert_eq!(Some(path), state.focus.as_ref());
        assert!(editor.cursor() <= editor.text().chars().count());
    }
    assert!(state.cursor == 0 || state.cursor < state.lines(), "{} of {}", state.cursor, state.lines());
    assert!(state.reached >= state.page);
}

fn draw(state: &State, width: u16, height: u16) {
    let theme = crate::tui::Theme { colour: crate::tui::Colour::None, ascii: true };
    let backend = ratatui::backend::TestBackend::new(width, height);
    let mut terminal = ratatui::Terminal::new(backend).unwrap();
    terminal.draw(|frame| crate::tui::screens::draw(frame, state, &theme)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_the_focus_is_always_somewhere(mut state in starts(), msgs in msgs()) {
        is_whole(&state);
        for msg in msgs {
            let before = state.draft();
            let effects = step(&mut state, msg);
            is_whole(&state);
            let kept = effects.iter().position(|effect| matches!(effect, Effect::Save(_)));
            prop_assert_eq!(kept, (before != state.draft()).then_some(0), "what changed is kept, and first");
            if let Some(Effect::Save(draft)) = effects.first() {
                prop_assert_eq!(draft.as_ref(), &state.draft());
            }
        }
        for (width, height) in [(80, 24), (60, 16), (120, 40), (20, 5), (1, 1)] {
            draw(&state, width, height);
        }
    }

    #[test]
    fn keys_that_are_judged_together_come_to_what_they_come_to_one_by_one(
        mut state in starts(),
        msgs in proptest::collection::vec(prop_oneof![
            4 => any::<char>().prop_map(|character| Msg::Cmd(Cmd::Type(character))),
            3 => proptest::sample::select(vec![Cmd::Erase, Cmd::EraseWord, Cmd::Left, Cmd::Clear, Cmd::Next])
                .prop_map(Msg::Cmd),
            6 => cmds().prop_map(Msg::Cmd),
            1 => inputs().prop_map(Msg::Input),
        ], 0..60),
        frames in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut together = state.clone();
        let (mut one_by_one, mut at_once) = (Vec::new(), Vec::new());
        for (msg, is_drawn) in msgs.into_iter().zip(frames) {
            one_by_one.extend(step(&mut state, msg.clone()));
            at_once.extend(take(&mut together, msg));
            prop_assert_eq!(together.draft(), state.draft(), "what is kept never waits");
            if is_drawn {
                at_once.extend(settle(&mut together));
            }
        }
        at_once.extend(settle(&mut together));
        is_whole(&together);
        prop_assert_eq!(at_once, one_by_one);
        prop_assert_eq!(format!("{together:?}"), format!("{state:?}"));
    }

    #[test]
    fn a_draft_opens_where_it_was(mut state in starts(), msgs in msgs()) {
        for msg in msgs {
            step(&mut state, msg);
        }
        let draft = state.draft();
        prop_assert_eq!(State::new(draft.clone(), state.discovery.clone()).draft(), draft.clone());
        prop_assert_eq!(Draft::decode(&draft.encode()), Ok(draft));
    }

    #[test]
    fn back_comes_from_forward(mut state in starts(), msgs in msgs()) {
        for msg in msgs {
            step(&mut state, msg);
        }
        state.overlay = None;
        let page = state.page;
        // A page without a question is passed over both ways, and nobody is ever on it.
        prop_assume!(fields::has_anything(&state, page));
        send(&mut state, &[Cmd::Forward]);
        if state.page != page && state.page <= Page::Review {
            send(&mut state, &[Cmd::Back]);
            prop_assert_eq!(state.page, page);
        }
    }

    #[test]
    fn no_answer_is_lost_but_by_erasing_it(mut state in starts(), msgs in msgs()) {
        for msg in msgs {
            let before = state.clone();
            let erases = matches!(msg, Msg::Cmd(Cmd::Clear | Cmd::Erase | Cmd::Delete));
            step(&mut state, msg);
            for (path, _) in before.answers.iter() {
                let emptied = before.editor.as_ref().is_some_and(|(open, editor)| {
                    open == path && editor.text().trim().is_empty()
                });
                let erased = erases && before.focus.as_deref() == Some(path);
                prop_assert!(state.answers.get(path).is_some() || emptied || erased, "{} is lost", path);
            }
        }
    }

    // Feature: aws-ec2-production-deployment, Property 1: the same answers make the same file, whoever asked
    #[test]
    fn typed_answers_make_the_file_that_answers_make(
        id in "[a-z][a-z0-9-]{1,12}[a-z0-9]",
        volume in 50_u64..1000,
        minutes in 5_u64..1440,
        domain in "[a-z]{1,9}\\.example\\.com",
        source in 0_usize..3,
    ) {
        let (volume, minutes) = (volume.to_string(), minutes.to_string());
        let source = ["acme", "acm-exportable", "files"][source];
        let said = [
            ("aws.region", "eu-central-1"),
            ("deployment.id", &id),
            ("instance.volume_gb", &volume),
            ("cognito.access_token_minutes", &minutes),
            ("tls.domain", &domain),
            ("tls.source", source),
            ("tls.acme.email", "ops@example.com"),
            ("tls.cert_path", "/opt/ssl/fullchain.pem"),
            ("tls.key_path", "/opt/ssl/privkey.pem"),
        ];
        let mut state = state(Page::Welcome, &[]);
        send(&mut state, &[Cmd::Advanced]);
        let mut answers = Answers::default();
        while state.page < Page::Review {
            let page = state.page;
            for field in FIELDS.iter().filter(|field| field.page == page) {
                let text = said.iter().find(|(path, _)| *path == field.path).map(|(_, text)| *text);
                let seen = state.visible().iter().any(|other| other.path == field.path);
                let Some(text) = text.filter(|_| seen) else { continue };
                answers.set(field.path, text);
                answer(&mut state, field.path, text);
            }
            let page = state.page;
            send(&mut state, &[Cmd::Forward]);
            prop_assert_ne!(state.page, page, "{:?}", state.notice);
        }
        let defaults = crate::discovery::defaults(&state.discovery, &answers);
        prop_assert_eq!(state.wish().configuration, form::configuration(&answers, &defaults));
    }
}

/// Answers a question by keys alone.
fn answer(state: &mut State, path: &str, text: &str) {
    let mut steps = 0_usize;
    while state.focus.as_deref() != Some(path) {
        send(state, &[Cmd::Next]);
        if state.focus.is_none() {
            // From the button to the first question.
            for _ in state.visible() {
                send(state, &[Cmd::Previous]);
            }
        }
        steps = steps.saturating_add(1);
        assert!(steps < 100, "{path} is never reached");
    }
    if state.mode() == Mode::Typing {
        let (begin, rest) = text.split_at(2.min(text.len()));
        send(state, &typed(begin));
        send(state, &[Cmd::Paste(rest.to_owned())]);
        return;
    }
    if let Asking::List(options) = asking(state, form::find(path).unwrap()) {
        let place = options.iter().position(|option| option.value == text).unwrap();
        send(state, &[Cmd::Enter, Cmd::Home]);
        send(state, &vec![Cmd::Down; place]);
        send(state, &[Cmd::Enter]);
        return;
    }
    while state.answers.get(path) != Some(text) {
        send(state, &[Cmd::Toggle]);
        steps = steps.saturating_add(1);
        assert!(steps < 100, "{path} is never {text}");
    }
}
