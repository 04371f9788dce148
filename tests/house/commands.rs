//! Commands in the documentation: their verbs and flags are ones that the program has.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::documents::quoted;
use crate::tree::{files, read};

const PROGRAM: &str = "sre-agent-deploy";

/// Every command of the program in a page: lines of code blocks, and whole quotations in the text.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            commands.extend(words(line));
        } else {
            commands.extend(quoted(line).filter_map(words));
        }
    }
    commands
}

/// The arguments of a command, if it is one of the program.
fn words(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let line = match line.strip_prefix("cargo run") {
        // The proxy's own tests look at its commands.
        Some(rest) if rest.contains("-p proxy") => return None,
        Some(rest) => rest.split_once(" -- ")?.1,
        None => line.trim_start_matches("target/release/").strip_prefix(PROGRAM)?.strip_prefix(' ')?,
    };
    // What follows is the shell's.
    let ends = |word: &&str| ["|", ">", "&&", ";", "#", "2>"].iter().any(|mark| word.starts_with(mark));
    Some(line.split_whitespace().take_while(|word| !ends(word)).map(str::to_owned).collect())
}

/// What `--help` says of a verb, asked once.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<String>>);

impl Helps {
    fn of(&mut self, verbs: &[String]) -> Option<&str> {
        let ask = || {
            let output = Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
                .args(verbs)
                .arg("--help")
                .output()
                .expect("the program was built for this test");
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        self.0.entry(verbs.to_vec()).or_insert_with(ask).as_deref()
    }

    /// What the program does not know of a command.
    fn unknown(&mut self, command: &[String]) -> Option<String> {
        let verbs: Vec<String> = match command {
            [group, verb, ..] if ["config", "check", "gateway", "host"].contains(&group.as_str()) => {
                vec![group.clone(), verb.clone()]
            }
            [verb, ..] if !verb.starts_with('-') => vec![verb.clone()],
            _ => Vec::new(),
        };
        let Some(help) = self.of(&verbs) else { return Some(format!("verb `{}`", verbs.join(" "))) };
        let known: Vec<&str> = help
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.len() > 2)
            .collect();
        command
            .iter()
            .filter_map(|word| word.split('=').next())
            .find(|word| word.starts_with("--") && word.len() > 2 && !known.contains(word))
            .map(|flag| format!("flag `{flag}`"))
    }
}

#[test]
fn every_command_in_the_documentation_is_one_of_the_program() {
    let mut helps = Helps::default();
    let mut unknown = Vec::new();
    let mut seen = 0_usize;
    for path in files(&["md"]) {
        for command in commands(&read(&path)) {
            seen = seen.saturating_add(1);
            if let Some(what) = helps.unknown(&command) {
                unknown.push(format!("{}: `{}`: unknown {what}", path.display(), command.join(" ")));
            }
        }
    }
    assert!(seen > 50, "only {seen} commands were found");
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_configuration_of_the_readme_is_valid() {
    let readme = read(Path::new("README.md"));
    let sample = readme
        .split("```yaml\n")
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.starts_with("version:"))
        .expect("README.md shows a configuration");
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, sample).expect("a scratch file");
    let output = Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"))
        .args(["--validate-only", "--mode", "production", "--config"])
        .arg(&file)
        .output()
        .expect("the program was built for this test");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

#[test]
fn commands_are_found_and_judged() {
    let page = "Text `sre-agent-deploy status` and `--yes`.\n\n```sh\ntarget/release/sre-agent-deploy plan --config c | cat\n\
                cargo run --release -- rehearse --fast\naws sts get-caller-identity\n```\n\n    sre-agent-deploy --resume\n";
    let found: Vec<String> = commands(page).iter().map(|command| command.join(" ")).collect();
    assert_eq!(found, ["status", "plan --config c", "rehearse --fast", "--resume"]);
    let mut helps = Helps::default();
    let mut judge =
        |text: &str| helps.unknown(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(judge("--config c --mode production"), None);
    assert_eq!(judge("config init --output x"), None);
    assert!(judge("rehearse --no-such-flag").is_some());
    assert!(judge("no-such-verb").is_some());
}
