//! `check account` under faults: whatever call fails, in whatever way, nothing that was not seen is said to be in order.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checks::Status;
use cloud::fault::{FailNth, Failure as Fault, Matching, Recorder, When};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{Access, Cloud, ErrorKind, Hook};
use model::config::{Config, Mode};
use model::event::Run;
use provision::journal::Locked;
use provision::survey::Adoptions;

use super::*;
use crate::args::{Common, Format, StateArgs};
use crate::io::{Io, Stream};
use crate::session;

const CONFIG: &str = "\
version: 1
deployment: {id: sre-fault, environment: prod}
aws: {region: us-east-1, account_id: \"123456789012\"}
tls: {domain: api.sre-fault.net, source: acm-exportable}
host: {install: none}
";

fn app() -> App {
    let io = Io {
        input: Arc::new(Mutex::new(Cursor::new(Vec::new()))),
        out: Stream::new(std::io::sink()),
        err: Stream::new(std::io::sink()),
        input_is_terminal: false,
        out_is_terminal: false,
        err_is_terminal: false,
    };
    let common = Common { quiet: true, ..Common::default() };
    App::new("sre-agent-deploy", std::collections::BTreeMap::new(), io, Format::Text, &common)
}

fn config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, CONFIG).unwrap();
    let args = crate::args::ConfigArgs {
        config: Some(path),
        mode: Some(Mode::Production),
        ..crate::args::ConfigArgs::default()
    };
    let app = app();
    crate::settings::read(&app, &args, None, None).unwrap().valid(&app).unwrap()
}

/// Deploys through these ports; the state afterwards.
fn deploy(app: &App, cloud: &Cloud, config: &Config) -> State {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".deployment_state");
    let mut made = None;
    session::run(app, &StateArgs::default(), async |session| {
        let engine = session.engine(cloud);
        let account = cloud.sts.get_caller_identity(()).await.unwrap().account;
        let prepared = engine.prepare(config, &account, None, &Adoptions::new()).await.unwrap();
        let loaded = Locked::acquire(&file, Duration::ZERO).await.unwrap().load().unwrap();
        let Err(locked) = loaded.journal else { panic!("the folder is new") };
        let journal = locked.begin(engine.header(config, &account), engine.now()).unwrap();
        let (state, result) = Box::pin(engine.apply(config, &account, &prepared, journal, Run::Deploy)).await;
        result.unwrap();
        made = Some(state);
        Ok(crate::exit::Exit::Done)
    })
    .unwrap();
    made.unwrap()
}

