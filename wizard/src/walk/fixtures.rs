//! States that tests look at: an account, a plan, a run, trouble, a report. No name in it is anybody's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::config::Mode;
use model::event::{Event, Outcome, Run, StepLine, What};
use model::guide::Entry;
use model::plan::{Change, FieldDiff, PLAN_SCHEMA_VERSION, Pins, Plan, PlannedStep, StepId};
use model::{AccountId, DeploymentId, Finding, Region, Severity};

use super::{Cmd, Msg, State, step};
use crate::discovery::{Choice, Discovery, Place};
use crate::draft::Draft;
use crate::exchange::{Allowed, Cost, Effect, HandTask, Input, Preview, Record, Seen, Trouble, Verified};
use crate::form::{Answers, Page};

/// Answers that make a valid configuration.
pub(crate) const ANSWERS: &[(&str, &str)] = &[
    ("aws.region", "eu-central-1"),
    ("aws.account_id", "123456789012"),
    ("deployment.id", "sre-agent-prod"),
    ("deployment.environment", "prod"),
    ("tls.domain", "api.example.com"),
    ("tls.acme.email", "ops@example.com"),
];

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_000_000_i64.saturating_add(second)).unwrap()
}

pub(crate) fn discovery() -> Discovery {
    let choice = |value: &str, note: &str| Choice { value: value.into(), note: note.into(), within: None };
    Discovery {
        place: Place::Laptop,
        account_id: Some("123456789012".into()),
        arn: Some("arn:aws:iam::123456789012:user/deployer".into()),
        region: Some(("eu-central-1".into(), "AWS_REGION".into())),
        profile: Some("production".into()),
        profiles: vec!["default".into(), "production".into()],
        vpcs: vec![
            choice("vpc-0a1b2c3d4e5f60718", "172.31.0.0/16, default"),
            choice("vpc-0f1e2d3c4b5a69788", "10.0.0.0/16, production"),
        ],
        subnets: vec![choice("subnet-0a1b2c3d4e5f60718", "172.31.0.0/20, eu-central-1a")],
        user_pools: Vec::new(),
        instances: Vec::new(),
        notes: Vec::new(),
    }
}

/// A state on a page, with answers.
pub(crate) fn state(page: Page, answers: &[(&str, &str)]) -> State {
    let draft = Draft { page, reached: page, answers: Answers::of(answers), ..Draft::empty() };
    let mut state = State::new(draft, discovery());
    state.begin();
    state.is_discovering = false;
    state
}

/// Sends commands; all effects, in order.
pub(crate) fn send(state: &mut State, cmds: &[Cmd]) -> Vec<Effect> {
    cmds.iter().flat_map(|cmd| step(state, Msg::Cmd(cmd.clone()))).collect()
}

/// Tells something; its effects.
pub(crate) fn tell(state: &mut State, input: Input) -> Vec<Effect> {
    step(state, Msg::Input(input))
}

/// Types a text.
pub(crate) fn typed(text: &str) -> Vec<Cmd> {
    text.chars().map(Cmd::Type).collect()
}

/// A finding with everything.
pub(crate) fn finding() -> Finding {
    Finding::new(
        "SRE-AWS-004",
        Severity::Error,
        "ec2.instance",
        "The account may not run another t3.xlarge: VcpuLimitExceeded.",
    )
    .evidence("RunInstances in eu-central-1 was refused after 1 try")
    .hint("Ask for more Standard vCPU in Service Quotas, or take a smaller instance type.")
    .doc("https://docs.aws.amazon.com/ec2/latest/userguide/ec2-resource-limits.html")
}

/// Trouble with an answer that caused it.
pub(crate) fn trouble() -> Trouble {
    Trouble {
        findings: vec![finding()],
        next: Some("sre-agent-deploy --resume --state-file .deployment_state".into()),
        resumable: true,
        about: vec!["instance.type".into()],
    }
}

