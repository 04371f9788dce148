//! `check certs` as an operator, a pipeline and a monitor see it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::certificates::{Authority, NOW, desk};
use crate::support::{Desk, Ended};

/// Checks these files as of the moment of the desk.
fn check(desk: &Desk, files: &str, flags: &str) -> Ended {
    let files: Vec<String> = files.split(' ').map(|file| format!("--file {file}.pem")).collect();
    desk.run(&format!("check certs {} {NOW} {flags}", files.join(" ")))
}

#[test]
fn each_status_has_its_exit() {
    let desk = desk();
    for (files, flags, code) in [
        ("fine", "", 0),
        ("soon", "", 0),
        ("soon", "--fail-on warn", 6),
        ("gone", "", 5),
        ("junk", "", 5),
        ("nowhere", "", 5),
        ("fine gone", "", 5),
        ("gone", "--ignore SRE-TLS-001,SRE-TLS-002 --fail-on warn", 0),
        ("fine", "--format nagios", 0),
        ("soon", "--format nagios", 1),
        ("soon", "--format nagios --fail-on warn", 1),
        ("gone", "--format nagios", 2),
        ("junk", "--format nagios", 3),
        ("fine junk", "--format nagios", 3),
        ("gone junk", "--format nagios", 2),
    ] {
        check(&desk, files, flags).expect(code);
    }
}

