//! `config init` and `config show`.

use std::fs::OpenOptions;
use std::io::Write as _;

use cloud::port::ec2::VpcQuery;
use model::config::{Discovered, template};
use model::ids::VpcId;
use model::{Region, config::Mode};
use serde_json::json;

use crate::app::{App, Ended};
use crate::args::{ConfigArgs, Format, InitArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{compose, session, settings, storage};

/// `config init`
pub(crate) fn init(app: &App, args: &InitArgs) -> Ended {
    let mut discovered = Discovered {
        deployment_id: args.deployment_id.clone(),
        region: args.region.clone().or_else(|| compose::region_of_environment(app)),
        ..Discovered::default()
    };
    let profile = args.profile.as_deref().or_else(|| app.variable("AWS_PROFILE"));
    // Only where somebody says that there is something to look up: on a laptop without AWS it would take seconds.
    if args.online || (profile.is_some() && discovered.region.is_none()) {
        session::run(app, &StateArgs::default(), async |session| {
            if discovered.region.is_none() {
                discovered.region = compose::default_region(app, profile).await;
            }
            if args.online {
                let region: Option<&Region> = discovered.region.as_ref();
                let nowhere = storage::state_file(app, None, false);
                let place = compose::account(app, Mode::Staging, &nowhere, region, None, profile, false);
                let cloud = compose::reach(session, &place).await?;
                discovered.account_id = Some(session.identity(&cloud, profile).await?.account);
                match cloud.ec2.describe_vpcs(VpcQuery::Default).await {
                    Ok(vpcs) => discovered.vpc_id = vpcs.first().and_then(|vpc| VpcId::parse(&vpc.id).ok()),
                    Err(error) => session.say(&format!("note: the VPC was not looked up: {error}")),
                }
            }
            Ok(Exit::Done)
        })?;
    }
    let text = template(&discovered);
    let Some(path) = &args.output else {
        app.result(&text);
        return Ok(Exit::Done);
    };
    let written = OpenOptions::new().write(true).create_new(true).open(path);
    written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(
        |error| {
            let failure = Failure::of_file("write the configuration file", path, &error);
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return failure.hint("it exists already and was left alone; name another file");
            }
            failure
        },
    )?;
    app.say(&format!("wrote {}; next: {} validate --config {0}", path.display(), app.program));
    Ok(Exit::Done)
}

/// `config show`
pub(crate) fn show(app: &App, args: &ConfigArgs) -> Ended {
    let source = settings::read(app, args, None, None)?;
    let settings = &source.loaded.settings;
    match app.format {
        Format::Json => app.result_json(&json!(settings)),
        Format::Text => {
            let width = settings.iter().map(|setting| setting.path.len()).max().unwrap_or(0);
            for setting in settings {
                app.result(&format!("{:width$}  {}  # {}", setting.path, setting.value, setting.origin));
            }
        }
    }
    if source.loaded.config.is_some() {
        return Ok(Exit::Done);
    }
    match app.format {
        // What is well-formed has been shown; the exit says that it is not everything.
        Format::Json => Ok(Exit::Usage),
        Format::Text => source.valid(app).map(|_| Exit::Done),
    }
}