/// A plan of every step. Typed confirmation where something is replaced.
pub(crate) fn preview(replaces: bool) -> Preview {
    let steps = StepId::ALL.iter().map(|id| planned(*id, replaces)).collect();
    let plan = Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        deployment_id: DeploymentId::parse("sre-agent-prod").unwrap(),
        account_id: AccountId::parse("123456789012").unwrap(),
        region: Region::parse("eu-central-1").unwrap(),
        mode: Mode::Production,
        config_digest: "0".repeat(64),
        pins: Pins::default(),
        steps,
        findings: Vec::new(),
    };
    let cost = Cost {
        lines: vec![
            ("EC2 t3.xlarge, 730 hours".into(), "140.16".into()),
            ("EBS gp3 50 GiB".into(), "4.76".into()),
            ("Public IPv4 address".into(), "3.65".into()),
        ],
        total: "148.57 USD a month".into(),
        note: "On-demand prices of eu-central-1. Tokens of Bedrock and data sent out come on top.".into(),
    };
    let confirm = replaces.then(|| "The EC2 instance is replaced; what is on its disk is lost.".to_owned());
    Preview { plan, cost, confirm }
}

fn planned(id: StepId, replaces: bool) -> PlannedStep {
    let diff = FieldDiff { field: "instance_type".into(), want: "t3.xlarge".into(), have: "t3.large".into() };
    let change = match id {
        _ if id.is_check() => Change::Check,
        StepId::Instance if replaces => {
            Change::Replace { found: "i-0123456789abcdef0".into(), diffs: vec![diff] }
        }
        StepId::Address => Change::Keep { found: "eipalloc-0123456789abcdef0".into() },
        _ => Change::Create,
    };
    let irreversible = (id == StepId::UserPool).then(|| "its users are gone when it is deleted".to_owned());
    PlannedStep {
        id,
        kind: "AWS::EC2::Thing".into(),
        name: "sre-agent-prod-thing".into(),
        dependencies: id.dependencies().to_vec(),
        change,
        why: vec!["The configuration asks for it and the account has none.".into()],
        fields: BTreeMap::from([("tags".to_owned(), serde_json::json!({"Name": "sre-agent-prod"}))]),
        way: model::plan::Way::Automatic,
        irreversible,
    }
}

/// A state on the review with a plan.
pub(crate) fn reviewing(replaces: bool) -> State {
    let mut state = state(Page::Review, ANSWERS);
    assert!(state.judgement.config.is_some(), "{:?}", state.judgement.problems);
    tell(&mut state, Input::Previewed(Ok(Box::new(preview(replaces)))));
    state
}

/// Events of a run that is under way: some steps done, one waits.
pub(crate) fn events() -> Vec<Event> {
    let steps = StepId::ALL.iter().map(|step| StepLine {
        step: *step,
        verb: "create".into(),
        name: "sre-agent-prod-thing".into(),
    });
    let deployment_id = DeploymentId::parse("sre-agent-prod").unwrap();
    let mut whats = vec![What::RunStarted { run: Run::Deploy, deployment_id, steps: steps.collect() }];
    for step in [StepId::SecurityGroup, StepId::Certificate] {
        whats.push(What::StepStarted { step });
        whats.push(What::Acting { step, action: "create it".into() });
        whats.push(What::StepFinished {
            step,
            outcome: Outcome::Done,
            message: "sg-0123456789abcdef0".into(),
        });
    }
    let step = StepId::Role;
    whats.push(What::StepStarted { step });
    whats.push(What::Acting { step, action: "create role sre-agent-prod-instance".into() });
    for attempt in 1..5 {
        whats.push(What::Waiting {
            step: Some(step),
            reason: "waiting for IAM propagation (usually 10 to 30 s)".into(),
            attempt,
            elapsed_ms: u64::from(attempt).saturating_mul(3000),
            next_in_ms: 3000,
        });
    }
    let event = |(index, what)| Event { index, at: at(i64::try_from(index).unwrap()), what };
    (0..).zip(whats).map(event).collect()
}

/// A state with a run under way.
pub(crate) fn applying() -> State {
    let mut state = reviewing(false);
    state.cursor = state.review_items().len().saturating_sub(1);
    let effects = send(&mut state, &[Cmd::Enter]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Apply(_))), "{effects:?}");
    for event in events() {
        tell(&mut state, Input::Event(Box::new(event)));
    }
    tell(&mut state, Input::Tick(at(65)));
    state
}

