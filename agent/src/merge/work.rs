//! The merge itself, a file at a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::Secret;
use model::document::is_secret;

use super::fields::{self, Field, Manner, RENAMED};
use super::{Change, Choice, Conflict, Link, Merged, Note, Present, Shown, Write, backup_name};
use crate::Wanted;
use crate::formats::{AgentConfig, EnvFile, GatewayConfig, Unwritable, line, read_line};
use crate::layout::{AGENT_ENV_FROM_DEPLOYMENT, File};

/// A file that is worked on.
enum Document {
    Config(GatewayConfig),
    Env(EnvFile),
    Agent(AgentConfig),
    Line(String),
}

/// What there is to know of a value in a file.
struct There {
    /// As the sample's own reader gets it.
    read: String,
    /// As a person meant it.
    meant: String,
    /// Whether every reader gets it the same way.
    is_plain: bool,
}

impl Document {
    fn of(file: File, text: &str) -> Self {
        match file {
            File::GatewayConfig => Self::Config(GatewayConfig::parse(text)),
            File::AgentConfig => Self::Agent(AgentConfig::parse(text)),
            File::Provider | File::GatewayUri | File::AccessToken | File::MemoryId | File::AgentArn => {
                Self::Line(read_line(text).to_owned())
            }
            _ => Self::Env(EnvFile::parse(text)),
        }
    }

