//! What `systemctl show` prints, read.

use std::path::PathBuf;

use super::UnitFacts;

/// The properties that are asked for.
pub(super) const PROPERTIES: &str =
    "--property=LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NextElapseUSecRealtime";

/// The facts, and the main process, which is 0 for none.
pub(super) fn read(text: &str) -> (UnitFacts, u32) {
    let mut facts = UnitFacts::default();
    let mut process = 0;
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match name {
            "LoadState" => value.clone_into(&mut facts.load),
            "ActiveState" => value.clone_into(&mut facts.active),
            "SubState" => value.clone_into(&mut facts.sub),
            "UnitFileState" => value.clone_into(&mut facts.file_state),
            "Result" => value.clone_into(&mut facts.result),
            "MainPID" => process = value.parse().unwrap_or_default(),
            "NextElapseUSecRealtime" if !value.is_empty() => facts.next = Some(value.to_owned()),
            _ => {}
        }
    }
    (facts, process)
}

/// The same of several units, between which there is an empty line.
pub(super) fn read_all(text: &str) -> Vec<(UnitFacts, u32)> {
    text.split("\n\n").filter(|block| !block.trim().is_empty()).map(read).collect()
}

/// A program's file as `/proc/PID/exe` shows it. The file of a program that was replaced is marked by the kernel.
pub(super) fn program(link: PathBuf) -> PathBuf {
    match link.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(text) => PathBuf::from(text),
        None => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_shows_is_read() {
        let text = "MainPID=42\nResult=success\nLoadState=loaded\nActiveState=active\nSubState=running\n\
                    UnitFileState=enabled\nNextElapseUSecRealtime=\n";
        let (facts, process) = read(text);
        assert_eq!((facts.is_active(), facts.is_enabled(), facts.next, process), (true, true, None, 42));
        let (timer, _) = read("NextElapseUSecRealtime=Sat 2026-11-21 20:00:00 UTC\nMainPID=[not set]\n");
        assert_eq!(timer.next.as_deref(), Some("Sat 2026-11-21 20:00:00 UTC"));
        assert_eq!(program(PathBuf::from("/opt/x (deleted)")), PathBuf::from("/opt/x"));
    }

    #[test]
    fn several_units_are_told_apart() {
        let text = "MainPID=42\nActiveState=active\n\nLoadState=not-found\nActiveState=inactive\n\nActiveState=failed\n";
        let found = read_all(text);
        let states: Vec<&str> = found.iter().map(|(facts, _)| facts.active.as_str()).collect();
        assert_eq!(states, ["active", "inactive", "failed"]);
        assert_eq!(found.iter().map(|(_, process)| *process).collect::<Vec<_>>(), [42, 0, 0]);
        assert!(read_all("").is_empty());
    }
}
