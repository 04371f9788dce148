//! `check account` on a practice account: in order after a deployment, and what is said once something is not.

use cloud::port::bedrock::ModelAvailability;
use cloud::port::path::{AclEntry, GroupRule, Peer, RouteTarget};
use cloud::practice::{Credentials, Practice, PracticeOptions, Seed};
use model::AccountId;
use serde_json::Value;

use crate::support::{CONFIG, Desk, Ended};

const CHECK: &str = "check account --config config.yaml --mode production --format json";

/// Changes the account as other people would.
fn seed<T>(desk: &Desk, change: impl FnOnce(&mut Seed<'_>) -> T) -> T {
    Practice::open(&desk.path("account.json"), PracticeOptions::instant()).unwrap().seed(change).unwrap()
}

/// Something of the account's file.
fn of_account(desk: &Desk, path: &str) -> Value {
    let account: Value = serde_json::from_str(&desk.read("account.json")).unwrap();
    account["account"].pointer(path).cloned().unwrap_or_else(|| panic!("{path} is not there"))
}

fn only_key(value: &Value) -> String {
    let things = value.as_object().unwrap();
    assert_eq!(things.len(), 1, "{things:?}");
    things.keys().next().unwrap().clone()
}

/// Every finding, as code, severity and message with its evidence.
fn findings(ended: &Ended) -> Vec<(String, String, String)> {
    let report = ended.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["findings"].as_array().unwrap())
        .map(|one| {
            let message =
                format!("{}: {} ({})", text(&one["subject"]), text(&one["message"]), text(&one["evidence"]));
            (text(&one["code"]), text(&one["severity"]), message)
        })
        .collect()
}

/// Demands a finding of this code and severity that says this.
#[track_caller]
fn says(ended: &Ended, code: &str, severity: &str, words: &str) {
    let all = findings(ended);
    let is_it = |one: &&(String, String, String)| one.0 == code && one.1 == severity && one.2.contains(words);
    assert!(all.iter().any(|one| is_it(&one)), "{code} {severity} {words:?} is not among {all:#?}");
}