    fn get(&self, key: &str) -> Result<Option<There>, &'static str> {
        let same = |value: String| There { read: value.clone(), meant: value, is_plain: true };
        Ok(match self {
            Self::Config(config) => config.get(key).zip(config.meant(key)).map(|(read, meant)| There {
                is_plain: read == meant,
                read,
                meant,
            }),
            Self::Env(env) => match env.get(key) {
                None => None,
                Some(Ok(read)) => Some(There {
                    is_plain: env.as_docker(key) == Some(read.as_str()) && env.times(key) == 1,
                    meant: read.trim_end_matches('\r').to_owned(),
                    read,
                }),
                Some(Err(_)) => {
                    let raw = env.as_docker(key).unwrap_or_default().to_owned();
                    Some(There { read: raw.clone(), meant: raw, is_plain: false })
                }
            },
            Self::Agent(config) => config.uri()?.map(same),
            Self::Line(line) => Some(same(line.clone())),
        })
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Unwritable> {
        match self {
            Self::Config(config) => config.set(key, value),
            Self::Env(env) => env.set(key, value),
            Self::Agent(config) => {
                config.set_uri(value).map_err(|why| Unwritable { key: "gateway.uri".to_owned(), why })
            }
            Self::Line(text) => {
                *text = line(key, value)?;
                Ok(())
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Config(config) => config.text(),
            Self::Env(env) => env.text(),
            Self::Agent(config) => config.text(),
            Self::Line(line) => line.clone(),
        }
    }

    fn is_windows(&self) -> bool {
        match self {
            Self::Config(config) => config.is_windows(),
            Self::Env(env) => env.is_windows(),
            Self::Agent(_) | Self::Line(_) => false,
        }
    }
}

/// A merge under way.
pub(super) struct Work<'a> {
    there: &'a Present,
    choose: &'a mut dyn FnMut(&Conflict) -> Option<Choice>,
    now: Timestamp,
    documents: BTreeMap<File, Document>,
    merged: Merged,
    faults: Vec<Unwritable>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        there: &'a Present,
        choose: &'a mut dyn FnMut(&Conflict) -> Option<Choice>,
        now: Timestamp,
    ) -> Self {
        Self { there, choose, now, documents: BTreeMap::new(), merged: Merged::default(), faults: Vec::new() }
    }

    pub(super) fn run(mut self, wanted: &Wanted) -> Result<Merged, Vec<Unwritable>> {
        self.migrate();
        for field in fields::fields(wanted) {
            self.field(&field);
        }
        let wholes = fields::wholes(wanted)
            .into_iter()
            .map(|(file, text)| (file, text, "written anew from the domain"));
        self.finish(wholes.collect())
    }

    /// Only what a machine renews: no link is mended, since what a copy of the environment holds would have to be taken
    /// over.
    pub(super) fn renewed(
        mut self,
        fields: impl IntoIterator<Item = Field>,
    ) -> Result<Merged, Vec<Unwritable>> {
        for field in fields {
            self.field(&field);
        }
        self.write_documents()?;
        for write in &mut self.merged.writes {
            // A timer comes here, only the secret's line changes, and the secret of before is no use.
            write.backup = None;
        }
        Ok(self.merged)
    }

    fn note(&mut self, file: File, text: impl Into<String>) {
        self.merged.notes.push(Note { file, text: text.into() });
    }

    fn document(&mut self, file: File) -> &mut Document {
        let text = self.there.text(file).unwrap_or_default();
        self.documents.entry(file).or_insert_with(|| Document::of(file, text))
    }

    fn env(&mut self, file: File) -> Option<&mut EnvFile> {
        match self.document(file) {
            Document::Env(env) => Some(env),
            _ => None,
        }
    }

    /// Brings what older versions of the sample left to where the newest looks for it.
    fn migrate(&mut self) {
        for (file, old, new) in RENAMED {
            let Some(env) = self.env(file) else { continue };
            let Some(value) = env.clear(old) else { continue };
            if env.clear(new).is_none() && env.set(new, &value).is_ok() {
                env.comment_out(old);
                self.note(file, format!("{old} is called {new} now"));
            }
        }
        for old in [File::RootEnv, File::DeploymentEnv] {
            self.take_over(old);
        }
        let Some(env) = self.env(File::AgentEnv) else { return };
        if env.get("ANTHROPIC_API_KEY").is_some_and(|value| value.as_deref() == Ok("")) {
            env.comment_out("ANTHROPIC_API_KEY");
            self.note(
                File::AgentEnv,
                "an empty ANTHROPIC_API_KEY hid the one of the environment; it is a comment now",
            );
        }
    }

    /// Takes the variables of a file that the agent no longer reads into the one that it reads.
    fn take_over(&mut self, old: File) {
        if old == File::DeploymentEnv && self.there.deployment_env != Link::File {
            return;
        }
        let Some(text) = self.there.text(old) else { return };
        let from = EnvFile::parse(text);
        for name in from.names() {
            // A token of then is no use now, and what is empty says nothing.
            let Some(value) = from.as_docker(&name).filter(|raw| !raw.is_empty()).map(str::to_owned) else {
                continue;
            };
            if name == "GATEWAY_ACCESS_TOKEN"
                || from.clear(&name).as_deref().is_some_and(crate::placeholder::is_placeholder)
            {
                continue;
            }
            let Some(env) = self.env(File::AgentEnv) else { return };
            let Some(there) = env.as_docker(&name).filter(|raw| !raw.is_empty()).map(str::to_owned) else {
                env.comment_out(&name);
                env.take_over(&name, &from);
                self.note(File::AgentEnv, format!("{name} was taken over from {old}"));
                continue;
            };
            let is_same = env.get(&name).is_some_and(|value| Some(value) == from.get(&name));
            let is_taken = there != value
                && !is_same
                && self.is_replaced(File::AgentEnv, &name, &there, &value, is_secret(&name));
            if is_taken && let Some(env) = self.env(File::AgentEnv) {
                env.comment_out(&name);
                env.take_over(&name, &from);
            }
        }
    }

    /// Asks about a value that somebody chose.
    fn is_replaced(&mut self, file: File, key: &str, there: &str, wanted: &str, is_secret: bool) -> bool {
        let mut conflict = Conflict {
            file,
            key: key.to_owned(),
            there: Shown::of(there, is_secret),
            wanted: Shown::of(wanted, is_secret),
            choice: None,
        };
        conflict.choice = (self.choose)(&conflict);
        let is_replaced = conflict.choice == Some(Choice::Replace);
        self.merged.conflicts.push(conflict);
        is_replaced
    }

    fn field(&mut self, field: &Field) {
        let Field { file, key, value, is_secret, manner } = field;
        let (file, wanted) = (*file, value.expose().as_str());
        let there = match self.document(file).get(key) {
            Ok(there) => there,
            Err(why) => return self.faults.push(Unwritable { key: (*key).to_owned(), why }),
        };
        let meant = there.as_ref().map(|there| there.meant.as_str()).filter(|meant| !meant.is_empty());
        let is_set = match (meant, manner) {
            (None, Manner::IfThere) => there.is_some(),
            (None, _) | (Some(_), Manner::Renew) => true,
            (Some(meant), _) if meant == wanted => {
                let is_unread = there.as_ref().is_some_and(|there| there.read != wanted || !there.is_plain);
                if is_unread {
                    self.note(file, format!("{key} is written so that every reader gets the same"));
                }
                is_unread
            }
            (Some(meant), _) => match field.nobodys(meant) {
                Some(why) => {
                    let why = format!("{key} was {why}");
                    self.note(file, why);
                    true
                }
                None if *manner == Manner::Default => false,
                None => {
                    let meant = meant.to_owned();
                    self.is_replaced(file, key, &meant, wanted, *is_secret)
                }
            },
        };
        if is_set && let Err(fault) = self.document(file).set(key, wanted) {
            self.faults.push(fault);
        }
    }

    fn finish(mut self, wholes: Vec<(File, String, &str)>) -> Result<Merged, Vec<Unwritable>> {
        self.write_documents()?;
        for (file, text, why) in wholes {
            if self.there.text(file).is_some_and(|there| there != text) {
                self.note(file, why);
            }
            self.write(file, text);
        }
        self.link();
        self.merged.writes.sort_by_key(|write| write.file);
        Ok(self.merged)
    }

    /// The writes of the files that were worked on.
    fn write_documents(&mut self) -> Result<(), Vec<Unwritable>> {
        if !self.faults.is_empty() {
            return Err(std::mem::take(&mut self.faults));
        }
        for (file, document) in std::mem::take(&mut self.documents) {
            if document.is_windows() {
                self.note(file, "lines end as the scripts expect it now, without carriage returns");
            }
            self.write(file, document.text());
        }
        Ok(())
    }

    fn write(&mut self, file: File, text: String) {
        let there = self.there.text(file);
        // A missing newline at the end is no reason to touch a file; every reader does without.
        let is_same = match there {
            Some(there) => !there.contains("\r\n") && there.lines().eq(text.lines()),
            None => text.is_empty(),
        };
        if is_same {
            return;
        }
        // A token that ends within the hour is nothing to keep.
        let is_kept = there.is_some() && file != File::AccessToken;
        let backup = is_kept.then(|| backup_name(file.path(), self.now));
        self.merged.writes.push(Write { file, change: Change::Text(Secret::new(text)), backup });
    }

    /// Makes `deployment/.env` the link that the scripts expect.
    fn link(&mut self) {
        let there = self.there;
        let backup = match &there.deployment_env {
            Link::NoFolder => return,
            Link::To(target) if target == AGENT_ENV_FROM_DEPLOYMENT => return,
            Link::Missing => None,
            Link::To(target) => {
                let is_replaced =
                    self.is_replaced(File::DeploymentEnv, "link", target, AGENT_ENV_FROM_DEPLOYMENT, false);
                if !is_replaced {
                    return;
                }
                None
            }
            Link::File => {
                self.note(File::DeploymentEnv, "is a link to sre_agent/.env now, as the scripts expect it");
                Some(backup_name(File::DeploymentEnv.path(), self.now))
            }
        };
        let change = Change::LinkTo(AGENT_ENV_FROM_DEPLOYMENT);
        self.merged.writes.push(Write { file: File::DeploymentEnv, change, backup });
    }
}
