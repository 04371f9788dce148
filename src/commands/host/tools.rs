//! `--with-agent-tools`: looks for the software that the SRE agent needs, and installs what packages bring.

use std::path::Path;
use std::process::{Command, Stdio};

use provision::host::tools::{self, Tool};

use super::machine::tell;
use crate::app::App;
use crate::failure::{Failure, codes};

/// Whether it is there in the version that is needed.
fn is_there(tool: Tool) -> bool {
    let [program, arguments @ ..] = tool.ask() else { return false };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && tool.is_right(&String::from_utf8_lossy(&output.stdout))
    })
}

/// Looks, installs, and says what is left to do by hand.
pub(super) fn install(app: &App, _is_approved: bool) -> Result<(), Box<Failure>> {
    let missing: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| !is_there(*tool)).collect();
    if missing.is_empty() {
        app.say("the agent's tools are all there");
        return Ok(());
    }
    let system = checks::host::collect::collect(Path::new("/")).system.unwrap_or_default();
    let plan = tools::plan(&system.id, &system.version, &missing);
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
    let mut left: Vec<Tool> = missing.into_iter().filter(|tool| !is_there(*tool)).collect();
    left.retain(|tool| plan.by_hand.contains(tool) || !is_there(*tool));
    tell(app, &tools::findings(&left));
    Ok(())
}
