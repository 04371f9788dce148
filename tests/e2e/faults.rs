//! Wrong accounts, missing and expired credentials, refusals and throttling, as they arrive on the wire.

use test_support::{Fault, ProxyPlan};

use crate::workbench::Workbench;

#[test]
fn another_account_than_the_configuration_says_is_refused_before_anything_is_written() {
    let bench = Workbench::new();
    let empty = bench.inventory();
    let text = std::fs::read_to_string(bench.path("config.yaml")).unwrap();
    bench.configure(&text.replace("123456789012", "999999999999"));
    let ended = bench.deploy().expect(11);
    assert!(ended.stderr.contains("SRE-ACC-001"), "{}", ended.stderr);
    assert!(
        !bench.path(".deployment_state").exists()
            || std::fs::read(bench.path(".deployment_state")).unwrap().is_empty()
    );
    assert_eq!(bench.changes(), Vec::<String>::new());
    assert_eq!(bench.inventory(), empty);
}

#[test]
fn missing_credentials_are_told_with_the_command_to_log_in() {
    let bench = Workbench::new();
    let mut command = bench.command(&["--config", "config.yaml", "--yes"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("SRE-AWS-002") && stderr.contains("aws sso login"), "{stderr}");
}

#[test]
fn credentials_that_expire_in_mid_run_stop_it_and_it_goes_on_with_fresh_ones() {
    let bench = Workbench::new();
    bench.deploy().expect(0);
    let whole = bench.inventory();
    bench.cleanup().expect(0);
    bench.proxy.plan(ProxyPlan::fault(5, Fault::Expired));
    let ended = bench.deploy().expect(3);
    assert!(ended.stderr.contains("SRE-AWS-003") && ended.stderr.contains("--resume"), "{}", ended.stderr);
    bench.proxy.plan(ProxyPlan::forward());
    bench.resume().expect(0);
    assert_eq!(bench.inventory(), whole);
}

#[test]
fn a_refusal_names_the_statement_to_add_and_the_run_goes_on_once_it_is_there() {
    let bench = Workbench::new();
    bench.proxy.plan(ProxyPlan::fault_on("PutRolePolicy", 1, Fault::Denied));
    let ended = bench.deploy().expect(4);
    for wanted in
        ["SRE-AWS-001", "iam:PutRolePolicy", "\"Effect\":\"Allow\"", "sre-agent-deploy --resume --state-file"]
    {
        assert!(ended.stderr.contains(wanted), "{wanted} is missing:\n{}", ended.stderr);
    }
    bench.proxy.plan(ProxyPlan::forward());
    bench.resume().expect(0);
}

#[test]
fn throttling_is_ridden_out_visibly() {
    let bench = Workbench::new();
    bench.proxy.plan(ProxyPlan::fault_on("CreateSecurityGroup", 2, Fault::Throttled));
    let ended = bench.deploy().expect(0);
    assert!(ended.stderr.contains("AWS is throttling"), "{}", ended.stderr);
}
