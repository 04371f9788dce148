//! Scripts of commands and news, and what comes of them.

use model::Finding;
use model::event::{Event, Outcome, What};
use model::plan::StepId;

use super::fixtures::*;
use super::*;
use crate::draft;
use crate::exchange::{Effect, HandAnswer, Input, Leave, Seen, Trouble, Verdict};
use crate::form::{self, Page};

fn kinds(effects: &[Effect]) -> Vec<&'static str> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Save(_) => "save",
            Effect::Discover { .. } => "discover",
            Effect::Check { .. } => "check",
            Effect::Policy { .. } => "policy",
            Effect::Preview(_) => "preview",
            Effect::Apply(_) => "apply",
            Effect::Resume => "resume",
            Effect::RollBack => "roll back",
            Effect::Hand(_) => "hand",
            Effect::Stop => "stop",
            Effect::Verify => "verify",
            Effect::LookAtRecord => "look",
            Effect::Copy(_) => "copy",
            Effect::Suspend => "suspend",
            Effect::Leave(_) => "leave",
        })
        .collect()
}

#[test]
fn what_is_typed_is_kept_with_every_key_and_is_an_answer_when_the_focus_moves() {
    let mut state = state(Page::Environment, &[]);
    state.focus = Some("deployment.id".to_owned());
    state.place_focus();
    for cmd in typed("sre-a") {
        assert_eq!(kinds(&send(&mut state, &[cmd])), ["save"]);
    }
    assert_eq!(state.draft().typing, Some(("deployment.id".to_owned(), "sre-a".to_owned())));
    assert_eq!(state.answers.get("deployment.id"), None);
    send(&mut state, &[Cmd::Previous]);
    assert_eq!(state.answers.get("deployment.id"), Some("sre-a"));
    assert_eq!(state.draft().typing, None);
    send(&mut state, &[Cmd::Next, Cmd::Clear, Cmd::Previous]);
    assert_eq!(state.answers.get("deployment.id"), None);
}

#[test]
fn a_page_with_an_error_is_not_left_forward_and_the_focus_goes_to_the_error() {
    let mut state = state(Page::Environment, &[("deployment.id", "No Good")]);
    send(&mut state, &[Cmd::End, Cmd::Forward]);
    assert_eq!((state.page, state.focus.as_deref()), (Page::Environment, Some("deployment.id")));
    assert!(state.notice.is_some());
    // Back is always open, and keeps even what is wrong.
    send(&mut state, &[Cmd::Back]);
    assert_eq!((state.page, state.answers.get("deployment.id")), (Page::Welcome, Some("No Good")));
}

#[test]
fn the_account_is_asked_about_a_prefix_when_the_keys_pause_and_only_the_last_answer_counts() {
    let mut state = state(Page::Cognito, ANSWERS);
    state.focus = Some("cognito.domain_prefix".to_owned());
    state.place_focus();
    send(&mut state, &typed("free"));
    let mut all = tell(&mut state, Input::Tick(at(0)));
    send(&mut state, &typed("-one"));
    all.extend(tell(&mut state, Input::Tick(at(1))));
    assert_eq!(kinds(&all), [""; 0]);
    let effects = tell(&mut state, Input::Tick(at(2)));
    let Some(Effect::Check { path, text, .. }) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((path.as_str(), text.as_str()), ("cognito.domain_prefix", "free-one"));
    assert!(tell(&mut state, Input::Tick(at(3))).is_empty(), "it is asked once");

    let wrong = |text: &str| Input::Checked {
        path: "cognito.domain_prefix".to_owned(),
        text: text.to_owned(),
        verdict: Verdict::Wrong { message: "taken".to_owned(), instead: Some("free-two".to_owned()) },
    };
    tell(&mut state, wrong("free"));
    assert_eq!(fields::wrong(&state, Page::Cognito).len(), 0, "a stale verdict is dropped");
    tell(&mut state, wrong("free-one"));
    send(&mut state, &[Cmd::Forward]);
    assert_eq!(state.page, Page::Cognito);
    send(&mut state, &[Cmd::Adopt, Cmd::Forward]);
    assert_eq!((state.page, state.answers.get("cognito.domain_prefix")), (Page::Tls, Some("free-two")));
}

