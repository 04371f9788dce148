//! Verdicts about the account: tables, and that no gap is ever taken for "ok".

use jiff::Timestamp;
use model::plan::{Change, FieldDiff, Outputs, StepId};
use model::{AccountId, Finding, Severity};
use proptest::prelude::*;
use serde_json::json;

use super::drift::{Phase, drift, phase};
use super::facts::*;
use super::{actions, identity, models, pool, quotas};

fn why(is_denied: bool) -> NotTold {
    NotTold {
        action: "x:Ask".to_owned(),
        reason: "x:Ask failed".to_owned(),
        is_denied,
        is_unsupported: false,
    }
}

fn account(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn severities(findings: &[Finding]) -> Vec<Severity> {
    findings.iter().map(|finding| finding.severity).collect()
}

fn well() -> ModelFacts {
    ModelFacts {
        alias: "gpt-4".to_owned(),
        called: "amazon.nova-pro-v1:0".to_owned(),
        model: Ok(Some(Model {
            id: "amazon.nova-pro-v1:0".to_owned(),
            life: Life::Active,
            end_of_life: None,
            on_demand: true,
        })),
        availability: Ok(Some(Availability {
            authorized: true,
            entitled: true,
            in_region: true,
            agreement: None,
            agreement_message: None,
        })),
        profile: None,
        converse: None,
    }
}

fn now() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

#[test]
fn another_account_is_an_error_for_each_who_expects_one() {
    let who =
        Ok(Identity { account: account("123456789012"), arn: "arn:aws:sts::123456789012:x".to_owned() });
    let (same, other) = (account("123456789012"), account("210987654321"));
    assert_eq!(severities(&identity::identity(&who, Some(&same), Some(&same))), [Severity::Ok]);
    assert_eq!(severities(&identity::identity(&who, None, None)), [Severity::Ok]);
    assert_eq!(severities(&identity::identity(&who, Some(&other), Some(&other))), [Severity::Error; 2]);
    assert_eq!(severities(&identity::identity(&Err(why(true)), None, None)), [Severity::Unknown]);
}

#[test]
fn each_denied_action_is_named_with_what_needs_it() {
    let needed = actions::of_steps([StepId::Role, StepId::Address]);
    let say =
        |action: &str, decision| Simulated { action: action.to_owned(), resource: "*".to_owned(), decision };
    let mut said: Vec<Simulated> = needed.keys().map(|action| say(action, Decision::Allowed)).collect();
    assert_eq!(severities(&identity::permissions(&needed, &Ok(said.clone()))), [Severity::Ok]);
    for one in &mut said {
        match one.action.as_str() {
            "iam:CreateRole" => one.decision = Decision::ImplicitDeny,
            "ec2:ReleaseAddress" => one.decision = Decision::ExplicitDeny,
            _ => {}
        }
    }
    let findings = identity::permissions(&needed, &Ok(said.clone()));
    assert_eq!(severities(&findings), [Severity::Error; 2]);
    assert_eq!(
        findings[0].message,
        "the identity may not do ec2:ReleaseAddress, which is needed for: Elastic IP address"
    );
    assert!(findings[1].hint.as_ref().unwrap().contains(r#""Action":"iam:CreateRole""#));
    said.retain(|one| one.action != "iam:GetRole");
    let findings = identity::permissions(&needed, &Ok(said));
    assert!(
        findings.iter().any(|one| one.severity == Severity::Unknown && one.message.contains("iam:GetRole"))
    );
}

#[test]
fn a_simulation_that_is_denied_is_a_warning_and_what_a_dry_run_says_is_likely() {
    let needed = actions::of_steps([StepId::Role]);
    let findings = identity::permissions(&needed, &Err(why(true)));
    assert_eq!(severities(&findings), [Severity::Warning]);
    assert_eq!(findings[0].message, "could not check what the identity may do");
    assert_eq!(severities(&identity::permissions(&needed, &Err(why(false)))), [Severity::Unknown]);

    let tried = |accepted| DryRun { action: "ec2:RunInstances".to_owned(), accepted };
    let findings = identity::dry_runs(&[tried(Ok(true))]);
    assert_eq!(findings[0].message, "EC2 would likely accept ec2:RunInstances");
    assert_eq!(severities(&identity::dry_runs(&[tried(Ok(false))])), [Severity::Error]);
    assert_eq!(severities(&identity::dry_runs(&[tried(Err(why(false)))])), [Severity::Unknown]);
    assert_eq!(severities(&identity::dry_runs(&[])), [Severity::Unknown]);
}

#[test]
fn models_are_judged_by_what_bedrock_says() {
    assert_eq!(severities(&models::exist(&[well()])), [Severity::Ok]);
    assert_eq!(severities(&models::accessible(&[well()])), [Severity::Ok]);
    assert_eq!(severities(&models::called_right(&[well()])), [Severity::Ok]);
    assert_eq!(severities(&models::lasting(&[well()], now())), [Severity::Ok]);
    assert_eq!(severities(&models::exist(&[])), [Severity::Warning]);

    let gone = ModelFacts { model: Ok(None), availability: Ok(None), ..well() };
    assert_eq!(severities(&models::exist(&[well(), gone.clone()])), [Severity::Error]);
    assert_eq!(
        severities(&models::accessible(&[gone])),
        [Severity::Ok],
        "said once, by the check that asks it"
    );

    for (change, words) in [
        ((false, true, true, None), "the Region does not offer it"),
        ((true, false, true, None), "the account is not entitled to it"),
        ((true, true, false, None), "the identity is not authorised to use it"),
        ((true, true, true, Some("PENDING")), "the agreement with its maker is not made"),
    ] {
        let (in_region, entitled, authorized, agreement) = change;
        let open = Availability {
            authorized,
            entitled,
            in_region,
            agreement: agreement.map(str::to_owned),
            agreement_message: None,
        };
        let findings = models::accessible(&[ModelFacts { availability: Ok(Some(open)), ..well() }]);
        assert_eq!(severities(&findings), [Severity::Error]);
        assert!(findings[0].message.ends_with(words), "{findings:?}");
    }

    let only_profile = |profile| {
        let mut facts = ModelFacts { profile, ..well() };
        if let Ok(Some(model)) = &mut facts.model {
            model.on_demand = false;
        }
        severities(&models::called_right(&[facts]))
    };
    let profile = |active| Profile { active, model_arns: vec!["arn".to_owned()] };
    assert_eq!(only_profile(None), [Severity::Error]);
    assert_eq!(only_profile(Some(Ok(Some(profile(true))))), [Severity::Ok]);
    assert_eq!(only_profile(Some(Ok(Some(profile(false))))), [Severity::Error]);
    assert_eq!(only_profile(Some(Ok(None))), [Severity::Error]);
    assert_eq!(only_profile(Some(Err(why(false)))), [Severity::Unknown]);
}

#[test]
fn a_call_says_more_than_a_description() {
    let called = |converse| severities(&models::answer(&[ModelFacts { converse, ..well() }]));
    let failed = |is_verdict| Some(Err(ConverseError { told: why(false), is_verdict }));
    assert_eq!(called(None), [Severity::Skipped]);
    assert_eq!(called(Some(Ok(1))), [Severity::Ok]);
    assert_eq!(called(Some(Ok(0))), [Severity::Error]);
    assert_eq!(called(failed(true)), [Severity::Error]);
    assert_eq!(called(failed(false)), [Severity::Unknown]);
}

proptest! {
    /// The days until the end of life decide, to the second.
    #[test]
    fn the_end_of_life_is_judged_to_the_second(seconds in -40_000_000_i64..40_000_000, legacy in any::<bool>()) {
        let end = Timestamp::from_second(now().as_second().saturating_add(seconds)).unwrap();
        let life = if legacy { Life::Legacy } else { Life::Active };
        let model = Model { id: "m".to_owned(), life, end_of_life: Some(end), on_demand: true };
        let found = severities(&models::lasting(&[ModelFacts { model: Ok(Some(model)), ..well() }], now()));
        let expected = if seconds < 30 * 86_400 {
            Severity::Error
        } else if legacy {
            Severity::Warning
        } else {
            Severity::Ok
        };
        prop_assert_eq!(found, [expected]);
    }

    #[test]
    fn a_quota_is_enough_from_what_is_needed_on(needed in 0_u32..1000, limit in 0_u32..1000) {
        let facts = QuotaFacts { needed: Ok(Some(needed)), limit: Ok(Some(f64::from(limit))), what: "x".to_owned() };
        let expected = if needed <= limit { Severity::Ok } else { Severity::Error };
        prop_assert_eq!(severities(&quotas::vcpus(&facts)), [expected]);
    }

    /// Whatever else is known, one gap keeps a check from saying that all is well.
    #[test]
    fn no_gap_is_ok(is_denied in any::<bool>(), which in 0_usize..12) {
        let gap = || why(is_denied);
        let quota = |limit, needed| QuotaFacts { needed, limit, what: "x".to_owned() };
        let found = match which {
            0 => identity::identity(&Err(gap()), None, None),
            1 => identity::permissions(&actions::of_steps([StepId::Role]), &Err(gap())),
            2 => identity::dry_runs(&[DryRun { action: "x".to_owned(), accepted: Err(gap()) }]),
            3 => identity::instance_role("r", &Err(gap())),
            4 => quotas::vcpus(&quota(Err(gap()), Ok(Some(1)))),
            5 => quotas::rules(&quota(Ok(Some(9.0)), Err(gap()))),
            6 => models::exist(&[well(), ModelFacts { model: Err(gap()), ..well() }]),
            7 => models::accessible(&[ModelFacts { availability: Err(gap()), ..well() }, well()]),
            8 => models::lasting(&[ModelFacts { model: Err(gap()), ..well() }], now()),
            9 => models::called_right(&[ModelFacts { profile: Some(Err(gap())), ..well() }]),
            10 => pool::pool(&PoolFacts { pool_id: "p".to_owned(), pool: Err(gap()), client: None, domain: None }),
            _ => drift(&Err(gap())),
        };
        prop_assert!(!found.is_empty());
        for finding in found {
            prop_assert!(
                finding.severity == Severity::Unknown
                    || finding.severity == Severity::Warning && matches!(which, 1 | 3) && is_denied,
                "{finding:?}"
            );
            prop_assert!(finding.message.contains("could not check"), "{finding:?}");
            prop_assert!(finding.hint.is_some());
        }
    }
}

#[test]
fn a_pool_is_judged_with_what_is_in_it() {
    let domain = |pool: &str, status: &str| {
        Ok(Some(DomainState { pool_id: Some(pool.to_owned()), status: status.to_owned() }))
    };
    let facts = PoolFacts {
        pool_id: "p".to_owned(),
        pool: Ok(true),
        client: Some(("c".to_owned(), Ok(Some(true)))),
        domain: Some(("d".to_owned(), domain("p", "ACTIVE"))),
    };
    assert_eq!(severities(&pool::pool(&facts)), [Severity::Ok]);
    for spoilt in [
        PoolFacts { pool: Ok(false), ..facts.clone() },
        PoolFacts { client: Some(("c".to_owned(), Ok(None))), ..facts.clone() },
        PoolFacts { client: Some(("c".to_owned(), Ok(Some(false)))), ..facts.clone() },
        PoolFacts { domain: Some(("d".to_owned(), Ok(None))), ..facts.clone() },
        PoolFacts { domain: Some(("d".to_owned(), domain("q", "ACTIVE"))), ..facts.clone() },
        PoolFacts { domain: Some(("d".to_owned(), domain("p", "CREATING"))), ..facts.clone() },
    ] {
        assert_eq!(severities(&pool::pool(&spoilt)), [Severity::Error], "{spoilt:?}");
    }
    let gap = PoolFacts { client: Some(("c".to_owned(), Err(why(true)))), ..facts };
    assert_eq!(severities(&pool::pool(&gap)), [Severity::Unknown]);
}

fn step(change: Change) -> StepFacts {
    let outputs = |ip: &str| Outputs::from([("public_ip".to_owned(), ip.to_owned())]);
    StepFacts {
        step: StepId::Instance,
        change,
        recorded_id: Some("i-1".to_owned()),
        recorded: outputs("198.51.100.7"),
        found: Some(outputs("198.51.100.7")),
    }
}

#[test]
fn drift_names_the_step_and_the_field() {
    let diff = FieldDiff { field: "volume_gb".to_owned(), want: json!(200), have: json!(100) };
    let found = || "i-1".to_owned();
    let say = |step| drift(&Ok(Comparison::Steps(vec![step])));
    assert_eq!(severities(&say(step(Change::Keep { found: found() }))), [Severity::Ok]);
    assert_eq!(severities(&say(step(Change::Check))), [Severity::Ok]);
    let update = say(step(Change::Update { found: found(), diffs: vec![diff] }));
    assert_eq!(update[0].subject, "ec2.instance");
    assert_eq!(update[0].message, "EC2 instance: `volume_gb` is not as it was approved");
    assert_eq!(update[0].evidence.as_deref(), Some("approved 200, found 100"));
    assert_eq!(say(step(Change::Create))[0].message, "EC2 instance: i-1 of the state file is gone");
    let other = say(step(Change::Keep { found: "i-2".to_owned() }));
    assert_eq!(other[0].message, "EC2 instance: the state file has i-1, and i-2 is in its place");
    let mut moved = step(Change::Keep { found: found() });
    moved.found = Some(Outputs::from([("public_ip".to_owned(), "198.51.100.8".to_owned())]));
    assert_eq!(severities(&say(moved.clone())), [Severity::Warning]);
    let address = StepFacts {
        step: StepId::Address,
        recorded_id: Some("eipalloc-1".to_owned()),
        recorded: Outputs::from([("public_ip".to_owned(), "198.51.100.8".to_owned())]),
        ..step(Change::Keep { found: "eipalloc-1".to_owned() })
    };
    let address = StepFacts { found: Some(address.recorded.clone()), ..address };
    let both = drift(&Ok(Comparison::Steps(vec![moved, address])));
    assert_eq!(severities(&both), [Severity::Ok], "the address of the deployment is no drift");
    let foreign = Finding::new("SRE-PLAN-002", Severity::Error, "iam.role", "two of them");
    let refused = drift(&Ok(Comparison::Refused(vec![foreign])));
    assert_eq!(
        (refused[0].code.as_str(), refused[0].evidence.as_deref()),
        ("SRE-DRIFT-001", Some("SRE-PLAN-002"))
    );
    assert_eq!(severities(&drift(&Ok(Comparison::Refused(Vec::new())))), [Severity::Unknown]);
    assert_eq!(severities(&drift(&Ok(Comparison::Steps(Vec::new())))), [Severity::Unknown]);
}

#[test]
fn what_did_not_end_is_said() {
    let said = |of| severities(&phase(of, ".deployment_state"));
    assert_eq!(said(Phase::Finished), [Severity::Ok]);
    assert_eq!(said(Phase::Unfinished), [Severity::Warning]);
    assert_eq!(said(Phase::Nothing), [Severity::Info]);
    assert_eq!(said(Phase::Removed), [Severity::Info]);
}
