//! What is not as it was installed.

use model::{Finding, Severity};
use systemd::host::Entry;

use super::product::Product;
use super::sight::{Seen, Sight};
use super::state::{Held, HostState};
use super::thing::{Role, Thing};

/// One finding for each thing of ours that differs from what the journal says.
pub fn drift(state: &HostState, seen: &Seen, product: Product) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (step, held) in state.things.iter().filter(|(_, held)| held.is_ours()) {
        let Some(what) = seen.things.get(step).and_then(|sight| differs(held, sight)) else { continue };
        let message = format!("{}: {what}", held.thing);
        let finding = Finding::new("SRE-HOST-025", Severity::Warning, step, message);
        let word = product.word();
        findings.push(finding.hint(format!("`{word} install` with the usual arguments makes it as it was")));
    }
    findings
}

fn differs(held: &Held, sight: &Sight) -> Option<&'static str> {
    match (&held.thing, sight) {
        // Renewal exchanges pairs and removes old ones, the first among them.
        (Thing::File { role: Role::Pair, .. } | Thing::Data { .. }, _) => None,
        (Thing::Folder { path, .. }, Sight::At(Entry::Absent)) if is_of_pairs(path) => None,
        (Thing::Link { path, .. }, Sight::At(Entry::Link(_))) if path.ends_with("tls/live") => None,
        (_, Sight::At(Entry::Absent)) => Some("it is gone"),
        (Thing::File { role: Role::Setting, sha256, .. }, Sight::At(Entry::File { sha256: found, .. }))
            if sha256 != found =>
        {
            Some("an operator has edited it")
        }
        (Thing::File { sha256, mode, .. }, Sight::At(Entry::File { sha256: found, meta })) => {
            if sha256 != found {
                Some("its content is another")
            } else if *mode != meta.mode {
                Some("its mode is another")
            } else {
                None
            }
        }
        (Thing::Link { target, .. }, Sight::At(Entry::Link(found))) if target == found => None,
        (Thing::Folder { mode, .. }, Sight::At(Entry::Folder(meta))) => {
            (*mode != meta.mode).then_some("its mode is another")
        }
        (_, Sight::At(_)) => Some("it is something else"),
        (_, Sight::Account(is_there)) => (!is_there).then_some("it is gone"),
        (Thing::Enabled { .. }, Sight::Unit(facts)) => {
            (!facts.is_enabled()).then_some("it does not any more")
        }
        (Thing::Running { .. }, Sight::Unit(facts)) => (!facts.is_active()).then_some("it does not"),
        _ => None,
    }
}

fn is_of_pairs(path: &std::path::Path) -> bool {
    path.parent().is_some_and(|parent| parent.ends_with("tls/pairs"))
}