#[test]
fn only_the_plan_that_was_shown_is_carried_out() {
    let mut state = reviewing(false);
    send(&mut state, &[Cmd::Toggle]);
    assert_eq!(state.ways.get(&StepId::SecurityGroup), Some(&draft::Way::Guided));
    assert!(state.review.preview.is_none() && state.review.is_asked);
    // Another change while the answer is on its way: the answer is not of what is wanted now.
    send(&mut state, &[Cmd::Back]);
    state.answers.set("instance.volume_gb", "100");
    state.is_stale = true;
    while state.page != Page::Review {
        send(&mut state, &[Cmd::Forward]);
    }
    assert_eq!(kinds(&tell(&mut state, Input::Previewed(Ok(Box::new(preview(false)))))), ["preview"]);
    assert!(state.review.preview.is_none());
    tell(&mut state, Input::Previewed(Ok(Box::new(preview(false)))));
    let effects = send(&mut state, &[Cmd::Enter, Cmd::Enter]);
    let Some(Effect::Apply(wish)) = effects.last() else { panic!("{effects:?}") };
    assert!(wish.configuration.contains("volume_gb: 100") && wish.ways.len() == 1);
    assert_eq!(state.page, Page::Apply);
}

#[test]
fn whoever_changes_how_a_step_is_done_goes_on_from_there() {
    let mut state = reviewing(false);
    let steps = state.review_items().into_iter().filter(|item| matches!(item, ReviewItem::Step(_)));
    for (place, item) in steps.enumerate() {
        send(&mut state, &[vec![Cmd::Home], vec![Cmd::Down; place]].concat());
        let ReviewItem::Step(step) = item else { unreachable!() };
        let effects = send(&mut state, &[Cmd::Toggle]);
        assert_eq!(state.ways.contains_key(&step), step.can_be_guided(), "{step}");
        assert_eq!(state.notice.is_none(), step.can_be_guided(), "{step}");
        if effects.iter().any(|effect| matches!(effect, Effect::Preview(_))) {
            tell(&mut state, Input::Previewed(Ok(Box::new(preview(false)))));
        }
        assert_eq!(state.review_item(), Some(item));
    }
}

