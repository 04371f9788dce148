//! The first thing that a new user does, who has no AWS account: from nothing to a verified endpoint, and back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::rehearsal_faults::{lives, stand_in};
use crate::support::{Desk, Ended, Running};

/// The line after which a kept rehearsal waits.
const KEPT: &str = "running until Ctrl-C";

/// A folder with nothing in it, as a new user has it.
pub(crate) fn folder() -> Desk {
    Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT").without("SRE_AGENT_DEPLOY_PRACTICE_FAST")
}

/// What says where a kept rehearsal is.
pub(crate) fn running(desk: &Desk) -> Value {
    serde_json::from_str(&desk.read(".rehearsal/running.json")).unwrap()
}

pub(crate) fn report(desk: &Desk) -> Value {
    serde_json::from_str(&desk.read(".rehearsal/.deployment_state.report.json")).unwrap()
}

/// A rehearsal that is left running.
pub(crate) fn kept(desk: &Desk, more: &str) -> Running {
    let mut rehearsal = desk.start(&format!("rehearse --fast --keep --ready-within 60s{more}"));
    rehearsal.wait_for(KEPT);
    rehearsal
}

/// Children of a process.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    // Behind the name, which may hold anything, come the state and the parent.
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(parent.to_string().as_str())
    };
    pids.filter(is_child).collect()
}