#[test]
fn a_deployment_is_in_order_right_after_it_was_made() {
    let desk = Desk::new().deployed();
    let ended = desk.run(&format!("{CHECK} --converse")).expect(0);
    assert_eq!(ended.json()["overall"], "ok", "{:#?}", findings(&ended));
    let codes: std::collections::BTreeSet<String> = findings(&ended).into_iter().map(|one| one.0).collect();
    let expected = [
        "SRE-BED-001",
        "SRE-BED-002",
        "SRE-BED-003",
        "SRE-BED-004",
        "SRE-BED-005",
        "SRE-COG-001",
        "SRE-DRIFT-001",
        "SRE-DRIFT-002",
        "SRE-DRIFT-003",
        "SRE-NET-030",
        "SRE-NET-031",
        "SRE-NET-032",
        "SRE-NET-033",
        "SRE-NET-034",
        "SRE-NET-035",
        "SRE-PERM-001",
        "SRE-PERM-002",
        "SRE-PERM-003",
        "SRE-PERM-004",
        "SRE-PERM-010",
        "SRE-PERM-011",
        "SRE-PERM-012",
        "SRE-PERM-020",
    ];
    assert_eq!(codes.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    // Of a practice account there is no issuer to ask, which is said.
    says(&ended, "SRE-COG-001", "skipped", "skipped because a practice account has no issuer");
    desk.run(&format!("{CHECK} --ca-file nowhere.pem").replace(" --format json", ""))
        .expect(2)
        .says(&["SRE-CLI-003"]);
}

#[test]
fn a_rehearsal_is_checked_from_its_state_file_alone() {
    let desk = Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT");
    desk.run("rehearse --fast --ready-within 60s").expect(0);
    let line = "check account --state-file .rehearsal/.deployment_state --format json";
    let ended = desk.run(line).expect(0);
    assert_eq!(ended.json()["overall"], "ok", "{:#?}", findings(&ended));
}

#[test]
fn drift_names_the_step_and_the_field() {
    let desk = Desk::new().deployed();
    let role = only_key(&of_account(&desk, "/roles"));
    let before = desk.read("account.json");
    let group = only_key(&of_account(&desk, "/groups"));
    let again = |change: &dyn Fn(&mut Seed<'_>)| {
        desk.write("account.json", &before);
        seed(&desk, |account| change(account));
        desk.run(CHECK).expect(5)
    };

    let ended = again(&|account| assert!(account.delete_role(&role)));
    says(&ended, "SRE-DRIFT-001", "error", &format!("iam.role: IAM role: {role} of the state file is gone"));

    let inbound = "tcp 443 0.0.0.0/0".parse().unwrap();
    let ended = again(&|account| assert!(account.revoke_rule(&group, &inbound)));
    says(
        &ended,
        "SRE-DRIFT-001",
        "error",
        "ec2.security-group: Security group: `ingress` is not as it was approved",
    );
    says(&ended, "SRE-NET-030", "error", "port 443 is closed to");
    says(&ended, "SRE-NET-030", "error", &format!("no inbound rule of {group} allows it"));

    let ended = again(&|account| account.detach_profiles());
    says(
        &ended,
        "SRE-DRIFT-001",
        "error",
        "ec2.instance: EC2 instance: `instance_profile` is not as it was approved",
    );
}

/// Changes the file of the practice account as somebody else would change the account.
fn edit(desk: &Desk, change: impl Fn(&mut Value)) {
    let mut file: Value = serde_json::from_str(&desk.read("account.json")).unwrap();
    change(&mut file["account"]);
    desk.write("account.json", &file.to_string());
}

#[test]
fn what_does_not_run_is_not_in_order_however_it_was_made() {
    let desk = Desk::new().deployed();
    edit(&desk, |account| {
        for (_, instance) in account["instances"].as_object_mut().unwrap() {
            instance["state"] = "stopped".into();
        }
    });
    let ended = desk.run(CHECK).expect(5);
    says(&ended, "SRE-DRIFT-003", "error", "is stopped: nothing answers");
    desk.run(&CHECK.replace("check account", "verify")).expect(5);
    let report: serde_json::Value =
        serde_json::from_str(&desk.read(".deployment_state.report.json")).unwrap();
    let readiness = report["component_results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|component| component["component"] == "ec2.readiness")
        .unwrap();
    assert_eq!(readiness["success"], false, "{readiness:#}");
}

#[test]
fn a_role_without_policies_may_call_nothing() {
    let desk = Desk::new().deployed();
    edit(&desk, |account| {
        for (_, role) in account["roles"].as_object_mut().unwrap() {
            role["policies"] = serde_json::json!({});
        }
    });
    let ended = desk.run(CHECK).expect(5);
    assert!(findings(&ended).iter().any(|(code, severity, _)| code == "SRE-PERM-004" && severity == "error"));
}

#[test]
fn where_models_are_reached_through_profiles_the_role_may_call_them() {
    for (region, profile) in [("us-west-2", "us.amazon.nova-pro"), ("eu-central-1", "eu.amazon.nova-pro")] {
        let desk = Desk::new();
        desk.write("config.yaml", &CONFIG.replace("us-east-1", region));
        let desk = desk.deployed();
        let account = desk.read("account.json");
        assert!(account.contains(&format!(":inference-profile/{profile}")), "{account}");
        let ended = desk.run(CHECK).expect(0);
        says(&ended, "SRE-PERM-004", "ok", "may call the models");
    }
}

#[test]
fn what_is_on_the_way_is_named() {
    let desk = Desk::new().deployed();
    let before = desk.read("account.json");
    let group = only_key(&of_account(&desk, "/groups"));
    let checked = |exit: i32, change: &dyn Fn(&mut Seed<'_>)| {
        desk.write("account.json", &before);
        seed(&desk, |account| change(account));
        desk.run(CHECK).expect(exit)
    };
    let everybody = "0.0.0.0/0".parse().unwrap();
    let entry = |number, egress, allow, ports| AclEntry {
        number,
        egress,
        allow,
        protocol: Some(6),
        ports,
        cidr: everybody,
    };

    let ended = checked(5, &|account| account.default_route("nat-0123456789abcdef0", RouteTarget::Nat, true));
    says(&ended, "SRE-NET-030", "error", "nat-0123456789abcdef0, which lets nobody in");
    says(&ended, "SRE-NET-034", "ok", "through nat-0123456789abcdef0");

    let ended = checked(5, &|account| account.default_route("igw-gone", RouteTarget::InternetGateway, false));
    says(&ended, "SRE-NET-030", "error", "is a black hole: igw-gone is gone");

    let ended = checked(5, &|account| {
        account.network_acl(&[entry(100, false, true, None), entry(100, true, true, Some((443, 443)))]);
    });
    says(&ended, "SRE-NET-030", "error", "outbound entry * (the last) of acl-");

    let ended = checked(5, &|account| {
        account.group_rule(GroupRule {
            id: "sgr-everybody".to_owned(),
            group_id: group.clone(),
            egress: false,
            protocol: None,
            ports: None,
            peer: Peer::Cidr(everybody),
        });
    });
    says(&ended, "SRE-NET-031", "error", "rule sgr-everybody");
    says(&ended, "SRE-NET-032", "error", "port 8011 is open to");
}

#[test]
fn what_bedrock_says_of_a_model_is_said() {
    let desk = Desk::new().deployed();
    let before = desk.read("account.json");
    seed(&desk, |account| account.legacy_model("amazon.nova-pro-v1:0", None));
    let ended = desk.run(CHECK).expect(0);
    assert_eq!(ended.json()["overall"], "warning");
    says(&ended, "SRE-BED-003", "warning", "amazon.nova-pro-v1:0 is deprecated");

    desk.write("account.json", &before);
    let closed = ModelAvailability {
        authorized: true,
        entitled: false,
        in_region: true,
        agreement: None,
        agreement_message: None,
    };
    seed(&desk, |account| account.model_availability("amazon.nova-pro-v1:0", closed));
    let ended = desk.run(&format!("{CHECK} --converse")).expect(5);
    says(&ended, "SRE-BED-002", "error", "the account is not entitled to it");
    says(&ended, "SRE-BED-005", "error", "You don't have access to the model");
    let ended = desk.run(CHECK).expect(5);
    says(&ended, "SRE-BED-005", "skipped", "--converse");
}

#[test]
fn permissions_are_simulated_or_tried_or_said_to_be_unknown() {
    let desk = Desk::new().deployed();
    seed(&desk, |account| account.deny("iam:CreateRole"));
    let ended = desk.run(CHECK).expect(5);
    says(
        &ended,
        "SRE-PERM-002",
        "error",
        "the identity may not do iam:CreateRole, which is needed for: IAM role",
    );
    says(&ended, "SRE-PERM-003", "skipped", "the policy simulator answered");

    seed(&desk, |account| {
        account.allow("iam:CreateRole");
        account.deny("iam:SimulatePrincipalPolicy");
    });
    let ended = desk.run(CHECK).expect(0);
    assert_eq!(ended.json()["overall"], "warning");
    says(&ended, "SRE-PERM-002", "warning", "could not check what the identity may do");
    says(&ended, "SRE-PERM-003", "ok", "EC2 would likely accept");
    says(&ended, "SRE-PERM-004", "warning", "could not check");

    seed(&desk, |account| account.deny("ec2:RunInstances"));
    let ended = desk.run(CHECK).expect(5);
    says(&ended, "SRE-PERM-003", "error", "EC2 would refuse ec2:RunInstances");
}

#[test]
fn quotas_are_compared_with_what_is_needed() {
    let desk = Desk::new().deployed();
    seed(&desk, |account| account.quota("ec2", "L-1216C47A", 2.0));
    says(&desk.run(CHECK).expect(5), "SRE-PERM-010", "error", "the account may have 2 vCPUs");
    seed(&desk, |account| account.no_quota("ec2", "L-1216C47A"));
    says(&desk.run(CHECK).expect(5), "SRE-PERM-010", "unknown", "AWS names no value");
}

#[test]
fn credentials_that_do_not_work_end_the_command_and_those_of_others_end_the_checks() {
    let desk = Desk::new().deployed();
    seed(&desk, |account| account.caller_account(AccountId::parse("210987654321").unwrap()));
    let ended = desk.run(CHECK).expect(5);
    says(&ended, "SRE-PERM-001", "error", "the credentials belong to account 210987654321");
    let others =
        findings(&ended).into_iter().filter(|one| one.0 != "SRE-PERM-001" && one.0 != "SRE-DRIFT-002");
    for (code, severity, message) in others {
        assert!(
            severity == "skipped" && message.contains("because SRE-PERM-001 failed"),
            "{code} {severity} {message}"
        );
    }
    for (credentials, code) in [(Credentials::Expired, "SRE-AWS-003"), (Credentials::Invalid, "SRE-AWS-004")]
    {
        seed(&desk, |account| account.credentials(credentials));
        desk.run("check account --config config.yaml --mode production").expect(3).says(&[code]);
    }
}

#[test]
fn without_a_deployment_there_is_nothing_to_check_and_with_a_configuration_there_is_some() {
    let desk = Desk::new();
    desk.run("check account").expect(2).says(&["SRE-STATE-005", "--config FILE"]);
    let ended = desk.run(CHECK).expect(5);
    says(&ended, "SRE-DRIFT-002", "info", "there is no deployment");
    says(&ended, "SRE-NET-035", "unknown", "no instance");
    says(&ended, "SRE-PERM-002", "ok", "the policies allow");
}