/// A run that failed at its third step.
pub(crate) fn failed() -> State {
    let mut state = applying();
    let what = What::StepFinished { step: StepId::Role, outcome: Outcome::Failed, message: "refused".into() };
    tell(&mut state, Input::Event(Box::new(Event { index: 90, at: at(20), what })));
    tell(&mut state, Input::Applied(Err(trouble())));
    state
}

/// Something to be made in the Console.
pub(crate) fn task() -> HandTask {
    HandTask {
        step: StepId::Role,
        console: "https://console.aws.amazon.com/iam/home?region=eu-central-1#/roles/create".into(),
        path: vec!["IAM".into(), "Roles".into(), "Create role".into()],
        values: vec![
            Entry::new("Trusted entity type", "AWS service")
                .note("with EC2 chosen, the Console makes the instance profile of the same name as well"),
            Entry::new("Use case", "EC2"),
            Entry::new("Role name", "sre-agent-prod-instance"),
            Entry::new(
                "Roles > sre-agent-prod-instance > Permissions > Add permissions > Create inline policy > JSON",
                "{\n  \"Version\": \"2012-10-17\"\n}",
            )
            .note("after Create role; in place of what the editor shows"),
        ],
        finds: "The role is found by its name.".into(),
        differences: vec!["The role trusts ecs.amazonaws.com; change it under Trust relationships.".into()],
    }
}

/// What a role is allowed.
pub(crate) fn allowed() -> Vec<Allowed> {
    let models = Allowed {
        name: "InvokeModels".into(),
        actions: vec!["bedrock:InvokeModel".into(), "bedrock:InvokeModelWithResponseStream".into()],
        resources: vec![
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0".into(),
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0".into(),
        ],
        condition: None,
    };
    let channels = Allowed {
        name: "SessionManagerChannels".into(),
        actions: vec!["ssmmessages:CreateControlChannel".into(), "ssmmessages:OpenDataChannel".into()],
        resources: vec!["*".into()],
        condition: Some("{\"Null\":{\"aws:SourceVpc\":\"false\"}}".into()),
    };
    vec![models, channels]
}

/// A record that leads to another address.
pub(crate) fn record() -> Record {
    let seen = Seen::Elsewhere { addresses: vec!["198.51.100.7".into()] };
    Record { name: "api.example.com".into(), address: "203.0.113.10".into(), seen }
}

/// What the checks said.
pub(crate) fn verified() -> Verified {
    let ok = |code: &str, message: &str| Finding::new(code, Severity::Ok, "endpoint", message);
    Verified {
        severity: Severity::Warning,
        summary: "The endpoint answers; 1 warning.".into(),
        findings: vec![
            Finding::new("SRE-TLS-006", Severity::Warning, "api.example.com", "The certificate expires in 12 days.")
                .hint("Look at `systemctl status` of the renewal timer."),
            ok("SRE-NET-001", "The name points at the address."),
            ok("SRE-EP-003", "A chat completion came back in 640 ms."),
        ],
        url: Some("https://api.example.com/v1".into()),
        snippets: vec![
            ("a token with curl".into(), "curl -s https://sre-agent-prod.auth.eu-central-1.amazoncognito.com/oauth2/token \\\n  -d grant_type=client_credentials".into()),
            ("OpenAI client in Python".into(), "client = OpenAI(base_url=\"https://api.example.com/v1\", api_key=token)".into()),
        ],
        files: vec![".deployment_state.report.json".into(), ".deployment_state.report.md".into()],
        next: vec![
            "Give the client id to the application.".into(),
            "Put the report into the ticket.".into(),
            "Subscribe somebody to the alarms.".into(),
        ],
    }
}

/// A state on the page of the checks.
pub(crate) fn checked() -> State {
    let mut state = applying();
    tell(&mut state, Input::Applied(Ok(Vec::new())));
    tell(&mut state, Input::Verified(Ok(Box::new(verified()))));
    state
}
