//! Text records, each remembered before it is published: what a killed run has left is taken back by the next.

use std::cell::RefCell;

use model::{Finding, Severity};

use super::{Host, keep, state_file, warning};
use crate::records::{Told, TxtRecords};
use crate::state::{Published, RenewalState};
use crate::trouble::{Trouble, codes};

/// Records of one run over its state.
pub(super) struct Remembered<'r> {
    records: &'r dyn TxtRecords,
    host: &'r Host<'r>,
    known: &'r RefCell<RenewalState>,
}

impl<'r> Remembered<'r> {
    pub(super) fn new(
        records: &'r dyn TxtRecords,
        host: &'r Host<'r>,
        known: &'r RefCell<RenewalState>,
    ) -> Self {
        Self { records, host, known }
    }

    fn write(&self, change: impl FnOnce(&mut Vec<Published>)) -> Result<(), Box<Finding>> {
        let mut known = self.known.borrow_mut();
        change(&mut known.published);
        keep(self.host, &known).map_err(|trouble| trouble.finding)
    }
}

impl TxtRecords for Remembered<'_> {
    fn look<'a>(&'a self, name: &'a str) -> Told<'a> {
        self.records.look(name)
    }

    fn publish<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(async move {
            let record = Published { name: name.to_owned(), value: value.to_owned() };
            self.write(|published| {
                if !published.contains(&record) {
                    published.push(record);
                }
            })?;
            self.records.publish(name, value).await
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(async move {
            self.records.withdraw(name, value).await?;
            self.write(|published| published.retain(|one| one.name != name || one.value != value))
        })
    }
}

/// Takes back what earlier runs have left. That it stays is said, and is no reason not to renew.
pub(super) async fn tidy(host: &Host<'_>, findings: &mut Vec<Finding>) {
    // A file that cannot be read is said where it is needed.
    let Ok(Some(known)) = RenewalState::read(&state_file(host.state)) else { return };
    if known.published.is_empty() {
        return;
    }
    let left = known.published.clone();
    let known = RefCell::new(known);
    for Published { name, value } in &left {
        let Some(records) = host.records else {
            let trouble = Trouble::new(
                codes::RECORD_LEFT,
                name,
                "an earlier run has left its answer in the DNS, which nobody reaches from here",
            )
            .evidence(format!("TXT {name} \"{value}\""))
            .hint("remove that value; others under this name are not ours");
            findings.push(warning(trouble));
            continue;
        };
        if let Err(finding) = Remembered::new(records, host, &known).withdraw(name, value).await {
            findings.push(Finding { severity: Severity::Warning, ..*finding });
        }
    }
}
