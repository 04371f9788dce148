//! Finds out what the questions can be answered with: where this runs, whose credentials there are, what the account has.
//! What cannot be found out is a note, never a failure: the questions can be answered without.

use std::time::Duration;

use cloud::Cloud;
use cloud::port::ec2::{Instance, InstanceQuery, InstanceState, SubnetQuery, VpcQuery};
use model::Region;
use model::config::Mode;
use wizard::discovery::{Choice, Discovery, Place};

use crate::app::{App, Ended};
use crate::args::StateArgs;
use crate::commands::check;
use crate::compose::{self, Account};
use crate::exit::Exit;
use crate::session::{self, Session};
use crate::storage;

/// Instance metadata is one hop away, or not there.
const METADATA_STEP: Duration = Duration::from_millis(700);
/// As many of a kind as can be looked through on a screen.
const MOST_CHOICES: usize = 60;

/// What is asked for.
pub(super) struct Wanted {
    /// With these credentials instead of the usual ones.
    pub(super) profile: Option<String>,
    /// In this Region instead of the usual one.
    pub(super) region: Option<String>,
    /// In the practice account.
    pub(super) rehearsal: bool,
}

/// Finds out what there is.
pub(super) fn discover(app: &App, state: &StateArgs, wanted: &Wanted) -> Discovery {
    let mut found = Discovery { place: place(app), ..Discovery::nothing() };
    found.profiles = profiles(app);
    found.profile = wanted.profile.clone().or_else(|| app.variable("AWS_PROFILE").map(str::to_owned));
    let ended = session::run(app, state, async |session| -> Ended {
        find_region(session, wanted, &mut found).await;
        let region = found.region.as_ref().and_then(|(region, _)| Region::parse(region).ok());
        let state_file = storage::state_file(app, state.state_file.as_ref(), wanted.rehearsal);
        let mode = if wanted.rehearsal { Mode::Rehearsal } else { Mode::Staging };
        let place = compose::account(
            app,
            mode,
            &state_file,
            region.as_ref(),
            None,
            found.profile.as_deref(),
            wanted.rehearsal,
        );
        if region.is_none() && matches!(place, Account::Real { .. }) {
            found.notes.push("no Region is known, so the account was not asked".to_owned());
            return Ok(Exit::Done);
        }
        let cloud = compose::reach(session, &place).await?;
        let identity = session.identity(&cloud, found.profile.as_deref()).await?;
        found.account_id = Some(identity.account.to_string());
        found.arn = Some(identity.arn);
        look_around(session, &cloud, &mut found).await;
        Ok(Exit::Done)
    });
    if let Err(failure) = ended {
        found.notes.extend(failure.findings.iter().map(|finding| {
            let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}: {}{hint}", finding.code, finding.message)
        }));
    }
    found
}

/// Where the program runs.
fn place(app: &App) -> Place {
    if app.variable("AWS_EXECUTION_ENV") == Some("CloudShell") {
        return Place::CloudShell;
    }
    let Ok(Some(base)) = check::instance_metadata(app) else { return Place::Laptop };
    let facts =
        check::wait_simply(async || Ok(checks::network::instance::collect(&base, METADATA_STEP).await));
    match facts {
        Ok(Some(facts)) => Place::Instance {
            instance_id: facts.instance_id,
            instance_type: facts.instance_type,
            availability_zone: facts.availability_zone,
            vpc_id: facts.vpc_id.unwrap_or_default(),
            subnet_id: facts.subnet_id.unwrap_or_default(),
            public_ip: facts.public_ip,
        },
        Ok(None) | Err(_) => Place::Laptop,
    }
}

