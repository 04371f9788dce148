//! Security events in a real journal: the program as a service of a booted machine, read by `journalctl` and fail2ban.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use test_support::Booted;

const SOON: Duration = Duration::from_mins(1);
const UNIT: &str = "[Unit]\nDescription=Proxy\n[Service]\nType=notify\nDynamicUser=yes\nStateDirectory=proxy\n\
    ExecStart=/opt/bedrock-nova-proxy serve --config /opt/proxy.yaml\n[Install]\nWantedBy=multi-user.target\n";
const CONFIG: &str = "version: 1\nlisten: {address: 127.0.0.1:8080}\n\
    auth: {api_keys: [{name: ci, sha256: ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb}]}\n\
    upstreams: {practice: {kind: practice}}\nmodels: {gpt-4o: amazon.nova-pro-v1:0}\n";
const FILTER: &str = include_str!("../../../docs/fail2ban/filter.d/bedrock-nova-proxy.conf");

#[test]
fn events_are_records_of_the_journal_and_fail2ban_finds_them_there() {
    let machine = Booted::prepare()
        .copy(Path::new(env!("CARGO_BIN_EXE_bedrock-nova-proxy")), "/opt/bedrock-nova-proxy", 0o755)
        .write("/opt/proxy.yaml", CONFIG.as_bytes(), 0o644)
        .write("/opt/filter.conf", FILTER.as_bytes(), 0o644)
        .write("/etc/systemd/system/bedrock-nova-proxy.service", UNIT.as_bytes(), 0o644)
        .enable(&["bedrock-nova-proxy.service"])
        .boot();
    let events = |event: &str| -> Vec<Value> {
        machine.run(&["journalctl", "--sync"]);
        let matched = format!("EVENT={event}");
        let text = machine.run(&["journalctl", "--no-pager", "-o", "json", &matched]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    machine.wait_until("the service has told that it serves", SOON, |_| events("sys_startup").len() == 1);
    let answer = |key: &str| {
        let header = format!("Authorization: Bearer {key}");
        machine.run(&[
            "curl",
            "-sS",
            "-m",
            "30",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            &header,
            "http://127.0.0.1:8080/v1/models",
        ])
    };
    assert_eq!(answer("practice"), "200");
    assert_eq!(answer("bnp_guess"), "401");
    machine.wait_until("the refusal is in the journal", SOON, |_| events("authn_login_fail").len() == 1);
    let refused = events("authn_login_fail").remove(0);
    for (field, wanted) in [
        ("_SYSTEMD_UNIT", "bedrock-nova-proxy.service"),
        ("_TRANSPORT", "journal"),
        ("SYSLOG_IDENTIFIER", "bedrock-nova-proxy"),
        ("SYSLOG_FACILITY", "10"),
        ("PRIORITY", "4"),
        ("MESSAGE_ID", "176a96c520944a15b7fa10e06ef2b55f"),
        ("REASON", "unknown_key"),
        ("SRC_IP", "127.0.0.1"),
    ] {
        assert_eq!(refused[field], wanted, "{refused:#}");
    }
    // Once, and not again as a line of the log.
    let all = machine.journal("bedrock-nova-proxy.service");
    assert_eq!(all.matches("security event=authn_login_fail").count(), 1, "{all}");
    // The form in which fail2ban's own reader of the journal hands on a record.
    let banned = machine.shell(
        "journalctl --no-pager -o short-iso-precise -u bedrock-nova-proxy.service >/run/records
         fail2ban-regex -o ip /run/records /opt/filter.conf",
    );
    assert_eq!(banned.trim(), "127.0.0.1");
    machine.systemctl(&["stop", "bedrock-nova-proxy.service"]);
    assert_eq!(events("sys_shutdown").len(), 1);
}
