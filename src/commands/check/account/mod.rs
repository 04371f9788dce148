//! `check account`: the checks on the account, each with its verdict. `ask` asks a question, `gather` knows which there
//! are.

pub(super) mod ask;
mod gather;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

use checks::account::drift::{self, Phase};
use checks::account::facts::{Identity, ModelFacts, Simulated, Told};
use checks::account::{actions, identity, instance, models, pool, quotas};
use checks::engine::{CheckId, Suite, Verdict};
use checks::{CheckResult, Subject, SubjectKind, catalogue};
use futures::future::LocalBoxFuture;
use model::plan::{Pins, StepId};
use model::{AccountId, Finding, Severity};
use provision::journal::State;
use tokio::sync::OnceCell;

use super::{Known, Target, cognito, finish, manner, or_unknown, selection, target, vpc};
use crate::app::{App, Ended};
use crate::args::AccountArgs;
use ask::{Desk, config_of, in_account};
pub(crate) use ask::{Place, reach};
use gather::Gather;

/// How many checks ask at the same time.
const AT_ONCE: usize = 8;

/// `check account`
pub(crate) fn command(app: &App, args: &AccountArgs) -> Ended {
    let target = target(app, &args.usual.config, &args.usual.state)?;
    // What is wrong with a flag is said before anything is asked.
    selection(&args.usual.judge)?;
    let manner = manner(args.ca_file.as_deref())?;
    let mut results = results(app, args, &target)?;
    if !results.iter().any(is_wrong_account) {
        match cognito(app, &args.usual.config, &args.usual.state, &target, &manner) {
            Ok(Known::Asked(run)) => results.push(run.result),
            Ok(Known::Nothing(finding)) => {
                if let Some(account) = results.first_mut() {
                    account.findings.push(finding);
                }
            }
            Err(failure) => results.extend(or_unknown("cognito", Err(failure))?),
        }
    }
    finish(app, &args.usual.judge, None, results)
}

/// What there is to say of the account itself and the path through its network. `verify` asks the user pool by itself,
/// since it needs the token.
pub(crate) fn results(app: &App, args: &AccountArgs, target: &Target) -> super::Results {
    let config = config_of(app, target)?;
    let place = Place::of(config, args.usual.config.profile.as_deref());
    in_account(app, &args.usual.state, target, &place, async |session, cloud| {
        let desk = Desk::default();
        let state = target.state.as_ref();
        let gather = Gather { desk: &desk, session, cloud, config, state };
        let state_file = target.state_file.display().to_string();
        let work = async {
            let account = account_result(&gather, &state_file, args.converse).await;
            if is_wrong_account(&account) {
                return Ok(vec![account]);
            }
            let path = vpc::path_result(&desk, cloud, config, state).await;
            Ok(vec![account, path])
        };
        let results = session.look(Box::pin(work)).await;
        desk.verdict()?;
        results
    })
}

/// Nothing is worth asking in somebody else's account.
fn is_wrong_account(result: &CheckResult) -> bool {
    result.findings.iter().any(|one| one.code == "SRE-PERM-001" && one.severity == Severity::Error)
}

/// What several checks judge, asked once.
#[derive(Default)]
struct Shared {
    identity: RefCell<Option<Identity>>,
    models: OnceCell<Vec<ModelFacts>>,
    simulated: OnceCell<Told<Vec<Simulated>>>,
}

/// The suite under construction: every check but the first stands on the identity.
struct Checks<'a> {
    suite: Suite<'a>,
    subject: &'a str,
    after: Vec<CheckId>,
}

impl<'a> Checks<'a> {
    fn add(
        &mut self,
        code: &str,
        mut work: impl FnMut() -> LocalBoxFuture<'a, Vec<Finding>> + 'a,
    ) -> Option<CheckId> {
        let entry = catalogue::find(code)?;
        let id = self.suite.add(entry, self.subject, &self.after, move || {
            let work = work();
            Box::pin(async move { Verdict::Final(work.await) })
        });
        Some(id)
    }
}

/// A verdict over the models.
type JudgeModels = fn(&[ModelFacts]) -> Vec<Finding>;