pub(crate) fn port_of(place: &Value) -> u16 {
    place["local_url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

/// What is left in the folder of the rehearsal.
fn left(desk: &Desk) -> Vec<String> {
    let entries = fs::read_dir(desk.path(".rehearsal")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn from_nothing_to_a_verified_endpoint_and_back() {
    let desk = folder();
    let first = desk.run("rehearse --fast --ready-within 60s").expect(0);
    for wanted in [
        "Plan for sre-agent-rehearsal",
        "10 to create",
        "ok        api.rehearsal.internal:",
        "ok        https://cognito-idp.us-east-1.amazonaws.com/us-east-1_",
        "rehearse --keep --port ",
        "curl --cacert .rehearsal/served/ca.pem",
    ] {
        assert!(first.stdout.contains(wanted), "{wanted}:\n{}", first.stdout);
    }
    let first = first.says(&[
        "deploying sre-agent-rehearsal",
        "ec2.instance: done",
        "practice account: deployed",
        "practice Cognito at 127.0.0.1:",
        "practice CA: certificate for api.rehearsal.internal and localhost",
        "the real proxy",
        "verified over TLS",
        "taken down",
        "sre-agent-deploy rehearse --cleanup",
    ]);
    assert!(!first.stderr.contains("warning[SRE-CONF"), "{}", first.stderr);
    for name in
        ["account.json", ".deployment_state", ".deployment_state.report.json", ".deployment_state.report.md"]
    {
        assert!(desk.path(".rehearsal").join(name).exists(), "{name}");
    }
    for name in ["token", "authorization", "privkey.pem"] {
        assert!(!desk.path(".rehearsal/served").join(name).exists(), "{name}");
    }
    // The report is of a verification that really asked, and everything that was asked was in order.
    let report = report(&desk);
    assert!(report["overall_status"].as_str().unwrap().starts_with("complete"), "{report:#}");
    let tests = report["connectivity_tests"].as_object().unwrap();
    assert!(tests.values().all(|passed| *passed == true), "{tests:#?}");
    for code in
        ["SRE-EP-002", "SRE-EP-009", "SRE-EP-010", "SRE-COG-008", "SRE-NET-006", "SRE-TLS-017", "SRE-BED-005"]
    {
        assert!(tests.keys().any(|name| name.starts_with(code)), "{code} is missing in {tests:#?}");
    }

    let again = desk.run("rehearse --fast --ready-within 60s").expect(0).says(&["nothing to do", "verified"]);
    assert!(again.stdout.contains("ok        api.rehearsal.internal:"), "{}", again.stdout);
    let changed = desk.run("rehearse --fast --ready-within 60s --set instance.type=m6i.2xlarge").expect(0);
    assert!(changed.stdout.contains("type: t3.xlarge -> m6i.2xlarge"), "{}", changed.stdout);
    desk.run("rehearse --fast --cleanup").expect(0);
    let expected = [
        ".deployment_state",
        ".deployment_state.report.html",
        ".deployment_state.report.json",
        ".deployment_state.report.md",
        "account.json",
        "account.json.lock",
    ];
    assert_eq!(left(&desk), expected);
    desk.run("rehearse --fast --cleanup").expect(0).says(&["nothing is left of sre-agent-rehearsal"]);
}

#[test]
fn kept_it_answers_to_what_it_prints_and_ends_on_a_signal() {
    let desk = folder();
    let rehearsal = kept(&desk, "");
    let place = running(&desk);
    let port = port_of(&place);
    let pids = children(rehearsal.id());
    assert_eq!(pids.len(), 1, "one child, the proxy");

    // Another run of `verify` finds it by itself, from any folder.
    let state_file = desk.path(".rehearsal/.deployment_state");
    let elsewhere = folder();
    let verified =
        elsewhere.run(&format!("verify --mode rehearsal --state-file {}", state_file.display())).expect(0);
    assert!(
        verified.stdout.contains(&format!("ok        api.rehearsal.internal:{port}")),
        "{}",
        verified.stdout
    );
    desk.run("check endpoint --mode rehearsal").expect(0);
    desk.run("check certs --mode rehearsal").expect(0);
    desk.run("check network --mode rehearsal").expect(0);

    // There is one at a time, and nothing is removed below it.
    desk.run("rehearse --fast").expect(10).says(&["SRE-RUN-011", &format!("https://localhost:{port}")]);
    desk.run("rehearse --fast --cleanup").expect(10).says(&["SRE-RUN-011"]);

    for name in ["token", "authorization", "privkey.pem", "proxy.yaml"] {
        let mode = fs::metadata(desk.path(".rehearsal/served").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    rehearsal.signal("TERM");
    let ended = rehearsal.end().expect(0).says(&["taken down"]);
    assert!(!lives(pids[0]));
    assert!(ended.stdout.contains("and goes on. In another terminal:"), "{}", ended.stdout);
    for name in ["token", "authorization", "privkey.pem"] {
        assert!(!desk.path(".rehearsal/served").join(name).exists(), "{name}");
    }

    // What does not run any more is not said to, and by itself it is nothing that was found in order.
    let alone = desk.run("check endpoint --mode rehearsal").expect(5);
    assert!(alone.stdout.contains("the rehearsal does not run now"), "{}", alone.stdout);
    assert!(alone.stdout.contains("sre-agent-deploy rehearse --keep"), "{}", alone.stdout);
    let after = desk.run("verify --mode rehearsal").expect(0);
    assert!(after.stdout.contains("skipped because the rehearsal does not run now"), "{}", after.stdout);
    let tests = report(&desk)["connectivity_tests"].as_object().unwrap().clone();
    assert!(
        tests.keys().all(|name| !name.starts_with("SRE-EP-") && !name.starts_with("SRE-COG-")),
        "{tests:#?}"
    );
}

/// The lines from the one that begins with `first` to the one that ends the example.
fn example(stdout: &str, first: &str, is_last: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in stdout.lines().skip_while(|line| !line.starts_with(first)) {
        lines.push(line);
        if is_last(line) {
            return lines.join("\n");
        }
    }
    panic!("no example that begins with {first:?} in:\n{stdout}")
}

/// Pastes into a shell that is somewhere else.
fn pasted(script: &str, path: &str) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir("/").env_clear().env("PATH", path);
    Ended::of(shell.output().unwrap()).expect(0)
}

#[test]
fn what_is_printed_can_be_pasted() {
    let desk = folder();
    let mut rehearsal = kept(&desk, "");
    // The examples are the last thing on stdout before it waits.
    let printed = rehearsal.read_stdout_until("END");
    let cd = example(&printed, "cd ", |_| true);
    let curl = example(&printed, "curl ", |line| !line.ends_with('\\'));
    let usual = "/usr/local/bin:/usr/bin:/bin";
    let answer = pasted(&format!("{cd}\n{curl}"), usual).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello", "{answer:#}");

    // The Python that has OpenAI's client.
    let python =
        test_support::python("openai", "import json, sys\nprint(json.dumps(sys.executable))", &[], &[]);
    let venv = PathBuf::from(python.as_str().unwrap());
    let script = example(&printed, "python3 ", |line| line == "END");
    let path = format!("{}:{usual}", venv.parent().unwrap().display());
    assert_eq!(pasted(&format!("{cd}\n{script}"), &path).stdout, "Hello\n");
    // No line of them is wider than a terminal; the folder is the test's.
    let wide: Vec<&str> = curl.lines().chain(script.lines()).filter(|line| line.len() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    rehearsal.signal("INT");
    rehearsal.end().expect(0);
}

#[test]
fn for_programs_it_is_one_document() {
    let desk = folder();
    let document = desk.run("rehearse --fast --ready-within 60s --format json").expect(0).json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["deployment"]["id"], "sre-agent-rehearsal");
    let rehearsal = &document["rehearsal"];
    assert_eq!(rehearsal["is_running"], false);
    assert!(
        rehearsal["url"].as_str().unwrap().starts_with("https://api.rehearsal.internal:"),
        "{rehearsal:#}"
    );
    let mut written = report(&desk);
    written["rehearsal"] = rehearsal.clone();
    assert_eq!(document, written, "it is the report that was written");
    let program = stand_in(&desk, "exit 1");
    let line = format!("rehearse --fast --format json --proxy-program {}", program.display());
    let failed = desk.run(&line).expect(1).json();
    assert_eq!(failed["error"]["code"], "SRE-RUN-013");
    assert_eq!(failed["next_command"], "sre-agent-deploy rehearse --resume");
}

#[test]
fn no_secret_is_where_others_can_read_it() {
    let desk = folder();
    let rehearsal = kept(&desk, " -v");
    let token = desk.read(".rehearsal/served/token");
    let account: Value = serde_json::from_str(&desk.read(".rehearsal/account.json")).unwrap();
    let pools = account["account"]["pools"].as_object().unwrap();
    let client =
        pools.values().next().unwrap()["clients"].as_object().unwrap().keys().next().unwrap().clone();
    let secret = format!("practice-secret-of-{client}");
    let signature = token.rsplit('.').next().unwrap();
    let key = desk.read(".rehearsal/served/privkey.pem");
    let key = key.lines().nth(1).unwrap().to_owned();
    let proxy = children(rehearsal.id())[0];
    let mut texts: Vec<(String, String)> = Vec::new();
    for pid in [rehearsal.id(), proxy] {
        for name in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap();
            texts.push((format!("{name} of {pid}"), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    for name in left(&desk).iter().filter(|name| *name != "served") {
        texts.push((name.clone(), desk.read(&format!(".rehearsal/{name}"))));
    }
    for name in ["proxy.yaml", "proxy.log", "fullchain.pem"] {
        texts.push((name.to_owned(), desk.read(&format!(".rehearsal/served/{name}"))));
    }
    rehearsal.signal("TERM");
    let ended = rehearsal.end().expect(0);
    texts.push(("stdout".to_owned(), ended.stdout));
    texts.push(("stderr".to_owned(), ended.stderr));
    assert!(signature.len() > 300 && texts.iter().any(|(_, text)| text.contains(&client)));
    for (name, text) in &texts {
        for (what, hidden) in
            [("client secret", secret.as_str()), ("token", signature), ("key", key.as_str())]
        {
            assert!(!text.contains(hidden), "the {what} is in {name}:\n{text}");
        }
    }
}

#[test]
fn any_configuration_can_be_rehearsed_elsewhere() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1");
    let ended = desk
        .run("rehearse --fast --config config.yaml --state-file there/state --ready-within 60s")
        .expect(0)
        .says(&["practice DNS: has the record that ACM waits for"]);
    assert!(ended.stdout.contains("arn:aws:acm:us-east-1:"), "{}", ended.stdout);
    assert!(ended.stdout.contains("ok        api.sre-cli.net:"), "{}", ended.stdout);
    assert!(desk.path("there/account.json").exists());
    desk.run("--resume --state-file there/state").expect(0);
    desk.run("rehearse --fast --cleanup --state-file there/state").expect(0);
    // The same through the mode, which only deploys.
    desk.run("deploy --config config.yaml --mode rehearsal --yes").expect(0);
    assert!(desk.path(".rehearsal/account.json").exists());
}
