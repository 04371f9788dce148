//! `check endpoint`: where the proxy is, who asks it, and from where.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use checks::endpoint::{self, Options, Token};
use checks::remote::http::Url;
use checks::remote::target::Host;
use checks::{CheckResult, Subject, SubjectKind};
use model::config::HostInstall;
use model::{Finding, Secret, Severity};

use super::{Target, cognito, finish, target, wait};
use crate::app::{App, Ended};
use crate::args::EndpointArgs;
use crate::failure::{Failure, codes};
use crate::running::{Place, Seen};
use crate::{next, storage};

/// A token or key that the proxy accepts.
pub(crate) const TOKEN: &str = "SRE_AGENT_DEPLOY_TOKEN";
/// A token is shorter than this; what is longer is another file.
const LONGEST_TOKEN: u64 = 64 * 1024;

/// `check endpoint`
pub(crate) fn command(app: &App, args: &EndpointArgs) -> Ended {
    let target = target(app, &args.usual.config, &args.usual.state)?;
    finish(app, &args.usual.judge, None, results(app, args, &target)?)
}

/// What there is to say, for this command and for `verify`.
pub(crate) fn results(app: &App, args: &EndpointArgs, target: &Target) -> super::Results {
    results_as(app, args, target, None)
}

/// The same for a caller whose token was fetched before, or could not be.
pub(crate) fn results_as(
    app: &App,
    args: &EndpointArgs,
    target: &Target,
    fetched: Option<Token>,
) -> super::Results {
    if let Some(finding) = not_there(app, args, target) {
        // Alone this is no result: nothing was looked at. So the way to look is named.
        let domain = target.config.as_ref().and_then(|config| config.tls.domain.as_deref());
        let elsewhere = format!(
            "check a proxy that was set up in another way: `{} check endpoint --url https://{}`",
            app.program,
            domain.unwrap_or("HOST")
        );
        let hint = finding.hint.clone().unwrap_or(elsewhere);
        let finding = finding.hint(hint);
        let id = finding.subject.clone();
        let subject = Subject::new(SubjectKind::Deployment, id);
        return Ok(vec![CheckResult::new(subject, Vec::new(), vec![finding])]);
    }
    let url = url(app, args, target)?;
    let ca_file =
        if args.url.is_some() { args.ca_file.as_deref() } else { target.ca_file(args.ca_file.as_deref()) };
    let mut manner = super::manner(ca_file)?;
    let running = target.running.place().filter(|_| args.url.is_none());
    manner.address = args.address.or(running.map(|place| place.address));
    let address = manner.address;
    let token = match (named_token(app, args.token_file.as_deref())?, fetched) {
        (Some(token), _) => Token::Given(token),
        (None, Some(token)) => token,
        (None, None) if args.url.is_some() => cognito::no_token(),
        (None, None) => {
            cognito::token(cognito::run(app, &args.usual.config, &args.usual.state, target, &manner)?)
        }
    };
    // A URL by itself says nothing of a deployment; a state file that happens to lie around is not meant.
    let config = target.config.as_ref().filter(|_| args.url.is_none() || args.usual.config.config.is_some());
    let options = Options {
        is_outside: !is_here(&url, address),
        url,
        manner,
        token,
        models: config
            .map(|config| config.proxy.models.keys().cloned().collect::<BTreeSet<_>>())
            .unwrap_or_default(),
        model: args.model.clone(),
        security_log: args.security_log.clone(),
        backend_ports: config
            .map_or_else(|| BACKEND_PORTS.to_vec(), |config| config.network.backend_ports.clone()),
    };
    wait(app, &args.usual.state, async |session| {
        session.say("asking the proxy");
        session.look(async { Ok(vec![endpoint::check(&options).await]) }).await
    })
}

/// The backend's ports where nobody configured others.
const BACKEND_PORTS: [u16; 4] = [8011, 8012, 8013, 8014];

