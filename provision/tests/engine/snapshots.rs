//! What an operator reads before saying yes, and the policy that an auditor reads: as data, whole.

use cloud::practice::PracticeOptions;
use provision::policy;
use serde_json::Value;

use crate::support::{Bench, config, nothing_installed, usual};

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_first_deployment() {
    let bench = Bench::with(PracticeOptions::instant());
    let plan = bench.prepare(&usual()).await.unwrap().plan;
    insta::assert_json_snapshot!(without_digests(serde_json::to_value(plan).unwrap()));
}

/// What the schemas say is not the plan's business.
fn without_digests(value: Value) -> Value {
    let is_digest = |word: &str| word.len() >= 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
    match value {
        Value::String(text) => {
            let words: Vec<&str> =
                text.split(' ').map(|word| if is_digest(word) { "SHA256" } else { word }).collect();
            Value::String(words.join(" "))
        }
        Value::Array(items) => items.into_iter().map(without_digests).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, without_digests(member))).collect()
        }
        other => other,
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_change_shows_what_differs() {
    let bench = Bench::with(PracticeOptions::instant());
    bench.deploy(&nothing_installed()).await.unwrap();
    let changed = config(
        "tls: {domain: api.example.com, source: acme}\nhost: {install: none}\n\
         network: {https_cidrs: [10.0.0.0/8], ssh_cidrs: [192.0.2.0/24]}\n\
         instance: {type: m6i.2xlarge}\ncognito: {mfa: required}\n",
    );
    let plan = bench.prepare(&changed).await.unwrap().plan;
    let pending: Vec<_> = plan
        .pending()
        .map(|step| serde_json::json!({"step": step.id, "change": step.change, "why": step.why}))
        .collect();
    insta::assert_json_snapshot!(pending);
}

#[test]
fn the_policy_for_models_profiles_and_arns() {
    let mapped = config(
        "tls: {domain: api.example.com, source: acme}\nhost: {install: none}\n\
         proxy:\n  models:\n    plain: amazon.nova-pro-v1:0\n    american: us.amazon.nova-lite-v1:0\n    \
         global: global.amazon.nova-2-lite-v1:0\n    \
         profile: arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0\n    \
         application: arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6\n    \
         model: arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-micro-v1:0\n",
    );
    let document = policy::instance_policy(&mapped, &mapped.aws.region, &Bench::account(), None);
    insta::assert_json_snapshot!(document);
}

#[test]
fn the_policy_of_an_instance_that_installs_itself() {
    let config = usual();
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/1a2b3c4d";
    let document = policy::instance_policy(&config, &config.aws.region, &Bench::account(), Some(arn));
    let statements = document["Statement"].as_array().unwrap();
    let own: Vec<_> = statements
        .iter()
        .filter(|one| one["Sid"] != "SessionManagerChannels" && one["Sid"] != "InvokeMappedModels")
        .collect();
    insta::assert_json_snapshot!(own);
}

#[test]
fn the_policy_of_an_instance_that_answers_in_the_dns() {
    let config = config(
        "tls: {domain: api.corp.io, source: acme, acme: {challenge: dns-01}}\nhost: {install: user-data}\n",
    );
    let document = policy::instance_policy(&config, &config.aws.region, &Bench::account(), None);
    let statements = document["Statement"].as_array().unwrap();
    let own: Vec<_> = statements.iter().filter(|one| one.to_string().contains("route53")).collect();
    insta::assert_json_snapshot!(own);
}

#[test]
fn the_script_of_the_first_boot() {
    let config = usual();
    let account = Bench::account();
    let script = provision::user_data::script(&provision::user_data::FirstBoot {
        deployment: &config.deployment.id,
        region: &config.aws.region,
        account: &account,
        bucket: &provision::steps::names::bucket(&account, &config.aws.region, &config.deployment.id),
        digest: &"5a".repeat(32),
        parameter: &provision::steps::names::host_progress(&config.deployment.id),
        endpoints: None,
    });
    assert!(script.len() < 16_384, "EC2 takes 16 KiB, and this has {}", script.len());
    insta::assert_snapshot!(script);
}