#[test]
fn people_see_what_there_is_and_what_to_do() {
    let ended = check(&desk(), "fine soon gone junk", "").expect(5);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "ok        fine.pem  api.example.com  ends in 48 days (2030-08-01)");
    for wanted in [
        "warning   soon.pem  soon.example.com  ends in 17 days (2030-07-01)",
        "critical  gone.pem  gone.example.com  expired 13 days ago (2030-06-01)",
        "unknown   junk.pem",
        "  critical[SRE-TLS-001]:",
        "    docs: sre-agent-deploy explain SRE-TLS-001",
        "critical: 1 critical, 1 unknown, 1 warning, 1 ok; ",
        "; judged as of 2030-06-14T00:00:00Z",
    ] {
        assert!(ended.stdout.contains(wanted), "{wanted:?} is missing:\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\x1b'));
}

#[test]
fn a_quiet_run_says_nothing_or_one_line() {
    let desk = desk();
    let silent = check(&desk, "fine", "--quiet").expect(0);
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
    let said = check(&desk, "fine gone", "--quiet").expect(5);
    assert_eq!((said.stdout.lines().count(), said.stderr.as_str()), (1, ""));
    assert!(
        said.stdout.starts_with("sre-agent-deploy critical: 1 critical, 1 ok: gone.pem: "),
        "{}",
        said.stdout
    );
    // So does one that cannot begin.
    let refused = desk.run("check certs --quiet --file fine.pem --warn much").expect(2);
    assert_eq!((refused.stdout.as_str(), refused.stderr.lines().count()), ("", 1));
}

#[test]
fn a_plugin_says_one_line_whatever_happens() {
    let desk = desk();
    let said = check(&desk, "fine soon", "--format nagios").expect(1);
    assert_eq!(said.stdout.lines().count(), 1);
    assert!(said.stdout.starts_with("SRE WARNING - 1 warning, 1 ok: soon.pem: "), "{}", said.stdout);
    assert!(said.stdout.contains(" | 'soon.pem'=1468800s;"), "{}", said.stdout);
    desk.write("config.yaml", "version: 1\nwhat: is this\n");
    for line in [
        "check certs --format nagios --bogus",
        "check certs --format=nagios --file fine.pem --warn 7",
        "check certs --format nagios",
        "check certs --format nagios --config config.yaml",
        "check certs --format nagios --config nowhere.yaml",
        "check certs --format nagios --file fine.pem --only SRE-NO-001",
        "check certs --format nagios --file fine.pem --at tomorrow",
        "check certs --format nagios --file fine.pem --output no/such/folder",
        "check --format nagios",
        "verify --format nagios --bogus",
    ] {
        let said = desk.run(line).expect(3);
        assert!(said.stdout.starts_with("SRE UNKNOWN - "), "{line}: {}", said.stdout);
        assert_eq!(said.stdout.lines().count(), 1, "{line}: {}", said.stdout);
    }
}

/// Validates documents against the schema of the repository.
const VALIDATE: &str = "\
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
print(json.dumps([error.message for name in sys.argv[2:] for error in validator.iter_errors(json.load(open(name)))]))
";

#[test]
fn programs_read_what_the_schema_says() {
    let desk = desk();
    check(&desk, "fine soon gone junk nowhere ca", "--format json --output all.json --ignore SRE-TLS-001")
        .expect(5);
    check(&desk, "fine", "--format json --output one.json").expect(0);
    desk.run("check host --format json --output host.json");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check-report.schema.json").to_owned();
    let documents = ["all.json", "one.json", "host.json"].map(|name| desk.path(name).display().to_string());
    let args: Vec<&str> = std::iter::once(&schema).chain(&documents).map(String::as_str).collect();
    assert_eq!(test_support::python("jsonschema", VALIDATE, &args, &[]), serde_json::json!([]));
    let all: Value = serde_json::from_str(&desk.read("all.json")).unwrap();
    assert_eq!(all["judged_as_of"], "2030-06-14T00:00:00Z");
    // Also of what is in no order at all, dates and names are told.
    assert_eq!(all["results"][2]["certificates"][0]["names"], serde_json::json!(["gone.example.com"]));
    assert_eq!(all["results"][2]["certificates"][0]["remaining_seconds"], -13 * 86_400);
    // The schema is strict: what it does not know is noticed.
    let strange = desk.read("one.json").replace("\"overall\"", "\"over_all\"");
    desk.write("one.json", &strange);
    let faults = test_support::python("jsonschema", VALIDATE, &args, &[]);
    assert!(!faults.as_array().unwrap().is_empty());
}

#[test]
fn metrics_are_taken_by_promtool_and_stay_when_a_certificate_goes() {
    let desk = desk();
    let families = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect()
    };
    check(&desk, "fine soon", "--format prometheus --output certs.prom").expect(0);
    let before = desk.read("certs.prom");
    assert!(before.contains("sre_check_status{kind=\"file\",subject=\"fine.pem\"} 0\n"), "{before}");
    desk.write("fine.pem", "no longer a certificate");
    std::fs::remove_file(desk.path("soon.pem")).unwrap();
    check(&desk, "fine soon gone", "--format prometheus --output certs.prom").expect(5);
    let after = desk.read("certs.prom");
    assert_eq!(families(&before), families(&after));
    for wanted in [
        "sre_check_status{kind=\"file\",subject=\"fine.pem\"} 3\n",
        "sre_check_certificates{kind=\"file\",subject=\"soon.pem\"} 0\n",
        "sre_certificate_not_after_timestamp_seconds{kind=\"file\",subject=\"gone.pem\",position=\"0\"} 1906502400\n",
    ] {
        assert!(after.contains(wanted), "{wanted} is missing:\n{after}");
    }
    for text in [before, after] {
        desk.write("metrics", &text);
        let metrics = std::fs::File::open(desk.path("metrics")).unwrap();
        let judged = Command::new("promtool").args(["check", "metrics"]).stdin(metrics).output();
        let judged = judged.expect("`promtool` judges metrics (Debian: apt-get install prometheus)");
        assert!(judged.status.success() && judged.stderr.is_empty(), "{judged:?}");
    }
    // The collector runs as another user.
    let mode = |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("certs.prom"), 0o644);
    check(&desk, "gone", "--format markdown --output certs.md").expect(5);
    assert_eq!(mode("certs.md"), 0o600);
    let left: Vec<String> = std::fs::read_dir(desk.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_result_replaces_what_a_link_points_at() {
    let desk = desk();
    desk.write("target", "old");
    std::os::unix::fs::symlink("target", desk.path("link")).unwrap();
    check(&desk, "fine", "--format html --output link").expect(0);
    assert!(desk.path("link").is_symlink());
    assert!(desk.read("target").starts_with("<!DOCTYPE html>"));
    // A device is written to, and not replaced.
    let shown = check(&desk, "fine", "--format json --output /dev/stdout").expect(0);
    assert_eq!(shown.json()["overall"], "ok");
}

/// Reads XML and HTML, and shows what they hold.
const PARSE: &str = "\
import json, sys, xml.etree.ElementTree as tree
from html.parser import HTMLParser
root = tree.parse(sys.argv[1]).getroot()
suites = [[suite.get('name'), suite.find('properties/property').get('value'), suite.get('tests'), len(suite.findall('testcase')),
           suite.get('failures'), len(suite.findall('testcase/failure')), suite.get('errors'), len(suite.findall('testcase/error'))]
          for suite in root]
void = {'meta', 'line', 'polygon'}
class Page(HTMLParser):
    open, wrong = [], []
    def handle_starttag(self, tag, attributes):
        if tag not in void: self.open.append(tag)
    def handle_endtag(self, tag):
        if tag not in void and (not self.open or self.open.pop() != tag): self.wrong.append(tag)
page = Page()
page.feed(open(sys.argv[2]).read())
print(json.dumps([suites, page.open + page.wrong]))
";

#[test]
fn pipelines_and_browsers_read_their_forms() {
    let desk = desk();
    desk.write("<b>&\"x\".pem", &desk.read("soon.pem"));
    check(&desk, "fine soon gone junk <b>&\"x\"", "--format junit --output junit.xml").expect(5);
    check(&desk, "fine soon gone junk <b>&\"x\"", "--format html --output page.html").expect(5);
    let files = ["junit.xml", "page.html"].map(|name| desk.path(name).display().to_string());
    let read = test_support::python("jsonschema", PARSE, &[&files[0], &files[1]], &[]);
    let suites = read[0].as_array().unwrap();
    let status: Vec<(&str, &str)> =
        suites.iter().map(|suite| (suite[0].as_str().unwrap(), suite[1].as_str().unwrap())).collect();
    assert_eq!(
        status,
        [
            ("file fine.pem", "ok"),
            ("file soon.pem", "warning"),
            ("file gone.pem", "critical"),
            ("file junk.pem", "unknown"),
            ("file <b>&\"x\".pem", "warning"),
        ]
    );
    for suite in suites {
        for (said, counted) in [(2, 3), (4, 5), (6, 7)] {
            assert_eq!(suite[said].as_str().unwrap(), suite[counted].to_string(), "{suite}");
        }
    }
    assert_eq!(read[1], serde_json::json!([]), "elements of the page that are not closed, or not opened");
}

#[test]
fn nothing_to_check_is_said_with_what_to_give() {
    let desk = Desk::new();
    desk.run("check certs").expect(2).says(&[
        "SRE-CLI-008",
        "--file PATH",
        "--endpoint HOST:PORT",
        "--acm all",
    ]);
    desk.run("check certs --file x.pem --at 2026-12-24")
        .expect(2)
        .says(&["SRE-CLI-009", "2026-12-24T00:00:00Z"]);
    desk.run("check certs --file x.pem --warn 10% --critical 20%")
        .expect(2)
        .says(&["SRE-CLI-009", "--critical"]);
    desk.run("check certs --endpoint http://x").expect(2).says(&["SRE-CLI-009", "--endpoint"]);
    desk.run("check certs --file x.pem --ca-file nowhere.pem").expect(2).says(&["SRE-CLI-003"]);
    desk.run("check certs --file x.pem --only SRE-NO-001").expect(2).says(&["SRE-CLI-007"]);
}

#[test]
fn what_is_named_in_full_is_checked_whatever_deployment_is_around() {
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/none";
    let desk = desk();
    let desk = desk.with("SRE_AGENT_DEPLOY_CONFIG", "broken.yaml");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    desk.write("broken.yaml", "version: 1\nwhat: is this\n");
    for state in ["this is no state file\n", "{\"schema_version\":99}\n"] {
        desk.write(".deployment_state", state);
        check(&desk, "fine", "").expect(0);
        desk.run(&format!("check certs --endpoint {closed} {NOW} --format nagios")).expect(2);
        let unknown = desk.run(&format!("check certs --acm {arn} --format nagios")).expect(3);
        assert!(unknown.stdout.contains("no such certificate"), "{}", unknown.stdout);
        // What a line of cron is to check is the same.
        let line = desk.run("check certs --file fine.pem --print-cron").expect(0).stdout;
        assert!(!line.contains("--config") && !line.contains("--state-file"), "{line}");
        // Where the deployment is meant, it has to be right.
        for line in
            ["", "--file fine.pem --config broken.yaml", "--file fine.pem --state-file .deployment_state"]
        {
            let refused = desk.run(&format!("check certs {line} --format nagios")).expect(3);
            assert!(refused.stdout.starts_with("SRE UNKNOWN - "), "{}", refused.stdout);
        }
    }
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    std::fs::create_dir(desk.path(".deployment_state")).unwrap();
    check(&desk, "fine", "").expect(0);
}

#[test]
fn without_a_word_the_files_of_the_deployment_are_checked() {
    let authority = Authority::new();
    let desk = authority.desk();
    authority.leaf(&desk, "fullchain", "other.example.com", (2030, 6), (2030, 8));
    let path = desk.path("fullchain.pem");
    let config = format!(
        "version: 1\ndeployment: {{id: sre-cli, environment: dev}}\naws: {{region: us-east-1}}\n\
         tls: {{domain: api.sre-cli.invalid, source: files, cert_path: {0}, key_path: {1}}}\nhost: {{install: here}}\n",
        path.display(),
        desk.path("fullchain.key").display()
    );
    desk.write("config.yaml", &config);
    let ended = desk.run(&format!("check certs --config config.yaml {NOW} --format json")).expect(5);
    let json = ended.json();
    let subjects: Vec<&str> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["subject"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, [path.to_str().unwrap(), "api.sre-cli.invalid:443"]);
    // The deployment's name is not among those of its certificate.
    let codes: Vec<&str> = json["results"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes.len(), 1, "{json:#}");
    // The key that is configured is looked at, and not one that happens to lie beside.
    desk.write("config.yaml", &config.replace("fullchain.key", "elsewhere.key"));
    let ended = desk.run(&format!("check certs --config config.yaml {NOW} --format json")).expect(5);
    assert!(ended.stdout.contains("SRE-TLS-026"), "{}", ended.stdout);
}

/// A TLS server that is somebody else's, on a free port of loopback.
struct Server {
    child: std::process::Child,
    port: String,
}

impl Server {
    fn start(desk: &Desk, name: &str) -> Self {
        let mut child = Command::new("openssl")
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-cert",
                &format!("{name}.pem"),
                "-key",
                &format!("{name}.key"),
            ])
            .current_dir(desk.path("."))
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("`openssl` serves (Debian: apt-get install openssl)");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            line.unwrap()
                .strip_prefix("ACCEPT ")
                .map(|address| address.rsplit(':').next().unwrap().to_owned())
        });
        // What it says later is not read; it says little.
        let port = port.expect("it says where it listens");
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_that_forgot_to_reload_is_told_apart_from_a_renewal_that_failed() {
    let authority = Authority::new();
    let desk = authority.desk();
    let renewed = |from, to| authority.leaf(&desk, "fullchain", "api.example.com", from, to);
    renewed((2030, 3), (2030, 7));
    let server = Server::start(&desk, "fullchain");
    let check = |flags: &str| {
        let line = format!(
            "check certs --endpoint api.example.com:{},address=127.0.0.1 {NOW} --format json {flags}",
            server.port
        );
        let json = desk.run(&line).json();
        let results = json["results"].as_array().unwrap().clone();
        let found = |wanted: &str| {
            results
                .iter()
                .flat_map(|result| result["findings"].as_array().unwrap().clone())
                .any(|finding| finding["code"] == wanted && finding["severity"] == "warning")
        };
        // Late, and not reloaded.
        (found("SRE-TLS-002"), found("SRE-TLS-037"), results)
    };
    let (late, forgotten, results) = check("");
    assert!(late && !forgotten, "{results:#?}");
    assert_eq!(results[0]["certificates"][0]["names"][0], "api.example.com");
    // The same on disk as served: the renewal failed.
    let (late, forgotten, results) = check("--file fullchain.pem");
    assert!(late && !forgotten, "{results:#?}");
    // A newer one on disk: the service forgot to load it.
    renewed((2030, 6), (2030, 10));
    let (late, forgotten, results) = check("--file fullchain.pem");
    assert!(late && forgotten, "{results:#?}");
    // A file of another name says nothing about this server.
    authority.leaf(&desk, "other", "other.example.com", (2030, 6), (2030, 10));
    let (_, forgotten, results) = check("--file other.pem");
    assert!(!forgotten, "{results:#?}");
    drop(server);
}

