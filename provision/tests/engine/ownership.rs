//! Which line may follow which: whatever is tried, what was adopted is never removed and no call overlaps another.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use model::plan::{Outputs, StepId};
use proptest::prelude::*;
use provision::journal::{Header, JOURNAL_VERSION, Ownership, Record, State};

fn empty() -> State {
    State::new(Header {
        version: JOURNAL_VERSION,
        deployment_id: model::DeploymentId::parse("sre-test").unwrap(),
        lineage: "0".to_owned(),
        account_id: model::AccountId::parse("123456789012").unwrap(),
        region: model::Region::parse("us-east-1").unwrap(),
        mode: model::config::Mode::Production,
        config_digest: String::new(),
        tool_version: String::new(),
    })
}

fn record() -> impl Strategy<Value = Record> {
    let step = prop::sample::select(vec![StepId::UserPool, StepId::Instance]);
    let op = prop::sample::select(vec!["create", "update", "settle"]).prop_map(str::to_owned);
    let id = prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
    let attempt = 1..4u32;
    (0..7u8, step, op, id, attempt, any::<bool>()).prop_map(|(kind, step, op, id, attempt, named)| {
        let key = format!("key-{attempt}");
        let outputs = Outputs::new();
        match kind {
            0 => Record::Intent { step, op, key, attempt },
            1 => Record::Done { step, op, key, attempt, id: named.then_some(id), outputs },
            2 => Record::Adopted { step, id, outputs },
            3 => Record::Failed { step, op, key, attempt, code: String::new(), message: String::new() },
            4 => Record::UndoIntent { step, op, id },
            5 => Record::Undone { step, op, id },
            _ => Record::UndoFailed { step, op, id, code: String::new(), message: String::new() },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Feature: aws-ec2-production-deployment, Property 5: only what was created is removed.
    #[test]
    fn no_accepted_history_removes_what_was_adopted_or_overlaps_two_calls(
        records in prop::collection::vec(record(), 1..60)
    ) {
        let mut state = empty();
        for record in &records {
            let Ok(next) = state.clone().apply(record) else { continue };
            match record {
                Record::UndoIntent { step, id, .. } | Record::Undone { step, id, .. } => {
                    let before = state.step(*step);
                    let adopted = before.ownership == Some(Ownership::Adopted) && before.id.as_ref() == Some(id);
                    prop_assert!(!adopted, "{:?}", record);
                }
                Record::Intent { step, op, .. } => {
                    let before = state.step(*step);
                    prop_assert!(before.ownership != Some(Ownership::Adopted));
                    prop_assert!(before.pending.is_none_or(|pending| pending.op == *op), "{:?}", record);
                }
                Record::Done { step, op, .. } if op != "settle" => {
                    prop_assert!(state.step(*step).pending.is_some_and(|pending| pending.op == *op));
                }
                Record::Adopted { step, .. } => {
                    prop_assert!(state.step(*step).ownership != Some(Ownership::Created));
                }
                _ => {}
            }
            state = next;
        }
    }
}
