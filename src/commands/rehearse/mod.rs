//! `rehearse`: the whole journey without an AWS account and without questions. Deploys to a practice account, starts
//! what the network would have, the real proxy in between, and verifies it as any deployment is verified.

mod examples;
mod folder;
mod gateway;
mod keep;
mod process;
mod stage;
mod stop;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cloud_loopback::{Algorithm, Issuer};
use model::config::{Config, Mode};
use provision::journal::State;
use provision::survey::Adoptions;
use serde_json::{Value, json};

use self::folder::Folder;
use self::gateway::{Gateway, Wanted};
use self::process::Proxy;
use self::stage::{Pool, Services, Wishes};
use self::stop::Stop;
use super::check;
use super::cleanup::{self, Cleanup};
use super::verify::{self, Verified};
use super::{deploy, resume};
use crate::app::{App, Ended};
use crate::args::{ConfigArgs, Format, RehearseArgs, StateArgs, UsualArgs, VerifyArgs};
use crate::compose;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::running::{self, Claim, Place, Seen};
use crate::session::{self, Session};
use crate::watcher::{Serving, Told};
use crate::{guided, next, settings, storage};

pub(crate) use process::with_parent;

/// What is rehearsed where no configuration is named.
const SAMPLE: &str = include_str!("../../rehearsal.yaml");
/// The program that serves.
const PROXY: &str = "bedrock-nova-proxy";
/// How long the proxy may take until it is ready; a machine that builds something at the same time is slow.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// `rehearse`
pub(crate) fn command(app: &App, args: &RehearseArgs) -> Ended {
    let state_file = storage::state_file(app, args.state_file.as_ref(), true);
    if args.cleanup {
        return clean_up(app, args, state_file);
    }
    // What can be known beforehand is said before anything is made.
    let beginning = if args.resume {
        storage::peek_existing(app, &state_file)?;
        None
    } else {
        Some(settings::read(app, &config_args(args), Some(SAMPLE), None)?.valid(app)?)
    };
    let program = proxy_program(app, args)?;
    if args.port.is_some() {
        stage::free_port(args.port)?;
    }
    if let Some(folder) = state_file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::of_file("make the folder of the rehearsal", folder, &error))?;
    }
    let claim = claim(app, &state_file)?;
    let mut app = app.clone();
    if args.fast {
        app.environment.insert(compose::PRACTICE_FAST.to_owned(), "1".to_owned());
    }
    let rehearsal = Rehearsal {
        app: &app,
        args,
        folder: Folder::of(&state_file),
        state_file,
        wishes: Wishes {
            program: &program,
            port: args.port,
            ready_within: args.ready_within.unwrap_or(READY_WITHIN),
        },
        stop: Stop::listen(&app)?,
    };
    rehearsal.run(beginning, claim)
}

fn config_args(args: &RehearseArgs) -> ConfigArgs {
    let (config, set) = (args.config.clone(), args.set.clone());
    ConfigArgs { config, set, mode: Some(Mode::Rehearsal), ..ConfigArgs::default() }
}

/// The program of the proxy: what the operator names, or the one that cargo and packages put beside this one.
fn proxy_program(app: &App, args: &RehearseArgs) -> Result<PathBuf, Box<Failure>> {
    let named =
        args.proxy_program.clone().or_else(|| app.variable("SRE_AGENT_DEPLOY_PROXY").map(PathBuf::from));
    let is_named = named.is_some();
    let beside = || std::env::current_exe().ok().map(|path| path.with_file_name(PROXY));
    let program = named.or_else(beside).unwrap_or_else(|| PathBuf::from(PROXY));
    if program.is_file() {
        // The folder of a relative path may be another one for a child.
        return Ok(std::path::absolute(&program).unwrap_or(program));
    }
    let shown = program.display().to_string();
    let hint = if is_named {
        "name the program bedrock-nova-proxy with --proxy-program, or in SRE_AGENT_DEPLOY_PROXY"
    } else {
        "build it: cargo build -p proxy (with --release where this program was); or name it with --proxy-program"
    };
    Err(Failure::new(codes::NO_PROXY, &shown, format!("the proxy's program is not there: `{shown}`"))
        .hint(format!("{hint}; nothing was made yet")))
}