/// Deploys on a practice account, and does `work` with what is there then. The engine does not wait for anything.
fn deployed(work: impl AsyncFnOnce(&session::Session<'_>, &Practice, &Config, &State)) {
    let (app, config) = (app(), config());
    let practice = Practice::in_memory(PracticeOptions::instant());
    let state = deploy(&app, &practice.cloud(), &config);
    let hasty = StateArgs { call_timeout: Some(Duration::from_millis(20)), ..StateArgs::default() };
    session::run(&app, &hasty, async |session| {
        work(session, &practice, &config, &state).await;
        Ok(crate::exit::Exit::Done)
    })
    .unwrap();
}

/// Both results, asked without pauses and without patience.
async fn checked(
    session: &session::Session<'_>,
    cloud: &Cloud,
    config: &Config,
    state: &State,
) -> Result<Vec<CheckResult>, ErrorKind> {
    let desk = Desk::hasty();
    let gather = Gather { desk: &desk, session, cloud, config, state: Some(state) };
    let account = account_result(&gather, "state", true).await;
    let path = vpc::path_result(&desk, cloud, config, Some(state)).await;
    match desk.verdict() {
        Ok(()) => Ok(vec![account, path]),
        Err(_) => Err(ErrorKind::CredentialsExpired),
    }
}

fn hooked(practice: &Practice, hook: impl Hook + 'static) -> Cloud {
    let hook: Arc<dyn Hook> = Arc::new(hook);
    practice.cloud().hooked(&hook)
}

#[test]
fn a_call_that_fails_makes_nothing_ok_that_rests_on_it() {
    deployed(async |session, practice, config, state| {
        let recorder = Arc::new(Recorder::default());
        let hook: Arc<dyn Hook> = Arc::clone(&recorder) as _;
        let well = checked(session, &practice.cloud().hooked(&hook), config, state).await.unwrap();
        assert!(well.iter().all(|result| result.status == Status::Ok), "{well:#?}");
        assert_eq!(recorder.count(Access::Write), 0, "a check changes nothing");
        let operations: BTreeSet<&'static str> =
            recorder.calls().into_iter().map(|call| call.operation).collect();
        assert!(operations.len() >= 25, "{operations:?}");

        let kinds = [
            Fault::answered("AccessDeniedException", "not authorized to perform this"),
            Fault::answered("ThrottlingException", "Rate exceeded"),
            Fault::on_the_way(ErrorKind::TimedOut),
            Fault::on_the_way(ErrorKind::Unsupported),
        ];
        // Without the simulator there are dry runs, and those say less: a warning.
        let is_softened = |operation: &str| operation == "SimulatePrincipalPolicy";
        for operation in operations {
            for kind in &kinds {
                // "Forbidden" is also what is said of a stranger's bucket, and this deployment wants none.
                if operation == "HeadBucket" && kind == &kinds[0] {
                    continue;
                }
                let all =
                    FailNth::new(1, Matching::Operation(operation), When::Before, kind.clone()).times(1000);
                let results = checked(session, &hooked(practice, all), config, state).await.unwrap();
                let worst = results.iter().map(|result| result.status).max().unwrap();
                let least = if is_softened(operation) { Status::Warning } else { Status::Unknown };
                assert!(worst >= least, "{operation} {kind:?}: {worst:?} {results:#?}");
                let words =
                    ["could not check", "could not", "does not answer", "does not exist", "would refuse"];
                let said: Vec<&Finding> = results
                    .iter()
                    .flat_map(|result| &result.findings)
                    .filter(|one| one.severity > Severity::Skipped)
                    .collect();
                assert!(
                    said.iter().all(|one| words.iter().any(|words| one.message.contains(words))
                        || one.severity == Severity::Unknown),
                    "{operation} {kind:?}: {said:#?}"
                );
            }
        }
    });
}

#[test]
fn when_everything_fails_nothing_is_ok() {
    deployed(async |session, practice, config, state| {
        for kind in [
            Fault::answered("AccessDeniedException", "not authorized to perform this"),
            Fault::answered("ThrottlingException", "Rate exceeded"),
            Fault::on_the_way(ErrorKind::TimedOut),
            Fault::on_the_way(ErrorKind::Unreachable),
        ] {
            let all = FailNth::new(1, Matching::Any, When::Before, kind).times(100_000);
            let results = checked(session, &hooked(practice, all), config, state).await.unwrap();
            for finding in results.iter().flat_map(|result| &result.findings) {
                let is_of_file = finding.code == "SRE-DRIFT-002";
                assert!(finding.severity != Severity::Ok || is_of_file, "{finding:?}");
            }
            assert!(results.iter().all(|result| result.status == Status::Unknown), "{results:#?}");
        }
        let expired =
            Fault::answered("ExpiredTokenException", "The security token included in the request is expired");
        let all = FailNth::new(1, Matching::Any, When::Before, expired).times(100_000);
        assert!(checked(session, &hooked(practice, all), config, state).await.is_err());
    });
}

/// The one place that says which actions are needed says all of them.
#[test]
fn every_call_of_a_deployment_is_among_the_needed_actions() {
    let practice = Practice::in_memory(PracticeOptions::instant());
    let recorder = Arc::new(Recorder::default());
    let hook: Arc<dyn Hook> = Arc::clone(&recorder) as _;
    deploy(&app(), &practice.cloud().hooked(&hook), &config());
    let needed = actions::of_steps(StepId::ALL.iter().copied());
    let made: BTreeSet<String> = recorder.actions(Matching::Any).into_iter().collect();
    assert!(made.contains("ec2:RunInstances"), "{made:?}");
    let missing: Vec<&String> = made
        .iter()
        .filter(|action| {
            !needed.contains_key(action.as_str())
                && *action != "ec2:DryRun"
                && *action != "sts:GetCallerIdentity"
        })
        .collect();
    assert!(missing.is_empty(), "checks/src/account/actions.rs lacks {missing:?}");
}
