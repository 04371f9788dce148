//! `cognito:`

use serde_json::json;

use super::network::report_duplicates;
use crate::{
    DeploymentId, Region,
    config::{
        Cognito, Mfa, codes,
        fields::{Fields, Flaw, shown},
        problem::Problem,
    },
    ids::{DomainPrefix, UserPoolId},
};

const MFA: &[(&str, Mfa)] = &[("off", Mfa::Off), ("optional", Mfa::Optional), ("required", Mfa::Required)];

/// Cognito's limits of characters in a name and of scopes in a resource server.
const LONGEST_NAME: usize = 256;
const MOST_SCOPES: usize = 100;

pub(super) fn cognito(
    fields: &mut Fields,
    id: Option<&DeploymentId>,
    region: Option<&Region>,
) -> Option<Cognito> {
    let domain_prefix = domain_prefix(fields, id);
    let resource_server = fields.text("cognito.resource_server", resource_server);
    let scopes = scopes(fields);
    let access_token_minutes =
        fields.number("cognito.access_token_minutes").and_then(|number| u32::try_from(number).ok());
    let mfa = fields.choice("cognito.mfa", MFA);
    let adopt_user_pool_id =
        fields.optional("cognito.adopt_user_pool_id", |text| UserPoolId::parse(text).map_err(Flaw::from));
    if let (Some(Some(pool)), Some(region)) = (&adopt_user_pool_id, region)
        && pool.as_str().split('_').next() != Some(region.as_str())
    {
        let place = fields.place("cognito.adopt_user_pool_id");
        let message = format!("the user pool `{pool}` is not in {region}");
        let problem = Problem::error(codes::FOREIGN_REGION, &place, message);
        fields.report(problem.suggestion("name a pool of this Region, or deploy into the pool's Region"));
    }
    Some(Cognito {
        domain_prefix: domain_prefix?,
        resource_server: resource_server?,
        scopes: scopes?,
        access_token_minutes: access_token_minutes?,
        mfa: mfa?,
        adopt_user_pool_id: adopt_user_pool_id?,
    })
}

fn domain_prefix(fields: &mut Fields, id: Option<&DeploymentId>) -> Option<DomainPrefix> {
    let path = "cognito.domain_prefix";
    if fields.is_given(path) {
        return fields.text(path, |text| DomainPrefix::parse(text).map_err(Flaw::from));
    }
    let id = id?;
    if let Ok(prefix) = DomainPrefix::parse(id.as_str()) {
        fields.record(path, json!(prefix));
        return Some(prefix);
    }
    let place = fields.place(path);
    let message =
        format!("`{id}` holds one of the words aws, amazon and cognito, which Cognito does not accept here");
    let problem = Problem::error(codes::DOMAIN_PREFIX, &place, message);
    fields.report(match without_reserved_words(id) {
        Some(prefix) => problem.suggestion(format!("give one, such as `domain_prefix: {prefix}`")),
        None => problem.suggestion("give one").example("domain_prefix: sre-agent-prod"),
    });
    None
}

fn without_reserved_words(id: &DeploymentId) -> Option<DomainPrefix> {
    let parts = id
        .as_str()
        .split('-')
        .map(|part| part.replace("aws", "").replace("amazon", "").replace("cognito", ""));
    let rest: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    DomainPrefix::parse(&rest.join("-")).ok().filter(|prefix| prefix.as_str().len() >= 3)
}

fn scopes(fields: &mut Fields) -> Option<Vec<String>> {
    let path = "cognito.scopes";
    let place = fields.place(path);
    let (items, complete) = fields.list(path, |fields, node, place| {
        let text = fields.text_of(node, place, path)?;
        fields.parsed(&text, place, scope)
    })?;
    if complete && !(1..=MOST_SCOPES).contains(&items.len()) {
        let message = format!("there must be 1 to {MOST_SCOPES} scopes; clients could ask for none");
        fields.report(Problem::error(codes::INVALID_SCOPE, &place, message).example("scopes: [read, write]"));
        return None;
    }
    let unique = report_duplicates(fields, &items);
    let values: Vec<String> = items.into_iter().map(|item| item.value).collect();
    if !(complete && unique) {
        return None;
    }
    fields.record(path, json!(values));
    Some(values)
}

/// Printable ASCII without space, quotation mark and backslash.
fn is_name_character(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '\\')
}

fn scope(text: &str) -> Result<String, Flaw> {
    if (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(|c| is_name_character(c) && c != '/') {
        return Ok(text.to_owned());
    }
    let message = format!(
        "{} is not a scope: 1 to 256 printable characters without space, `/`, `\"` and `\\`",
        shown(text)
    );
    let flaw = Flaw::new(codes::INVALID_SCOPE, message);
    Err(match text.rsplit('/').next().filter(|last| text.contains('/') && scope(last).is_ok()) {
        Some(last) => flaw.suggestion(format!("leave the resource server out: `{last}`")),
        None => flaw.example("read"),
    })
}

fn resource_server(text: &str) -> Result<String, Flaw> {
    if (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(is_name_character) {
        return Ok(text.to_owned());
    }
    let message = format!(
        "{} is no identifier of a resource server: 1 to 256 printable characters without space, `\"` and `\\`",
        shown(text)
    );
    Err(Flaw::new(codes::INVALID_SCOPE, message).example("sre-agent-api"))
}
