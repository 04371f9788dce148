//! `check account` under faults: whatever call fails, in whatever way, nothing that was not seen is said to be in order.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checks::Status;
use cloud::fault::{FailNth, Failure as Fault, Matching, Recorder, When};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{Access, Cloud, ErrorKind, Hook};
use model::config::{Config, HostInstall, Mode};
use model::event::Run;
use provision::bundle::Programs;
use provision::journal::Locked;
use provision::survey::Adoptions;

use super::*;
use crate::args::{Common, Format, StateArgs};
use crate::io::{Io, Stream};
use crate::session;

/// `host.install`: without the steps of the first boot, and with them.
const INSTALLS: [&str; 2] = ["none", "user-data"];

const GATEWAY: &str = "{name: sre-gateway, memory_days: 90, runtime: \"123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1\"}";

/// With an instance that is installed in this way, and a gateway with memory and runtime where that is from the first boot.
fn text(install: &str) -> String {
    let gateway = if install == "user-data" { GATEWAY } else { "null" };
    format!(
        "version: 1\n\
         deployment: {{id: sre-fault, environment: prod}}\n\
         aws: {{region: us-east-1, account_id: \"123456789012\"}}\n\
         tls: {{domain: api.sre-fault.net, source: acm-exportable}}\n\
         host: {{install: {install}}}\n\
         gateway: {gateway}\n"
    )
}

/// What is looked at of a program is the header of its file.
fn programs() -> Programs {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.extend([62, 0]);
    Programs::new(elf.clone(), elf)
}

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

fn config(install: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, text(install)).unwrap();
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
        let mut engine = session.engine(cloud);
        engine.programs = Some(Arc::new(programs()));
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

/// Takes away through these ports what was deployed.
fn clean_up(app: &App, cloud: &Cloud, config: &Config, state: &State) {
    session::run(app, &StateArgs::default(), async |session| {
        let engine = session.engine(cloud);
        let (id, region) = (&config.deployment.id, &config.aws.region);
        let account = cloud.sts.get_caller_identity(()).await.unwrap().account;
        let targets = engine.find(id, region, &account, Some(config), Some(state)).await.unwrap();
        let removal = engine.cleanup(id, region, &account, Some(config), &targets, None).await.unwrap();
        assert!(removal.left.is_empty(), "{:?}", removal.left);
        Ok(crate::exit::Exit::Done)
    })
    .unwrap();
}

/// Deploys on a practice account in each way, and does `work` with what is there then. The engine does not wait for
/// anything.
fn deployed(work: &impl AsyncFn(&session::Session<'_>, &Practice, &Config, &State)) {
    for install in INSTALLS {
        deployed_as(install, work);
    }
}

fn deployed_as(install: &str, work: &impl AsyncFn(&session::Session<'_>, &Practice, &Config, &State)) {
    let (app, config) = (app(), config(install));
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
    deployed(&async |session, practice, config, state| {
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
                // "Forbidden" is also what is said of a stranger's bucket, which is none of ours.
                let wants_bucket = config.host.install == HostInstall::UserData;
                if operation == "HeadBucket" && kind == &kinds[0] && !wants_bucket {
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
    deployed(&async |session, practice, config, state| {
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
fn every_call_of_a_deployment_and_of_its_removal_is_among_the_needed_actions() {
    let recorder = Arc::new(Recorder::default());
    for install in INSTALLS {
        let hook: Arc<dyn Hook> = Arc::clone(&recorder) as _;
        let cloud = Practice::in_memory(PracticeOptions::instant()).cloud().hooked(&hook);
        let (app, config) = (app(), config(install));
        let state = deploy(&app, &cloud, &config);
        clean_up(&app, &cloud, &config, &state);
    }
    let needed = actions::of_steps(StepId::ALL.iter().copied());
    let made: BTreeSet<String> = recorder.actions(Matching::Any).into_iter().collect();
    for call in [
        "ec2:RunInstances",
        "ec2:TerminateInstances",
        "s3:PutObject",
        "s3:DeleteBucket",
        "ssm:PutParameter",
        "bedrock-agentcore:CreateGatewayTarget",
        "bedrock-agentcore:DeleteAgentRuntime",
        "bedrock-agentcore:DeleteApiKeyCredentialProvider",
        "bedrock-agentcore:CreateMemory",
    ] {
        assert!(made.contains(call), "{call} is not among {made:?}");
    }
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
