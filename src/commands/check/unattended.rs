//! The same check, written down for something that runs it without anybody: cron or a systemd timer.

use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use crate::app::App;
use crate::args::{CertsArgs, FailOn, OutputFormat};
use crate::failure::{Failure, codes};
use crate::next::quoted;

/// The longest line that every cron takes.
const LONGEST_LINE: usize = 990;
/// How often a certificate is looked at, in minutes.
const PERIOD: u64 = 360;

/// The program and its arguments, all paths absolute, so that they mean the same from any folder.
pub(crate) fn command(app: &App, args: &CertsArgs) -> Result<Vec<String>, Box<Failure>> {
    if args.at.is_some() {
        return Err(Failure::new(
            codes::USAGE,
            "command line",
            "`--at` is one moment, and this runs again and again",
        )
        .hint("leave out `--at`"));
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::of_file("find the program", Path::new("/proc/self/exe"), &error))?;
    let mut words = vec![text(&program)?, "check".to_owned(), "certs".to_owned()];
    let mut flag = |name: &str, value: &str| {
        // `--file=-x` is a file; `--file -x` would be two flags.
        if value.starts_with('-') {
            words.push(format!("{name}={value}"));
        } else {
            words.extend([name.to_owned(), value.to_owned()]);
        }
    };
    for file in &args.file {
        flag("--file", &absolute(Path::new(file))?);
    }
    for endpoint in &args.endpoint {
        flag("--endpoint", endpoint);
    }
    for arn in &args.acm {
        flag("--acm", arn);
    }
    // The environment says which deployment is meant, where one is.
    let variable = |name: &str| app.variable(name).filter(|_| args.is_of_deployment()).map(PathBuf::from);
    let config = args.usual.config.config.clone().or_else(|| variable("SRE_AGENT_DEPLOY_CONFIG"));
    let state = args.usual.state.state_file.clone().or_else(|| variable("SRE_AGENT_DEPLOY_STATE_FILE"));
    // The default is a name in this folder, which is another one for whoever runs it.
    let default = Path::new(".deployment_state");
    let state = state.or_else(|| (args.is_of_deployment() && default.exists()).then(|| default.to_owned()));
    let paths = [
        ("--ca-file", args.ca_file.as_ref()),
        ("--config", config.as_ref()),
        ("--state-file", state.as_ref()),
        ("--output", args.usual.judge.output.as_ref()),
    ];
    for (name, path) in paths {
        if let Some(path) = path {
            flag(name, &absolute(path)?);
        }
    }
    let mode = args.usual.config.mode.map(model::config::Mode::name);
    let set: Vec<String> =
        args.usual.config.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
    let one = |value: &Option<String>| value.clone().into_iter().collect::<Vec<_>>();
    let flags = [
        ("--warn", one(&args.warn)),
        ("--critical", one(&args.critical)),
        ("--only", args.usual.judge.only.clone()),
        ("--ignore", args.usual.judge.ignore.clone()),
        ("--mode", mode.map(str::to_owned).into_iter().collect()),
        ("--set", set),
        ("--region", args.usual.config.region.iter().map(ToString::to_string).collect()),
        ("--profile", one(&args.usual.config.profile)),
        ("--deployment-id", args.usual.config.deployment_id.iter().map(ToString::to_string).collect()),
    ];
    for (name, values) in flags {
        for value in values {
            flag(name, &value);
        }
    }
    if args.usual.judge.fail_on == FailOn::Warn {
        flag("--fail-on", "warn");
    }
    match app.output {
        OutputFormat::Text => {}
        other => {
            let value = other.to_possible_value();
            flag("--format", value.as_ref().map_or("text", |value| value.get_name()));
        }
    }
    if args.renewal_info {
        words.push("--renewal-info".to_owned());
    }
    words.extend(["--quiet".to_owned(), "--lock".to_owned()]);
    if let Some(word) = words.iter().find(|word| word.contains(['\n', '\r', '\0'])) {
        return Err(Failure::new(
            codes::CHECK_VALUE,
            "command line",
            format!("a line cannot hold this word: {}", checks::output::plain(word)),
        )
        .hint("name its folder with --file instead, or use a pattern"));
    }
    Ok(words)
}

fn text(path: &Path) -> Result<String, Box<Failure>> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let shown = checks::output::plain(&path.to_string_lossy());
        Failure::new(codes::CHECK_VALUE, "command line", format!("the path {shown} is not UTF-8"))
            .hint("name its folder with --file instead, or use a pattern")
    })
}

fn absolute(path: &Path) -> Result<String, Box<Failure>> {
    let whole =
        std::path::absolute(path).map_err(|error| Failure::of_file("find the folder of", path, &error))?;
    text(&whole)
}

/// A line for a user's crontab: every six hours, at a time of this line's own, and at most `splay` later.
///
/// `slot` is any number; it decides the time, so that many machines do not all look at the same moment.
pub(crate) fn cron_line(command: &[String], slot: u64, splay: &str) -> Result<String, Box<Failure>> {
    let slot = slot.checked_rem(PERIOD).unwrap_or_default();
    let minute = slot.checked_rem(60).unwrap_or_default();
    let first = slot.checked_div(60).unwrap_or_default();
    let hours: Vec<String> =
        [0_u64, 6, 12, 18].into_iter().map(|hour| hour.saturating_add(first).to_string()).collect();
    let splayed = [command, &["--splay".to_owned(), splay.to_owned()]].concat();
    let words: Vec<String> = splayed.iter().map(|word| quoted(word)).collect();
    // To cron a percent sign is a new line, also between quotes.
    let words = words.join(" ").replace('%', "\\%");
    let line = format!("{minute} {} * * * {words}", hours.join(","));
    if line.len() > LONGEST_LINE {
        return Err(Failure::new(
            codes::CHECK_VALUE,
            "command line",
            format!("the line has {} characters, and cron takes no more than {LONGEST_LINE}", line.len()),
        )
        .hint("use a folder or a pattern with --file, or --install-timer"));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_survives_cron_and_the_shell() {
        let command = ["/opt/a b/sre-agent-deploy", "check", "--warn", "30%", "--file", "/etc/ssl/it's.pem"];
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            cron_line(&command, 17 + 60 * 5 + 360 * 1000, "10m").unwrap(),
            r"17 5,11,17,23 * * * '/opt/a b/sre-agent-deploy' check --warn 30\% --file '/etc/ssl/it'\''s.pem' --splay 10m"
        );
        let long = vec!["x".repeat(1000)];
        assert_eq!(cron_line(&long, 0, "0s").unwrap_err().findings[0].code, codes::CHECK_VALUE);
    }
}
