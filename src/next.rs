//! The exact commands that are printed: how to go on from here.

use std::path::Path;

use model::{DeploymentId, Region};

use crate::app::App;
use crate::failure::Next;
use crate::storage;

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A path as a shell takes it. One that begins with a hyphen would be taken for a flag.
pub(crate) fn path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') { quoted(&format!("./{text}")) } else { quoted(&text) }
}

/// Goes on with what the state file says did not end.
pub(crate) fn resume(app: &App, state_file: &Path, rehearsal: bool, profile: Option<&str>) -> Next {
    let program = &app.program;
    if rehearsal {
        return Next::Resume(format!("{} --resume{}", rehearse(app), of_rehearsal(state_file)));
    }
    let profile = profile.map(|name| format!(" --profile {}", quoted(name))).unwrap_or_default();
    Next::Resume(format!("{program} --resume --state-file {}{profile}", path(state_file)))
}

/// The same command with the folder of programs that was named.
pub(crate) fn with_programs(next: Next, folder: Option<&Path>) -> Next {
    let Some(folder) = folder else { return next };
    let with = |command: String| format!("{command} --programs {}", path(folder));
    match next {
        Next::Resume(command) => Next::Resume(with(command)),
        Next::Command(command) => Next::Command(with(command)),
    }
}

/// Rehearses.
pub(crate) fn rehearse(app: &App) -> String {
    format!("{} rehearse", app.program)
}

/// Says where a rehearsal is, where that is not the usual place.
pub(crate) fn of_rehearsal(state_file: &Path) -> String {
    if state_file == Path::new(storage::REHEARSAL_STATE_FILE) {
        String::new()
    } else {
        format!(" --state-file {}", path(state_file))
    }
}

/// Removes what is found without a state file.
pub(crate) fn cleanup_by_tags(
    app: &App,
    deployment: &DeploymentId,
    region: &Region,
    profile: Option<&str>,
    rehearsal: bool,
) -> Next {
    let mode = if rehearsal { " --mode rehearsal" } else { "" };
    let profile = profile.map(|name| format!(" --profile {}", quoted(name))).unwrap_or_default();
    Next::Command(format!(
        "{} --cleanup --deployment-id {deployment} --region {region}{mode}{profile}",
        app.program
    ))
}

/// Removes what the state file knows.
pub(crate) fn cleanup(app: &App, deployment_id: &str, state_file: &Path, rehearsal: bool) -> String {
    if rehearsal {
        return format!("{} --cleanup{}", rehearse(app), of_rehearsal(state_file));
    }
    format!("{} --cleanup --deployment-id {deployment_id} --state-file {}", app.program, path(state_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("/opt/a-b_c.yaml"), "/opt/a-b_c.yaml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(path(Path::new("-x")), "./-x");
    }
}
