//! What the instance's role will be allowed: the policy of the plan, before there is a plan.

use std::collections::BTreeMap;

use model::config::{self, Config, Inputs, SourceText, TlsSource};
use model::{AccountId, Region};
use provision::policy::instance_policy;
use serde_json::Value;
use wizard::exchange::Allowed;

/// Stands for a domain name that nobody has said yet. RFC 2606 keeps it from being anybody's.
const NO_DOMAIN: &str = "domain.invalid";
/// Stands for an account that is not known yet.
const NO_ACCOUNT: &str = "000000000000";

/// What the role will be allowed with these answers, or why that cannot be said.
pub(super) fn allowed(configuration: &str) -> Result<Vec<Allowed>, String> {
    let config = config(configuration)?;
    if let Some(id) = &config.instance.adopt_instance_id {
        return Err(format!("{id} keeps the role that it has"));
    }
    let placeholder = AccountId::parse(NO_ACCOUNT).map_err(|error| error.to_string())?;
    let account = config.aws.account_id.clone().unwrap_or(placeholder);
    Ok(statements(&policy(&config, &config.aws.region, &account)))
}

fn policy(config: &Config, region: &Region, account: &AccountId) -> Value {
    let fetches = matches!(config.tls.source, TlsSource::AcmExportable) && config.tls.domain.is_some();
    instance_policy(config, region, account, fetches.then_some("(the certificate that is requested)"))
}

/// The configuration. The page comes before that of the domain name, which most policies do not need.
fn config(text: &str) -> Result<Config, String> {
    let none = BTreeMap::new();
    let load = |flags: &BTreeMap<String, String>| {
        let file = SourceText { name: "answers", bytes: text.as_bytes() };
        config::load(&Inputs { file: Some(file), environment: &none, flags, mode: None })
    };
    let first = load(&none);
    if let Some(config) = first.config {
        return Ok(config);
    }
    let wrong = first.problems.iter().filter(|problem| problem.is_error());
    let missing: BTreeMap<String, String> = wrong
        .filter_map(|problem| match problem.path.as_str() {
            path @ "tls.domain" => Some((path.to_owned(), NO_DOMAIN.to_owned())),
            path @ "tls.acme.email" => Some((path.to_owned(), format!("nobody@{NO_DOMAIN}"))),
            _ => None,
        })
        .collect();
    let second = load(&missing);
    second.config.ok_or_else(|| {
        let wrong = second.problems.iter().find(|problem| problem.is_error());
        wrong.map_or_else(
            || "the answers make no configuration yet".to_owned(),
            |problem| format!("{}: {}", problem.path, problem.message),
        )
    })
}

/// Every statement of a policy, with words for what is not known yet.
fn statements(policy: &Value) -> Vec<Allowed> {
    let known =
        |text: &str| text.replace(NO_ACCOUNT, "(this account)").replace(NO_DOMAIN, "(the domain name)");
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::String(text)) => vec![known(text)],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(known).collect(),
            _ => Vec::new(),
        }
    };
    let all = policy.get("Statement").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .map(|statement| Allowed {
            name: texts(statement.get("Sid")).concat(),
            actions: texts(statement.get("Action")),
            resources: texts(statement.get("Resource")),
            condition: statement.get("Condition").map(|condition| known(&condition.to_string())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: &str =
        "version: 1\ndeployment:\n  id: web-prod\n  environment: staging\naws:\n  region: eu-central-1\n";

    fn said(more: &str) -> Result<Vec<Allowed>, String> {
        allowed(&format!("{ANSWERS}{more}"))
    }

    fn names(all: &[Allowed]) -> Vec<&str> {
        all.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn nothing_of_the_policy_is_left_out_and_nothing_is_added() {
        let text = format!(
            "{ANSWERS}tls:\n  domain: api.corp.io\n  acme:\n    email: ops@corp.io\n    challenge: dns-01\n"
        );
        let config = config(&text).unwrap();
        let account = AccountId::parse("123456789012").unwrap();
        let policy = policy(&config, &config.aws.region, &account);
        let shown = statements(&policy);
        let written = policy["Statement"].as_array().unwrap();
        assert_eq!(shown.len(), written.len());
        for (shown, written) in shown.iter().zip(written) {
            let count = |value: &Value| value.as_array().map_or(1, Vec::len);
            assert_eq!(written["Effect"], "Allow", "a page that says `may` shows no other kind");
            assert_eq!(shown.name, written["Sid"].as_str().unwrap());
            assert_eq!(shown.actions.len(), count(&written["Action"]));
            assert_eq!(shown.resources.len(), count(&written["Resource"]));
            assert_eq!(shown.condition.is_some(), written.get("Condition").is_some());
        }
        assert!(names(&shown).contains(&"AnswerForName"));
    }

    #[test]
    fn what_is_not_known_yet_is_said_in_words() {
        let all = said("").unwrap();
        let resources: Vec<&String> = all.iter().flat_map(|one| &one.resources).collect();
        assert!(resources.iter().any(|resource| resource.contains("(this account)")), "{resources:?}");
        let all = said("tls:\n  acme:\n    challenge: dns-01\n").unwrap();
        let texts = format!("{all:?}");
        assert!(texts.contains("_acme-challenge.(the domain name)"), "{texts}");
        assert!(!texts.contains(NO_DOMAIN) && !texts.contains(NO_ACCOUNT), "{texts}");
    }

    #[test]
    fn where_there_is_no_policy_it_is_said_why() {
        let kept = said("instance:\n  adopt_instance_id: i-0123456789abcdef0\n").unwrap_err();
        assert_eq!(kept, "i-0123456789abcdef0 keeps the role that it has");
        let wrong = said("proxy:\n  limits:\n    requests_per_minute: many\n").unwrap_err();
        assert!(wrong.starts_with("proxy.limits.requests_per_minute: "), "{wrong}");
    }
}