#[test]
fn a_server_that_is_not_there_is_no_certificate_in_order() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let desk = desk();
    let said = desk.run(&format!("check certs --endpoint {address} {NOW} --format nagios"));
    assert!(matches!(said.code, Some(2 | 3)) && said.stdout.contains("refused"), "{said:?}");
    let both = desk.run(&format!("check certs --endpoint {address} --file fine.pem {NOW}")).expect(5);
    assert!(both.stdout.starts_with("ok        fine.pem"), "{}", both.stdout);
    // Nobody takes silence for "not expired".
    let wanted =
        "skipped[SRE-TLS-002]: no certificate on the way is about to expire: skipped because SRE-NET-003";
    assert!(both.stdout.contains(wanted), "{}", both.stdout);
}

#[test]
fn the_certificate_of_a_deployment_is_looked_up_in_acm() {
    let desk = Desk::new();
    desk.edit("config.yaml", "domain: api.sre-cli.net", "domain: api.sre-cli.invalid");
    desk.edit("config.yaml", "environment: prod", "environment: dev");
    desk.run("--config config.yaml --yes").expect(0);
    let json = desk.run("check certs --format json").expect(5).json();
    let results = json["results"].as_array().unwrap();
    let kinds: Vec<&str> = results.iter().map(|result| result["subject"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["endpoint", "acm"]);
    // It waits for its DNS record, which is no certificate in order.
    assert_ne!(results[1]["status"], "ok", "{json:#}");
    let arn = results[1]["subject"]["name"].as_str().unwrap();
    let all = desk.run("check certs --acm all --region us-east-1 --format json").json();
    assert_eq!(all["results"].as_array().unwrap().len(), 1, "{all:#}");
    assert_eq!(all["results"][0]["subject"]["name"], arn);
    let gone = desk.run(&format!("check certs --acm {arn}x --format nagios")).expect(3);
    assert!(gone.stdout.starts_with("SRE UNKNOWN - 1 unknown: "), "{}", gone.stdout);
}

#[test]
fn roots_are_a_regular_file_of_a_size_that_roots_have() {
    let desk = desk();
    let made = Command::new("mkfifo").arg(desk.path("roots.pipe")).status().unwrap();
    assert!(made.success());
    std::fs::File::create(desk.path("roots.big")).unwrap().set_len(10 * 1024 * 1024 + 1).unwrap();
    for (roots, said) in [
        ("roots.pipe", "no regular file"),
        (".", "no regular file"),
        ("roots.big", "more than 10485760 bytes"),
    ] {
        let ended = desk.run(&format!("check certs --file fine.pem --ca-file {roots}")).expect(2);
        assert!(ended.stderr.contains(said), "{roots}: {}", ended.stderr);
    }
}

#[test]
fn a_moment_that_is_none_is_told_what_is_wrong_with_it() {
    let desk = desk();
    for (moment, said) in [
        ("9999-12-31T23:59:59Z", "is out of range"),
        ("2026-02-30T00:00:00Z", "is no date and time"),
        ("2026-02-20T00:00:00", "has no time zone"),
        ("2026-02-20", "has no time of day"),
        ("tomorrow", "is no date and time"),
    ] {
        let ended = desk.run(&format!("check certs --file fine.pem --at {moment}")).expect(2);
        assert!(ended.stderr.contains(said), "{moment}: {}", ended.stderr);
    }
}

#[test]
fn the_performance_data_is_of_the_certificate_that_was_judged() {
    let desk = desk();
    let two = ["fine.pem", "gone.pem"].map(|name| std::fs::read_to_string(desk.path(name)).unwrap());
    std::fs::write(desk.path("two.pem"), two.concat()).unwrap();
    let one = check(&desk, "fine", "--format nagios").expect(0).stdout;
    let both = check(&desk, "two", "--format nagios").expect(1).stdout;
    let data = |line: &str| line.split_once("'=").unwrap().1.to_owned();
    assert_eq!(data(&one), data(&both), "{both}");
}
