//! `gateway files`: writes the SRE agent's files from a finished deployment.

use std::path::Path;

use agent::formats::Unwritable;
use agent::layout::File;
use agent::merge::{self, Change, Choice, Conflict, Merged, Present};
use model::{Finding, Severity};
use serde_json::{Value, json};

use super::deployed::Deployed;
use super::disk::{self, Written};
use super::{collect, configured, sample_at};
use crate::app::{App, Ended};
use crate::approve;
use crate::args::{GatewayFilesArgs, OnConflict};
use crate::commands::check;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::next;
use crate::session::Session;

/// Version of the JSON form. A member may be added without raising it.
const SCHEMA_VERSION: u32 = 1;

/// `gateway files`
pub(super) fn command(app: &App, args: &GatewayFilesArgs) -> Ended {
    let dir = sample_at(&args.dir)?;
    let target = check::target(app, &args.config, &args.state)?;
    let (state, config) = configured(app, &target)?;
    let next = next_command(app, args, &target.state_file);
    let deployed = Deployed::of(&state, config)?;
    check::wait(app, &args.state, async |session| {
        session.say("asking the account for the secrets");
        let place = check::Place {
            config: Some(config),
            region: args.config.region.as_ref(),
            profile: args.config.profile.as_deref(),
        };
        let cloud = check::reach(session, &target, &place).await?;
        let wanted = deployed.wanted(session, &cloud).await?;
        let there = read(&dir)?;
        let now = session.now();
        let merge = |choose: &mut dyn FnMut(&Conflict) -> Option<Choice>| {
            merge::merge(&there, &wanted, choose, now).map_err(|faults| unwritable(&faults))
        };
        let fixed = match args.on_conflict {
            OnConflict::Keep => Some(Choice::Keep),
            OnConflict::Replace => Some(Choice::Replace),
            OnConflict::Ask => None,
        };
        let mut merged = merge(&mut |_| fixed)?;
        let mut decided: Vec<(Conflict, Choice)> = Vec::new();
        // A decision may raise another question: two files may want different values in the place of one.
        while !args.dry_run && merged.undecided().next().is_some() {
            let open: Vec<Conflict> = merged.undecided().cloned().collect();
            let choices = ask(session, &open).await?;
            decided.extend(open.into_iter().zip(choices));
            merged = merge(&mut |conflict| {
                decided.iter().find(|(known, _)| known == conflict).map(|(_, choice)| *choice)
            })?;
        }
        let written = if args.dry_run { planned(&merged) } else { write(&dir, &merged)? };
        // What is written is its owner's alone; what had everything already may not be.
        let mut closed = disk::open_to_others(&dir);
        closed.retain(|file| written.iter().all(|one| one.file != *file));
        if !args.dry_run {
            close(&dir, &closed)?;
        }
        let done = Done { dir: &dir, merged: &merged, written, closed };
        session.result(&text(args, &done, &next));
        session.result_json(&document(args, &done));
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// What was done, or would be.
struct Done<'a> {
    dir: &'a Path,
    merged: &'a Merged,
    written: Vec<Written>,
    /// Secrets that others could read.
    closed: Vec<File>,
}

/// What is there. What cannot be read would be lost.
pub(super) fn read(dir: &Path) -> Result<Present, Box<Failure>> {
    collect::present(dir).map_err(|(file, error)| Failure::of_file("read", &dir.join(file.path()), &error))
}

/// Values that the sample's files cannot carry.
pub(super) fn unwritable(faults: &[Unwritable]) -> Box<Failure> {
    let findings = faults.iter().map(|fault| {
        Finding::new(codes::UNWRITABLE, Severity::Error, &fault.key, fault.to_string())
            .hint("nothing was written; choose a value that every reader of the SRE agent's files takes")
    });
    Failure::of_findings(findings.collect())
}

/// Carries out what was merged.
pub(super) fn write(dir: &Path, merged: &Merged) -> Result<Vec<Written>, Box<Failure>> {
    disk::write(dir, &merged.writes, &mut || Ok(())).map_err(|(path, error)| {
        Failure::of_file("write", &path, &error)
            .hint("nothing is lost; the same command goes on once the cause is gone")
    })
}

fn close(dir: &Path, files: &[File]) -> Result<(), Box<Failure>> {
    disk::close(dir, files).map_err(|(path, error)| {
        Failure::of_file("take away others' rights to", &path, &error)
            .hint("run this as the owner of the directory")
    })
}

fn planned(merged: &Merged) -> Vec<Written> {
    let written =
        |write: &merge::Write| Written { file: write.file, backup: write.backup.clone().map(Into::into) };
    merged.writes.iter().map(written).collect()
}

/// Asks about each conflict, or names all of them where nobody can answer.
async fn ask(session: &Session<'_>, conflicts: &[Conflict]) -> Result<Vec<Choice>, Box<Failure>> {
    if !session.app.can_ask() {
        let findings = conflicts.iter().map(|conflict| {
            Finding::new(codes::CONFLICT, Severity::Error, conflict.file.path(), conflict.to_string())
                .hint("nothing was written; decide with --on-conflict keep or --on-conflict replace")
        });
        return Err(Failure::of_findings(findings.collect()));
    }
    let mut choices = Vec::new();
    for conflict in conflicts {
        loop {
            let answer = approve::ask(session, &format!("{conflict}\nkeep it or replace it? [k/r] ")).await?;
            match answer.trim().to_ascii_lowercase().as_str() {
                "k" | "keep" => choices.push(Choice::Keep),
                "r" | "replace" => choices.push(Choice::Replace),
                // The input has ended, and nobody said anything.
                "" if answer.is_empty() => {
                    return Err(Failure::new(
                        codes::DECLINED,
                        "conflict",
                        "not decided; nothing was written",
                    ));
                }
                _ => continue,
            }
            break;
        }
    }
    Ok(choices)
}

/// The command that comes next.
fn next_command(app: &App, args: &GatewayFilesArgs, state_file: &Path) -> String {
    let mut command = format!(
        "{} gateway token --dir {} --state-file {}",
        app.program,
        next::path(&args.dir),
        next::path(state_file)
    );
    if let Some(config) = &args.config.config {
        command.extend([" --config ", &next::path(config)]);
    }
    if let Some(profile) = &args.config.profile {
        command.extend([" --profile ", &next::quoted(profile)]);
    }
    command
}

fn text(args: &GatewayFilesArgs, done: &Done<'_>, next: &str) -> String {
    let Done { dir, merged, written, closed } = done;
    let mut lines = Vec::new();
    for conflict in &merged.conflicts {
        let choice = match conflict.choice {
            Some(Choice::Keep) => "kept",
            Some(Choice::Replace) => "replaced",
            None => "to be decided with --on-conflict",
        };
        lines.push(format!("{choice}: {conflict}"));
    }
    lines.extend(merged.notes.iter().map(|note| format!("note: {note}")));
    let verb = if args.dry_run { "would write" } else { "wrote" };
    for one in written {
        let backup = one.backup.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let backup = backup.map(|name| format!(" (what was there is in {name})")).unwrap_or_default();
        lines.push(format!("{verb} {}{backup}", one.file));
    }
    let verb = if args.dry_run { "would take" } else { "took" };
    lines.extend(closed.iter().map(|file| format!("{verb} from others the right to read {file}")));
    if written.is_empty() {
        lines.push(format!("{} has everything already", dir.display()));
    }
    if !args.dry_run {
        lines.push(format!("next: {next} fetches a token"));
    }
    lines.join("\n")
}

fn document(args: &GatewayFilesArgs, done: &Done<'_>) -> Value {
    let Done { dir, merged, written, closed } = done;
    let conflicts: Vec<Value> = merged
        .conflicts
        .iter()
        .map(|conflict| {
            json!({
                "file": conflict.file.path(),
                "key": conflict.key,
                "there": conflict.there.to_string(),
                "wanted": conflict.wanted.to_string(),
                "choice": conflict.choice.map(|choice| match choice {
                    Choice::Keep => "keep",
                    Choice::Replace => "replace",
                }),
            })
        })
        .collect();
    let link_of = |file: File| {
        merged.writes.iter().find_map(|write| match (&write.change, write.file == file) {
            (Change::LinkTo(target), true) => Some(*target),
            _ => None,
        })
    };
    let files: Vec<Value> = written
        .iter()
        .map(|one| json!({"file": one.file.path(), "backup": one.backup, "link_to": link_of(one.file)}))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "directory": dir,
        "dry_run": args.dry_run,
        "files": files,
        "closed": closed.iter().map(|file| file.path()).collect::<Vec<_>>(),
        "conflicts": conflicts,
        "notes": merged.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use model::Secret;

    use super::super::deployed::tests::wanted;
    use super::*;

    /// A directory in which every secret differs, and is one that somebody put there.
    fn conflicting() -> Present {
        let texts = [
            (
                File::GatewayEnv,
                "COGNITO_CLIENT_SECRET=0ldsecret\nBACKEND_API_KEY=\"0ldkey\"\nCOGNITO_CLIENT_ID=mine\n",
            ),
            (File::RootEnv, "ANTHROPIC_API_KEY=sk-1\nGATEWAY_ACCESS_TOKEN=0ldtoken\n"),
            (File::AgentEnv, "ANTHROPIC_API_KEY=sk-2\n"),
        ];
        let texts = texts.map(|(file, text)| (file, Secret::new(text.to_owned()))).into_iter().collect();
        Present { texts, ..Present::default() }
    }

    #[test]
    fn no_secret_reaches_the_output() {
        let mut wanted = wanted();
        wanted.token = Some(Secret::new("n3wtoken".to_owned()));
        let now = "2026-11-22T02:30:00Z".parse().unwrap();
        let args = GatewayFilesArgs::default();
        for choice in [None, Some(Choice::Keep), Some(Choice::Replace)] {
            let merged = merge::merge(&conflicting(), &wanted, &mut |_| choice, now).unwrap();
            assert!(merged.conflicts.len() >= 4, "{:?}", merged.conflicts);
            let mut all = format!("{merged:?}");
            let dir = Path::new("/dir");
            let done = Done { dir, merged: &merged, written: planned(&merged), closed: Vec::new() };
            all += &text(&args, &done, "next");
            all += &document(&args, &done).to_string();
            let (secrets, plain) = (
                [
                    "0ldsecret",
                    "0ldkey",
                    "0ldtoken",
                    "sk-1",
                    "sk-2",
                    "s3cretofclient",
                    "k3yofbackends",
                    "n3wtoken",
                ],
                ["BACKEND_API_KEY", "`mine`", "a secret of 9 characters"],
            );
            for secret in secrets {
                assert!(!all.contains(secret), "{secret} is in {all}");
            }
            for plain in plain {
                assert!(all.contains(plain), "{plain} is not in {all}");
            }
        }
    }
}
