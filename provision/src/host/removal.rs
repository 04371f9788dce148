//! Takes an installation away.

use model::Finding;
use systemd::host::{Failed, HostError, Verb};
use systemd::units::PROXY_SOCKET;

use super::HostJournal;
use super::engine::Engine;
use super::error::HostRunError;
use super::product::Product;
use super::record::{HostRecord, HostTopic};
use super::state::Held;
use super::thing::Thing;

/// What the instances of the unit that tells of failures are called.
const TELLERS: &str = "sre-agent-failed@*.service";

/// How a removal ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Names of the things that are gone.
    pub removed: Vec<String>,
    /// Names of the things that were left because they are data.
    pub kept: Vec<String>,
    /// What could not be removed, or was left for a reason.
    pub findings: Vec<Finding>,
    /// Whether something failed, so that it has to be tried again.
    pub is_incomplete: bool,
}

impl Engine<'_> {
    /// Takes everything away. Goes on past errors; what is left is named, and the journal then stays.
    ///
    /// # Errors
    ///
    /// Only where the journal cannot be written.
    pub fn remove(&self, mut journal: HostJournal, keep_data: bool) -> Result<Removal, HostRunError> {
        let mut removal = Removal::default();
        let text = if keep_data { "data is left" } else { "everything" };
        self.write(
            &mut journal,
            &HostRecord::Note { topic: HostTopic::RemovalStarted, text: text.to_owned() },
        )?;
        let socket =
            Thing::Running { unit: PROXY_SOCKET.to_owned(), fingerprint: String::new(), program: None };
        if journal.state().held(&socket.id()).is_some_and(Held::is_ours) {
            // It takes the service along, in one go: between two stops a client would start the service again. What
            // goes wrong here is tried again and said when it is their turn.
            let _ = self.host.systemctl(Verb::Stop, PROXY_SOCKET);
            // A user whose hook still runs cannot be removed.
            let _ = self.host.systemctl(Verb::Stop, TELLERS);
        }
        for step in journal.state().in_reverse() {
            let Some(held) = journal.state().held(&step).cloned() else { continue };
            if keep_data && self.is_data(&held.thing) {
                removal.kept.push(step);
                continue;
            }
            match self.undo_one(&mut journal, &step, &held)? {
                None => removal.removed.push(step),
                Some((finding, is_failure)) => {
                    removal.is_incomplete |= is_failure;
                    removal.findings.push(finding);
                }
            }
        }
        if removal.is_incomplete {
            return Ok(removal);
        }
        // Units that are gone are forgotten, before the journal goes, so that it is not forgotten itself.
        if let Err(error) = self.forget() {
            removal.is_incomplete = true;
            removal.findings.push(self.left("what systemd remembers of the units", &error));
            return Ok(removal);
        }
        let tidied = if keep_data {
            let text = "data was left on purpose".to_owned();
            self.write(&mut journal, &HostRecord::Note { topic: HostTopic::RemovalFinished, text })?;
            self.host
                .remove_tree(&self.places().before())
                .and_then(|()| self.host.remove_tree(&self.places().previous()))
        } else {
            self.remove_state()
        };
        if let Err(error) = tidied {
            removal.is_incomplete = true;
            removal.findings.push(self.left("what the installation kept", &error));
        }
        Ok(removal)
    }

    /// systemd reads its files again; those that have failed to tell of a failure came with the proxy, and go with it.
    fn forget(&self) -> Result<(), HostError> {
        if self.product == Product::Proxy {
            self.host.systemctl(Verb::ResetFailed, TELLERS)?;
        }
        self.host.systemctl(Verb::DaemonReload, "")
    }

    /// What is ours in the journal's folder; the journal last, since it says how to go on. The folder stays where
    /// something else is installed.
    fn remove_state(&self) -> Result<(), HostError> {
        let (folder, journal) = (self.layout.state(), self.product.journal(self.layout));
        for name in self.host.list(&folder)?.iter().filter(|name| self.product.has(name)) {
            let path = folder.join(name);
            if path != journal {
                self.host.remove_tree(&path)?;
            }
        }
        self.host.remove(&journal)?;
        match self.host.remove(&folder) {
            Err(error) if error.kind == Failed::NotEmpty => Ok(()),
            other => other,
        }
    }

    /// Certificates, keys, ledger and backups; and who owns them, since a number that is given to another user would give
    /// them away.
    fn is_data(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Group { .. } | Thing::User { .. } | Thing::Data { .. } => true,
            thing => thing
                .path()
                .is_some_and(|path| path.starts_with(self.layout.tls()) || path == self.layout.settings()),
        }
    }
}