/// Claims to be the one rehearsal of a state file.
fn claim(app: &App, state_file: &Path) -> Result<Claim, Box<Failure>> {
    let taken = Claim::take(state_file)
        .map_err(|error| Failure::of_file("claim the rehearsal beside", state_file, &error))?;
    taken.ok_or_else(|| {
        let where_to = match running::look(state_file) {
            Seen::Serving(place) => format!(": process {}, {}", place.pid, place.local_url),
            Seen::Busy | Seen::Nothing => String::new(),
        };
        let message = format!("this rehearsal runs already{where_to}");
        Failure::new(codes::REHEARSING, &state_file.display().to_string(), message).hint(format!(
            "stop it with Ctrl-C or `kill`, or rehearse elsewhere: {} rehearse --state-file FOLDER/state",
            app.program
        ))
    })
}

/// Removes what a rehearsal made.
fn clean_up(app: &App, args: &RehearseArgs, state_file: PathBuf) -> Ended {
    storage::peek_existing(app, &state_file)?;
    let claim = claim(app, &state_file)?;
    let folder = Folder::of(&state_file);
    let state = StateArgs { state_file: Some(state_file.clone()), ..StateArgs::default() };
    let job =
        Cleanup { deployment: None, state_file, args: config_args(args), approval: None, fast: args.fast };
    let ended = session::run(app, &state, async |session| cleanup::cleanup(session, &job).await)?;
    folder.remove()?;
    claim.remove().map_err(|error| Failure::of_file("remove the claim beside", &job.state_file, &error))?;
    Ok(ended)
}

/// A rehearsal on its way.
struct Rehearsal<'a> {
    app: &'a App,
    args: &'a RehearseArgs,
    state_file: PathBuf,
    folder: Folder,
    wishes: Wishes<'a>,
    stop: Stop,
}

