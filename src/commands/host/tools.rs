//! `--with-agent-tools`: looks for the software that the SRE agent needs, and installs what packages bring.

use std::path::Path;
use std::process::{Command, Stdio};

use provision::host::tools::{self, Tool};

use super::carry_out::approve;
use super::machine::tell;
use crate::app::App;
use crate::args::StateArgs;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::session;

/// Whether it is there in the version that is needed.
fn is_there(tool: Tool) -> bool {
    let [program, arguments @ ..] = tool.ask() else { return false };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && tool.is_right(&String::from_utf8_lossy(&output.stdout))
    })
}

/// Looks, installs, and says what is left to do by hand.
pub(super) fn install(app: &App, is_approved: bool) -> Result<(), Box<Failure>> {
    let missing: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| !is_there(*tool)).collect();
    if missing.is_empty() {
        app.say("the agent's tools are all there");
        return Ok(());
    }
    let system = checks::host::collect::collect(Path::new("/")).system.unwrap_or_default();
    let plan = tools::plan(&system.id, &system.version, &missing);
    if !plan.commands.is_empty() && !is_approved {
        session::run(app, &StateArgs::default(), async |session| {
            for words in &plan.commands {
                session.say(&format!("this is going to be run: {}", words.join(" ")));
            }
            approve(session, false, "Install them?").await?;
            Ok(Exit::Done)
        })?;
    }
    for words in &plan.commands {
        let line = words.join(" ");
        app.say(&format!("running: {line}"));
        let failed = |cause: &str| {
            Failure::new(codes::AGENT_TOOLS, "agent tools", format!("`{line}` failed"))
                .evidence(cause.trim())
                .hint("the proxy is installed; mend the cause, and run the same command again")
        };
        let Some((program, arguments)) = words.split_first() else { continue };
        let output = Command::new(program)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(&error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<&str> = said.lines().collect();
            let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
            return Err(failed(&last));
        }
    }
    let left: Vec<Tool> = missing.into_iter().filter(|tool| !is_there(*tool)).collect();
    tell(app, &tools::findings(&left));
    Ok(())
}