async fn find_region(session: &Session<'_>, wanted: &Wanted, found: &mut Discovery) {
    let app = session.app;
    let variable = ["SRE_AGENT_DEPLOY_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find(|name| app.variable(name).is_some_and(|text| Region::parse(text).is_ok()));
    found.region = match (&wanted.region, variable, &found.place) {
        (Some(region), _, _) => Some((region.clone(), "your answer".to_owned())),
        (None, Some(name), _) => app.variable(name).map(|text| (text.to_owned(), name.to_owned())),
        (None, None, Place::Instance { availability_zone, .. }) => {
            let region = availability_zone.trim_end_matches(|c: char| c.is_ascii_lowercase());
            Some((region.to_owned(), "this instance".to_owned()))
        }
        (None, None, _) if wanted.rehearsal => None,
        (None, None, _) => compose::default_region(app, found.profile.as_deref())
            .await
            .map(|region| (region.to_string(), "your AWS profile".to_owned())),
    };
}

/// VPCs, subnets and user pools.
async fn look_around(session: &Session<'_>, cloud: &Cloud, found: &mut Discovery) {
    let mut vpcs = match cloud.ec2.describe_vpcs(VpcQuery::All).await {
        Ok(vpcs) => vpcs,
        Err(error) => {
            found.notes.push(format!("the VPCs could not be listed: {error}"));
            Vec::new()
        }
    };
    vpcs.sort_by(|a, b| (!a.is_default, &a.id).cmp(&(!b.is_default, &b.id)));
    vpcs.truncate(MOST_CHOICES);
    for vpc in &vpcs {
        let blocks: Vec<String> = vpc.cidrs.iter().map(ToString::to_string).collect();
        let default = if vpc.is_default { ", the default VPC" } else { "" };
        found.vpcs.push(Choice {
            value: vpc.id.clone(),
            note: format!("{}{default}", blocks.join(", ")),
            within: None,
        });
        if session.cancel.is_cancelled() {
            return;
        }
        let (tables, subnets) = futures::join!(
            cloud.ec2.describe_route_tables(vpc.id.clone()),
            cloud.ec2.describe_subnets(SubnetQuery::Vpc(vpc.id.clone()))
        );
        match (tables, subnets) {
            (Ok(tables), Ok(mut subnets)) => {
                subnets.retain(|subnet| provision::preflight::is_public(subnet, &tables));
                subnets.sort_by(|a, b| (&a.availability_zone, &a.id).cmp(&(&b.availability_zone, &b.id)));
                found.subnets.extend(subnets.into_iter().map(|subnet| Choice {
                    note: format!("{}, {} free addresses", subnet.availability_zone, subnet.free_addresses),
                    value: subnet.id,
                    within: Some(subnet.vpc_id),
                }));
            }
            (Err(error), _) | (_, Err(error)) => {
                found.notes.push(format!("the subnets of {} could not be listed: {error}", vpc.id));
            }
        }
    }
    match cloud.ec2.describe_instances(InstanceQuery::Alive).await {
        Ok(mut instances) => {
            // What runs first, since that is what somebody wants to use.
            let place = |it: &Instance| (it.state != InstanceState::Running, it.tags.get("Name").cloned());
            instances.sort_by_key(|instance| (place(instance), instance.id.clone()));
            found.instances = instances.into_iter().take(MOST_CHOICES).map(instance_choice).collect();
        }
        Err(error) => found.notes.push(format!("the instances could not be listed: {error}")),
    }
    match cloud.cognito.list_user_pools(()).await {
        Ok(pools) => {
            let choice = |pool: cloud::port::cognito::UserPoolSummary| Choice {
                value: pool.id,
                note: pool.name,
                within: None,
            };
            found.user_pools = pools.into_iter().take(MOST_CHOICES).map(choice).collect();
        }
        Err(error) => found.notes.push(format!("the user pools could not be listed: {error}")),
    }
}

/// An instance that could be adopted, with what tells it from the others.
fn instance_choice(instance: Instance) -> Choice {
    let state = if instance.state == InstanceState::Running { "running" } else { "stopped" };
    let mut note = format!("{}, {state}", instance.instance_type);
    for more in [instance.public_ip, instance.tags.get("Name").cloned()].into_iter().flatten() {
        note = format!("{note}, {more}");
    }
    Choice { value: instance.id, note, within: None }
}

/// The profiles of the shared AWS configuration files, in their order.
fn profiles(app: &App) -> Vec<String> {
    let home = app.variable("HOME").unwrap_or_default();
    let file = |variable: &str, usual: &str| {
        app.variable(variable).map_or_else(|| format!("{home}/.aws/{usual}"), str::to_owned)
    };
    let mut names: Vec<String> = Vec::new();
    for path in [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for name in text.lines().filter_map(profile) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// The profile that a line begins: `[profile NAME]`, `[NAME]`; not `[sso-session NAME]` and its like.
fn profile(line: &str) -> Option<&str> {
    let inside = line.trim().strip_prefix('[')?.split(']').next()?.trim();
    match inside.split_once(char::is_whitespace) {
        Some(("profile", name)) => Some(name.trim().trim_matches('"')),
        Some(_) => None,
        None => Some(inside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_the_aws_tools_write_them() {
        let rows = [
            ("[default]", Some("default")),
            ("[profile sre]", Some("sre")),
            ("  [profile  \"with space\" ] # x", Some("with space")),
            ("[sso-session corp]", None),
            ("[services local]", None),
            ("region = us-east-1", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(profile(line), expected, "{line}");
        }
    }
}