impl Rehearsal<'_> {
    /// All of it. `beginning` is what to deploy; none goes on with what was begun.
    fn run(&self, beginning: Option<Config>, mut claim: Claim) -> Ended {
        let began = Instant::now();
        // Making RSA keys takes long; the account needs nothing of this thread meanwhile.
        let keys = std::thread::spawn(|| Issuer::warm(Algorithm::default()));
        let ended = self.deploy(beginning);
        let state = storage::peek(&self.state_file)?;
        let Some(state) = state.filter(|state| matches!(ended, Ok(Exit::Done)) && state.is_finished()) else {
            return ended;
        };
        self.said("practice account: deployed", began);
        self.tell(Told::Deployed);
        let ended = self.serve_and_verify(&state, &mut claim, keys, began);
        self.folder.forget_secrets();
        ended.map_err(|failure| {
            let again = next::resume(self.app, &self.state_file, true, None);
            failure.or_next(Some(again))
        })
    }

    /// Says what was done, and how long it took.
    fn said(&self, what: &str, began: Instant) {
        self.app.say(&format!("{:5.1} s  {what}", began.elapsed().as_secs_f64()));
    }

    /// Tells whoever watches.
    fn tell(&self, told: Told) {
        if let Some(watcher) = &self.app.watcher {
            watcher.tell(told);
        }
    }

    /// Deploys to the practice account, or goes on with that.
    fn deploy(&self, beginning: Option<Config>) -> Ended {
        // One run has one report: that of the verified rehearsal, or that of what failed.
        let app = self.app;
        let state = StateArgs { state_file: Some(self.state_file.clone()), ..StateArgs::default() };
        let state_file = self.state_file.clone();
        let fast = self.args.fast;
        match beginning {
            None => {
                let job = resume::Job { state_file, args: config_args(self.args), fast };
                session::run(app, &state, async |session| resume::run_with(session, &job).await)
                    .map(resume::Resumed::exit)
            }
            Some(config) => {
                let adoptions: Adoptions = self.args.adopt.iter().cloned().collect();
                let job = deploy::Job { config, state_file, adoptions, fast, profile: None };
                // Nothing real is made, so nobody is asked.
                let run = async |session: &Session<'_>| {
                    session.guides(guided::steps(&self.args.guided));
                    deploy::run_with(session, &job, async |_, _| Ok(())).await
                };
                session::run(app, &state, run).map(|_| Exit::Done)
            }
        }
    }

    /// Everything after the deployment.
    fn serve_and_verify(
        &self,
        state: &State,
        claim: &mut Claim,
        keys: JoinHandle<()>,
        began: Instant,
    ) -> Ended {
        let config = resume::approved_config(state)?.ok_or_else(|| {
            let subject = self.state_file.display().to_string();
            Failure::new(codes::NO_PART, &subject, "the state file does not say what was deployed")
        })?;
        let part = Instant::now();
        self.stop.check()?;
        self.folder.make()?;
        let pool = Pool::read(self.app, &self.state_file, state, &config, self.args.fast)?;
        // Where that failed, the issuer meets the same and says it.
        let _ = keys.join();
        let services = Services::start(pool, &config)?;
        self.said(&services.words(), part);
        let part = Instant::now();
        if stage::prove_names(self.app, &self.state_file, state)? {
            self.said("practice DNS: has the record that ACM waits for", part);
        }
        let part = Instant::now();
        let gateway = Wanted::read(self.app, &self.state_file, state, self.args.fast)?;
        let mut names = stage::names(&config);
        names.extend(gateway.as_ref().map(Wanted::host));
        let certified = stage::certify(&self.folder, &names)?;
        let shown: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| name.parse::<IpAddr>().is_err()).collect();
        self.said(&format!("practice CA: certificate for {}", shown.join(" and ")), part);
        self.stop.check()?;

        let part = Instant::now();
        let domain = config.tls.domain.as_deref();
        let gateway =
            gateway.map(|wanted| wanted.start(&certified, domain, services.issuer())).transpose()?;
        if let Some(gateway) = &gateway {
            self.said(&gateway.words(), part);
        }
        let part = Instant::now();
        let (proxy, mut place) = stage::serve(&self.folder, &services, &config, &self.wishes, &self.stop)?;
        place.gateway = gateway.as_ref().map(Gateway::place);
        self.folder.write_token(&services.token()?)?;
        claim.serves(&place).map_err(|error| {
            Failure::of_file("write where the rehearsal runs beside", &self.state_file, &error)
        })?;
        self.said(&format!("the real proxy, with that certificate: ready at {}", place.local_url), part);
        self.stop.check()?;

        let part = Instant::now();
        let (exit, verified) = self.verify()?;
        self.stop.check()?;
        self.said("verified over TLS, with a token of practice Cognito", part);
        self.said("in all, from the start to the verified report", began);
        self.report(&config, &place, &verified);
        let exit =
            if self.args.keep { self.keep(proxy, &services, exit)? } else { self.take_down(proxy, exit) };
        self.end();
        Ok(exit)
    }

    /// The same verification as of any deployment. In a rehearsal models may be asked: that costs nothing.
    fn verify(&self) -> Result<(Exit, Verified), Box<Failure>> {
        let usual = UsualArgs {
            config: ConfigArgs { mode: Some(Mode::Rehearsal), ..ConfigArgs::default() },
            state: StateArgs { state_file: Some(self.state_file.clone()), ..StateArgs::default() },
            ..UsualArgs::default()
        };
        let args = VerifyArgs { converse: true, usual, ..VerifyArgs::default() };
        let verified = verify::verify(self.app, &args, None)?;
        let exit = match self.app.format {
            Format::Text => {
                self.app.result("\nVerification, as `verify` does it:");
                check::finish(self.app, &args.usual.judge, None, verified.results.clone())?
            }
            Format::Json => verified.exit(),
        };
        Ok((exit, verified))
    }

    /// Shows where it serves and how to ask it.
    fn report(&self, config: &Config, place: &Place, verified: &Verified) {
        let model = examples::model(config);
        let curl = examples::curl(place, &self.folder, model);
        let python = examples::python(place, &self.folder, model);
        if self.app.watcher.is_some() {
            let snippets = [("Ask it with curl", curl), ("Ask it with OpenAI's client", python)];
            let snippets = snippets.into_iter().map(|(title, text)| (title.to_owned(), text)).collect();
            let report = verified.report.clone();
            return self.tell(Told::Serves(Box::new(Serving {
                url: place.local_url.clone(),
                report,
                snippets,
            })));
        }
        match self.app.format {
            Format::Json => {
                let mut document = serde_json::to_value(&verified.report).unwrap_or_default();
                if let Some(members) = document.as_object_mut() {
                    let rehearsal = self.described(place, &curl, &python);
                    members.insert("rehearsal".to_owned(), rehearsal);
                }
                self.app.result_json(&document);
            }
            Format::Text => {
                let folder = std::path::absolute(".").map(|path| path.display().to_string());
                let folder = next::quoted(&folder.unwrap_or_else(|_| ".".to_owned()));
                let head = if self.args.keep {
                    format!("It serves at {}, and goes on. In another terminal:", place.local_url)
                } else {
                    let port = place.endpoint().map_or(0, |url| url.port);
                    format!(
                        "It served at {}. To ask it yourself, leave it running:\n\n  {} --keep --port {port}{}\n\n\
                         Then, in another terminal:",
                        place.local_url,
                        next::rehearse(self.app),
                        self.same()
                    )
                };
                self.app.result(&format!("\n{head}\n\ncd {folder}\n{curl}\n\nOr with OpenAI's client (pip install openai):\n\n{python}\n"));
            }
        }
    }

    /// The rehearsal, for programs.
    fn described(&self, place: &Place, curl: &str, python: &str) -> Value {
        let mut described = json!({
            "is_running": self.args.keep,
            "url": place.url,
            "address": place.address,
            "local_url": place.local_url,
            "ca_file": place.ca_file,
            "token_file": self.folder.token(),
            "issuer": place.issuer,
            "token_endpoint": place.token_endpoint,
            "log_file": self.folder.log(),
            "curl": curl,
            "python": python,
        });
        if let (Some(members), Some(gateway)) = (described.as_object_mut(), &place.gateway) {
            members.insert("gateway".to_owned(), json!(gateway));
        }
        described
    }

    /// Takes down what was started.
    fn take_down(&self, proxy: Proxy, exit: Exit) -> Exit {
        let part = Instant::now();
        proxy.stop();
        self.said("taken down", part);
        exit
    }

    /// What can be tried next.
    fn end(&self) {
        let at = next::of_rehearsal(&self.state_file);
        let rehearse = next::rehearse(self.app);
        self.app.say(&format!(
            "\nThis was a practice account; nothing real was made. Next:\n  \
             once more:      {rehearse}{}\n  \
             remove it all:  {rehearse} --cleanup{at}",
            self.same()
        ));
    }

    /// The words that make another run one of the same rehearsal.
    fn same(&self) -> String {
        let at = next::of_rehearsal(&self.state_file);
        let config = self.args.config.iter().map(|file| format!(" --config {}", next::path(file)));
        let set = self
            .args
            .set
            .iter()
            .map(|(key, value)| format!(" --set {}", next::quoted(&format!("{key}={value}"))));
        config.chain(set).chain([at]).collect()
    }
}