/// The checks on the account, each with its verdict.
async fn account_result(gather: &Gather<'_>, state_file: &str, converse: bool) -> CheckResult {
    let config = gather.config;
    let state = gather.state.filter(|state| state.plan.is_some() && !state.cleaned_up);
    let pins = state.and_then(|state| state.plan.as_ref()).map(|plan| &plan.pins);
    let number = gather.state.map(|state| &state.header.account_id).or(config.aws.account_id.as_ref());
    let subject = match number {
        Some(number) => format!("{number} {}", config.aws.region),
        None => config.aws.region.to_string(),
    };
    let shared = Shared::default();
    let shared = &shared;
    let now = gather.session.now();
    let mut checks = Checks { suite: Suite::new(), subject: &subject, after: Vec::new() };

    let first = checks.add("SRE-PERM-001", move || {
        Box::pin(async move {
            let told = gather.identity().await;
            let recorded = gather.state.map(|state| &state.header.account_id);
            let findings = identity::identity(&told, config.aws.account_id.as_ref(), recorded);
            *shared.identity.borrow_mut() = told.ok();
            findings
        })
    });
    checks.after = first.into_iter().collect();
    permissions(&mut checks, gather, shared, state, pins);
    checks.add("SRE-PERM-010", move || Box::pin(async move { quotas::vcpus(&gather.vcpus().await) }));
    checks.add("SRE-PERM-011", move || Box::pin(async move { quotas::addresses(&gather.addresses().await) }));
    checks.add("SRE-PERM-012", move || Box::pin(async move { quotas::rules(&gather.rules(pins).await) }));
    checks.add("SRE-PERM-020", move || {
        Box::pin(async move {
            match gather.pool().await {
                Some(facts) => pool::pool(&facts),
                None => vec![nothing("SRE-PERM-020", "the state file knows no user pool")],
            }
        })
    });
    let judges: [(&str, JudgeModels); 4] = [
        ("SRE-BED-001", models::exist),
        ("SRE-BED-002", models::accessible),
        ("SRE-BED-004", models::called_right),
        ("SRE-BED-005", models::answer),
    ];
    for (code, judge) in judges {
        checks.add(code, move || {
            Box::pin(async move { judge(shared.models.get_or_init(|| gather.models(converse)).await) })
        });
    }
    checks.add("SRE-BED-003", move || {
        Box::pin(
            async move { models::lasting(shared.models.get_or_init(|| gather.models(converse)).await, now) },
        )
    });
    let phase = phase(gather.state);
    checks.add("SRE-DRIFT-001", move || {
        Box::pin(async move {
            match phase {
                Phase::Finished | Phase::Unfinished => match &account(shared) {
                    Some(account) => drift::drift(&gather.comparison(account).await),
                    None => vec![nothing("SRE-DRIFT-001", "whose account this is is not known")],
                },
                Phase::Nothing | Phase::Removed => {
                    vec![nothing("SRE-DRIFT-001", "there is no deployment to compare")]
                }
            }
        })
    });
    checks.add("SRE-DRIFT-003", move || {
        Box::pin(async move {
            match gather.instance().await {
                Some((id, told)) => instance::instance(&id, &told),
                None => vec![nothing("SRE-DRIFT-003", "the state file knows no instance")],
            }
        })
    });
    checks.after.clear();
    checks.add("SRE-DRIFT-002", move || Box::pin(async move { drift::phase(phase, state_file) }));

    let outcomes = checks.suite.run(AT_ONCE).await;
    let findings = outcomes.into_iter().flat_map(|outcome| outcome.findings).collect();
    CheckResult::new(Subject::new(SubjectKind::Account, subject.as_str()), Vec::new(), findings)
}

/// What the identity and the instance may do.
fn permissions<'a>(
    checks: &mut Checks<'a>,
    gather: &'a Gather<'a>,
    shared: &'a Shared,
    state: Option<&'a State>,
    pins: Option<&'a Pins>,
) {
    let steps: Vec<StepId> = if let Some(plan) = state.and_then(|state| state.plan.as_ref()) {
        plan.steps.iter().map(|step| step.id).collect()
    } else {
        StepId::ALL.iter().copied().filter(|id| id.is_wanted_by(gather.config)).collect()
    };
    let needed = Rc::new(actions::of_steps(steps));
    let simulated = move |needed: Rc<std::collections::BTreeMap<_, _>>| async move {
        let caller = shared.identity.borrow().clone();
        let actions: Vec<&'static str> = needed.keys().copied().collect();
        shared
            .simulated
            .get_or_init(|| async {
                match &caller {
                    Some(caller) => gather.simulated(caller, actions.iter().copied()).await,
                    None => Ok(Vec::new()),
                }
            })
            .await
    };
    let for_judge = Rc::clone(&needed);
    checks.add("SRE-PERM-002", move || {
        let needed = Rc::clone(&for_judge);
        Box::pin(async move { identity::permissions(&needed, simulated(Rc::clone(&needed)).await) })
    });
    checks.add("SRE-PERM-003", move || {
        let needed = Rc::clone(&needed);
        Box::pin(async move {
            match simulated(needed).await {
                Ok(_) => {
                    vec![nothing("SRE-PERM-003", "nothing was tried, because the policy simulator answered")]
                }
                Err(_) => identity::dry_runs(&gather.dry_runs(pins).await),
            }
        })
    });
    checks.add("SRE-PERM-004", move || {
        Box::pin(async move {
            let role = state.and_then(|state| state.step(StepId::Role).outputs.get("arn").cloned());
            match (role, account(shared)) {
                (Some(role), Some(account)) => {
                    identity::instance_role(&role, &gather.role_simulated(&role, &account).await)
                }
                _ => vec![nothing("SRE-PERM-004", "the state file knows no role")],
            }
        })
    });
}

fn account(shared: &Shared) -> Option<AccountId> {
    shared.identity.borrow().as_ref().map(|identity| identity.account.clone())
}

/// Nothing was looked at, and why.
fn nothing(code: &str, why: &str) -> Finding {
    Finding::new(code, Severity::Skipped, "deployment", why)
}

/// Where the deployment stands.
fn phase(state: Option<&State>) -> Phase {
    match state {
        Some(state) if state.cleaned_up || state.cleaning_up => Phase::Removed,
        Some(state) if state.is_finished() => Phase::Finished,
        Some(state) if state.plan.is_some() => Phase::Unfinished,
        _ => Phase::Nothing,
    }
}
