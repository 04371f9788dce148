//! The proxy: a socket that stays open, and the service behind it.

use std::time::Duration;

use super::{PROXY_SOCKET, Setup, begun, hardening, tells};
use crate::layout::{Program, USER};
use crate::unit::Directive as D;
use crate::unit::{
    Capabilities, CommandLine, Count, Home, Mode, Names, Owner, Ports, PrivateTmp, Restart, ServiceType,
    Span, Switch, Text, TwoStack, Unit, Word,
};
use crate::words::ProgramPath;

/// From the end of open answers to the end of the process: the ledger is stored, exporters say their last.
const LAST_WORDS: Duration = Duration::from_secs(15);

/// Starts the unit that tells, with the name of this one; where that cannot be done there is nobody left to tell.
const TELL: &str =
    r#"[ "$SERVICE_RESULT" = success ] || systemctl start --no-block "sre-agent-failed@$1.service" || :"#;

/// `bedrock-nova-proxy.service`
pub(super) fn service(setup: &Setup) -> Unit {
    let program = ProgramPath::known(&setup.layout.program(Program::Proxy));
    let config = Word::Literal(setup.layout.proxy_config().to_string_lossy().into_owned());
    let run =
        |verb: &str| CommandLine::new(program.clone(), [verb.into(), "--config".into(), config.clone()]);
    let kill = CommandLine::new(ProgramPath::known("/bin/kill".as_ref()), ["-HUP".into(), Word::MainPid]);
    let tell = CommandLine::new(
        ProgramPath::known("/bin/sh".as_ref()),
        ["-c".into(), TELL.into(), "sh".into(), Word::UnitName],
    )
    .privileged();
    begun(setup)
        .with(D::Description(Text("OpenAI-compatible endpoint in front of Amazon Bedrock Nova".to_owned())))
        .because(
            "The socket is its only way to port 443: without it, it would need rights of root.",
            D::Requires(Names(vec![PROXY_SOCKET])),
        )
        .with(D::After(Names(vec!["network.target", PROXY_SOCKET])))
        .with(tells())
        .because(
            "It is never given up: clients wait at the socket, and once the cause is gone it serves by itself.",
            D::StartLimitIntervalSec(Span(Duration::ZERO)),
        )
        .because("It says itself when it can answer, and that it still turns.", D::Type(ServiceType::Notify))
        .with(D::ExecStart(run("serve")))
        .because(
            "`systemctl reload` fails and says why where the configuration is wrong; the old one goes on serving.",
            D::ExecReload(run("check-config")),
        )
        .because("It reads configuration and certificate again, and keeps its connections.", D::ExecReload(kill))
        .because(
            "Since it is started again and again it never counts as failed, so it is told of here, outside of the\nsandbox.",
            D::ExecStopPost(tell),
        )
        .with(D::Restart(Restart::OnFailure))
        .with(D::RestartSec(Span(Duration::from_secs(1))))
        .with(D::RestartSteps(Count(5)))
        .with(D::RestartMaxDelaySec(Span(Duration::from_secs(30))))
        .with(D::WatchdogSec(Span(Duration::from_secs(30))))
        .with(D::TimeoutStartSec(Span(Duration::from_mins(1))))
        .with(D::TimeoutStopSec(Span(setup.drain.saturating_add(LAST_WORDS))))
        .with(D::User(Owner::Named(USER)))
        .with(D::Group(Owner::Named(USER)))
        .because("The usage ledger, in /var/lib.", D::StateDirectory(Names(vec![USER])))
        .with(D::StateDirectoryMode(Mode(0o700)))
        .with(D::LimitNOFILE(Count(65_536)))
        .with(D::LimitCORE(Count(0)))
        .with(D::TasksMax(Count(512)))
        .because("No right of root, not even for port 443.", D::CapabilityBoundingSet(Capabilities(Vec::new())))
        .because("No right of root, not even for port 443.", D::AmbientCapabilities(Capabilities(Vec::new())))
        .with(hardening::online())
        .with(D::ProtectHome(Home::Hidden))
        .with(D::PrivateTmp(PrivateTmp::Disconnected))
        .with(D::PrivateDevices(Switch(true)))
        .with(D::PrivateUsers(Switch(true)))
        .with(D::PrivateIPC(Switch(true)))
        .with_all(hardening::common())
        .with(D::WantedBy(Names(vec!["multi-user.target"])))
}

/// `bedrock-nova-proxy.socket`
pub(super) fn socket(setup: &Setup) -> Unit {
    begun(setup)
        .with(D::Description(Text("Clients of the OpenAI-compatible endpoint".to_owned())))
        .with(D::ListenStream(Ports(setup.https_port)))
        .with(D::BindIPv6Only(TwoStack::Both))
        .because("Clients that wait while the service is started or exchanged.", D::Backlog(Count(4096)))
        .with(D::NoDelay(Switch(true)))
        .with(D::KeepAlive(Switch(true)))
        .with(D::WantedBy(Names(vec!["sockets.target"])))
}
