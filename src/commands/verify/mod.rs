//! `verify`: everything that concerns a deployment, and the report.
//!
//! Each kind of check has its own command; here they are put together. One that cannot even begin is told as not
//! known, and the others go on.

mod report;

use checks::report::Selection;
use checks::{CheckReport, CheckResult, Subject, SubjectKind};
use model::config::HostInstall;
use model::report::VerificationReport;
use model::{Finding, Severity};
use provision::clock::Clock as _;
use provision::journal::State;

use super::check::{self, Target};
use crate::app::{App, Ended};
use crate::args::{
    AccountArgs, CertsArgs, EndpointArgs, FailOn, GatewayArgs, HostArgs, NetworkArgs, VerifyArgs,
};
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::{next, report_file, storage};

/// `verify`
pub(crate) fn command(app: &App, args: &VerifyArgs) -> Ended {
    let Verified { report, results } = verify(app, args, None)?;
    if report.is_none() {
        app.say("note: there is no state file, so no report is written");
    }
    check::finish(app, &args.usual.judge, None, results)
}

/// What was found out about a deployment.
pub(crate) struct Verified {
    /// The report, which was written; none without a state file to write it beside.
    pub(crate) report: Option<VerificationReport>,
    /// What was found, to be shown.
    pub(crate) results: Vec<CheckResult>,
}

impl Verified {
    /// The exit that the results stand for.
    pub(crate) fn exit(&self) -> Exit {
        let report = CheckReport::new(SystemClock.now(), None, self.results.clone(), &Selection::default());
        check::exit(report.overall, FailOn::Fail)
    }
}

/// Checks everything and writes the report, without showing anything. The report of a deploy that this comes right
/// after becomes a part of it.
pub(crate) fn verify(
    app: &App,
    args: &VerifyArgs,
    deploy: Option<VerificationReport>,
) -> Result<Verified, Box<Failure>> {
    let (target, results) = gather(app, args)?;
    let Some(state) = &target.state else { return Ok(Verified { report: None, results }) };
    let selection = check::selection(&args.usual.judge)?;
    let checked = CheckReport::new(SystemClock.now(), None, results.clone(), &selection);
    let mut report = report::verification(state, &checked, &selection);
    report.deploy = deploy.map(Box::new);
    let page = check::page(app, &args.usual.judge, &checked);
    if let Err((path, error)) = report_file::write(&target.state_file, &report)
        .and_then(|()| report_file::write_page(&target.state_file, &page))
    {
        return Err(Failure::of_file("write the report", &path, &error));
    }
    Ok(Verified { report: Some(report), results })
}

/// `check all`
pub(crate) fn all(app: &App, args: &VerifyArgs) -> Ended {
    let (_, results) = gather(app, args)?;
    check::finish(app, &args.usual.judge, None, results)
}

/// Everything there is to say of a deployment.
fn gather(app: &App, args: &VerifyArgs) -> Result<(Target, Vec<CheckResult>), Box<Failure>> {
    let target = check::target(app, &args.usual.config, &args.usual.state)?;
    if target.config.is_none() && target.state.is_none() {
        storage::peek_existing(app, &target.state_file)?;
    }
    // What is wrong with a flag is said before anything is asked.
    check::selection(&args.usual.judge)?;
    let manner = check::manner(target.ca_file(args.ca_file.as_deref()))?;
    let mut results = Vec::new();
    let mut of_deployment: Vec<Finding> =
        target.state.iter().map(|state| standing(app, &target, state)).collect();

    let certs =
        CertsArgs { ca_file: args.ca_file.clone(), usual: args.usual.clone(), ..CertsArgs::default() };
    let endpoint = EndpointArgs {
        token_file: args.token_file.clone(),
        ca_file: args.ca_file.clone(),
        usual: args.usual.clone(),
        ..EndpointArgs::default()
    };
    check::named_token(app, endpoint.token_file.as_deref())?;
    // A name that nobody serves yet need not resolve; that it was not asked is said once, for the deployment.
    let not_there = check::not_there(app, &endpoint, &target);
    let unserved = not_there.is_some().then(|| target.without_endpoint());
    let reached = unserved.as_ref().unwrap_or(&target);
    results.extend(if_any("certificates", codes::NOTHING_TO_CHECK, check::certs(app, &certs, reached))?);
    let network =
        NetworkArgs { ca_file: args.ca_file.clone(), usual: args.usual.clone(), ..NetworkArgs::default() };
    results.extend(if_any("network", codes::NOTHING_TO_CHECK, check::network(app, &network, reached))?);
    let account =
        AccountArgs { converse: args.converse, ca_file: args.ca_file.clone(), usual: args.usual.clone() };
    results.extend(check::or_unknown("account", check::account(app, &account, &target))?);

    let token = match check::cognito(app, &args.usual.config, &args.usual.state, &target, &manner) {
        Ok(known) => {
            match &known {
                check::Known::Asked(run) => results.push(run.result.clone()),
                check::Known::Nothing(finding) => of_deployment.push(finding.clone()),
            }
            check::token(known)
        }
        Err(failure) => {
            results.extend(check::or_unknown("cognito", Err(failure))?);
            check::no_token()
        }
    };
    match not_there {
        Some(finding) => of_deployment.push(finding),
        None => {
            results.extend(check::or_unknown(
                "endpoint",
                check::endpoint_as(app, &endpoint, &target, Some(token.clone())),
            )?);
        }
    }
    // What the operator names is for the proxy, which takes keys as well; the gateway takes tokens of the pool alone.
    let gateway =
        GatewayArgs { ca_file: args.ca_file.clone(), usual: args.usual.clone(), ..GatewayArgs::default() };
    results.extend(check::or_unknown("gateway", check::gateway_as(app, &gateway, &target, token))?);
    if is_this_the_host(&target) {
        let host = HostArgs { usual: args.usual.clone() };
        results.extend(check::or_unknown("host", check::host(app, &host, &target))?);
    }
    if let Some(first) = of_deployment.first() {
        let subject = Subject::new(SubjectKind::Deployment, first.subject.clone());
        results.insert(0, CheckResult::new(subject, Vec::new(), of_deployment));
    }
    Ok((target, results))
}

/// Results, or none where the deployment has nothing of this kind.
fn if_any(subject: &str, nothing: &str, results: check::Results) -> check::Results {
    match results {
        Err(failure) if failure.findings.iter().all(|finding| finding.code == nothing) => Ok(Vec::new()),
        results => check::or_unknown(subject, results),
    }
}

/// Whether the host that is to be checked is this machine.
fn is_this_the_host(target: &Target) -> bool {
    // What would be done on a host is practised on none.
    !target.is_rehearsal()
        && target.config.as_ref().is_some_and(|config| config.host.install == HostInstall::Here)
}

/// How the deployment stands by its journal.
fn standing(app: &App, target: &Target, state: &State) -> Finding {
    let id = state.header.deployment_id.as_str();
    let finding = |severity, message: &str| Finding::new(codes::DEPLOYED, severity, id, message);
    let is_rehearsal = state.header.mode == model::config::Mode::Rehearsal;
    if state.cleaned_up {
        return finding(Severity::Error, "the deployment was removed");
    }
    if state.is_finished() {
        return finding(Severity::Ok, "the last run ended with everything made, by the state file");
    }
    let how = next::resume(app, &target.state_file, is_rehearsal, None);
    finding(Severity::Error, "the deployment is not finished").hint(how.command())
}