/// Why there is no proxy to look at, where that is known: the same words as in the report on a deployment.
pub(crate) fn not_there(app: &App, args: &EndpointArgs, target: &Target) -> Option<Finding> {
    let config = target.config.as_ref().filter(|_| args.url.is_none())?;
    let id = config.deployment.id.as_str();
    if target.running.place().is_some() {
        return None;
    }
    let skipped = |code: &str, why: &str| {
        let message = format!("the endpoint was not checked: skipped because {why}");
        Some(Finding::new(code, Severity::Skipped, id, message))
    };
    if let Some(why) = not_practised(target) {
        let rehearse = next::rehearse(app);
        let hint = format!("`{rehearse} --keep{}` leaves it running", next::of_rehearsal(&target.state_file));
        return skipped("SRE-EP-001", why).map(|finding| finding.hint(hint));
    }
    // Somebody who names a token knows of a proxy that was installed by other means.
    let is_asked_for = (args.token_file.is_some() || app.environment.contains_key(TOKEN))
        && config.tls.domain.is_some()
        && !super::is_practice(app, target);
    if config.host.install == HostInstall::None && !is_asked_for {
        return skipped(codes::HOST_SKIPPED, "host.install is none");
    }
    super::is_practice(app, target)
        .then(|| skipped("SRE-EP-001", "a practice account runs no proxy"))
        .flatten()
}

/// Why nothing of a rehearsal can be asked over the network, where it is one and nothing can.
pub(crate) fn not_practised(target: &Target) -> Option<&'static str> {
    match &target.running {
        _ if !target.is_rehearsal() => None,
        Seen::Serving(_) => None,
        Seen::Nothing => Some("the rehearsal does not run now"),
        Seen::Busy => Some("the rehearsal serves nothing yet, or no more"),
    }
}

fn url(app: &App, args: &EndpointArgs, target: &Target) -> Result<Url, Box<Failure>> {
    if let Some(text) = &args.url {
        let example =
            "such as https://api.example.com; without --url, the endpoint of the deployment is checked";
        let url: Url = text
            .parse()
            .map_err(|why: String| Failure::new(codes::NO_ENDPOINT, "--url", why).hint(example))?;
        if !url.is_secure {
            let why = format!("`{text}` is without TLS, and a token is never sent in clear");
            return Err(Failure::new(codes::NO_ENDPOINT, "--url", why).hint(example));
        }
        if url.path != "/" {
            let why = format!("`{text}` has a path, and what is asked for is decided here");
            return Err(Failure::new(codes::NO_ENDPOINT, "--url", why).hint(example));
        }
        return Ok(url);
    }
    if let Some(url) = target.running.place().and_then(Place::endpoint) {
        return Ok(url);
    }
    let Some(config) = &target.config else {
        // Neither a URL nor a configuration: what is missing is the deployment.
        storage::peek_existing(app, &target.state_file)?;
        return Err(Failure::new(
            codes::NO_ENDPOINT,
            "endpoint",
            "the state file does not say what was deployed",
        )
        .hint("name the endpoint with --url https://HOST, or the configuration with --config FILE"));
    };
    let Some(domain) = &config.tls.domain else {
        return Err(Failure::new(
            codes::NO_ENDPOINT,
            "tls.domain",
            "this deployment has no name that clients could use",
        )
        .hint("set `tls.domain`, or name the endpoint with --url https://HOST"));
    };
    let url = format!("https://{domain}").parse();
    url.map_err(|why: String| Failure::new(codes::NO_ENDPOINT, "tls.domain", why))
}

/// The token that the operator names. What is in it is never shown.
pub(crate) fn named_token(app: &App, file: Option<&Path>) -> Result<Option<Secret<String>>, Box<Failure>> {
    let (text, whence) = match file {
        Some(path) => {
            use std::io::Read as _;
            let mut text = String::new();
            let read =
                std::fs::File::open(path).and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text));
            read.map_err(|error| Failure::of_file("read the token", path, &error))?;
            (text, path.display().to_string())
        }
        // One that is set to nothing was meant to hold a token.
        None => match app.environment.get(TOKEN) {
            Some(text) => (text.to_owned(), TOKEN.to_owned()),
            None => return Ok(None),
        },
    };
    let token = text.trim();
    // What RFC 6750 allows is less; what a header cannot carry at all is another file, such as a key.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(
            codes::NO_TOKEN,
            &whence,
            format!("`{whence}` does not hold a token: one line without blanks"),
        )
        .hint("write the access token or API key into it, and nothing else"));
    }
    Ok(Some(Secret::new(token.to_owned())))
}

/// Whether the proxy is on this machine, as far as its address tells.
fn is_here(url: &Url, address: Option<IpAddr>) -> bool {
    match (&address, &url.host) {
        (Some(address), _) | (None, Host::Address(address)) => address.is_loopback(),
        (None, host) => host.to_string() == "localhost",
    }
}