#[test]
fn what_destroys_needs_the_deployment_id_typed() {
    let mut state = reviewing(true);
    assert_eq!(kinds(&send(&mut state, &[Cmd::Enter, Cmd::Enter, Cmd::Enter])), [""; 0]);
    assert_eq!(state.mode(), Mode::Typing);
    assert!(state.notice.is_some());
    send(&mut state, &typed("sre-agent-prod"));
    let effects = send(&mut state, &[Cmd::Enter, Cmd::Enter]);
    let Some(Effect::Apply(wish)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(wish.confirmed.as_deref(), Some("sre-agent-prod"));
}

#[test]
fn leaving_asks_once_and_stops_a_run_first() {
    let mut resting = state(Page::Environment, &[]);
    assert_eq!(kinds(&send(&mut resting, &[Cmd::Leave])), [""; 0]);
    assert_eq!(kinds(&send(&mut resting, &[Cmd::Enter])), [""; 0], "nothing defaults to yes");
    assert_eq!(kinds(&send(&mut resting, &[Cmd::Leave, Cmd::Leave])), ["leave"]);
    let mut running = applying();
    assert_eq!(kinds(&send(&mut running, &[Cmd::Leave])), ["stop"]);
    assert_eq!(send(&mut running, &[Cmd::Leave]), [Effect::Leave(Leave::Later)]);
}

#[test]
fn trouble_leads_back_to_the_answer_that_caused_it_or_on() {
    let mut again = failed();
    assert_eq!(ways(&again), [Way::Retry, Way::Change, Way::ByHand, Way::RollBack, Way::Leave]);
    assert_eq!(send(&mut again, &[Cmd::Enter]), [Effect::Resume]);

    let mut change = failed();
    send(&mut change, &[Cmd::Change]);
    assert_eq!((change.page, change.focus.as_deref()), (Page::Instance, Some("instance.type")));

    let mut by_hand = failed();
    assert_eq!(kinds(&send(&mut by_hand, &[Cmd::ByHand])), ["save", "apply"]);
    assert_eq!(by_hand.ways.get(&StepId::Role), Some(&draft::Way::Guided));

    let mut back = failed();
    assert_eq!(kinds(&send(&mut back, &[Cmd::RollBack, Cmd::Enter])), [""; 0], "nothing defaults to yes");
    assert_eq!(kinds(&send(&mut back, &[Cmd::RollBack, Cmd::Down, Cmd::Enter])), ["roll back"]);
    tell(&mut back, Input::RolledBack(Err(trouble())));
    assert_eq!(kinds(&send(&mut back, &[Cmd::Retry])), ["roll back"], "never goes on making");
    tell(&mut back, Input::RolledBack(Ok(())));
    assert_eq!(ways(&back), [Way::Plan, Way::Leave]);

    let mut leave = failed();
    assert_eq!(send(&mut leave, &[Cmd::End, Cmd::Enter]), [Effect::Leave(Leave::Failed)]);
}

#[test]
fn what_was_to_be_adopted_and_is_not_there_can_be_another_or_none() {
    let mut state = reviewing(false);
    let Some(ReviewItem::Step(step)) = state.review_item() else { unreachable!() };
    send(&mut state, &[vec![Cmd::Adopt], typed("x-1"), vec![Cmd::Enter]].concat());
    let missing = Finding::new("SRE-PLAN-014", model::Severity::Error, step.as_str(), "`x-1` does not exist");
    let none = Trouble { findings: vec![missing], about: Vec::new(), next: None, resumable: false };
    tell(&mut state, Input::Previewed(Err(none.clone())));
    assert_eq!(ways(&state), [Way::Retry, Way::Change, Way::Leave]);
    send(&mut state, &[vec![Cmd::Change], typed("23")].concat());
    assert_eq!(kinds(&send(&mut state, &[Cmd::Enter])), ["save", "preview"]);
    assert_eq!(state.ways.get(&step), Some(&draft::Way::Adopt { id: "x-123".to_owned() }));
    tell(&mut state, Input::Previewed(Err(none)));
    assert_eq!(kinds(&send(&mut state, &[Cmd::Change, Cmd::Clear, Cmd::Enter])), ["save", "preview"]);
    assert!(state.ways.is_empty());
}

#[test]
fn a_task_by_hand_is_copied_line_by_line_and_answered() {
    let mut state = applying();
    tell(&mut state, Input::Hand(Box::new(task())));
    let copies = send(&mut state, &[Cmd::Enter, Cmd::Enter, Cmd::Copy]);
    let texts: Vec<&Effect> = copies.iter().collect();
    assert_eq!(texts[1], &Effect::Copy("AWS service".to_owned()));
    assert_eq!(texts[2], &Effect::Copy("EC2".to_owned()));
    send(&mut state, &[Cmd::Down, Cmd::Down, Cmd::Down]);
    assert_eq!(state.mode(), Mode::Typing);
    send(&mut state, &typed("AROA1"));
    let effects = send(&mut state, &[Cmd::Enter, Cmd::Enter]);
    assert_eq!(effects, [Effect::Hand(HandAnswer::Done(Some("AROA1".to_owned())))]);
    assert!(state.run.hand.is_none());
}

#[test]
fn a_wizard_that_was_closed_during_a_run_offers_to_go_on() {
    let draft = applying().draft();
    let mut state = State::new(draft, discovery());
    assert_eq!(kinds(&state.begin()), ["discover"]);
    assert_eq!(ways(&state), [Way::Retry, Way::RollBack, Way::Leave]);
    assert_eq!(send(&mut state, &[Cmd::Enter]), [Effect::Resume]);
}

#[test]
fn the_good_end_is_checks_report_and_out() {
    let mut state = applying();
    assert_eq!(kinds(&tell(&mut state, Input::Applied(Ok(Vec::new())))), ["save", "verify"]);
    tell(&mut state, Input::Verified(Ok(Box::new(verified()))));
    send(&mut state, &[Cmd::Enter]);
    assert_eq!(state.page, Page::Report);
    assert_eq!(kinds(&send(&mut state, &[Cmd::Home, Cmd::Enter])), ["copy"]);
    assert_eq!(send(&mut state, &[Cmd::End, Cmd::Enter]), [Effect::Leave(Leave::Done)]);
}

#[test]
fn the_end_of_the_process_keeps_what_was_being_typed() {
    let mut state = state(Page::Environment, &[]);
    state.focus = Some("deployment.id".to_owned());
    state.place_focus();
    send(&mut state, &typed("sre"));
    assert_eq!(kinds(&tell(&mut state, Input::Ending)), ["save", "leave"]);
    assert_eq!(state.answers.get("deployment.id"), Some("sre"));
}

#[test]
fn another_region_is_asked_what_it_has() {
    let mut state = state(Page::Welcome, &[("aws.region", "eu-central-1")]);
    state.focus = Some("aws.region".to_owned());
    state.place_focus();
    // From the list; what is not in it is typed.
    let chosen = send(&mut state, &[Cmd::Enter, Cmd::Home, Cmd::Down, Cmd::Enter]);
    assert_eq!(state.answers.get("aws.region"), Some("us-east-2"));
    assert_eq!(kinds(&chosen).iter().filter(|kind| **kind == "discover").count(), 1);
    state.is_discovering = false;
    send(&mut state, &[Cmd::Enter, Cmd::End, Cmd::Enter, Cmd::Clear]);
    let effects = send(&mut state, &[typed("us-east-1"), vec![Cmd::Next]].concat());
    assert_eq!(kinds(&effects).iter().filter(|kind| **kind == "discover").count(), 1);
    let Some(Effect::Discover { region, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(region.as_deref(), Some("us-east-1"));
}

#[test]
fn a_burst_of_keys_is_judged_once_and_kept_key_by_key() {
    let mut state = state(Page::Environment, &[]);
    state.focus = Some("deployment.id".to_owned());
    state.place_focus();
    for (count, character) in (1..).zip("sre agent".chars()) {
        let effects = take(&mut state, Msg::Cmd(Cmd::Type(character)));
        assert_eq!(kinds(&effects), ["save"], "key {count}");
        assert!(state.is_stale && state.problem(form::find("deployment.id").unwrap()).is_none());
    }
    assert!(settle(&mut state).is_empty());
    assert!(!state.is_stale && state.problem(form::find("deployment.id").unwrap()).is_some());
    assert!(settle(&mut state).is_empty());
}

#[test]
fn the_record_is_looked_at_again_and_again_and_one_look_at_a_time() {
    let mut state = applying();
    // The fixture's run is before its address.
    assert!(tell(&mut state, Input::Tick(at(70))).is_empty());
    let what = What::StepFinished {
        step: StepId::Address,
        outcome: Outcome::Done,
        message: "203.0.113.10".to_owned(),
    };
    tell(&mut state, Input::Event(Box::new(Event { index: 50, at: at(71), what })));
    assert_eq!(state.tick_ms(), Some(100));
    assert_eq!(kinds(&tell(&mut state, Input::Tick(at(72)))), ["look"]);
    assert!(tell(&mut state, Input::Tick(at(100))).is_empty(), "it has not been answered");
    tell(&mut state, Input::Record(Some(Box::new(record()))));
    assert_eq!(kinds(&tell(&mut state, Input::Tick(at(101)))), ["look"]);
    tell(&mut state, Input::Record(Some(Box::new(record()))));
    assert!(tell(&mut state, Input::Tick(at(110))).is_empty(), "not yet again");

    send(&mut state, &[Cmd::End]);
    let copied = send(&mut state, &[Cmd::Enter]);
    assert_eq!(copied, [Effect::Copy("api.example.com. 300 IN A 203.0.113.10".to_owned())]);

    tell(&mut state, Input::Applied(Ok(Vec::new())));
    tell(&mut state, Input::Verified(Ok(Box::new(verified()))));
    assert_eq!(state.record_line(), Some(3), "the page of the checks has it too");
    send(&mut state, &[Cmd::Enter]);
    assert_eq!((state.page, state.cursor), (Page::Report, 3), "on the button");
    assert_eq!(send(&mut state, &[Cmd::Up, Cmd::Copy]).len(), 1);

    let seen = Seen::NotLooked { because: "a rehearsal".to_owned() };
    assert_eq!(kinds(&tell(&mut state, Input::Tick(at(200)))), ["look"]);
    tell(&mut state, Input::Record(Some(Box::new(crate::exchange::Record { seen, ..record() }))));
    assert!(tell(&mut state, Input::Tick(at(900))).is_empty(), "there is nothing to look at");
    assert_eq!(state.tick_ms(), None);
}

#[test]
fn a_record_that_appears_leaves_the_selection_on_the_button() {
    let mut state = checked();
    assert_eq!(state.cursor, 3);
    tell(&mut state, Input::Record(Some(Box::new(record()))));
    assert_eq!((state.cursor, state.is_on_record()), (4, false));
}

#[test]
fn a_page_that_was_left_is_found_as_it_was_left() {
    let mut state = state(Page::Network, ANSWERS);
    send(&mut state, &[Cmd::Home, Cmd::Up]);
    assert_eq!(state.focus.as_deref(), Some("network.subnet_id"));
    send(&mut state, &[Cmd::Forward, Cmd::Next, Cmd::Next]);
    let there = state.focus.clone();
    assert!(state.page == Page::Instance && there.as_deref() != Some("instance.adopt_instance_id"));
    send(&mut state, &[Cmd::Back]);
    assert_eq!((state.page, state.focus.as_deref()), (Page::Network, Some("network.subnet_id")));
    send(&mut state, &[Cmd::Next, Cmd::Enter]);
    assert_eq!((state.page, &state.focus), (Page::Instance, &there));
    send(&mut state, &[Cmd::Back]);
    assert_eq!((state.page, state.focus.as_deref()), (Page::Network, None), "it was left by the button");
}
