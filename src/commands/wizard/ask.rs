//! Asks the account, or the network, about one answer while it is being given.

use model::config::{self, Inputs, Mode, SourceText};
use std::collections::BTreeMap;
use wizard::exchange::Verdict;

use super::record;
use crate::app::App;
use crate::args::StateArgs;
use crate::compose;
use crate::failure::Failure;
use crate::session;
use crate::storage;

/// What is to be known about an answer; none where there is nothing to ask about this key.
pub(super) fn ask(
    app: &App,
    state: &StateArgs,
    path: &str,
    text: &str,
    configuration: &str,
) -> Option<Verdict> {
    match path {
        "cognito.domain_prefix" => Some(prefix(app, state, text, configuration)),
        "tls.domain" => Some(domain(text, configuration)),
        _ => None,
    }
}

/// Whether a domain prefix is free in the Region.
fn prefix(app: &App, state: &StateArgs, text: &str, configuration: &str) -> Verdict {
    let known = settings(configuration);
    let of = |path: &str| known.get(path).map(String::as_str);
    let region = of("aws.region").and_then(|region| model::Region::parse(region).ok());
    let Some(region) = region else {
        return Verdict::Unknown { because: "no Region is chosen yet".to_owned() };
    };
    let is_rehearsal = of("mode") == Some(Mode::Rehearsal.name());
    let mode = if is_rehearsal { Mode::Rehearsal } else { Mode::Staging };
    let (profile, deployment) = (of("aws.profile"), of("deployment.id").unwrap_or_default());
    let mut verdict = None;
    let ended = session::run(app, state, async |session| {
        let state_file = storage::state_file(app, state.state_file.as_ref(), is_rehearsal);
        let place = compose::account(app, mode, &state_file, Some(&region), None, profile, is_rehearsal);
        let cloud = compose::reach(session, &place).await?;
        let found = session.look(async {
            cloud
                .cognito
                .describe_domain(text.to_owned())
                .await
                .map_err(|error| Failure::new("SRE-AWS-001", "cognito.domain_prefix", error.to_string()))
        });
        verdict = Some(match found.await? {
            None => Verdict::Fine { note: format!("`{text}` is free in {region}") },
            // Ours from an earlier run; the plan will tell it from a stranger's.
            Some(domain) if domain.pool_id.is_some() => {
                Verdict::Fine { note: format!("`{text}` belongs to a user pool of this account") }
            }
            Some(_) => Verdict::Wrong {
                message: format!("`{text}` is taken in {region}; prefixes are shared by all accounts"),
                instead: Some(instead(text, deployment)),
            },
        });
        Ok(crate::exit::Exit::Done)
    });
    match (ended, verdict) {
        (Ok(_), Some(verdict)) => verdict,
        (Err(failure), _) => Verdict::Unknown { because: failure.line() },
        (Ok(_), None) => Verdict::Unknown { because: "nothing was said".to_owned() },
    }
}

/// Another prefix, which nobody else is likely to have.
fn instead(text: &str, deployment: &str) -> String {
    let start = if deployment.is_empty() || text.starts_with(deployment) { text } else { deployment };
    let start: String = start.chars().take(40).collect();
    format!("{}-{:04x}", start.trim_end_matches('-'), compose::chance(0x1_0000))
}

/// Where a name leads now. It need lead nowhere yet: the address is made later.
fn domain(text: &str, configuration: &str) -> Verdict {
    if settings(configuration).get("mode").is_some_and(|mode| mode == Mode::Rehearsal.name()) {
        return Verdict::Unknown { because: record::NOT_REAL.to_owned() };
    }
    match record::look_up(text) {
        Ok(facts) => record::leads(&facts),
        Err(because) => Verdict::Unknown { because },
    }
}

/// Path → value of what is well-formed in a configuration that need not be valid.
fn settings(configuration: &str) -> BTreeMap<String, String> {
    let none = BTreeMap::new();
    let file = SourceText { name: "answers", bytes: configuration.as_bytes() };
    let loaded = config::load(&Inputs { file: Some(file), environment: &none, flags: &none, mode: None });
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    loaded
        .settings
        .iter()
        .filter_map(|setting| Some((setting.path.to_owned(), text(&setting.value)?)))
        .collect()
}
