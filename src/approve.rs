//! Asks the operator, and takes nothing for a yes that is not one.

use model::DeploymentId;

use crate::app::App;
use crate::args::ApprovalArgs;
use crate::failure::{Failure, codes};
use crate::io::Io;
use crate::session::Session;

/// An input that is missing, with every way to give it.
pub(crate) struct Gap {
    /// What.
    pub(crate) what: String,
    /// The flag.
    pub(crate) flag: String,
    /// The environment variable, where there is one.
    pub(crate) variable: Option<String>,
    /// The path in the configuration file, where there is one.
    pub(crate) path: Option<String>,
}

/// All gaps at once.
pub(crate) fn refuse(gaps: &[Gap]) -> Box<Failure> {
    let lines: Vec<String> = gaps
        .iter()
        .map(|gap| {
            let mut ways = vec![gap.flag.clone()];
            ways.extend(gap.variable.iter().map(|variable| format!("{variable} in the environment")));
            ways.extend(gap.path.iter().map(|path| format!("`{path}` in the configuration file")));
            format!("{}: {}", gap.what, ways.join(", or "))
        })
        .collect();
    Failure::new(codes::GAPS, "input", "there is no terminal to ask on, and something is missing")
        .hint(lines.join("\n"))
}

/// The approval itself, where nobody can be asked.
pub(crate) fn missing_approval(app: &App, approval: &ApprovalArgs) -> Option<Gap> {
    (!app.can_ask() && !approval.yes).then(|| Gap {
        what: "approval".to_owned(),
        flag: "--yes".to_owned(),
        variable: None,
        path: None,
    })
}

/// The approval and the typed deployment id, where nobody can be asked.
pub(crate) fn missing_confirmation(app: &App, approval: &ApprovalArgs, deployment: &str) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = missing_approval(app, approval).into_iter().collect();
    if !app.can_ask() && approval.confirm_deployment_id.is_none() {
        gaps.push(Gap {
            what: "confirmation".to_owned(),
            flag: format!("--confirm-deployment-id {deployment}"),
            variable: None,
            path: None,
        });
    }
    gaps
}

/// Asks a question that is answered with yes or no; no is the default.
pub(crate) async fn agree(session: &Session<'_>, question: &str) -> Result<(), Box<Failure>> {
    let answer = ask(session, &format!("{question} [y/N] ")).await?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(codes::DECLINED, "approval", "not approved; nothing was changed"))
}

/// Has the deployment id typed, or takes it from `--confirm-deployment-id`.
pub(crate) async fn confirm(
    session: &Session<'_>,
    approval: &ApprovalArgs,
    deployment: &DeploymentId,
    what: &str,
) -> Result<(), Box<Failure>> {
    let given = match &approval.confirm_deployment_id {
        Some(given) => given.clone(),
        None if session.app.can_ask() => {
            let question = format!("{what}\nType the deployment id {deployment} to go on: ");
            ask(session, &question).await?
        }
        None => {
            return Err(refuse(&[Gap {
                what: format!("confirmation, because this is a removal ({what})"),
                flag: format!("--confirm-deployment-id {deployment}"),
                variable: None,
                path: None,
            }]));
        }
    };
    if given.trim() == deployment.as_str() {
        return Ok(());
    }
    let message = format!("the confirmation is not the deployment id {deployment}; nothing was changed");
    Err(Failure::new(codes::NOT_CONFIRMED, "approval", message))
}

/// One line of what is typed; an empty one where the input has ended.
pub(crate) fn read_line(io: &Io) -> tokio::sync::oneshot::Receiver<String> {
    let (send, receive) = tokio::sync::oneshot::channel();
    let input = io.input.clone();
    // A read from a terminal cannot be called off. Where the operator stops the run instead of answering, the thread
    // ends with the process, which is about to end.
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut input = input.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = input.read_line(&mut line);
        let _ = send.send(line);
    });
    receive
}

/// Waits for one line, or for the operator to stop everything.
pub(crate) async fn ask(session: &Session<'_>, question: &str) -> Result<String, Box<Failure>> {
    session.settle();
    session.app.io.err.write(question);
    tokio::select! {
        line = read_line(&session.app.io) => Ok(line.unwrap_or_default()),
        () = session.cancel.cancelled() => {
            session.app.io.err.write("\n");
            Err(Failure::new(codes::CANCELLED, "approval", "stopped by the operator; nothing was changed"))
        }
    }
}
